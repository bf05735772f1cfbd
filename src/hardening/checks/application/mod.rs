//! The area `application`: one file for each subject.

use crate::hardening::check::Check;

/// The checks, subject by subject.
pub(super) const SUBJECTS: &[&[Check]] = &[];
