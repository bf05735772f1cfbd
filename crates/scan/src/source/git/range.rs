//! A part of history: what commits bring that are about to be pushed, or that lie in a range.

use gix::ObjectId;
use gix::bstr::BStr;
use gix::objs::CommitRef;
use std::collections::{BTreeSet, HashSet};

use super::change::{Change, Comparison};
use super::commits::{MESSAGE, tell};
use super::damage::Damage;
use super::{GitError, Repository};
use crate::engine::Scanner;
use crate::finding::{Finding, History};
use crate::source::{Outcome, Progress, text};

/// Commits: those that some lead to and others do not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Range {
    new: Vec<ObjectId>,
    known: Vec<ObjectId>,
}

impl Repository {
    /// The range that `FROM..TO` names; without `FROM..`, all that leads to `TO`; an end that is
    /// left out is HEAD.
    pub fn range(&self, text: &str) -> Result<Range, GitError> {
        let commit = |name: &str| {
            let name = if name.is_empty() { "HEAD" } else { name };
            let id = self.repo.rev_parse_single(name).ok();
            let commit = id.and_then(|id| id.object().ok()?.peel_to_commit().ok());
            commit.map(|commit| commit.id).ok_or_else(|| GitError::NoCommit(name.to_owned()))
        };
        if text.contains("...") {
            return Err(GitError::NoRange(text.to_owned()));
        }
        Ok(match text.split_once("..") {
            Some((from, to)) => Range { new: vec![commit(to)?], known: vec![commit(from)?] },
            None => Range { new: vec![commit(text)?], known: Vec::new() },
        })
    }

    /// What a push brings, by the lines that git gives to a pre-push hook: `LOCAL-REF LOCAL-ID
    /// REMOTE-REF REMOTE-ID`. What the branches of the remote hold, as far as they are known here,
    /// is there already.
    pub fn pushed(&self, remote: &str, lines: &str) -> Result<Range, GitError> {
        let mut range = Range::default();
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let ids = match words[..] {
                [_, local, _, there] => ObjectId::from_hex(local.as_bytes())
                    .ok()
                    .zip(ObjectId::from_hex(there.as_bytes()).ok()),
                _ => None,
            };
            let (local, there) = ids.ok_or_else(|| GitError::NoRange(line.to_owned()))?;
            // A ref that is deleted brings nothing; one that is made has nothing before it.
            range.new.extend((!local.is_null()).then_some(local));
            range.known.extend((!there.is_null()).then_some(there));
        }
        let prefix = format!("refs/remotes/{remote}/");
        if let Ok(platform) = self.repo.references()
            && let Ok(refs) = platform.prefixed(prefix.as_bytes())
        {
            let ids = refs.flatten().filter_map(|one| one.try_id().map(gix::Id::detach));
            range.known.extend(ids);
        }
        Ok(range)
    }

    /// Scans what each commit of a range brings over all of its parents, and its message.
    pub fn scan_range(
        &self,
        scanner: &Scanner<'_>,
        range: &Range,
        progress: &dyn Progress,
    ) -> Result<Outcome, GitError> {
        let mut damage = Damage::new(self.is_partial());
        let mut outcome = Outcome::default();
        let commits = self.commits(range, &mut damage)?;
        outcome.summary.commits = commits.len() as u64;
        let mut seen = HashSet::new();
        for id in commits.iter().rev() {
            if progress.stop() {
                return Err(GitError::Stopped);
            }
            let Ok(object) = self.repo.find_commit(*id) else {
                damage.missing(*id);
                continue;
            };
            let Ok(commit) = CommitRef::from_bytes(&object.data, id.kind()) else {
                damage.damaged(*id, "it is no commit that can be read");
                continue;
            };
            let mut found = text::scan(scanner, MESSAGE, commit.message).findings;
            for change in self.brought(&commit, &mut damage) {
                if seen.insert((change.path.clone(), change.id)) {
                    progress.expect(1);
                    let before = outcome.findings.len();
                    let bytes = self.look(scanner, &change, &mut outcome);
                    found.extend(outcome.findings.drain(before..));
                    progress.done(1, bytes);
                }
            }
            outcome.findings.extend(found.into_iter().map(|finding| self.told(finding, *id)));
        }
        outcome.summary.add(damage.summary);
        Ok(outcome)
    }

    /// The commits of a range, the newest first.
    fn commits(&self, range: &Range, damage: &mut Damage) -> Result<Vec<ObjectId>, GitError> {
        let peeled = |id: &ObjectId| {
            let object = self.repo.find_object(*id).ok()?;
            Some(object.peel_to_commit().ok()?.id)
        };
        let mut new = BTreeSet::new();
        for id in &range.new {
            match peeled(id) {
                Some(id) => {
                    new.insert(id);
                }
                None if self.repo.has_object(id) => damage.skip("tags of what is no commit"),
                None => return Err(GitError::NoCommit(id.to_string())),
            }
        }
        // What the remote has need not be here.
        let known: BTreeSet<ObjectId> = range.known.iter().filter_map(peeled).collect();
        let walk = self.repo.rev_walk(new).with_hidden(known).use_commit_graph(false);
        let mut commits = Vec::new();
        match walk.all() {
            Ok(walk) => {
                for commit in walk {
                    match commit {
                        Ok(commit) => commits.push(commit.id),
                        Err(error) => damage.unreadable("a commit of the range", &error),
                    }
                }
            }
            Err(error) => damage.unreadable("the commits of the range", &error),
        }
        Ok(commits)
    }

    /// The files that a commit has otherwise than each of its parents.
    fn brought(&self, commit: &CommitRef<'_>, damage: &mut Damage) -> Vec<Change> {
        let trees: Vec<ObjectId> = commit
            .parents()
            .filter_map(|parent| Some(self.repo.find_commit(parent).ok()?.tree_id().ok()?.detach()))
            .collect();
        let mut changes: Option<Vec<Change>> = None;
        let all = if trees.is_empty() { vec![None] } else { trees.into_iter().map(Some).collect() };
        for parent in all {
            let mut comparison = Comparison::new(&self.repo);
            comparison.tree(commit.tree(), parent, BStr::new(""), 0);
            damage.summary.missing += comparison.missing;
            changes = Some(match changes {
                Some(mut before) => {
                    let also: HashSet<_> = comparison
                        .changes
                        .into_iter()
                        .map(|change| (change.path, change.id))
                        .collect();
                    before.retain(|change| also.contains(&(change.path.clone(), change.id)));
                    before
                }
                None => comparison.changes,
            });
        }
        changes.unwrap_or_default()
    }

    /// Says of a finding which commit brought it.
    fn told(&self, mut finding: Finding, id: ObjectId) -> Finding {
        let commit = tell(&self.repo, id);
        finding.history = Some(History {
            blob: String::new(),
            first: Some(commit.clone()),
            last: Some(commit),
            paths: vec![finding.place.path.clone()],
            in_head: false,
        });
        finding
    }
}
