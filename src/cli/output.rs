//! stdout is data, stderr is talk. Every line that this program prints passes here.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io::Errno;
use serde::Serialize;

use crate::app::{AppError, Code};
use crate::mask::Outer;

/// What kept data from being written, for [`lost`].
static LOST: OnceLock<std::io::ErrorKind> = OnceLock::new();

/// Writes data to stdout, past the standard library's buffer: it would keep a copy. A reader that
/// went away is no failure of ours; false where data was not taken.
pub(super) fn data(bytes: &[u8]) -> bool {
    let out = std::io::stdout().lock();
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::io::write(out.as_fd(), rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::PIPE) => return false,
            Err(error) => {
                LOST.get_or_init(|| std::io::Error::from(error).kind());
                return false;
            }
        }
    }
    true
}

/// Text that is written as it comes, in large pieces; it holds no value.
pub(super) struct Stream(String);

impl Stream {
    const PIECE: usize = 1 << 16;

    pub(super) fn new() -> Self {
        Self(String::with_capacity(Self::PIECE))
    }

    /// Writes a line; false once nobody takes it any more.
    pub(super) fn line(&mut self, text: &str) -> bool {
        self.0.push_str(text);
        self.0.push('\n');
        let full = self.0.len() >= Self::PIECE;
        !full || self.flush()
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) {
        self.flush();
    }

    fn flush(&mut self) -> bool {
        let taken = data(self.0.as_bytes());
        self.0.clear();
        taken
    }
}

/// An error where data was cut short: half an export must not pass for a whole one.
pub(super) fn lost() -> Option<AppError> {
    LOST.get().map(|kind| lost_by(*kind))
}

/// The same of output that this kept from being written.
pub(super) fn lost_by(kind: std::io::ErrorKind) -> AppError {
    let what = format!("stdout could not be written: {kind}");
    AppError::new(Code::Failed, what, "Do not use what was written; free space there first.")
}

/// Our three streams, for a program whose output passes through us.
pub(super) fn streams() -> Result<Outer, AppError> {
    let all = || {
        Ok(Outer {
            stdin: std::io::stdin().as_fd().try_clone_to_owned()?,
            stdout: std::io::stdout().as_fd().try_clone_to_owned()?,
            stderr: std::io::stderr().as_fd().try_clone_to_owned()?,
        })
    };
    all().map_err(|error: std::io::Error| {
        let what = format!("the system refused another descriptor: {error}");
        AppError::new(Code::NotLaunched, what, "Raise the limit of open files.")
    })
}

/// Writes one JSON document.
pub(super) fn json<T: Serialize>(document: &T) {
    let mut text = serde_json::to_vec(document).unwrap_or_default();
    text.push(b'\n');
    data(&text);
}

/// Writes a line to stderr, without what could steer a terminal.
pub(super) fn talk(line: &str) {
    let mut err = std::io::stderr().lock();
    writeln!(err, "{}", printable(line)).ok();
}

/// True where a person reads stderr.
pub(super) fn talks_to_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Puts a line in the place of the last one on the terminal of stderr.
pub(super) fn status(line: &str) {
    let mut err = std::io::stderr().lock();
    write!(err, "\r\x1b[K{}", printable(line)).ok();
    err.flush().ok();
}

/// How many lines of a block stand above the cursor.
static BLOCK: AtomicUsize = AtomicUsize::new(0);

/// Puts lines in the place of the last block on the terminal of stderr; they must be short.
pub(super) fn block(lines: &[String]) {
    let mut text = String::new();
    let before = BLOCK.swap(lines.len(), Ordering::Relaxed);
    if before > 0 {
        // Writing to a String does not fail.
        write!(text, "\x1b[{before}A").ok();
    }
    for line in lines {
        writeln!(text, "\r\x1b[K{}", printable(line)).ok();
    }
    // A block that grew shorter leaves nothing below.
    text.push_str("\x1b[J");
    let mut err = std::io::stderr().lock();
    err.write_all(text.as_bytes()).ok();
    err.flush().ok();
}

/// What was drawn last stays; the next block comes below.
pub(super) fn keep_block() {
    BLOCK.store(0, Ordering::Relaxed);
}

/// Writes an error: what is wrong, then what to do.
pub(super) fn error(error: &AppError) {
    talk(&format!("clawvault: {}", error.what.replace('\n', " ")));
    talk(&format!("hint: {}", error.advice));
}

/// Writes warnings, one a line.
pub(super) fn warnings(all: &[String]) {
    for warning in all {
        talk(&format!("clawvault: warning: {warning}"));
    }
}

/// True where a person reads stdout.
pub(super) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// [`table`], without some of its columns where a terminal is too narrow for all: those that are named
/// first go first.
pub(super) fn table_that_fits(mut rows: Vec<Vec<String>>, spare: &[usize]) {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    let room = size.map(|size| usize::from(size.ws_col)).filter(|room| *room > 0 && is_terminal());
    let Some(room) = room else { return table(&rows) };
    for column in spare {
        if width_of(&rows) <= room {
            break;
        }
        rows.iter_mut().filter_map(|row| row.get_mut(*column)).for_each(String::clear);
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let empty =
        |column: &usize| rows.iter().all(|row| row.get(*column).is_none_or(String::is_empty));
    let gone: Vec<usize> = (0..columns).filter(empty).collect();
    for row in &mut rows {
        for at in gone.iter().rev() {
            if *at < row.len() {
                row.remove(*at);
            }
        }
    }
    table(&rows);
}

/// The widest line of a table: what is empty in all rows takes no room.
fn width_of(rows: &[Vec<String>]) -> usize {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell: &String| cell.chars().count()).max().filter(|width| *width > 0)
    };
    (0..columns).filter_map(width).map(|width| width + 2).sum::<usize>().saturating_sub(2)
}

/// Writes rows in columns; the last column is not padded.
pub(super) fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(&widths) {
            let cell = printable(cell);
            // Writing to a String does not fail.
            write!(text, "{cell:width$}  ").ok();
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    data(text.as_bytes());
}

/// Control characters from documents and file names must not reach a terminal.
fn printable(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte.is_ascii_control()) && text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let replaced = text
        .chars()
        .map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c })
        .collect();
    Cow::Owned(replaced)
}
