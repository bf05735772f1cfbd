//! The documents of a home that hold credentials, and what OpenClaw accepts where one stood.
//!
//! Nothing is written and no file is read here but the configuration, for the files it includes:
//! whoever scrubs a file reads it himself, and hands the bytes in.

use std::path::{Path, PathBuf};

use clawvault_core::domain::{Label, Value};
use clawvault_core::platform::read::Directory;

use super::HomeError;
use super::config::{self, join};
use super::credentials::is_credential_variable;
use super::exec::takes_reference;
use super::home::{AGENT_DOCUMENTS, ENVIRONMENT_FILES, MAX_ENTRIES, environment_shape};
use super::leftovers::is_old_copy;
use super::references::{Text, is_name, read};
use super::scan::{Holder, credential};
use crate::intake::{Format, ParseError, Shape, Spot, spots};

/// A file that may hold credentials.
#[derive(Debug)]
pub struct HomeDocument {
    /// Below this folder no link is followed.
    pub root: PathBuf,
    /// The file, relative to that folder.
    pub file: PathBuf,
    /// How it is written.
    pub shape: Shape,
    kind: Kind,
}

/// A credential in clear.
#[derive(Debug)]
pub struct Credential {
    /// Where it stands.
    pub spot: Spot,
    /// What the import calls it.
    pub label: Label,
    /// The value that OpenClaw takes it for.
    pub value: Value,
}

#[derive(Debug, Eq, PartialEq)]
enum Kind {
    /// The configuration, and where its document belongs: once for each include of it.
    Config(Vec<String>),
    /// Assignments of variables.
    Environment,
    /// A file of one agent.
    Agent,
    /// A copy that OpenClaw keeps and does not read.
    Old,
}

/// Lists the documents of a home and `extra`: unit files and environment files elsewhere.
pub fn documents(home: &Path, extra: &[PathBuf]) -> Result<Vec<HomeDocument>, HomeError> {
    let directory =
        Directory::open(home).map_err(|error| HomeError::Read { file: home.to_owned(), error })?;
    let mut all = Vec::new();
    let mut add = |root: &Path, file: PathBuf, shape: Shape, kind: Kind| {
        all.push(HomeDocument { root: root.to_owned(), file, shape, kind });
    };
    let json5 = Shape::Tree(Format::Json5);
    for (file, places) in configuration(home, &directory)? {
        add(home, file, json5, Kind::Config(places));
    }
    for name in ENVIRONMENT_FILES.iter().map(Path::new) {
        add(home, name.to_owned(), environment_shape(name), Kind::Environment);
    }
    for path in extra {
        let (Some(root), Some(name)) = (path.parent(), path.file_name()) else { continue };
        add(root, name.into(), environment_shape(path), Kind::Environment);
    }
    let list = |folder: &Path| directory.list(folder, MAX_ENTRIES).unwrap_or_default();
    let agents = list(Path::new("agents"));
    let agents = agents.iter().map(|id| Path::new("agents").join(id).join("agent"));
    for folder in agents.chain([PathBuf::new()]) {
        let of_agent = !folder.as_os_str().is_empty();
        for name in AGENT_DOCUMENTS.iter().filter(|_| of_agent) {
            add(home, folder.join(name), Shape::Tree(Format::Json), Kind::Agent);
        }
        for name in list(&folder).iter().filter(|name| is_old_copy(name)) {
            let text = name.to_string_lossy();
            let shape = match () {
                () if text.contains(".json") => json5,
                () if text.contains(".systemd.env") => Shape::EnvironmentFile,
                () => Shape::Dotenv,
            };
            add(home, folder.join(name), shape, Kind::Old);
        }
    }
    Ok(all)
}

/// Files of the configuration, each once, with the places where their documents belong.
fn configuration(
    home: &Path,
    directory: &Directory,
) -> Result<Vec<(PathBuf, Vec<String>)>, HomeError> {
    let mut files: Vec<(PathBuf, Vec<String>)> = Vec::new();
    for layer in config::load(home, directory)? {
        match files.iter_mut().find(|(file, _)| *file == layer.file) {
            Some((_, places)) => places.push(layer.prefix),
            None => files.push((layer.file, vec![layer.prefix])),
        }
    }
    Ok(files)
}

impl HomeDocument {
    /// The file with its folder.
    pub fn path(&self) -> PathBuf {
        self.root.join(&self.file)
    }

