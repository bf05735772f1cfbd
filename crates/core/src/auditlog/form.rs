//! The plain bytes of an entry. The second form is a list of tagged fields, so that later versions
//! can add some: a tag that is not known is passed over. The first form is still read.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::{self, CryptoError, Digest, EntryKey, Keys, LogKeys};
use crate::domain::limits::MAX_LOG_ENTRY;
use crate::domain::{Actor, FileIdentity, Outcome, Program};

use super::entry::Removed;
use super::{Entry, Item, LogError};

/// What an entry of the second form is sealed to, with its number; one of a locked vault, whose
/// sealing knows no place, begins with it.
const SECOND: &[u8] = b"clawvault log entry 2";
const FIRST: &[u8] = b"clawvault log entry 1";

/// Tags of the fields; they never change their meaning.
mod tag {
    pub(super) const TIME: u8 = 1;
    pub(super) const EVENT: u8 = 2;
    pub(super) const OUTCOME: u8 = 3;
    pub(super) const ACTOR: u8 = 4;
    pub(super) const FILE: u8 = 5;
    pub(super) const PARENT: u8 = 6;
    pub(super) const PARENT_FILE: u8 = 7;
    pub(super) const RUN: u8 = 8;
    pub(super) const AGENT: u8 = 9;
    pub(super) const PROGRAM: u8 = 10;
    pub(super) const PROGRAM_FILE: u8 = 11;
    pub(super) const ITEMS: u8 = 12;
    pub(super) const NOTE: u8 = 13;
    pub(super) const MORE: u8 = 14;
    pub(super) const LATE: u8 = 15;
    pub(super) const UNTIL: u8 = 16;
    pub(super) const REMOVED: u8 = 17;
}

/// Seals an entry with the keys of the open vault, for its number.
pub(super) fn seal(entry: &Entry, number: u64, keys: &Keys) -> Result<Vec<u8>, LogError> {
    let plain = Zeroizing::new(encode(entry)?);
    Ok(crypto::seal(keys.entries(), &place(SECOND, number), &plain)?)
}

/// Seals an entry to the public half: only the vault's holder reads it, anyone can write one.
pub(super) fn seal_locked(entry: &Entry, public: &[u8; 32]) -> Result<Vec<u8>, LogError> {
    let plain = Zeroizing::new([SECOND, &encode(entry)?].concat());
    Ok(EntryKey::seal(public, &plain)?)
}

/// Opens an entry of either form that the vault's holder sealed for this number.
pub(super) fn open(sealed: &[u8], number: u64, keys: &LogKeys) -> Option<Entry> {
    if let Ok(plain) = crypto::open(keys.entries(), &place(SECOND, number), sealed) {
        return decode(&plain);
    }
    let plain = crypto::open(keys.entries(), &place(FIRST, number), sealed).ok()?;
    First::read(&plain)
}

/// Opens an entry of either form that was sealed to the public half.
pub(super) fn open_locked(sealed: &[u8], keys: &LogKeys) -> Option<Entry> {
    let plain: Result<_, CryptoError> = keys.locked_entries().open(sealed);
    let plain = plain.ok()?;
    match plain.strip_prefix(SECOND) {
        Some(plain) => decode(plain),
        None => First::read(&plain),
    }
}

fn place(form: &[u8], number: u64) -> Vec<u8> {
    [form, &number.to_be_bytes()].concat()
}

fn encode(entry: &Entry) -> Result<Vec<u8>, LogError> {
    let actor = &entry.actor;
    let mut out = Fields(Vec::with_capacity(512));
    out.put(tag::TIME, &entry.time_ms)?;
    out.put(tag::EVENT, &entry.event)?;
    out.put(tag::OUTCOME, &entry.outcome)?;
    out.put(tag::ACTOR, &(actor.uid, actor.pid, &actor.executable, &actor.parent))?;
    out.put_some(tag::FILE, actor.file.as_ref())?;
    out.put(tag::PARENT, &(actor.parent_pid, &actor.parent_executable))?;
    out.put_some(tag::PARENT_FILE, actor.parent_file.as_ref())?;
    out.put_some(tag::RUN, entry.run.as_ref())?;
    out.put_some(tag::AGENT, entry.agent.as_ref())?;
    out.put_some(tag::PROGRAM, entry.program.as_ref().map(|program| &program.path))?;
    out.put_some(tag::PROGRAM_FILE, entry.program.as_ref().and_then(|p| p.file.as_ref()))?;
    out.put_some(tag::ITEMS, Some(&entry.items).filter(|items| !items.is_empty()))?;
    out.put_some(tag::NOTE, Some(&entry.note).filter(|note| !note.is_empty()))?;
    out.put_some(tag::MORE, Some(&entry.more).filter(|more| **more > 0))?;
    out.put_some(tag::LATE, Some(&entry.late).filter(|late| **late))?;
    out.put_some(tag::UNTIL, entry.until_ms.as_ref())?;
    out.put_some(tag::REMOVED, entry.removed.map(|r| (r.first, r.last, r.head.0)).as_ref())?;
    if out.0.len() > MAX_LOG_ENTRY - 256 { Err(LogError::Entry) } else { Ok(out.0) }
}

/// Fields one behind the other: tag, length, bytes.
struct Fields(Vec<u8>);

