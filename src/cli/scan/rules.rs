//! `clawvault scan rules`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use clawvault_scan::report::{confidence, severity};
use clawvault_scan::rule::Rule;
use serde::Serialize;

use super::output;
use crate::app::{AppError, Code, check_rules, load_rules};

/// Show or prove the rules that say what is looked for
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault scan rules check --rules my-rules
  clawvault scan rules show github-personal-token")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Prove each rule against its examples and the counter-examples of all
    Check {
        #[command(flatten)]
        extra: Extra,
    },
    /// List the rules
    List {
        #[command(flatten)]
        extra: Extra,
        /// As one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Show what one rule says
    Show {
        /// Its id
        id: String,
        #[command(flatten)]
        extra: Extra,
        /// As one JSON document
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Extra {
    /// Directory of TOML files with rules of your own
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
}

#[derive(Serialize)]
struct JsonRule<'a> {
    id: &'a str,
    name: &'a str,
    vendor: Option<&'a str>,
    severity: &'a str,
    confidence: &'a str,
    description: &'a str,
    advice: &'a str,
    keywords: Vec<&'a str>,
    pattern: Option<&'a str>,
    shapes: Vec<String>,
    files: Vec<&'a str>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, AppError> {
    match &args.action {
        Action::Check { extra } => check(extra),
        Action::List { extra, json } => list(extra, *json),
        Action::Show { id, extra, json } => show(id, extra, *json),
    }
}

fn check(extra: &Extra) -> Result<ExitCode, AppError> {
    let (count, wrong) = check_rules(extra.rules.as_deref())?;
    for what in &wrong {
        output::data(format!("{}: {}\n", what.rule, what.what).as_bytes());
    }
    if !wrong.is_empty() {
        let mut rules: Vec<&str> = wrong.iter().map(|one| one.rule.as_str()).collect();
        rules.sort_unstable();
        rules.dedup();
        let what = format!("{} of {count} rules do not hold", rules.len());
        let advice = "Mend the pattern or the example of each.";
        return Err(AppError::new(Code::No, what, advice));
    }
    output::talk(&format!("{count} rules, every one holds"));
    Ok(ExitCode::SUCCESS)
}

fn list(extra: &Extra, json: bool) -> Result<ExitCode, AppError> {
    let rules = load_rules(extra.rules.as_deref())?;
    if json {
        output::json(&rules.rules().map(told).collect::<Vec<_>>());
        return Ok(ExitCode::SUCCESS);
    }
    let row = |rule: &Rule| {
        let words = [severity(rule.severity), confidence(rule.confidence)].map(str::to_owned);
        let [bad, sure] = words;
        vec![rule.id.to_string(), bad, sure, rule.name.to_string()]
    };
    output::table(&rules.rules().map(row).collect::<Vec<_>>());
    Ok(ExitCode::SUCCESS)
}

fn show(id: &str, extra: &Extra, json: bool) -> Result<ExitCode, AppError> {
    let rules = load_rules(extra.rules.as_deref())?;
    let Some(rule) = rules.rules().find(|rule| rule.id == id) else {
        let advice = "`clawvault scan rules list` shows what there is.";
        return Err(AppError::new(Code::Missing, "there is no such rule", advice));
    };
    let told = told(rule);
    if json {
        output::json(&told);
        return Ok(ExitCode::SUCCESS);
    }
    let rows = [
        ("id", told.id.to_owned()),
        ("name", told.name.to_owned()),
        ("vendor", told.vendor.unwrap_or_default().to_owned()),
        ("severity", told.severity.to_owned()),
        ("confidence", told.confidence.to_owned()),
        ("description", told.description.to_owned()),
        ("advice", told.advice.to_owned()),
        ("keywords", told.keywords.join(", ")),
        ("pattern", told.pattern.unwrap_or_default().to_owned()),
        ("shapes", told.shapes.join(", ")),
        ("files", told.files.join(", ")),
    ];
    let rows = rows.into_iter().filter(|(_, text)| !text.is_empty());
    let rows: Vec<Vec<String>> = rows.map(|(name, text)| vec![name.to_owned(), text]).collect();
    output::table(&rows);
    Ok(ExitCode::SUCCESS)
}

fn told(rule: &Rule) -> JsonRule<'_> {
    JsonRule {
        id: &rule.id,
        name: &rule.name,
        vendor: rule.vendor.as_deref(),
        severity: severity(rule.severity),
        confidence: confidence(rule.confidence),
        description: &rule.description,
        advice: &rule.advice,
        keywords: rule.keywords.iter().map(AsRef::as_ref).collect(),
        pattern: Some(rule.pattern.as_ref()).filter(|pattern| !pattern.is_empty()),
        shapes: rule.shapes.iter().map(|shape| format!("{shape:?}")).collect(),
        files: rule.files.iter().map(AsRef::as_ref).collect(),
    }
}
