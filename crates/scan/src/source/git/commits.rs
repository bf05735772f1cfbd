//! Commits and tags: each is read once, its message scanned, and all are put in an order in which
//! no commit comes before one that builds on it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice as _};
use gix::objs::{CommitRef, Kind, TagRef};

use super::damage::Damage;
use super::past::Past;
use super::refs::Tips;
use crate::engine::Scanner;
use crate::finding::{Commit, Finding, History};
use crate::source::{Progress, text};

/// Name of the text that a commit's message is.
pub(super) const MESSAGE: &[u8] = b"(commit message)";
/// Name of the text that a tag's message is.
const TAG_MESSAGE: &[u8] = b"(tag message)";

/// Why what a reflog names is not scanned: it may be gone, rightly.
pub(super) const GONE: &str = "reflog entries whose commits are gone";

/// A commit, as far as walks need it.
pub(super) struct Record {
    pub(super) id: ObjectId,
    pub(super) tree: ObjectId,
    /// When it was committed, in seconds since 1970.
    pub(super) time: i64,
    /// Numbers of its parents.
    pub(super) parents: Box<[u32]>,
}

/// What refs lead to that is no commit.
pub(super) struct Root {
    /// The ref.
    pub(super) name: BString,
    /// The tree or the blob.
    pub(super) id: ObjectId,
    pub(super) is_tree: bool,
}

/// The commits of a history.
#[derive(Default)]
pub(super) struct Commits {
    /// By number; none where it cannot be read.
    pub(super) all: Vec<Option<Record>>,
    numbers: gix::hashtable::HashMap<ObjectId, u32>,
    /// What was read, or tried to.
    seen: gix::hashtable::HashSet<ObjectId>,
    /// Commits that an earlier scan read, by number, as long as nothing led to them.
    known: Vec<Option<Record>>,
    /// Those whose messages leak.
    telling: HashSet<u32>,
    /// Those that a shallow clone ends with, in order.
    pub(super) shallow: Vec<ObjectId>,
    /// What refs lead to besides.
    pub(super) roots: Vec<Root>,
    /// What messages leak, with the number of the commit.
    pub(super) leaks: Vec<(Option<u32>, Finding)>,
}

/// Who names an object.
#[derive(Clone, Copy, Eq, PartialEq)]
enum By {
    Object,
    Log,
}

impl Commits {
    /// No commits; those of an earlier scan, which have the first numbers, will not be read again.
    pub(super) fn after(past: Option<&Past>, shallow: Vec<ObjectId>) -> Self {
        let mut commits = Self { shallow, ..Self::default() };
        if let Some(past) = past {
            commits.known = past.commits().map(Some).collect();
            commits.telling = past.telling.iter().copied().collect();
            commits.all.resize_with(commits.known.len(), || None);
            let ids = commits.known.iter().flatten().map(|record| record.id);
            commits.numbers = ids.zip(0..).collect();
        }
        commits
    }

    /// Whether all that an earlier scan met is there still, and in the order of its numbers, which
    /// was that of the earlier scan.
    pub(super) fn go_on(&self, order: &[u32]) -> bool {
        let is_known = |number: &&u32| (**number as usize) < self.known.len();
        let known = order.iter().filter(is_known);
        self.known.iter().all(Option::is_none) && known.is_sorted()
    }

    /// Takes in a commit that an earlier scan read, and those that it builds on.
    fn reach(&mut self, from: u32, repo: &gix::Repository, scanner: &Scanner<'_>) {
        let mut open = vec![from];
        while let Some(number) = open.pop() {
            let Some(record) = self.known[number as usize].take() else { continue };
            open.extend(&record.parents);
            if self.telling.contains(&number)
                && let Ok(commit) = repo.find_commit(record.id)
                && let Ok(commit) = commit.decode()
            {
                self.message(number, record.id, &commit, scanner);
            }
            self.all[number as usize] = Some(record);
        }
    }

    /// Reads all commits that the tips lead to and that were not read yet, and scans their
    /// messages.
    pub(super) fn read(
        &mut self,
        repo: &gix::Repository,
        tips: &Tips,
        scanner: &Scanner<'_>,
        damage: &mut Damage,
        progress: &dyn Progress,
    ) {
        let logged = tips.logged.iter().map(|id| (*id, By::Log, BString::default()));
        let named = tips.refs.iter().map(|(name, id)| (*id, By::Object, name.clone()));
        // Refs are taken from the end, before what only logs name.
        let mut open: Vec<(ObjectId, By, BString)> = logged.chain(named).collect();
        while let Some((id, by, name)) = open.pop() {
            if progress.stop() {
                break;
            }
            if let Some(number) =
                self.numbers.get(&id).filter(|n| (**n as usize) < self.known.len())
            {
                self.reach(*number, repo, scanner);
                continue;
            }
            if !self.seen.insert(id) {
                continue;
            }
            let object = match repo.try_find_object(id) {
                Ok(Some(object)) => object,
                Ok(None) if by == By::Log => {
                    damage.skip(GONE);
                    continue;
                }
                Ok(None) => {
                    damage.missing(id);
                    continue;
                }
                Err(error) => {
                    damage.unreadable(&id.to_string(), &error);
                    continue;
                }
            };
            let data = &object.data;
            match object.kind {
                Kind::Commit => {
                    let Some(parents) = self.commit(id, data, scanner) else {
                        damage.damaged(id, "it is no commit that can be read");
                        continue;
                    };
                    open.extend(parents.iter().map(|id| (*id, By::Object, BString::default())));
                }
                Kind::Tag => match TagRef::from_bytes(data, id.kind()) {
                    Ok(tag) => {
                        self.tag(id, &tag, scanner);
                        open.push((tag.target(), by, name));
                    }
                    Err(_) => damage.damaged(id, "it is no tag that can be read"),
                },
                kind => self.roots.push(Root { name, id, is_tree: kind == Kind::Tree }),
            }
        }
    }

