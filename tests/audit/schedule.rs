//! Audits by the calendar: what got worse is alerted, once, by `--notify` and by the daemon.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::made_up;

fn command(home: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clawvault"));
    command
        .args(words)
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("CLAWVAULT_HOME", home.join("vault"))
        .env("XDG_RUNTIME_DIR", home);
    command
}

/// A call in a home that holds its vault too.
pub(crate) fn call(home: &Path, words: &[&str], input: &str) -> Output {
    let mut child = command(home, words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn done(home: &Path, words: &[&str], input: &str) -> String {
    let output = call(home, words, input);
    // An audit ends with 1 where something fails.
    let fine = output.status.success() || words[0] == "audit" && output.status.code() == Some(1);
    assert!(fine, "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A vault whose alerts go to this address.
fn vault(home: &Path, to: &str) {
    done(home, &["init"], "");
    let policy = home.join("policy.toml");
    let text = format!("[alerts.hook]\nkind = \"webhook\"\nto = \"http://{to}/\"\ngroup = 0\n");
    std::fs::write(&policy, text).unwrap();
    done(home, &["policy", "apply", policy.to_str().unwrap(), "--yes"], "");
}

#[test]
fn what_got_worse_is_alerted_once() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    // Nobody listens there: what is raised waits.
    vault(home, "127.0.0.1:1");
    let [_, (_, key)] = made_up::values();
    done(home, &["set", "openai/main"], &key);
    let audit = || done(home, &["audit", "--notify", "--only", "application.keys.reused"], "");
    let waiting = || done(home, &["alert", "list", "--json"], "");
    audit();
    assert!(!waiting().contains("audit-"), "the first audit has nothing to compare with");
    done(home, &["set", "groq/main"], &key);
    audit();
    let told = waiting();
    assert!(told.contains("audit-worse") && told.contains("application.keys.reused"), "{told}");
    assert!(!told.contains(&key), "a value is told");
    audit();
    assert_eq!(waiting().matches("audit-worse").count(), 1);
    done(home, &["rm", "groq/main", "--yes", "--purge"], "");
    audit();
    assert!(waiting().contains("mended since: application.keys.reused"), "{}", waiting());
}

/// A process that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The first full audit comes as soon as whoever opened the vault was let alone for a while, because none was made before.
#[test]
fn the_daemon_audits_by_itself_and_reports() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    vault(home, &receiver.local_addr().unwrap().to_string());
    let identity = home.join("vault/identity.txt");
    let words =
        ["daemon", "--allow-swap", "--settle", "1s", "--identity", identity.to_str().unwrap()];
    let _daemon =
        Ended(command(home, &words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    receiver.set_nonblocking(true).unwrap();
    let (end, mut heard) = (Instant::now() + Duration::from_secs(240), String::new());
    while !heard.contains("audit-report") {
        assert!(Instant::now() < end, "the daemon reported no audit: {heard}");
        let Ok((mut peer, _)) = receiver.accept() else {
            std::thread::sleep(Duration::from_millis(100));
            continue;
        };
        peer.set_nonblocking(false).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let (mut piece, mut said) = ([0; 16 * 1024], String::new());
        while let Ok(count @ 1..) = peer.read(&mut piece) {
            said.push_str(&String::from_utf8_lossy(&piece[..count]));
            if said.contains("full audit:") {
                break;
            }
        }
        peer.write_all(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n").ok();
        heard.push_str(&said);
    }
    assert!(heard.contains("full audit:") && heard.contains("server "), "{heard}");
    let history = std::fs::read_to_string(home.join("vault/state/audit-history.jsonl")).unwrap();
    assert_eq!(history.lines().count(), 1, "{history}");
}
