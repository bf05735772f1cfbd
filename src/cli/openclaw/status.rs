//! `clawvault openclaw status`

use std::process::ExitCode;

use serde::Serialize;

use super::{Home, own_resolver};
use crate::app::{AppError, OpenClawState, ReferenceState};
use crate::cli::output;
use crate::cli::surroundings::Context;

/// Show, reference by reference, whether OpenClaw gets its keys, and what still lies in clear
///
/// Ends with 1 where something does not resolve, is shadowed by a stored profile, or lies in clear.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  clawvault openclaw status --json")]
pub(super) struct Args {
    #[command(flatten)]
    home: Home,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let (home, extra) = args.home.find()?;
    let state = context.app()?.openclaw_state((&home, &extra), &own_resolver())?;
    if args.json {
        output::json(&document(&state));
    } else {
        show(&state);
    }
    Ok(if is_good(&state) { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn is_good(state: &OpenClawState) -> bool {
    let gets = |line: &crate::app::ReferenceLine| {
        line.state == ReferenceState::Resolves && line.shadowed_by.is_empty()
    };
    state.references.iter().all(gets) && state.plaintext.is_empty() && state.resolver.is_ok()
}

fn show(state: &OpenClawState) {
    let is_locked = state.references.iter().any(|line| line.state == ReferenceState::Locked);
    let none = if is_locked { "not known while locked" } else { "not linked" };
    let name = state.gateway.as_ref().map_or_else(|| none.to_owned(), ToString::to_string);
    let process =
        state.process.map_or_else(|| "not running".to_owned(), |p| format!("pid {}", p.pid));
    let resolver = match &state.resolver {
        Ok(path) => path.display().to_string(),
        Err(why) => why.clone(),
    };
    let daemon = if state.unlocked { "unlocked" } else { "not unlocked: the gateway gets nothing" };
    let mut rows = vec![
        vec!["gateway".to_owned(), name, process],
        vec!["resolver".to_owned(), resolver],
        vec!["daemon".to_owned(), daemon.to_owned()],
    ];
    for line in &state.references {
        let shadowed = line.shadowed_by.iter().map(|path| path.display().to_string());
        let shadowed: Vec<String> = shadowed.collect();
        let mut words = line.state.as_str().to_owned();
        if !shadowed.is_empty() {
            words.push_str(&format!(", shadowed by {}", shadowed.join(", ")));
        }
        rows.push(vec![line.path.clone(), line.id.clone(), words]);
    }
    output::table(&rows);
    if !state.plaintext.is_empty() {
        output::talk("These lie there in clear; `clawvault openclaw scrub` takes out what can be:");
    }
    for place in &state.plaintext {
        output::talk(&format!("  {} {}: {}", place.place, place.what, place.remedy));
    }
}

#[derive(Serialize)]
struct Document<'a> {
    gateway: Option<&'a str>,
    pid: Option<u32>,
    unlocked: bool,
    resolver: Option<String>,
    resolver_wrong: Option<&'a str>,
    references: Vec<Reference<'a>>,
    plaintext: Vec<InClear<'a>>,
}

#[derive(Serialize)]
struct Reference<'a> {
    path: &'a str,
    id: &'a str,
    state: &'a str,
    shadowed_by: Vec<String>,
}

#[derive(Serialize)]
struct InClear<'a> {
    place: &'a str,
    what: &'a str,
    remedy: &'a str,
}

fn document(state: &OpenClawState) -> Document<'_> {
    let reference = |line: &'_ crate::app::ReferenceLine| {
        line.shadowed_by.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
    };
    Document {
        gateway: state.gateway.as_ref().map(clawvault_core::domain::ProfileName::as_str),
        pid: state.process.map(|process| process.pid),
        unlocked: state.unlocked,
        resolver: state.resolver.as_ref().ok().map(|path| path.display().to_string()),
        resolver_wrong: state.resolver.as_ref().err().map(String::as_str),
        references: state
            .references
            .iter()
            .map(|line| Reference {
                path: &line.path,
                id: &line.id,
                state: line.state.as_str(),
                shadowed_by: reference(line),
            })
            .collect(),
        plaintext: state
            .plaintext
            .iter()
            .map(|p| InClear { place: &p.place, what: &p.what, remedy: &p.remedy })
            .collect(),
    }
}
