//! Questions to a person: on the terminal, without echo where a value is typed.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::os::fd::AsFd;

use clawvault_core::crypto::slot::Passphrase;
use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_core::memory::LockedBytes;
use rustix::io::Errno;

use crate::app::{AppError, Code};

/// True where a person can be asked: stdin and stderr are a terminal.
pub(super) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for the passphrase; `None` where nobody can be asked or nothing was typed.
pub(super) fn passphrase(question: &str) -> Option<Passphrase> {
    if !can_ask() {
        return None;
    }
    let typed = rpassword::prompt_password(question).ok()?;
    Some(Passphrase::new(typed)).filter(|passphrase| !passphrase.is_empty())
}

/// Asks for a value without echo.
pub(super) fn value(question: &str) -> Result<LockedBytes, AppError> {
    let typed = rpassword::prompt_password(question);
    let typed = typed.map_err(|_| {
        AppError::new(
            Code::Failed,
            "nothing could be read from the terminal",
            "Pipe the value in instead.",
        )
    })?;
    Ok(LockedBytes::from(typed.into_bytes()))
}

/// Asks for yes or no; no where nobody can be asked.
pub(super) fn confirm(question: &str) -> bool {
    line(&format!("{question} [y/N] ")).is_some_and(|a| matches!(a.as_str(), "y" | "Y" | "yes"))
}

/// Asks for a line.
pub(super) fn line(question: &str) -> Option<String> {
    if !can_ask() {
        return None;
    }
    let mut err = std::io::stderr().lock();
    err.write_all(question.as_bytes()).and_then(|()| err.flush()).ok()?;
    let mut answer = String::new();
    std::io::stdin().lock().take(1024).read_line(&mut answer).ok()?;
    Some(answer.trim().to_owned())
}

/// What is read at first; most values are shorter.
const FIRST: usize = 4 * 1024;

/// Reads stdin to its end, at most the bound of a document, straight into memory that is wiped:
/// the standard library's reader would keep a copy in its buffer.
pub(super) fn stdin(max: usize) -> Result<LockedBytes, AppError> {
    debug_assert!(max <= MAX_DOCUMENT);
    let input = std::io::stdin();
    let mut bytes = LockedBytes::zeroed(FIRST.min(max + 1));
    let mut filled = 0;
    loop {
        match rustix::io::read(input.as_fd(), &mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => continue,
            Err(error) => {
                let kind = std::io::Error::from(error).kind();
                let what = format!("stdin cannot be read: {kind}");
                return Err(AppError::new(Code::Failed, what, "Pipe the data in again."));
            }
        }
        if filled > max {
            let what = format!("stdin is larger than {max} bytes");
            return Err(AppError::usage(what, "Nothing was changed."));
        }
        if filled == bytes.len() {
            let mut larger = LockedBytes::zeroed(filled.saturating_mul(8).min(max + 1));
            larger[..filled].copy_from_slice(&bytes);
            bytes = larger;
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
