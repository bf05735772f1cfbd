//! The area `ai`: one file for each subject.

mod approval;
mod input;
mod limits;
mod prompt;
mod provider;
mod retention;

use crate::hardening::check::Check;

/// The checks, subject by subject.
pub(super) const SUBJECTS: &[&[Check]] = &[
    prompt::CHECKS,
    approval::CHECKS,
    input::CHECKS,
    limits::CHECKS,
    retention::CHECKS,
    provider::CHECKS,
];
