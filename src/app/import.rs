//! Import: values from documents, an environment or an OpenClaw home, in one commit.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use clawvault_core::domain::limits::{MAX_DOCUMENT, MAX_IMPORT};
use clawvault_core::domain::{
    FieldName, Found, Injection, Label, ProfileName, SecretName, Value, Variable,
};
use clawvault_core::platform::PlatformError;
use clawvault_core::platform::read::read_bounded;
use clawvault_core::vault::{Put, PutOutcome, Stored};
use clawvault_providers::{Catalog, Holds};
use zeroize::Zeroizing;

use super::export::BASE64_SUFFIX;
use super::foreign::{Asked, Printed};
use super::naming::{Named, Namer, Paths};
use super::plaintext::quoted;
use super::session::{Request, Session};
use super::{App, AppError, Code, Plaintext, Taken};
use crate::intake::{Format, environment};
use crate::openclaw::{self, FormatHit};

/// Where values come from.
pub enum Source {
    /// A document: dotenv, JSON, YAML or TOML.
    File(PathBuf),
    /// Variables, of which only those that are known to hold a secret are taken.
    Environment(Vec<(OsString, OsString)>),
    /// An OpenClaw home, and unit and environment files elsewhere that belong to it.
    OpenClaw(PathBuf, Vec<PathBuf>),
    /// What a password manager or secret store printed.
    Printed(Printed),
    /// Another program's encrypted secrets, which that program decrypts.
    Program(Asked),
}

/// What to do where the vault has another value under a name.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnDifference {
    /// Leave the vault's value and say so.
    Keep,
    /// Import nothing.
    #[default]
    Stop,
    /// Make a new version.
    Update,
}

/// How to import.
#[derive(Debug, Default)]
pub struct ImportOptions {
    /// Profile that everything goes to.
    pub profile: ProfileName,
    /// Name for the one value of the source.
    pub name: Option<SecretName>,
    /// What to do with a value that differs from the vault's.
    pub on_difference: OnDifference,
    /// Changes nothing.
    pub dry_run: bool,
    /// Keeps what was taken at hand, for a scrub.
    pub scrub: bool,
}

/// What became of one value.
#[derive(Debug)]
pub struct Line {
    /// Name of the secret.
    pub name: SecretName,
    /// Its field.
    pub field: FieldName,
    /// The variable it is injected as.
    pub variable: Option<Variable>,
    /// Where it was found: file, line and label.
    pub place: String,
    /// What happened, or would happen.
    pub outcome: PutOutcome,
    /// The version it is now.
    pub version: u32,
}

/// What an import did, or would do.
#[derive(Debug, Default)]
pub struct Imported {
    /// One line for each value.
    pub lines: Vec<Line>,
    /// What was not taken, and what a person should know.
    pub notes: Vec<String>,
    /// Where the values still lie in clear.
    pub plaintext: Vec<Plaintext>,
    /// The command that takes them out there, where one can.
    pub scrub_command: Option<String>,
    /// What a person should know of how the vault was found.
    pub warnings: Vec<String>,
    /// What was taken, where a scrub is to follow.
    pub taken: Vec<Taken>,
}

impl App {
    /// Imports from a source.
    pub fn import(&self, source: &Source, options: &ImportOptions) -> Result<Imported, AppError> {
        // A source that cannot be read is said before the vault is opened; which variables and
        // forms hold a secret is known only with the vault's own manifests.
        let asks = match source {
            Source::Environment(_) => true,
            Source::OpenClaw(home, _) => home.is_dir(),
            Source::File(_) | Source::Printed(_) | Source::Program(_) => false,
        };
        let early = if asks { None } else { Some(gather(source, &Catalog::default())?) };
        let access = if options.dry_run { super::Access::Read } else { super::Access::Write };
        let mut session = self.session(access)?;
        let catalog = session.catalog()?;
        let gathered = early.map_or_else(|| gather(source, &catalog), Ok)?;
        let mut imported = import_gathered(&mut session, &catalog, gathered, options)?;
        imported.scrub_command = scrub_command(source, options);
        imported.warnings = session.warnings();
        session.close()?;
        Ok(imported)
    }
}

