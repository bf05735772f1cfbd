//! `clawvault status`

use std::process::ExitCode;

use clawvault_core::platform::{Clock, SystemClock};
use clawvault_proto::messages::Status;
use serde::Serialize;

use super::daemon::when_it_locks;
use super::surroundings::Context;
use super::{output, time};
use crate::app::rotation::Standing;
use crate::app::{AppError, Code, Health, State};
use crate::launch::RunRecord;

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
    daemon: Option<JsonDaemon<'a>>,
    runs: Vec<JsonRun<'a>>,
    /// What rotations are due or under way; null where this process cannot tell.
    due: Option<Vec<JsonDue<'a>>>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct JsonDaemon<'a> {
    pid: u32,
    version: &'a str,
    started: String,
    locked: bool,
    why_locked: Option<&'a str>,
    unlocked: Option<String>,
    locks_if_idle: Option<String>,
    locks: Option<String>,
    connections: u32,
    login_sessions: u32,
    system: bool,
    authority: &'a str,
    because: &'a str,
}

impl<'a> JsonDaemon<'a> {
    fn of(status: &'a Status) -> Self {
        Self {
            pid: status.pid,
            version: &status.program,
            started: time::moment(status.started_ms),
            locked: !status.unlocked,
            why_locked: Some(status.why_locked.as_str()).filter(|_| !status.unlocked),
            unlocked: status.unlocked_ms.map(time::moment),
            locks_if_idle: status.locks_idle_ms.map(time::moment),
            locks: status.locks_ms.map(time::moment),
            connections: status.connections,
            login_sessions: status.sessions,
            system: status.system,
            authority: &status.authority,
            because: &status.because,
        }
    }
}

#[derive(Serialize)]
struct JsonDue<'a> {
    profile: &'a str,
    name: &'a str,
    since: Option<String>,
    automatic: bool,
    rotation: Option<&'a str>,
    state: Option<&'a str>,
    needs_person: bool,
    trouble: Option<&'a str>,
}

impl<'a> JsonDue<'a> {
    /// What is due or under way; none where nothing is.
    fn of(standing: &'a Standing) -> Option<Self> {
        let due = standing.due.as_ref().filter(|due| due.is_due);
        let open = standing.life.open.as_ref();
        if due.is_none() && open.is_none() {
            return None;
        }
        let automatic = due.is_some_and(|due| due.automatic);
        Some(Self {
            profile: standing.life.profile.as_str(),
            name: standing.life.name.as_str(),
            since: due.map(|due| time::moment(due.at_ms)),
            automatic,
            rotation: open.map(|open| open.id.as_str()),
            state: open.map(|open| open.state.as_str()),
            needs_person: open.map_or(!automatic, |open| open.needs_person),
            trouble: open.and_then(|open| open.trouble.as_deref()),
        })
    }

    fn in_words(&self) -> String {
        match (self.rotation, self.needs_person) {
            (Some(id), true) => {
                let why = self.trouble.map(|why| format!(": {why}")).unwrap_or_default();
                format!("{}: rotation {id} waits for a person{why}", self.name)
            }
            (Some(id), false) => {
                format!("{}: rotation {id} is {}", self.name, self.state.unwrap_or_default())
            }
            (None, true) => format!(
                "{}: `clawvault rotate {0}`; the policy names no admin credential for it",
                self.name
            ),
            (None, false) => format!("{}: the daemon, or `clawvault rotate --due`", self.name),
        }
    }
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
    age_seconds: i64,
    secrets: usize,
    grant: Vec<&'a str>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let state = context.silent_app()?.status();
    let (word, reason) = match &state.health {
        Health::Open => ("open", None),
        Health::Closed(reason) => ("closed", Some(reason.as_str())),
        Health::Held => ("open", Some("in the daemon, which tells this process no more")),
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
    }
    match &state.daemon {
        Some(status) => show_daemon(status, &mut add),
        None if !state.slots.is_empty() => add(
            "operator",
            "whoever can read the key: without a daemon there is no finer wall".to_owned(),
        ),
        None => {}
    }
    for run in &state.runs {
        let agent = run.agent.as_ref().map(|agent| format!(" as {agent}")).unwrap_or_default();
        let age = time::age(run.launched_ms);
        let names = granted(state, run).join(", ");
        let names = if names.is_empty() { names } else { format!(": {names}") };
        let count = run.holds.len();
        add("run", format!("pid {}{agent}, since {age}, {count} secrets{names}", run.pid));
    }
    match &state.standings {
        Some(all) => all.iter().filter_map(JsonDue::of).for_each(|due| add("due", due.in_words())),
        // Without a daemon it is the vault that does not open, which is said above.
        None if state.daemon.is_none() => {}
        None => add("due", "not known here: only an operator of an open vault is told".to_owned()),
    }
    output::table(&rows);
    output::warnings(&state.warnings);
}

/// Names of the secrets that a run was given, as far as they are known here.
fn granted<'a>(state: &'a State, run: &RunRecord) -> Vec<&'a str> {
    run.holds.iter().filter_map(|(id, _)| state.names.get(id)).map(String::as_str).collect()
}

fn show_daemon(status: &Status, add: &mut impl FnMut(&str, String)) {
    let since = time::age(status.started_ms);
    add("daemon", format!("pid {}, version {}, since {since}", status.pid, status.program));
    let lock = match when_it_locks(status) {
        _ if !status.unlocked => format!("locked: {}", status.why_locked),
        Some(when) => format!("unlocked; locks {when}"),
        None => "unlocked; nothing locks it by itself".to_owned(),
    };
    add("lock", lock);
    add("authority", format!("{}: {}", status.authority, status.because));
}

fn document<'a>(state: &'a State, word: &'a str, reason: Option<&'a str>) -> Document<'a> {
    let runs = state.runs.iter().map(|run| JsonRun {
        run: &run.run,
        pid: run.pid,
        agent: run.agent.as_deref(),
        launched: time::moment(run.launched_ms),
        age_seconds: (SystemClock.now_ms() - run.launched_ms) / 1000,
        secrets: run.holds.len(),
        grant: granted(state, run),
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
        daemon: state.daemon.as_ref().map(JsonDaemon::of),
        runs: runs.collect(),
        due: state.standings.as_ref().map(|all| all.iter().filter_map(JsonDue::of).collect()),
        warnings: &state.warnings,
    }
}
