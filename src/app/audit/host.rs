//! The machine that the checks see: files below a root, programs, one connection at a time.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clawvault_core::domain::Installation;
use clawvault_core::platform::process::effective_uid;
use clawvault_core::platform::read::ReadError;
use clawvault_core::platform::{Bounds, Clock, Meta, Rooted, Step, SystemClock, Walked};
use rustix::io::Errno;
use serde_json::Value;

use crate::app::{App, AppError, Code};
use crate::hardening::baseline::Baseline;
use crate::hardening::{Host, Leaks, OwnFinding, Printed, Unseen, VaultWord};
use crate::intake::Tree;
use crate::openclaw;
use crate::programs::{Program, ProgramError, capture_any};

use super::AuditAsk;
use super::own_audit::OpenClawProgram;

/// Longest that a program may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most that a program may print, in bytes.
const MAX_PRINTED: usize = 16 << 20;
/// Longest that a listener may take to answer, and be silent.
const SILENCE: Duration = Duration::from_secs(1);
/// Longest that one connection may take in all.
const CONNECTION: Duration = Duration::from_secs(3);

/// A machine or a tree.
pub(super) struct System {
    pub(super) tree: Rooted,
    pub(super) root: PathBuf,
    pub(super) is_live: bool,
    /// The vault of the user who audits; none where nobody is to open it.
    pub(super) vault: Option<App>,
    own_openclaw: Option<PathBuf>,
    /// OpenClaw's own program.
    pub(super) openclaw: Option<OpenClawProgram>,
    /// Where this user's history and baseline are kept.
    state: Option<PathBuf>,
    probes: bool,
    environment: BTreeMap<OsString, OsString>,
}

impl System {
    /// This machine, or the tree at `root`.
    pub(super) fn open(ask: AuditAsk) -> Result<Self, AppError> {
        let AuditAsk { root, probes, vault, openclaw, own_openclaw, state, .. } = ask;
        let is_live = root.is_none();
        let path = root.unwrap_or_else(|| PathBuf::from("/"));
        let tree = Rooted::open(&path).map_err(|error| {
            let what = format!("{} cannot be audited: {error}", path.display());
            AppError::new(Code::Missing, what, "Name the directory that the system is mounted at.")
        })?;
        // Programs are to speak the language that their readers know.
        let environment = BTreeMap::from([
            ("LC_ALL".into(), "C".into()),
            ("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into()),
        ]);
        let probes = probes && is_live;
        Ok(Self {
            tree,
            root: path,
            is_live,
            vault,
            openclaw,
            own_openclaw,
            state,
            probes,
            environment,
        })
    }

    /// What the host calls itself.
    pub(super) fn name(&self) -> String {
        let file = if self.is_live { "/proc/sys/kernel/hostname" } else { "/etc/hostname" };
        let bytes = self.tree.read(Path::new(file), 1024).unwrap_or_default();
        let name = clawvault_scan::report::printable(bytes.trim_ascii());
        if name.is_empty() { "unknown".to_owned() } else { name }
    }
}

impl Host for System {
    fn is_live(&self) -> bool {
        self.is_live
    }

    fn is_root(&self) -> bool {
        effective_uid() == 0
    }

    fn now(&self) -> i64 {
        SystemClock.now_ms() / 1000
    }

    fn read(&self, path: &Path, max: usize) -> Result<Vec<u8>, Unseen> {
        self.tree.read(path, max).map_err(|error| unseen(path, error))
    }

    fn meta(&self, path: &Path) -> Result<Meta, Unseen> {
        self.tree.meta(path).map_err(|error| unseen(path, error))
    }

    fn link(&self, path: &Path) -> Result<PathBuf, Unseen> {
        self.tree.link(path).map_err(|error| unseen(path, error))
    }

    fn list(&self, path: &Path, max: usize) -> Result<Vec<PathBuf>, Unseen> {
        let names = self.tree.list(path, max).map_err(|error| unseen(path, error))?;
        Ok(names.into_iter().map(PathBuf::from).collect())
    }

    fn walk(
        &self,
        top: &Path,
        bounds: Bounds,
        visit: &mut dyn FnMut(&Path, &Meta) -> Step,
    ) -> Result<Walked, Unseen> {
        self.tree.walk(top, bounds, visit).map_err(|error| unseen(top, error))
    }

    fn run(&self, program: &'static str, arguments: &[&str]) -> Result<Printed, Unseen> {
        if !self.is_live {
            return Err(Unseen::NotLive("what programs say"));
        }
        self.meta(Path::new(program))?;
        run(program, arguments, &self.environment)
    }

