//! `run --on-rotate`: a program is started anew with the new value, and only once that can be had.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::served::{Served, finish, until};
use super::system::{AGENT, OPERATOR, System};

/// Writes which value it has, one line for each start, and stays.
const PROGRAM: &str = "echo \"$$ $ONE\" >> $HOME/starts; exec sleep 60";

fn starts(path: &Path) -> Vec<(u32, String)> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = |line: &str| {
        let (pid, value) = line.split_once(' ')?;
        Some((pid.parse().ok()?, value.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
}

fn code(mut child: Child) -> Option<i32> {
    child.wait().unwrap().code()
}

fn start(mut command: Command, on: &str, script: &str) -> Child {
    command.args(["run", "--on-rotate", on, "--only", "env/one", "--", "/bin/sh", "-c", script]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A number that stands behind a name in a file of `/proc`.
fn told(pid: u32, file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_ascii_whitespace().next().unwrap().parse().unwrap()
}

fn group(pid: u32) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    text.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(2).unwrap().to_owned()
}

#[test]
fn a_program_is_started_anew_with_the_new_value() {
    let served = Served::unlocked();
    let path = served.path("starts");
    // It leaves an orphan that ends: nobody but us is there to reap it.
    let script = format!("( ( sleep 0.1 ) & ) & {PROGRAM}");
    let child = start(served.command(&[]), "restart", &script);
    let supervisor = child.id();
    until("it has started", || starts(&path).len() == 1);
    assert_eq!(starts(&path)[0].1, "the-first-value");
    // Nothing of the value is left beside it, and little of anything.
    let environment = std::fs::read(format!("/proc/{supervisor}/environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("the-first-value"));
    let private = told(supervisor, "smaps_rollup", "Private_Dirty:")
        + told(supervisor, "smaps_rollup", "Private_Clean:");
    println!("a supervisor has {private} KiB of its own");
    assert!(private <= 3 * 1024, "{private} KiB");
    // The terminal's keys reach both: they are one process group.
    assert_eq!(group(supervisor), group(starts(&path)[0].0));
    served.set("env/one", "the-next-value");
    until("it has started anew", || starts(&path).len() == 2);
    let all = starts(&path);
    assert_eq!(all[1].1, "the-next-value");
    until("the old one is over", || !Path::new(&format!("/proc/{}", all[0].0)).exists());
    // Changes that come together are one restart, and a value that is the same is none.
    served.set("env/one", "the-next-value");
    served.set("env/one", "a");
    served.set("env/one", "b");
    until("it has started once more", || starts(&path).last().is_some_and(|s| s.1 == "b"));
    assert!(starts(&path).len() <= 4, "{:?}", starts(&path));
    // What it may have is what it had: a version of another secret is nothing to it.
    served.set("env/other", "x");
    let zombies = format!("ps --ppid {supervisor} -o stat= | grep -c Z");
    assert_eq!(served.sh(&zombies).out.trim(), "0");
    let log = served.log();
    assert!(log.iter().filter(|line| line.contains(" run ok")).count() >= 3, "{log:#?}");
    signal(supervisor, Signal::TERM);
    assert_eq!(code(child), Some(128 + 15));
}

#[test]
fn one_that_cannot_be_renewed_goes_on_as_it_is() {
    let served = Served::unlocked();
    let path = served.path("starts");
    let child = start(served.command(&[]), "restart", PROGRAM);
    until("it has started", || starts(&path).len() == 1);
    served.set("env/one", "the-next-value");
    served.call("lock").ok();
    std::thread::sleep(std::time::Duration::from_millis(1800));
    let first = starts(&path);
    assert_eq!(first.len(), 1, "the vault is locked: {first:?}");
    assert!(Path::new(&format!("/proc/{}", first[0].0)).exists());
    served.call("unlock").ok();
    until("it is tried again", || starts(&path).len() == 2);
    assert_eq!(starts(&path)[1].1, "the-next-value");
    // It ends as its program ends.
    signal(starts(&path)[1].0, Signal::KILL);
    assert_eq!(code(child), Some(128 + 9));
    // And it ends at once where nothing can be had from the beginning.
    served.call("lock").ok();
    let refused = start(served.command(&[]), "restart", PROGRAM);
    assert_eq!(code(refused), Some(125));
}

#[test]
fn without_a_daemon_the_command_that_stores_tells_it() {
    let served = Served::vault();
    let path = served.path("starts");
    let child = start(served.command(&[]), "restart", PROGRAM);
    until("it has started", || starts(&path).len() == 1);
    served.set("env/one", "the-next-value");
    until("it has started anew", || starts(&path).len() == 2);
    assert_eq!(starts(&path)[1].1, "the-next-value");
    served.call("rollback env/one").ok();
    until("it has gone back", || starts(&path).len() == 3);
    assert_eq!(starts(&path)[2].1, "the-first-value");
    signal(child.id(), Signal::INT);
    assert_eq!(code(child), Some(128 + 2));
}

#[test]
fn a_daemon_that_comes_later_knows_it_by_what_its_record_proves() {
    let mut served = Served::vault();
    let path = served.path("starts");
    let child = start(served.command(&[]), "restart", PROGRAM);
    until("it has started", || starts(&path).len() == 1);
    served.serve(&[]);
    served.call("unlock").ok();
    served.set("env/one", "the-next-value");
    until("it has started by the daemon", || starts(&path).len() == 2);
    assert_eq!(starts(&path)[1].1, "the-next-value");
    signal(starts(&path)[1].0, Signal::KILL);
    assert_eq!(code(child), Some(128 + 9));
}

#[test]
fn a_signal_is_sent_where_that_is_asked_for_and_openclaw_is_spared() {
    let served = Served::unlocked();
    let path = served.path("starts");
    let script = format!(
        "trap 'clawvault get env/one >> $HOME/heard' USR2; echo \"$$ x\" >> {}; \
         while :; do sleep 0.05; done",
        path.display()
    );
    let script = format!(
        "export CLAWVAULT_HOME={} XDG_RUNTIME_DIR={}; {script}",
        served.path("home").display(),
        served.path("run").display()
    );
    let child = start(served.command(&[]), "signal:USR2", &script);
    until("it has started", || starts(&path).len() == 1);
    std::thread::sleep(std::time::Duration::from_millis(300));
    served.set("env/one", "the-next-value");
    let heard = || std::fs::read_to_string(served.path("heard")).unwrap_or_default();
    until("it has asked for the new value itself", || heard().contains("the-next-value"));
    assert_eq!(starts(&path).len(), 1);
    // A hang-up that reaches us alone reaches it.
    signal(child.id(), Signal::HUP);
    assert_eq!(code(child), Some(128 + 1));
    // OpenClaw dies of it: it is kept from it, and is not sent what ends it.
    let openclaw = served.path("openclaw");
    std::fs::write(&openclaw, "#!/bin/sh\necho \"$$ x\" >> $HOME/claw\nexec sleep 60\n").unwrap();
    std::fs::set_permissions(&openclaw, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    for harmful in ["signal:HUP", "signal:USR1"] {
        let said = served.call(&format!("run --on-rotate {harmful} -- ./openclaw gateway"));
        said.refused(125);
    }
    let mut command = served.command(&["run", "--on-rotate", "restart", "--", "./openclaw"]);
    let child = command.stdin(Stdio::null()).spawn().unwrap();
    let claw = served.path("claw");
    until("it has started", || starts(&claw).len() == 1);
    signal(child.id(), Signal::HUP);
    std::thread::sleep(std::time::Duration::from_millis(200));
    let program = starts(&claw)[0].0;
    assert!(Path::new(&format!("/proc/{program}")).exists());
    signal(child.id(), Signal::TERM);
    assert_eq!(code(child), Some(128 + 15));
    assert!(
        finish(served.command(&["run", "--on-rotate", "x", "--", "true"]), b"").code == Some(125)
    );
}

#[test]
fn another_users_program_is_told_by_the_systems_daemon() {
    let Some(system) = System::served() else { return };
    let path = system.path("61002/starts");
    let child = start(system.command_as(AGENT, system.program()), "restart", PROGRAM);
    until("it has started", || starts(&path).len() == 1);
    assert_eq!(starts(&path)[0].1, "the-first-value");
    let set = "printf the-next-value | clawvault set env/one";
    system.sh(OPERATOR, set).ok();
    until("it has started anew", || starts(&path).len() == 2);
    assert_eq!(starts(&path)[1].1, "the-next-value");
    // setpriv has become clawvault: the number is the same.
    signal(child.id(), Signal::TERM);
    assert_eq!(code(child), Some(128 + 15));
}
