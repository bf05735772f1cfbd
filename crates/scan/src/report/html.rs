//! A page that needs nothing else: no script, no picture, nothing from elsewhere.

use std::io::{self, Write};

use super::Report;
use super::fields::{Scanned, Told};
use super::junit::escaped;
use super::masks::line;
use crate::finding::Finding;

/// So many characters of the line are shown before the secret, and behind it.
const AROUND: usize = 100;

/// What every page of clawvault begins with: `title` is its name, `style` what it adds to the style that
/// all share; neither is escaped.
pub fn page_head(title: &str, style: &str) -> String {
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }}
article {{ border: 1px solid #8886; border-left-width: .4rem; border-radius: .3rem; margin: 1rem 0; padding: .2rem 1rem; }}
.critical {{ border-left-color: #b00020; }} .high {{ border-left-color: #e05020; }}
.medium {{ border-left-color: #d0a000; }} .low, .info {{ border-left-color: #4080c0; }}
h2 {{ font-size: 1.05rem; margin: .5rem 0 0; overflow-wrap: anywhere; }}
pre {{ overflow-x: auto; background: #8881; padding: .5rem; }}
{style}
</style>
</head>
<body>
"#
    )
}

const STYLE: &str = "mark { background: #f6c44488; color: inherit; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; } dd { margin: 0; overflow-wrap: anywhere; }
dt, small { color: #777; }";

pub(super) fn write(out: &mut dyn Write, report: Report<'_>) -> io::Result<()> {
    out.write_all(page_head("clawvault scan", STYLE).as_bytes())?;
    out.write_all(b"<h1>clawvault scan</h1>\n")?;
    let scanned = Scanned::of(report);
    let verdict = match scanned.findings {
        0 => "No secret was found.".to_owned(),
        1 => "1 secret was found.".to_owned(),
        count => format!("{count} secrets were found."),
    };
    writeln!(out, "<p><strong>{verdict}</strong></p>")?;
    for finding in report.findings {
        article(out, finding)?;
    }
    writeln!(out, "<h2>What was scanned</h2>\n<dl>")?;
    for (name, what) in about(&scanned) {
        writeln!(out, "<dt>{}</dt><dd>{}</dd>", escaped(&name), escaped(&what))?;
    }
    writeln!(out, "</dl>\n</body>\n</html>")
}

fn article(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let told = Told::of(finding);
    let Told { line: row, column, .. } = told;
    writeln!(out, "<article class=\"{}\">", told.severity)?;
    writeln!(out, "<h2>{}</h2>", escaped(told.name))?;
    writeln!(out, "<small>{}:{row}:{column}</small>", escaped(&told.file))?;
    let (before, value, after) = line(finding, AROUND);
    let [before, value, after] = [before, value, after].map(|part| escaped(&part));
    writeln!(out, "<pre>{before}<mark>{value}</mark>{after}</pre>")?;
    writeln!(out, "<p>{}", escaped(told.description))?;
    for remark in told.remarks() {
        writeln!(out, "<br>{}", escaped(&remark))?;
    }
    writeln!(out, "<br>{}</p>", escaped(told.advice))?;
    let vendor = told.vendor.map(|vendor| format!(" · vendor {vendor}")).unwrap_or_default();
    let facts = format!(
        "{} · severity {} · confidence {}{vendor} · fingerprint {}",
        told.rule, told.severity, told.confidence, told.fingerprint
    );
    writeln!(out, "<p><small>{}</small></p>\n</article>", escaped(&facts))
}

/// What was scanned, by name.
fn about(scanned: &Scanned<'_>) -> Vec<(String, String)> {
    let mut all = vec![
        ("Source".to_owned(), scanned.source.to_owned()),
        ("Texts".to_owned(), scanned.texts.to_string()),
        ("Bytes".to_owned(), scanned.bytes.to_string()),
        ("Seconds".to_owned(), scanned.seconds.to_string()),
        ("Vault".to_owned(), scanned.vault.to_owned()),
    ];
    let counts = [
        ("Commits", scanned.commits),
        ("Known from an earlier scan", scanned.remembered),
        ("Missing objects", scanned.missing),
        ("Left out by options", scanned.left_out),
    ];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    all.extend(counts.map(|(name, count)| (name.to_owned(), count.to_string())));
    for (why, count) in scanned.skipped.iter() {
        all.push((format!("Skipped: {why}"), count.to_string()));
    }
    for (by, count) in &scanned.ignored {
        all.push((format!("Ignored by {by}"), count.to_string()));
    }
    for unreadable in &scanned.unreadable {
        all.push(("Not read".to_owned(), format!("{}: {}", unreadable.what, unreadable.why)));
    }
    all
}
