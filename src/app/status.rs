//! Status: what state the vault is in, also where it does not open.

use clawvault_core::domain::SecretInfo;
use clawvault_core::vault::{Header, Note, SlotKind};

use super::{Access, App, AppError, Code};
use crate::launch::{RunRecord, Runs};

/// Whether the vault opens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Health {
    /// It does not open, and why.
    Closed(String),
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
    /// What a person should know.
    pub warnings: Vec<String>,
}

impl App {
    /// Looks at the vault without asking anybody anything.
    pub fn status(&self) -> State {
        let mut state = State {
            home: self.place.home.display().to_string(),
            health: Health::None,
            vault: None,
            generation: None,
            secrets: None,
            log_entries: None,
            last_backup: None,
            slots: Vec::new(),
            runs: self.living_runs(),
            keys_locked: None,
            warnings: Vec::new(),
        };
        match self.open(Access::Read) {
            Ok(mut vault) => {
                vault.tend_log(&self.who());
                state.health = Health::Open;
                state.generation = Some(vault.generation());
                state.log_entries = Some(vault.log_point().count);
                state.keys_locked = Some(vault.keys_are_locked());
                let all = vault.secrets().map(|all| all.into_iter().filter(present).count());
                state.secrets = all.ok();
                state.last_backup = vault.last_backup();
                state.describe(vault.header());
                state.warnings.extend(vault.warnings());
            }
            Err(error) if error.code == Code::Missing => {}
            Err(AppError { what, .. }) => {
                state.health = Health::Closed(what);
                if let Some(header) = self.header() {
                    state.describe(&header);
                }
            }
        }
        state
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

fn present(info: &SecretInfo) -> bool {
    info.removed_ms.is_none()
}

impl State {
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
