//! Files of ignores, `.clawvaultignore` and baselines: the same grammar, a line each.
//!
//! ```text
//! clawvault-ignore 1 <key of the file>
//! path:vendor/**
//! <hash> <rule>  # why
//! ```
//! What a person wrote stays where it is; entries that are added find their place by their order,
//! so that nothing else moves. Bounds: [`MAX_FILE`] bytes, [`MAX_GLOBS`] globs.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::paths::Paths;
use crate::finding::Finding;
use crate::finding::fingerprint::grouped;

/// Its name at the root of what is scanned.
pub const NAME: &str = ".clawvaultignore";
/// Largest file, in bytes.
pub const MAX_FILE: usize = 8 * 1024 * 1024;
/// Most globs in one.
const MAX_GLOBS: usize = 1_000;
/// How the line of the key begins.
const HEADER: &str = "clawvault-ignore";
const VERSION: &str = "1";
/// How the line of a glob begins.
const PATH: &str = "path:";
/// Bytes of a hash that are kept.
const HASH: usize = 16;
const KEY: usize = 32;

/// Why a file of ignores was refused. Nothing of the file is repeated.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IgnoreError {
    /// Line, counted from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub reason: &'static str,
}

impl fmt::Display for IgnoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(self.reason),
            line => write!(f, "line {line}: {}", self.reason),
        }
    }
}

impl std::error::Error for IgnoreError {}

/// A file of ignores.
pub struct IgnoreFile {
    key: Option<[u8; KEY]>,
    paths: Paths,
    lines: Vec<Line>,
    /// Each entry, and whether it allowed something.
    entries: HashMap<Entry, bool>,
}

/// A rule, and the hash of what it found.
type Entry = (String, [u8; HASH]);

struct Line {
    text: String,
    entry: Option<Entry>,
}

impl Line {
    fn of(entry: Entry) -> Self {
        Self { text: format!("{} {}", grouped(&entry.1), entry.0), entry: Some(entry) }
    }
}

impl IgnoreFile {
    /// An empty file with this key, which is random.
    pub fn new(key: [u8; KEY]) -> Self {
        let mut file = Self::empty();
        file.set_key(key);
        file
    }

    fn empty() -> Self {
        Self { key: None, paths: Paths::none(), lines: Vec::new(), entries: HashMap::new() }
    }

    /// Reads a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, IgnoreError> {
        let at = |line, reason| IgnoreError { line, reason };
        if bytes.len() > MAX_FILE {
            return Err(at(0, "the file is larger than 8 MiB"));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            at(line + 1, "not UTF-8")
        })?;
        let mut file = Self::empty();
        let mut globs = Vec::new();
        for (number, text) in text.lines().enumerate() {
            let number = number + 1;
            let content = text.split(" #").next().unwrap_or_default().trim();
            let mut entry = None;
            if let Some(glob) = content.strip_prefix(PATH) {
                globs.push((number, glob.trim()));
            } else if !content.is_empty() && !content.starts_with('#') {
                entry = file.line(content).map_err(|reason| at(number, reason))?;
            }
            file.entries.extend(entry.clone().map(|entry| (entry, false)));
            file.lines.push(Line { text: text.to_owned(), entry });
        }
        if globs.len() > MAX_GLOBS {
            return Err(at(globs[MAX_GLOBS].0, "more than 1,000 lines `path:`"));
        }
        file.paths = Paths::parse(globs.into_iter())
            .map_err(|line| at(line.unwrap_or(0), "no glob as .gitignore has them"))?;
        Ok(file)
    }

    /// Reads a line that is neither comment nor path: the key, or the entry that it gives.
    fn line(&mut self, content: &str) -> Result<Option<Entry>, &'static str> {
        let words: Vec<&str> = content.split_whitespace().collect();
        match words[..] {
            [HEADER, VERSION, key] => {
                if self.key.is_some() {
                    return Err("a second key");
                }
                let key = digits::<KEY>(key).ok_or("the key is not 64 digits of base 16")?;
                self.key = Some(key);
                Ok(None)
            }
            [HEADER, ..] => Err("another version; this clawvault knows 1"),
            [hash, rule] => {
                if self.key.is_none() {
                    return Err("an entry before the line with the key");
                }
                let hash = digits::<HASH>(hash).ok_or("the hash is not 32 digits of base 16")?;
                Ok(Some((rule.to_owned(), hash)))
            }
            _ => Err("neither `HASH RULE` nor `path:GLOB` nor a comment"),
        }
    }

    /// Whether it has a key: only then can entries be added.
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Gives the file a key, where it has none; its line comes first.
    pub fn set_key(&mut self, key: [u8; KEY]) {
        if self.key.is_none() {
            self.key = Some(key);
            let text = format!("{HEADER} {VERSION} {}", grouped(&key));
            self.lines.insert(0, Line { text, entry: None });
        }
    }

    /// Whether it allows a finding; `path` is relative to the file's root.
    pub(super) fn allows(&mut self, finding: &Finding, path: &[u8]) -> bool {
        let entry = self.entry_of(finding);
        match entry.and_then(|entry| self.entries.get_mut(&entry)) {
            Some(used) => {
                *used = true;
                true
            }
            None => self.paths.have(path),
        }
    }

    /// Adds entries for findings. Gives how many are new.
    pub fn add(&mut self, findings: &[&Finding]) -> usize {
        let new: BTreeSet<Entry> = findings.iter().filter_map(|one| self.entry_of(one)).collect();
        let mut new: Vec<Entry> =
            new.into_iter().filter(|entry| !self.entries.contains_key(entry)).collect();
        let count = new.len();
        self.entries.extend(new.iter().map(|entry| (entry.clone(), true)));
        new.reverse();
        let mut lines = Vec::with_capacity(self.lines.len() + count);
        for line in self.lines.drain(..) {
            if let Some(existing) = &line.entry {
                while let Some(earlier) = new.pop_if(|entry| *entry < *existing) {
                    lines.push(Line::of(earlier));
                }
            }
            lines.push(line);
        }
        lines.extend(new.into_iter().rev().map(Line::of));
        self.lines = lines;
        count
    }

    /// How many entries allowed nothing so far.
    pub fn unused(&self) -> usize {
        self.entries.values().filter(|used| !**used).count()
    }

    /// Takes out the entries that allowed nothing so far. Gives how many.
    pub fn prune(&mut self) -> usize {
        let before = self.entries.len();
        self.entries.retain(|_, used| *used);
        let entries = &self.entries;
        let stays =
            |line: &Line| line.entry.as_ref().is_none_or(|entry| entries.contains_key(entry));
        self.lines.retain(stays);
        before - self.entries.len()
    }

    /// The file's text.
    pub fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect()
    }

    fn entry_of(&self, finding: &Finding) -> Option<Entry> {
        let mut hasher = blake3::Hasher::new_keyed(&self.key?);
        hasher.update(&(finding.rule.len() as u64).to_le_bytes());
        hasher.update(finding.rule.as_bytes()).update(&finding.value);
        let hash = *hasher.finalize().as_bytes().first_chunk()?;
        Some((finding.rule.to_string(), hash))
    }
}

