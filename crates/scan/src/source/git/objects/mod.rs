//! The blobs of an object database, each scanned once.

mod delta;
mod entries;
mod extracts;
mod holders;
mod pack;
#[cfg(test)]
mod tests;
mod windows;

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::objs::{Exists as _, Kind};
use gix::odb::pack::Bundle;

use super::error::said;
use super::marks::{self, Marked};
use super::past::{Kept, Past};
use super::{GitError, MAX_BLOB};
use crate::engine::{Hit, Scanner, Text};
use crate::finding::Finding;
use crate::source::{Outcome, Progress, Skipped, Summary, UNSURE, content};
pub(super) use holders::{Holders, Wanted, read_tree};
pub(super) use pack::Pack;

/// So few blobs are rather read again than looked up.
const FEW: usize = 64;

/// The objects of a repository, as they lie.
#[derive(Default)]
pub(super) struct Stock {
    packs: Vec<Bundle>,
    /// Those that have a file of their own, in order.
    loose: Vec<ObjectId>,
    /// Packs that cannot be opened, and why.
    unreadable: Vec<(String, String)>,
}

/// What was found in blobs.
#[derive(Default)]
pub(super) struct Blobs {
    /// What was found in those that were read.
    pub(super) hits: Vec<(ObjectId, Vec<Hit>)>,
    /// What was found in those that are no plain text.
    pub(super) packed: Vec<(ObjectId, Vec<Finding>)>,
    /// What was read.
    pub(super) summary: Summary,
    /// Of which blobs something was left out, and what; also of those that were not read again.
    pub(super) skipped: BTreeMap<ObjectId, Skipped>,
    /// The blobs that hold something, also those that were not read again.
    pub(super) marked: Marked,
    /// Names of the packs, and how many blobs each holds.
    pub(super) packs: Vec<(ObjectId, u64)>,
    /// Loose objects, in order, and how many of them are blobs.
    pub(super) loose: (Vec<ObjectId>, u64),
    /// Blobs that no earlier scan is known to have met, where something is kept.
    pub(super) new: Vec<ObjectId>,
    /// The packs, where no earlier scan is known.
    pub(super) opened: Vec<Pack>,
}

/// What one worker, or all, found in a pack.
#[derive(Default)]
struct Found {
    hits: Vec<(ObjectId, Vec<Hit>)>,
    packed: Vec<(ObjectId, Vec<Finding>)>,
    texts: u64,
    bytes: u64,
    lost: Vec<ObjectId>,
    skipped: Vec<(ObjectId, Skipped)>,
}

impl Found {
    fn add(&mut self, other: Self) {
        self.hits.extend(other.hits);
        self.packed.extend(other.packed);
        self.texts += other.texts;
        self.bytes += other.bytes;
        self.lost.extend(other.lost);
        self.skipped.extend(other.skipped);
    }

    fn counts(&self) -> (u64, u64) {
        (self.texts, self.bytes)
    }
}

impl Stock {
    /// Looks for all packs and loose objects of a repository, and of those that it borrows from.
    pub(super) fn open(repo: &gix::Repository) -> Self {
        let mut stock = Self::default();
        for store in stores(repo) {
            for index in packs(&store) {
                match Bundle::at(&index, repo.object_hash()) {
                    Ok(pack) => stock.packs.push(pack),
                    Err(error) => {
                        let name = index.file_name().unwrap_or_default().to_string_lossy();
                        stock.unreadable.push((name.into_owned(), said(&error)));
                    }
                }
            }
            let loose = gix::odb::loose::Store::at(&store, repo.object_hash());
            stock.loose.extend(loose.iter().filter_map(Result::ok));
        }
        stock.loose.sort_unstable();
        stock.loose.dedup();
        stock
    }

    /// Whether all objects are there that an earlier scan met.
    pub(super) fn has_all_of(&self, past: &Past, repo: &gix::Repository) -> bool {
        let has_pack = |id: &ObjectId| self.packs.iter().any(|pack| pack.pack.checksum() == *id);
        let has = |id: &ObjectId| self.loose.binary_search(id).is_ok() || repo.objects.exists(id);
        past.packs.iter().all(has_pack) && past.loose.iter().all(has)
    }
}

