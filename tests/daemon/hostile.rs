//! Sixty moves of a hostile agent (`moves.toml`): under another user than the vault's all are refused;
//! under the very same user each ends as its line says, and SECURITY.md prints both lists.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use super::served::{PROGRAM, until};
use super::system::{AGENT, OPERATOR, System};

/// What nobody but the operator, and one other program, may have.
const NEEDLE: &str = "the-second-value";
/// The user of the vault and of the agent, where they are one.
const ONE: u32 = 61_005;
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Deserialize)]
struct Moves {
    #[serde(rename = "move")]
    all: Vec<Move>,
}

#[derive(Deserialize)]
struct Move {
    name: String,
    one_uid: String,
    script: String,
}

fn moves() -> Vec<Move> {
    let moves: Moves = toml::from_str(include_str!("moves.toml")).unwrap();
    assert_eq!(moves.all.len(), 60);
    assert!(moves.all.iter().all(|m| matches!(m.one_uid.as_str(), "refused" | "succeeds")));
    moves.all
}

/// The operator's shell: it leads a login session.
struct Shell {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Shell {
    fn start(mut command: Command) -> Self {
        command.arg("/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            // Moves print what they got, which need not be text.
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
        Self { child, stdin, lines }
    }

    /// What a line says, up to the word that it is done.
    fn say(&mut self, line: &str) -> Vec<String> {
        // A shell that was ended takes nothing any more, which the caller sees.
        writeln!(self.stdin, "{line}\necho; echo DONE").ok();
        let mut all = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            if line == "DONE" {
                break;
            }
            all.push(line);
        }
        all
    }
}

/// A vault, its operator, and an agent.
struct World {
    shell: Shell,
    /// What a service of the user's starts, outside of every program that was launched.
    outside: Child,
    daemon: Option<Child>,
    /// Where the agent may write.
    work: PathBuf,
    /// Where its scripts lie.
    tools: PathBuf,
    system: Option<System>,
    root: Option<TempDir>,
}

fn quietly(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Loops over what is written into the pipe, as a service manager, cron, at or an old tmux would start it.
const SERVICE: &str = "while :; do if read -r line < $W/fifo; then sh -c \"$line\"; fi; done";

impl World {
    fn of_system() -> Option<Self> {
        let system = System::served()?;
        let shell = Shell::start(system.command_as(OPERATOR, "/usr/bin/setsid"));
        let (work, tools) = (system.path("61002/w"), system.path("tools"));
        std::fs::create_dir(&work).unwrap();
        chown(&work, Some(AGENT), Some(AGENT)).unwrap();
        std::fs::create_dir(&tools).unwrap();
        let mut service = system.command_as(AGENT, "/usr/bin/setsid");
        service.args(["/bin/sh", "-c", SERVICE]).env("W", &work);
        fifo(&work, AGENT);
        let outside = quietly(service);
        let (home, socket, daemon) = (system.path("vault/home"), system.socket(), system.pid());
        let program = system.program();
        let root = None;
        let mut world =
            Self { shell, outside, daemon: None, work, tools, system: Some(system), root };
        let env = format!("env CLAWVAULT_SOCKET={}", socket.display());
        world.prepare([&home, &socket, &home, &program], daemon, &env);
        Some(world)
    }

    fn of_one_user() -> Self {
        rustix::process::setsid().ok();
        let is_root = rustix::process::geteuid().is_root();
        let place = if is_root { "/run" } else { "/dev/shm" };
        let root = tempfile::Builder::new().prefix("clawvault-test-").tempdir_in(place).unwrap();
        std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let program = root.path().join("clawvault");
        std::fs::copy(PROGRAM, &program).unwrap();
        let user = if is_root { ONE } else { rustix::process::geteuid().as_raw() };
        let base = root.path().join("user");
        let (home, runtime, work) = (base.join("vault"), base.join("run"), base.join("w"));
        let tools = root.path().join("tools");
        std::fs::create_dir(&tools).unwrap();
        for path in [&base, &runtime, &work] {
            std::fs::create_dir(path).unwrap();
            chown(path, Some(user), Some(user)).unwrap();
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o700)).unwrap();
        }
        let command = |program: &str| {
            let mut command =
                Command::new(if is_root { "/usr/bin/setpriv" } else { "/usr/bin/env" });
            if is_root {
                command.args([format!("--reuid={user}"), format!("--regid={user}")]);
                command.arg("--clear-groups");
            }
            command
                .arg(program)
                .current_dir(&work)
                .env_clear()
                .env("PATH", format!("{}:/usr/bin:/bin", root.path().display()))
                .env("HOME", &base)
                .env("CLAWVAULT_HOME", &home)
                .env("XDG_RUNTIME_DIR", &runtime);
            command
        };
        let mut shell = Shell::start(command("/usr/bin/setsid"));
        // What the operator types through is the operator's own, as a terminal or a tmux is.
        std::os::unix::fs::fchown(&shell.stdin, Some(user), Some(user)).unwrap();
        shell.say("clawvault init; printf the-first-value | clawvault set env/one --env ONE");
        shell.say("printf the-second-value | clawvault set env/two --env TWO");
        let mut daemon = command("/usr/bin/setsid");
        daemon.args([program.to_str().unwrap(), "daemon"]);
        let daemon = quietly(daemon);
        let directory = runtime.join("clawvault");
        let socket = || {
            let all = std::fs::read_dir(&directory).into_iter().flatten().flatten();
            all.map(|entry| entry.path()).find(|path| path.extension() == Some("sock".as_ref()))
        };
        until("the daemon listens", || socket().is_some());
        shell.say("clawvault unlock");
        fifo(&work, user);
        let mut service = command("/usr/bin/setsid");
        service.args(["/bin/sh", "-c", SERVICE]).env("W", &work);
        let outside = quietly(service);
        let pid = daemon.id();
        let socket = socket().unwrap();
        let env =
            format!("env CLAWVAULT_HOME={} XDG_RUNTIME_DIR={}", home.display(), runtime.display());
        let daemon = Some(daemon);
        let (system, root) = (None, Some(root));
        let mut world = Self { shell, outside, daemon, work, tools, system, root };
        world.prepare([&home, &socket, &runtime, &program], pid, &env);
        world
    }

