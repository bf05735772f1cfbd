//! The files that root runs and obeys, and that an agent obeys, as they were on a good day: rights,
//! owner, size, time, and the BLAKE3 of what is in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clawvault_core::platform::{Bounds, EntryKind, Meta, Step};
use clawvault_scan::report::printable;

use super::facts::Facts;
use super::host::{Host, Unseen};

/// What is watched of the system, and how deep.
const TOPS: &[(&str, usize)] = &[
    ("/etc", 8),
    ("/usr/local", 6),
    ("/usr/bin", 1),
    ("/usr/sbin", 1),
    ("/usr/lib/systemd", 4),
    ("/boot", 3),
    ("/opt", 4),
];
/// What is watched of an OpenClaw home, beside its workspaces' own files.
const OF_HOME: &[&str] = &["openclaw.json", "skills", "plugins", "extensions"];
/// What of a workspace; conversations and notes change all day.
const OF_WORKSPACE: &[&str] =
    &["AGENTS.md", "SOUL.md", "IDENTITY.md", "TOOLS.md", "HEARTBEAT.md", "skills"];
/// What changes by itself.
const LIVELY: &[&str] =
    &["/etc/mtab", "/etc/resolv.conf", "/etc/adjtime", "/etc/ld.so.cache", "/etc/machine-id"];
/// Most files.
const MAX_FILES: usize = 200_000;
/// Largest file whose bytes are looked at; of a larger one size and time must do.
pub const MAX_SIZE: u64 = 256 << 20;

/// One file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The lowest twelve bits of its mode.
    pub mode: u32,
    /// Whose it is.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: i64,
    /// BLAKE3 in hex; empty where it was not looked at.
    pub digest: String,
}

/// All files, by path.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Baseline {
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub time: i64,
    /// The files.
    pub files: BTreeMap<PathBuf, Entry>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Became {
    /// Its bytes, rights or owner are others.
    Changed,
    /// It was not there.
    New,
    /// It is not there any more.
    Gone,
}

impl Became {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::New => "new",
            Self::Gone => "gone",
        }
    }
}

/// Looks at all watched files; with `digests` also at their bytes.
pub fn make(facts: &Facts<'_>, digests: bool) -> Result<Baseline, Unseen> {
    let mut files = BTreeMap::new();
    let mut tops: Vec<(PathBuf, usize)> =
        TOPS.iter().map(|(path, depth)| (PathBuf::from(path), *depth)).collect();
    for user in facts.user_homes()? {
        tops.push((Path::new(&user.home).join(".ssh/authorized_keys"), 0));
    }
    for home in facts.openclaw()? {
        tops.extend(OF_HOME.iter().map(|name| (home.path.join(name), 6)));
        for path in facts.entries(&home.path).unwrap_or_default() {
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("workspace"))
            {
                tops.extend(OF_WORKSPACE.iter().map(|name| (path.join(name), 6)));
            }
        }
    }
    for (top, depth) in tops {
        let Ok(Some(meta)) = facts.meta(&top) else { continue };
        if meta.kind == EntryKind::File {
            files.insert(top, entry(&meta));
            continue;
        }
        let bounds = Bounds { entries: MAX_FILES, depth };
        let walked = facts.host.walk(&top, bounds, &mut |path, meta| {
            let name = path.file_name().unwrap_or_default();
            if name == "node_modules" || name == ".git" {
                return Step::Past;
            }
            let lively = LIVELY.iter().any(|one| path == Path::new(one));
            if meta.kind == EntryKind::File && !lively {
                files.insert(path.to_owned(), entry(meta));
            }
            if files.len() > MAX_FILES { Step::Stop } else { Step::On }
        });
        // What may not be read is not watched.
        walked.ok();
    }
    if files.len() > MAX_FILES {
        return Err(Unseen::Odd(format!("there are more than {MAX_FILES} files to watch")));
    }
    if digests {
        for (path, entry) in &mut files {
            if entry.size <= MAX_SIZE {
                entry.digest = facts.host.digest(path, MAX_SIZE).unwrap_or_default();
            }
        }
    }
    // A path that is no plain text stands as it can be written.
    let plain = |(path, one): (PathBuf, Entry)| {
        (PathBuf::from(printable(path.as_os_str().as_encoded_bytes())), one)
    };
    Ok(Baseline { time: facts.host.now(), files: files.into_iter().map(plain).collect() })
}

