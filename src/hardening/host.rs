//! The machine, or the mounted tree of one, as the checks may see it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clawvault_core::domain::Installation;
use clawvault_core::platform::{Bounds, Meta, Step, Walked};

use super::baseline::Baseline;
use super::supply::{Leaks, OwnFinding, VaultWord};

/// Why something could not be looked at. A check that meets it ends as `unknown`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unseen {
    /// There is no such thing; [`super::Facts`] turns it into "none" where that is an answer.
    #[error("{0} does not exist")]
    Missing(String),
    /// The user who audits may not see it.
    #[error("{0} needs root")]
    NeedsRoot(String),
    /// Only a running machine tells it.
    #[error("{0} can be seen on the running machine only")]
    NotLive(&'static str),
    /// Anything else, in words.
    #[error("{0}")]
    Odd(String),
}

/// What a program printed.
#[derive(Clone, Debug)]
pub struct Printed {
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub text: String,
}

/// What the checks are given. Paths are absolute, from the audited root.
pub trait Host {
    /// Whether it is this very machine, running, and not a tree.
    fn is_live(&self) -> bool;
    /// Whether root looks.
    fn is_root(&self) -> bool;
    /// Seconds since 1970-01-01 UTC.
    fn now(&self) -> i64;
    /// A regular file's bytes, at most `max`.
    fn read(&self, path: &Path, max: usize) -> Result<Vec<u8>, Unseen>;
    /// What lies there, links followed.
    fn meta(&self, path: &Path) -> Result<Meta, Unseen>;
    /// What a link says.
    fn link(&self, path: &Path) -> Result<PathBuf, Unseen>;
    /// Names in a directory, sorted, at most `max`.
    fn list(&self, path: &Path, max: usize) -> Result<Vec<PathBuf>, Unseen>;
    /// Visits what lies below a directory, bounded; no link is followed.
    fn walk(
        &self,
        top: &Path,
        bounds: Bounds,
        visit: &mut dyn FnMut(&Path, &Meta) -> Step,
    ) -> Result<Walked, Unseen>;
    /// Runs a program by its absolute path, without a shell, stdin or a language, for ten seconds and
    /// 16 MiB at most. [`Unseen::Missing`] where there is none; [`Unseen::NotLive`] for a tree.
    fn run(&self, program: &'static str, arguments: &[&str]) -> Result<Printed, Unseen>;
    /// One TCP connection: sends, and gives what comes back until the other side is done, falls silent
    /// for a second, or has said `max` bytes. [`Unseen::NotLive`] for a tree, or where nobody wants probes.
    fn exchange(&self, to: SocketAddr, send: &[u8], max: usize) -> Result<Vec<u8>, Unseen>;
    /// BLAKE3 of a regular file in hex, of at most `max` bytes.
    fn digest(&self, path: &Path, max: u64) -> Result<String, Unseen>;
    /// The baseline that was made of this host; none where there is none.
    fn baseline(&self) -> Result<Option<Baseline>, Unseen>;
    /// Reads a configuration of OpenClaw: JSON5, bounded in depth and count.
    fn json5(&self, bytes: &[u8]) -> Result<serde_json::Value, Unseen>;
    /// OpenClaw's state directory of the user who audits, where one is named or usual; it counts
    /// beside those below the homes of the host's users.
    fn own_openclaw(&self) -> Option<PathBuf>;
    /// An installation of OpenClaw: its state directory, and the home of its user.
    fn installation(&self, home: &Path, user: &Path) -> Installation;
    /// Secrets that lie in clear in these installations, in histories below the homes of these
    /// users, in units, in environments of processes.
    fn leaks(&self, installations: &[Installation], users: &[PathBuf]) -> Result<Leaks, Unseen>;
    /// What the vault of the user who audits tells.
    fn vault(&self) -> Result<VaultWord, Unseen>;
    /// What OpenClaw's own audit finds in this installation.
    fn own_audit(&self, home: &Path) -> Result<Vec<OwnFinding>, Unseen>;
}
