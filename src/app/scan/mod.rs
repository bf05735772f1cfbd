//! Scans for leaked secrets: chooses the source, leaves out what is allowed, puts the rest in order.

mod alarm;
mod allow;
mod cache;
mod files;
mod known;
mod openclaw;
mod rules;
mod typed;
mod verified;

use std::cell::RefCell;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clawvault_scan::engine::{Known, Scanner};
use clawvault_scan::finding::Finding;
use clawvault_scan::report::{self, About};
use clawvault_scan::rule::{Confidence, RuleSet, Severity};
use clawvault_scan::source::git::{GitError, HistoryOptions, Keeper, Repository};
use clawvault_scan::source::tree::{self, TreeOptions};
use clawvault_scan::source::{Outcome, Progress, Summary, content};

use super::{AppError, Code};

pub use allow::{AllowOptions, Update};
pub use files::write_report;
pub use known::VaultValues;
pub use openclaw::OpenClawHome;
pub(in crate::app) use rules::load_rules_beside;
pub use rules::{check_rules, load_rules};
pub use verified::verify_findings;

/// Where texts come from.
pub enum ScanSource {
    /// Files below these paths.
    Tree(Vec<PathBuf>, TreeOptions),
    /// What the index of each repository brings over HEAD.
    Staged(Vec<Place>),
    /// A part of the history of each repository.
    History(Vec<Place>, Part),
    /// An OpenClaw home.
    OpenClaw(OpenClawHome),
    /// Histories of what was typed.
    Typed(Vec<PathBuf>),
    /// The text that this gives.
    Text(RefCell<Box<dyn Read>>),
}

/// Which part of a history.
#[derive(Clone, Debug)]
pub enum Part {
    /// All that is kept for something; with `unreachable` also what nothing leads to any more.
    All {
        /// Whether loose ends are scanned.
        unreachable: bool,
    },
    /// What the commits of `FROM..TO` bring.
    Range(String),
    /// What a push to this remote brings, by the lines that git gives to a pre-push hook.
    Pushed {
        /// Its name.
        remote: String,
        /// The lines.
        lines: String,
    },
}

/// Where a repository is looked for.
#[derive(Clone, Debug)]
pub struct Place {
    /// A path inside it.
    pub path: PathBuf,
    /// Its own directory, where git named it.
    pub directory: Option<PathBuf>,
    /// Its index, where git named another one.
    pub index: Option<PathBuf>,
}

/// What is scanned, and what is told.
pub struct ScanOptions {
    /// Where texts come from.
    pub source: ScanSource,
    /// Which findings are told.
    pub choice: Choice,
    /// Which are allowed.
    pub allow: AllowOptions,
    /// A directory of rules besides the built-in ones.
    pub rules: Option<PathBuf>,
    /// Where it is kept what a history was found to hold; nothing is, where there is no place.
    pub cache: Option<PathBuf>,
    /// The vault's values, or why they are not sought.
    pub vault: Result<VaultValues, String>,
}

/// Which findings are told; all, where nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Only those of these rules.
    pub only: Vec<String>,
    /// None of these rules.
    pub except: Vec<String>,
    /// At least so sure.
    pub confidence: Option<Confidence>,
    /// At least so bad.
    pub severity: Option<Severity>,
}

/// What came of it.
pub struct Scanned {
    /// What is told, in order.
    pub findings: Vec<Finding>,
    /// What was read.
    pub summary: Summary,
    /// How it went.
    pub about: About,
    /// What was done, and what is worth a look.
    pub notes: Vec<String>,
}

/// Scans a source.
pub fn scan(options: &ScanOptions, progress: &dyn Progress) -> Result<Scanned, AppError> {
    let start = Instant::now();
    let forms = options.vault.as_ref().map(VaultValues::forms).unwrap_or_default();
    let rules = load_rules_beside(forms, options.rules.as_deref())?;
    options.choice.check(&rules)?;
    let mut allowed = allow::Allowed::load(&options.source, &options.allow)?;
    let known = options.vault.as_ref().ok().map(|values| values as &dyn Known);
    let scanner = Scanner { rules: &rules, known };
    let remembered = options.cache.clone().map(cache::Remembered::in_directory);
    let Outcome { mut findings, summary } =
        read(&options.source, &scanner, remembered.as_ref(), progress)?;
    // Fingerprints are those of all findings, whatever is told of them.
    report::order(&mut findings);
    let all = findings.len();
    findings.retain(|finding| options.choice.has(finding));
    let left_out = (all - findings.len()) as u64;
    let ignored = allowed.remove(&mut findings);
    let mut notes = allowed.update(&mut findings, options.allow.update.as_ref())?;
    notes.extend(remembered.and_then(cache::Remembered::leave));
    let about = About {
        source: options.source.word().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        seconds: start.elapsed().as_secs_f64(),
        vault: match &options.vault {
            Ok(values) => values.said(),
            Err(why) => format!("not checked: {why}"),
        },
        ignored,
        left_out,
    };
    Ok(Scanned { findings, summary, about, notes })
}