fn entry(meta: &Meta) -> Entry {
    let Meta { mode, uid, gid, size, modified, .. } = *meta;
    Entry { mode, uid, gid, size, modified, digest: String::new() }
}

impl Baseline {
    /// What became of its files until `now`. Bytes are compared where both were looked at, else the
    /// times.
    pub fn changes(&self, now: &Self) -> Vec<(Became, PathBuf)> {
        let mut all = Vec::new();
        for (path, old) in &self.files {
            match now.files.get(path) {
                None => all.push((Became::Gone, path.clone())),
                Some(new) if old.differs(new) => all.push((Became::Changed, path.clone())),
                Some(_) => {}
            }
        }
        let new = now.files.keys().filter(|path| !self.files.contains_key(*path));
        all.extend(new.map(|path| (Became::New, path.clone())));
        all
    }

    /// The baseline as text: a head, then a line for each file.
    pub fn write(&self) -> String {
        let mut text = format!("clawvault-baseline 1 {}\n", self.time);
        for (path, one) in &self.files {
            let Entry { mode, uid, gid, size, modified, digest } = one;
            let digest = if digest.is_empty() { "-" } else { digest };
            let path = path.display();
            text.push_str(&format!("{digest} {mode:o} {uid} {gid} {size} {modified} {path}\n"));
        }
        text
    }

    /// Reads one; `None` where it is none, or a line of it is damaged.
    pub fn read(text: &str) -> Option<Self> {
        let (head, rest) = text.split_once('\n')?;
        let time = head.strip_prefix("clawvault-baseline 1 ")?.parse().ok()?;
        let mut files = BTreeMap::new();
        for line in rest.lines() {
            let mut parts = line.splitn(7, ' ');
            let mut next = || parts.next();
            let digest = next()?.trim_start_matches('-').to_owned();
            let entry = Entry {
                digest,
                mode: u32::from_str_radix(next()?, 8).ok()?,
                uid: next()?.parse().ok()?,
                gid: next()?.parse().ok()?,
                size: next()?.parse().ok()?,
                modified: next()?.parse().ok()?,
            };
            files.insert(PathBuf::from(next()?), entry);
            if files.len() > MAX_FILES {
                return None;
            }
        }
        Some(Self { time, files })
    }
}

impl Entry {
    fn differs(&self, new: &Self) -> bool {
        let same_owner = (self.mode, self.uid, self.gid) == (new.mode, new.uid, new.gid);
        let same_bytes = if self.digest.is_empty() || new.digest.is_empty() {
            (self.size, self.modified) == (new.size, new.modified)
        } else {
            self.digest == new.digest
        };
        !(same_owner && same_bytes)
    }
}

/// The host's baseline and what became of it, by times and rights alone.
pub(super) fn quick(
    facts: &Facts<'_>,
    host: &dyn Host,
) -> Result<Option<Vec<(Became, PathBuf)>>, Unseen> {
    match host.baseline()? {
        None => Ok(None),
        Some(old) => Ok(Some(old.changes(&make(facts, false)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_comes_back_as_it_was_written() {
        let entry = |digest: &str, modified| Entry {
            mode: 0o644,
            uid: 0,
            gid: 7,
            size: 3,
            modified,
            digest: digest.to_owned(),
        };
        let files = [("/etc/a b", entry("ab12", 5)), ("/etc/c", entry("", 6))];
        let old = Baseline {
            time: 9,
            files: files.into_iter().map(|(path, one)| (PathBuf::from(path), one)).collect(),
        };
        assert_eq!(Baseline::read(&old.write()), Some(old.clone()));
        let mut now = old.clone();
        now.files.get_mut(Path::new("/etc/a b")).unwrap().modified = 99;
        assert_eq!(old.changes(&now), [], "the same bytes at another time");
        now.files.get_mut(Path::new("/etc/a b")).unwrap().digest = "ff".to_owned();
        let c = now.files.remove(Path::new("/etc/c")).unwrap();
        now.files.insert(PathBuf::from("/etc/d"), c);
        let words: Vec<&str> = old.changes(&now).iter().map(|(became, _)| became.word()).collect();
        assert_eq!(words, ["changed", "gone", "new"]);
        for text in ["", "clawvault-baseline 2 1\n", "clawvault-baseline 1 1\nx 644 0\n"] {
            assert_eq!(Baseline::read(text), None);
        }
    }
}