    /// Launches the other program, and writes down what every script begins with.
    fn prepare(&mut self, [home, socket, runtime, program]: [&Path; 4], daemon: u32, env: &str) {
        let peer =
            self.shell.say("clawvault run --only env/two -- sleep 600 >/dev/null 2>&1 & echo $!");
        std::thread::sleep(Duration::from_millis(300));
        let (work, tools) = (self.work.display(), self.tools.display());
        let prelude = format!(
            "V={}; S={}; RD={}; CV={}; D={daemon}; OP={}; PEER={}; W={work}; ENV='{env}'\n\
             export V S RD CV D OP PEER W ENV\n\
             cv() {{ $ENV $CV \"$@\"; }}\n\
             py() {{ /usr/bin/python3 {tools}/moves.py \"$@\"; }}\n\
             outside() {{ rm -f $W/done; echo \"{{ $1; }} > $W/outside 2>&1; touch $W/done\" > $W/fifo; \
             n=0; while [ ! -e $W/done ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done; \
             cat $W/outside; }}\n",
            home.display(),
            socket.display(),
            runtime.display(),
            program.display(),
            self.shell.child.id(),
            peer.first().unwrap(),
        );
        std::fs::write(self.tools.join("prelude"), &prelude).unwrap();
        std::fs::write(self.tools.join("moves.py"), include_str!("moves.py")).unwrap();
        std::fs::set_permissions(&self.tools, PermissionsExt::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink(self.tools.join("prelude"), self.work.join("prelude")).unwrap();
        assert_eq!(self.operator_has(), None, "before anything was tried");
    }

    /// What keeps the operator from what is theirs, if anything does.
    fn operator_has(&mut self) -> Option<String> {
        let said = self.shell.say(
            "for n in one two; do timeout 20 clawvault get env/$n 2>&1; echo; done; \
             timeout 30 clawvault log --verify >/dev/null 2>&1; echo $?; \
             clawvault policy show 2>&1 | grep -c '\"\\*\"'",
        );
        let said: Vec<String> = said.into_iter().filter(|line| !line.is_empty()).collect();
        (said != ["the-first-value", NEEDLE, "0", "0"]).then(|| said.join("|"))
    }

    /// Has the agent try it; tells what it achieved, if anything.
    fn tries(&mut self, one: &Move) -> Option<String> {
        for entry in std::fs::read_dir(&self.work).unwrap().flatten() {
            if !["fifo", "prelude"].iter().any(|kept| entry.file_name() == *kept) {
                let path = entry.path();
                std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path)).unwrap();
            }
        }
        let script = format!(". {}/prelude; cd $W\n{}", self.tools.display(), one.script);
        let path = self.tools.join("move.sh");
        std::fs::write(&path, script).unwrap();
        let said = match &self.system {
            Some(system) => {
                let mut command = system.command_as(AGENT, "/usr/bin/setsid");
                command.args(["-w", "clawvault", "run", "--only", "env/one", "--"]);
                command.args(["timeout", "25", "sh"]).arg(&path).stdin(Stdio::null());
                let done = command.output().unwrap();
                String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned()
            }
            None => {
                let run = "clawvault run --only env/one -- timeout 25 sh";
                let line = format!("{run} {} </dev/null 2>&1", path.display());
                self.shell.say(&line).join("\n")
            }
        };
        let denied = self.operator_has();
        if said.contains(NEEDLE) || holds(&self.work, 0) {
            return Some("the value was had".to_owned());
        }
        denied.map(|what| format!("the operator has: {what}"))
    }
}

