//! Quickstart: a vault if there is none, what is found goes in, and a demonstration where nothing
//! is found. Sample keys go into a throw-away vault only.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clawvault_core::domain::{FieldName, ProfileName, SecretName, Value, hex};
use clawvault_core::platform::{Dir, Private, memory};
use clawvault_core::vault::Place;

use super::init::InitOptions;
use super::{
    App, AppError, Code, ImportOptions, Imported, KeySource, OnDifference, SetOptions, Setting,
    Source,
};

/// Secrets of the demonstration. Their values say what they are.
const SAMPLES: &[&str] = &["anthropic/main", "openai/main", "telegram/bot"];

/// What quickstart found on the machine.
pub struct Surroundings {
    /// The environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Dotenv files that exist.
    pub dotenv: Vec<PathBuf>,
    /// The OpenClaw home and what belongs to it, where there is one.
    pub openclaw: Option<(PathBuf, Vec<PathBuf>)>,
}

impl Surroundings {
    /// The sources that hold something, with their names.
    fn sources(&self) -> Vec<(String, Source)> {
        let mut all =
            vec![("the environment".to_owned(), Source::Environment(self.environment.clone()))];
        let file = |file: &PathBuf| (file.display().to_string(), Source::File(file.clone()));
        all.extend(self.dotenv.iter().map(file));
        if let Some((home, extra)) = &self.openclaw {
            all.push((home.display().to_string(), Source::OpenClaw(home.clone(), extra.clone())));
        }
        all.retain(|(_, source)| super::import::yields_something(source));
        all
    }
}

/// What quickstart made of it.
#[derive(Debug, Default)]
pub struct Prepared {
    /// True where a vault was made.
    pub made: bool,
    /// What each source gave.
    pub imported: Vec<(String, Imported)>,
    /// Sources that could not be imported, and why.
    pub failed: Vec<String>,
}

impl App {
    /// Imports what is found into the vault of this app; makes the vault only if there is something.
    ///
    /// `None` means that there was nothing, and that there is no vault either.
    pub fn quickstart(&self, found: &Surroundings) -> Result<Option<Prepared>, AppError> {
        let exists = self.has_vault();
        let sources = found.sources();
        if sources.is_empty() && !exists {
            return Ok(None);
        }
        let mut prepared = Prepared { made: !exists, ..Prepared::default() };
        if !exists {
            self.init(InitOptions::default())?.vault.close()?;
        }
        for (name, source) in sources {
            let on_difference = OnDifference::Keep;
            let options = ImportOptions { on_difference, ..ImportOptions::default() };
            match self.import(&source, &options) {
                Ok(imported) => prepared.imported.push((name, imported)),
                // A clash is the user's to settle; it must not stop the other sources.
                Err(error) if matches!(error.code, Code::No | Code::Usage) => {
                    prepared.failed.push(format!("{name}: {}. {}", error.what, error.advice));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Some(prepared))
    }

    /// True where there is something to import.
    pub fn finds_something(&self, found: &Surroundings) -> bool {
        !found.sources().is_empty()
    }

    /// True where a vault lies in the home.
    pub fn has_vault(&self) -> bool {
        let home = Dir::open(&self.place.home, Private::Inspect);
        home.is_ok_and(|home| home.has("vault.toml"))
    }

    /// A throw-away vault with sample keys, in a new directory below `temporary`.
    pub fn demonstration(temporary: &Path) -> Result<Self, AppError> {
        let mut name = [0; 8];
        memory::random(&mut name).map_err(|_| {
            AppError::new(Code::Failed, "the system has no randomness to give", "Try again later.")
        })?;
        let root = temporary.join(format!("clawvault-demo-{}", hex(&name)));
        Dir::create(&root)?;
        let keys = KeySource { identity: None, passphrase_file: None, prompt: Box::new(|| None) };
        let place = Place { home: root.join("home"), state: root.join("state") };
        let socket = root.join("run/daemon.sock");
        let app = Self::new(place, root.join("run"), socket, keys);
        app.init(InitOptions::default())?.vault.close()?;
        for sample in SAMPLES {
            let invalid =
                || AppError::new(Code::Failed, "a sample is not in order", "Report this, please.");
            let text = format!("sample-of-clawvault-not-a-key-{}", sample.replace('/', "-"));
            let value = Value::new(text.into_bytes()).map_err(|_| invalid())?;
            let setting = Setting {
                profile: ProfileName::default(),
                name: SecretName::parse(sample).map_err(|_| invalid())?,
                fields: vec![(FieldName::default(), value)],
            };
            app.set(setting, SetOptions::default())?.0.close()?;
        }
        Ok(app)
    }
}
