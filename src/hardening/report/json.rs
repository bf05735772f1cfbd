//! One JSON document; its fields are a contract.

use serde::Serialize;

use crate::hardening::check::{Area, Severity, Status, Verdict};
use crate::hardening::verdict::Audited;

/// The document.
#[derive(Serialize)]
pub struct Document<'a> {
    version: u32,
    host: &'a str,
    checks: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    area: Area,
    severity: Severity,
    status: Status,
    title: &'a str,
    evidence: &'a str,
    fix: &'a str,
    reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed: Option<&'a str>,
}

/// The audit as data.
pub fn document(audited: &Audited) -> Document<'_> {
    let checks = audited.verdicts.iter().map(|verdict| {
        let Verdict { check, outcome, fix, suppressed } = verdict;
        Line {
            id: check.id,
            area: check.area(),
            severity: check.severity,
            status: outcome.status,
            title: check.title,
            evidence: &outcome.evidence,
            fix,
            reference: check.reference,
            suppressed: suppressed.as_ref().map(|one| one.reason.as_str()),
        }
    });
    Document { version: 1, host: &audited.host, checks: checks.collect() }
}
