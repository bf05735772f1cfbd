//! `clawvault status`

use std::process::ExitCode;

use serde::Serialize;

use super::surroundings::Context;
use super::{output, time};
use crate::app::{AppError, Code, Health, State};

/// Show the state of the vault; asks nobody anything
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    home: &'a str,
    state: &'a str,
    reason: Option<&'a str>,
    vault: Option<&'a str>,
    generation: Option<u64>,
    secrets: Option<usize>,
    log_entries: Option<u64>,
    last_backup: Option<JsonBackup>,
    slots: Vec<&'a str>,
    keys_locked_in_memory: Option<bool>,
    runs: Vec<JsonRun<'a>>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct JsonBackup {
    written: String,
    generation: u64,
}

#[derive(Serialize)]
struct JsonRun<'a> {
    run: &'a str,
    pid: u32,
    agent: Option<&'a str>,
    launched: String,
    secrets: usize,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let state = context.silent_app()?.status();
    let (word, reason) = match &state.health {
        Health::Open => ("open", None),
        Health::Closed(reason) => ("closed", Some(reason.as_str())),
        Health::None => ("none", None),
    };
    if args.json {
        output::json(&document(&state, word, reason));
    } else {
        show(&state, word, reason);
    }
    if state.health == Health::None {
        return Ok(ExitCode::from(Code::Missing as u8));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(state: &State, word: &str, reason: Option<&str>) {
    let mut rows = vec![vec!["home".to_owned(), state.home.clone()]];
    let mut add = |name: &str, text: String| rows.push(vec![name.to_owned(), text]);
    add("vault", reason.map_or_else(|| word.to_owned(), |reason| format!("{word}: {reason}")));
    if state.health == Health::None {
        add("next", "`clawvault init` makes one".to_owned());
    }
    if let Some(count) = state.secrets {
        add("secrets", count.to_string());
    }
    if let (Some(generation), Some(entries)) = (state.generation, state.log_entries) {
        add("history", format!("{generation} commits, {entries} audit entries"));
        let backup = state.last_backup.map_or_else(
            || "none yet".to_owned(),
            |note| match time::age(note.time_ms).as_str() {
                "now" => format!("just now, of generation {}", note.generation),
                age => format!("{age} ago, of generation {}", note.generation),
            },
        );
        add("backup", backup);
    }
    if !state.slots.is_empty() {
        add(
            "opens with",
            state.slots.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", "),
        );
        add(
            "operator",
            "whoever can read the key: without a daemon there is no finer wall".to_owned(),
        );
    }
    for run in &state.runs {
        let agent = run.agent.as_ref().map(|agent| format!(" as {agent}")).unwrap_or_default();
        let age = time::age(run.launched_ms);
        add("run", format!("pid {}{agent}, since {age}, {} secrets", run.pid, run.holds.len()));
    }
    output::table(&rows);
    output::warnings(&state.warnings);
}

fn document<'a>(state: &'a State, word: &'a str, reason: Option<&'a str>) -> Document<'a> {
    let runs = state.runs.iter().map(|run| JsonRun {
        run: &run.run,
        pid: run.pid,
        agent: run.agent.as_deref(),
        launched: time::moment(run.launched_ms),
        secrets: run.holds.len(),
    });
    Document {
        home: &state.home,
        state: word,
        reason,
        vault: state.vault.as_deref(),
        generation: state.generation,
        secrets: state.secrets,
        log_entries: state.log_entries,
        last_backup: state.last_backup.map(|note| JsonBackup {
            written: time::moment(note.time_ms),
            generation: note.generation,
        }),
        slots: state.slots.iter().map(|kind| kind.as_str()).collect(),
        keys_locked_in_memory: state.keys_locked,
        runs: runs.collect(),
        warnings: &state.warnings,
    }
}
