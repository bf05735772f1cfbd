//! The area `server`: one file for each subject.

mod accounts;
mod bans;
mod disk;
mod files;
mod firewall;
mod kernel;
mod ssh;
mod ssh_keys;
mod updates;

use crate::hardening::check::Check;

/// The checks, subject by subject.
pub(super) const SUBJECTS: &[&[Check]] = &[
    ssh::CHECKS,
    ssh_keys::CHECKS,
    firewall::CHECKS,
    updates::CHECKS,
    bans::CHECKS,
    accounts::CHECKS,
    files::CHECKS,
    disk::CHECKS,
    kernel::CHECKS,
];
