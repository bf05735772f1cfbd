//! The area `network`: one file for each subject.

mod debugger;
mod egress;
mod http;
mod management;
mod outbound;
mod skills;
mod tls;

use crate::hardening::check::Check;

/// The checks, subject by subject.
pub(super) const SUBJECTS: &[&[Check]] = &[
    tls::CHECKS,
    http::CHECKS,
    outbound::CHECKS,
    skills::CHECKS,
    management::CHECKS,
    egress::CHECKS,
    debugger::CHECKS,
];
