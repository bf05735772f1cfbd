//! JUnit's XML: a failed test for each finding, a test in error for what could not be read.

use std::io::{self, Write};

use super::Report;
use super::fields::{Scanned, Told};

pub(super) fn write(out: &mut dyn Write, report: Report<'_>) -> io::Result<()> {
    let scanned = Scanned::of(report);
    let (failures, mut errors) = (report.findings.len(), scanned.unreadable.len());
    errors += usize::from(scanned.missing > 0);
    let clean = usize::from(failures + errors == 0);
    let counts = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{:.3}\"",
        failures + errors + clean,
        scanned.seconds
    );
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites {counts}>")?;
    writeln!(out, "  <testsuite name=\"clawvault scan\" {counts}>")?;
    for finding in report.findings {
        failure(out, &Told::of(finding))?;
    }
    for unreadable in &scanned.unreadable {
        error(out, &unreadable.what, &unreadable.why)?;
    }
    if scanned.missing > 0 {
        let why = format!("{} objects are missing", scanned.missing);
        error(out, "repository", &why)?;
    }
    if clean == 1 {
        let name = format!("{} texts hold no secret", scanned.texts);
        let source = escaped(scanned.source);
        writeln!(out, "    <testcase classname=\"{source}\" name=\"{}\"/>", escaped(&name))?;
    }
    writeln!(out, "  </testsuite>")?;
    writeln!(out, "</testsuites>")
}

fn failure(out: &mut dyn Write, told: &Told<'_>) -> io::Result<()> {
    let Told { line, column, .. } = told;
    let name = escaped(&format!("{}:{line}:{column} {}", told.file, told.rule));
    let file = escaped(&told.file);
    writeln!(
        out,
        "    <testcase classname=\"{file}\" name=\"{name}\" file=\"{file}\" line=\"{line}\">"
    )?;
    let message = escaped(&format!("{}: {}", told.name, told.secret));
    writeln!(out, "      <failure type=\"{}\" message=\"{message}\">", escaped(told.rule))?;
    let mut lines = vec![told.description.to_owned()];
    lines.extend(told.remarks());
    lines.push(told.advice.to_owned());
    let vendor = told.vendor.map(|vendor| format!(", vendor {vendor}")).unwrap_or_default();
    lines.push(format!(
        "severity {}, confidence {}{vendor}, fingerprint {}",
        told.severity, told.confidence, told.fingerprint
    ));
    writeln!(out, "{}</failure>", escaped(&lines.join("\n")))?;
    writeln!(out, "    </testcase>")
}

fn error(out: &mut dyn Write, what: &str, why: &str) -> io::Result<()> {
    let (what, why) = (escaped(what), escaped(why));
    writeln!(out, "    <testcase classname=\"{what}\" name=\"{what}\">")?;
    writeln!(out, "      <error type=\"unreadable\" message=\"{why}\"/>")?;
    writeln!(out, "    </testcase>")
}

/// Text as it stands in an element or an attribute, of XML and of HTML. What it is given has no
/// character that XML has no place for, but for line ends.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
