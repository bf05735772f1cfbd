//! Replies as the daemon's messages, and back.

use std::sync::Arc;

use clawvault_core::domain::{FieldName, Value, Variable};
use clawvault_core::memory::LockedBytes;
use clawvault_core::vault::{Kept, Note, Taken};
use clawvault_proto::convert::{self, Revealing};
use clawvault_proto::frame::PIECE;
use clawvault_proto::messages::{self as m, reply::Last};
use clawvault_proto::{FrameError, Outgoing};

use super::steps::{life_bytes, life_of};
use super::{check, document};
use crate::app::session::{Health, LaunchSlot, Launched, Reply};
use crate::app::{AppError, Code};

/// A failure, as the peer is told.
pub fn failure(error: &AppError, prove: bool) -> m::Failure {
    let (what, advice) = (error.what.clone(), error.advice.clone());
    m::Failure { code: error.code as u32, what, advice, prove }
}

/// A failure, as the daemon told it.
pub(in crate::app) fn told(failure: m::Failure) -> AppError {
    let codes = [
        Code::No,
        Code::Usage,
        Code::Denied,
        Code::Missing,
        Code::Damaged,
        Code::Vendor,
        Code::NotLaunched,
        Code::NotRunnable,
        Code::NoProgram,
    ];
    let code = codes.into_iter().find(|code| *code as u32 == failure.code);
    AppError::new(code.unwrap_or(Code::Failed), failure.what, failure.advice)
}

/// A reply in frames of moderate size; `entries` of the log come first.
///
/// # Errors
/// Where one thing alone is larger than a frame may be.
pub fn frames(
    reply: Reply,
    warnings: Vec<String>,
    entries: Vec<m::Entry>,
) -> Result<Vec<Outgoing>, FrameError> {
    let mut pieces = Pieces::default();
    for entry in entries {
        pieces.add(512 + entry.items.len() * 128, |reply, _| reply.entries.push(entry))?;
    }
    for info in &reply.infos {
        let size = 256 + info.versions.len() * 128;
        pieces.add(size, |reply, _| reply.secrets.push(info.into()))?;
    }
    for life in &reply.lives {
        let life = life_bytes(life)?;
        pieces.add(64 + life.len(), |reply, _| reply.lives.push(life))?;
    }
    for stored in &reply.stored {
        pieces.add(256, |reply, _| reply.stored.push(stored.into()))?;
    }
    for one in &reply.revealed {
        let values: usize = one.fields.iter().map(|(_, value)| value.len()).sum();
        let size = 256 + one.info.versions.len() * 128 + values;
        pieces
            .add(size, |reply, body| reply.revealed.push(convert::revealed_message(one, body)))?;
    }
    for kept in &reply.kept {
        let message =
            m::Kept { name: kept.name.clone(), bytes: kept.bytes.clone(), ..m::Kept::default() };
        pieces.add(512 + kept.bytes.len(), |reply, _| reply.kept.push(message))?;
    }
    let document = document(&reply.text)?;
    if !document.is_empty() {
        pieces.flush()?;
        pieces.body = document;
    }
    pieces.reply.last = Some(Last::End(end(reply, warnings)));
    pieces.flush()?;
    Ok(pieces.done)
}

/// Frames that are filled one after the other.
#[derive(Default)]
struct Pieces {
    done: Vec<Outgoing>,
    reply: m::Reply,
    body: Vec<Value>,
    size: usize,
}

impl Pieces {
    fn add(
        &mut self,
        size: usize,
        put: impl FnOnce(&mut m::Reply, &mut Vec<Value>),
    ) -> Result<(), FrameError> {
        if self.size > 0 && self.size + size > PIECE {
            self.flush()?;
        }
        self.size += size;
        put(&mut self.reply, &mut self.body);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), FrameError> {
        let (reply, body) = (std::mem::take(&mut self.reply), std::mem::take(&mut self.body));
        self.size = 0;
        if reply != m::Reply::default() || !body.is_empty() {
            self.done.push(Outgoing::new(&reply, body)?);
        }
        Ok(())
    }
}

