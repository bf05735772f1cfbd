//! Import from other keepers of secrets: what they printed, or what they print when asked.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clawvault_core::domain::limits::{MAX_DOCUMENT, MAX_VALUE};
use clawvault_core::domain::{Found, Label, Value, ValueError};
use clawvault_core::memory::LockedBytes;

use super::import::{Gathered, gather_document, read_file};
use super::naming::Paths;
use super::{AppError, Code};
use crate::intake::{Format, Kind, Manager, ParseError, managers};
use crate::launch::{Base, base, find};
use crate::programs::{self, Program, ProgramError};

/// Most bytes of what pass says of one entry: a value, and lines about it.
const MAX_ENTRY: usize = 2 * MAX_VALUE;
/// Public halves of dotenvx's keys stand in the files that they encrypt.
const DOTENVX_PUBLIC_KEY: &str = "DOTENV_PUBLIC_KEY";
/// How a value begins that dotenvx could not decrypt.
const DOTENVX_SEALED: &[u8] = b"encrypted:";

/// JSON that a password manager or secret store printed.
#[derive(Debug)]
pub struct Printed {
    /// Who printed it.
    pub manager: Manager,
    /// The file it lies in; `None` where it came through a pipe.
    pub file: Option<PathBuf>,
    /// The document, where it came through a pipe.
    pub piped: LockedBytes,
}

impl Printed {
    pub(super) fn gather(&self) -> Result<Gathered, AppError> {
        let (shown, read);
        let bytes = match &self.file {
            Some(file) => {
                shown = file.display().to_string();
                read = read_file(file)?;
                &read[..]
            }
            None => {
                shown = "stdin".to_owned();
                &self.piped[..]
            }
        };
        let items = managers::read(self.manager, bytes, &shown)
            .map_err(|error| self.refused(&shown, &error))?;
        let notes = items.passed.iter().map(|p| format!("{shown} {} {}", p.place, p.why));
        Ok(Gathered {
            notes: notes.collect(),
            found: items.found,
            in_clear: self.file.is_some(),
            ..Gathered::default()
        })
    }

    fn refused(&self, shown: &str, error: &ParseError) -> AppError {
        let advice = match (error.kind, self.manager) {
            (Kind::Encrypted, _) => {
                "Nothing was changed; pipe an unencrypted one in: `bw export --format json --raw`."
            }
            (Kind::NoValues, Manager::OnePassword) => {
                "Nothing was changed; ask for the items: `op item list --format json | op item get - \
                 --format json`."
            }
            (Kind::NoValues, _) => {
                "Nothing was changed; ask for a secret: `vault kv get -format=json …`."
            }
            _ => return AppError::document(shown, error),
        };
        AppError::usage(format!("{shown}: {}", error.kind), advice)
    }
}

/// A program that decrypts what it keeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keeper {
    /// A file that `dotenvx encrypt` encrypted.
    Dotenvx,
    /// The entries of a password store.
    Pass,
    /// A file that `sops --encrypt` encrypted.
    Sops,
}

/// What a program is asked for, and where it looks for its keys.
pub struct Asked {
    /// Which program.
    pub keeper: Keeper,
    /// Its file, or for pass the first part of the wanted entries' names.
    pub what: PathBuf,
    /// The surrounding variables; those that lead to a vault of ours are not handed on.
    pub surroundings: Vec<(OsString, OsString)>,
}

impl Asked {
    pub(super) fn gather(&self) -> Result<Gathered, AppError> {
        let environment = base(self.surroundings.iter().cloned(), Base::Inherited);
        let name = match self.keeper {
            Keeper::Dotenvx => "dotenvx",
            Keeper::Pass => "pass",
            Keeper::Sops => "sops",
        };
        let path = environment.get(OsStr::new("PATH")).map(OsString::as_os_str);
        let path = find(OsStr::new(name), path).map_err(|_| {
            let what = format!("there is no program {name} on the PATH that can be run");
            AppError::new(Code::Missing, what, "Install it, or put its directory on the PATH.")
        })?;
        let program = Program { name, path: &path, environment: &environment };
        match self.keeper {
            Keeper::Dotenvx => self.dotenvx(program),
            Keeper::Pass => self.pass(program),
            Keeper::Sops => self.sops(program),
        }
    }

