//! Plain types that every floor speaks: names, values, bounds, what an import found.

mod actor;
mod found;
mod hex;
mod installation;
mod json;
pub mod limits;
mod log_rules;
mod moment;
mod name;
mod nesting;
mod policy;
mod rotation;
mod rotation_rules;
mod schedule;
mod scrub;
mod secret;
mod setting;
mod value;

pub use actor::{Actor, Event, FileIdentity, Outcome, Program, goes_on_unlogged};
pub use found::{Found, Label};
pub use hex::hex;
pub use installation::{AgentHome, Installation, LooseFile, Prompt, Skill, Transcripts};
pub use json::json_text;
pub use log_rules::{Days, LogRules, Mirror, SegmentSize};
pub use moment::moment;
pub use name::{FieldName, NameError, ProfileName, SecretName, Variable, VariableError};
pub use nesting::{NestingFault, check_toml_nesting};
pub use policy::{Agent, Gateway, Pattern, Policy, PolicyError};
pub use rotation::{Aim, Holder, KeyInfo, Life, Past, Rotation, State};
pub use rotation_rules::{Defaults, Rule, SecretRule, Sha256, SinkRule, VendorRule};
pub use schedule::{Length, Rotate, Schedule, ScheduleError, Zone, jitter_ms};
pub use scrub::{ScrubInfo, ScrubbedFile};
pub use secret::{Injection, Revealed, SecretInfo, Stage, VersionInfo};
pub use setting::{Hidden, Setting};
pub use value::{Value, ValueError};