/// Scans the blobs of a repository: those of packs, then the loose ones, then those of packs that
/// could not be read there, wherever else they may be. What the past met is not read again, unless
/// new leaks have to be compared with those that it knows.
pub(super) fn scan(
    repo: &gix::Repository,
    stock: Stock,
    scanner: &Scanner<'_>,
    kept: Option<&Kept<'_>>,
    past: Option<&Past>,
    progress: &dyn Progress,
) -> Result<Blobs, GitError> {
    let mut blobs = Blobs::default();
    if let Some(past) = past {
        blobs.skipped.extend(past.skipped().filter(|(id, _)| repo.objects.exists(id)));
    }
    let (mut again, known) = (Vec::new(), OnceCell::new());
    let Stock { packs, loose, unreadable } = stock;
    blobs.summary.unreadable = unreadable;
    for bundle in packs {
        if progress.stop() {
            return Err(GitError::Stopped);
        }
        let name = bundle.pack.checksum();
        if let Some(count) = past.and_then(|past| past.blobs_in(&name)) {
            blobs.summary.remembered += count;
            blobs.packs.push((name, count));
            continue;
        }
        let mut pack = Pack::new(bundle);
        if let Some(kept) = kept {
            blobs.new.extend(pack.ids());
            // Packed anew, objects have their old ids.
            if past.is_some() && pack.blobs > FEW {
                let known = known.get_or_init(|| kept.blobs());
                blobs.summary.remembered += pack.leave_out(|id| known.binary_search(id).is_ok());
            }
        }
        progress.expect(pack.blobs as u64);
        let found = pack.scan(scanner, progress);
        blobs.packs.push((name, pack.blobs as u64));
        blobs.summary.texts += found.texts;
        blobs.summary.bytes += found.bytes;
        blobs.skipped.extend(found.skipped);
        blobs.hits.extend(found.hits);
        blobs.packed.extend(found.packed);
        again.extend(found.lost.iter().chain(&pack.lost));
        if past.is_none() {
            blobs.opened.push(pack);
        }
    }
    let known = |id: &ObjectId| past.is_some_and(|past| past.loose.binary_search(id).is_ok());
    let mut loose_blobs = 0;
    if let Some(past) = past {
        let gone = past.loose.iter().any(|id| loose.binary_search(id).is_err());
        loose_blobs = if gone { 0 } else { past.loose_blobs };
        blobs.summary.remembered += loose_blobs;
    }
    again.extend(loose.iter().filter(|id| !known(id)));
    let scanned = one_by_one(repo, again, scanner, progress, &mut blobs)?;
    let new = |id: &&ObjectId| loose.binary_search(id).is_ok() && !known(id);
    loose_blobs += scanned.iter().filter(new).count() as u64;
    if kept.is_some() {
        blobs.new.extend(scanned);
    }
    blobs.loose = (loose, loose_blobs);
    if let Some(past) = past {
        let leaking = past.leaking().filter(|(id, _)| repo.objects.exists(id));
        if blobs.hits.is_empty() && blobs.packed.is_empty() {
            blobs.marked = leaking.collect();
            return Ok(blobs);
        }
        let leaking: Vec<ObjectId> = leaking.map(|(id, _)| id).collect();
        let known = blobs.summary.remembered;
        blobs.summary.remembered = known.saturating_sub(leaking.len() as u64);
        one_by_one(repo, leaking, scanner, progress, &mut blobs)?;
    }
    // What lies in two packs is told once.
    let mut told = HashSet::new();
    blobs.hits.retain(|(id, _)| told.insert(*id));
    blobs.packed.retain(|(id, _)| told.insert(*id));
    blobs.marked = marks::number(scanner.rules, &blobs.hits, &blobs.packed);
    Ok(blobs)
}

/// Scans objects by their ids, those that are blobs; which these are.
fn one_by_one(
    repo: &gix::Repository,
    mut ids: Vec<ObjectId>,
    scanner: &Scanner<'_>,
    progress: &dyn Progress,
    blobs: &mut Blobs,
) -> Result<Vec<ObjectId>, GitError> {
    let mut scanned = Vec::new();
    ids.sort_unstable();
    ids.dedup();
    progress.expect(ids.len() as u64);
    for id in ids {
        if progress.stop() {
            return Err(GitError::Stopped);
        }
        match repo.find_header(id) {
            Ok(header) if header.size() > MAX_BLOB => {
                blobs.summary.skipped.add("larger than 512 MiB", 1);
                continue;
            }
            Ok(header) if header.kind() != Kind::Blob => {
                progress.done(1, 0);
                continue;
            }
            Ok(_) => {}
            Err(error) => {
                blobs.summary.unreadable.push((id.to_string(), said(&error)));
                continue;
            }
        }
        match repo.find_object(id) {
            Ok(object) if object.kind == Kind::Blob => {
                let packed = content::packed(scanner, &object.data);
                let mut skipped = Skipped::default();
                let (packed, hits) = match packed {
                    Some(Outcome { findings, summary }) => {
                        skipped = summary.skipped;
                        (findings, Vec::new())
                    }
                    None => {
                        let (hits, unsure) = scanner.look(Text { name: b"", bytes: &object.data });
                        skipped.add(UNSURE, unsure as u64);
                        (Vec::new(), hits)
                    }
                };
                if !skipped.is_empty() {
                    blobs.skipped.insert(id, skipped);
                }
                scanned.push(id);
                blobs.summary.texts += 1;
                blobs.summary.bytes += object.data.len() as u64;
                progress.done(1, object.data.len() as u64);
                if !hits.is_empty() {
                    blobs.hits.push((id, hits));
                }
                if !packed.is_empty() {
                    blobs.packed.push((id, packed));
                }
            }
            Ok(_) => progress.done(1, 0),
            Err(error) => blobs.summary.unreadable.push((id.to_string(), said(&error))),
        }
    }
    Ok(scanned)
}

/// The folders that objects lie in: the repository's own, and those that it borrows from.
fn stores(repo: &gix::Repository) -> Vec<PathBuf> {
    let store = repo.objects.store_ref();
    let mut all = vec![store.path().to_owned()];
    all.extend(store.alternate_db_paths().unwrap_or_default());
    all
}

/// Indexes of the packs in a folder of objects, by name.
fn packs(store: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(store.join("pack")) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut indexes: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "idx")).collect();
    indexes.sort();
    indexes
}
