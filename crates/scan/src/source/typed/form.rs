//! How programs write what was typed, and what was meant.

use std::ops::{Range, RangeInclusive};

use zeroize::Zeroizing;

use super::Program;

/// How a history of libedit begins.
const LIBEDIT: &[u8] = b"_HiStOrY_V2_\n";
/// zsh writes some bytes as this one and the byte with its sixth bit turned.
pub const META: u8 = 0x83;

/// A command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Command {
    /// Where it lies in the text.
    pub(super) text: Range<usize>,
    /// Which lines of the file it is.
    pub(super) lines: RangeInclusive<usize>,
}

/// What was typed.
pub(super) struct Typed {
    /// As it was meant, each command on lines of its own.
    pub(super) text: Zeroizing<Vec<u8>>,
    commands: Vec<Command>,
    /// For each line of the file, where in the text it begins.
    starts: Vec<usize>,
}

impl Typed {
    /// Reads a history.
    pub(super) fn of(program: Program, bytes: &[u8]) -> Self {
        let libedit = bytes.starts_with(LIBEDIT);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        // Where the history says when commands were given, all lines between are one command.
        let timed = program == Program::Bash && lines.first().is_some_and(|line| is_time(line));
        let text = Zeroizing::new(Vec::with_capacity(bytes.len()));
        let mut typed = Self { text, commands: Vec::new(), starts: Vec::new() };
        let mut continues = false;
        for (at, line) in lines.iter().enumerate() {
            let number = at + 1;
            let begins = match program {
                Program::Fish => line.starts_with(b"- cmd:"),
                _ if timed => is_time(line),
                _ => !continues,
            };
            let start = typed.text.len();
            match program {
                Program::Zsh => unmask(line, &mut typed.text),
                Program::Fish => typed.fish(line),
                _ if libedit => octal(line, &mut typed.text),
                // What one prompt took as several lines.
                _ => typed.text.extend(line.iter().map(|byte| match byte {
                    0x01 | b'\r' => b'\n',
                    byte => *byte,
                })),
            }
            let end = typed.text.len();
            typed.starts.push(start);
            match typed.commands.last_mut().filter(|_| !begins) {
                Some(command) => {
                    command.text.end = end;
                    command.lines = *command.lines.start()..=number;
                }
                None => {
                    typed.commands.push(Command { text: start..end, lines: number..=number });
                }
            }
            continues = continued(line) || program == Program::Bash && is_time(line);
        }
        typed
    }

    /// One line of fish's: backslashes and line ends of a command are escaped.
    fn fish(&mut self, line: &[u8]) {
        if !line.starts_with(b"- cmd:") {
            return self.text.extend_from_slice(line);
        }
        let mut bytes = line.iter();
        while let Some(byte) = bytes.next() {
            self.text.push(match (byte, bytes.as_slice().first()) {
                (b'\\', Some(b'n')) => b'\n',
                (b'\\', Some(b'\\')) => b'\\',
                (byte, _) => {
                    self.text.push(*byte);
                    continue;
                }
            });
            bytes.next();
        }
    }

    /// The command that a place of the text is in.
    pub(super) fn command(&self, at: usize) -> Command {
        let number = self.commands.partition_point(|command| command.text.end <= at);
        let found = self.commands.get(number).or(self.commands.last());
        found.cloned().unwrap_or(Command { text: 0..self.text.len(), lines: 1..=1 })
    }

    /// The line of the file that a place of the text comes from.
    pub(super) fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).max(1)
    }
}

/// Whether a history is zsh's, with times.
pub(super) fn is_extended(bytes: &[u8]) -> bool {
    after_times(bytes).is_some()
}

/// What stands behind zsh's `: TIME:SECONDS;`.
fn after_times(line: &[u8]) -> Option<&[u8]> {
    let number = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = line.strip_prefix(b": ")?;
    let rest = rest[number(rest)..].strip_prefix(b":")?;
    rest[number(rest)..].strip_prefix(b";")
}

/// The first line of a command, without what its program writes before it.
pub(super) fn begin(program: Program, command: &[u8]) -> &[u8] {
    let mut lines = command.trim_ascii().split(|byte| *byte == b'\n');
    let first = lines.find(|line| !is_time(line)).unwrap_or_default().trim_ascii();
    match program {
        Program::Fish => first.strip_prefix(b"- cmd:").unwrap_or(first).trim_ascii_start(),
        _ => after_times(first).unwrap_or(first),
    }
}

/// `#` and digits: when the command below it was given.
pub fn is_time(line: &[u8]) -> bool {
    let digits = line.trim_ascii_end().strip_prefix(b"#").unwrap_or_default();
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// An odd number of backslashes before the line's end.
pub fn continued(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Undoes what zsh does to bytes that mean something to it.
fn unmask(line: &[u8], text: &mut Vec<u8>) {
    let mut bytes = line.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            &META => text.extend(bytes.next().map(|byte| byte ^ 0x20)),
            byte => text.push(*byte),
        }
    }
}

/// Undoes the octal escapes of libedit.
fn octal(line: &[u8], text: &mut Vec<u8>) {
    let mut rest = line;
    while let [byte, behind @ ..] = rest {
        let digits =
            behind.get(..3).filter(|digits| digits.iter().all(|d| (b'0'..b'8').contains(d)));
        let value = digits.filter(|_| *byte == b'\\').map(|digits| {
            digits.iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'))
        });
        match value.and_then(|value| u8::try_from(value).ok()) {
            Some(value) => {
                text.push(value);
                rest = &behind[3..];
            }
            None => {
                text.push(*byte);
                rest = behind;
            }
        }
    }
}