/// Reads digits of base 16, in groups or not.
fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
    if digits.len() != 2 * N || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY_LINE: &str = "clawvault-ignore 1 \
        00112233:44556677:8899aabb:ccddeeff:00112233:44556677:8899aabb:ccddeeff";

    #[test]
    fn what_is_no_file_of_ignores_is_refused_by_its_line() {
        let entry = "00112233:44556677:8899aabb:ccddeeff some-rule";
        for (text, refused) in [
            (String::new(), None),
            ("# a comment\n\npath:x/**  # why\n".to_owned(), None),
            (format!("{KEY_LINE}\n{entry}\r\n{entry} # why\n"), None),
            (entry.to_owned(), Some((1, "an entry before the line with the key"))),
            (format!("{KEY_LINE}\n{KEY_LINE}"), Some((2, "a second key"))),
            ("clawvault-ignore 2 x".into(), Some((1, "another version; this clawvault knows 1"))),
            ("clawvault-ignore 1 12".into(), Some((1, "the key is not 64 digits of base 16"))),
            (
                format!("{KEY_LINE}\n+{} rule", &entry[1..35]),
                Some((2, "the hash is not 32 digits of base 16")),
            ),
            ("\npath:a{b".into(), Some((2, "no glob as .gitignore has them"))),
            ("path:x\n".repeat(1_001), Some((1_001, "more than 1,000 lines `path:`"))),
            ("x".repeat(MAX_FILE + 1), Some((0, "the file is larger than 8 MiB"))),
        ] {
            let error = IgnoreFile::parse(text.as_bytes()).err();
            let told = error.map(|error| (error.line, error.reason));
            assert_eq!(told, refused, "{}", &text[..text.len().min(80)]);
        }
        let error = IgnoreFile::parse(b"a\xff").err();
        assert_eq!(error.map(|error| error.to_string()), Some("line 1: not UTF-8".to_owned()));
    }

    proptest! {
        #[test]
        fn a_file_is_written_as_it_was_read(
            lines in proptest::collection::vec("(# [a-z]*|path:[a-z/*]*|[0-9a-f]{32} [a-z-]{1,9}|)", 0..9),
            noise in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let text: String = [KEY_LINE].into_iter().chain(lines.iter().map(String::as_str))
                .flat_map(|line| [line, "\n"]).collect();
            let file = IgnoreFile::parse(text.as_bytes());
            prop_assert_eq!(file.map(|file| file.text()).ok(), Some(text));
            // Whatever comes in is read or refused.
            let _ = IgnoreFile::parse(&noise);
        }
    }
}
