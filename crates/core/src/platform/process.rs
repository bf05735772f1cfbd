//! Who this process is, which others live, and how it keeps itself from being read.

use std::path::PathBuf;

use crate::domain::{Actor, User};

use super::executable;

use rustix::fs::{Mode, OFlags};
use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, Signal, WaitOptions, WaitStatus, getpid, getrlimit,
    kill_process, setrlimit, waitpid,
};

/// A process, told apart from a later one that reuses its number.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ProcessId {
    /// Process number.
    pub pid: u32,
    /// Start in clock ticks since boot: field 22 of `/proc/PID/stat` (proc(5)).
    pub started: u64,
}

impl ProcessId {
    /// This process.
    pub fn own() -> Self {
        Self::of(std::process::id())
    }

    /// The process that has this number now; one that is over lives no more.
    pub fn of(pid: u32) -> Self {
        Self { pid, started: started(pid).unwrap_or(0) }
    }

    /// True while that very process lives; a zombie lives no more.
    pub fn is_alive(self) -> bool {
        started(self.pid) == Some(self.started)
    }
}

/// Where a process stands among others, as the kernel says at one instant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Kinship {
    /// The process itself.
    pub process: ProcessId,
    /// Number of its parent; 0 where that is in no sight.
    pub parent: u32,
    /// Number of its session's leader; 0 where that is in no sight.
    pub session: u32,
}

/// Where a living process stands.
pub fn kinship(pid: u32) -> Option<Kinship> {
    let text = read_proc(pid, "stat")?;
    let rest: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().take(20).collect();
    let number = |at: usize| rest.get(at)?.parse::<u64>().ok();
    let small = |at: usize| u32::try_from(number(at)?).ok();
    if matches!(*rest.first()?, "Z" | "X") {
        return None;
    }
    // Fields 4, 6 and 22 of proc(5); the state, field 3, is the first here.
    let process = ProcessId { pid, started: number(19)? };
    Some(Kinship { process, parent: small(1)?, session: small(3)? })
}

/// Where numbers and starts of processes mean what they mean here: this boot, and this namespace.
/// None where the system does not say.
pub fn realm() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim_end(), namespace.display()))
}

/// The process that started this one, or took it in.
pub fn parent() -> ProcessId {
    ProcessId::of(std::os::unix::process::parent_id())
}

/// Short name of a process, as its kernel knows it.
pub fn name(pid: u32) -> Option<String> {
    let text = read_proc(pid, "comm")?;
    let shown: String = text.trim_end().chars().filter(|c| !c.is_control()).collect();
    (!shown.is_empty()).then_some(shown)
}

/// Numbers of this user's processes whose short name begins like this, in no order.
pub fn called(begin: &str) -> Vec<u32> {
    use std::os::unix::fs::MetadataExt;
    let ours = |entry: &std::fs::DirEntry| {
        entry.metadata().is_ok_and(|metadata| metadata.uid() == effective_uid())
    };
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten().filter(ours);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| name(*pid).is_some_and(|name| name.starts_with(begin))).collect()
}

/// Whether a process whose name begins like this has a child whose name does, whoever's they are: a server of
/// logins with a login open. None where the system hides the processes of others.
pub fn has_session(begin: &str) -> Option<bool> {
    name(1)?;
    let is_one = |pid: u32| name(pid).is_some_and(|name| name.starts_with(begin));
    let entries = std::fs::read_dir("/proc").ok()?.flatten();
    let mut pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Some(pids.any(|pid| is_one(pid) && kinship(pid).is_some_and(|kin| is_one(kin.parent))))
}

/// How a process was called: its arguments, each with a zero behind it; empty where that is in no
/// sight.
pub fn command_line(pid: u32) -> Vec<u8> {
    read_proc(pid, "cmdline").unwrap_or_default().into_bytes()
}

/// Effective user id of this process.
pub fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Number of a user; none where the system does not know the name.
pub fn uid_of(user: &User) -> Option<u32> {
    user.number().or_else(|| {
        let found = nix::unistd::User::from_name(user.as_str()).ok()?;
        found.map(|found| found.uid.as_raw())
    })
}

/// Ends a child's process group at once.
pub fn kill_group(leader: u32) {
    let pid = i32::try_from(leader).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended by itself.
        rustix::process::kill_process_group(pid, Signal::KILL).ok();
    }
}

