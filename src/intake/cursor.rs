//! A place in a text, which knows its line and column.

use clawvault_core::domain::limits::MAX_DOCUMENT;

use super::{Kind, ParseError};

/// Moves through checked text once, forward.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    line_start: usize,
}

impl<'a> Cursor<'a> {
    /// Checks bound, UTF-8 and NUL; begins after a byte order mark.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let text = checked(bytes)?;
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let mut cursor = Self { text, at, line: 1, line_start: at };
        if let Some(nul) = text.find('\0') {
            cursor.advance(nul - at);
            return Err(cursor.error(Kind::Nul));
        }
        Ok(cursor)
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn line(&self) -> u32 {
        self.line
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The text from an earlier place of this cursor up to here.
    pub(super) fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        if next == '\n' {
            self.line += 1;
            self.line_start = self.at;
        }
        Some(next)
    }

    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.next();
        }
        there
    }

    /// Steps over everything that `belongs`, and yields it.
    pub(super) fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.advance(length);
        &rest[..length]
    }

    pub(super) fn skip_blanks(&mut self) {
        self.take_while(|c| c == ' ' || c == '\t');
    }

    pub(super) fn at_line_end(&self) -> bool {
        let rest = self.rest();
        rest.is_empty() || rest.starts_with('\n') || rest.starts_with("\r\n") || rest == "\r"
    }

    /// The rest of the line without its end, which is stepped over too.
    pub(super) fn take_line(&mut self) -> &'a str {
        let line = self.take_while(|c| c != '\n');
        self.next();
        line.strip_suffix('\r').unwrap_or(line)
    }

    pub(super) fn error(&self, kind: Kind) -> ParseError {
        let before = &self.text[self.line_start..self.at];
        let column = u32::try_from(before.chars().count()).unwrap_or(u32::MAX).saturating_add(1);
        ParseError { line: self.line, column, kind }
    }

    fn advance(&mut self, length: usize) {
        let end = self.at + length;
        let passed = &self.text[self.at..end];
        if let Some(last) = passed.rfind('\n') {
            let lines = passed.bytes().filter(|byte| *byte == b'\n').count();
            self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
            self.line_start = self.at + last + 1;
        }
        self.at = end;
    }
}

/// The bytes as text, within the bound.
pub(super) fn checked(bytes: &[u8]) -> Result<&str, ParseError> {
    if bytes.len() > MAX_DOCUMENT {
        return Err(ParseError { line: 1, column: 1, kind: Kind::TooLarge });
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        place(std::str::from_utf8(good).unwrap_or_default(), Kind::NotUtf8)
    })
}

/// The error `kind` at the end of `before`, which begins at the start of the document.
pub(super) fn place(before: &str, kind: Kind) -> ParseError {
    let start = if before.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut cursor = Cursor { text: before, at: start, line: 1, line_start: start };
    cursor.advance(before.len() - start);
    cursor.error(kind)
}
