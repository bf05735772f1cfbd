//! The ledger as the vault keeps it: one record that lists the sources, and one for each piece of time
//! of each source. It is written whole, so whatever ends the process leaves the old one or the new one.

use std::collections::BTreeMap;

use clawvault_core::domain::{Flow, Reading, Scope, Unit};
use serde::{Deserialize, Serialize};

use crate::app::AppError;
use crate::app::kept::unreadable;
use crate::app::session::Session;
use crate::spend::{Chunk, Correction, Merged, Series, pieces_of};

use super::sources::Source;

const INDEX: &str = "spend/index";
/// Pieces of eight days that are kept: thirteen months, and the piece that is under way.
const PIECES: usize = 51;

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
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let read =
            postcard::take_from_bytes::<Self>(bytes).ok().filter(|(_, rest)| rest.is_empty());
        read.map(|(index, _)| index).ok_or_else(|| unreadable("the list of spending"))
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

/// Takes figures of a source in: pieces and list in one commit.
pub(in crate::app) fn take_in(
    session: &mut Session,
    id: &str,
    readings: &[Reading],
    now_ms: i64,
) -> Result<Merged, AppError> {
    let now_hour = u32::try_from(now_ms / 3_600_000).unwrap_or(0);
    let by_piece = pieces_of(readings);
    let index = Index::read(session)?;
    let mut pieces = index.sources.get(id).map(|known| known.pieces.clone()).unwrap_or_default();
    pieces.extend(by_piece.keys());
    pieces.sort_unstable();
    pieces.dedup();
    let old: Vec<u32> = pieces.drain(..pieces.len().saturating_sub(PIECES)).collect();
    let written: Vec<u32> = by_piece.keys().copied().filter(|m| !old.contains(m)).collect();
    let mut names: Vec<String> = vec![INDEX.to_owned()];
    names.extend(written.iter().chain(&old).map(|piece| name_of(id, *piece)));
    session.change_kept(&names, |before| {
        let Some((first, chunks)) = before.split_first() else {
            return Ok((Merged::default(), Vec::new()));
        };
        let mut index = Index::from_bytes(first)?;
        let known = index.sources.entry(id.to_owned()).or_default();
        *known =
            Known { tried_ms: now_ms, read_ms: now_ms, pieces: pieces.clone(), ..Known::default() };
        let mut after = vec![Some(index.to_bytes())];
        let mut all = Merged::default();
        for (piece, bytes) in written.iter().zip(chunks) {
            let mut chunk = Chunk::from_bytes(bytes)
                .ok_or_else(|| unreadable("a part of the ledger of spending"))?;
            let done = chunk.merge(by_piece.get(piece).map_or(&[][..], Vec::as_slice), now_hour);
            all.new += done.new;
            all.corrected += done.corrected;
            after.push(Some(chunk.to_bytes()));
        }
        after.extend(old.iter().map(|_| Some(Vec::new())));
        Ok((all, after))
    })
}

fn name_of(id: &str, piece: u32) -> String {
    format!("spend/{id}/{piece}")
}
