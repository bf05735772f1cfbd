//! A page that needs nothing else: no script, no picture, nothing from elsewhere. Worst first, with a
//! chart of how audits went.

use std::fmt::Write as _;

use clawvault_core::domain::moment;
use clawvault_scan::report::{escaped, page_head};

use crate::hardening::check::{Area, Status, Verdict};
use crate::hardening::trend::Point;
use crate::hardening::verdict::Audited;

const STYLE: &str = "pre { white-space: pre-wrap; }
table { border-collapse: collapse; } td, th { padding: .1rem .8rem .1rem 0; text-align: left; vertical-align: top; }
td { overflow-wrap: anywhere; } small, th { color: #777; }
details { margin: .5rem 0; } summary { cursor: pointer; }
svg { max-width: 100%; height: auto; } polyline { fill: none; stroke: #4080c0; stroke-width: 2; }
svg line { stroke: #8886; } svg text { font: 12px system-ui, sans-serif; fill: #777; } circle { fill: #4080c0; }";

/// Size of the chart, and of the room left for its words.
const WIDTH: i64 = 720;
const HEIGHT: i64 = 160;
const EDGE: i64 = 36;

/// The page. `trend` ends with this audit, where it is kept.
pub fn html(audited: &Audited, trend: &[Point]) -> String {
    let mut page = page_head("clawvault audit", STYLE);
    let when = moment(audited.time * 1000);
    let (host, count) = (escaped(&audited.host), |status| audited.count(status));
    write!(
        page,
        "<h1>clawvault audit: {host}</h1>\n<p>{when}: <strong>{} fail, {} warn</strong>, {} pass, {} not \
         applicable, {} could not be looked at.</p>\n<table>\n",
        count(Status::Fail),
        count(Status::Warn),
        count(Status::Pass),
        count(Status::Na),
        count(Status::Unknown)
    )
    .unwrap_or_default();
    for area in Area::ALL {
        let score =
            audited.score(area).map_or_else(|| "-".to_owned(), |score| format!("{score} %"));
        writeln!(page, "<tr><th>{}</th><td>{score}</td></tr>", area.word()).unwrap_or_default();
    }
    page.push_str("</table>\n");
    page.push_str(&chart(trend));
    for verdict in audited.open() {
        article(&mut page, verdict);
    }
    page.push_str("<h2>All else</h2>\n");
    for (status, word) in [
        (None, "lived with, by the policy"),
        (Some(Status::Unknown), "could not be looked at"),
        (Some(Status::Pass), "as it should be"),
        (Some(Status::Na), "not applicable"),
    ] {
        let of_word: Vec<&Verdict> = audited
            .verdicts
            .iter()
            .filter(|one| match status {
                None => one.suppressed.is_some(),
                Some(status) => one.suppressed.is_none() && one.outcome.status == status,
            })
            .collect();
        others(&mut page, word, &of_word);
    }
    page.push_str("</body>\n</html>\n");
    page
}

/// What is no open finding, folded away.
fn others(page: &mut String, word: &str, verdicts: &[&Verdict]) {
    if verdicts.is_empty() {
        return;
    }
    writeln!(page, "<details>\n<summary>{} {word}</summary>\n<table>", verdicts.len())
        .unwrap_or_default();
    for verdict in verdicts {
        let mut evidence = verdict.outcome.evidence.clone();
        if let Some(kept) = &verdict.suppressed {
            evidence.push_str(&format!(" (kept: {})", kept.reason));
        }
        let (id, evidence) = (verdict.check.id, escaped(&evidence));
        writeln!(page, "<tr><td>{id}</td><td>{evidence}</td></tr>").unwrap_or_default();
    }
    page.push_str("</table>\n</details>\n");
}

fn article(page: &mut String, verdict: &Verdict) {
    let Verdict { check, outcome, fix, .. } = verdict;
    let severity = check.severity.word();
    write!(
        page,
        "<article class=\"{severity}\">\n<small>{} · {severity} · {}</small>\n<h2>Should be: {}</h2>\n\
         <p>Is: {}</p>\n<pre>{}</pre>\n<p><small>{}</small></p>\n</article>\n",
        outcome.status.word(),
        check.id,
        escaped(check.title),
        escaped(&outcome.evidence),
        escaped(fix),
        escaped(check.reference)
    )
    .unwrap_or_default();
}

/// Percent over time. One audit alone makes no line.
fn chart(trend: &[Point]) -> String {
    let (Some(first), Some(last)) = (trend.first(), trend.last()) else { return String::new() };
    if trend.len() < 2 {
        return String::new();
    }
    let span = (last.time - first.time).max(1);
    let across = |time: i64| EDGE + (time - first.time) * (WIDTH - 2 * EDGE) / span;
    let down = |score: u32| EDGE / 2 + (100 - i64::from(score)) * (HEIGHT - EDGE) / 100;
    let mut svg = format!(
        "<h2>Over time</h2>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" \
         aria-label=\"Percent good, {} audits\">\n",
        trend.len()
    );
    // The days on which it begins and ends.
    for (x, anchor, time) in [(EDGE, "start", first.time), (WIDTH - EDGE, "end", last.time)] {
        let moment = moment(time * 1000);
        let (y, day) = (HEIGHT - 3, moment.get(..10).unwrap_or_default());
        svg.push_str(&format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{day}</text>\n"));
    }
    for score in [0, 50, 100] {
        let y = down(score);
        svg.push_str(&format!(
            "<line x1=\"{EDGE}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/><text x=\"2\" y=\"{}\">{score} %</text>\n",
            WIDTH - EDGE,
            y + 4
        ));
    }
    let points: Vec<String> = trend
        .iter()
        .map(|point| format!("{},{}", across(point.time), down(point.score())))
        .collect();
    svg.push_str(&format!("<polyline points=\"{}\"/>\n", points.join(" ")));
    for point in trend {
        svg.push_str(&format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"3\"><title>{}: {} %, {} fail</title></circle>\n",
            across(point.time),
            down(point.score()),
            moment(point.time * 1000),
            point.score(),
            point.fail
        ));
    }
    svg.push_str("</svg>\n");
    svg
}
