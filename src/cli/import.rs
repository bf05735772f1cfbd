//! `clawvault import`

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_core::memory::LockedBytes;
use clawvault_core::vault::PutOutcome;
use serde::Serialize;

use super::surroundings::{self, Context};
use super::{arguments, output, prompt, scrub};
use crate::app::{
    AppError, Asked, ImportOptions, Imported, Keeper, Line, OnDifference, OpenClawHome, Printed,
    Source,
};
use crate::intake::Manager;

/// Take keys in from where they are today
///
/// From a dotenv, JSON, YAML or TOML file, from the environment, from an OpenClaw home, or from
/// another keeper of secrets. One commit takes everything or nothing; the same import twice
/// changes nothing. With --scrub the values are then taken out of the files, which --undo puts
/// back.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault import .env --dry-run
  clawvault import --env
  clawvault import --openclaw
  clawvault import key.json --as openai/work
  clawvault import .env --scrub --dry-run
  clawvault import --openclaw --scrub --history
  clawvault import --undo
  clawvault import --from sops secrets.enc.yaml
  clawvault import --from pass openai
  op item get OpenAI --format json | clawvault import --from 1password
  vault kv get -format=json secret/app | clawvault import --from vault")]
#[command(group = clap::ArgGroup::new("source").required(true).multiple(true))]
pub(super) struct Args {
    /// dotenv, JSON, YAML or TOML file; with --from what that is to read
    #[arg(group = "source")]
    file: Option<PathBuf>,
    /// The environment: only variables that are known to hold a key
    #[arg(long, group = "source", conflicts_with_all = ["file", "openclaw", "from"])]
    env: bool,
    /// An OpenClaw home: its configuration, .env, unit and environment files
    #[arg(long, group = "source", num_args = 0..=1, value_name = "DIR",
        conflicts_with_all = ["file", "from"])]
    openclaw: Option<Option<PathBuf>>,
    /// Another keeper of secrets
    #[arg(long, group = "source", value_enum, value_name = "KEEPER")]
    from: Option<From>,
    /// Put back what a scrub took out: the last one, or the one of this number
    #[arg(long, group = "source", num_args = 0..=1, value_name = "ID",
        conflicts_with_all = ["file", "env", "openclaw", "from", "scrub", "update", "dry_run", "name",
        "profile"])]
    undo: Option<Option<u32>>,
    /// With --undo: show what can be put back, and change nothing
    #[arg(long, requires = "undo")]
    list: bool,
    /// Take the values out of the files once the vault has them; asks first
    #[arg(long)]
    scrub: bool,
    /// With --scrub: also remove commands that hold one of the values from shell histories
    #[arg(long, requires = "scrub")]
    history: bool,
    /// With --scrub: do not ask
    #[arg(long, requires = "scrub")]
    yes: bool,
    /// Name for the one value of the source
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    profile: arguments::Profile,
    /// Make new versions of values that differ, instead of stopping
    #[arg(long)]
    update: bool,
    /// Say what would happen and change nothing
    #[arg(long)]
    dry_run: bool,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

/// Other keepers of secrets.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum From {
    /// FILE, decrypted by the program sops
    Sops,
    /// FILE [default: .env], decrypted by the program dotenvx
    Dotenvx,
    /// Entries whose names begin with FILE/ (all where it is not named), shown by the program pass
    Pass,
    /// What `op item get --format json` printed, in FILE or through a pipe
    #[value(name = "1password")]
    OnePassword,
    /// What `bw export --format json` or `bw list items` printed, in FILE or through a pipe
    Bitwarden,
    /// What `vault kv get -format=json` printed, in FILE or through a pipe
    Vault,
}