    fn exchange(&self, to: SocketAddr, send: &[u8], max: usize) -> Result<Vec<u8>, Unseen> {
        if !self.probes {
            return Err(Unseen::NotLive("what a listener answers"));
        }
        let failed =
            |error: std::io::Error| Unseen::Odd(format!("{to} does not answer: {}", error.kind()));
        let mut stream = TcpStream::connect_timeout(&to, SILENCE).map_err(failed)?;
        stream.set_read_timeout(Some(SILENCE)).map_err(failed)?;
        stream.set_write_timeout(Some(SILENCE)).map_err(failed)?;
        stream.write_all(send).map_err(failed)?;
        let (end, mut heard, mut piece) = (Instant::now() + CONNECTION, Vec::new(), [0; 4096]);
        while heard.len() < max && Instant::now() < end {
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => heard.extend_from_slice(piece.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                // Whoever is silent, or hangs up, has said what it has to say.
                Err(_) => break,
            }
        }
        heard.truncate(max);
        Ok(heard)
    }

    fn own_openclaw(&self) -> Option<PathBuf> {
        self.own_openclaw.clone()
    }

    fn installation(&self, home: &Path, user: &Path) -> Installation {
        openclaw::installation(&self.tree, &self.root, home, user)
    }

    fn leaks(&self, homes: &[Installation], users: &[PathBuf]) -> Result<Leaks, Unseen> {
        Ok(super::leaks::leaks(self, homes, users))
    }

    fn vault(&self) -> Result<VaultWord, Unseen> {
        match &self.vault {
            _ if !self.is_live => Err(Unseen::NotLive("the vault")),
            None => Err(Unseen::Odd("the vault was not asked".to_owned())),
            Some(app) => {
                super::vault::word(app, self.now()).map_err(|error| Unseen::Odd(error.what))
            }
        }
    }

    fn own_audit(&self, home: &Path) -> Result<Vec<OwnFinding>, Unseen> {
        super::own_audit::findings(self, home)
    }

    fn digest(&self, path: &Path, max: u64) -> Result<String, Unseen> {
        let file = self.tree.file(path).map_err(|error| unseen(path, error))?;
        let mut hasher = blake3::Hasher::new();
        let hashed = hasher.update_reader(file.take(max));
        hashed.map_err(|error| Unseen::Odd(format!("{}: {}", path.display(), error.kind())))?;
        Ok(hasher.finalize().to_hex().to_string())
    }

    fn baseline(&self) -> Result<Option<Baseline>, Unseen> {
        let Some(state) = &self.state else { return Ok(None) };
        super::baseline::kept(state).map_err(|error| Unseen::Odd(error.to_string()))
    }

    fn json5(&self, bytes: &[u8]) -> Result<Value, Unseen> {
        let parsed = openclaw::config::parse(bytes);
        parsed.map(value).map_err(|error| Unseen::Odd(format!("no JSON5 document: {error}")))
    }
}

fn unseen(path: &Path, error: ReadError) -> Unseen {
    let name = clawvault_scan::report::printable(path.as_os_str().as_encoded_bytes());
    match error {
        ReadError::Missing => Unseen::Missing(name),
        ReadError::System(Errno::ACCESS | Errno::PERM) => Unseen::NeedsRoot(name),
        ReadError::System(Errno::NOSYS) => {
            Unseen::Odd("--root takes a kernel of 5.6 or newer".to_owned())
        }
        other => Unseen::Odd(format!("{name}: {other}")),
    }
}

fn value(tree: Tree) -> Value {
    match tree {
        Tree::Text(text) => Value::String(text.to_string()),
        Tree::List(all) => Value::Array(all.into_iter().map(value).collect()),
        Tree::Map(all) => {
            Value::Object(all.into_iter().map(|(key, one)| (key, value(one))).collect())
        }
        Tree::Truth(truth) => Value::Bool(truth),
        Tree::Whole(number) => Value::from(number),
        Tree::Other => Value::Null,
    }
}

/// Runs a program to its end, within bounds.
pub(super) fn run(
    program: &'static str,
    arguments: &[&str],
    environment: &BTreeMap<OsString, OsString>,
) -> Result<Printed, Unseen> {
    let asked = Program { name: program, path: Path::new(program), environment };
    let arguments = arguments.iter().map(OsString::from).collect();
    let captured = capture_any(asked, arguments, MAX_PRINTED, PATIENCE);
    let (bytes, status) = captured.map_err(|error| match error {
        ProgramError::NotRun(_, std::io::ErrorKind::PermissionDenied) => {
            Unseen::NeedsRoot(format!("running {program}"))
        }
        other => Unseen::Odd(other.to_string()),
    })?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Printed { code: status.code(), text })
}
