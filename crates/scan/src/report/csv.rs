//! Comma-separated values (RFC 4180), a row for each finding. A cell that a spreadsheet would take
//! for a formula begins with an apostrophe.

use std::io::{self, Write};

use super::Report;
use super::fields::{Authored, Told};

const HEAD: &[&str] = &[
    "file",
    "line",
    "column",
    "rule",
    "name",
    "vendor",
    "severity",
    "confidence",
    "secret",
    "fingerprint",
    "checksum_failed",
    "encoded",
    "known",
    "known_version",
    "known_current",
    "in_head",
    "first_commit",
    "first_author",
    "first_time",
    "last_commit",
    "last_author",
    "last_time",
    "paths",
    "description",
    "advice",
];

pub(super) fn write(out: &mut dyn Write, report: Report<'_>) -> io::Result<()> {
    row(out, &HEAD.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
    for finding in report.findings {
        row(out, &cells(&Told::of(finding)))?;
    }
    Ok(())
}

fn cells(told: &Told<'_>) -> Vec<String> {
    let history = told.history.as_ref();
    let known = told.known.as_ref();
    let mut cells = vec![
        told.file.clone(),
        told.line.to_string(),
        told.column.to_string(),
        told.rule.to_owned(),
        told.name.to_owned(),
        told.vendor.unwrap_or_default().to_owned(),
        told.severity.to_owned(),
        told.confidence.to_owned(),
        told.secret.clone(),
        told.fingerprint.to_owned(),
        told.checksum_failed.to_string(),
        told.encoded.join(" "),
        known.map(|known| known.name.to_owned()).unwrap_or_default(),
        known.map(|known| known.version.to_string()).unwrap_or_default(),
        known.map(|known| known.current.to_string()).unwrap_or_default(),
        history
            .and_then(|past| past.in_head)
            .map(|in_head| in_head.to_string())
            .unwrap_or_default(),
    ];
    for commit in [history.map(|past| &past.first), history.map(|past| &past.last)] {
        cells.extend(match commit {
            Some(Some(Authored { commit, author, time })) => {
                [commit.clone(), author.clone(), time.clone()]
            }
            _ => Default::default(),
        });
    }
    cells.push(history.map(|past| past.paths.join("; ")).unwrap_or_default());
    cells.extend([told.description.to_owned(), told.advice.to_owned()]);
    cells
}

fn row(out: &mut dyn Write, cells: &[String]) -> io::Result<()> {
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    write!(out, "{}\r\n", cells.join(","))
}

fn quoted(cell: &str) -> String {
    // Spreadsheets pass over blanks and quotation marks before a formula.
    let content = cell.trim_start_matches([' ', '"', '\'']);
    let formula = content.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains(['"', ',', '\n', '\r', ';', '\'', ' ']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, written) in [
            ("a", "a"),
            ("a, \"b\"", "\"a, \"\"b\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("@x", "\"'@x\""),
            ("  -1", "\"'  -1\""),
            ("\"=1", "\"'\"\"=1\""),
            ("a=b", "a=b"),
        ] {
            assert_eq!(quoted(cell), written);
        }
    }
}
