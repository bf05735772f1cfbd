//! Which commits brought a leak and hold it still.

use std::collections::{BTreeMap, HashMap, HashSet};

use gix::ObjectId;
use gix::bstr::BString;

use super::Repository;
use super::commits::{Commits, tell};
use super::damage::Damage;
use super::marks::{self, Leak, Mark, Marked};
use super::objects::{Holders, Pack, Wanted};
use super::past::Past;
use super::refs::{Tips, is_branch};
use super::staged::Blob;
use super::traces::{Seen, Traces};
use super::trees::{Found, Trees};
use super::walk::{NEVER, Walk};
use crate::engine::Scanner;
use crate::finding::{Finding, History};
use crate::rule::RuleSet;
use crate::source::{Progress, content};

/// Most paths that are told of one blob.
const MAX_PATHS: usize = 64;

/// Number of a secret, and the blobs that hold it.
type Held = (u32, Vec<ObjectId>);

/// Where in a history blobs lie.
pub(super) struct Attribution<'a> {
    repo: &'a gix::Repository,
    commits: &'a Commits,
    /// Where blobs lie that are looked for, the newest path first, and which commits hold them.
    found: HashMap<ObjectId, Found>,
    /// The same of commits alone, in no order.
    pub(super) in_commits: HashMap<ObjectId, Found>,
    /// Numbers of the commits, the newest first.
    pub(super) order: Vec<u32>,
    /// What the heads of branches hold.
    in_head: HashSet<ObjectId>,
    /// By number of a commit: how many are newer.
    ranks: Vec<u32>,
    /// By number of a commit: whether a branch has it.
    in_branch: Vec<bool>,
}

impl<'a> Attribution<'a> {
    /// Walks through the trees of the history, and finds where the leaking blobs lie, and those
    /// whose paths alone make rules look at them. Trees of commits that the past walked through are
    /// not walked through again.
    #[allow(clippy::too_many_arguments, reason = "all that a walk needs, once")]
    pub(super) fn find(
        repo: &'a gix::Repository,
        tips: &Tips,
        commits: &'a Commits,
        past: Option<&Past>,
        (packs, leaking): (&[Pack], &HashSet<ObjectId>),
        rules: &RuleSet,
        damage: &mut Damage,
        progress: &dyn Progress,
    ) -> Self {
        let order = commits.order();
        let mut ranks = vec![NEVER; commits.all.len()];
        for (rank, number) in (0..).zip(&order) {
            ranks[*number as usize] = rank;
        }
        let files = rules.of_files().flat_map(|rule| rule.files.iter());
        let files: Vec<&str> = files.map(AsRef::as_ref).collect();
        let past = past.filter(|_| commits.go_on(&order));
        let wanted = Wanted { repo, blobs: leaking, files: &files };
        let holders = match packs {
            [] => None,
            packs => Holders::of(packs, &wanted, progress),
        };
        let mut trees = Trees::new(&wanted, holders.as_ref());
        let walk = Walk { repo, holders: holders.as_ref(), commits, order: &order, ranks: &ranks };
        let in_commits = walk.all(past, &mut trees, damage, progress);
        let found = walk.besides(&in_commits, tips, &mut trees, damage);
        let heads = tips.refs.iter().filter(|(name, _)| is_branch(name) || name == "HEAD");
        let heads: Vec<ObjectId> = heads.map(|(_, id)| *id).collect();
        let mut in_head = HashSet::new();
        if !found.is_empty() {
            let (traces, mut seen) = (Traces::new(&found), Seen::new());
            for (_, commit) in heads.iter().filter_map(|id| commits.by_id(id)) {
                traces.follow((repo, holders.as_ref()), commit.tree, &mut seen, &mut |id, _| {
                    in_head.insert(id);
                });
            }
        }
        let in_branch = match commits.leaks.is_empty() {
            true => Vec::new(),
            false => commits.reachable(heads.into_iter()),
        };
        Self { repo, commits, found, in_commits, order, in_head, ranks, in_branch }
    }

    /// What messages leak, each secret once.
    pub(super) fn messages(&self) -> Vec<Finding> {
        let mut all: BTreeMap<Leak, Finding> = BTreeMap::new();
        let mut leaks: Vec<_> = self.commits.leaks.iter().collect();
        leaks.sort_by_key(|(number, _)| self.rank(*number));
        for (number, leak) in leaks {
            let mut leak = leak.clone();
            let in_head = number.is_some_and(|number| self.in_branch[number as usize]);
            let told = all.get_mut(&Leak::of(&leak));
            if let Some(history) = told.and_then(|told| told.history.as_mut()) {
                // Older than those before.
                history.first = leak.history.and_then(|history| history.first);
                history.in_head |= in_head;
                continue;
            }
            if let Some(history) = leak.history.as_mut() {
                history.in_head |= in_head;
            }
            all.insert(Leak::of(&leak), leak);
        }
        all.into_values().collect()
    }

