//! Starts a program for a test, captures what it says, waits for it without long sleeps, and stops
//! it: politely when the test asks, with its whole process group when the test panics.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(50);
const HTTP_TIMEOUT: Duration = Duration::from_secs(2);

/// A running program in its own process group; killed with that group on drop.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with an empty stdin and both outputs in the file `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let output = File::create(log).expect("the log file is created");
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("the log file is duplicated"))
            .stderr(output)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self { child, log: log.to_owned() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `http://127.0.0.1:PORT/PATH` answers 200; panics when the program ends before.
    pub(crate) fn wait_http_ok(&mut self, port: u16, path: &str, limit: Duration) {
        let end = Instant::now() + limit;
        while !http_ok(port, path) {
            if let Some(status) = self.child.try_wait().expect("the child is waited for") {
                panic!("ended with {status} before {path} answered; {}", self.said());
            }
            assert!(Instant::now() < end, "{path} is silent for {limit:?}; {}", self.said());
            sleep(POLL);
        }
    }

    /// Waits for the program's own end.
    pub(crate) fn wait(&mut self, limit: Duration) -> ExitStatus {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child is waited for") {
                return status;
            }
            assert!(Instant::now() < end, "still running after {limit:?}; {}", self.said());
            sleep(POLL);
        }
    }

    /// Sends SIGTERM to the program alone, not to its group, and waits for its end.
    pub(crate) fn terminate(&mut self, limit: Duration) -> ExitStatus {
        assert!(kill("TERM", &self.id().to_string()), "SIGTERM was not delivered");
        self.wait(limit)
    }

    /// The last lines of its output, for a message about a failure.
    pub(crate) fn said(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(20)..].join("\n");
        format!("its last words:\n{last}")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            kill("KILL", &format!("-{}", self.id()));
            let _ = self.child.wait();
        }
    }
}

/// A free port of the loopback address, below the range that the kernel gives to outgoing
/// connections: nothing takes it by chance before the program under test binds it.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 20_000;
    const SPAN: u16 = 10_000;
    let start = (std::process::id() % u32::from(SPAN)) as u16;
    (0..SPAN)
        .map(|_| FIRST + (start + NEXT.fetch_add(7, Ordering::Relaxed) % SPAN) % SPAN)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a loopback port is free")
}

fn http_ok(port: u16, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, HTTP_TIMEOUT)?;
        stream.set_read_timeout(Some(HTTP_TIMEOUT))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")?;
        let mut status = [0; b"HTTP/1.1 200".len()];
        stream.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

/// std sends no signal but SIGKILL, and only to one process; the shell's own `kill` is everywhere.
fn kill(signal: &str, target: &str) -> bool {
    Command::new("sh")
        .args(["-c", "kill -s \"$1\" -- \"$2\"", "sh", signal, target])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
