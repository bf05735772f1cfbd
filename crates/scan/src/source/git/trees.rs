//! Which blobs the trees of a history hold, and under which paths. Each tree is read once; of one
//! that is a version of another, only what differs is looked at.

use std::collections::{HashMap, HashSet};

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::objs::tree::{EntryKind, EntryRef};
use gix::objs::{Exists as _, TreeRefIter};

use super::MAX_DEPTH;
use super::damage::{Damage, read_tree};

/// Most paths that are kept for one blob.
const MAX_PATHS: usize = 64;
/// Most bytes of trees that are kept to compare later ones with.
const MAX_KEPT: usize = 48 << 20;

/// What is known of a blob that is looked for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Found {
    /// Its paths, that of the newest commit first.
    pub(super) paths: Vec<BString>,
    /// Number of the newest commit that holds it; none where none does, only a tag or an index.
    pub(super) last: Option<u32>,
}

/// A walk through trees, those of the newest commits first.
pub(super) struct Trees<'a> {
    repo: &'a gix::Repository,
    /// Blobs that are looked for.
    wanted: &'a HashSet<ObjectId>,
    /// Ends of paths whose blobs are looked for, too.
    files: &'a [&'a str],
    /// Trees that were read, and whether they hold something that is looked for.
    seen: HashMap<ObjectId, bool>,
    /// The same trees at other paths.
    seen_at: HashSet<(ObjectId, BString)>,
    /// The last tree at a path.
    versions: HashMap<BString, (Vec<u8>, bool)>,
    kept: usize,
    /// What was found of the blobs that are looked for.
    pub(super) found: HashMap<ObjectId, Found>,
}

impl<'a> Trees<'a> {
    pub(super) fn new(
        repo: &'a gix::Repository,
        wanted: &'a HashSet<ObjectId>,
        files: &'a [&'a str],
    ) -> Self {
        let (seen, seen_at, versions) = (HashMap::new(), HashSet::new(), HashMap::new());
        Self { repo, wanted, files, seen, seen_at, versions, kept: 0, found: HashMap::new() }
    }

    /// Walks through a tree and all that it holds.
    pub(super) fn walk(&mut self, tree: ObjectId, commit: Option<u32>, damage: &mut Damage) {
        self.tree(tree, &mut BString::default(), commit, 0, damage);
    }

    /// A blob lies at a path.
    pub(super) fn note(&mut self, id: ObjectId, path: &BStr, commit: Option<u32>) -> bool {
        if !self.wanted.contains(&id) && !self.files.iter().any(|end| path.ends_with_str(end)) {
            return false;
        }
        let found = self.found.entry(id).or_default();
        // Commits come the newest first, and what comes without one comes after them.
        found.last = found.last.or(commit);
        if found.paths.len() < MAX_PATHS && !found.paths.iter().any(|known| known == path) {
            found.paths.push(path.to_owned());
        }
        true
    }

    /// Whether the tree holds something that is looked for.
    fn tree(
        &mut self,
        id: ObjectId,
        path: &mut BString,
        commit: Option<u32>,
        depth: usize,
        damage: &mut Damage,
    ) -> bool {
        match self.seen.get(&id) {
            Some(false) => return false,
            // A directory that was copied or moved: what it holds has one more path.
            Some(true) if !self.seen_at.insert((id, path.clone())) => return true,
            Some(true) => {}
            None => {
                self.seen.insert(id, false);
                self.seen_at.insert((id, path.clone()));
            }
        }
        if depth > MAX_DEPTH {
            damage.skip("directories nested too deeply");
            return false;
        }
        let mut bytes = Vec::new();
        if let Err(why) = read_tree(self.repo, id, &mut bytes) {
            match why {
                Some(error) => damage.unreadable(&id.to_string(), &error),
                None => damage.missing(id),
            }
            return false;
        }
        let before = self.versions.remove(path);
        self.kept -= before.as_ref().map_or(0, |(bytes, _)| bytes.len());
        let (old, mut holds) = before.unwrap_or_default();
        let length = path.len();
        let kind = id.kind();
        let mut old = TreeRefIter::from_bytes(&old, kind).map_while(Result::ok).peekable();
        for entry in TreeRefIter::from_bytes(&bytes, kind) {
            let Ok(entry) = entry else {
                damage.damaged(id, "it is no tree that can be read");
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
            path.extend_from_slice(entry.filename);
            holds |= self.entry(entry, path, commit, depth, damage);
            path.truncate(length);
        }
        self.keep(path, bytes, holds);
        if holds {
            self.seen.insert(id, true);
        }
        holds
    }

    /// Looks at one entry of a tree, whose path is given.
    fn entry(
        &mut self,
        entry: EntryRef<'_>,
        path: &mut BString,
        commit: Option<u32>,
        depth: usize,
        damage: &mut Damage,
    ) -> bool {
        let id = entry.oid.to_owned();
        match entry.mode.kind() {
            EntryKind::Tree => {
                path.push(b'/');
                self.tree(id, path, commit, depth + 1, damage)
            }
            EntryKind::Commit => false,
            EntryKind::Blob | EntryKind::BlobExecutable | EntryKind::Link => {
                if !self.repo.objects.exists(entry.oid) {
                    damage.missing(id);
                }
                self.note(id, path.as_bstr(), commit)
            }
        }
    }

    /// Keeps a tree, to compare the next version with.
    fn keep(&mut self, path: &BString, bytes: Vec<u8>, holds: bool) {
        self.kept += bytes.len();
        if self.kept > MAX_KEPT {
            self.versions.clear();
            self.kept = bytes.len();
        }
        self.versions.insert(path.clone(), (bytes, holds));
    }
}
