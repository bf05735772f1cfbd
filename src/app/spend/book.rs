//! The ledger as the vault keeps it: one record that lists the sources, and one for each piece of time
//! of each source. It is written whole, so whatever ends the process leaves the old one or the new one.

use std::collections::BTreeMap;

use clawvault_core::domain::{Flow, Reading, Scope, Unit};
use serde::{Deserialize, Serialize};

use crate::app::AppError;
use crate::app::kept::{decoded, unreadable};
use crate::app::session::Session;
use crate::spend::{Chunk, Correction, Merged, Series, add_beginnings, piece_of, pieces_of};

use super::sources::Source;

const INDEX: &str = "spend/index";
/// Pieces of eight days that are kept: thirteen months, and the piece that is under way.
const PIECES: u32 = 51;

/// What is known of one source.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(in crate::app) struct Known {
    /// When it was asked last, in milliseconds since 1970.
    pub(in crate::app) tried_ms: i64,
    /// When it last answered, in milliseconds since 1970; 0 for never.
    pub(in crate::app) read_ms: i64,
    /// Why it did not answer the last time; empty where it did.
    pub(in crate::app) failed: String,
    /// Not to be asked before, as the vendor said, in milliseconds since 1970.
    pub(in crate::app) not_before_ms: i64,
    /// Pieces of time that there are records of, rising.
    pub(in crate::app) pieces: Vec<u32>,
}

/// What is known of all.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(in crate::app) struct Index {
    form: u8,
    pub(in crate::app) sources: BTreeMap<String, Known>,
    /// Caps that were set at vendors: of what, and the amount.
    pub(in crate::app) caps: BTreeMap<String, String>,
    /// What limits had done about it, so that it is done once: name of the deed, and when.
    pub(in crate::app) done: BTreeMap<String, i64>,
}

/// Figures of one source, of the time that was asked for.
#[derive(Debug, Default)]
pub(in crate::app) struct Page {
    /// What the source tells apart, each in pieces, oldest first.
    pub(in crate::app) series: Vec<Vec<Series>>,
    pub(in crate::app) corrections: Vec<Correction>,
}

impl Index {
    fn from_bytes(bytes: &[u8]) -> Result<Self, AppError> {
        decoded(bytes, "the list of spending")
    }

    fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Reads the list.
    pub(in crate::app) fn read(session: &mut Session) -> Result<Self, AppError> {
        Self::from_bytes(&session.kept(&[INDEX.to_owned()])?.pop().unwrap_or_default())
    }

    /// Changes the list.
    pub(in crate::app) fn change(
        session: &mut Session,
        mut change: impl FnMut(&mut Self),
    ) -> Result<(), AppError> {
        session.change_kept(&[INDEX.to_owned()], |before| {
            let mut index = Self::from_bytes(before.first().map_or(&[][..], Vec::as_slice))?;
            change(&mut index);
            Ok(((), vec![Some(index.to_bytes())]))
        })
    }

    /// Figures of sources since a piece of time.
    pub(in crate::app) fn pages(
        &self,
        session: &mut Session,
        sources: &[Source],
        since: u32,
    ) -> Result<Vec<Page>, AppError> {
        let mut names = Vec::new();
        let mut whose = Vec::new();
        for (at, source) in sources.iter().enumerate() {
            let pieces = self.sources.get(&source.id).map_or(&[][..], |known| &known.pieces);
            for piece in pieces.iter().filter(|piece| **piece >= since) {
                names.push(name_of(&source.id, *piece));
                whose.push(at);
            }
        }
        let mut pages: Vec<Page> = sources.iter().map(|_| Page::default()).collect();
        for (bytes, at) in session.kept(&names)?.iter().zip(whose) {
            let chunk = Chunk::from_bytes(bytes)
                .ok_or_else(|| unreadable("a part of the ledger of spending"))?;
            if let Some(page) = pages.get_mut(at) {
                page.add(chunk);
            }
        }
        Ok(pages)
    }
}

impl Page {
    fn add(&mut self, chunk: Chunk) {
        for series in chunk.series {
            let same = |pieces: &&mut Vec<Series>| {
                let first = pieces.first();
                first.is_some_and(|first| key_of(first) == key_of(&series))
            };
            match self.series.iter_mut().find(same) {
                Some(pieces) => pieces.push(series),
                None => self.series.push(vec![series]),
            }
        }
        self.corrections.extend(chunk.corrections);
    }
}

fn key_of(series: &Series) -> (&Scope, &Unit, Flow) {
    (&series.scope, &series.unit, series.flow)
}