    /// True for a copy that OpenClaw keeps and does not read.
    pub fn is_old_copy(&self) -> bool {
        self.kind == Kind::Old
    }

    /// True for the configuration and the files it includes.
    pub fn is_configuration(&self) -> bool {
        matches!(self.kind, Kind::Config(_))
    }

    /// The credentials in clear among its `bytes`, in their order.
    pub fn credentials(
        &self,
        bytes: &[u8],
        known: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Credential>, ParseError> {
        let all = spots(self.shape, bytes)?.into_iter();
        Ok(all.filter_map(|spot| self.credential(spot, known)).collect())
    }

    fn credential(&self, spot: Spot, known: &dyn Fn(&str) -> bool) -> Option<Credential> {
        if !matches!(self.shape, Shape::Tree(_)) {
            let is_secret = known(&spot.path) || is_credential_variable(&spot.path);
            let (label, value) = (Label::Variable(spot.path.clone()), spot.value.clone());
            return is_secret.then_some(Credential { spot, label, value });
        }
        let of_agent = self.kind == Kind::Agent || self.file.starts_with("agents");
        let holder = if of_agent { Holder::Agent } else { Holder::Config };
        let text = std::str::from_utf8(spot.value.expose()).ok()?;
        let everywhere = [String::new()];
        let places = match &self.kind {
            Kind::Config(places) => places.as_slice(),
            _ => &everywhere,
        };
        let at = |place: &String| {
            let mut path = place.clone();
            join(&mut path, &spot.path);
            credential(holder, known, &path, text)
        };
        let found = places.iter().find_map(at)?;
        Some(Credential { spot, label: found.label, value: found.value })
    }

    /// What may stand where a credential stood, if a launched OpenClaw has its value in `variable`:
    /// a text, or nothing where the whole assignment goes; else why it has to stay.
    pub fn stand_in(
        &self,
        credential: &Credential,
        variable: Option<&str>,
    ) -> Result<String, &'static str> {
        let variable = variable.filter(|name| is_name(name));
        let assigned = !matches!(self.shape, Shape::Tree(_));
        match (&self.kind, variable) {
            // Nobody reads it: nothing may stand there.
            (Kind::Old, Some(name)) if !assigned => Ok(format!("${{{name}}}")),
            (Kind::Old, _) => Ok(String::new()),
            (Kind::Config(_), Some(name)) => Ok(format!("${{{name}}}")),
            (Kind::Config(_), None) => Err(NO_VARIABLE),
            (Kind::Environment, Some(name)) if name == credential.spot.path => Ok(String::new()),
            (Kind::Environment, _) => Err(OTHER_VARIABLE),
            (Kind::Agent, Some(name)) if self.is_model_key(&credential.spot.path) => {
                Ok(name.to_owned())
            }
            (Kind::Agent, _) => Err(OWN_FILE),
        }
    }

    /// What may stand where a credential stood, if the vault gives its value to OpenClaw by a
    /// reference; `is_linked` says that some place of the configuration has that reference. Else
    /// why it has to stay.
    pub fn in_place(&self, spot: &Spot, is_linked: bool) -> Result<InPlace, &'static str> {
        match &self.kind {
            Kind::Old => Ok(InPlace::Text("")),
            Kind::Config(_) => {
                let takes = self.places(spot).iter().all(|path| takes_reference(path));
                takes.then_some(InPlace::Reference).ok_or(NO_REFERENCE)
            }
            Kind::Environment if is_linked => Ok(InPlace::Text("")),
            Kind::Environment => Err(NOT_REFERRED),
            Kind::Agent if is_linked && self.is_model_key(&spot.path) => Ok(InPlace::Text(MANAGED)),
            Kind::Agent => Err(OWN_FILE),
        }
    }

    /// The places in the whole configuration that one of its files' spots stands for.
    pub fn places(&self, spot: &Spot) -> Vec<String> {
        let Kind::Config(places) = &self.kind else { return Vec::new() };
        let whole = |place: &String| {
            let mut path = place.clone();
            join(&mut path, &spot.path);
            path
        };
        places.iter().map(whole).collect()
    }

    /// The places of the configuration that refer to a variable and take a reference to a secret,
    /// each with the variable.
    pub fn variables(&self, bytes: &[u8]) -> Result<Vec<(Spot, String)>, ParseError> {
        if !self.is_configuration() {
            return Ok(Vec::new());
        }
        let refers = |spot: Spot| {
            let text = str::from_utf8(spot.value.expose()).ok()?;
            let Text::Reference(name) = read(text, true) else { return None };
            let name = name.to_owned();
            (self.in_place(&spot, true) == Ok(InPlace::Reference)).then_some((spot, name))
        };
        Ok(spots(self.shape, bytes)?.into_iter().filter_map(refers).collect())
    }

    /// True for the configuration's own file, where providers are described.
    pub fn is_main(&self) -> bool {
        self.is_configuration() && self.file == Path::new(config::FILE)
    }

    /// Where a file that OpenClaw generates holds the name of a variable in place of a key.
    fn is_model_key(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('.').collect();
        self.file.ends_with("models.json") && matches!(parts[..], ["providers", _, "apiKey"])
    }
}

