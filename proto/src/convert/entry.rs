//! Entries of the audit log, and what a check of it says.

use clawvault_core::auditlog::{Entry, FAULTS, Item, Read, Removed, Verdict};
use clawvault_core::crypto::Digest;
use clawvault_core::domain::{Actor, Event, FileIdentity, Outcome, Program};

use super::check;
use crate::frame::FrameError;
use crate::messages as m;

impl From<&FileIdentity> for m::FileIdentity {
    fn from(file: &FileIdentity) -> Self {
        let FileIdentity { device, inode, size, modified, changed } = *file;
        Self { device, inode, size, modified, changed, digest: Vec::new() }
    }
}

impl From<&m::FileIdentity> for FileIdentity {
    fn from(file: &m::FileIdentity) -> Self {
        let m::FileIdentity { device, inode, size, modified, changed, .. } = *file;
        Self { device, inode, size, modified, changed }
    }
}

/// The files of an entry whose digests were told.
pub fn digests_of(entry: &m::Entry) -> Vec<(FileIdentity, [u8; 32])> {
    let actor = entry.actor.as_ref();
    let files = [
        actor.and_then(|actor| actor.file.as_ref()),
        actor.and_then(|actor| actor.parent_file.as_ref()),
        entry.program.as_ref().and_then(|program| program.file.as_ref()),
    ];
    let told = |file: &m::FileIdentity| {
        let digest = file.digest.as_slice().try_into().ok()?;
        Some((file.into(), digest))
    };
    files.into_iter().flatten().filter_map(told).collect()
}

impl m::Entry {
    /// An entry that was read; none where it did not open.
    pub fn of(read: &Read) -> Option<Self> {
        let entry = read.entry.as_ref()?;
        let actor = &entry.actor;
        let actor = m::Actor {
            uid: actor.uid,
            pid: actor.pid,
            executable: actor.executable.clone(),
            file: actor.file.as_ref().map(Into::into),
            parent: actor.parent.clone(),
            parent_pid: actor.parent_pid,
            parent_executable: actor.parent_executable.clone(),
            parent_file: actor.parent_file.as_ref().map(Into::into),
        };
        let program = |program: &Program| m::Program {
            path: program.path.clone(),
            file: program.file.as_ref().map(Into::into),
        };
        let item = |item: &Item| m::Item {
            profile: item.profile.clone(),
            secret: item.secret.clone(),
            version: item.version,
        };
        let removed = |removed: &Removed| m::Removed {
            first: removed.first,
            last: removed.last,
            head: removed.head.0.to_vec(),
        };
        Some(Self {
            number: read.number,
            proven: read.proven,
            time_ms: entry.time_ms,
            event: entry.event.clone(),
            outcome: entry.outcome.to_string(),
            actor: Some(actor),
            run: entry.run.clone(),
            agent: entry.agent.clone(),
            program: entry.program.as_ref().map(program),
            items: entry.items.iter().map(item).collect(),
            note: entry.note.clone(),
            more: entry.more,
            late: entry.late,
            until_ms: entry.until_ms,
            removed: entry.removed.as_ref().map(removed),
        })
    }
}

impl TryFrom<m::Entry> for Read {
    type Error = FrameError;

    fn try_from(read: m::Entry) -> Result<Self, FrameError> {
        let actor = read.actor.unwrap_or_default();
        let actor = Actor {
            uid: actor.uid,
            pid: actor.pid,
            executable: actor.executable,
            file: actor.file.as_ref().map(Into::into),
            parent: actor.parent,
            parent_pid: actor.parent_pid,
            parent_executable: actor.parent_executable,
            parent_file: actor.parent_file.as_ref().map(Into::into),
        };
        let outcomes = [Outcome::Ok, Outcome::Refused, Outcome::Failed];
        let outcome = outcomes.into_iter().find(|outcome| outcome.to_string() == read.outcome);
        let item = |i: m::Item| Item { profile: i.profile, secret: i.secret, version: i.version };
        let removed = |r: m::Removed| {
            Ok(Removed { first: r.first, last: r.last, head: Digest(check(r.head.try_into())?) })
        };
        let program =
            |p: m::Program| Program { path: p.path, file: p.file.as_ref().map(Into::into) };
        let outcome = outcome.ok_or(FrameError::Malformed)?;
        // The word of the event is the message's own: it may be of another version of the program.
        let entry = Entry {
            event: read.event,
            run: read.run,
            agent: read.agent,
            program: read.program.map(program),
            items: read.items.into_iter().map(item).collect(),
            note: read.note,
            more: read.more,
            late: read.late,
            until_ms: read.until_ms,
            removed: read.removed.map(removed).transpose()?,
            ..Entry::new(read.time_ms, Event::Get, outcome, actor)
        };
        Ok(Self { number: read.number, entry: Some(entry), proven: read.proven })
    }
}

/// What a check of the log says.
pub fn verdict_message(verdict: &Verdict) -> m::Verdict {
    let broken = |(entry, what): (u64, &'static str)| m::Broken { entry, what: what.to_owned() };
    m::Verdict {
        entries: verdict.entries,
        removed: verdict.removed,
        unproven: verdict.unproven,
        head: verdict.head.0.to_vec(),
        broken: verdict.broken.map(broken),
    }
}

/// The same, read back.
///
/// # Errors
/// Where it is none.
pub fn verdict(verdict: m::Verdict) -> Result<Verdict, FrameError> {
    let broken = |b: m::Broken| {
        let what = FAULTS.into_iter().find(|fault| *fault == b.what);
        Ok((b.entry, what.ok_or(FrameError::Malformed)?))
    };
    Ok(Verdict {
        entries: verdict.entries,
        removed: verdict.removed,
        unproven: verdict.unproven,
        head: Digest(check(verdict.head.try_into())?),
        broken: verdict.broken.map(broken).transpose()?,
    })
}