impl Args {
    /// As `import --openclaw`, with whether to update, to change nothing, and to print JSON.
    pub(super) fn of_openclaw(
        home: Option<PathBuf>,
        profile: arguments::Profile,
        (update, dry_run, json): (bool, bool, bool),
    ) -> Self {
        Self {
            file: None,
            env: false,
            openclaw: Some(home),
            from: None,
            undo: None,
            list: false,
            scrub: false,
            history: false,
            yes: false,
            name: None,
            profile,
            update,
            dry_run,
            json,
        }
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    if let Some(id) = args.undo {
        return scrub::undo(id, args.list, args.json, context);
    }
    let source = match (args.from, &args.file, &args.openclaw) {
        (Some(from), file, _) => foreign_source(from, file.as_ref())?,
        (None, Some(file), _) => Source::File(file.clone()),
        (None, None, Some(home)) => openclaw_source(home.as_ref())?,
        (None, None, None) => Source::Environment(surroundings::environment()),
    };
    let options = ImportOptions {
        profile: args.profile.or_default()?,
        name: args.name.as_deref().map(arguments::name).transpose()?,
        on_difference: if args.update { OnDifference::Update } else { OnDifference::Stop },
        dry_run: args.dry_run,
        scrub: args.scrub,
    };
    let wanted = scrub::Wanted { history: args.history, yes: args.yes, json: args.json };
    if args.scrub {
        scrub::check(&source, wanted, args.dry_run)?;
    }
    let app = context.app()?;
    let imported = app.import(&source, &options)?;
    if !args.json {
        report(&imported, args);
    }
    output::warnings(&imported.warnings);
    // Of an import that would stop, nothing would be scrubbed.
    let outcome = match args.scrub && !would_stop(&imported, args) {
        true => Some(scrub::after(&app, &source, &imported, &options, wanted)?),
        false => None,
    };
    if args.json {
        output::json(&document(&imported, args.dry_run, outcome.as_ref()));
    }
    outcome.map_or(Ok(ExitCode::SUCCESS), |outcome| outcome.end(args.dry_run))
}

fn report(imported: &Imported, args: &Args) {
    let rows: Vec<Vec<String>> = imported.lines.iter().map(row).collect();
    output::table(&rows);
    for note in &imported.notes {
        output::talk(&format!("not taken: {note}"));
    }
    if !args.dry_run && !args.scrub {
        still_there([imported]);
    }
    let done = if args.dry_run { "would be: " } else { "" };
    output::talk(&format!("{done}{}", summary(imported)));
    if would_stop(imported, args) {
        output::talk("the import would stop: what is updated here needs --update");
    }
}

fn would_stop(imported: &Imported, args: &Args) -> bool {
    let differs = imported.lines.iter().any(|line| line.outcome == PutOutcome::Updated);
    args.dry_run && !args.update && differs
}

/// Names what still lies in clear, and what takes it out.
pub(super) fn still_there<'a>(all: impl IntoIterator<Item = &'a Imported>) {
    let with_some: Vec<&Imported> =
        all.into_iter().filter(|imported| !imported.plaintext.is_empty()).collect();
    if with_some.is_empty() {
        return;
    }
    let commands = with_some.iter().filter_map(|imported| imported.scrub_command.as_ref());
    let commands: Vec<String> = commands.map(|command| format!("`{command}`")).collect();
    output::talk(&match commands.as_slice() {
        [] => "These still lie there in clear; each with what removes it by hand:".to_owned(),
        [one] => {
            format!("These still lie there in clear; {one} takes out what can be; by hand:")
        }
        many => format!(
            "These still lie there in clear; {} take out what can be; by hand:",
            many.join(" and ")
        ),
    });
    for place in with_some.into_iter().flat_map(|imported| &imported.plaintext) {
        output::talk(&format!("  {} {}: {}", place.place, place.what, place.remedy));
    }
}

/// Counts in one line.
pub(super) fn summary(imported: &Imported) -> String {
    let count = |outcome| imported.lines.iter().filter(|line| line.outcome == outcome).count();
    format!(
        "{} new, {} updated, {} relabelled, {} unchanged, {} not taken",
        count(PutOutcome::Created),
        count(PutOutcome::Updated),
        count(PutOutcome::Relabelled),
        count(PutOutcome::Unchanged),
        imported.notes.len()
    )
}

/// The OpenClaw home of this user and the files elsewhere that belong to it.
pub(super) fn openclaw_home() -> Option<(PathBuf, Vec<PathBuf>)> {
    let user = surroundings::user_home();
    let home = surroundings::path("OPENCLAW_STATE_DIR")
        .or_else(|| user.as_ref().map(|home| home.join(".openclaw")))?;
    let mut extra = Vec::new();
    if let Some(user) = &user {
        extra.push(user.join(".config/openclaw/gateway.env"));
        extra.extend(units(&user.join(".config/systemd/user")));
    }
    extra.retain(|file| file.is_file());
    Some((home, extra))
}

/// Unit files of OpenClaw, and their drop-ins.
fn units(directory: &std::path::Path) -> Vec<PathBuf> {
    let list = |directory: &std::path::Path| {
        let entries = directory.read_dir().into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let ours = |path: &PathBuf| {
        path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with("openclaw"))
    };
    let mut found: Vec<PathBuf> = list(directory).into_iter().filter(ours).collect();
    let drop_ins: Vec<PathBuf> =
        found.iter().filter(|path| path.is_dir()).flat_map(|path| list(path)).collect();
    found.extend(drop_ins);
    found.sort();
    found
}