/// What stands where a credential stood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InPlace {
    /// A reference to the secret.
    Reference,
    /// This text; where there is none, nothing, or an assignment that is gone as a whole.
    Text(&'static str),
}

/// What OpenClaw itself writes where a reference gives the key.
const MANAGED: &str = "secretref-managed";
const NO_REFERENCE: &str = "OpenClaw takes no reference to a secret there";
const NOT_REFERRED: &str = "no place of the configuration refers to its secret; OpenClaw takes it from \
                            here, so refer to it where it is used first";
const NO_VARIABLE: &str = "`run` injects it as no variable, so that nothing could stand there";
const OTHER_VARIABLE: &str = "`run` does not inject it under this name";
const OWN_FILE: &str = "OpenClaw takes no reference there; remove it with OpenClaw's own commands";

#[cfg(test)]
mod tests {
    use super::*;

    fn home(files: &[(&str, &str)]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        home
    }

    #[test]
    fn what_may_stand_where_a_credential_stood() {
        let config = "{a: {$include: 'x.json5'}, models: {providers: {o: {apiKey: 'one'}}}}";
        let key = "{providers: {o: {apiKey: 'one'}}}".replace('\'', "\"");
        let key = key.replace("providers", "\"providers\"").replace("apiKey", "\"apiKey\"");
        let key = key.replace("{o:", "{\"o\":");
        let home = home(&[
            ("openclaw.json", config),
            ("x.json5", "{token: 'two'}"),
            ("openclaw.json.bak", config),
            (".env", "O_KEY=one\n"),
            (".env.bak", "O_KEY=one\n"),
            ("agents/m/agent/models.json", &key),
            ("agents/m/agent/auth-profiles.json", "{\"profiles\": {\"o\": {\"key\": \"one\"}}}"),
        ]);
        let mut seen = Vec::new();
        for document in documents(home.path(), &[]).unwrap() {
            let Ok(bytes) = std::fs::read(document.path()) else { continue };
            for credential in document.credentials(&bytes, &|_| false).unwrap() {
                let (with, none) = (Some("O_KEY"), None);
                seen.push((
                    document.file.display().to_string(),
                    credential.label.as_str().to_owned(),
                    document.stand_in(&credential, with),
                    document.stand_in(&credential, none),
                ));
            }
        }
        let row = |file: &str, label: &str, with: Result<&str, &'static str>, none| {
            (file.to_owned(), label.to_owned(), with.map(str::to_owned), none)
        };
        let (path, nothing) = ("models.providers.o.apiKey", Ok(String::new()));
        let agent = |name: &str| format!("agents/m/agent/{name}");
        let expected = [
            row("x.json5", "a.token", Ok("${O_KEY}"), Err(NO_VARIABLE)),
            row("openclaw.json", path, Ok("${O_KEY}"), Err(NO_VARIABLE)),
            row(".env", "O_KEY", Ok(""), Err(OTHER_VARIABLE)),
            row(&agent("auth-profiles.json"), "profiles.o.key", Err(OWN_FILE), Err(OWN_FILE)),
            row(&agent("models.json"), "providers.o.apiKey", Ok("O_KEY"), Err(OWN_FILE)),
            row(".env.bak", "O_KEY", Ok(""), nothing.clone()),
            row("openclaw.json.bak", path, Ok("${O_KEY}"), nothing),
        ];
        assert_eq!(seen, expected);
    }
}