/// Names what was found, compares it with the vault, stores it.
fn import_gathered(
    session: &mut Session,
    catalog: &Catalog,
    gathered: Gathered,
    options: &ImportOptions,
) -> Result<Imported, AppError> {
    let mut imported = Imported { notes: gathered.notes, ..Imported::default() };
    let namer = Namer::new(gathered.paths, catalog);
    let named = name_all(gathered.found, namer, (catalog, options), &mut imported.notes)?;
    let lying = named.iter().map(|one| &one.found);
    let lying = lying.filter(|_| gathered.in_clear);
    imported.plaintext = lying.map(Plaintext::of_found).chain(gathered.copies).collect();
    refuse_clashes(&named)?;
    let mut puts = puts(&named, &options.profile);
    let mut planned = session.ask(Request::Import(puts.clone(), false))?.stored;
    let differs = |stored: &Stored| stored.outcome == PutOutcome::Updated;
    let differing: Vec<String> =
        planned.iter().filter(|s| differs(s)).map(|s| s.name.to_string()).collect();
    match options.on_difference {
        OnDifference::Stop if !differing.is_empty() && !options.dry_run => {
            return Err(AppError::new(
                Code::No,
                format!("the vault has another value for {}", differing.join(", ")),
                "Nothing was imported. --update makes new versions of them; --dry-run shows all.",
            ));
        }
        OnDifference::Keep => {
            let stays = |name: &String| format!("{name}: the vault has another value, which stays");
            imported.notes.extend(differing.iter().map(stays));
            puts.retain(|put| differing.iter().all(|name| name != put.name.as_str()));
            planned.retain(|stored| !differs(stored));
        }
        OnDifference::Stop | OnDifference::Update => {}
    }
    let done =
        if options.dry_run { planned } else { session.ask(Request::Import(puts, true))?.stored };
    let by_name: BTreeMap<&SecretName, _> = done.iter().map(|s| (&s.name, s)).collect();
    for one in named {
        let Some(stored) = by_name.get(&one.name) else { continue };
        let Named { found, name, field, variable, .. } = one;
        imported.lines.push(Line {
            name: name.clone(),
            field: field.clone(),
            variable: variable.clone(),
            place: place(&found),
            outcome: stored.outcome,
            version: stored.version,
        });
        if options.scrub {
            imported.taken.push(Taken { found, name, field, variable });
        }
    }
    Ok(imported)
}

/// What scrubs a source, as it is typed.
fn scrub_command(source: &Source, options: &ImportOptions) -> Option<String> {
    let named = match source {
        Source::File(path) => quoted(&path.display().to_string()),
        // Files elsewhere belong to the home that nobody has to name.
        Source::OpenClaw(home, extra) if extra.is_empty() => {
            format!("--openclaw {}", quoted(&home.display().to_string()))
        }
        Source::OpenClaw(..) => "--openclaw".to_owned(),
        Source::Environment(_) | Source::Printed(_) | Source::Program(_) => return None,
    };
    let mut command = format!("clawvault import {named} --scrub");
    if options.profile != ProfileName::default() {
        command.push_str(&format!(" --profile {}", options.profile));
    }
    if let Some(name) = &options.name {
        command.push_str(&format!(" --as {name}"));
    }
    Some(command)
}

/// What a source yielded.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) found: Vec<Found>,
    pub(super) paths: Paths,
    pub(super) notes: Vec<String>,
    /// True where the values lie in clear in the files they were taken from.
    pub(super) in_clear: bool,
    /// Where values lie besides the places they are taken from.
    pub(super) copies: Vec<Plaintext>,
}

/// Reads a source without touching any vault.
fn gather(source: &Source, catalog: &Catalog) -> Result<Gathered, AppError> {
    let is_known = |variable: &str| is_known(catalog, variable);
    match source {
        Source::File(path) => gather_file(path),
        Source::Environment(variables) => {
            let intake = environment::take(variables.iter().cloned(), is_known);
            let mut found = intake.found;
            // A variable that no manifest knows counts where its value has a token's form.
            let by_form = environment::take(variables.iter().cloned(), |name| !is_known(name));
            let has_form = |found: &Found| catalog.identify(found.value.expose()).is_some();
            found.extend(by_form.found.into_iter().filter(has_form));
            Ok(Gathered { found, ..Gathered::default() })
        }
        Source::OpenClaw(home, extra) => {
            let report = openclaw::read(home, extra, &is_known, &|bytes| find(catalog, bytes))?;
            let mut notes = report.notes;
            notes.extend(report.references.iter().map(|reference| {
                format!(
                    "{} refers to the variable {}; no value there",
                    reference.path, reference.variable
                )
            }));
            let copies = report.copies.iter().map(Plaintext::of_copy).collect();
            let (found, paths) = (report.found, Paths::OpenClaw);
            Ok(Gathered { found, paths, notes, in_clear: true, copies })
        }
        Source::Printed(printed) => printed.gather(),
        Source::Program(asked) => asked.gather(),
    }
}

fn gather_file(path: &Path) -> Result<Gathered, AppError> {
    let bytes = read_file(path)?;
    let gathered = gather_document(Format::of(path, &bytes), &bytes, &path.display().to_string())?;
    Ok(Gathered { in_clear: true, ..gathered })
}

/// Reads a file that a person named.
pub(super) fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, AppError> {
    read_bounded(path, MAX_DOCUMENT).map_err(|error| {
        let code = match error {
            clawvault_core::platform::read::ReadError::Missing => Code::Missing,
            _ => Code::Failed,
        };
        let what = PlatformError::read(path, error).to_string();
        AppError::new(code, what, "Name a regular file that you may read.")
    })
}

/// Reads a document that `shown` names.
pub(super) fn gather_document(
    format: Format,
    bytes: &[u8],
    shown: &str,
) -> Result<Gathered, AppError> {
    let intake = crate::intake::read(format, bytes, shown)
        .map_err(|error| AppError::document(shown, &error))?;
    let mut notes = Vec::new();
    for note in intake.notes {
        notes.push(format!("{shown}: {note}"));
    }
    let mut found = intake.found;
    if found.iter().any(|f| f.label.as_str().starts_with("secrets.")) {
        read_own_export(&mut found, &mut notes);
    }
    Ok(Gathered { found, notes, ..Gathered::default() })
}

