//! `clawvault scan`

mod progress;
mod reports;
mod rules;
mod summary;

use std::cell::RefCell;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use clawvault_core::domain::Policy;
use clawvault_scan::finding::Finding;
use clawvault_scan::rule::{Confidence, Severity};
use clawvault_scan::source::tree::TreeOptions;

use super::surroundings::{self, Context};
use super::{histories, import, output};
use crate::app::{
    AllowOptions, AppError, Choice, Code, Part, ScanOptions, ScanPlace, ScanSource, Scanned,
    Update, VaultValues, Vendors, scan, verify_findings,
};
use progress::Bar;
use reports::{FormatName, Target};

/// Most that git says of a push, in bytes.
const MAX_PUSHED: u64 = 16 << 20;

/// Find leaked secrets: in files, in what is staged, in all history; needs no vault
///
/// Exit codes: 0 none found, 1 some found, 2 usage, 4 nothing was read, 5 objects are missing or
/// damaged and nothing else was found, 7 something could not be read.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  clawvault scan                                the tree below here, but what ignore files leave out
  clawvault scan --staged                       what the next commit would bring
  clawvault scan --history                      all branches, tags, stashes, notes, reflogs
  clawvault scan --history --range origin/main..
  kubectl get pods -o yaml | clawvault scan --stdin
  clawvault scan --openclaw                     OpenClaw's state directory, its databases too
  clawvault scan --shell-history                what was typed into shells and database prompts
  clawvault scan --format sarif > scan.sarif
  clawvault scan --report junit:scan.xml --report html:scan.html
  clawvault scan --allow 3f90a1c2               allow that finding from now on, by its fingerprint
  clawvault scan --update-baseline --baseline known.txt
  clawvault scan rules list                     what is looked for

A comment `clawvault:allow` or `clawvault:allow[RULE]` on the line allows a secret there. A directory
that is named like a subcommand is scanned as ./rules."
)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Files and directories; of --staged and --history, repositories [default: here]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    told: Told,
    #[command(flatten)]
    allowed: Allowed,
}

#[derive(Debug, Subcommand)]
enum Action {
    Rules(rules::Args),
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is scanned")]
struct Source {
    /// What is staged: the index's content, not the work tree's
    #[arg(long, conflicts_with_all = ["history", "stdin", "no_ignore"])]
    staged: bool,
    /// Every version of every file in all of a repository's history, and messages
    #[arg(long, conflicts_with_all = ["stdin", "no_ignore"])]
    history: bool,
    /// With --history: only what the commits between bring; an end left out is HEAD
    #[arg(long, value_name = "FROM..TO", requires = "history", conflicts_with = "unreachable")]
    range: Option<String>,
    /// With --history: only what a push to this remote brings; stdin has git's lines for pre-push
    #[arg(long, value_name = "REMOTE", requires = "history", conflicts_with_all = ["range", "unreachable"])]
    pushed: Option<String>,
    /// What comes in on stdin
    #[arg(long, conflicts_with_all = ["paths", "no_ignore"])]
    stdin: bool,
    /// An OpenClaw home: configuration, credentials, logs, the rows of its databases
    #[arg(long, value_name = "DIR", num_args = 0..=1,
        conflicts_with_all = ["paths", "staged", "history", "stdin", "no_ignore"])]
    openclaw: Option<Option<PathBuf>>,
    /// What was typed into shells and database prompts [default: all histories of this user]
    #[arg(long, value_name = "FILE", num_args = 0..,
        conflicts_with_all = ["paths", "staged", "history", "stdin", "no_ignore", "openclaw"])]
    shell_history: Option<Vec<PathBuf>>,
    /// Also files that ignore files of git leave out
    #[arg(long)]
    no_ignore: bool,
    /// Do not look for the values of your vault
    #[arg(long)]
    no_vault: bool,
    /// With --history: read all again, and remember nothing of it
    #[arg(long, requires = "history")]
    no_cache: bool,
    /// With --history: also objects that nothing leads to any more
    #[arg(long, requires = "history")]
    unreachable: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is told")]
struct Told {
    /// Form of the report on stdout
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: FormatName,
    /// As one JSON document: `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Write a report into a file, too; may be given several times
    #[arg(long, value_name = "FORMAT:FILE")]
    report: Vec<Target>,
    /// Show the values, in text on a terminal
    #[arg(long)]
    reveal: bool,
    /// Directory of TOML files with rules of your own, besides the built-in ones
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// Only findings of these rules
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    only_rule: Vec<String>,
    /// No findings of these rules
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    exclude_rule: Vec<String>,
    /// Only findings that are at least so sure
    #[arg(long, value_enum, value_name = "LEVEL")]
    min_confidence: Option<Sure>,
    /// Only findings that are at least so bad
    #[arg(long, value_enum, value_name = "LEVEL")]
    min_severity: Option<Bad>,
    /// Ask the vendor whether a key is live; comes with rotation, until then it says so
    #[arg(long)]
    verify: bool,
}

