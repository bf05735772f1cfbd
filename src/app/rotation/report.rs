//! What a person is told of a rotation.

use clawvault_core::domain::{Aim, FieldName, Life, ProfileName, SecretName, State};

use crate::rotate::{Look, Outcome};

/// One secret, and where its rotation came to rest.
#[derive(Clone, Debug)]
pub struct Line {
    /// First half of its key.
    pub profile: ProfileName,
    /// Second half.
    pub name: SecretName,
    /// Its vendor, where one is known.
    pub vendor: Option<String>,
    /// Names the rotation.
    pub id: Option<String>,
    /// How far it is.
    pub state: String,
    /// The version before.
    pub old: Option<u32>,
    /// The new version.
    pub new: Option<u32>,
    /// How it rests.
    pub rest: Rest,
    /// When it goes on by itself, in milliseconds since 1970.
    pub next_ms: Option<i64>,
    /// What a person should know or do.
    pub note: Option<String>,
    /// True where it waits for a key that a person makes, of a secret with one field.
    pub awaits_key: bool,
}

/// How something rests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rest {
    /// Over, as it was wanted.
    Done,
    /// It goes on by itself; the new key, where one is wanted, is in use.
    Goes,
    /// It goes on by itself once a vendor answers.
    Retries,
    /// A person has to act.
    Person,
    /// It ended without what was wanted.
    Failed,
}

impl Rest {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Goes => "waits",
            Self::Retries => "retries",
            Self::Person => "person",
            Self::Failed => "failed",
        }
    }
}

impl Line {
    pub(super) fn of(look: &Look, life: &Life, outcome: &Outcome) -> Self {
        let mut line = Self::refused(look, "");
        line.note = None;
        if let Some(open) = &life.open {
            line.id = Some(open.id.clone());
            line.state = open.state.as_str().to_owned();
            (line.old, line.new) = (Some(open.old).filter(|n| *n > 0), open.new);
            line.note.clone_from(&open.trouble);
            line.next_ms = Some(open.next_ms).filter(|ms| *ms > 0);
            let awaits = matches!(open.state, State::Awaiting | State::Lost);
            line.awaits_key = awaits && *outcome == Outcome::Person && has_one_field(look);
            let rotated = matches!(open.state, State::Switched | State::Deployed | State::Revoking);
            line.rest = match outcome {
                Outcome::Person => Rest::Person,
                Outcome::Busy(_) => Rest::Goes,
                _ if open.aim == Aim::Replace && rotated && open.attempts == 0 => Rest::Goes,
                _ => Rest::Retries,
            };
        } else if let Some(past) = life.past.last() {
            line.id = Some(past.id.clone());
            line.state = past.state.as_str().to_owned();
            (line.old, line.new) = (Some(past.old).filter(|n| *n > 0), past.new);
            line.note.clone_from(&past.note);
            line.rest = if past.state == State::Revoked { Rest::Done } else { Rest::Failed };
        }
        if let Outcome::Busy(pid) = outcome {
            line.note = Some(match pid {
                0 => "another process works on it".to_owned(),
                pid => format!("process {pid} works on it"),
            });
        }
        if !life.orphans.is_empty() {
            let text = format!("keys at the vendor that nobody holds: {}", life.orphans.join(", "));
            line.note = Some(line.note.map_or(text.clone(), |note| format!("{note}; {text}")));
        }
        line
    }

    /// One whose vault failed while it was worked on; what stands in the journal goes on later.
    pub(super) fn broken(look: &Look, why: &str) -> Self {
        let id = look.life.open.as_ref().map(|open| open.id.clone());
        Self { id, rest: Rest::Retries, ..Self::refused(look, why) }
    }

    pub(super) fn refused(look: &Look, why: &str) -> Self {
        Self {
            profile: look.life.profile.clone(),
            name: look.life.name.clone(),
            vendor: look.info.vendor.clone(),
            id: None,
            state: State::Planned.as_str().to_owned(),
            old: look.info.current().map(|v| v.number),
            new: None,
            rest: Rest::Failed,
            next_ms: None,
            note: Some(why.to_owned()),
            awaits_key: false,
        }
    }
}

/// True where a key is its one value, so that a person can type it.
pub fn has_one_field(look: &Look) -> bool {
    let fields = look.info.current().map(|version| version.fields.as_slice());
    matches!(fields, Some([(field, _)]) if *field == FieldName::default())
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Rotated {
    /// One line for each secret.
    pub lines: Vec<Line>,
}

impl Rotated {
    pub(super) fn add(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// True where any of them rests like that.
    pub fn any(&self, rest: Rest) -> bool {
        self.lines.iter().any(|line| line.rest == rest)
    }
}
