//! The units: what systemd itself says of them, and the daemon started as they say. No container has the
//! manager; its part (socket, credential, order) is done here by hand.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_clawvault");
const UNITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/systemd");

fn unit(name: &str) -> String {
    fs::read_to_string(Path::new(UNITS).join(name)).unwrap()
}

/// Every value of a key, in their order.
fn values(text: &str, key: &str) -> Vec<String> {
    let all = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    all.map(str::to_owned).collect()
}

/// A place with copies of the units that name a program that is there, for systemd to look at.
fn copied() -> TempDir {
    let place = TempDir::new().unwrap();
    for name in ["clawvault.service", "clawvault.socket"] {
        let text = unit(&format!("system/{name}")).replace("/usr/bin/clawvault", "/bin/true");
        fs::write(place.path().join(name), text).unwrap();
    }
    place
}

fn analyze(arguments: &[&str]) -> (bool, String) {
    let done = Command::new("systemd-analyze").arg("--no-pager").args(arguments).output();
    let Ok(done) = done else { return (false, "systemd-analyze is not there".to_owned()) };
    let told = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8_lossy(&told).into_owned())
}

fn has_systemd() -> bool {
    let has = Command::new("systemd-analyze").arg("--version").output().is_ok();
    if !has {
        println!("SKIP: systemd-analyze is not installed");
    }
    has
}

#[test]
fn systemd_finds_the_service_closed_and_nothing_wrong_in_it() {
    if !has_systemd() {
        return;
    }
    let place = copied();
    let service = place.path().join("clawvault.service");
    let (good, told) =
        analyze(&["security", "--offline=yes", "--threshold=15", service.to_str().unwrap()]);
    assert!(good, "exposure above 1.5:\n{told}");
    println!("{}", told.lines().last().unwrap_or_default());
    let socket = place.path().join("clawvault.socket");
    let both = [service.to_str().unwrap(), socket.to_str().unwrap()];
    let (good, told) = analyze(&[&["verify", "--man=no"], &both[..]].concat());
    assert!(good && told.trim().is_empty(), "{told}");
    // One that is open is told from it: the bound means something.
    let open = place.path().join("open.service");
    fs::write(&open, "[Service]\nExecStart=/bin/true\n").unwrap();
    let (good, _) =
        analyze(&["security", "--offline=yes", "--threshold=15", open.to_str().unwrap()]);
    assert!(!good);
}

#[test]
fn systemd_makes_the_user_and_the_directory_that_the_units_name() {
    let made = |tool: &str, from: &str, to: &str, arguments: &[&str]| {
        let root = TempDir::new().unwrap();
        let etc = root.path().join("etc");
        fs::create_dir_all(&etc).unwrap();
        fs::write(
            etc.join("passwd"),
            "root:x:0:0::/:/bin/sh\nclawvault:x:61000:61000::/:/bin/sh\n",
        )
        .unwrap();
        fs::write(etc.join("group"), "root:x:0:\nclawvault:x:61000:\n").unwrap();
        if tool == "systemd-sysusers" {
            fs::write(etc.join("passwd"), "root:x:0:0::/:/bin/sh\n").unwrap();
            fs::write(etc.join("group"), "root:x:0:\n").unwrap();
        }
        let place = root.path().join(to);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, unit(from)).unwrap();
        let done = Command::new(tool)
            .arg(format!("--root={}", root.path().display()))
            .args(arguments)
            .output();
        (root, done)
    };
    if !rustix::process::geteuid().is_root() || !has_systemd() {
        println!("SKIP: only root makes users");
        return;
    }
    let (root, done) =
        made("systemd-sysusers", "sysusers.conf", "usr/lib/sysusers.d/clawvault.conf", &[]);
    assert!(done.unwrap().status.success());
    for file in ["passwd", "group"] {
        assert!(
            fs::read_to_string(root.path().join("etc").join(file)).unwrap().contains("clawvault:")
        );
    }
    let path = "usr/lib/tmpfiles.d/clawvault.conf";
    let (root, done) = made("systemd-tmpfiles", "tmpfiles.conf", path, &["--create"]);
    let done = done.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let directory = root.path().join("run/clawvault").metadata().unwrap();
    assert_eq!(directory.permissions().mode() & 0o777, 0o750);
    // What the units, the policy's users and the client agree on.
    let (service, socket) = (unit("system/clawvault.service"), unit("system/clawvault.socket"));
    assert_eq!(values(&socket, "ListenStream"), ["/run/clawvault/daemon.sock"]);
    assert_eq!(values(&socket, "SocketMode"), ["0660"]);
    assert_eq!(values(&service, "User"), values(&socket, "SocketUser"));
    for gateway in ["Wants", "After"] {
        let all = values(&unit("openclaw-gateway.service.d/clawvault.conf"), gateway).concat();
        assert!(all.contains("clawvault.service") && all.contains("clawvault.socket"));
    }
}

