//! The hardening audit: what a host that runs AI agents should be like, and whether it is.
//!
//! A [`Check`] is a value: what is looked at, how bad it is where it fails, how to mend it. It sees
//! the machine through [`Facts`] alone, which read each thing once, and only when a check asks; those
//! see it through the trait [`Host`], which the use case implements. Nothing here opens a file, runs
//! a program, or writes. What could not be looked at is never called good.

pub mod baseline;
mod check;
mod checks;
mod data;
mod facts;
mod host;
mod mend;
pub mod parsers;
pub mod report;
mod supply;
pub mod trend;
mod verdict;

pub use check::{Area, Check, Fix, Outcome, Severity, Status, Verdict};
pub use checks::{QUICK, all};
pub use facts::{
    Chain, Facts, Family, Firewall, OpenClawHome, Os, Probe, Setting, Site, Socket, Speaks, Sshd,
    User,
};
pub use host::{Host, Printed, Unseen};
pub use mend::{Change, Mend};
pub use supply::{Key, Leak, LeakPlace, Leaks, OwnFinding, VaultWord};
pub use verdict::{Audited, Findings, Suppressed, Suppression, audit, is_of};
