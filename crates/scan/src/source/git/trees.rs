//! Which blobs the trees of a history hold, and under which paths. Each tree is read once; of one
//! that is a version of another, only what differs is looked at.

use std::collections::{HashMap, HashSet};

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::objs::tree::{EntryKind, EntryRef};
use gix::objs::{Exists as _, TreeRefIter};

use super::MAX_DEPTH;
use super::damage::Damage;
use super::objects::{Holders, Wanted, read_tree};

/// Most paths that are noted for one blob.
const MAX_PATHS: usize = 1024;
/// Most bytes of trees that are kept to compare later ones with.
const MAX_KEPT: usize = 48 << 20;

/// What is known of a blob that is looked for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Found {
    /// Its paths, each with the number of the newest commit that has it there; none where none has,
    /// only a tag or an index. A walk notes the first commit that it meets.
    pub(super) paths: Vec<(BString, Option<u32>)>,
    /// Number of the oldest commit that holds it; of a walk, the first one that it met.
    pub(super) first: Option<u32>,
}

/// A walk through trees, those of the newest commits first, or those of the oldest.
pub(super) struct Trees<'a> {
    /// Trees that were read, and whether they hold something that is looked for.
    seen: gix::hashtable::HashMap<ObjectId, bool>,
    /// Those that do, at each path.
    seen_at: HashSet<(ObjectId, BString)>,
    /// The last version of each directory.
    top: Directory,
    /// Which trees hold nothing, where that is known before.
    holders: Option<&'a Holders>,
    rest: Rest<'a>,
}

/// What a walk looks for, and what it found.
struct Rest<'a> {
    wanted: &'a Wanted<'a>,
    /// How many bytes of trees are kept.
    kept: usize,
    found: HashMap<ObjectId, Found>,
}

/// The last version of a directory that was walked through.
#[derive(Default)]
struct Directory {
    bytes: Vec<u8>,
    /// Whether it held something that is looked for.
    holds: bool,
    /// Whether what the version before it held is known without a walk.
    known: bool,
    /// That version, where it is known and not yet read.
    base: Option<ObjectId>,
    below: HashMap<BString, Directory>,
}

impl<'a> Trees<'a> {
    pub(super) fn new(wanted: &'a Wanted<'a>, holders: Option<&'a Holders>) -> Self {
        let rest = Rest { wanted, kept: 0, found: HashMap::new() };
        let (seen, seen_at) = (gix::hashtable::HashMap::default(), HashSet::new());
        Self { seen, seen_at, top: Directory::default(), holders, rest }
    }

    /// What was noted, since this was asked last, of the blobs that are looked for.
    pub(super) fn noted(&mut self) -> HashMap<ObjectId, Found> {
        std::mem::take(&mut self.rest.found)
    }

    /// Begins with a tree of which all is known: of the next one, what differs is looked at.
    pub(super) fn begin(&mut self, tree: ObjectId) {
        self.top = Directory::of_known(tree);
    }

    /// Walks through a tree and all that it holds.
    pub(super) fn walk(&mut self, tree: ObjectId, commit: Option<u32>, damage: &mut Damage) {
        if self.rest.kept > MAX_KEPT {
            self.top = Directory::default();
            self.rest.kept = 0;
        }
        let mut top = std::mem::take(&mut self.top);
        let mut walk = Walk { trees: self, commit, damage, path: BString::default() };
        walk.tree(tree, &mut top, 0);
        self.top = top;
    }

    /// A blob lies at a path.
    pub(super) fn note(&mut self, id: ObjectId, path: &BStr, commit: Option<u32>) {
        self.rest.note(id, path, commit);
    }
}

impl Rest<'_> {
    /// A blob lies at a path; whether it is looked for.
    fn note(&mut self, id: ObjectId, path: &BStr, commit: Option<u32>) -> bool {
        let Wanted { blobs, files, .. } = self.wanted;
        if !blobs.contains(&id) && !files.iter().any(|end| path.ends_with_str(end)) {
            return false;
        }
        let found = self.found.entry(id).or_default();
        found.first = found.first.or(commit);
        if found.paths.len() < MAX_PATHS && !found.paths.iter().any(|(known, _)| known == path) {
            found.paths.push((path.to_owned(), commit));
        }
        true
    }
}

