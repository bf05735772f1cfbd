//! The area `server`: one file for each subject.

mod accounts;

use crate::hardening::check::Check;

/// The checks, subject by subject.
pub(super) const SUBJECTS: &[&[Check]] = &[accounts::CHECKS];