    /// Takes a commit in; its parents.
    fn commit(
        &mut self,
        id: ObjectId,
        data: &[u8],
        scanner: &Scanner<'_>,
    ) -> Option<Vec<ObjectId>> {
        let commit = CommitRef::from_bytes(data, id.kind()).ok()?;
        let cut = self.shallow.binary_search(&id).is_ok();
        let parents: Vec<ObjectId> = commit.parents().filter(|_| !cut).collect();
        let numbers = parents.iter().map(|parent| self.number(*parent)).collect();
        let number = self.number(id);
        let time = commit.time().map_or(0, |time| time.seconds);
        let record = Record { id, tree: commit.tree(), time, parents: numbers };
        self.all[number as usize] = Some(record);
        self.message(number, id, &commit, scanner);
        Some(parents)
    }

    fn message(
        &mut self,
        number: u32,
        id: ObjectId,
        commit: &CommitRef<'_>,
        scanner: &Scanner<'_>,
    ) {
        for mut finding in text::scan(scanner, MESSAGE, commit.message).findings {
            let told = told(id, commit.author().ok());
            finding.history = Some(History {
                blob: id.to_string(),
                first: Some(told.clone()),
                last: Some(told),
                ..History::default()
            });
            self.leaks.push((Some(number), finding));
        }
    }

    fn tag(&mut self, id: ObjectId, tag: &TagRef<'_>, scanner: &Scanner<'_>) {
        for mut finding in text::scan(scanner, TAG_MESSAGE, tag.message).findings {
            let told = told(id, tag.tagger().ok().flatten());
            finding.history = Some(History {
                blob: id.to_string(),
                first: Some(told.clone()),
                last: Some(told),
                paths: vec![[&b"refs/tags/"[..], tag.name].concat()],
                ..History::default()
            });
            self.leaks.push((None, finding));
        }
    }

    fn number(&mut self, id: ObjectId) -> u32 {
        *self.numbers.entry(id).or_insert_with(|| {
            self.all.push(None);
            // A repository of four thousand million commits does not fit into memory.
            u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// The commit of that id.
    pub(super) fn by_id(&self, id: &ObjectId) -> Option<(u32, &Record)> {
        let number = *self.numbers.get(id)?;
        Some((number, self.all.get(number as usize)?.as_ref()?))
    }

    /// Numbers of the commits, the newest first; no commit comes before one that builds on it.
    pub(super) fn order(&self) -> Vec<u32> {
        let mut children = vec![0_u32; self.all.len()];
        for parent in self.all.iter().flatten().flat_map(|record| record.parents.iter()) {
            children[*parent as usize] += 1;
        }
        let key = |number: u32| {
            let record = self.all[number as usize].as_ref();
            let time = record.map_or(i64::MIN, |record| record.time);
            (time, Reverse(record.map(|record| record.id)), number)
        };
        let heads = (0..self.all.len()).filter(|number| children[*number] == 0);
        let mut open: BinaryHeap<_> =
            heads.filter_map(|number| u32::try_from(number).ok()).map(key).collect();
        let mut order = Vec::with_capacity(self.all.len());
        while let Some((.., number)) = open.pop() {
            let Some(record) = &self.all[number as usize] else { continue };
            order.push(number);
            for parent in &record.parents {
                children[*parent as usize] -= 1;
                if children[*parent as usize] == 0 {
                    open.push(key(*parent));
                }
            }
        }
        order
    }

    /// Which commits those of these ids build on, and themselves.
    pub(super) fn reachable(&self, from: impl Iterator<Item = ObjectId>) -> Vec<bool> {
        let mut is = vec![false; self.all.len()];
        let mut open: Vec<u32> =
            from.filter_map(|id| self.by_id(&id)).map(|(number, _)| number).collect();
        while let Some(number) = open.pop() {
            if !std::mem::replace(&mut is[number as usize], true) {
                open.extend(self.all[number as usize].iter().flat_map(|r| r.parents.iter()));
            }
        }
        is
    }
}

/// How a commit is told.
pub(super) fn tell(repo: &gix::Repository, id: ObjectId) -> Commit {
    let object = repo.find_commit(id).ok();
    let author = object.as_ref().and_then(|commit| commit.author().ok());
    told(id, author)
}

fn told(id: ObjectId, author: Option<gix::actor::SignatureRef<'_>>) -> Commit {
    let name = author.map_or_else(String::new, |author| {
        format!("{} <{}>", author.name.trim().to_str_lossy(), author.email.trim().to_str_lossy())
    });
    let time = author.and_then(|author| author.time().ok()).map_or(0, |time| time.seconds);
    Commit { id: id.to_string(), author: name, time }
}
