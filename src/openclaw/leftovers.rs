//! Searches what a home keeps besides its documents: old copies, databases, channel credentials.
//!
//! What lies there is counted by place and name, and never taken.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_core::platform::read::ReadError;

use super::config;
use super::home::Reader;
use super::scan::{Holder, Scan};
use super::search::{Find, MIN_NEEDLE, Search};
use crate::intake::{Format, Tree, maps};

/// Largest database, in bytes.
const MAX_DATABASE: u64 = 4 * 1024 * 1024 * 1024;
/// Levels below the folder of channel credentials that are searched.
const CREDENTIAL_LEVELS: usize = 3;

const HOME_DATABASE: &str = "state/openclaw.sqlite";
const AGENT_DATABASE: &str = "openclaw-agent.sqlite";
/// Parts of the names of copies that OpenClaw keeps of its own files.
const OLD_COPIES: &[&str] = &[".bak", ".pre-update", ".rejected.", ".clobbered."];

impl Reader<'_> {
    /// Searches the files that are not read as documents.
    pub(super) fn searches(&mut self, agents: &[PathBuf], find: Find<'_>) {
        let mut values = self.report.found.clone();
        values.append(&mut self.others);
        let search = Search::new(&values, find);
        if !search.has_values() {
            let what = "too many values; other files were searched for the forms of tokens only";
            self.report.notes.push(what.to_owned());
        }
        let values: HashSet<&[u8]> = values.iter().map(|found| found.value.expose()).collect();
        for folder in agents.iter().map(PathBuf::as_path).chain([Path::new("")]) {
            for name in self.names(folder).iter().filter(|name| is_old_copy(name)) {
                self.old_copy(&folder.join(name), &search, &values);
            }
        }
        self.folder(Path::new("credentials"), CREDENTIAL_LEVELS, &search);
        self.database(Path::new(HOME_DATABASE), &search);
        for agent in agents {
            self.database(&agent.join(AGENT_DATABASE), &search);
            let plugins = agent.join("plugins");
            for plugin in self.names(&plugins) {
                self.searched(
                    &plugins.join(plugin).join("catalog.json"),
                    MAX_DOCUMENT as u64,
                    &search,
                );
            }
        }
    }

    /// An old copy of a document: values known from elsewhere, and values that lie only there.
    fn old_copy(&mut self, relative: &Path, search: &Search<'_>, values: &HashSet<&[u8]>) {
        self.searched(relative, MAX_DOCUMENT as u64, search);
        let source = self.name(relative);
        let Ok(bytes) = self.document(relative) else { return };
        let mut holders = Vec::new();
        if let Some(tree) = old_document(relative, &bytes) {
            let holder =
                if relative.starts_with("agents") { Holder::Agent } else { Holder::Config };
            let mut scan = Scan::new(holder, self.known);
            scan.document(&source, "", &tree);
            holders.extend(scan.found);
            holders.extend(scan.logins);
        }
        for found in holders {
            if !values.contains(found.value.expose()) {
                self.copy(&source, format!("{} (another value)", found.label.as_str()), 1);
            } else if found.value.len() < MIN_NEEDLE {
                // Too short to be searched for, yet it stands where it belongs.
                self.copy(&source, found.label.as_str().to_owned(), 1);
            }
        }
    }

    fn folder(&mut self, relative: &Path, levels: usize, search: &Search<'_>) {
        for name in self.names(relative) {
            let path = relative.join(name);
            match self.directory.file(&path) {
                Err(ReadError::NotRegular) if levels > 1 => self.folder(&path, levels - 1, search),
                _ => self.searched(&path, MAX_DOCUMENT as u64, search),
            }
        }
    }

    fn database(&mut self, relative: &Path, search: &Search<'_>) {
        self.searched(relative, MAX_DATABASE, search);
        let mut journal = relative.as_os_str().to_owned();
        journal.push("-wal");
        self.searched(Path::new(&journal), MAX_DATABASE, search);
    }

    fn searched(&mut self, relative: &Path, max: u64, search: &Search<'_>) {
        let source = self.name(relative);
        let file = match self.directory.file(relative) {
            Ok(file) => file,
            Err(ReadError::Missing) => return,
            Err(error) => return self.note(&source, &error),
        };
        // One byte past the bound is read, so that a file that grows is noticed, too.
        let mut bounded = file.take(max.saturating_add(1));
        match search.count(&mut bounded) {
            Ok(_) if bounded.limit() == 0 => {
                self.note(&source, &format_args!("larger than {max} bytes, not searched"));
            }
            Ok(tally) => {
                tally.into_iter().for_each(|(what, count)| self.copy(&source, what, count));
            }
            Err(error) => self.note(&source, &error.kind()),
        }
    }
}

/// Whether a file of this name is an old copy that OpenClaw keeps.
pub(super) fn is_old_copy(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    OLD_COPIES.iter().any(|part| name.contains(part))
}

/// The document of an old copy, if it still is one; variables as OpenClaw's `env` block.
fn old_document(path: &Path, bytes: &[u8]) -> Option<Tree> {
    let name = path.file_name()?.to_string_lossy();
    if name.contains(".json") {
        return config::parse(bytes).ok();
    }
    let variables = maps::parse(Format::Dotenv, bytes).ok()?;
    Some(Tree::Map([("env".to_owned(), variables)].into()))
}

#[cfg(test)]
mod tests {
    use crate::openclaw::{PlainCopy, read};

    #[test]
    fn old_copies_of_documents_and_variables_are_compared() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        std::fs::write(path("openclaw.json"), "{gateway: {auth: {password: 'short'}}}").unwrap();
        std::fs::write(path("openclaw.json.bak.1"), "{gateway: {auth: {password: 'short'}}}")
            .unwrap();
        std::fs::write(path(".env.bak"), "OLD_API_KEY=gone-elsewhere\nPORT=1\n").unwrap();
        let report = read(home.path(), &[], &|_| false, &|_| Vec::new()).unwrap();
        let copy = |file: &str, what: &str| PlainCopy {
            file: path(file),
            what: what.to_owned(),
            count: 1,
        };
        let expected = [
            copy(".env.bak", "OLD_API_KEY (another value)"),
            copy("openclaw.json.bak.1", "gateway.auth.password"),
        ];
        assert_eq!(report.copies, expected);
        assert_eq!(report.found.len(), 1);
    }
}
