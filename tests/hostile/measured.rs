//! One scan by the real program, within limits, and what it took.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Most address space of the program, in KiB: what asks for more fails instead of the machine.
const ADDRESSES: &str = "4194304";
/// How long any scan may take.
const LIMIT: Duration = Duration::from_secs(90);
/// Ticks of the kernel's clock for CPU time in one second.
const TICKS: f64 = 100.0;

/// What a scan said and took.
pub(crate) struct Measured {
    /// Its exit code; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
    /// Most memory, in MiB.
    pub(crate) peak: u64,
    /// Seconds of CPU of all its threads.
    pub(crate) cpu: f64,
}

/// Runs `clawvault scan` in that directory.
pub(crate) fn scan(directory: &Path, arguments: &[&str]) -> Measured {
    let home = tempfile::tempdir().expect("a home is made");
    let (out, err) = (home.path().join("out"), home.path().join("err"));
    let create = |path| Stdio::from(fs::File::create(path).expect("a file is made"));
    let mut child = Command::new("sh")
        .args([
            "-c",
            "ulimit -v $0; exec \"$@\"",
            ADDRESSES,
            env!("CARGO_BIN_EXE_clawvault"),
            "scan",
        ])
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .stdout(create(&out))
        .stderr(create(&err))
        .spawn()
        .expect("the program starts");
    let process = format!("/proc/{}", child.id());
    let (started, mut peak) = (Instant::now(), 0);
    // A process that has ended, and was not waited for yet, has no memory any more, but its CPU.
    while let Some(now) = memory(&process) {
        peak = now;
        if started.elapsed() > LIMIT {
            child.kill().expect("it is killed");
            child.wait().expect("it is waited for");
            panic!("{arguments:?} ran for more than {LIMIT:?}");
        }
        sleep(Duration::from_millis(2));
    }
    let cpu = cpu(&process);
    let status = child.wait().expect("it is waited for");
    let err = String::from_utf8_lossy(&fs::read(err).expect("stderr is read")).into_owned();
    assert!(status.signal().is_none(), "{arguments:?} was ended by {status}: {err}");
    Measured { code: status.code(), out: fs::read(out).expect("stdout is read"), err, peak, cpu }
}

/// The kernel's own figure of the peak, in MiB.
fn memory(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
}

/// User and system time; the name, which may hold blanks, ends with a bracket.
fn cpu(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("{process}/stat")).expect("it was not waited for");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(12) + ticks(13)) / TICKS
}