/// Path of the running executable.
pub fn executable() -> Option<PathBuf> {
    std::fs::read_link("/proc/self/exe").ok()
}

/// Who this process is, and who started it, for the audit log.
pub fn actor() -> Actor {
    let parent = std::os::unix::process::parent_id();
    actor_of(std::process::id(), effective_uid(), parent)
}

/// Who a process is, as the kernel tells; what may not be seen of it stays empty.
pub fn actor_of(pid: u32, uid: u32, parent_pid: u32) -> Actor {
    let file = |pid: u32| {
        let link = PathBuf::from(format!("/proc/{pid}/exe"));
        let path = std::fs::read_link(&link).ok()?.to_string_lossy().into_owned();
        Some((path, executable::identity(&link)))
    };
    let (executable, file_own) = file(pid).unwrap_or_default();
    let (parent_executable, parent_file) = file(parent_pid).unwrap_or_default();
    Actor {
        uid,
        pid,
        executable,
        file: file_own,
        parent: name(parent_pid).unwrap_or_default(),
        parent_pid,
        parent_executable,
        parent_file,
    }
}

/// What became of a child, or of any, since this was last asked: stopped, or ended.
///
/// # Errors
/// Where there is no such child.
pub fn changed(child: Option<Pid>) -> rustix::io::Result<Option<(Pid, WaitStatus)>> {
    waitpid(child, WaitOptions::NOHANG | WaitOptions::UNTRACED)
}

/// The exit code of a program that ended, as a shell gives it.
pub fn exit_code(status: WaitStatus) -> Option<u8> {
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|n| 128 + n))?;
    Some(u8::try_from(code).unwrap_or(u8::MAX))
}

/// Stops this process until another continues it.
pub fn stop_until_continued() {
    kill_process(getpid(), Signal::STOP).ok();
}

/// The core limit as it was before [`harden`]; a launched program gets it back.
#[derive(Clone, Copy, Debug)]
pub struct CoreLimit(Option<u64>, Option<u64>);

/// Most parents that are looked at.
const MAX_CHAIN: usize = 256;

/// The chain of parents of a process, itself first, as far as it can be seen; each was the parent of
/// the one before when it was read.
pub fn chain(process: ProcessId) -> Vec<Kinship> {
    let Some(mut at) = kinship(process.pid).filter(|found| found.process == process) else {
        return Vec::new();
    };
    let mut all = vec![at];
    while at.parent > 0 && all.len() < MAX_CHAIN {
        let Some(parent) = kinship(at.parent) else { break };
        // A number that was given anew since belongs to a later process, or is no parent any more.
        let still = kinship(at.process.pid).is_some_and(|now| now == at);
        if parent.process.started > at.process.started || !still {
            break;
        }
        all.push(parent);
        at = parent;
    }
    all
}

/// Makes this process undumpable: no core file, no ptrace or `/proc/PID/mem` by its own user.
///
/// Returns the old core limit and whether the kernel agreed.
pub fn harden() -> (CoreLimit, bool) {
    let old = getrlimit(Resource::Core);
    let limited = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: old.maximum });
    let silent = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    (CoreLimit(old.current, old.maximum), limited.is_ok() && silent.is_ok())
}

/// Gives the core limit back, just before another program takes this process over.
pub fn restore_core_limit(limit: CoreLimit) {
    setrlimit(Resource::Core, Rlimit { current: limit.0, maximum: limit.1 }).ok();
}

/// Reads a short file of a process in one call: the kernel makes it up for each.
fn read_proc(pid: u32, file: &str) -> Option<String> {
    let path = format!("/proc/{pid}/{file}");
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(path, flags, Mode::empty()).ok()?;
    let mut buffer = [0; 2048];
    let length = rustix::io::read(fd, &mut buffer).ok()?;
    Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

fn started(pid: u32) -> Option<u64> {
    let text = read_proc(pid, "stat")?;
    // The name (field 2) may hold spaces and parentheses: count from the last one.
    let mut rest = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = rest.next()?;
    let started = rest.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_number_and_start() {
        let own = ProcessId::own();
        assert!(own.started > 0 && own.is_alive());
        assert!(!ProcessId { started: own.started + 1, ..own }.is_alive());
        assert!(name(own.pid).is_some());
        let kin = kinship(own.pid).unwrap();
        assert_eq!((kin.process, kin.parent), (own, std::os::unix::process::parent_id()));
        assert!(kinship(u32::MAX).is_none());
    }
}
