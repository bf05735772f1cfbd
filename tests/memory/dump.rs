//! What lies in the memory of a process that stands still, read as root from `/proc/PID/mem`.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a process may take until it stands where it is wanted.
const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(2);

/// System calls in which a process is caught, by number.
#[cfg(target_arch = "x86_64")]
mod number {
    pub(crate) const READ: u64 = 0;
    pub(crate) const WRITE: u64 = 1;
    pub(crate) const SLEEP: u64 = 230;
    pub(crate) const EXIT: u64 = 231;
}
#[cfg(target_arch = "aarch64")]
mod number {
    pub(crate) const READ: u64 = 63;
    pub(crate) const WRITE: u64 = 64;
    pub(crate) const SLEEP: u64 = 115;
    pub(crate) const EXIT: u64 = 94;
}

/// Where a process stands still.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    /// Reading from this descriptor.
    Read(u64),
    /// Writing to this descriptor.
    Write(u64),
    /// Sleeping, as one does who waits for the vault's lock.
    Sleep,
    /// Before its last call: it has returned from everything.
    End,
}

/// Waits until the process stands there.
pub(crate) fn wait_until(pid: u32, at: At) {
    let end = Instant::now() + LIMIT;
    while !stands(pid, at) {
        assert!(Instant::now() < end, "{pid} is not at {at:?}: {:?}", call(pid));
        sleep(POLL);
    }
}

fn stands(pid: u32, at: At) -> bool {
    let Some((number, first)) = call(pid) else { return false };
    match at {
        At::Read(fd) => number == number::READ && first == fd,
        At::Write(fd) => number == number::WRITE && first == fd,
        At::Sleep => number == number::SLEEP,
        At::End => number == number::EXIT,
    }
}

/// The call that a process is blocked in, and its first argument.
fn call(pid: u32) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
    let mut words = text.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let first = words.next()?.strip_prefix("0x")?;
    Some((number, u64::from_str_radix(first, 16).ok()?))
}

/// The product as `parent` started it; a tracer also starts processes to try itself out.
pub(crate) fn product_of(parent: u32) -> u32 {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let end = Instant::now() + LIMIT;
    loop {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let is_product = |pid: &&str| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "clawvault\n")
        };
        if let Some(pid) = text.split_whitespace().find(is_product) {
            return pid.parse().unwrap();
        }
        assert!(Instant::now() < end, "{parent} does not start the product");
        sleep(POLL);
    }
}

/// Every readable byte of a process: stack, heap, data, and the files that it has mapped.
pub(crate) fn dump(pid: u32) -> Vec<Vec<u8>> {
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let read = |line: &str| {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next()?, words.next()?);
        // The kernel's own pages are the same in every process.
        let kernels = ["[vvar", "[vsyscall]"].iter().any(|name| line.contains(name));
        if !rights.starts_with('r') || kernels {
            return None;
        }
        let (start, end) = range.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let mut bytes = vec![0; usize::try_from(number(end) - number(start)).unwrap()];
        memory.read_exact_at(&mut bytes, number(start)).unwrap_or_else(|e| panic!("{line}: {e}"));
        Some(bytes)
    };
    maps.lines().filter_map(read).collect()
}

/// A number of `/proc/PID/status`, as `VmLck`.
pub(crate) fn status(pid: u32, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
}
