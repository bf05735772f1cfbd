//! What is kept of the scan of a history for the next one: which objects were there, which blobs
//! leak, which commits there are, and where in them the leaking blobs lie. No value, no message.
//!
//! *Invariant:* it is kept only of a scan to which nothing was missing, under a key of all that
//! decides what is found. So an object that was there is clean unless it is said to leak.

use std::collections::HashMap;

use gix::ObjectId;
use gix::bstr::BString;
use serde::{Deserialize, Serialize};

use super::Repository;
use super::commits::{Commits, Record};
use super::marks::Mark;
use super::objects::Blobs;
use super::trees::Found;
use crate::engine::Scanner;
use crate::source::Skipped;

/// It is kept anew once more than one in so many blobs is new.
const WORTH: u64 = 512;
/// Most blobs whose ids are kept.
const MAX_KNOWN: usize = 400_000;

/// Keeps bytes from one scan to the next. What it gives under a key is what was kept there, or none;
/// where it keeps nothing, all is scanned again.
pub trait Keeper {
    /// What was kept.
    fn get(&self, key: &[u8; 32]) -> Option<Vec<u8>>;
    /// Keeps it.
    fn put(&self, key: &[u8; 32], value: &[u8]);
}

/// What is known of a scan before.
#[derive(Deserialize, Serialize)]
pub(super) struct Past {
    /// Names of the packs, in order.
    #[serde(with = "ids")]
    pub(super) packs: Vec<ObjectId>,
    /// How many blobs each holds.
    blobs: Vec<u64>,
    /// Loose objects, in order.
    #[serde(with = "ids")]
    pub(super) loose: Vec<ObjectId>,
    /// How many of them are blobs.
    pub(super) loose_blobs: u64,
    /// Blobs that leak, and what.
    #[serde(with = "ids")]
    leaking: Vec<ObjectId>,
    marks: Vec<Vec<Mark>>,
    /// Blobs of which something was left out, and what.
    #[serde(with = "ids")]
    partly: Vec<ObjectId>,
    skipped: Vec<Skipped>,
    /// Commits that a shallow clone ends with.
    #[serde(with = "ids")]
    shallow: Vec<ObjectId>,
    /// Commits, the newest first, in columns.
    #[serde(with = "ids")]
    commits: Vec<ObjectId>,
    #[serde(with = "ids")]
    trees: Vec<ObjectId>,
    times: Vec<i64>,
    parents: Vec<Box<[u32]>>,
    /// Those whose messages leak.
    pub(super) telling: Vec<u32>,
    /// Blobs that are looked for, in columns: the oldest commit of each, and its paths with the
    /// newest commit.
    #[serde(with = "ids")]
    found: Vec<ObjectId>,
    first: Vec<u32>,
    paths: Vec<Vec<(Vec<u8>, u32)>>,
}

/// Where something is kept of one repository.
pub(super) struct Kept<'a> {
    keeper: &'a dyn Keeper,
    /// Of all that decides what a scan finds, and of the place of the repository.
    key: [u8; 32],
}

impl<'a> Kept<'a> {
    /// None where it cannot be said what decides.
    pub(super) fn of(
        repository: &Repository,
        scanner: &Scanner<'_>,
        unreachable: bool,
        keeper: &'a dyn Keeper,
    ) -> Option<Self> {
        let known = match scanner.known {
            Some(known) => Some(known.digest()?),
            None => None,
        };
        let place = repository.repo.common_dir().canonicalize().ok()?;
        let mut hasher = blake3::Hasher::new_derive_key("clawvault 2026-11-25 v2 kept history");
        hasher.update(&scanner.rules.digest());
        hasher.update(&[u8::from(known.is_some()), u8::from(unreachable)]);
        hasher.update(&known.unwrap_or_default());
        hasher.update(place.as_os_str().as_encoded_bytes());
        Some(Self { keeper, key: hasher.finalize().into() })
    }

    /// What was kept of the last scan, where it can be read.
    pub(super) fn past(&self) -> Option<Past> {
        let past: Past = postcard::from_bytes(&self.keeper.get(&self.key)?).ok()?;
        past.is_sound().then_some(past)
    }

