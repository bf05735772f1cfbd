//! All of history: every blob once; then, for those that leak, which commits brought and hold them.

use std::collections::HashSet;

use gix::ObjectId;
use gix::objs::Kind;
use gix::odb::HeaderExt as _;

use super::attribution::Attribution;
use super::commits::{Commits, GONE};
use super::damage::Damage;
use super::error::shown;
use super::objects::{self, Stock};
use super::past::{Kept, Present};
use super::refs::Tips;
use super::{GitError, HistoryOptions, Repository};
use crate::engine::Scanner;
use crate::source::{Outcome, Progress, Summary};

impl Repository {
    /// Scans every blob that refs, stashes, notes, reflogs or indexes lead to, and the messages of
    /// commits and tags. Submodules that lie inside are scanned as repositories of their own.
    ///
    /// A secret is told once for each path, with the first commit that brought it and the last
    /// that holds it. Objects that are named and not there are counted; the rest is scanned. With a
    /// keeper, what an earlier scan found to be clean is not read again.
    pub fn history(
        &self,
        scanner: &Scanner<'_>,
        options: &HistoryOptions<'_>,
        progress: &dyn Progress,
    ) -> Result<Outcome, GitError> {
        let mut outcome = self.own_history(scanner, options, progress)?;
        for module in self.submodules(&mut outcome.summary) {
            match module.repository.history(scanner, options, progress) {
                Ok(inside) => outcome.add(module.outside(inside)),
                Err(GitError::Stopped) => return Err(GitError::Stopped),
                Err(error) => outcome.summary.unreadable.push((module.shown(), error.to_string())),
            }
        }
        Ok(outcome)
    }

    fn own_history(
        &self,
        scanner: &Scanner<'_>,
        options: &HistoryOptions<'_>,
        progress: &dyn Progress,
    ) -> Result<Outcome, GitError> {
        let repo = &self.repo;
        if self.has_foreign_refs() && !options.unreachable {
            let why = "they are kept in a form that is not read yet".to_owned();
            return Err(GitError::Refs { path: shown(repo.git_dir()), why });
        }
        let mut damage = Damage::new(self.is_partial());
        let mut tips = Tips::of(self, &mut damage.summary)?;
        let shallow = shallow(repo, &mut damage);
        let stock = Stock::open(repo);
        let keeper = options.keeper;
        let kept = keeper.and_then(|to| Kept::of(self, scanner, options.unreachable, to));
        let past = kept.as_ref().and_then(Kept::past);
        // Where something of it is gone, what was walked through has to be walked through again.
        let walked =
            past.as_ref().filter(|past| past.ends_at(&shallow) && stock.has_all_of(past, repo));
        let mut commits = Commits::after(walked, shallow);
        commits.read(repo, &tips, scanner, &mut damage, progress);
        if options.unreachable {
            tips.logged = loose_ends(repo, &commits, &mut damage);
            commits.read(repo, &tips, scanner, &mut damage, progress);
        }
        let blobs = objects::scan(repo, stock, scanner, kept.as_ref(), past.as_ref(), progress)?;
        let leaking: HashSet<ObjectId> = blobs.marked.iter().map(|(id, _)| *id).collect();
        let at = Attribution::find(
            repo,
            &tips,
            &commits,
            walked,
            (&blobs.opened, &leaking),
            scanner.rules,
            &mut damage,
            progress,
        );
        if progress.stop() {
            return Err(GitError::Stopped);
        }
        if let Some(kept) = &kept
            && is_whole(&blobs.summary)
            && is_whole(&damage.summary)
        {
            let present = Present {
                shallow: &commits.shallow,
                blobs: &blobs,
                commits: &commits,
                order: &at.order,
                found: &at.in_commits,
            };
            present.keep(walked, kept);
        }
        let mut outcome = Outcome { summary: blobs.summary, ..Outcome::default() };
        let skipped = &mut outcome.summary.skipped;
        blobs.skipped.into_values().for_each(|of_blob| skipped.extend(of_blob));
        outcome.findings = at.messages();
        outcome.findings.extend(at.blobs(self, scanner, &blobs.marked, options.unreachable));
        outcome.summary.commits = commits.all.iter().flatten().count() as u64;
        outcome.summary.add(damage.summary);
        Ok(outcome)
    }
}

/// Whether nothing was left out, but what reflogs alone name.
fn is_whole(summary: &Summary) -> bool {
    summary.missing == 0
        && summary.unreadable.is_empty()
        && summary.skipped.iter().all(|(why, _)| why == GONE)
}

/// The commits that a shallow clone ends with, in order.
fn shallow(repo: &gix::Repository, damage: &mut Damage) -> Vec<ObjectId> {
    let mut ids: Vec<ObjectId> = match repo.shallow_commits() {
        Ok(ids) => ids.iter().flat_map(|ids| ids.iter().copied()).collect(),
        Err(error) => {
            damage.unreadable("the list of shallow commits", &error);
            Vec::new()
        }
    };
    ids.sort_unstable();
    ids
}

/// Commits and tags that nothing leads to.
fn loose_ends(repo: &gix::Repository, commits: &Commits, damage: &mut Damage) -> Vec<ObjectId> {
    let all = match repo.objects.iter() {
        Ok(all) => all,
        Err(error) => {
            damage.unreadable("the list of objects", &error);
            return Vec::new();
        }
    };
    let mut loose: Vec<ObjectId> = all
        .filter_map(Result::ok)
        .filter(|id| commits.by_id(id).is_none())
        .filter(|id| {
            let kind = repo.objects.header(id).map(|header| header.kind());
            matches!(kind, Ok(Kind::Commit | Kind::Tag))
        })
        .collect();
    loose.sort_unstable();
    loose.dedup();
    loose
}
