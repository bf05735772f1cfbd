//! A daemon of the whole system, under a user of its own: who is who is told by the kernel's word for
//! the peer's user alone. Needs root, who can be anybody.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::served::{PROGRAM, Said, finish, until};

/// Users that no system has: the vault's own, an operator, an agent, another agent, anybody.
pub(crate) const VAULT: u32 = 61_000;
pub(crate) const OPERATOR: u32 = 61_001;
pub(crate) const AGENT: u32 = 61_002;
pub(crate) const OTHER_AGENT: u32 = 61_003;
pub(crate) const ANYBODY: u32 = 61_004;
/// The group that reaches the socket.
pub(crate) const GROUP: u32 = 61_100;

/// A vault of a user of its own, with a daemon that serves others.
pub(crate) struct System {
    root: TempDir,
    daemon: Option<Child>,
}

impl System {
    /// A vault with `env/one` and `env/two`, served; none where we are not root.
    pub(crate) fn served() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("SKIP: only root can become other users");
            return None;
        }
        rustix::process::setsid().ok();
        // Nobody but root may put something on the way to the socket: a temporary directory will not do.
        let root = tempfile::Builder::new().prefix("clawvault-test-").tempdir_in("/run").unwrap();
        std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let mut system = Self { root, daemon: None };
        for (name, user, group, mode) in [
            ("vault", VAULT, VAULT, 0o700),
            ("socket", VAULT, GROUP, 0o750),
            ("61001", OPERATOR, OPERATOR, 0o700),
            ("61002", AGENT, AGENT, 0o700),
            ("61003", OTHER_AGENT, OTHER_AGENT, 0o700),
            ("61004", ANYBODY, ANYBODY, 0o700),
            ("0", 0, 0, 0o700),
        ] {
            let path = system.path(name);
            std::fs::create_dir(&path).unwrap();
            chown(&path, Some(user), Some(group)).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        }
        // Where the tests are built others may not look.
        std::fs::copy(PROGRAM, system.path("clawvault")).unwrap();
        system.own("init", b"").ok();
        system.own("set env/one --env ONE", b"the-first-value").ok();
        system.own("set env/two --env TWO", b"the-second-value").ok();
        let policy = "[daemon]\noperators = [\"61001\"]\n\
                      [agents.gate]\nuid = \"61002\"\nsecrets = [\"env/one\"]\n\
                      [agents.side]\nuid = \"61003\"\nsecrets = [\"env/two\"]\n";
        std::fs::write(system.path("vault/p.toml"), policy).unwrap();
        system.own("policy apply p.toml --yes", b"").ok();
        system.serve();
        Some(system)
    }

    /// Starts the daemon with the key that lies in its home.
    pub(crate) fn serve(&mut self) {
        let identity = self.path("vault/home/identity.txt");
        let mut command = self.command_as(VAULT, self.program());
        command.args(["daemon", "--system", "--identity"]).arg(identity);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.daemon = Some(command.spawn().unwrap());
        let socket = self.socket();
        until("the daemon listens", || std::os::unix::net::UnixStream::connect(&socket).is_ok());
    }

    pub(crate) fn end(&mut self) {
        let mut daemon = self.daemon.take().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.daemon.as_ref().unwrap().id()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.path("clawvault")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("socket/daemon.sock")
    }

    /// A program as this user, who is in the socket's group.
    pub(crate) fn command_as(&self, user: u32, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("/usr/bin/setpriv");
        let group = if user == VAULT { GROUP } else { user };
        let home = if user == VAULT { "vault".to_owned() } else { user.to_string() };
        command
            .current_dir(self.path(&home))
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.root.path().display()))
            .env("HOME", self.path(&home))
            .env("CLAWVAULT_SOCKET", self.socket())
            .args([format!("--reuid={user}"), format!("--regid={group}")])
            .arg(format!("--groups={GROUP}"))
            .arg(program.as_ref());
        if user == VAULT {
            command.env("CLAWVAULT_HOME", self.path("vault/home"));
        }
        command
    }

    /// A call of this user, its words split at blanks.
    pub(crate) fn call(&self, user: u32, words: &str) -> Said {
        let mut command = self.command_as(user, self.program());
        command.args(words.split(' '));
        finish(command, b"")
    }

    pub(crate) fn sh(&self, user: u32, script: &str) -> Said {
        let mut command = self.command_as(user, "/bin/sh");
        command.args(["-c", script]);
        finish(command, b"")
    }

    /// A call on the vault itself, before it is served.
    fn own(&self, words: &str, stdin: &[u8]) -> Said {
        let mut command = self.command_as(VAULT, self.program());
        command.env_remove("CLAWVAULT_SOCKET").args(words.split(' '));
        finish(command, stdin)
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.call(OPERATOR, "log").ok().lines().map(str::to_owned).collect()
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().ok();
            daemon.wait().ok();
        }
    }
}

