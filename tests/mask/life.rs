//! How the program lives and ends beside us, on pipes.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::sandbox::{self, Said};
use crate::{KEY_MARK, masked, script, text, vault};

/// Nothing that is waited for here takes so long, unless it is broken.
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn its_end_is_ours() {
    let sandbox = vault();
    let code = |text: &str| script(&sandbox, text).code();
    assert_eq!(code("exit 0"), Some(0));
    assert_eq!(code("exit 3"), Some(3));
    assert_eq!(code("exit 255"), Some(255));
    assert_eq!(code("kill -TERM $$"), Some(143));
    assert_eq!(code("kill -KILL $$"), Some(137));
    let of = |program: &str| sandbox::run(&mut masked(&sandbox, &[program]), b"");
    let none = of("no-such-program");
    assert_eq!((none.code(), none.err.lines().count()), (Some(127), 2));
    assert_eq!(of("/etc/passwd").code(), Some(126));
    // What does not say what it is written in is the shell's.
    let bare = sandbox.path("bare");
    sandbox::run(
        Command::new("sh").args(["-c", "printf 'echo no shebang' >$0; chmod 755 $0"]).arg(&bare),
        b"",
    );
    assert_eq!(text(&of(bare.to_str().unwrap()).out), "no shebang\n");
}

#[test]
fn signals_to_us_reach_it() {
    let sandbox = vault();
    for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("QUIT", 3), ("USR1", 10)] {
        let trap = format!(
            "trap 'echo got; kill $!; exit {number}' {signal}; sleep 60 & echo ready; wait"
        );
        let (mut child, mut lines) = start(masked(&sandbox, &["sh", "-c", &trap]));
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        kill(signal, child.id());
        assert_eq!(lines.next().unwrap().unwrap(), "got", "{signal}");
        assert_eq!(wait(&mut child), Some(number));
    }
    let (mut child, mut lines) =
        start(masked(&sandbox, &["sh", "-c", "echo ready; exec sleep 60"]));
    lines.next().unwrap().unwrap();
    kill("TERM", child.id());
    assert_eq!(wait(&mut child), Some(143));
}

/// `nohup` and the like set what their programs ignore.
#[test]
fn what_is_ignored_stays_ignored() {
    let sandbox = vault();
    let inner = "kill -HUP $PPID; kill -HUP $$; echo alive";
    let outer = format!("trap '' HUP; exec {} run --mask -- sh -c '{inner}'", sandbox::PROGRAM);
    let mut shell = Command::new("sh");
    shell.args(["-c", &outer]).env("CLAWVAULT_HOME", sandbox.home());
    assert_eq!(sandbox::run(&mut shell, b"").sound("ignored"), "alive\n");
}

/// A signal of the terminal or the shell goes to the whole group; the program gets it once by
/// itself, and nobody but the sender decides how often it comes.
#[test]
fn it_stays_in_our_group_and_its_stdin_is_ours() {
    let sandbox = vault();
    let mut command = masked(&sandbox, &["sh", "-c", "cut -d' ' -f5 /proc/self/stat; cat"]);
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"given\n").unwrap();
    let group = child.id();
    let said = Said::of(child.wait_with_output().unwrap()).sound("group");
    assert_eq!(said, format!("{group}\ngiven\n"));
}

#[test]
fn a_reader_that_goes_away_is_noticed_by_the_program() {
    let sandbox = vault();
    let (mut child, mut lines) = start(masked(&sandbox, &["yes"]));
    lines.next().unwrap().unwrap();
    drop(lines);
    // 128 + SIGPIPE, as without us.
    assert_eq!(wait(&mut child), Some(141));
    // With stdout gone, stderr goes on.
    let both = "sh -c 'while echo x; do :; done 2>/dev/null; echo end >&2'";
    let outer = format!("{{ {} run --mask -- {both}; }} | head -n1", sandbox::PROGRAM);
    let mut shell = Command::new("sh");
    shell.args(["-c", &outer]).env("CLAWVAULT_HOME", sandbox.home());
    let said = sandbox::run(&mut shell, b"");
    assert_eq!(text(&said.out), "x\n");
}

#[test]
fn a_full_disk_is_told() {
    let sandbox = vault();
    let outer = format!("{} run --mask -- echo lost >/dev/full", sandbox::PROGRAM);
    let mut shell = Command::new("sh");
    shell.args(["-c", &outer]).env("CLAWVAULT_HOME", sandbox.home());
    let said = sandbox::run(&mut shell, b"");
    assert_eq!(said.code(), Some(7));
    assert!(said.err.contains("stdout could not be written"), "{}", said.err);
}

#[test]
fn its_end_does_not_wait_for_whom_it_left_behind() {
    let sandbox = vault();
    let began = Instant::now();
    // What it wrote itself is there to the last byte, though others hold the pipe open.
    let said = script(&sandbox, "sleep 60 & seq 20000; echo $KEY; echo $!");
    assert!(began.elapsed() < LIMIT);
    let said = said.sound("left behind");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((lines.len(), lines[20_000]), (20_002, KEY_MARK));
    kill("KILL", lines[20_001].parse().unwrap());
}

#[test]
fn other_commands_work_while_it_runs_and_its_versions_count_as_held() {
    let sandbox = vault();
    let mut command = masked(&sandbox, &["sh", "-c", "echo $$; read line"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let program = lines.next().unwrap().unwrap();
    sandbox.run(&["set", "env/other"], b"another value").sound("set");
    // The record names the program: it counts even if we are killed.
    let records: Vec<String> = std::fs::read_dir(sandbox.home().join("run/runs"))
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert_eq!(records.len(), 1, "{records:?}");
    assert!(records[0].contains(&format!("\"pid\":{program},")), "{records:?}");
    let status = text(&sandbox.run(&["status"], b"").out);
    assert!(status.contains(&program), "{status}");
    drop(child.stdin.take());
    wait(&mut child);
}

#[test]
fn nothing_of_ours_is_open_in_it_and_its_core_limit_is_its_own() {
    let sandbox = vault();
    let said = |mask: &str| {
        let inner = "ls /proc/self/fd; ulimit -S -c";
        let program = sandbox::PROGRAM;
        let outer = format!("ulimit -S -c 4096; exec {program} run {mask} -- sh -c '{inner}'");
        let mut shell = Command::new("sh");
        shell.args(["-c", &outer]).env("CLAWVAULT_HOME", sandbox.home());
        sandbox::run(&mut shell, b"").sound("open")
    };
    let masked = said("--mask");
    assert_eq!(masked, said(""));
    assert!(masked.ends_with("\n4096\n"), "{masked}");
}

fn start(mut command: Command) -> (Child, std::io::Lines<BufReader<impl Read>>) {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

fn kill(signal: &str, pid: u32) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).status();
    assert!(sent.unwrap().success());
}

fn wait(child: &mut Child) -> Option<i32> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(began.elapsed() < LIMIT, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}
