//! T12 for the daemon: after `lock` nothing of values and keys is left in its memory.

use super::canary::Canary;
use super::dump::{dump, status};
use super::needles::Needles;
use super::served::Served;

#[test]
fn after_lock_no_value_and_no_key_is_left() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIP: memory is read as root");
        return;
    }
    let mut served = Served::vault();
    let seed = super::canary::seeds().next().unwrap();
    println!("CLAWVAULT_TEST_SEED={seed}");
    let values: Vec<Canary> = (0..20).map(|n| Canary::new(seed.wrapping_add(n * 0x1000))).collect();
    let mut needles = Needles::new();
    for (n, value) in values.iter().enumerate() {
        needles.add_value(&format!("value {n}"), value);
    }
    needles.add_keys(&served.path("home"), None);
    served.serve(&[]);
    served.call("unlock").ok();
    let pid = served.pid();
    let open = needles.find(&dump(pid));
    assert!(open.contains_key("record key"), "the search is blind: {open:?}");
    assert!(status(pid, "VmLck") > 0);
    let document: String =
        values.iter().enumerate().map(|(n, value)| format!("KEY_{n}={}\n", value.text())).collect();
    std::fs::write(served.path("a.env"), &document).unwrap();
    served.call("import a.env").ok();
    for (n, value) in values.iter().enumerate() {
        served.call_with(&format!("set env/set-{n}"), value.text().as_bytes()).ok();
        served.call(&format!("get env/key-{n}")).ok();
    }
    served.call("export --format json").ok();
    served.call("run -- true").ok();
    served.call_with("resolve", br#"{"protocolVersion":1,"ids":["env/key-1"]}"#).ok();
    let prove = format!("list --identity {}", served.path("home/identity.txt").display());
    served.sh(&format!("setsid -w clawvault {prove}")).ok();
    served.sh("setsid -w clawvault get env/key-1; true").ok();
    // In use: keys are there, values are not, once each answer has been read.
    let used = needles.find(&dump(pid));
    assert!(used.contains_key("record key"));
    println!("unlocked and used, in rest: {used:?}");
    served.call("lock").ok();
    let left = needles.find(&dump(pid));
    assert!(left.is_empty(), "after lock: {left:?}");
    // A dead one leaves no core, and a living one is closed to its own user.
    assert_eq!(served.call("status").code, Some(0));
}