impl Fields {
    fn put<T: Serialize>(&mut self, tag: u8, value: &T) -> Result<(), LogError> {
        let bytes = postcard::to_stdvec(value).map_err(|_| LogError::Entry)?;
        let length = u32::try_from(bytes.len()).map_err(|_| LogError::Entry)?;
        self.0.push(tag);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(&bytes);
        Ok(())
    }

    fn put_some<T: Serialize>(&mut self, tag: u8, value: Option<&T>) -> Result<(), LogError> {
        value.map_or(Ok(()), |value| self.put(tag, value))
    }
}

/// Reads the second form; `None` where it is none.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Entry> {
    let mut entry = Entry::of_word(0, String::new(), Outcome::Ok, Actor::default());
    let mut program_file = None;
    while let Some((tag, rest)) = bytes.split_first() {
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (field, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        bytes = rest;
        match *tag {
            tag::TIME => entry.time_ms = read(field)?,
            tag::EVENT => entry.event = read(field)?,
            tag::OUTCOME => entry.outcome = read(field)?,
            tag::ACTOR => {
                let actor = &mut entry.actor;
                (actor.uid, actor.pid, actor.executable, actor.parent) = read(field)?;
            }
            tag::FILE => entry.actor.file = Some(read(field)?),
            tag::PARENT => {
                (entry.actor.parent_pid, entry.actor.parent_executable) = read(field)?;
            }
            tag::PARENT_FILE => entry.actor.parent_file = Some(read(field)?),
            tag::RUN => entry.run = Some(read(field)?),
            tag::AGENT => entry.agent = Some(read(field)?),
            tag::PROGRAM => entry.program = Some(Program { path: read(field)?, file: None }),
            tag::PROGRAM_FILE => program_file = Some(read::<FileIdentity>(field)?),
            tag::ITEMS => entry.items = read(field)?,
            tag::NOTE => entry.note = read(field)?,
            tag::MORE => entry.more = read(field)?,
            tag::LATE => entry.late = read(field)?,
            tag::UNTIL => entry.until_ms = Some(read(field)?),
            tag::REMOVED => {
                let (first, last, head) = read(field)?;
                entry.removed = Some(Removed { first, last, head: Digest(head) });
            }
            _ => {}
        }
    }
    if let Some(program) = &mut entry.program {
        program.file = program_file;
    }
    (!entry.event.is_empty()).then_some(entry)
}

fn read<T: DeserializeOwned>(field: &[u8]) -> Option<T> {
    postcard::from_bytes(field).ok()
}

/// An entry of the first form.
#[derive(Deserialize)]
struct First {
    time_ms: i64,
    event: String,
    outcome: Outcome,
    actor: (u32, u32, String, String),
    run: Option<String>,
    agent: Option<String>,
    items: Vec<Item>,
    note: String,
}

impl First {
    fn read(plain: &[u8]) -> Option<Entry> {
        let first: Self = read(plain)?;
        let (uid, pid, executable, parent) = first.actor;
        let actor = Actor { uid, pid, executable, parent, ..Actor::default() };
        let entry = Entry::of_word(first.time_ms, first.event, first.outcome, actor);
        let (run, agent, items, note) = (first.run, first.agent, first.items, first.note);
        Some(Entry { run, agent, items, note, ..entry })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::crypto::VaultKey;
    use crate::domain::Event;

    /// An entry with every field.
    pub(crate) fn full() -> Entry {
        let file = FileIdentity { device: 1, inode: 2, size: 3, modified: 4, changed: -5 };
        let actor = Actor {
            uid: 1000,
            pid: 2,
            executable: "/usr/bin/clawvault".into(),
            file: Some(file),
            parent: "bash".into(),
            parent_pid: 1,
            parent_executable: "/usr/bin/bash".into(),
            parent_file: Some(file),
        };
        let item = Item { profile: "default".into(), secret: "openai/main".into(), version: 3 };
        Entry {
            run: Some("0011223344556677".into()),
            agent: Some("support".into()),
            program: Some(Program { path: "/usr/bin/node".into(), file: Some(file) }),
            items: vec![item],
            note: "noted".into(),
            more: 7,
            late: true,
            until_ms: Some(-1),
            removed: Some(Removed { first: 1, last: 2, head: Digest([3; 32]) }),
            ..Entry::new(1_763_800_000_000, Event::Run, Outcome::Refused, actor)
        }
    }

    #[test]
    fn both_ways_of_sealing_give_the_entry_back() {
        let keys = VaultKey::from_slot(&mut [5; 32]).derive();
        let (log, entry) = (keys.log_keys(), full());
        let sealed = seal(&entry, 9, &keys).unwrap();
        assert_eq!(open(&sealed, 9, &log), Some(entry.clone()));
        assert_eq!(open(&sealed, 8, &log), None);
        let sealed = seal_locked(&entry, &keys.locked_entries().public()).unwrap();
        assert_eq!(open_locked(&sealed, &log), Some(entry));
    }

    #[test]
    fn an_unknown_field_is_passed_over_and_half_a_field_is_refused() {
        let plain = encode(&full()).unwrap();
        let more = [&plain[..], &[200, 0, 0, 0, 2, 1, 2]].concat();
        assert_eq!(decode(&more), Some(full()));
        assert_eq!(decode(&more[..more.len() - 1]), None);
        assert_eq!(decode(&[]), None);
    }
}
