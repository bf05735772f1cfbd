//! Which commits brought a leak and hold it still.

use std::collections::{BTreeMap, HashMap, HashSet};

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice as _};
use gix::odb::HeaderExt as _;

use super::Repository;
use super::commits::{Commits, tell};
use super::damage::Damage;
use super::objects::Blobs;
use super::refs::{Tips, is_branch};
use super::staged::Blob;
use super::traces::{Seen, Traces};
use super::trees::{Found, Trees};
use crate::engine::{Hit, Scanner, What};
use crate::finding::{Finding, History, KNOWN_ID};
use crate::rule::RuleSet;
use crate::source::{Progress, content};

/// Rank of what no commit holds.
const NEVER: u32 = u32::MAX;

/// A secret, and what it was found as.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct Leak {
    rule: String,
    known: String,
    /// Digest of the secret: no more copies of it than need be.
    value: [u8; 32],
}

/// A secret, and the blobs that hold it.
type Held = (Leak, Vec<ObjectId>);

/// Where in a history blobs lie.
pub(super) struct Attribution<'a> {
    repo: &'a gix::Repository,
    commits: &'a Commits,
    found: HashMap<ObjectId, Found>,
    /// What the heads of branches hold.
    in_head: HashSet<ObjectId>,
    /// By number of a commit: how many are newer.
    ranks: Vec<u32>,
    /// By number of a commit: whether a branch has it.
    in_branch: Vec<bool>,
}

impl<'a> Attribution<'a> {
    /// Walks through all trees of the history, and finds where the leaking blobs lie, and those
    /// whose paths alone make rules look at them.
    pub(super) fn find(
        repo: &'a gix::Repository,
        tips: &Tips,
        commits: &'a Commits,
        leaking: &HashSet<ObjectId>,
        rules: &RuleSet,
        damage: &mut Damage,
        progress: &dyn Progress,
    ) -> Self {
        let order = commits.order();
        let mut ranks = vec![NEVER; commits.all.len()];
        for (rank, number) in (0..).zip(&order) {
            ranks[*number as usize] = rank;
        }
        let files = rules.rules().iter().flat_map(|rule| rule.files.iter());
        let files: Vec<&str> = files.map(AsRef::as_ref).collect();
        let found =
            walk(repo, tips, commits, &order, Trees::new(repo, leaking, &files), damage, progress);
        let heads = tips.refs.iter().filter(|(name, _)| is_branch(name) || name == "HEAD");
        let heads: Vec<ObjectId> = heads.map(|(_, id)| *id).collect();
        let mut in_head = HashSet::new();
        if !found.is_empty() {
            let (traces, mut seen) = (Traces::new(&found), Seen::new());
            for (_, commit) in heads.iter().filter_map(|id| commits.by_id(id)) {
                traces.follow(repo, commit.tree, &mut seen, &mut |id| {
                    in_head.insert(id);
                });
            }
        }
        let in_branch = match commits.leaks.is_empty() {
            true => Vec::new(),
            false => commits.reachable(heads.into_iter()),
        };
        Self { repo, commits, found, in_head, ranks, in_branch }
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
        found: &Blobs,
        unreachable: bool,
    ) -> Vec<Finding> {
        let mut leaks: BTreeMap<(BString, Leak), Vec<ObjectId>> = BTreeMap::new();
        let mut leak = |path: &BString, leak: Leak, id: ObjectId| {
            let ids = leaks.entry((path.clone(), leak)).or_default();
            if ids.last() != Some(&id) {
                ids.push(id);
            }
        };
        let mut scanned = HashSet::new();
        let hits = found.hits.iter().map(|(id, hits)| {
            (id, hits.iter().map(|hit| Leak::of_hit(scanner.rules, hit)).collect())
        });
        let packed =
            found.packed.iter().map(|(id, packed)| (id, packed.iter().map(Leak::of).collect()));
        for (id, leaks) in hits.chain(packed) {
            let leaks: Vec<Leak> = leaks;
            scanned.insert(*id);
            let loose = BString::from(format!("(blob {id})"));
            let path = match self.found.get(id) {
                Some(found) => &found.paths[0],
                None if unreachable => &loose,
                None => continue,
            };
            leaks.into_iter().for_each(|found| leak(path, found, *id));
        }
        // Those that rules look at because of their paths.
        for (id, found) in self.found.iter().filter(|(id, _)| !scanned.contains(*id)) {
            if let Blob::Whole(bytes) = repository.blob(*id) {
                for finding in content::scan(scanner, &found.paths[0], &bytes).findings {
                    leak(&found.paths[0], Leak::of(&finding), *id);
                }
            }
        }
        // One reading of a blob serves all that is told from it.
        let mut newest: BTreeMap<(BString, ObjectId), Vec<Held>> = BTreeMap::new();
        for ((path, leak), ids) in leaks {
            let last = ids.iter().min_by_key(|id| (self.rank_of(id), **id)).copied();
            if let Some(last) = last {
                newest.entry((path, last)).or_default().push((leak, ids));
            }
        }
        let mut findings = Vec::new();
        for ((path, blob), leaks) in newest {
            let Blob::Whole(bytes) = repository.blob(blob) else { continue };
            let mut told = HashSet::new();
            for mut finding in content::scan(scanner, &path, &bytes).findings {
                let leak = Leak::of(&finding);
                let Some((leak, ids)) = leaks.iter().find(|(known, _)| *known == leak) else {
                    continue;
                };
                if told.insert(leak.clone()) {
                    finding.history = Some(self.history(blob, ids));
                    findings.push(finding);
                }
            }
        }
        findings
    }