fn read(
    source: &ScanSource,
    scanner: &Scanner<'_>,
    remembered: Option<&cache::Remembered>,
    progress: &dyn Progress,
) -> Result<Outcome, AppError> {
    match source {
        ScanSource::Tree(paths, options) => {
            if let Some(path) = paths.iter().find(|path| !path.exists()) {
                let what = format!("there is no {}", path.display());
                return Err(AppError::new(Code::Missing, what, "Check the path."));
            }
            let mut outcome = tree::scan(scanner, paths, options, progress);
            for finding in &mut outcome.findings {
                if finding.place.path.starts_with(b"./") {
                    finding.place.path.drain(..2);
                }
            }
            Ok(outcome)
        }
        ScanSource::OpenClaw(home) => home.scan(scanner, progress),
        ScanSource::Typed(files) => typed::scan(scanner, files),
        ScanSource::Text(reader) => {
            let mut reader = reader.borrow_mut();
            content::scan_reader(scanner, b"stdin", &mut *reader, progress).map_err(|error| {
                let what = format!("stdin could not be read: {}", error.kind());
                AppError::new(Code::Failed, what, "Give it something to read.")
            })
        }
        ScanSource::Staged(places) => {
            each(places, |repository| repository.staged(scanner, progress))
        }
        ScanSource::History(places, part) => each(places, |repository| {
            let range = match part {
                Part::All { unreachable } => {
                    let keeper = remembered.map(|remembered| remembered as &dyn Keeper);
                    let options = HistoryOptions { unreachable: *unreachable, keeper };
                    return repository.history(scanner, &options, progress);
                }
                Part::Range(range) => repository.range(range)?,
                Part::Pushed { remote, lines } => repository.pushed(remote, lines)?,
            };
            repository.scan_range(scanner, &range, progress)
        }),
    }
}

/// Scans one repository after the other. Of several, paths begin with the one that they are in.
fn each(
    places: &[Place],
    scan: impl Fn(&Repository) -> Result<Outcome, GitError>,
) -> Result<Outcome, AppError> {
    let mut all = Outcome::default();
    for place in places {
        let mut outcome = scan(&place.open()?)?;
        if places.len() > 1 {
            for finding in &mut outcome.findings {
                let inside = std::mem::take(&mut finding.place.path);
                finding.place.path = below(&place.path, &inside);
            }
        }
        all.add(outcome);
    }
    Ok(all)
}

fn below(directory: &Path, inside: &[u8]) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    [directory.as_os_str().as_bytes(), b"/", inside].concat()
}

impl ScanSource {
    /// The word that reports have for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Tree(..) => "tree",
            Self::Staged(_) => "staged",
            Self::History(..) => "history",
            Self::OpenClaw(_) => "openclaw",
            Self::Typed(_) => "shell-history",
            Self::Text(_) => "stdin",
        }
    }
}

impl Place {
    /// Opens the repository.
    pub(super) fn open(&self) -> Result<Repository, GitError> {
        let repository = match &self.directory {
            Some(directory) => Repository::open(directory)?,
            None => Repository::discover(&self.path)?,
        };
        Ok(match &self.index {
            Some(index) => repository.with_index(index.clone()),
            None => repository,
        })
    }
}

impl Choice {
    /// Refuses rules that do not exist: what was meant would be told, or not, in silence.
    fn check(&self, rules: &RuleSet) -> Result<(), AppError> {
        let known = |id: &&String| *id == clawvault_scan::finding::KNOWN_ID || rules.has(id);
        match self.only.iter().chain(&self.except).find(|id| !known(id)) {
            None => Ok(()),
            Some(_) => Err(AppError::usage(
                "there is no rule of a name that was given",
                "`clawvault scan rules list` shows what there is.",
            )),
        }
    }

    fn has(&self, finding: &Finding) -> bool {
        let named = |ids: &[String]| ids.iter().any(|id| *id == finding.rule);
        (self.only.is_empty() || named(&self.only))
            && !named(&self.except)
            && self.confidence.is_none_or(|least| finding.confidence >= least)
            && self.severity.is_none_or(|least| finding.severity >= least)
    }
}

impl From<GitError> for AppError {
    fn from(error: GitError) -> Self {
        let code = match error {
            GitError::NoRepository(_) | GitError::NoCommit(_) => Code::Missing,
            GitError::NoRange(_) => Code::Usage,
            GitError::Broken { .. } | GitError::Index { .. } | GitError::Refs { .. } => {
                Code::Damaged
            }
            GitError::Stopped => Code::Failed,
        };
        Self::new(code, error.to_string(), error.advice())
    }
}
