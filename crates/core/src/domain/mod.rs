//! Plain types that every floor speaks: names, values, bounds, what an import found.

mod actor;
mod alert;
mod alert_rules;
mod found;
mod hex;
pub mod limits;
mod log_rules;
mod moment;
mod money;
mod name;
mod nesting;
mod policy;
mod reading;
mod scrub;
mod secret;
mod spend_rules;
mod value;

pub use actor::{Actor, Event, FileIdentity, Outcome, Program, goes_on_unlogged};
pub use alert::{AlertEvent, AlertKind, Severity};
pub use alert_rules::{Channel, Hourly, Quiet, Receiver, Security};
pub use found::{Found, Label};
pub use hex::hex;
pub use log_rules::{Days, LogRules, Mirror, SegmentSize};
pub use moment::moment;
pub use money::{Decimal, MAX_NUMBER, Money, MoneyError, Unit};
pub use name::{FieldName, NameError, ProfileName, SecretName, Variable, VariableError};
pub use nesting::{NestingFault, check_toml_nesting};
pub use policy::{Agent, Pattern, Policy, PolicyError, SecretRule};
pub use reading::{Flow, Reading, Scope};
pub use scrub::{ScrubInfo, ScrubbedFile};
pub use secret::{Injection, Revealed, SecretInfo, Stage, VersionInfo};
pub use spend_rules::{Limit, Limited, Per, Spikes, Then, Total, ZoneName};
pub use value::{Value, ValueError};
