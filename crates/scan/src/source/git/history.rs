//! All of history: every blob once; then, for those that leak, which commits brought and hold them.

use std::collections::HashSet;

use gix::ObjectId;
use gix::objs::Kind;
use gix::odb::HeaderExt as _;

use super::attribution::Attribution;
use super::commits::Commits;
use super::damage::Damage;
use super::error::shown;
use super::objects;
use super::refs::Tips;
use super::{GitError, HistoryOptions, Repository};
use crate::engine::Scanner;
use crate::source::{Outcome, Progress};

impl Repository {
    /// Scans every blob that refs, stashes, notes, reflogs or indexes lead to, and the messages of
    /// commits and tags. Submodules that lie inside are scanned as repositories of their own.
    ///
    /// A secret is told once for each path, with the first commit that brought it and the last
    /// that holds it. Objects that are named and not there are counted; the rest is scanned.
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
        let mut commits = Commits::default();
        commits.read(repo, &tips, scanner, &mut damage, progress);
        if options.unreachable {
            tips.logged = loose_ends(repo, &commits, &mut damage);
            commits.read(repo, &tips, scanner, &mut damage, progress);
        }
        let blobs = objects::scan(repo, scanner, options.seen, progress)?;
        let leaking: HashSet<ObjectId> = blobs.leaking().collect();
        let at = Attribution::find(
            repo,
            &tips,
            &commits,
            &leaking,
            scanner.rules,
            &mut damage,
            progress,
        );
        if progress.stop() {
            return Err(GitError::Stopped);
        }
        let mut outcome = Outcome { findings: at.messages(), ..Outcome::default() };
        outcome.findings.extend(at.blobs(self, scanner, &blobs, options.unreachable));
        outcome.summary = blobs.summary;
        outcome.summary.commits = commits.all.iter().flatten().count() as u64;
        outcome.summary.add(damage.summary);
        Ok(outcome)
    }
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
