//! The area `application`: one file for each subject.

mod files;
mod gateway;
mod keys;
mod keys_in_vault;
mod own_audit;
mod plugins;
mod sandbox;
mod skills;
mod tools;

use crate::hardening::check::Check;
pub(super) use gateway::units;
pub(super) use keys::found_in;

/// The checks, subject by subject.
pub(super) const SUBJECTS: &[&[Check]] = &[
    keys::CHECKS,
    keys_in_vault::CHECKS,
    files::CHECKS,
    tools::CHECKS,
    sandbox::CHECKS,
    skills::CHECKS,
    plugins::CHECKS,
    gateway::CHECKS,
    own_audit::CHECKS,
];
