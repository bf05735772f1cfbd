//! What was typed: histories of shells and of other programs that read commands.
//!
//! A history is scanned as what was meant, not as its program wrote it: zsh's masked bytes, fish's and
//! libedit's escapes are undone. A finding names the line in the file and the command that it is in.

mod form;

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::ops::RangeInclusive;
use std::path::Path;

use bstr::ByteSlice as _;
use zeroize::Zeroizing;

use super::{Outcome, Summary};
use crate::engine::{Scanner, Text};
use crate::finding::{Finding, masked};
use form::Typed;
pub use form::{META, continued, is_time};

/// Largest history, in bytes.
const MAX_HISTORY: u64 = 64 << 20;
/// Of a command, so much of its beginning is told, in bytes.
const MAX_SHOWN: usize = 80;

/// The program that a history is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Program {
    /// bash, and other shells that write a command a line.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// Python's prompt.
    Python,
    /// PostgreSQL's psql.
    Psql,
    /// MySQL's and MariaDB's prompt.
    Mysql,
    /// SQLite's prompt.
    Sqlite,
    /// redis-cli.
    Redis,
    /// Node.js's prompt.
    Node,
}

/// Says how to take commands out of a history: the ones that these lines of its file are.
pub type Remedy<'a> = dyn Fn(Program, RangeInclusive<usize>) -> String + 'a;

impl Program {
    /// Whose history a file is, by its name, else by what it holds.
    pub fn of(path: &Path, bytes: &[u8]) -> Self {
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase());
        let name = name.unwrap_or_default();
        let called = [
            ("fish", Self::Fish),
            ("zsh", Self::Zsh),
            ("zhistory", Self::Zsh),
            ("bash", Self::Bash),
            ("python", Self::Python),
            ("psql", Self::Psql),
            ("mysql", Self::Mysql),
            ("mariadb", Self::Mysql),
            ("sqlite", Self::Sqlite),
            ("redis", Self::Redis),
            ("node", Self::Node),
        ];
        match called.iter().find(|(word, _)| name.contains(word)) {
            Some((_, program)) => *program,
            None if bytes.starts_with(b"- cmd:") => Self::Fish,
            None if form::is_extended(bytes) => Self::Zsh,
            None => Self::Bash,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Python => "Python's prompt",
            Self::Psql => "psql",
            Self::Mysql => "MySQL's prompt",
            Self::Sqlite => "sqlite3",
            Self::Redis => "redis-cli",
            Self::Node => "Node.js's prompt",
        }
    }
}

/// Scans the history in a file; what cannot be read is told.
pub fn scan_file(scanner: &Scanner<'_>, path: &Path, remedy: &Remedy<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    match read(path) {
        Ok(Some(bytes)) => {
            let program = Program::of(path, &bytes);
            return scan(scanner, &name_of(path), program, &bytes, remedy);
        }
        Ok(None) => outcome.summary.skipped.add("no regular file", 1),
        Err(error) => {
            let shown = name_of(path).escape_bytes().to_string();
            outcome.summary.unreadable.push((shown, error.kind().to_string()));
        }
    }
    outcome
}

/// Scans the history of a program as the content of a file of that name.
pub fn scan(
    scanner: &Scanner<'_>,
    name: &[u8],
    program: Program,
    bytes: &[u8],
    remedy: &Remedy<'_>,
) -> Outcome {
    let typed = Typed::of(program, bytes);
    let text = Text { name, bytes: &typed.text };
    let hits = scanner.scan(text);
    let spans: Vec<_> = hits.iter().map(|hit| hit.span.clone()).collect();
    let mut findings = Finding::all(scanner.rules, text, hits);
    for (finding, span) in findings.iter_mut().zip(&spans) {
        let command = typed.command(span.start);
        let whole = command.text.start..command.text.end.min(command.text.start + MAX_SHOWN);
        let shown = masked(&typed.text, &spans, whole);
        let shown = form::begin(program, &shown).to_str_lossy();
        finding.place.line = typed.line(span.start);
        finding.remarks.push(format!("It was typed: {shown}").into());
        let advice = remedy(program, command.lines.clone());
        finding.advice = format!("{} {advice}", finding.advice).into();
    }
    let summary = Summary { texts: 1, bytes: bytes.len() as u64, ..Summary::default() };
    Outcome { findings, summary }
}

/// The bytes of a history; nothing where it is no regular file.
fn read(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let file = open(path)?;
    let known = file.metadata()?;
    if !known.is_file() {
        return Ok(None);
    }
    if known.len() > MAX_HISTORY {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(known.len() as usize + 1));
    // It may grow meanwhile: the rest is left to the next scan.
    file.take(MAX_HISTORY).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Opens a file without waiting for whoever may write to it. Links are followed: dotfiles are often.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

fn name_of(path: &Path) -> Vec<u8> {
    <[u8]>::from_path(path)
        .map_or_else(|| path.to_string_lossy().into_owned().into_bytes(), <[u8]>::to_vec)
}

#[cfg(test)]
mod tests;
