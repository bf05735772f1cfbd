//! Logs of the system: what an export and a mirror send. The program speaks to the usual sockets, so
//! each is put in their place in a mount namespace, which needs root.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::sandbox::{PROGRAM, Said, Sandbox, command_of, run};

/// Where a log of the system listens, as the program sees it.
struct Listener {
    socket: UnixDatagram,
    /// Puts our socket in the place of the system's.
    script: String,
    /// Not below what the script hides.
    _directory: tempfile::TempDir,
}

impl Listener {
    fn journal() -> Self {
        Self::bind(|place| {
            format!(
                "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && \
                 mount --bind {place} /run/systemd/journal"
            )
        })
    }

    fn syslog() -> Self {
        Self::bind(|place| {
            format!(
                "mount -t tmpfs tmpfs /dev && touch /dev/log && mount --bind {place}/socket /dev/log"
            )
        })
    }

    fn bind(script: impl Fn(&str) -> String) -> Self {
        let directory = tempfile::tempdir().expect("a directory is made");
        let script = script(directory.path().to_str().expect("a temporary path is text"));
        let socket = UnixDatagram::bind(directory.path().join("socket"));
        let socket = socket.expect("the socket is bound");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout is set");
        Self { socket, script, _directory: directory }
    }

    /// Runs the program where this listener is the system's.
    fn run(&self, sandbox: &Sandbox, words: &[&str], input: &str) -> Said {
        let script = format!("{} && exec \"$@\"", self.script);
        let words = [&["--mount", "sh", "-c", &script, "sh", PROGRAM], words].concat();
        run(&mut command_of("unshare", &sandbox.home(), &words), input.as_bytes())
    }

    fn next(&self) -> String {
        let mut bytes = vec![0; 1 << 16];
        let length = self.socket.recv(&mut bytes).expect("a datagram arrives");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    fn is_empty(&self) -> bool {
        self.socket.set_nonblocking(true).expect("it does not wait");
        let nothing = self.socket.recv(&mut [0; 16]).is_err();
        self.socket.set_nonblocking(false).expect("it waits again");
        nothing
    }
}

fn sandbox(test: &str) -> Option<Sandbox> {
    let namespace = std::process::Command::new("unshare").args(["--mount", "true"]).status();
    if !namespace.is_ok_and(|status| status.success()) {
        println!("SKIP {test}: a mount namespace needs root");
        return None;
    }
    // Not in /dev/shm, which is hidden with /dev.
    let sandbox = Sandbox::empty();
    sandbox.run(&["init"], b"").sound("init");
    sandbox.run(&["set", "some/key", "--env", "SOME"], b"value").sound("set");
    Some(sandbox)
}

#[test]
fn an_export_sends_each_entry_with_its_fields() {
    let test = "an_export_sends_each_entry_with_its_fields";
    let Some(sandbox) = sandbox(test) else { return };
    let journal = Listener::journal();
    let said = journal.run(&sandbox, &["log", "--export", "journald"], "");
    assert_eq!((said.code(), said.err.as_str()), (Some(0), "2 entries sent\n"));
    let (init, set) = (journal.next(), journal.next());
    assert!(init.contains("CLAWVAULT_EVENT=init\n") && init.contains("CLAWVAULT_ENTRY=1\n"));
    for field in ["SYSLOG_IDENTIFIER=clawvault\n", "PRIORITY=6\n", "CLAWVAULT_SECRET=some/key\n"] {
        assert!(set.contains(field), "{field} in {set}");
    }
    assert!(!set.contains("value"));

    let syslog = Listener::syslog();
    let words = ["log", "--export", "syslog", "--secret", "some/key"];
    let said = syslog.run(&sandbox, &words, "");
    assert_eq!((said.code(), said.err.as_str()), (Some(0), "1 entries sent\n"));
    let line = syslog.next();
    assert!(line.starts_with("<86>clawvault[") && line.contains("entry 2: "), "{line}");
    assert!(line.contains(" set ok by ") && line.ends_with(" some/key version 1"), "{line}");
}

#[test]
fn a_mirror_gets_each_entry_and_stops_nothing() {
    let Some(sandbox) = sandbox("a_mirror_gets_each_entry_and_stops_nothing") else { return };
    std::fs::write(sandbox.path("p.toml"), "[log]\nmirror = \"journald\"\n").expect("a policy");
    let path = sandbox.path("p.toml");
    let path = path.to_str().expect("a temporary path is text");
    let said = sandbox.run(&["policy", "apply", path, "--yes"], b"");
    assert!(said.err.contains("names of secrets in clear"), "{}", said.err);
    let journal = Listener::journal();
    for (words, event) in [
        (&["get", "some/key"][..], "get"),
        (&["run", "--", "true"], "run"),
        (&["list"], "list"),
        (&["rm", "some/key", "--yes"], "remove"),
    ] {
        assert_eq!(journal.run(&sandbox, words, "").code(), Some(0));
        let fields = journal.next();
        assert!(fields.contains(&format!("CLAWVAULT_EVENT={event}\n")), "{event}: {fields}");
        assert!(!fields.contains("value") && journal.is_empty());
    }
    // A receiver that never reads: its queue is full, and nobody waits for it.
    for _ in 0..300 {
        assert_eq!(journal.run(&sandbox, &["list"], "").code(), Some(0));
    }
    drop(journal);
    assert_eq!(sandbox.run(&["rollback", "some/key"], b"").code(), Some(0));
}

#[test]
fn an_export_to_nobody_is_told() {
    let Some(sandbox) = sandbox("an_export_to_nobody_is_told") else { return };
    let journal = Listener::journal();
    drop(journal.socket);
    let script = format!("{} && exec \"$@\"", journal.script);
    let words = ["--mount", "sh", "-c", &script, "sh", PROGRAM, "log", "--export", "journald"];
    let said = run(&mut command_of("unshare", &sandbox.home(), &words), b"");
    assert_eq!(said.code(), Some(7));
    assert!(said.err.contains("entry 1 could not be sent"), "{}", said.err);
}
