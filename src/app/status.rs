//! Status: what state the vault is in, also where it does not open.

use std::collections::BTreeMap;

use clawvault_core::vault::{Header, Note, SlotKind};
use clawvault_proto::messages::{Running, Status};

use super::rotation::{Standing, standings_of};
use super::session::{Reply, Request, Session};
use super::{Access, App, AppError, Code};
use crate::launch::{RunRecord, Runs};

/// Most secrets of runs whose names are asked for.
const MAX_HELD: usize = 4096;

/// Whether the vault opens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Health {
    /// It does not open, and why.
    Closed(String),
    /// The daemon has it open, and tells this process no more.
    Held,
    /// There is none.
    None,
    /// It opens without a person.
    Open,
}

/// The state of a vault.
#[derive(Debug)]
pub struct State {
    /// Where it lies.
    pub home: String,
    /// Whether it opens.
    pub health: Health,
    /// Its id.
    pub vault: Option<String>,
    /// Commits since it was made.
    pub generation: Option<u64>,
    /// Number of secrets that are not removed.
    pub secrets: Option<usize>,
    /// Entries of the audit log.
    pub log_entries: Option<u64>,
    /// The last backup of it, as far as it knows.
    pub last_backup: Option<Note>,
    /// Kinds of its key slots.
    pub slots: Vec<SlotKind>,
    /// Runs that are alive.
    pub runs: Vec<RunRecord>,
    /// False where keys may be swapped out.
    pub keys_locked: Option<bool>,
    /// The daemon, where one listens.
    pub daemon: Option<Status>,
    /// How each secret stands in its schedule; none where this process may not know, or cannot.
    pub standings: Option<Vec<Standing>>,
    /// Name of each secret that a run holds, by its blinded id.
    pub names: BTreeMap<String, String>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

impl App {
    /// Looks at the vault without asking anybody anything.
    pub fn status(&self) -> State {
        let mut state = State {
            home: if self.elsewhere { &self.socket } else { &self.place.home }
                .display()
                .to_string(),
            health: Health::None,
            vault: None,
            generation: None,
            secrets: None,
            log_entries: None,
            last_backup: None,
            slots: Vec::new(),
            // One that tells of all runs itself needs no help of ours.
            runs: if self.elsewhere { Vec::new() } else { self.living_runs() },
            keys_locked: None,
            daemon: None,
            names: BTreeMap::new(),
            standings: None,
            warnings: Vec::new(),
        };
        match self.daemon_status() {
            Ok(Some(status)) => self.look_through(&mut state, status),
            Ok(None) => self.look_here(&mut state),
            Err(error) => state.health = Health::Closed(error.what),
        }
        state
    }

    fn look_here(&self, state: &mut State) {
        let opened = self.open_local(Access::Read, &self.who());
        match opened.map(Session::from).and_then(|mut session| {
            let told = session.ask(Request::Health(state.held()))?;
            state.stand(&mut session);
            Ok((session, told))
        }) {
            Ok((Session::Local(vault, ..), told)) => {
                state.take(told);
                state.describe(vault.header());
                state.warnings.extend(vault.warnings());
            }
            Ok((Session::Remote(_), _)) => {}
            // Nothing is due of nothing.
            Err(error) if error.code == Code::Missing => state.standings = Some(Vec::new()),
            Err(AppError { what, .. }) => {
                state.health = Health::Closed(what);
                if let Some(header) = self.header() {
                    state.describe(&header);
                }
            }
        }
    }

    fn look_through(&self, state: &mut State, status: Status) {
        let may_ask = status.authority == "operator";
        // What it launched for other users is in its own records.
        state.runs.extend(status.runs.iter().map(recorded));
        state.health = match status.unlocked {
            true => Health::Held,
            false => Health::Closed(format!("locked: {}", status.why_locked)),
        };
        if status.unlocked && may_ask {
            let asked = self.session(Access::Read).and_then(|mut session| {
                let told = session.ask(Request::Health(state.held()))?;
                state.stand(&mut session);
                Ok((told, session.warnings()))
            });
            match asked {
                Ok((told, warnings)) => {
                    state.take(told);
                    state.warnings.extend(warnings);
                }
                Err(error) => state.health = Health::Closed(error.what),
            }
        }
        state.daemon = Some(status);
        if self.elsewhere {
            return;
        }
        if let Some(header) = self.header() {
            state.describe(&header);
        }
    }

    /// The header as it lies there, not yet proven.
    pub(super) fn header(&self) -> Option<Header> {
        use clawvault_core::platform::{Dir, Private};
        let home = Dir::open(&self.place.home, Private::Required).ok()?;
        Header::parse(&home.read("vault.toml", 1 << 20).ok()??).ok()
    }

    fn living_runs(&self) -> Vec<RunRecord> {
        if !self.runtime.exists() {
            return Vec::new();
        }
        let runs = self.runtime_dir().ok().and_then(|dir| Runs::open(&dir).ok());
        let Some(runs) = runs else { return Vec::new() };
        // Whoever asks what runs is a good moment to clear what ended.
        runs.sweep_if_due().ok();
        runs.living().unwrap_or_default()
    }
}

fn recorded(told: &Running) -> RunRecord {
    RunRecord {
        run: told.run.clone(),
        vault: String::new(),
        pid: told.pid,
        started: 0,
        launched_ms: told.launched_ms,
        agent: told.agent.clone(),
        holds: told.holds.iter().map(|id| (id.clone(), 0)).collect(),
        bell: None,
        files: Vec::new(),
        rendered: Vec::new(),
        proof: String::new(),
    }
}

impl State {
    /// Blinded ids of all that living runs hold.
    fn held(&self) -> Vec<String> {
        let mut ids: Vec<String> =
            self.runs.iter().flat_map(|run| &run.holds).map(|(id, _)| id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(MAX_HELD);
        ids
    }

    /// Learns what is due.
    fn stand(&mut self, session: &mut Session) {
        let standings = session.ask(Request::Lives(None)).and_then(standings_of);
        self.standings = standings.ok();
    }

    fn take(&mut self, told: Reply) {
        let Some(health) = told.health else { return };
        self.health = Health::Open;
        self.generation = Some(health.generation);
        self.log_entries = Some(health.log_entries);
        self.keys_locked = Some(health.keys_locked);
        self.secrets = usize::try_from(health.secrets).ok();
        self.last_backup = health.backup;
        self.names = health.names.into_iter().collect();
    }

    fn describe(&mut self, header: &Header) {
        self.vault = Some(header.vault.clone());
        self.slots = header.slots.iter().map(|slot| slot.kind).collect();
        if !self.slots.contains(&SlotKind::Recovery) && self.last_backup.is_none() {
            self.warnings.push(
                "There is no recovery key: whoever loses the key loses the vault. \
                 Keep a copy of the identity, or the passphrase, somewhere else."
                    .to_owned(),
            );
        }
    }
}
