//! SARIF 2.1.0, for code scanning: every check is a rule, every finding a result.

use clawvault_scan::report::SARIF_SCHEMA;
use serde_json::{Value, json};

use crate::hardening::check::{Check, Severity, Status, Verdict};
use crate::hardening::verdict::Audited;

/// The audit as one document.
pub fn sarif(audited: &Audited, version: &str) -> Value {
    let verdicts = &audited.verdicts;
    let results: Vec<Value> = verdicts
        .iter()
        .enumerate()
        .filter(|(_, one)| matches!(one.outcome.status, Status::Warn | Status::Fail))
        .map(|(index, one)| result(index, one, &audited.host))
        .collect();
    let unseen: Vec<Value> = verdicts
        .iter()
        .filter(|one| one.outcome.status == Status::Unknown)
        .map(|one| {
            json!({
                "level": "note",
                "message": { "text": one.outcome.evidence },
                "associatedRule": { "id": one.check.id },
            })
        })
        .collect();
    json!({
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "clawvault",
                "version": version,
                "semanticVersion": version,
                "rules": verdicts.iter().map(|one| rule(one.check, &one.fix)).collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": true,
                "machine": audited.host,
                "toolExecutionNotifications": unseen,
            }],
            "results": results,
        }],
    })
}

fn rule(check: &Check, fix: &str) -> Value {
    let (level, score) = weight(check.severity);
    json!({
        "id": check.id,
        "name": check.id,
        "shortDescription": { "text": check.title },
        "fullDescription": { "text": format!("{} Reference: {}.", check.title, check.reference) },
        "help": { "text": fix },
        "defaultConfiguration": { "level": level },
        "properties": {
            "tags": ["security", "hardening", check.area().word()],
            "security-severity": score,
        },
    })
}

fn result(index: usize, verdict: &Verdict, host: &str) -> Value {
    let Verdict { check, outcome, fix, suppressed } = verdict;
    let (level, _) = weight(check.severity);
    let level = if outcome.status == Status::Warn { "note" } else { level };
    let mut result = json!({
        "ruleId": check.id,
        "ruleIndex": index,
        "level": level,
        "message": { "text": format!("{}. {}. Fix: {fix}", check.title, outcome.evidence) },
        "locations": [{ "logicalLocations": [{ "name": host, "kind": "module" }] }],
        "partialFingerprints": { "clawvault/v1": check.id },
    });
    if let Some(kept) = suppressed {
        result["suppressions"] = json!([{ "kind": "external", "justification": kept.reason }]);
    }
    result
}

/// Level, and the score that code scanning sorts by (CVSS, 0 to 10).
fn weight(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Info => ("note", "1.0"),
        Severity::Low => ("note", "3.0"),
        Severity::Medium => ("warning", "5.5"),
        Severity::High => ("error", "8.0"),
        Severity::Critical => ("error", "9.5"),
    }
}
