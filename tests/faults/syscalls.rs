//! Every system call that touches files, by `strace`: the process is killed there, or the call
//! fails. What the loader does before the program, and a launched program after it, is not ours.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::judge::judge;
use super::random::{Random, trials};
use super::sandbox::{PROGRAM, Said, Sandbox, run};
use super::scenes::Stage;
use super::{for_each, stages};

/// Trials beyond those of the sessions in `WHOLE`.
const MORE: usize = 200;
/// Sessions of which every call is tried each time, with so many of the faults.
const WHOLE: &[(&str, usize)] = &[("set", FAULTS.len()), ("rekey", 1)];
const CALLS: &str = "openat,write,pwrite64,fsync,fdatasync,ftruncate,fallocate,flock,fchmod,mkdir,\
                     mkdirat,rename,renameat,renameat2,unlink,unlinkat";
const FAULTS: [&str; 5] =
    ["signal=KILL", "error=EIO", "error=ENOSPC", "error=EINTR", "error=EDQUOT"];

struct Trial<'a> {
    stage: &'a Stage,
    fault: &'static str,
    call: Call,
}

/// A system call by its name and which of its kind it is, from 1: `strace` counts each kind alone.
#[derive(Clone)]
struct Call {
    name: String,
    nth: usize,
}

#[test]
fn every_system_call_kills_or_fails() {
    let test = "every_system_call_kills_or_fails";
    if !has_strace(test) {
        return;
    }
    let mut random = Random::of_test("system calls");
    let stages = stages();
    let start = Instant::now();
    let (mut whole, mut rest) = (Vec::new(), Vec::new());
    for stage in stages.iter().filter(|stage| stage.scene.also.is_empty()) {
        for call in own_calls(stage) {
            let named = WHOLE.iter().find(|(name, _)| *name == stage.scene.name);
            for (number, fault) in FAULTS.into_iter().enumerate() {
                let is_needed = named.is_some_and(|(_, count)| number < *count);
                let list = if is_needed { &mut whole } else { &mut rest };
                list.push(Trial { stage, fault, call: call.clone() });
            }
        }
    }
    let (needed, of) = (whole.len(), rest.len());
    assert!(needed > 20 * WHOLE.len(), "only {needed} calls were seen");
    whole.extend(random.sample(rest, trials(MORE)));
    for_each(&whole, Trial::run);
    println!(
        "{needed} faults, at each call of {WHOLE:?}; {} of {of} others, at calls of all sessions: \
         {:.1} s",
        whole.len() - needed,
        start.elapsed().as_secs_f64()
    );
}

/// Whether `strace` is there; where it is not, the test says that it is skipped.
pub(crate) fn has_strace(test: &str) -> bool {
    let has = Command::new("strace").arg("-V").output().is_ok_and(|out| out.status.success());
    if !has {
        println!("SKIP {test}: needs strace");
    }
    has
}

/// Plays the session under `strace` with these options; its record names the calls.
pub(crate) fn traced(stage: &Stage, sandbox: &Sandbox, options: &[&str]) -> (Said, String) {
    let record = sandbox.path("calls");
    let command = stage.command(sandbox, Path::new(PROGRAM));
    let mut strace = Command::new("strace");
    strace.args(["--follow-forks", "--string-limit=256", "--output"]).arg(&record);
    strace.args(options).arg("--").arg(command.get_program()).args(command.get_args());
    strace.env_clear().env("PATH", "/usr/bin:/bin");
    strace.env("CLAWVAULT_HOME", sandbox.home());
    let said = run(&mut strace, stage.scene.input.as_bytes());
    let calls = fs::read(&record).expect("strace leaves its record");
    (said, String::from_utf8_lossy(&calls).into_owned())
}

/// The calls between the loader's last and the launch of another program.
fn own_calls(stage: &Stage) -> Vec<Call> {
    let sandbox = stage.sandbox();
    let (said, record) = traced(stage, &sandbox, &[&format!("--trace={CALLS},execve")]);
    assert_eq!(said.code(), Some(stage.scene.code), "{}: {}", stage.scene.name, said.err);
    let (mut calls, mut counts) = (Vec::new(), BTreeMap::new());
    // A line is `PID NAME(…`; the first execve is the program's own start.
    for line in record.lines().skip(1) {
        let Some((before, _)) = line.split_once('(') else { continue };
        let name = before.rsplit(' ').next().unwrap_or_default();
        if name == "execve" {
            break;
        }
        let nth = counts.entry(name).and_modify(|count| *count += 1).or_insert(1_usize);
        if line.contains(".so") {
            calls.clear();
        } else {
            calls.push(Call { name: name.to_owned(), nth: *nth });
        }
    }
    calls
}

impl Trial<'_> {
    fn run(&self) {
        let sandbox = self.stage.sandbox();
        let Call { name, nth } = &self.call;
        let inject = format!("--inject={name}:{}:when={nth}", self.fault);
        let (said, record) = traced(self.stage, &sandbox, &[&format!("--trace={CALLS}"), &inject]);
        let call = record.lines().find(|line| line.contains("(INJECTED)")).unwrap_or_default();
        let name = format!("{}: {} at {name} {nth}: {call}", self.stage.scene.name, self.fault);
        let killed = self.fault == FAULTS[0];
        assert_eq!(said.code().is_none(), killed, "{name}: {:?} {}", said.status, said.err);
        assert!(killed || !call.is_empty(), "{name}: it did not fail");
        // Who cannot write to the terminal cannot say why.
        let mute = [" write(1, ", " write(2, "].iter().any(|own| call.contains(own));
        judge(&name, self.stage, &sandbox, &said, mute);
    }
}