    fn dotenvx(&self, program: Program<'_>) -> Result<Gathered, AppError> {
        let arguments = programs::dotenvx_arguments(&self.what);
        let bytes = programs::capture(program, arguments, MAX_DOCUMENT)
            .map_err(|error| self.failed(&error, "decrypt --stdout -f"))?;
        let mut gathered =
            gather_document(Format::Dotenv, &bytes, &self.what.display().to_string())?;
        gathered.found.retain(|found| !found.label.as_str().starts_with(DOTENVX_PUBLIC_KEY));
        if gathered.found.iter().any(|f| f.value.expose().starts_with(DOTENVX_SEALED)) {
            let what = format!("dotenvx left values of {} encrypted", self.what.display());
            return Err(AppError::new(
                Code::Failed,
                what,
                "Nothing was changed; give it the private key, in .env.keys or the environment.",
            ));
        }
        Ok(gathered)
    }

    fn sops(&self, program: Program<'_>) -> Result<Gathered, AppError> {
        let shown = self.what.display().to_string();
        let extension = self.what.extension().and_then(OsStr::to_str);
        // An INI file is taken as the JSON that sops makes of it; no reader of ours knows INI.
        let output = (extension == Some("ini")).then_some("json");
        let arguments = programs::sops_arguments(&self.what, output);
        let bytes = programs::capture(program, arguments, MAX_DOCUMENT)
            .map_err(|error| self.failed(&error, "--decrypt"))?;
        match Format::by_name(&self.what) {
            _ if output.is_some() => gather_document(Format::Json, &bytes, &shown),
            Some(format) => gather_document(format, &bytes, &shown),
            // To sops a file of any other kind is one piece, and so it is here.
            None => {
                let name = self.what.file_name().unwrap_or_default().to_string_lossy();
                let value = Value::copy_of(&bytes).map_err(|error| refused(&shown, error))?;
                let label = Label::Path(name.into_owned());
                let found = vec![Found { source: shown, line: None, label, value }];
                Ok(Gathered { found, ..Gathered::default() })
            }
        }
    }

    fn pass(&self, program: Program<'_>) -> Result<Gathered, AppError> {
        let prefix = self.what.to_str().ok_or_else(|| {
            AppError::usage("the name is not text", "Name entries as `pass ls` shows them.")
        })?;
        let store = self.store(program.environment)?;
        let entries = programs::entries(&store, prefix).map_err(|e| self.failed(&e, "ls"))?;
        if entries.is_empty() {
            let what = "the store of pass has no such entries";
            return Err(AppError::new(Code::Missing, what, "`pass ls` shows what there is."));
        }
        let mut gathered = Gathered { paths: Paths::Names, ..Gathered::default() };
        for entry in entries {
            let bytes = programs::capture(program, programs::pass_arguments(&entry), MAX_ENTRY)
                .map_err(|error| self.failed(&error, "show"))?;
            let shown = programs::shown(&bytes);
            if shown.has_more {
                gathered.notes.push(format!("pass {entry}: its lines after the first"));
            }
            match Value::copy_of(shown.value) {
                Ok(value) => gathered.found.push(Found {
                    source: "pass".to_owned(),
                    line: None,
                    label: Label::Path(entry),
                    value,
                }),
                Err(error) => gathered.notes.push(format!("pass {entry}: {error}")),
            }
        }
        Ok(gathered)
    }

    /// Where pass keeps its entries.
    fn store(&self, environment: &BTreeMap<OsString, OsString>) -> Result<PathBuf, AppError> {
        let variable = |name: &str| environment.get(OsStr::new(name)).filter(|v| !v.is_empty());
        let named = variable("PASSWORD_STORE_DIR").map(PathBuf::from);
        let usual = || Some(Path::new(variable("HOME")?).join(".password-store"));
        named.or_else(usual).ok_or_else(|| {
            let what = "there is no home directory here";
            AppError::usage(what, "Name the store with PASSWORD_STORE_DIR.")
        })
    }

    fn failed(&self, error: &ProgramError, command: &str) -> AppError {
        let advice = match error {
            ProgramError::Failed(name, _) | ProgramError::TooSlow(name) => format!(
                "Nothing was changed; `{name} {command} …` by hand says why: its words are not \
                 shown here, since they may hold a value."
            ),
            _ => "Nothing was changed.".to_owned(),
        };
        AppError::new(Code::Failed, error.to_string(), advice)
    }
}

fn refused(shown: &str, error: ValueError) -> AppError {
    AppError::usage(format!("{shown}: {error}"), "Nothing was changed.")
}