/// What is written in one commit at most, in records and bytes: what the vault takes, and some room.
const RECORDS: usize = 200;
/// A check takes less, in milliseconds.
const LONGEST_CHECK_MS: i64 = 600_000;

/// A piece of time of a source, and what belongs into it; nothing for one that is too old.
struct Part<'a> {
    id: &'a str,
    piece: u32,
    readings: Option<Vec<&'a Reading>>,
}

/// Takes figures of sources in, together with the list of what there is. Where it ends between two
/// commits, what is in counts, and the rest is asked for again.
pub(in crate::app) fn take_in(
    session: &mut Session,
    mut all: Vec<(String, Vec<Reading>)>,
    now_ms: i64,
) -> Result<Merged, AppError> {
    let index = Index::read(session)?;
    let this_hour = u32::try_from(now_ms.div_euclid(3_600_000)).unwrap_or(0);
    let oldest = (piece_of(this_hour) + 1).saturating_sub(PIECES);
    let mut parts = Vec::new();
    let mut pieces: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for (id, readings) in &mut all {
        let read_ms = index.sources.get(id).map_or(0, |known| known.read_ms);
        add_beginnings(readings, read_ms);
    }
    for (id, readings) in &all {
        let known = index.sources.get(id).cloned().unwrap_or_default();
        // A check that began later was faster: what moves on is told by that one. Costs have their hour.
        let is_stale = (now_ms..now_ms + LONGEST_CHECK_MS).contains(&known.read_ms);
        let mut by_piece = pieces_of(readings);
        by_piece.values_mut().for_each(|all| all.retain(|one| one.flow == Flow::Cost || !is_stale));
        by_piece.retain(|_, all| !all.is_empty());
        let mut own = known.pieces;
        own.extend(by_piece.keys());
        own.sort_unstable();
        own.dedup();
        let (old, own): (Vec<u32>, Vec<u32>) = own.into_iter().partition(|piece| *piece < oldest);
        let kept = by_piece.into_iter().filter(|(piece, _)| !old.contains(piece));
        parts.extend(kept.map(|(piece, all)| Part { id, piece, readings: Some(all) }));
        parts.extend(old.iter().map(|piece| Part { id, piece: *piece, readings: None }));
        pieces.insert(id, own);
    }
    let mut merged = Merged::default();
    let mut batches: Vec<&[Part<'_>]> = parts.chunks(RECORDS).collect();
    if batches.is_empty() {
        batches.push(&[]);
    }
    let last = batches.len() - 1;
    for (at, batch) in batches.into_iter().enumerate() {
        let done = write(session, batch, now_ms, &|index| {
            for (id, pieces) in &pieces {
                let known = index.sources.entry((*id).to_owned()).or_default();
                known.pieces.clone_from(pieces);
                if at == last {
                    // Read only once all of it is in.
                    *known = Known {
                        tried_ms: now_ms,
                        read_ms: now_ms,
                        pieces: pieces.clone(),
                        ..Known::default()
                    };
                }
            }
        })?;
        merged.new += done.new;
        merged.corrected += done.corrected;
    }
    Ok(merged)
}

fn write(
    session: &mut Session,
    batch: &[Part<'_>],
    now_ms: i64,
    note: &dyn Fn(&mut Index),
) -> Result<Merged, AppError> {
    let now_hour = u32::try_from(now_ms / 3_600_000).unwrap_or(0);
    let names = batch.iter().map(|part| name_of(part.id, part.piece));
    let names: Vec<String> = std::iter::once(INDEX.to_owned()).chain(names).collect();
    session.change_kept(&names, |before| {
        let Some((first, chunks)) = before.split_first() else {
            return Ok((Merged::default(), Vec::new()));
        };
        let mut index = Index::from_bytes(first)?;
        note(&mut index);
        let mut after = vec![Some(index.to_bytes())];
        let mut all = Merged::default();
        for (part, bytes) in batch.iter().zip(chunks) {
            let Some(readings) = &part.readings else {
                after.push(Some(Vec::new()));
                continue;
            };
            let unknown = || unreadable("a part of the ledger of spending");
            let mut chunk = Chunk::from_bytes(bytes).ok_or_else(unknown)?;
            let done = chunk.merge(readings, now_hour);
            all.new += done.new;
            all.corrected += done.corrected;
            after.push(Some(chunk.to_bytes()));
        }
        Ok((all, after))
    })
}

fn name_of(id: &str, piece: u32) -> String {
    format!("spend/{id}/{piece}")
}