fn end(reply: Reply, warnings: Vec<String>) -> m::End {
    let index = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let launched = |launched: Launched| m::Launched {
        vault: launched.vault,
        slots: launched
            .slots
            .into_iter()
            .map(|slot| m::Slot {
                variable: slot.variable.to_string(),
                revealed: index(slot.at),
                field: slot.field.to_string(),
                as_file: slot.as_file,
            })
            .collect(),
        fills: launched
            .fills
            .into_iter()
            .map(|(at, field)| m::Slot {
                revealed: index(at),
                field: field.to_string(),
                ..m::Slot::default()
            })
            .collect(),
        holds: launched.holds.into_iter().map(|(id, version)| m::Held { id, version }).collect(),
        proof: launched.proof,
    };
    let taken = |taken: Taken| m::BackedUp {
        secrets: taken.secrets as u64,
        versions: taken.versions as u64,
        generation: taken.generation,
        identities: taken.identities as u64,
    };
    m::End {
        warnings,
        version: reply.version,
        scrubs: reply.scrubs,
        verdict: reply.verdict.as_ref().map(convert::verdict_message),
        launched: reply.launched.map(launched),
        backed_up: reply.taken.map(taken),
        status: None,
        notes: reply.notes,
        health: reply.health.map(health_message),
        kept: reply.was_kept,
        answered: reply.answered,
    }
}

fn health_message(health: Health) -> m::Health {
    let note = |note: Note| m::Note { time_ms: note.time_ms, generation: note.generation };
    m::Health {
        vault: health.vault,
        generation: health.generation,
        secrets: health.secrets,
        log_entries: health.log_entries,
        backup: health.backup.map(note),
        keys_locked: health.keys_locked,
        names: health.names.into_iter().map(|(id, name)| m::Named { id, name }).collect(),
    }
}

/// Takes a piece of a reply in.
pub(in crate::app) fn gather(
    into: &mut Reply,
    piece: m::Reply,
    body: &Arc<LockedBytes>,
) -> Result<(), FrameError> {
    let mut values = Revealing::of(body);
    for secret in piece.secrets {
        into.infos.push(secret.try_into()?);
    }
    for life in piece.lives {
        into.lives.push(life_of(&life)?);
    }
    for stored in piece.stored {
        into.stored.push(convert::stored(stored)?);
    }
    let kept = |kept: m::Kept| Kept { name: kept.name, bytes: kept.bytes };
    into.kept.extend(piece.kept.into_iter().map(kept));
    let has_values = !piece.revealed.is_empty();
    for one in piece.revealed {
        into.revealed.push(convert::revealed(one, &mut values)?);
    }
    if has_values {
        values.end()?;
    } else if !body.is_empty() {
        into.text = check(str::from_utf8(body))?.to_owned();
    }
    let Some(Last::End(end)) = piece.last else { return Ok(()) };
    (into.version, into.scrubs, into.notes) = (end.version, end.scrubs, end.notes);
    into.was_kept = end.kept;
    into.answered = end.answered;
    into.verdict = end.verdict.map(convert::verdict).transpose()?;
    into.launched = end.launched.map(launched).transpose()?;
    let size = |number: u64| check(usize::try_from(number));
    if let Some(taken) = end.backed_up {
        into.taken = Some(Taken {
            secrets: size(taken.secrets)?,
            versions: size(taken.versions)?,
            generation: taken.generation,
            identities: size(taken.identities)?,
        });
    }
    into.health = end.health.map(|health| Health {
        vault: health.vault,
        generation: health.generation,
        secrets: health.secrets,
        log_entries: health.log_entries,
        backup: health.backup.map(|n| Note { time_ms: n.time_ms, generation: n.generation }),
        keys_locked: health.keys_locked,
        names: health.names.into_iter().map(|named| (named.id, named.name)).collect(),
    });
    Ok(())
}

fn launched(launched: m::Launched) -> Result<Launched, FrameError> {
    let at = |slot: &m::Slot| check(usize::try_from(slot.revealed));
    let slot = |slot: m::Slot| {
        let (variable, field) = (Variable::parse(&slot.variable), FieldName::parse(&slot.field));
        let (at, as_file) = (at(&slot)?, slot.as_file);
        Ok(LaunchSlot { variable: check(variable)?, at, field: check(field)?, as_file })
    };
    let fill = |slot: m::Slot| Ok((at(&slot)?, check(FieldName::parse(&slot.field))?));
    let slots: Result<_, FrameError> = launched.slots.into_iter().map(slot).collect();
    let fills: Result<_, FrameError> = launched.fills.into_iter().map(fill).collect();
    Ok(Launched {
        vault: launched.vault,
        slots: slots?,
        fills: fills?,
        holds: launched.holds.into_iter().map(|held| (held.id, held.version)).collect(),
        proof: launched.proof,
    })
}
