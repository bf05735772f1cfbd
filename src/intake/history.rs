//! Shell histories: which commands hold a value in clear, and the history without them.
//!
//! bash (with times or without), zsh (plain and extended) and fish. A command goes whole, with the
//! lines that continue it and the line of its time. A value that a shell wrote with quotes or
//! escapes of its own inside is not found.

use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::AhoCorasick;
use clawvault_core::domain::Value;
use clawvault_scan::source::typed::{META, continued, is_time};
use zeroize::Zeroizing;

/// Shortest value that is looked for, in bytes: a shorter one would take harmless commands along.
pub const MIN_VALUE: usize = 8;

const FISH_ENTRY: &[u8] = b"- cmd:";

/// A history without the commands that held a value.
pub struct Cleared {
    /// How many commands are gone.
    pub commands: usize,
    /// Which of the values they held, by index.
    pub values: BTreeSet<usize>,
    /// What is left.
    pub left: Zeroizing<Vec<u8>>,
}

/// Takes the commands that hold one of the values out; none where no command does.
pub fn without(bytes: &[u8], values: &[&Value]) -> Option<Cleared> {
    let (mut owners, mut needles) = (Vec::new(), Vec::new());
    for (index, value) in values.iter().enumerate().filter(|(_, v)| v.len() >= MIN_VALUE) {
        let forms = forms(value.expose());
        owners.extend(forms.iter().map(|_| index));
        needles.extend(forms);
    }
    let finder = AhoCorasick::new(needles.iter().map(|needle| needle.as_slice())).ok()?;
    let left = Zeroizing::new(Vec::with_capacity(bytes.len()));
    let mut cleared = Cleared { commands: 0, values: BTreeSet::new(), left };
    for command in commands(bytes) {
        let hits = finder.find_overlapping_iter(&bytes[command.clone()]);
        let held: Vec<usize> = hits.map(|hit| owners[hit.pattern().as_usize()]).collect();
        if held.is_empty() {
            cleared.left.extend_from_slice(&bytes[command]);
        } else {
            cleared.commands += 1;
            cleared.values.extend(held);
        }
    }
    (cleared.commands > 0).then_some(cleared)
}

/// The value as shells write it: as it is, as zsh does, as fish does.
fn forms(value: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut forms = vec![Zeroizing::new(value.to_vec())];
    let of_zsh = |byte: &u8| match byte {
        b'\n' => b"\\\n".to_vec(),
        0x83..=0xa2 => vec![META, byte ^ 0x20],
        other => vec![*other],
    };
    let of_fish = |byte: &u8| match byte {
        b'\n' => b"\\n".to_vec(),
        b'\\' => b"\\\\".to_vec(),
        other => vec![*other],
    };
    for written in [&of_zsh as &dyn Fn(&u8) -> Vec<u8>, &of_fish] {
        let length = value.iter().map(|byte| written(byte).len()).sum();
        if length > value.len() {
            let mut form = Zeroizing::new(Vec::with_capacity(length));
            value.iter().for_each(|byte| form.extend_from_slice(&written(byte)));
            forms.push(form);
        }
    }
    forms
}

/// The commands of a history, which together are all its bytes.
fn commands(bytes: &[u8]) -> Vec<Range<usize>> {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let fish = bytes.starts_with(FISH_ENTRY);
    // bash reads whole commands between times, if the history begins with one.
    let timed = lines.first().is_some_and(|line| is_time(line));
    let mut commands: Vec<Range<usize>> = Vec::new();
    let (mut at, mut continues) = (0, false);
    for line in lines {
        let begins = match (fish, timed) {
            (true, _) => line.starts_with(FISH_ENTRY),
            (_, true) => is_time(line),
            _ => !continues,
        };
        let end = at + line.len();
        match commands.last_mut().filter(|_| !begins) {
            Some(command) => command.end = end,
            None => commands.push(at..end),
        }
        // A time in the middle of an untimed history belongs to the line below it.
        continues = continued(line) || is_time(line);
        at = end;
    }
    commands
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn left(history: &str, value: &str) -> Option<(usize, String)> {
        let value = Value::new(value.as_bytes().to_vec()).unwrap();
        let cleared = without(history.as_bytes(), &[&value])?;
        assert_eq!(cleared.values, [0].into());
        Some((cleared.commands, String::from_utf8(cleared.left.to_vec()).unwrap()))
    }

    #[test]
    fn whole_commands_go_and_nothing_else() {
        for (history, expected) in [
            ("ls\nexport A=sk-secret-1\ncd /\n", "ls\ncd /\n"),
            ("ls\ncurl -H \\\n 'sk-secret-1' \\\n x\ncd /", "ls\ncd /"),
            (
                "#17\nls\n#18\nfor a in b; do\necho sk-secret-1\ndone\n#19\ncd /\n",
                "#17\nls\n#19\ncd /\n",
            ),
            ("ls\n#18\necho sk-secret-1\ncd\n", "ls\ncd\n"),
            (
                ": 1700000000:0;ls\n: 1700000001:0;a=sk-secret-1\\\nb\n: 1:0;c\n",
                ": 1700000000:0;ls\n: 1:0;c\n",
            ),
            (
                "- cmd: ls\n  when: 1\n- cmd: set -x A sk-secret-1\n  when: 2\n  paths:\n    - x\n- cmd: cd\n  when: 3\n",
                "- cmd: ls\n  when: 1\n- cmd: cd\n  when: 3\n",
            ),
            ("sk-secret-1", ""),
        ] {
            assert_eq!(left(history, "sk-secret-1"), Some((1, expected.to_owned())), "{history}");
        }
        assert_eq!(left("ls\n", "sk-secret-1"), None);
        assert_eq!(left("echo short\n", "short"), None);
        assert_eq!(left("- cmd: a\\\\b-secret\\nx\n  when: 1\n", "a\\b-secret\nx").unwrap().0, 1);
    }

    proptest! {
        #[test]
        fn commands_are_all_bytes_and_no_value_is_left(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            lines in proptest::collection::vec("[a#1: ;\\\\]{0,6}(secret-value)?\\\\?", 0..12),
        ) {
            let text = lines.join("\n").into_bytes();
            for bytes in [bytes, text] {
                let mut end = 0;
                for command in commands(&bytes) {
                    prop_assert_eq!(command.start, end);
                    end = command.end;
                }
                prop_assert_eq!(end, bytes.len());
                let value = Value::new(b"secret-value".to_vec()).unwrap();
                if let Some(cleared) = without(&bytes, &[&value]) {
                    prop_assert!(!cleared.left.windows(12).any(|window| window == b"secret-value"));
                }
            }
        }
    }
}
