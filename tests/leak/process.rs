//! The process itself: what others of the same user can learn of it, what it leaves when it dies,
//! and what the program that it becomes inherits.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::canary::{self, Canary};
use crate::scratch::{Scratch, finish};
use crate::search;

const LIMIT: Duration = Duration::from_secs(5);

/// Starts `command`, which waits for more of its stdin once it has read the value.
fn waiting(mut command: Command, canary: &Canary) -> Child {
    let mut child = command.spawn().unwrap();
    let comm = format!("/proc/{}/comm", child.id());
    let pipe = child.stdin.as_mut().unwrap();
    pipe.write_all(canary.text().as_bytes()).unwrap();
    let end = Instant::now() + LIMIT;
    while rustix::io::ioctl_fionread(&*pipe).is_ok_and(|left| left > 0)
        || fs::read_to_string(&comm).is_ok_and(|name| name.trim() != "clawvault")
    {
        assert!(Instant::now() < end, "it does not read its stdin");
        sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn nobody_of_the_same_user_reads_the_process() {
    let scratch = Scratch::new();
    let canary = Canary::new(canary::seeds().next().unwrap());
    scratch.call(&["init"], b"").succeeded();
    let mut command = scratch.command();
    command.args(["set", "a/main"]);
    let mut child = waiting(command, &canary);
    let proc = format!("/proc/{}", child.id());
    for name in ["cmdline", "environ", "comm", "status"] {
        let text = fs::read(format!("{proc}/{name}")).unwrap_or_default();
        assert_eq!(canary.find(&text), Vec::<String>::new(), "{name}");
    }
    // The same user, through another process of it; a `sleep` shows that these ways are open.
    let mut other = scratch.command_of(Path::new("/bin/sleep")).arg("60").spawn().unwrap();
    let reads = |script: &str, pid: u32| {
        let mut shell = scratch.command_of(Path::new("/bin/sh"));
        shell.args(["-c", &script.replace("PID", &pid.to_string())]);
        finish(shell, b"").code == Some(0)
    };
    let environ = "cat /proc/PID/environ >/dev/null";
    let memory = "exec 3</proc/PID/mem";
    let trace = "timeout 2 strace -qq -e trace=none -p PID; test $? = 124";
    for way in [environ, memory, trace] {
        let open = reads(way, other.id());
        println!("{way}: {}", if open { "works on a sleep" } else { "refused on a sleep too" });
        assert!(!reads(way, child.id()), "{way}");
    }
    assert!(reads(environ, other.id()), "the control is not readable either");
    other.kill().unwrap();
    other.wait().unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_process_that_dies_leaves_no_core() {
    let scratch = Scratch::new();
    let canary = Canary::new(canary::seeds().next().unwrap());
    let start = std::time::SystemTime::now();
    scratch.call(&["init"], b"").succeeded();
    let mut shell = scratch.command_of(Path::new("/bin/sh"));
    shell.args(["-c", "ulimit -c unlimited; exec clawvault set a/main"]);
    let mut child = waiting(shell, &canary);
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    // The first is taken for a stack overflow, and is none; the next one counts.
    let end = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < end, "it does not die");
        kill_process(Pid::from_child(&child), Signal::SEGV).unwrap();
        sleep(Duration::from_millis(20));
    };
    assert_eq!(status.signal(), Some(Signal::SEGV.as_raw()));
    assert!(!status.core_dumped());
    assert_eq!(search::work_files(&scratch), Vec::<std::path::PathBuf>::new());
    assert_eq!(search::everywhere(&scratch, &canary, start), Vec::<String>::new());
    // The control: a shell under the same limit says whether this machine dumps cores at all.
    let mut shell = scratch.command_of(Path::new("/bin/sh"));
    shell.args(["-c", "ulimit -c unlimited; kill -SEGV $$"]);
    let dumps = shell.status().unwrap().core_dumped();
    println!("a shell that dies {} a core here", if dumps { "leaves" } else { "does not leave" });
}

#[test]
fn a_launched_program_inherits_nothing_of_ours() {
    let scratch = Scratch::new();
    scratch.call(&["init"], b"").succeeded();
    scratch.call(&["set", "a/main", "--env", "A_KEY"], b"value").succeeded();
    let list = "i=0; while [ $i -lt 256 ]; do [ -e /proc/$$/fd/$i ] && echo fd $i; i=$((i+1)); done; \
                env; exec grep -hE 'core file|Sig' /proc/self/limits /proc/self/status";
    let plain = {
        let mut shell = scratch.command_of(Path::new("/bin/sh"));
        shell.args(["-c", list]);
        String::from_utf8(finish(shell, b"").stdout).unwrap()
    };
    let mut command = scratch.command();
    command
        .args(["run", "--", "/bin/sh", "-c", list])
        .env("CREDENTIALS_DIRECTORY", scratch.path("tmp"))
        .env("CLAWVAULT_IDENTITY", scratch.home().join("identity.txt"))
        .env("CLAWVAULT_ANYTHING", "x");
    let said = finish(command, b"");
    assert_eq!(said.code, Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    let launched = String::from_utf8(said.stdout).unwrap();
    let about = |text: &str, start: &[&str]| -> Vec<String> {
        let wanted = |line: &&str| start.iter().any(|start| line.starts_with(start));
        text.lines().filter(wanted).map(str::to_owned).collect()
    };
    // Besides the three there is only what whoever runs this test left open.
    assert_eq!(about(&launched, &["fd "]), about(&plain, &["fd "]));
    assert!(about(&plain, &["fd "]).starts_with(&["fd 0", "fd 1", "fd 2"].map(str::to_owned)));
    assert_eq!(about(&launched, &["CLAWVAULT_", "CREDENTIALS_"]), Vec::<String>::new());
    assert_eq!(about(&launched, &["A_KEY="]), ["A_KEY=value"]);
    // Signals and the core limit are as they would be without us.
    let own = ["Max core", "SigBlk", "SigIgn", "SigCgt"];
    assert_eq!(about(&launched, &own), about(&plain, &own));

    let mut command = scratch.command();
    let credentials = scratch.path("tmp");
    let key = credentials.join("clawvault-identity");
    fs::copy(scratch.home().join("identity.txt"), &key).unwrap();
    crate::scratch::give(&key);
    command.args(["run", "--identity"]).arg(&key).args(["--", "true"]);
    command.env("CREDENTIALS_DIRECTORY", &credentials);
    finish(command, b"").failed(125);
}