fn openclaw_source(named: Option<&PathBuf>) -> Result<Source, AppError> {
    let found = openclaw_home();
    let extra = found.as_ref().map(|(_, extra)| extra.clone()).unwrap_or_default();
    match (named, found) {
        // Files elsewhere belong to the user's own OpenClaw, not to a directory that was named.
        (Some(named), _) => Ok(Source::OpenClaw(named.clone(), Vec::new())),
        (None, Some((home, _))) => Ok(Source::OpenClaw(home, extra)),
        (None, None) => {
            Err(AppError::usage("there is no home directory here", "Name it: --openclaw DIR."))
        }
    }
}

/// The OpenClaw home that is scanned.
pub(super) fn openclaw_to_scan(named: Option<&PathBuf>) -> Result<OpenClawHome, AppError> {
    let Source::OpenClaw(directory, extra) = openclaw_source(named)? else {
        return Err(AppError::usage("there is no OpenClaw here", "Name it: --openclaw DIR."));
    };
    Ok(OpenClawHome { directory, extra, named: named.is_some() })
}

fn foreign_source(from: From, named: Option<&PathBuf>) -> Result<Source, AppError> {
    let asked = |keeper, what: PathBuf| {
        Source::Program(Asked { keeper, what, surroundings: surroundings::environment() })
    };
    let printed = |manager| {
        let piped = if named.is_some() { LockedBytes::zeroed(0) } else { piped()? };
        Ok(Source::Printed(Printed { manager, file: named.cloned(), piped }))
    };
    match (from, named) {
        (From::Sops, Some(file)) => Ok(asked(Keeper::Sops, file.clone())),
        (From::Sops, None) => {
            Err(AppError::usage("sops needs a file", "Name it: --from sops secrets.enc.yaml."))
        }
        (From::Dotenvx, file) => {
            Ok(asked(Keeper::Dotenvx, file.cloned().unwrap_or_else(|| ".env".into())))
        }
        (From::Pass, prefix) => Ok(asked(Keeper::Pass, prefix.cloned().unwrap_or_default())),
        (From::OnePassword, _) => printed(Manager::OnePassword),
        (From::Bitwarden, _) => printed(Manager::Bitwarden),
        (From::Vault, _) => printed(Manager::Vault),
    }
}

/// A document through a pipe; a person does not type one.
fn piped() -> Result<LockedBytes, AppError> {
    if std::io::stdin().is_terminal() {
        let advice = "Pipe what it prints in, or name a file that holds it.";
        return Err(AppError::usage("there is nothing to read", advice));
    }
    prompt::stdin(MAX_DOCUMENT)
}

fn word(outcome: PutOutcome) -> &'static str {
    match outcome {
        PutOutcome::Created => "new",
        PutOutcome::Relabelled => "relabelled",
        PutOutcome::Unchanged => "unchanged",
        PutOutcome::Updated => "updated",
    }
}

fn row(line: &Line) -> Vec<String> {
    let variable = line.variable.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let mut name = line.name.to_string();
    if line.field.as_str() != "value" {
        name = format!("{name}#{}", line.field);
    }
    vec![word(line.outcome).to_owned(), name, variable, line.place.clone()]
}

#[derive(Serialize)]
struct Document<'a> {
    dry_run: bool,
    imported: Vec<JsonLine<'a>>,
    not_taken: &'a [String],
    plaintext: Vec<JsonPlaintext<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scrub: Option<scrub::JsonScrub<'a>>,
}

#[derive(Serialize)]
struct JsonLine<'a> {
    outcome: &'a str,
    name: &'a str,
    field: &'a str,
    variable: Option<&'a str>,
    version: u32,
    place: &'a str,
}

#[derive(Serialize)]
struct JsonPlaintext<'a> {
    place: &'a str,
    what: &'a str,
    remedy: &'a str,
}

fn document<'a>(
    imported: &'a Imported,
    dry_run: bool,
    scrubbed: Option<&'a scrub::Outcome>,
) -> Document<'a> {
    Document {
        dry_run,
        imported: imported.lines.iter().map(json_line).collect(),
        not_taken: &imported.notes,
        plaintext: imported
            .plaintext
            .iter()
            .map(|p| JsonPlaintext { place: &p.place, what: &p.what, remedy: &p.remedy })
            .collect(),
        scrub: scrubbed.map(scrub::Outcome::document),
    }
}

fn json_line(line: &Line) -> JsonLine<'_> {
    JsonLine {
        outcome: word(line.outcome),
        name: line.name.as_str(),
        field: line.field.as_str(),
        variable: line.variable.as_ref().map(clawvault_core::domain::Variable::as_str),
        version: line.version,
        place: &line.place,
    }
}
