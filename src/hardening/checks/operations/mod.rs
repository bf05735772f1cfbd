//! The area `operations`: one file for each subject.

mod alerts;
mod anomaly;
mod backup;
mod integrity;
mod logging;
mod practice;
mod schedules;
mod version;

use crate::hardening::check::Check;

/// The checks, subject by subject.
pub(super) const SUBJECTS: &[&[Check]] = &[
    logging::CHECKS,
    alerts::CHECKS,
    anomaly::CHECKS,
    integrity::CHECKS,
    backup::CHECKS,
    practice::CHECKS,
    version::CHECKS,
];
