//! Use cases: what each command does, without a terminal.

mod alerts;
mod audit;
mod backup;
mod context;
pub mod demo;
mod doctor;
mod error;
mod export;
mod foreign;
mod hook;
mod import;
pub mod init;
mod kept;
mod keyring;
mod log;
mod mask;
mod naming;
mod openclaw;
mod pause;
mod plaintext;
mod providers;
mod recipients;
mod resolve;
mod restore;
pub mod rotation;
mod run;
mod scan;
mod scrub;
mod secrets;
pub mod session;
mod spend;
mod status;
mod uninstall;
pub mod vendors;
mod verify;
mod watch;
mod ways_back;

pub use alerts::{Delivered, LOCKED_LONG, Standby};
pub use audit::{
    AuditAsk, AuditDone, OpenClawProgram, Person, Planned, audit, audit_and_tell, audit_if_due,
    changes as baseline_changes, fix as audit_fix, make as baseline_make, undo as audit_undo,
};
pub use context::{Access, App, KeySource, passphrase_in};
pub use doctor::{Check, Diagnosis, Repair, Report};
pub use error::{AppError, Code};
pub use export::{ExportFormat, ExportTo, export};
pub use foreign::{Asked, Keeper, Printed};
pub use hook::{Hook, HookDone, install_hook, uninstall_hook};
pub use import::{ImportOptions, Imported, Line, OnDifference, Source};
pub use log::{Destination, Query};
pub use naming::full_name;
pub use openclaw::{
    GatewayOptions, Link, LinkOptions, Linking, OpenClawState, ReferenceLine, ReferenceState,
    Reloaded, Unlinked, Way,
};
pub use pause::{Pause, Pauses};
pub use plaintext::Plaintext;
pub use providers::{ProviderAdded, check_manifest};
pub use recipients::{Added, Exposed, Listed, NewRecipients, Removed};
pub use resolve::MAX_REQUEST;
pub use restore::{Over, RestoreOptions, Restored};
pub use run::{FromName, FromTemplate, Launch, RunAsk, RunOptions};
pub use run::{not_confined, ring};
pub use scan::{
    AllowOptions, Choice, OpenClawHome, Part, Place as ScanPlace, ScanOptions, ScanSource, Scanned,
    Update, VaultValues, check_rules, load_rules, scan, verify_findings, write_report,
};
pub use scrub::{
    LinkPlan, PlannedFile, PutBack, Removal, ScrubPlan, Scrubbed, Taken, Then, Undone,
};
pub use secrets::{Listing, SetOptions, Setting};
pub use spend::{Budgets, Checked, Correction, Failed, Row, Spending, Subject, Unmeasured};
pub use status::{Health, State};
pub use vendors::Vendors;
pub use verify::{Asking, Verdict, Verified, ask_all};
