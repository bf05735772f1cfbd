//! Reads an OpenClaw home as a whole: what can be imported, and where copies of it lie.
//!
//! Configuration, environment files and the agents' JSON files are read as documents. Old copies
//! that OpenClaw keeps, its databases and its folder of channel credentials are only searched:
//! what lies there is reported by place and name. An `openclaw.json` that cannot be understood is
//! an error, as it is to OpenClaw; any other file that cannot be read becomes a note.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};

use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_core::domain::{Found, Label};
use clawvault_core::platform::read::{Directory, ReadError, read_bounded};
use zeroize::Zeroizing;

use super::credentials::is_credential_variable;
use super::scan::{Holder, Scan};
use super::search::{Find, FormatHit, Search};
use super::{HomeError, Reference, config};
use crate::intake::{Document, Format, ParseError, Tree, dotenv, maps, systemd};

/// What lies in an OpenClaw home.
#[derive(Debug, Default)]
pub struct HomeReport {
    /// Values that can be imported; a value with the same label twice is listed once.
    pub found: Vec<Found>,
    /// Places that refer to a variable and hold no value.
    pub references: Vec<Reference>,
    /// Further places where values lie in clear text.
    pub copies: Vec<PlainCopy>,
    /// What was not read or not taken, and why.
    pub notes: Vec<String>,
}

/// Clear text that an import leaves where it is.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct PlainCopy {
    /// The file.
    pub file: PathBuf,
    /// Labels of known values, or vendor and kind of a token.
    pub what: String,
    /// How often it lies there.
    pub count: usize,
}

/// Most entries of one directory.
const MAX_ENTRIES: usize = 10_000;
/// Largest database, in bytes.
const MAX_DATABASE: u64 = 4 * 1024 * 1024 * 1024;
/// Levels below the folder of channel credentials that are searched.
const CREDENTIAL_LEVELS: usize = 3;

const AGENT_DOCUMENTS: &[&str] = &["auth-profiles.json", "models.json", "auth.json"];
const ENVIRONMENT_FILES: &[&str] = &[".env", "gateway.systemd.env", "node.systemd.env"];
const HOME_DATABASE: &str = "state/openclaw.sqlite";
const AGENT_DATABASE: &str = "openclaw-agent.sqlite";
/// Parts of the names of copies that OpenClaw keeps of its own files.
const OLD_COPIES: &[&str] = &[".bak", ".pre-update", ".rejected.", ".clobbered."];

/// Reads the home, usually `~/.openclaw`, and `extra`: unit files and environment files elsewhere.
///
/// A variable counts as a secret if it is `known` or called like one; `find` finds tokens by
/// their form in files that are only searched.
pub fn read(
    home: &Path,
    extra: &[PathBuf],
    known: &dyn Fn(&str) -> bool,
    find: &dyn Fn(&[u8]) -> Vec<FormatHit>,
) -> Result<HomeReport, HomeError> {
    let directory =
        Directory::open(home).map_err(|error| HomeError::Read { file: home.to_owned(), error })?;
    let mut reader = Reader {
        home,
        directory,
        known,
        report: HomeReport::default(),
        places: BTreeMap::new(),
        others: Vec::new(),
    };
    reader.configuration()?;
    for name in ENVIRONMENT_FILES {
        reader.environment_file(home.join(name), reader.document(Path::new(name)));
    }
    for path in extra {
        reader.environment_file(path.clone(), read_bounded(path, MAX_DOCUMENT));
    }
    let agents = reader.agents();
    for agent in &agents {
        for name in AGENT_DOCUMENTS {
            reader.agent_document(&agent.join(name));
        }
    }
    reader.searches(&agents, find);
    Ok(reader.report)
}

struct Reader<'a> {
    home: &'a Path,
    directory: Directory,
    known: &'a dyn Fn(&str) -> bool,
    report: HomeReport,
    /// Where in the report the values with a label are.
    places: BTreeMap<Label, Vec<usize>>,
    /// Values that lie somewhere and are not imported: overridden ones, logins.
    others: Vec<Found>,
}

