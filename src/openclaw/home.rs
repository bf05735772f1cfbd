//! Reads an OpenClaw home as a whole: what can be imported, and where copies of it lie.
//!
//! Configuration, environment files and the agents' JSON files are read as documents. Old copies
//! that OpenClaw keeps, its databases and its folder of channel credentials are only searched:
//! what lies there is reported by place and name. An `openclaw.json` that cannot be understood is
//! an error, as it is to OpenClaw; any other file that cannot be read becomes a note.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_core::domain::{Found, Label};
use clawvault_core::platform::read::{Directory, ReadError, read_bounded};
use zeroize::Zeroizing;

use super::credentials::is_credential_variable;
use super::scan::{Holder, Scan};
use super::search::FormatHit;
use super::{HomeError, Reference, config};
use crate::intake::{Document, Format, ParseError, Shape, dotenv, maps, systemd};

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
pub(super) const MAX_ENTRIES: usize = 10_000;
pub(super) const AGENT_DOCUMENTS: &[&str] = &["auth-profiles.json", "models.json", "auth.json"];
pub(super) const ENVIRONMENT_FILES: &[&str] = &[".env", "gateway.systemd.env", "node.systemd.env"];

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
        reader.environment_file(&home.join(name), reader.document(Path::new(name)));
    }
    for path in extra {
        reader.environment_file(path, read_bounded(path, MAX_DOCUMENT));
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

/// A home while it is read.
pub(super) struct Reader<'a> {
    home: &'a Path,
    pub(super) directory: Directory,
    pub(super) known: &'a dyn Fn(&str) -> bool,
    pub(super) report: HomeReport,
    /// Where in the report the values with a label are.
    places: BTreeMap<Label, Vec<usize>>,
    /// Values that lie somewhere and are not imported: overridden ones, logins.
    pub(super) others: Vec<Found>,
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
            let what = format!(
                "{} values or references past the bound of an import left out",
                scan.left_out
            );
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

    fn environment_file(&mut self, path: &Path, bytes: Result<Zeroizing<Vec<u8>>, ReadError>) {
        let source = path.display().to_string();
        let Some(bytes) = self.present(&source, bytes) else { return };
        let document = match environment_document(path, &bytes) {
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

    pub(super) fn copy(&mut self, file: &str, what: String, count: usize) {
        self.report.copies.push(PlainCopy { file: PathBuf::from(file), what, count });
    }

    /// The folders `agents/<id>/agent`, as far as they exist.
    fn agents(&mut self) -> Vec<PathBuf> {
        let agents = Path::new("agents");
        let mut folders = Vec::new();
        for id in self.names(agents) {
            let folder = agents.join(id).join("agent");
            match self.directory.list(&folder, MAX_ENTRIES) {
                Ok(_) => folders.push(folder),
                Err(ReadError::Missing) => {}
                Err(error) => self.note(&self.name(&folder), &error),
            }
        }
        folders
    }

    /// The names in a folder; none where there is no such folder.
    pub(super) fn names(&mut self, relative: &Path) -> Vec<OsString> {
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

    pub(super) fn document(&self, relative: &Path) -> Result<Zeroizing<Vec<u8>>, ReadError> {
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

    pub(super) fn note(&mut self, source: &str, what: &dyn std::fmt::Display) {
        self.report.notes.push(format!("{source}: {what}"));
    }

    pub(super) fn name(&self, relative: &Path) -> String {
        self.home.join(relative).display().to_string()
    }
}

/// Unit files and drop-ins, files that OpenClaw writes for systemd, and plain `.env` files.
pub(super) fn environment_shape(path: &Path) -> Shape {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    if name.ends_with(".service") || name.ends_with(".conf") {
        Shape::Unit
    } else if name.ends_with(".systemd.env") {
        Shape::EnvironmentFile
    } else {
        Shape::Dotenv
    }
}

fn environment_document(path: &Path, bytes: &[u8]) -> Result<Document, ParseError> {
    match environment_shape(path) {
        Shape::Unit => systemd::parse_unit(bytes),
        Shape::EnvironmentFile => systemd::parse_environment_file(bytes),
        _ => dotenv::parse(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// `tok_` and the letters after it, as a vendor's form.
    fn find(bytes: &[u8]) -> Vec<FormatHit> {
        let hit = |(start, window): (usize, &[u8])| {
            let len = 4 + bytes[start + 4..].iter().take_while(|b| b.is_ascii_alphabetic()).count();
            let hit = FormatHit { vendor: "test".into(), kind: "token".into(), start, len };
            (window == b"tok_").then_some(hit)
        };
        bytes.windows(4).enumerate().filter_map(hit).collect()
    }

    fn read_home(home: &Path, extra: &[PathBuf]) -> HomeReport {
        read(home, extra, &|_| false, &find).unwrap()
    }

    fn listed(report: &HomeReport) -> Vec<(&str, &str)> {
        let file = |found: &'_ Found| Path::new(&found.source).file_name().map(OsStr::to_owned);
        let mut all: Vec<_> = report
            .found
            .iter()
            .map(|found| {
                assert!(file(found).is_some());
                let value = std::str::from_utf8(found.value.expose()).unwrap();
                (found.label.as_str(), value)
            })
            .collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn a_whole_home_is_read() {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/openclaw-home");
        let units = tempfile::tempdir().unwrap();
        let unit = units.path().join("openclaw-gateway.service");
        std::fs::write(&unit, "[Service]\nEnvironment=\"EXA_API_KEY=EXAMPLE-exa-0001\" A=b\n")
            .unwrap();
        let report = read_home(&home, &[unit]);

        let expected = [
            ("ANTHROPIC_API_KEY", "EXAMPLE-anthropic-0001"),
            ("EXA_API_KEY", "EXAMPLE-exa-0001"),
            ("GROQ_API_KEY", "EXAMPLE-groq-0001"),
            ("HF_TOKEN", "EXAMPLE-hf-0001"),
            ("TAVILY_API_KEY", "EXAMPLE-tavily-0001"),
            ("channels.telegram.botToken", "EXAMPLE:telegram-0001"),
            ("gateway.auth.token", "EXAMPLE-gateway-token-0001"),
            ("models.providers.openai.apiKey", "EXAMPLE-openai-0001"),
            ("profiles.xai:default.key", "EXAMPLE-xai-0001"),
        ];
        assert_eq!(listed(&report), expected);
        let telegram = report.found.iter().find(|f| f.label.as_str().contains("telegram")).unwrap();
        assert!(telegram.source.ends_with("conf/channels.json5"));

        let references: Vec<_> =
            report.references.iter().map(|r| (r.path.as_str(), r.variable.as_str())).collect();
        let expected = [
            ("models.providers.anthropic.apiKey", "ANTHROPIC_API_KEY"),
            ("models.providers.own.headers.Authorization", "OWN_KEY"),
            ("providers.groq.apiKey", "GROQ_API_KEY"),
        ];
        assert_eq!(references, expected);

        let mut copies: Vec<_> = report
            .copies
            .iter()
            .map(|copy| {
                let file = copy.file.strip_prefix(&home).unwrap().to_str().unwrap();
                (file, copy.what.as_str(), copy.count)
            })
            .collect();
        copies.sort_unstable();
        let agent = "agents/main/agent/";
        let profiles = &format!("{agent}auth-profiles.json");
        let database = &format!("{agent}openclaw-agent.sqlite");
        let expected = [
            (profiles.as_str(), "profiles.codex:me.access (login)", 1),
            (profiles.as_str(), "profiles.codex:me.refresh (login)", 1),
            (database.as_str(), "profiles.xai:default.key", 1),
            (database.as_str(), "test token", 1),
            ("credentials/whatsapp/default/creds.json", "models.providers.openai.apiKey", 1),
            ("gateway.systemd.env", "ANTHROPIC_API_KEY", 1),
            ("openclaw.json.bak", "gateway.auth.token (another value)", 1),
            ("openclaw.json.bak", "models.providers.openai.apiKey", 1),
            ("openclaw.json.rejected.1700000000", "test token", 1),
            ("state/openclaw.sqlite", "TAVILY_API_KEY", 1),
        ];
        assert_eq!(copies, expected);
        assert_eq!(report.notes.len(), 3, "{:?}", report.notes);
        assert!(!format!("{report:?}").contains("EXAMPLE"));
    }

    #[test]
    fn links_and_damage_become_notes_that_name_the_file() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("x"), "A_KEY=outside-value").unwrap();
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        std::fs::create_dir_all(path("agents/a/agent")).unwrap();
        symlink(outside.path().join("x"), path(".env")).unwrap();
        symlink(outside.path(), path("credentials")).unwrap();
        symlink(outside.path(), path("agents/linked")).unwrap();
        std::fs::write(path("node.systemd.env"), "A_KEY='sk-SECRET").unwrap();
        std::fs::write(path("agents/a/agent/models.json"), "{sk-SECRET").unwrap();
        let report = read_home(home.path(), &[path("none.env")]);

        assert!(report.found.is_empty() && report.copies.is_empty());
        let notes = report.notes.join("\n");
        for name in [".env", "credentials", "agents/linked", "node.systemd.env", "models.json"] {
            assert!(notes.contains(name), "{name}: {notes}");
        }
        assert!(!notes.contains("SECRET"), "{notes}");
    }

    #[test]
    fn a_missing_home_and_a_damaged_configuration_are_errors() {
        let home = tempfile::tempdir().unwrap();
        let none = home.path().join("none");
        let error = read(&none, &[], &|_| false, &find).unwrap_err();
        assert_eq!(error, HomeError::Read { file: none, error: ReadError::Missing });
        std::fs::write(home.path().join("openclaw.json"), "{a: sk-SECRET}").unwrap();
        let error = read(home.path(), &[], &|_| false, &find).unwrap_err();
        assert!(error.to_string().ends_with("line 1, column 5: not valid JSON5"));
    }

    #[test]
    fn the_same_label_with_two_values_is_found_twice() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(".env"), "A_KEY=first-value\nOTHER=x").unwrap();
        std::fs::write(home.path().join("node.systemd.env"), "A_KEY=second-value\n").unwrap();
        let report = read(home.path(), &[], &|name| name == "OTHER", &find).unwrap();
        let expected = [("A_KEY", "first-value"), ("A_KEY", "second-value"), ("OTHER", "x")];
        assert_eq!(listed(&report), expected);
    }
}