fn fifo(work: &Path, user: u32) {
    let path = work.join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    chown(&path, Some(user), Some(user)).unwrap();
}

/// Whether a file below holds the value in clear.
fn holds(directory: &Path, depth: usize) -> bool {
    let Ok(entries) = std::fs::read_dir(directory) else { return false };
    entries.flatten().any(|entry| {
        let kind = entry.file_type().unwrap();
        let bytes = || std::fs::read(entry.path()).unwrap_or_default();
        let has = |bytes: &[u8]| bytes.windows(NEEDLE.len()).any(|w| w == NEEDLE.as_bytes());
        (kind.is_file() && has(&bytes()))
            || (kind.is_dir() && depth < 4 && holds(&entry.path(), depth + 1))
    })
}

impl Drop for World {
    fn drop(&mut self) {
        // The launched program that waits, then those that we began.
        writeln!(self.shell.stdin, "kill %1 2>/dev/null; exit").ok();
        for child in [Some(&mut self.outside), self.daemon.as_mut()].into_iter().flatten() {
            child.kill().ok();
            child.wait().ok();
        }
        self.shell.child.kill().ok();
        self.shell.child.wait().ok();
        drop(self.root.take());
    }
}

#[test]
fn under_another_user_all_sixty_are_refused() {
    let Some(mut world) = World::of_system() else { return };
    let mut achieved = Vec::new();
    for one in moves() {
        if let Some(what) = world.tries(&one) {
            achieved.push(format!("{}: {what}", one.name));
        }
    }
    assert!(achieved.is_empty(), "{achieved:#?}");
    let log = world.system.as_ref().unwrap().log();
    let refused = log.iter().filter(|line| line.contains(" refused")).count();
    println!("60 of 60 refused; {refused} lines of the log say so");
    assert!(refused >= 20, "{log:#?}");
}

#[test]
fn under_one_user_each_ends_as_is_said() {
    let mut wrong = Vec::new();
    let mut world = World::of_one_user();
    for one in moves() {
        if one.one_uid == "succeeds" {
            if World::of_one_user().tries(&one).is_none() {
                wrong.push(format!("{}: it is refused", one.name));
            }
        } else if let Some(what) = world.tries(&one) {
            wrong.push(format!("{}: {what}", one.name));
            world = World::of_one_user();
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn security_md_prints_both_lists() {
    const HEADING: &str = "## What a hostile agent can do";
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/SECURITY.md")).unwrap();
    let Some((_, section)) = text.split_once(HEADING) else {
        println!("SKIP: SECURITY.md has no section `{HEADING}` yet");
        return;
    };
    let (refused, rest) = section.split_once("**Known to succeed").unwrap();
    let succeed = rest.split("\n## ").next().unwrap();
    // Lines may be broken anywhere.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (refused, succeed) = (words(refused), words(succeed));
    for one in moves() {
        let list = if one.one_uid == "refused" { &refused } else { &succeed };
        assert!(list.contains(&one.name), "SECURITY.md does not say: {}", one.name);
    }
}