impl Directory {
    fn of_known(tree: ObjectId) -> Self {
        // What it holds was noted already; it may lie elsewhere, too.
        Self { base: Some(tree), known: true, holds: true, ..Self::default() }
    }
}

/// The walk through one tree.
struct Walk<'t, 'a> {
    trees: &'t mut Trees<'a>,
    commit: Option<u32>,
    damage: &'t mut Damage,
    /// Where it is.
    path: BString,
}

impl Walk<'_, '_> {
    /// Whether the tree holds something that is looked for.
    fn tree(&mut self, id: ObjectId, place: &mut Directory, depth: usize) -> bool {
        match self.trees.seen.get(&id) {
            Some(false) => return false,
            // A directory that was copied or moved: what it holds has one more path.
            Some(true) if !self.trees.seen_at.insert((id, self.path.clone())) => return true,
            Some(true) => {}
            None => {
                self.trees.seen.insert(id, false);
                if self.trees.holders.is_some_and(|holders| holders.is_empty(&id)) {
                    return false;
                }
            }
        }
        if depth > MAX_DEPTH {
            self.damage.skip("directories nested too deeply");
            return false;
        }
        let mut bytes = Vec::new();
        let (holders, repo) = (self.trees.holders, self.trees.rest.wanted.repo);
        if let Err(why) = read_tree(holders, repo, id, &mut bytes) {
            match why {
                Some(error) => self.damage.unreadable(&id.to_string(), &error),
                None => self.damage.missing(id),
            }
            return false;
        }
        if let Some(base) = place.base.take() {
            // Where it cannot be read, more is looked at than need be.
            if read_tree(holders, repo, base, &mut place.bytes).is_err() {
                place.bytes.clear();
            }
            self.trees.rest.kept += place.bytes.len();
        }
        let before = std::mem::take(&mut place.bytes);
        let length = self.path.len();
        let mut old = TreeRefIter::from_bytes(&before, id.kind()).map_while(Result::ok).peekable();
        for entry in TreeRefIter::from_bytes(&bytes, id.kind()) {
            let Ok(entry) = entry else {
                self.damage.damaged(id, "it is no tree that can be read");
                break;
            };
            // Both are in git's order. Where they are not, more is looked at than need be.
            while old.peek().is_some_and(|old| *old < entry) {
                old.next();
            }
            if old.peek() == Some(&entry) {
                old.next();
                continue;
            }
            let same = |old: &&EntryRef<'_>| old.filename == entry.filename && old.mode.is_tree();
            let known =
                old.peek().filter(same).filter(|_| place.known).map(|old| old.oid.to_owned());
            self.path.extend_from_slice(entry.filename);
            place.holds |= self.entry(entry, place, known, depth);
            self.path.truncate(length);
        }
        self.trees.rest.kept += bytes.len();
        self.trees.rest.kept -= before.len();
        place.bytes = bytes;
        if place.holds {
            self.trees.seen.insert(id, true);
            self.trees.seen_at.insert((id, self.path.clone()));
        }
        place.holds
    }

    /// Looks at one entry of a tree, whose path is given, and of which an earlier version may be
    /// known.
    fn entry(
        &mut self,
        entry: EntryRef<'_>,
        place: &mut Directory,
        known: Option<ObjectId>,
        depth: usize,
    ) -> bool {
        let id = entry.oid.to_owned();
        match entry.mode.kind() {
            EntryKind::Tree => {
                self.path.push(b'/');
                if let Some(below) = place.below.get_mut(entry.filename) {
                    return self.tree(id, below, depth + 1);
                }
                let new = known.map_or_else(Directory::default, Directory::of_known);
                let below = place.below.entry(entry.filename.to_owned()).or_insert(new);
                self.tree(id, below, depth + 1)
            }
            EntryKind::Commit => false,
            EntryKind::Blob | EntryKind::BlobExecutable | EntryKind::Link => {
                let is_there = self.trees.holders.is_some_and(|holders| holders.is_there(&id));
                if !is_there && !self.trees.rest.wanted.repo.objects.exists(entry.oid) {
                    self.damage.missing(id);
                }
                self.trees.rest.note(id, self.path.as_bstr(), self.commit)
            }
        }
    }
}