    /// Where in history a secret is that these blobs hold, `newest` last.
    fn history(&self, newest: ObjectId, ids: &[ObjectId]) -> History {
        let told = |number: Option<u32>| {
            let record = number.and_then(|number| self.commits.all[number as usize].as_ref());
            record.map(|record| tell(self.repo, record.id))
        };
        let first = ids.iter().filter_map(|id| self.found.get(id)?.first);
        let first = first.max_by_key(|number| self.ranks[*number as usize]);
        let last = self.found.get(&newest).and_then(|found| found.last);
        let mut paths: Vec<Vec<u8>> = Vec::new();
        let newest_first = std::iter::once(&newest).chain(ids);
        for path in newest_first.filter_map(|id| self.found.get(id)).flat_map(|found| &found.paths)
        {
            if !paths.iter().any(|known| known == path) {
                paths.push(path.to_vec());
            }
        }
        History {
            blob: newest.to_string(),
            first: told(first),
            last: told(last),
            paths,
            in_head: ids.iter().any(|id| self.in_head.contains(id)),
        }
    }

    fn rank_of(&self, id: &ObjectId) -> u32 {
        self.rank(self.found.get(id).and_then(|found| found.last))
    }

    fn rank(&self, number: Option<u32>) -> u32 {
        number.map_or(NEVER, |number| self.ranks[number as usize])
    }
}

/// Walks through the trees of all commits, from one end, and follows what was found from the other.
fn walk(
    repo: &gix::Repository,
    tips: &Tips,
    commits: &Commits,
    order: &[u32],
    mut trees: Trees<'_>,
    damage: &mut Damage,
    progress: &dyn Progress,
) -> HashMap<ObjectId, Found> {
    let mut order: Vec<(u32, ObjectId)> = order
        .iter()
        .filter_map(|number| Some((*number, commits.all[*number as usize].as_ref()?.tree)))
        .collect();
    let backward = is_cheaper_backward(repo, &order);
    if backward {
        order.reverse();
    }
    for (number, tree) in &order {
        if progress.stop() {
            break;
        }
        trees.walk(*tree, Some(*number), damage);
    }
    if backward {
        trees.turn();
    }
    for root in &commits.roots {
        if root.is_tree {
            trees.walk(root.id, None, damage);
        } else {
            trees.note(root.id, root.name.as_bstr(), None);
        }
    }
    for (path, id) in &tips.indexed {
        trees.note(*id, path.as_bstr(), None);
    }
    let mut found = trees.found();
    let all = found.values().filter(|found| found.last.is_some()).count();
    let (mut ends, mut seen) = (HashMap::new(), Seen::new());
    let traces = Traces::new(&found);
    for (number, tree) in order.iter().rev() {
        if ends.len() == all {
            break;
        }
        traces.follow(repo, *tree, &mut seen, &mut |id| {
            ends.entry(id).or_insert(*number);
        });
    }
    for (id, found) in &mut found {
        found.first = ends.get(id).copied();
        if backward {
            std::mem::swap(&mut found.first, &mut found.last);
        }
    }
    found
}

/// Whether trees are cheaper to read from the oldest on: where they are stored as what differs from
/// an older one. Git itself does it the other way round; `git fast-import` does not.
fn is_cheaper_backward(repo: &gix::Repository, order: &[(u32, ObjectId)]) -> bool {
    const LOOKED_AT: usize = 16;
    let deltas = |trees: &mut dyn Iterator<Item = &(u32, ObjectId)>| -> u32 {
        let header = |tree: &(u32, ObjectId)| repo.objects.header(tree.1).ok()?.num_deltas();
        trees.take(LOOKED_AT).filter_map(header).sum()
    };
    deltas(&mut order.iter()) > deltas(&mut order.iter().rev())
}

impl Leak {
    fn of(finding: &Finding) -> Self {
        let known = finding.known.as_ref().map_or_else(String::new, |known| known.name.clone());
        Self { rule: finding.rule.to_string(), known, value: blake3::hash(&finding.value).into() }
    }

    fn of_hit(rules: &RuleSet, hit: &Hit) -> Self {
        let (rule, known) = match &hit.what {
            What::Rule(number) => (rules.rule(*number).id.to_string(), String::new()),
            What::Known(known) => (KNOWN_ID.to_owned(), known.name.clone()),
        };
        Self { rule, known, value: blake3::hash(&hit.value).into() }
    }
}
