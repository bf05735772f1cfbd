//! What an index holds that a tree does not: the change that is about to be committed.

use std::collections::HashMap;
use std::ops::Range;

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::index::entry::{Flags, Mode, Stage};
use gix::index::{File, extension};
use gix::objs::TreeRefIter;
use gix::objs::tree::EntryKind;

use super::MAX_DEPTH;
use crate::source::Skipped;

/// A file whose content an index brings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Change {
    /// Its path in the repository.
    pub(super) path: BString,
    /// Its new content.
    pub(super) id: ObjectId,
    /// What the tree holds at that path.
    pub(super) old: Option<ObjectId>,
}

/// Compares an index with a tree, or trees with each other. Only directories that differ are looked
/// into: where an index remembers that one is as the tree has it, it is passed over.
pub(super) struct Comparison<'a> {
    repo: &'a gix::Repository,
    /// What is new.
    pub(super) changes: Vec<Change>,
    /// What was left out, and why.
    pub(super) skipped: Skipped,
    /// Trees that are not there or cannot be read; what lies in them counts as new.
    pub(super) missing: u64,
}

/// What a tree holds under a name.
type Names = HashMap<BString, (EntryKind, ObjectId)>;

impl<'a> Comparison<'a> {
    pub(super) fn new(repo: &'a gix::Repository) -> Self {
        Self { repo, changes: Vec::new(), skipped: Skipped::default(), missing: 0 }
    }

    /// Compares an index with a tree; without one, all in the index is new.
    pub(super) fn index(&mut self, index: &File, tree: Option<ObjectId>) {
        self.directory(index, tree, 0..index.entries().len(), 0, index.tree(), 0);
    }

    /// Compares the entries of one directory, whose path with its last `/` is `prefix` bytes long.
    fn directory(
        &mut self,
        index: &File,
        tree: Option<ObjectId>,
        entries: Range<usize>,
        prefix: usize,
        cached: Option<&extension::Tree>,
        depth: usize,
    ) {
        if depth > MAX_DEPTH {
            self.skip("directories nested too deeply");
            return;
        }
        let known = cached.filter(|cached| cached.num_entries.is_some()).map(|cached| cached.id);
        if known.is_some() && known == tree {
            return;
        }
        let names = tree.and_then(|tree| self.names(tree)).unwrap_or_default();
        let all = index.entries();
        let mut at = entries.start;
        while at < entries.end {
            let entry = &all[at];
            let path = entry.path(index);
            let rest = path.get(prefix..).unwrap_or_default();
            // A sparse index names a whole directory in one entry, with `/` at its end.
            let Some(slash) = rest.find_byte(b'/').filter(|_| !entry.mode.is_sparse()) else {
                self.entry(&names, path, rest.trim_end_with(|c| c == '/').as_bstr(), entry);
                at += 1;
                continue;
            };
            let below = &path[..prefix + slash + 1];
            let count =
                all[at..entries.end].partition_point(|entry| entry.path(index).starts_with(below));
            let end = at + count.max(1);
            let name = rest[..slash].as_bstr();
            let tree = names.get(name).filter(|(kind, _)| *kind == EntryKind::Tree);
            let cached = cached
                .and_then(|cached| cached.children.iter().find(|child| child.name[..] == **name));
            let tree = tree.map(|(_, id)| *id);
            self.directory(index, tree, at..end, prefix + slash + 1, cached, depth + 1);
            at = end;
        }
    }

    /// Compares one entry.
    fn entry(&mut self, names: &Names, path: &BStr, name: &BStr, entry: &gix::index::Entry) {
        let old = names.get(name);
        if old.is_some_and(|(_, id)| *id == entry.id) {
            return;
        }
        if entry.stage() == Stage::Base {
            return;
        }
        if entry.flags.contains(Flags::INTENT_TO_ADD) {
            return self.skip("files added without their content yet");
        }
        match entry.mode {
            Mode::FILE | Mode::FILE_EXECUTABLE => {
                let old = old.filter(|(kind, _)| is_file(*kind)).map(|(_, id)| *id);
                self.changes.push(Change { path: path.to_owned(), id: entry.id, old });
            }
            Mode::SYMLINK => self.skip("symbolic links"),
            Mode::DIR => {
                let old = old.filter(|(kind, _)| *kind == EntryKind::Tree).map(|(_, id)| *id);
                self.tree(entry.id, old, path, 0);
            }
            _ => self.skip("submodules, each a repository of its own"),
        }
    }

    /// Compares trees. An index may hold a whole directory as one entry, too, where it is sparse.
    pub(super) fn tree(&mut self, new: ObjectId, old: Option<ObjectId>, path: &BStr, depth: usize) {
        if depth > MAX_DEPTH {
            return self.skip("directories nested too deeply");
        }
        let Some(names) = self.names(new) else { return };
        let before = old.and_then(|old| self.names(old)).unwrap_or_default();
        for (name, (kind, id)) in names {
            let old = before.get(&name).filter(|(old, _)| is_file(*old) == is_file(kind));
            let old = old.map(|(_, id)| *id);
            if old == Some(id) {
                continue;
            }
            let mut path = path.to_owned();
            path.extend_from_slice(&name);
            match kind {
                EntryKind::Tree => {
                    path.push(b'/');
                    self.tree(id, old, path.as_bstr(), depth + 1);
                }
                EntryKind::Blob | EntryKind::BlobExecutable => {
                    self.changes.push(Change { path, id, old });
                }
                EntryKind::Link => self.skip("symbolic links"),
                EntryKind::Commit => self.skip("submodules, each a repository of its own"),
            }
        }
    }

    /// What a tree holds; none where it cannot be read, which is counted.
    fn names(&mut self, tree: ObjectId) -> Option<Names> {
        let object = self.repo.find_tree(tree).ok();
        let names = object.and_then(|object| {
            TreeRefIter::from_bytes(&object.data, object.id.kind())
                .map(|entry| {
                    let entry = entry.ok()?;
                    Some((entry.filename.to_owned(), (entry.mode.kind(), entry.oid.to_owned())))
                })
                .collect()
        });
        self.missing += u64::from(names.is_none());
        names
    }

    fn skip(&mut self, why: &'static str) {
        self.skipped.add(why, 1);
    }
}

fn is_file(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Blob | EntryKind::BlobExecutable)
}
