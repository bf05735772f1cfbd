//! For people: where, what, the line with a caret below the secret, what to do.

use std::io::{self, Write};

use super::Report;
use super::fields::Told;
use super::masks::{line, printable};
use crate::finding::Finding;

/// How text is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether values are shown.
    pub reveal: bool,
    /// Whether it is coloured.
    pub colour: bool,
}

/// So many characters of the line are shown before the secret, and behind it.
const AROUND: usize = 60;

pub(super) fn write(out: &mut dyn Write, report: Report<'_>, style: Style) -> io::Result<()> {
    for (number, finding) in report.findings.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        write_one(out, finding, style)?;
    }
    Ok(())
}

fn write_one(out: &mut dyn Write, finding: &Finding, style: Style) -> io::Result<()> {
    let colours = ["\x1b[1m", "\x1b[31m", "\x1b[2m", "\x1b[0m"];
    let [bold, red, dim, plain] = if style.colour { colours } else { [""; 4] };
    let told = Told::of(finding);
    let Told { file, line: row, column, .. } = &told;
    let vendor = told.vendor.map(|vendor| format!(", vendor {vendor}")).unwrap_or_default();
    writeln!(
        out,
        "{bold}{file}:{row}:{column}{plain}: {bold}{}{plain} [{}]",
        told.name, told.rule
    )?;
    let (before, mut value, after) = line(finding, AROUND);
    if style.reveal {
        value = printable(&finding.value);
    }
    let (row, gutter) = (row.to_string(), " ".repeat(row.to_string().len()));
    writeln!(out, "  {dim}{row} |{plain} {before}{red}{value}{plain}{after}")?;
    let (blank, caret) = (" ".repeat(width(&before)), "^".repeat(width(&value)));
    writeln!(out, "  {dim}{gutter} |{plain} {blank}{red}{caret}{plain}")?;
    writeln!(out, "  {}", told.description)?;
    for remark in told.remarks() {
        writeln!(out, "  {remark}")?;
    }
    writeln!(out, "  {}", told.advice)?;
    writeln!(
        out,
        "  {dim}severity {}, confidence {}{vendor}, fingerprint {}{plain}",
        told.severity, told.confidence, told.fingerprint
    )
}

/// Columns of a terminal that a text takes; wide characters of East Asia take two.
fn width(text: &str) -> usize {
    let wide = |c: char| {
        matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{303e}' | '\u{3041}'..='\u{a4cf}'
            | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}'
            | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1faff}'
            | '\u{20000}'..='\u{3fffd}')
    };
    text.chars().map(|c| 1 + usize::from(wide(c))).sum()
}
