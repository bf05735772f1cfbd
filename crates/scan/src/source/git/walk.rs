//! Where in the trees of commits blobs lie, and which commits are the first and the last to hold them
//! there. Of commits that an earlier scan walked through, what it found is taken over.

use std::collections::HashMap;

use gix::ObjectId;
use gix::bstr::ByteSlice as _;
use gix::odb::HeaderExt as _;

use super::commits::{Commits, Record};
use super::damage::Damage;
use super::objects::Holders;
use super::past::Past;
use super::refs::Tips;
use super::traces::{Seen, Traces};
use super::trees::{Found, Trees};
use crate::source::Progress;

/// Rank of what no commit holds.
pub(super) const NEVER: u32 = u32::MAX;

/// The walk through the trees of commits.
pub(super) struct Walk<'a> {
    pub(super) repo: &'a gix::Repository,
    /// What is known of trees, if anything.
    pub(super) holders: Option<&'a Holders>,
    pub(super) commits: &'a Commits,
    /// Numbers of the commits, the newest first.
    pub(super) order: &'a [u32],
    /// By number: how many are newer.
    pub(super) ranks: &'a [u32],
}

impl Walk<'_> {
    /// Where in commits the blobs lie that are looked for.
    pub(super) fn all(
        &self,
        past: Option<&Past>,
        trees: &mut Trees<'_>,
        damage: &mut Damage,
        progress: &dyn Progress,
    ) -> HashMap<ObjectId, Found> {
        let known = past.map_or(0, |past| past.commits().len());
        let new = self.order.iter().filter(|number| **number as usize >= known);
        let tree = |number: &u32| Some((*number, self.commits.all[*number as usize].as_ref()?));
        let new: Vec<(u32, &Record)> = new.filter_map(tree).collect();
        let backward = is_cheaper_backward(self.repo, &new);
        let walked: Vec<_> =
            if backward { new.iter().rev().collect() } else { new.iter().collect() };
        // Of the first one, what differs from a commit that is known.
        let parents = walked.iter().flat_map(|(_, record)| record.parents.iter());
        if let Some(parent) = parents.copied().find(|parent| (*parent as usize) < known)
            && let Some(record) = &self.commits.all[parent as usize]
        {
            trees.begin(record.tree);
        }
        for (number, record) in walked {
            if progress.stop() {
                break;
            }
            trees.walk(record.tree, Some(*number), damage);
        }
        let mut found = trees.noted();
        let Some(past) = past else {
            // A walk meets one end; the other one is followed up.
            match backward {
                true => self.newest(&new, &mut found),
                false => self.oldest(&new, &mut found),
            }
            return found;
        };
        let before = past.found();
        for (id, before) in &before {
            let found = found.entry(*id).or_default();
            for (path, _) in &before.paths {
                if !found.paths.iter().any(|(known, _)| known == path) {
                    found.paths.push((path.clone(), None));
                }
            }
        }
        self.newest(&new, &mut found);
        self.oldest(&new, &mut found);
        for (id, before) in before {
            let Some(found) = found.get_mut(&id) else { continue };
            found.first =
                [found.first, before.first].into_iter().flatten().max_by_key(|n| self.rank(n));
            for (path, newest) in before.paths {
                let new = found.paths.iter_mut().find(|(new, _)| *new == path);
                if let Some((_, new)) = new {
                    *new = [*new, newest].into_iter().flatten().min_by_key(|n| self.rank(n));
                }
            }
        }
        found
    }

    fn rank(&self, number: &u32) -> u32 {
        self.ranks[*number as usize]
    }

    /// Finds the newest commit for each path of each blob.
    fn newest(&self, commits: &[(u32, &Record)], found: &mut HashMap<ObjectId, Found>) {
        let traces = Traces::new(found);
        let mut left: usize = found.values().map(|found| found.paths.len()).sum();
        found.values_mut().flat_map(|f| &mut f.paths).for_each(|(_, newest)| *newest = None);
        let mut seen = Seen::new();
        for (number, record) in commits {
            if left == 0 {
                break;
            }
            traces.follow((self.repo, self.holders), record.tree, &mut seen, &mut |id, path| {
                let paths = found.get_mut(&id).map(|found| found.paths.iter_mut());
                let place = paths.and_then(|mut paths| paths.find(|(known, _)| known == path));
                if let Some((_, newest @ None)) = place {
                    *newest = Some(*number);
                    left -= 1;
                }
            });
        }
    }

    /// Finds the oldest commit for each blob.
    fn oldest(&self, commits: &[(u32, &Record)], found: &mut HashMap<ObjectId, Found>) {
        let traces = Traces::new(found);
        let mut left = found.len();
        found.values_mut().for_each(|found| found.first = None);
        let mut seen = Seen::new();
        for (number, record) in commits.iter().rev() {
            if left == 0 {
                break;
            }
            traces.follow((self.repo, self.holders), record.tree, &mut seen, &mut |id, _| {
                if let Some(Found { first: first @ None, .. }) = found.get_mut(&id) {
                    *first = Some(*number);
                    left -= 1;
                }
            });
        }
    }

    /// Adds what lies in no commit, and puts paths in order: the newest first, and then what comes
    /// without a commit.
    pub(super) fn besides(
        &self,
        in_commits: &HashMap<ObjectId, Found>,
        tips: &Tips,
        trees: &mut Trees<'_>,
        damage: &mut Damage,
    ) -> HashMap<ObjectId, Found> {
        let mut all = in_commits.clone();
        let rank = |newest: &Option<u32>| newest.as_ref().map_or(NEVER, |number| self.rank(number));
        for found in all.values_mut() {
            found.paths.sort_by(|a, b| (rank(&a.1), &a.0).cmp(&(rank(&b.1), &b.0)));
        }
        for root in &self.commits.roots {
            if root.is_tree {
                trees.walk(root.id, None, damage);
            } else {
                trees.note(root.id, root.name.as_bstr(), None);
            }
        }
        for (path, id) in &tips.indexed {
            trees.note(*id, path.as_bstr(), None);
        }
        for (id, besides) in trees.noted() {
            let found = all.entry(id).or_default();
            for (path, _) in besides.paths {
                if !found.paths.iter().any(|(known, _)| *known == path) {
                    found.paths.push((path, None));
                }
            }
        }
        all
    }
}

/// Whether trees are cheaper to read from the oldest on: where they are stored as what differs from
/// an older one. Git itself does it the other way round; `git fast-import` does not.
fn is_cheaper_backward(repo: &gix::Repository, order: &[(u32, &Record)]) -> bool {
    const LOOKED_AT: usize = 16;
    let deltas = |trees: &mut dyn Iterator<Item = &(u32, &Record)>| -> u32 {
        let header =
            |(_, record): &(u32, &Record)| repo.objects.header(record.tree).ok()?.num_deltas();
        trees.take(LOOKED_AT).filter_map(header).sum()
    };
    deltas(&mut order.iter()) > deltas(&mut order.iter().rev())
}