/// What `export --format json` writes is no other document's: the name of its profile stands
/// beside the secrets, and values that are not text are in base64.
fn read_own_export(found: &mut Vec<Found>, notes: &mut Vec<String>) {
    found.retain(|f| f.label.as_str() != "profile");
    for one in found.iter_mut() {
        let path = one.label.as_str();
        let Some(plain_path) = path.strip_suffix(BASE64_SUFFIX) else { continue };
        let bytes = base64::engine::general_purpose::STANDARD.decode(one.value.expose());
        match bytes.ok().and_then(|bytes| Value::new(bytes).ok()) {
            Some(value) => (one.label, one.value) = (Label::Path(plain_path.to_owned()), value),
            None => notes.push(format!("{path} is not base64 and is taken as it is")),
        }
    }
}

pub(super) fn is_known(catalog: &Catalog, variable: &str) -> bool {
    catalog.by_variable(variable).is_some_and(|usage| usage.holds == Holds::Secret)
}

/// Tokens in a database's bytes, where values may touch what stands beside them.
pub(super) fn find(catalog: &Catalog, bytes: &[u8]) -> Vec<FormatHit> {
    let found = catalog.find_in_packed(bytes).into_iter();
    let hit = |(range, kind): (std::ops::Range<usize>, clawvault_providers::Kind<'_>)| FormatHit {
        vendor: kind.vendor.to_owned(),
        kind: kind.kind.to_owned(),
        start: range.start,
        len: range.len(),
    };
    found.map(hit).collect()
}

fn name_all(
    found: Vec<Found>,
    mut namer: Namer<'_>,
    (catalog, options): (&Catalog, &ImportOptions),
    notes: &mut Vec<String>,
) -> Result<Vec<Named>, AppError> {
    if found.len() > MAX_IMPORT {
        let what = format!("the source has more than {MAX_IMPORT} values");
        return Err(AppError::usage(what, "Split it and import the parts."));
    }
    let mut named = Vec::with_capacity(found.len());
    for found in found {
        match namer.name(found) {
            Ok(one) => named.push(one),
            Err((found, why)) => notes.push(format!("{} {why}", place(&found))),
        }
    }
    let Some(name) = &options.name else { return Ok(named) };
    match named.as_mut_slice() {
        [one] => {
            one.name = name.clone();
            one.vendor = super::naming::vendor_of(catalog, name.as_str()).or(one.vendor.take());
            Ok(named)
        }
        many => Err(AppError::usage(
            format!("--as names one value, and the source has {}", many.len()),
            "Import it without --as, or from a source with that one value.",
        )),
    }
}

fn refuse_clashes(named: &[Named]) -> Result<(), AppError> {
    let mut seen: BTreeMap<(&SecretName, &FieldName), (&Value, &Found)> = BTreeMap::new();
    for one in named {
        let key = (&one.name, &one.field);
        match seen.get(&key) {
            Some((value, other)) if **value != one.found.value => {
                let what = format!(
                    "{} and {} hold different values for {}",
                    place(other),
                    place(&one.found),
                    one.name
                );
                return Err(AppError::new(
                    Code::No,
                    what,
                    "Nothing was imported. Remove the wrong one, or import them apart with --as.",
                ));
            }
            Some(_) => {}
            None => drop(seen.insert(key, (&one.found.value, &one.found))),
        }
    }
    Ok(())
}

/// One put for each secret: its fields and variables together.
fn puts(named: &[Named], profile: &ProfileName) -> Vec<Put> {
    let mut by_name: BTreeMap<&SecretName, Put> = BTreeMap::new();
    for one in named {
        let put = by_name.entry(&one.name).or_insert_with(|| Put {
            profile: profile.clone(),
            name: one.name.clone(),
            vendor: one.vendor.clone(),
            injections: Some(Vec::new()),
            add: true,
            admin: false,
            fields: Vec::new(),
        });
        put.admin |= one.admin;
        if put.fields.iter().all(|(field, _)| *field != one.field) {
            put.fields.push((one.field.clone(), one.found.value.clone()));
        }
        if let (Some(variable), Some(injections)) = (&one.variable, &mut put.injections) {
            injections.push(Injection { variable: variable.clone(), field: one.field.clone() });
        }
    }
    by_name.into_values().collect()
}

fn place(found: &Found) -> String {
    let label = found.label.as_str();
    match found.line {
        Some(line) => format!("{}:{line} {label}", found.source),
        None => format!("{} {label}", found.source),
    }
}

/// True where a source can be read and holds at least one value that would be taken. Only what every
/// vault knows counts: none is open.
pub(super) fn yields_something(source: &Source) -> bool {
    let catalog = Catalog::default();
    let Ok(gathered) = gather(source, &catalog) else { return true };
    let mut namer = Namer::new(gathered.paths, &catalog);
    gathered.found.into_iter().any(|found| namer.name(found).is_ok())
}
