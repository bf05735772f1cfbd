//! The blobs of an object database, each scanned once.

mod delta;
mod pack;
#[cfg(test)]
mod tests;
mod windows;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::objs::Kind;

use super::error::said;
use super::{GitError, MAX_BLOB};
use crate::engine::{Hit, Scanner, Text};
use crate::finding::Finding;
use crate::source::{Progress, Summary, content};
use pack::Pack;

/// What is known of packs that were scanned before, by the same rules: never a value.
pub trait Seen {
    /// Ids of the blobs that leak in the pack of this name; `None` where it is not known.
    fn pack(&self, name: &[u8]) -> Option<Vec<ObjectId>>;
    /// Keeps that list; where that fails, the pack is scanned again next time.
    fn remember(&self, name: &[u8], blobs: u64, leaking: &[ObjectId]);
}

/// What was found in blobs.
#[derive(Default)]
pub struct Blobs {
    /// The blobs that hold something, and what.
    pub hits: Vec<(ObjectId, Vec<Hit>)>,
    /// The blobs that are no plain text and hold something, and what.
    pub packed: Vec<(ObjectId, Vec<Finding>)>,
    /// What was read.
    pub summary: Summary,
}

/// What one worker, or all, found in a pack.
#[derive(Default)]
struct Found {
    hits: Vec<(ObjectId, Vec<Hit>)>,
    packed: Vec<(ObjectId, Vec<Finding>)>,
    texts: u64,
    bytes: u64,
    lost: Vec<ObjectId>,
}

impl Found {
    fn add(&mut self, other: Self) {
        self.hits.extend(other.hits);
        self.packed.extend(other.packed);
        self.texts += other.texts;
        self.bytes += other.bytes;
        self.lost.extend(other.lost);
    }

    fn counts(&self) -> (u64, u64) {
        (self.texts, self.bytes)
    }
}

impl Blobs {
    /// The blobs that hold something.
    pub fn leaking(&self) -> impl Iterator<Item = ObjectId> {
        self.hits.iter().map(|(id, _)| *id).chain(self.packed.iter().map(|(id, _)| *id))
    }
}

/// Scans the blobs of a repository: those of packs, then the loose ones, then those of packs that
/// could not be read there, wherever else they may be.
pub fn scan(
    repo: &gix::Repository,
    scanner: &Scanner<'_>,
    seen: Option<&dyn Seen>,
    progress: &dyn Progress,
) -> Result<Blobs, GitError> {
    let mut blobs = Blobs::default();
    let mut again = Vec::new();
    let stores = stores(repo);
    for index in stores.iter().flat_map(|store| packs(store)) {
        if progress.stop() {
            return Err(GitError::Stopped);
        }
        match Pack::open(&index, repo.object_hash()) {
            Ok(pack) => {
                progress.expect(pack.blobs as u64);
                in_pack(&pack, scanner, seen, progress, &mut blobs, &mut again);
            }
            Err(error) => {
                let name = index.file_name().unwrap_or_default().to_string_lossy().into_owned();
                blobs.summary.unreadable.push((name, error));
            }
        }
    }
    for store in &stores {
        let loose = gix::odb::loose::Store::at(store, repo.object_hash());
        again.extend(loose.iter().filter_map(Result::ok));
    }
    again.sort_unstable();
    again.dedup();
    one_by_one(repo, again, scanner, progress, &mut blobs)?;
    // What lies in two packs is told once.
    let mut told = HashSet::new();
    blobs.hits.retain(|(id, _)| told.insert(*id));
    blobs.packed.retain(|(id, _)| told.insert(*id));
    Ok(blobs)
}

fn in_pack(
    pack: &Pack,
    scanner: &Scanner<'_>,
    seen: Option<&dyn Seen>,
    progress: &dyn Progress,
    blobs: &mut Blobs,
    again: &mut Vec<ObjectId>,
) {
    let name = pack.checksum();
    if let Some(leaking) = seen.and_then(|seen| seen.pack(name.as_slice())) {
        blobs.summary.remembered += 1;
        again.extend(leaking);
        return;
    }
    let found = pack.scan(scanner, progress);
    let whole = found.lost.is_empty() && pack.lost.is_empty() && !progress.stop();
    if let Some(seen) = seen.filter(|_| whole) {
        let packed = found.packed.iter().map(|(id, _)| *id);
        let leaking: Vec<ObjectId> = found.hits.iter().map(|(id, _)| *id).chain(packed).collect();
        seen.remember(name.as_slice(), found.texts, &leaking);
    }
    blobs.summary.texts += found.texts;
    blobs.summary.bytes += found.bytes;
    blobs.hits.extend(found.hits);
    blobs.packed.extend(found.packed);
    again.extend(found.lost.iter().chain(&pack.lost));
}

/// Scans objects by their ids, those that are blobs.
fn one_by_one(
    repo: &gix::Repository,
    ids: Vec<ObjectId>,
    scanner: &Scanner<'_>,
    progress: &dyn Progress,
    blobs: &mut Blobs,
) -> Result<(), GitError> {
    progress.expect(ids.len() as u64);
    for id in ids {
        if progress.stop() {
            return Err(GitError::Stopped);
        }
        match repo.find_header(id) {
            Ok(header) if header.size() > MAX_BLOB => {
                *blobs.summary.skipped.entry("larger than 512 MiB").or_default() += 1;
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
                let hits = match packed {
                    Some(_) => Vec::new(),
                    None => scanner.scan(Text { name: b"", bytes: &object.data }),
                };
                blobs.summary.texts += 1;
                blobs.summary.bytes += object.data.len() as u64;
                progress.done(1, object.data.len() as u64);
                if !hits.is_empty() {
                    blobs.hits.push((id, hits));
                }
                if let Some(packed) = packed.filter(|packed| !packed.is_empty()) {
                    blobs.packed.push((id, packed));
                }
            }
            Ok(_) => progress.done(1, 0),
            Err(error) => blobs.summary.unreadable.push((id.to_string(), said(&error))),
        }
    }
    Ok(())
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