impl Told {
    fn format(&self) -> FormatName {
        if self.json { FormatName::Json } else { self.format }
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is allowed")]
struct Allowed {
    /// Another file of ignores, besides .clawvaultignore
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Allow all that is found from now on: in the baseline, else in .clawvaultignore
    #[arg(long)]
    update_baseline: bool,
    /// With --update-baseline: take out entries that allow nothing any more
    #[arg(long, requires = "update_baseline")]
    prune: bool,
    /// Allow the findings with these fingerprints from now on; 8 digits are enough
    #[arg(
        long,
        value_name = "FINGERPRINT,…",
        value_delimiter = ',',
        conflicts_with = "update_baseline"
    )]
    allow: Vec<String>,
    /// Do as if there were no .clawvaultignore
    #[arg(long)]
    no_ignore_file: bool,
    /// Do as if there were no `clawvault:allow` and the like on lines
    #[arg(long)]
    no_markers: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sure {
    Low,
    Medium,
    High,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Bad {
    Low,
    Medium,
    High,
    Critical,
}

pub(super) fn run(args: Args, context: &Context) -> Result<ExitCode, AppError> {
    if let Some(Action::Rules(args)) = &args.action {
        return rules::run(args);
    }
    let reveal = args.told.reveal;
    if reveal && !(output::is_terminal() && args.told.format() == FormatName::Text) {
        let advice = "Leave --reveal out, or read the text on a terminal.";
        return Err(AppError::usage("values are shown in text on a terminal alone", advice));
    }
    let asks = args.told.verify.then_some(args.source.no_vault);
    let (format, targets) = (args.told.format(), args.told.report.clone());
    let options = options(args, context)?;
    let bar = Bar::start(&options.source);
    let scanned = scan(&options, &bar);
    bar.finish();
    let mut scanned = scanned?;
    if options.vault.is_ok()
        && scanned.findings.iter().any(|finding| finding.known.is_some())
        && let Err(error) = tell_leaks(&scanned.findings, context)
    {
        scanned.notes.push(format!("no alert tells of it: {}", error.what));
    }
    if let Some(no_vault) = asks {
        let vendors = Vendors::new(&policy(no_vault, context))?;
        scanned.notes.extend(verify_findings(&mut scanned.findings, &vendors)?);
    }
    reports::write(&scanned, format, &targets, reveal)?;
    summary::tell(&scanned);
    verdict(&options.source, &scanned)
}

fn options(args: Args, context: &Context) -> Result<ScanOptions, AppError> {
    let Args { paths, source, told, allowed, .. } = args;
    let update = (allowed.update_baseline || !allowed.allow.is_empty())
        .then_some(Update { fingerprints: allowed.allow, prune: allowed.prune });
    Ok(ScanOptions {
        source: source_of(&source, paths)?,
        choice: Choice {
            only: told.only_rule,
            except: told.exclude_rule,
            confidence: told.min_confidence.map(|least| match least {
                Sure::Low => Confidence::Low,
                Sure::Medium => Confidence::Medium,
                Sure::High => Confidence::High,
            }),
            severity: told.min_severity.map(|least| match least {
                Bad::Low => Severity::Low,
                Bad::Medium => Severity::Medium,
                Bad::High => Severity::High,
                Bad::Critical => Severity::Critical,
            }),
        },
        allow: AllowOptions {
            markers: !allowed.no_markers,
            file: !allowed.no_ignore_file,
            baseline: allowed.baseline,
            update,
        },
        rules: told.rules,
        cache: if source.no_cache { None } else { surroundings::cache() },
        vault: vault(source.no_vault, context),
    })
}

/// The policy, which says where vendors are: nothing, where no vault opens without a question.
fn policy(no_vault: bool, context: &Context) -> Policy {
    let app = if no_vault { None } else { context.app().ok() };
    app.and_then(|mut app| {
        app.keys.prompt = Box::new(|| None);
        Policy::parse(&app.policy_text().ok()?).ok()
    })
    .unwrap_or_default()
}

/// Tells the receivers of alerts which values of the vault were found.
fn tell_leaks(findings: &[Finding], context: &Context) -> Result<(), AppError> {
    context.silent_app()?.tell_leaks(findings).map(drop)
}

/// The vault's values, where it opens without a question.
fn vault(no_vault: bool, context: &Context) -> Result<VaultValues, String> {
    if no_vault {
        return Err("--no-vault".to_owned());
    }
    let mut app = context.app().map_err(|error| error.to_string())?;
    // A hook has nobody to ask, and a scan needs no vault.
    app.keys.prompt = Box::new(|| None);
    app.values_to_seek().map_err(|error| error.to_string())
}

fn source_of(source: &Source, mut paths: Vec<PathBuf>) -> Result<ScanSource, AppError> {
    if source.stdin {
        return Ok(ScanSource::Text(RefCell::new(Box::new(io::stdin()))));
    }
    if let Some(named) = &source.openclaw {
        return import::openclaw_to_scan(named.as_ref()).map(ScanSource::OpenClaw);
    }
    if let Some(named) = &source.shell_history {
        let files = if named.is_empty() { histories::all() } else { named.clone() };
        return Ok(ScanSource::Typed(files));
    }
    // Git tells its hooks where the repository and the index are that it works on.
    let by_git = |name: &str| if paths.is_empty() { surroundings::path(name) } else { None };
    let (directory, index) = (by_git("GIT_DIR"), by_git("GIT_INDEX_FILE"));
    if paths.is_empty() {
        paths.push(PathBuf::from("."));
    }
    let places = |paths: Vec<PathBuf>| -> Vec<ScanPlace> {
        let place = |path| ScanPlace { path, directory: directory.clone(), index: index.clone() };
        paths.into_iter().map(place).collect()
    };
    Ok(if source.staged {
        ScanSource::Staged(places(paths))
    } else if source.history {
        let part = match (&source.range, &source.pushed) {
            (Some(range), _) => Part::Range(range.clone()),
            (None, Some(remote)) => Part::Pushed {
                remote: remote.clone(),
                lines: String::from_utf8_lossy(&pushed_lines()?).into_owned(),
            },
            (None, None) => Part::All { unreachable: source.unreachable },
        };
        ScanSource::History(places(paths), part)
    } else {
        ScanSource::Tree(
            paths,
            TreeOptions { no_ignore: source.no_ignore, ..TreeOptions::default() },
        )
    })
}

/// What git says on stdin of a push.
fn pushed_lines() -> Result<Vec<u8>, AppError> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(MAX_PUSHED + 1).read_to_end(&mut bytes);
    read.map_err(|error| {
        let what = format!("stdin could not be read: {}", error.kind());
        AppError::new(Code::Failed, what, "Give it something to read.")
    })?;
    if bytes.len() as u64 > MAX_PUSHED {
        let what = "stdin has more than 16 MiB, no list of refs has that";
        return Err(AppError::new(Code::Failed, what, "Push fewer refs at once."));
    }
    Ok(bytes)
}

/// How the scan ends: what was found says most, then what could not be read.
fn verdict(source: &ScanSource, scanned: &Scanned) -> Result<ExitCode, AppError> {
    let Scanned { findings, summary, .. } = scanned;
    if !findings.is_empty() {
        let mut files: Vec<&[u8]> = findings.iter().map(|one| &*one.place.path).collect();
        files.sort_unstable();
        files.dedup();
        let what = format!(
            "{} found in {}",
            summary::count(findings.len() as u64, "secret"),
            summary::count(files.len() as u64, "file")
        );
        let advice = "Revoke each where it was issued, then remove it; if it is none: \
                      `clawvault scan --allow FINGERPRINT`.";
        return Err(AppError::new(Code::No, what, advice));
    }
    if summary.missing > 0 {
        let what = format!("{} missing: what was in there is not known", objects(summary.missing));
        let advice =
            "Fetch them (`git fetch --unshallow`, `git fetch --refetch`), then scan again.";
        return Err(AppError::new(Code::Damaged, what, advice));
    }
    if !summary.unreadable.is_empty() {
        let count = summary.unreadable.len() as u64;
        let what =
            format!("{} could not be read", summary::count(count, summary::noun(source.word())));
        let of_files =
            matches!(source, ScanSource::Tree(..) | ScanSource::OpenClaw(_) | ScanSource::Typed(_));
        let code = if of_files { Code::Failed } else { Code::Damaged };
        let advice = "Make them readable or leave them out; nothing was found in the rest.";
        return Err(AppError::new(code, what, advice));
    }
    let must_read = matches!(
        source,
        ScanSource::Tree(..)
            | ScanSource::OpenClaw(_)
            | ScanSource::Typed(_)
            | ScanSource::History(_, Part::All { .. })
    );
    if must_read && summary.texts + summary.remembered == 0 {
        let advice = "Check the path; --no-ignore scans what ignore files leave out.";
        return Err(AppError::new(Code::Missing, "nothing was read", advice));
    }
    Ok(ExitCode::SUCCESS)
}

fn objects(count: u64) -> String {
    format!("{} {}", summary::count(count, "object"), if count == 1 { "is" } else { "are" })
}
