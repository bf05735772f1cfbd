//! Questions to a person: on the terminal, without echo where a value is typed.

use std::io::{BufRead, IsTerminal, Read, Write};

use clawvault_core::crypto::slot::Passphrase;
use clawvault_core::domain::limits::MAX_DOCUMENT;
use zeroize::Zeroizing;

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
pub(super) fn value(question: &str) -> Result<Zeroizing<Vec<u8>>, AppError> {
    let typed = rpassword::prompt_password(question);
    let typed = typed.map_err(|_| {
        AppError::new(
            Code::Failed,
            "nothing could be read from the terminal",
            "Pipe the value in instead.",
        )
    })?;
    Ok(Zeroizing::new(typed.into_bytes()))
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

/// Reads stdin to its end, at most the bound of a document.
pub(super) fn stdin(max: usize) -> Result<Zeroizing<Vec<u8>>, AppError> {
    debug_assert!(max <= MAX_DOCUMENT);
    // The buffer has its final size from the start: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(max + 1));
    let read = std::io::stdin().lock().take(max as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|e| {
        AppError::new(
            Code::Failed,
            format!("stdin cannot be read: {}", e.kind()),
            "Pipe the data in again.",
        )
    })?;
    if bytes.len() > max {
        return Err(AppError::usage(
            format!("stdin is larger than {max} bytes"),
            "Nothing was changed.",
        ));
    }
    Ok(bytes)
}