/// A vault with one key, and the parts of a machine that a unit lives in.
struct Machine {
    root: TempDir,
    daemon: Option<Child>,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { root: TempDir::new_in("/dev/shm").unwrap(), daemon: None };
        fs::create_dir(machine.path("run")).unwrap();
        fs::create_dir(machine.path("credentials")).unwrap();
        for name in ["run", "credentials"] {
            fs::set_permissions(machine.path(name), PermissionsExt::from_mode(0o700)).unwrap();
        }
        assert_eq!(machine.call(&["init"], false).0, 0);
        let set = machine.sh("printf the-value | $CV set env/one --env ONE");
        assert_eq!(set.0, 0, "{}", set.1);
        // The identity is in the unit's credentials, and nowhere else.
        fs::rename(machine.path("home/identity.txt"), machine.path("sealed")).unwrap();
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn surround(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.root.path())
            .env("CV", PROGRAM)
            .env("CLAWVAULT_HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .current_dir(self.root.path());
    }

    fn call(&self, arguments: &[&str], with_credentials: bool) -> (i32, String) {
        let mut command = Command::new(PROGRAM);
        self.surround(&mut command);
        if with_credentials {
            command.env("CREDENTIALS_DIRECTORY", self.path("credentials"));
        }
        Self::told(command.args(arguments))
    }

    fn sh(&self, script: &str) -> (i32, String) {
        let mut command = Command::new("/bin/sh");
        self.surround(&mut command);
        Self::told(command.args(["-c", script]))
    }

    fn told(command: &mut Command) -> (i32, String) {
        let done = command.stdin(Stdio::null()).output().unwrap();
        let told = [done.stdout, done.stderr].concat();
        (done.status.code().unwrap_or(-1), String::from_utf8_lossy(&told).into_owned())
    }