    /// Blobs that were met, in order; read only where packs are new.
    pub(super) fn blobs(&self) -> Vec<ObjectId> {
        let kept = self.keeper.get(&self.key_of_blobs());
        let known = kept.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        known.map_or_else(Vec::new, |Known(ids)| ids)
    }

    fn key_of_blobs(&self) -> [u8; 32] {
        blake3::derive_key("clawvault 2026-11-25 v2 kept blobs", &self.key)
    }
}

/// Ids of blobs, in order.
#[derive(Deserialize, Serialize)]
struct Known(#[serde(with = "ids")] Vec<ObjectId>);

impl Past {
    /// Whether columns are of one length, and numbers those of commits, parents behind children.
    fn is_sound(&self) -> bool {
        let count = self.commits.len();
        let is = |number: u32| (number as usize) < count;
        let behind = |(at, all): (usize, &[u32])| all.iter().all(|n| *n as usize > at && is(*n));
        let paths = |all: &Vec<(Vec<u8>, u32)>| !all.is_empty() && all.iter().all(|(_, n)| is(*n));
        [self.trees.len(), self.times.len(), self.parents.len()].iter().all(|len| *len == count)
            && [self.first.len(), self.paths.len()].iter().all(|len| *len == self.found.len())
            && self.blobs.len() == self.packs.len()
            && self.marks.len() == self.leaking.len()
            && self.skipped.len() == self.partly.len()
            && self.parents.iter().map(AsRef::as_ref).enumerate().all(behind)
            && self.telling.iter().chain(&self.first).all(|number| is(*number))
            && self.paths.iter().all(paths)
    }

    /// How many blobs a pack holds; none where it was not there.
    pub(super) fn blobs_in(&self, pack: &ObjectId) -> Option<u64> {
        Some(self.blobs[self.packs.iter().position(|known| known == pack)?])
    }

    /// The blobs that leak, and what.
    pub(super) fn leaking(&self) -> impl Iterator<Item = (ObjectId, Vec<Mark>)> {
        self.leaking.iter().copied().zip(self.marks.iter().cloned())
    }

    /// The blobs of which something was left out, and what.
    pub(super) fn skipped(&self) -> impl Iterator<Item = (ObjectId, Skipped)> {
        self.partly.iter().copied().zip(self.skipped.iter().cloned())
    }

    /// Whether the clone ends where it did.
    pub(super) fn ends_at(&self, shallow: &[ObjectId]) -> bool {
        self.shallow == shallow
    }

    /// Its commits, the newest first.
    pub(super) fn commits(&self) -> impl ExactSizeIterator<Item = Record> {
        (0..self.commits.len()).map(|at| Record {
            id: self.commits[at],
            tree: self.trees[at],
            time: self.times[at],
            parents: self.parents[at].clone(),
        })
    }

    /// Where in those commits blobs lie that are looked for.
    pub(super) fn found(&self) -> HashMap<ObjectId, Found> {
        let found = self.found.iter().zip(&self.first).zip(&self.paths);
        let found = found.map(|((id, first), paths)| {
            let paths = paths.iter().map(|(path, newest)| (path.as_slice().into(), Some(*newest)));
            (*id, Found { paths: paths.collect(), first: Some(*first) })
        });
        found.collect()
    }

    /// How many blobs it knows.
    fn size(&self) -> u64 {
        self.blobs.iter().sum::<u64>() + self.loose_blobs
    }
}

/// What a scan leaves to the next one.
pub(super) struct Present<'a> {
    pub(super) shallow: &'a [ObjectId],
    pub(super) blobs: &'a Blobs,
    pub(super) commits: &'a Commits,
    /// Numbers of the commits, the newest first.
    pub(super) order: &'a [u32],
    /// Where in the commits blobs lie that are looked for.
    pub(super) found: &'a HashMap<ObjectId, Found>,
}