#[test]
fn users_are_told_apart_by_the_kernel_and_get_what_the_policy_says() {
    let Some(system) = System::served() else { return };
    let mode = |name: &str| system.path(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("socket"), mode("socket/daemon.sock")), (0o750, 0o660));
    // Operators, and root, have everything.
    for operator in [OPERATOR, 0] {
        assert_eq!(system.call(operator, "get env/two").ok(), "the-second-value");
        assert!(system.call(operator, "run -- env").ok().contains("TWO=the-second-value"));
        let status = system.call(operator, "status --json").ok();
        assert!(status.contains("\"authority\":\"operator\""), "{status}");
    }
    // An agent has its own, by every way, and no other.
    assert_eq!(system.call(AGENT, "get env/one").ok(), "the-first-value");
    let env = system.call(AGENT, "run -- env").ok();
    assert!(env.contains("ONE=the-first-value") && !env.contains("TWO="), "{env}");
    assert!(!system.call(AGENT, "list").ok().contains("env/two"));
    let ask = |id: &str| {
        system.sh(
            AGENT,
            &format!("echo '{{\"protocolVersion\":1,\"ids\":[\"{id}\"]}}' | clawvault resolve"),
        )
    };
    assert!(ask("env/one").ok().contains("the-first-value"));
    for words in [
        "get env/two",
        "run --only env/two -- env",
        "run --as side -- env",
        "set env/one --generate",
        "rm env/one --yes",
        "export --format json",
        "policy show",
        "log",
        "backup b.age",
        "rollback env/one",
        "lock",
        "unlock",
        "rekey",
        "unlock --identity /dev/null",
    ] {
        let said = system.call(AGENT, words);
        assert!(!matches!(said.code, Some(0)), "{words}: {said:?}");
        assert!(!said.out.contains("second"), "{words}: {said:?}");
        assert!(said.err.contains("hint: "), "{words}: {said:?}");
    }
    assert!(!ask("env/two").out.contains("second"));
    assert_eq!(system.call(OTHER_AGENT, "get env/two").ok(), "the-second-value");
    system.call(OTHER_AGENT, "get env/one").refused(3);
    // Anybody else sees that there is one.
    assert!(system.call(ANYBODY, "status --json").ok().contains("\"authority\":\"status\""));
    for words in ["get env/one", "list", "run -- env", "lock", "unlock", "log"] {
        let said = system.call(ANYBODY, words);
        assert!(matches!(said.code, Some(3 | 125)), "{words}: {said:?}");
    }
    let mut outside = system.command_as(ANYBODY, system.program());
    outside.args(["get", "env/one"]);
    // Outside of the group the socket is not even reached.
    let mut stranger = Command::new("/usr/bin/setpriv");
    stranger.args(["--reuid=61004", "--regid=61004", "--clear-groups"]).arg(system.program());
    stranger.env("CLAWVAULT_SOCKET", system.socket()).env("HOME", system.path("61004"));
    stranger.current_dir("/").args(["get", "env/one"]);
    assert_ne!(finish(stranger, b"").code, Some(0));
    // The refusals are in the log, with the user and the agent.
    let log = system.log();
    for (event, user) in [("get", "gate"), ("export", "gate"), ("lock", "gate"), ("get", "61004")] {
        let has = |line: &String| line.contains(&format!("{event} refused")) && line.contains(user);
        assert!(log.iter().any(has), "{event} {user}: {log:#?}");
    }
}

