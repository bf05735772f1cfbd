//! Use cases: what each command does, without a terminal.

mod context;
pub mod demo;
mod doctor;
mod error;
mod export;
mod foreign;
mod import;
pub mod init;
mod naming;
mod plaintext;
mod run;
mod scrub;
mod secrets;
mod status;
mod uninstall;

pub use context::{Access, App, KeySource};
pub use doctor::{Check, Diagnosis, Repair, Report};
pub use error::{AppError, Code};
pub use export::{ExportFormat, export};
pub use foreign::{Asked, Keeper, Printed};
pub use import::{ImportOptions, Imported, Line, OnDifference, Source};
pub use naming::format_doubt;
pub use plaintext::Plaintext;
pub use run::{FromName, RunOptions};
pub use scrub::{PlannedFile, PutBack, Removal, ScrubPlan, Scrubbed, Taken, Then, Undone};
pub use secrets::{SetOptions, Setting};
pub use status::{Health, State};