impl Present<'_> {
    /// Keeps it, unless the past tells nearly as much.
    pub(super) fn keep(&self, past: Option<&Past>, kept: &Kept<'_>) {
        let blobs = self.blobs;
        let few = |past: &Past| blobs.summary.texts.saturating_mul(WORTH) < past.size();
        if blobs.hits.is_empty() && blobs.packed.is_empty() && past.is_some_and(few) {
            return;
        }
        let Some(past) = self.past() else { return };
        let mut known = Known(kept.blobs());
        known.0.extend(&blobs.new);
        known.0.sort_unstable();
        known.0.dedup();
        if known.0.len() > MAX_KNOWN {
            known.0.clear();
        }
        if let Ok(bytes) = postcard::to_stdvec(&known) {
            kept.keeper.put(&kept.key_of_blobs(), &bytes);
        }
        if let Ok(bytes) = postcard::to_stdvec(&past) {
            kept.keeper.put(&kept.key, &bytes);
        }
    }

    /// None where a commit leads to one that is not there.
    fn past(&self) -> Option<Past> {
        let mut ranks = vec![None; self.commits.all.len()];
        for (rank, number) in (0..).zip(self.order) {
            ranks[*number as usize] = Some(rank);
        }
        let rank = |number: &u32| ranks[*number as usize];
        let records = self.order.iter().map(|number| self.commits.all[*number as usize].as_ref());
        let records: Vec<&Record> = records.collect::<Option<_>>()?;
        let parents = records.iter().map(|record| record.parents.iter().map(rank).collect());
        let mut packs = self.blobs.packs.clone();
        packs.sort_unstable();
        packs.dedup();
        let telling = self.commits.leaks.iter().filter_map(|(number, _)| rank(number.as_ref()?));
        let mut telling: Vec<u32> = telling.collect();
        telling.dedup();
        let mut found: Vec<_> = self.found.iter().collect();
        found.sort_by_key(|(id, _)| **id);
        let first = found.iter().map(|(_, found)| rank(found.first.as_ref()?));
        let path = |(path, newest): &(BString, Option<u32>)| {
            Some((path.to_vec(), rank(newest.as_ref()?)?))
        };
        let paths = found.iter().map(|(_, found)| found.paths.iter().map(path).collect());
        Some(Past {
            packs: packs.iter().map(|(id, _)| *id).collect(),
            blobs: packs.iter().map(|(_, blobs)| *blobs).collect(),
            loose: self.blobs.loose.0.clone(),
            loose_blobs: self.blobs.loose.1,
            leaking: self.blobs.marked.iter().map(|(id, _)| *id).collect(),
            marks: self.blobs.marked.iter().map(|(_, marks)| marks.clone()).collect(),
            partly: self.blobs.skipped.keys().copied().collect(),
            skipped: self.blobs.skipped.values().cloned().collect(),
            shallow: self.shallow.to_vec(),
            commits: records.iter().map(|record| record.id).collect(),
            trees: records.iter().map(|record| record.tree).collect(),
            times: records.iter().map(|record| record.time).collect(),
            parents: parents.collect::<Option<_>>()?,
            telling,
            first: first.collect::<Option<_>>()?,
            paths: paths.collect::<Option<_>>()?,
            found: found.iter().map(|(id, _)| **id).collect(),
        })
    }
}

/// Ids as one string of bytes, behind the length of each.
mod ids {
    use gix::ObjectId;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(ids: &[ObjectId], to: S) -> Result<S::Ok, S::Error> {
        let length = ids.first().map_or(0, |id| id.as_slice().len() as u8);
        let mut bytes = Vec::with_capacity(1 + ids.len() * usize::from(length));
        bytes.push(length);
        ids.iter().for_each(|id| bytes.extend_from_slice(id.as_slice()));
        bytes.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<ObjectId>, D::Error> {
        let wrong = || D::Error::custom("no list of ids");
        let (length, ids) = <&[u8]>::deserialize(from)?.split_first().ok_or_else(wrong)?;
        if *length == 0 {
            return Ok(Vec::new());
        }
        let id = |bytes: &[u8]| ObjectId::try_from(bytes).map_err(|_| wrong());
        ids.chunks(usize::from(*length)).map(id).collect()
    }
}