    /// What blobs leak: each secret once for each path that its blobs have now, or had last.
    pub(super) fn blobs(
        &self,
        repository: &Repository,
        scanner: &Scanner<'_>,
        marked: &Marked,
        unreachable: bool,
    ) -> Vec<Finding> {
        let mut leaks: BTreeMap<(BString, u32), Vec<ObjectId>> = BTreeMap::new();
        let mut marks: HashMap<ObjectId, &[Mark]> = HashMap::new();
        for (id, all) in marked {
            marks.insert(*id, all);
            let loose = BString::from(format!("(blob {id})"));
            let path = match self.found.get(id) {
                Some(found) => &found.paths[0].0,
                None if unreachable => &loose,
                None => continue,
            };
            for mark in all {
                let ids = leaks.entry((path.clone(), mark.leak)).or_default();
                if ids.last() != Some(id) {
                    ids.push(*id);
                }
            }
        }
        // One reading of a blob serves all that is told from it.
        let mut newest: BTreeMap<(BString, ObjectId), Vec<Held>> = BTreeMap::new();
        for ((path, leak), mut ids) in leaks {
            ids.sort_by_key(|id| (self.rank_of(id), *id));
            if let Some(last) = ids.first() {
                newest.entry((path, *last)).or_default().push((leak, ids));
            }
        }
        let mut findings = Vec::new();
        for ((path, blob), held) in newest {
            let Blob::Whole(bytes) = repository.blob(blob) else { continue };
            let placed = marks::placed(scanner, &path, &bytes);
            let marks = marks.get(&blob).copied().unwrap_or_default();
            let find =
                |(number, ids): &Held| Some((Mark::find(*number, marks, &placed)?, ids.clone()));
            let mut leaks: HashMap<Leak, Vec<ObjectId>> = held.iter().filter_map(find).collect();
            for (_, finding) in placed {
                // Each is told once.
                if let Some(ids) = leaks.remove(&Leak::of(&finding)) {
                    findings.push(Finding { history: Some(self.history(&ids)), ..finding });
                }
            }
        }
        findings.extend(self.by_path(repository, scanner, &marks));
        findings
    }

    /// What blobs leak that rules look at because of their paths alone.
    fn by_path(
        &self,
        repository: &Repository,
        scanner: &Scanner<'_>,
        marked: &HashMap<ObjectId, &[Mark]>,
    ) -> Vec<Finding> {
        let mut leaks: BTreeMap<(&BString, Leak), Vec<ObjectId>> = BTreeMap::new();
        let mut newest: Vec<_> =
            self.found.iter().filter(|(id, _)| !marked.contains_key(*id)).collect();
        newest.sort_by_key(|(id, _)| (self.rank_of(id), **id));
        let mut findings = Vec::new();
        for (id, found) in newest {
            let Blob::Whole(bytes) = repository.blob(*id) else { continue };
            let path = &found.paths[0].0;
            for finding in content::scan(scanner, path, &bytes).findings {
                let ids = leaks.entry((path, Leak::of(&finding))).or_default();
                if ids.is_empty() {
                    findings.push(finding);
                }
                if ids.last() != Some(id) {
                    ids.push(*id);
                }
            }
        }
        for finding in &mut findings {
            let place = &BString::from(finding.place.path.as_slice());
            finding.history = leaks.get(&(place, Leak::of(finding))).map(|ids| self.history(ids));
        }
        findings
    }

    /// Where in history a secret is that these blobs hold, the one that was there last first.
    fn history(&self, ids: &[ObjectId]) -> History {
        let told = |number: Option<u32>| {
            let record = number.and_then(|number| self.commits.all[number as usize].as_ref());
            record.map(|record| tell(self.repo, record.id))
        };
        let first = ids.iter().filter_map(|id| self.found.get(id)?.first);
        let first = first.max_by_key(|number| self.ranks[*number as usize]);
        let newest = ids.first();
        let mut paths: Vec<Vec<u8>> = Vec::new();
        let found = ids.iter().filter_map(|id| self.found.get(id));
        for (path, _) in found.flat_map(|found| found.paths.iter().take(MAX_PATHS)) {
            if !paths.iter().any(|known| known == path) {
                paths.push(path.to_vec());
            }
        }
        History {
            blob: newest.map_or_else(String::new, ToString::to_string),
            first: told(first),
            last: told(newest.and_then(|newest| self.last(newest))),
            paths,
            in_head: ids.iter().any(|id| self.in_head.contains(id)),
        }
    }

    fn rank_of(&self, id: &ObjectId) -> u32 {
        self.rank(self.last(id))
    }

    /// Number of the newest commit that holds a blob.
    fn last(&self, id: &ObjectId) -> Option<u32> {
        self.found.get(id)?.paths.first()?.1
    }

    fn rank(&self, number: Option<u32>) -> u32 {
        number.map_or(NEVER, |number| self.ranks[number as usize])
    }
}