impl Reader<'_> {
    fn configuration(&mut self) -> Result<(), HomeError> {
        let mut scan = Scan::new(Holder::Config, self.known);
        for layer in config::load(self.home, &self.directory)? {
            scan.document(&self.name(&layer.file), &layer.prefix, &layer.tree);
        }
        self.absorb(scan);
        Ok(())
    }

    fn agent_document(&mut self, relative: &Path) {
        let source = self.name(relative);
        let Some(bytes) = self.present(&source, self.document(relative)) else { return };
        match maps::parse(Format::Json, &bytes) {
            Ok(tree) => {
                let mut scan = Scan::new(Holder::Agent, self.known);
                scan.document(&source, "", &tree);
                self.absorb(scan);
            }
            Err(error) => self.note(&source, &error),
        }
    }

    fn absorb(&mut self, scan: Scan<'_>) {
        self.report.references.extend(scan.references);
        self.report.notes.extend(scan.notes);
        if scan.left_out > 0 {
            let what = format!("{} values past the bound of an import left out", scan.left_out);
            self.report.notes.push(what);
        }
        for found in scan.found {
            self.take(found);
        }
        for (kind, values) in
            [("replaced by another file", scan.overridden), ("login", scan.logins)]
        {
            for found in values {
                self.copy(&found.source, format!("{} ({kind})", found.label.as_str()), 1);
                self.others.push(found);
            }
        }
    }

    fn environment_file(&mut self, path: PathBuf, bytes: Result<Zeroizing<Vec<u8>>, ReadError>) {
        let source = path.display().to_string();
        let Some(bytes) = self.present(&source, bytes) else { return };
        let document = match environment_document(&path, &bytes) {
            Ok(document) => document,
            Err(error) => return self.note(&source, &error),
        };
        let mut left = 0;
        for entry in document.entries {
            let Some(value) = entry.value else { continue };
            if !(self.known)(&entry.variable) && !is_credential_variable(&entry.variable) {
                left += 1;
                continue;
            }
            let label = Label::Variable(entry.variable);
            let found = Found { source: source.clone(), line: Some(entry.line), label, value };
            if entry.overridden {
                self.copy(&source, format!("{} (assigned again)", found.label.as_str()), 1);
                self.others.push(found);
            } else {
                self.take(found);
            }
        }
        if left > 0 {
            self.note(
                &source,
                &format_args!("{left} variables that are no known secret were left"),
            );
        }
    }

    /// Takes a value in, once for each label; the same one elsewhere is a copy.
    fn take(&mut self, found: Found) {
        let Self { report, places, .. } = self;
        let places = places.entry(found.label.clone()).or_default();
        let same = |index: &usize| report.found.get(*index).is_some_and(|f| f.value == found.value);
        if places.iter().any(same) {
            self.copy(&found.source, found.label.as_str().to_owned(), 1);
        } else {
            places.push(report.found.len());
            report.found.push(found);
        }
    }

    fn copy(&mut self, file: &str, what: String, count: usize) {
        self.report.copies.push(PlainCopy { file: PathBuf::from(file), what, count });
    }

    /// Searches the files that are not read as documents.
    fn searches(&mut self, agents: &[PathBuf], find: Find<'_>) {
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
                tally.into_iter().for_each(|(what, count)| self.copy(&source, what, count))
            }
            Err(error) => self.note(&source, &error.kind()),
        }
    }

    /// The folders `agents/<id>/agent`, as far as they exist.
    fn agents(&mut self) -> Vec<PathBuf> {
        let agents = Path::new("agents");
        self.names(agents).iter().map(|id| agents.join(id).join("agent")).collect()
    }

    /// The names in a folder; none where there is no such folder.
    fn names(&mut self, relative: &Path) -> Vec<OsString> {
        match self.directory.list(relative, MAX_ENTRIES) {
            Ok(names) => names,
            Err(ReadError::Missing) => Vec::new(),
            Err(error) => {
                let source = self.name(relative);
                self.note(&source, &error);
                Vec::new()
            }
        }
    }

    fn document(&self, relative: &Path) -> Result<Zeroizing<Vec<u8>>, ReadError> {
        self.directory.read(relative, MAX_DOCUMENT)
    }

    /// The bytes of a file; a missing one is nothing, any other trouble a note.
    fn present(
        &mut self,
        source: &str,
        bytes: Result<Zeroizing<Vec<u8>>, ReadError>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        match bytes {
            Ok(bytes) => return Some(bytes),
            Err(ReadError::Missing) => {}
            Err(error) => self.note(source, &error),
        }
        None
    }

    fn note(&mut self, source: &str, what: &dyn std::fmt::Display) {
        self.report.notes.push(format!("{source}: {what}"));
    }

    fn name(&self, relative: &Path) -> String {
        self.home.join(relative).display().to_string()
    }
}

/// Unit files and drop-ins, files that OpenClaw writes for systemd, and plain `.env` files.
fn environment_document(path: &Path, bytes: &[u8]) -> Result<Document, ParseError> {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    if name.ends_with(".service") || name.ends_with(".conf") {
        systemd::parse_unit(bytes)
    } else if name.ends_with(".systemd.env") {
        systemd::parse_environment_file(bytes)
    } else {
        dotenv::parse(bytes)
    }
}

fn is_old_copy(name: &OsStr) -> bool {
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