    /// Opens the socket, as its unit does before anything else starts.
    fn listens(&self) -> UnixListener {
        // A start of the machine: nothing is left of what was in memory.
        let directory = self.path("run/clawvault");
        fs::remove_dir_all(&directory).ok();
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, PermissionsExt::from_mode(0o700)).unwrap();
        UnixListener::bind(self.path("run/clawvault/unit.sock")).unwrap()
    }

    /// Starts the service as its unit says: `ExecStart=`, the socket as standard input.
    fn start(&mut self, listener: &UnixListener, credential: bool) {
        let exec = values(&unit("user/clawvault.service"), "ExecStart").remove(0);
        let mut words = exec.split(' ');
        assert_eq!(words.next(), Some("/usr/bin/clawvault"));
        let mut command = Command::new(PROGRAM);
        self.surround(&mut command);
        let named =
            values(&unit("system/clawvault.service.d/unattended.conf"), "LoadCredentialEncrypted");
        let (name, _) = named[0].split_once(':').unwrap();
        let file = self.path("credentials").join(name);
        if credential {
            fs::copy(self.path("sealed"), &file).unwrap();
            fs::set_permissions(&file, PermissionsExt::from_mode(0o400)).unwrap();
            command.env("CREDENTIALS_DIRECTORY", self.path("credentials"));
        } else {
            fs::remove_file(&file).ok();
        }
        command.args(words).stdin(std::os::fd::OwnedFd::from(listener.try_clone().unwrap()));
        let log = fs::File::create(self.path("daemon.log")).unwrap();
        self.daemon = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    fn stop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            // Under strace the daemon is its child, and would outlive it.
            let pid = daemon.id();
            let below = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            for child in below.unwrap_or_default().split_whitespace() {
                let child = child.parse().ok().and_then(rustix::process::Pid::from_raw);
                child.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL));
            }
            daemon.kill().ok();
            daemon.wait().ok();
        }
    }

    /// What the gateway's unit starts; nobody gives it a key.
    fn gateway(&self) -> (i32, String) {
        let socket = self.path("run/clawvault/unit.sock");
        let socket = socket.to_str().unwrap();
        self.call(&["run", "--socket", socket, "--", "sh", "-c", "echo $ONE"], false)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn after_a_reboot_the_gateway_has_its_keys_without_anybody() {
    let mut machine = Machine::new();
    for _ in 0..2 {
        let listener = machine.listens();
        // The gateway is there first: it waits at the socket and is not refused.
        let early = {
            let socket = machine.path("run/clawvault/unit.sock");
            let mut command = Command::new(PROGRAM);
            machine.surround(&mut command);
            command.args(["get", "env/one", "--socket"]).arg(socket);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
            command.spawn().unwrap()
        };
        std::thread::sleep(Duration::from_millis(100));
        machine.start(&listener, true);
        // Whatever it may have, it was answered and did not hang.
        assert!(early.wait_with_output().unwrap().status.code().is_some());
        let end = Instant::now() + Duration::from_secs(20);
        while !fs::read_to_string(machine.path("daemon.log")).unwrap().contains("unlocked") {
            assert!(Instant::now() < end, "it does not unlock");
            std::thread::sleep(Duration::from_millis(10));
        }
        let status = machine.call(
            &["status", "--socket", machine.path("run/clawvault/unit.sock").to_str().unwrap()],
            false,
        );
        assert!(status.1.contains("unlocked; nothing locks it by itself"), "{}", status.1);
        machine.stop();
    }
    // The key is the daemon's: a unit that is to launch a program with it is refused.
    let (code, told) = machine.call(&["run", "--", "true"], true);
    assert_eq!(code, 125, "{told}");
    assert!(told.contains("credentials"), "{told}");
}

#[test]
fn while_it_is_locked_the_gateway_is_told_so_at_once() {
    let mut machine = Machine::new();
    let listener = machine.listens();
    machine.start(&listener, false);
    let start = Instant::now();
    let (code, told) = machine.gateway();
    assert_eq!(code, 125, "{told}");
    assert!(told.contains("locked"), "{told}");
    assert!(start.elapsed() < Duration::from_secs(5));
    // What the drop-in has tried again is harmless, and works once somebody has unlocked.
    let socket = machine.path("run/clawvault/unit.sock");
    let key = machine.path("sealed");
    let script = format!(
        "$CV unlock --socket {0} --identity {1} && $CV run --socket {0} -- sh -c 'echo got $ONE'",
        socket.display(),
        key.display()
    );
    let told = {
        let mut command = Command::new("setsid");
        machine.surround(&mut command);
        Machine::told(command.args(["-w", "/bin/sh", "-c", &script]))
    };
    assert!(told.1.contains("got the-value"), "{}", told.1);
}

#[test]
fn every_call_of_the_daemon_is_one_that_its_unit_allows() {
    if !has_systemd() {
        return;
    }
    let allowed = allowed_calls();
    let mut machine = Machine::new();
    let socket = machine.path("run/clawvault/traced.sock");
    let trace = machine.path("trace");
    let mut command = Command::new("strace");
    machine.surround(&mut command);
    command.args(["-f", "-qq", "-o"]).arg(&trace).arg(PROGRAM).arg("daemon").arg("--socket");
    command.arg(&socket).arg("--identity").arg(machine.path("sealed"));
    let daemon = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(daemon) = daemon else {
        println!("SKIP: strace is not installed");
        return;
    };
    machine.daemon = Some(daemon);
    let end = Instant::now() + Duration::from_secs(30);
    while !socket.exists() {
        assert!(Instant::now() < end, "it does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    let key = machine.path("sealed");
    for words in ["get env/one", "set env/one --generate", "run -- true", "log", "lock"] {
        let mut all: Vec<&str> = words.split(' ').collect();
        let named = ["--socket", socket.to_str().unwrap(), "--identity", key.to_str().unwrap()];
        all.splice(1..1, named);
        let (code, told) = machine.call(&all, false);
        assert_eq!(code, 0, "{words}: {told}");
    }
    machine.stop();
    let text = fs::read_to_string(&trace).unwrap();
    // What the manager does before the program, and the program's own beginning, is not filtered alike.
    let call = |line: &str| {
        let rest = line.split_once(' ')?.1.trim_start();
        let name = rest.split_once('(')?.0;
        name.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            .then(|| name.to_owned())
    };
    let made: BTreeSet<String> = text.lines().filter_map(call).collect();
    assert!(made.contains("accept4") && made.contains("openat"), "{made:?}");
    let refused: Vec<_> = made.difference(&allowed).collect();
    assert!(refused.is_empty(), "the unit's filter refuses: {refused:?}");
}

/// The calls that the unit's filter leaves, by systemd's own groups.
fn allowed_calls() -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for line in values(&unit("system/clawvault.service"), "SystemCallFilter") {
        let (takes_away, names) = match line.strip_prefix('~') {
            Some(rest) => (true, rest.to_owned()),
            None => (false, line),
        };
        for name in names.split_ascii_whitespace() {
            for call in expanded(name) {
                if takes_away {
                    allowed.remove(&call);
                } else {
                    allowed.insert(call);
                }
            }
        }
    }
    // Always allowed, as systemd.exec(5) says.
    allowed.extend(
        ["execve", "exit", "exit_group", "getrlimit", "rt_sigreturn", "sigreturn"]
            .map(str::to_owned),
    );
    allowed.extend(expanded("@default"));
    allowed
}

fn expanded(name: &str) -> Vec<String> {
    if !name.starts_with('@') {
        return vec![name.to_owned()];
    }
    let (good, text) = analyze(&["syscall-filter", name]);
    assert!(good, "{text}");
    let names =
        text.lines().skip(1).map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    names.flat_map(expanded).collect()
}
