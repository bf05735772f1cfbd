//! For people: where, what, the line with a caret below the secret, what to do.

use std::io::{self, Write};

use super::Report;
use super::mask::{masked, printable};
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
    for finding in report.findings {
        write_one(out, finding, style)?;
    }
    Ok(())
}

fn write_one(out: &mut dyn Write, finding: &Finding, style: Style) -> io::Result<()> {
    let place = &finding.place;
    let path = printable(&place.path);
    let (bold, red, plain) =
        if style.colour { ("\x1b[1m", "\x1b[31m", "\x1b[0m") } else { ("", "", "") };
    writeln!(
        out,
        "{bold}{path}:{}:{}{plain}: {} [{}]",
        place.line, place.column, finding.name, finding.rule
    )?;
    let before = printable(&place.before);
    let skipped = before.chars().count().saturating_sub(AROUND);
    let before: String = before.chars().skip(skipped).collect();
    let after: String = printable(&place.after).chars().take(AROUND).collect();
    let value = if style.reveal { printable(&finding.value) } else { masked(&finding.value) };
    let before = before.trim_start();
    writeln!(out, "  {before}{red}{value}{plain}{after}")?;
    let (blank, caret) = (before.chars().count(), value.chars().count());
    writeln!(out, "  {}{red}{}{plain}", " ".repeat(blank), "^".repeat(caret))
}