#[test]
fn who_is_who_outlives_a_lock_but_not_the_daemon() {
    let Some(mut system) = System::served() else { return };
    // An operator whose key opens a slot: from a file of its own.
    let key = system.path("61001/key.txt");
    std::fs::copy(system.path("vault/home/identity.txt"), &key).unwrap();
    chown(&key, Some(OPERATOR), Some(OPERATOR)).unwrap();
    system.call(OPERATOR, "lock").ok();
    for user in [OPERATOR, AGENT, 0] {
        let said = system.call(user, "get env/one");
        assert_eq!(said.code, Some(3), "{said:?}");
        assert!(said.err.contains("locked"), "{said:?}");
    }
    let unlock = format!("unlock --identity {}", key.display());
    system.call(OPERATOR, &unlock).ok();
    assert_eq!(system.call(AGENT, "get env/one").ok(), "the-first-value");
    // A program that it launched outlives the daemon, and is known again by the daemon's own record.
    let script = "echo ready > ready; until [ -e go ]; do sleep 0.05; done; \
                  clawvault get env/two; clawvault get env/one";
    let mut run = system.command_as(OPERATOR, system.program());
    run.args(["run", "--only", "env/one", "--", "/bin/sh", "-c"]);
    run.arg(format!("export CLAWVAULT_SOCKET={}; {script}", system.socket().display()));
    run.stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = run.spawn().unwrap();
    until("the program runs", || system.path("61001/ready").exists());
    let status: serde_json::Value =
        serde_json::from_str(&system.call(OPERATOR, "status --json").ok()).unwrap();
    assert_eq!(status["runs"][0]["pid"], run.id());
    assert_eq!(status["runs"][0]["grant"][0], "env/one");
    assert_eq!(status["daemon"]["system"], true);
    system.end();
    system.serve();
    std::fs::write(system.path("61001/go"), "").unwrap();
    let output = run.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    assert_eq!(out.unwrap(), "the-first-value", "{err:?}");
    assert!(err.unwrap().contains("what it was given"));
}

#[test]
fn the_store_is_worked_on_by_its_own_user_while_it_is_served() {
    let Some(system) = System::served() else { return };
    assert_eq!(system.call(OPERATOR, "rekey").code, Some(3));
    let said = system.sh(VAULT, "clawvault doctor");
    assert!(said.out.contains("vault"), "{said:?}");
    system.call(VAULT, "rekey").ok();
    assert_eq!(system.call(AGENT, "get env/one").ok(), "the-first-value");
    assert!(system.pid() > 0);
}

#[test]
fn what_it_does_by_itself_it_does_for_the_system_too() {
    let Some(mut system) = System::served() else { return };
    let monitor = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    monitor.set_nonblocking(true).unwrap();
    let address = monitor.local_addr().unwrap();
    let put = format!("printf http://{address}/api/push/x | clawvault set alerts/kuma");
    system.sh(OPERATOR, &put).ok();
    let policy = "[daemon]\noperators = [\"61001\"]\n\
                  [alerts.kuma]\nkind = \"uptime-kuma\"\ntoken = \"alerts/kuma\"\n";
    std::fs::write(system.path("61001/p.toml"), policy).unwrap();
    system.call(OPERATOR, "policy apply p.toml --yes").ok();
    system.end();
    system.serve();
    until("a monitor hears that the daemon lives", || monitor.accept().is_ok());
}
