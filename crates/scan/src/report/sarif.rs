//! SARIF 2.1.0, the format of the OASIS standard of 2020, for code scanning.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::Report;
use super::fields::{Scanned, Told};
use crate::finding::Finding;
use crate::rule::Severity;

/// The schema that the documents keep.
pub const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn write(out: &mut dyn Write, report: Report<'_>) -> io::Result<()> {
    let mut rules: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in report.findings {
        rules.entry(&finding.rule).or_insert(finding);
    }
    let index = |rule: &str| rules.keys().position(|id| *id == rule);
    let results: Vec<Value> =
        report.findings.iter().map(|one| result(one, index(&one.rule))).collect();
    let scanned = Scanned::of(report);
    let mut notifications: Vec<Value> = scanned
        .unreadable
        .iter()
        .map(|one| notification(&format!("{} was not read: {}", one.what, one.why)))
        .collect();
    if scanned.missing > 0 {
        notifications.push(notification(&format!("{} objects are missing", scanned.missing)));
    }
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "clawvault",
                "version": report.about.version,
                "semanticVersion": report.about.version,
                "rules": rules.values().map(|finding| rule(finding)).collect::<Vec<_>>(),
            }},
            "columnKind": "utf16CodeUnits",
            "invocations": [{
                "executionSuccessful": notifications.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
            "properties": { "summary": scanned },
        }],
    });
    serde_json::to_writer(&mut *out, &document)?;
    writeln!(out)
}

fn notification(text: &str) -> Value {
    json!({ "level": "error", "message": { "text": text } })
}

fn rule(finding: &Finding) -> Value {
    let told = Told::of(finding);
    let (level, score) = weight(finding.severity);
    json!({
        "id": told.rule,
        "name": told.name,
        "shortDescription": { "text": told.name },
        "fullDescription": { "text": told.description },
        "help": { "text": told.advice },
        "defaultConfiguration": { "level": level },
        "properties": {
            "tags": ["security", "secret"],
            "security-severity": score,
            "vendor": told.vendor,
        },
    })
}

fn result(finding: &Finding, rule_index: Option<usize>) -> Value {
    let told = Told::of(finding);
    let mut message = format!("{}: {} {}", told.name, told.secret, told.description);
    for remark in told.remarks() {
        message.push(' ');
        message.push_str(&remark);
    }
    message.push(' ');
    message.push_str(told.advice);
    let (level, _) = weight(finding.severity);
    json!({
        "ruleId": told.rule,
        "ruleIndex": rule_index,
        "level": level,
        "message": { "text": message },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&finding.place.path) },
            "region": {
                "startLine": told.line,
                "startColumn": finding.place.column_utf16,
            },
        }}],
        "partialFingerprints": { "clawvault/v1": told.fingerprint },
        "properties": {
            "vendor": told.vendor,
            "severity": told.severity,
            "confidence": told.confidence,
            "checksumFailed": told.checksum_failed,
            "encoded": told.encoded,
            "known": told.known,
            "history": told.history,
        },
    })
}

/// Level, and the score that code scanning sorts by (CVSS, 0 to 10).
fn weight(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Low => ("note", "3.0"),
        Severity::Medium => ("warning", "5.5"),
        Severity::High => ("error", "8.0"),
        Severity::Critical => ("error", "9.5"),
    }
}

/// A path as a reference (RFC 3986): bytes that it has no place for are percent-encoded.
fn uri(path: &[u8]) -> String {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let mut uri = if path.starts_with(b"/") { "file://".to_owned() } else { String::new() };
    for byte in path {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' | b'!' => {
                uri.push(char::from(*byte));
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_become_references() {
        for (path, written) in [
            (&b"./a/b c.txt"[..], "a/b%20c.txt"),
            (b"/tmp/x", "file:///tmp/x"),
            (b"a:b", "a%3Ab"),
            (b"a\xff#?", "a%FF%23%3F"),
            ("ä.zip!in".as_bytes(), "%C3%A4.zip!in"),
        ] {
            assert_eq!(uri(path), written);
        }
    }
}
