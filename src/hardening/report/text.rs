//! For people: a score of each area, then what is wrong, worst first. A finding begins its line; what
//! mends it stands below.

use std::fmt::Write as _;

use crate::hardening::check::{Area, Status, Verdict};
use crate::hardening::verdict::Audited;

/// Columns that a line has, where its words let it.
const WIDTH: usize = 100;
/// What belongs to the line above begins so.
const INDENTED: &str = "        ";
/// Where a command may be broken, so that a shell still takes it.
const JOINTS: &[&str] = &["; ", " && "];

/// The audit as text. `all`: also what is good, or could not be looked at.
pub fn text(audited: &Audited, all: bool) -> String {
    let mut text = String::new();
    for area in Area::ALL {
        scores(&mut text, audited, area);
    }
    text.push('\n');
    for verdict in &audited.verdicts {
        if all || is_bad(verdict) {
            finding(&mut text, verdict);
        }
    }
    let count = |status| audited.count(status);
    let kept = audited.verdicts.iter().filter(|one| one.suppressed.is_some()).count();
    let end = format!(
        "\n{} checks: {} fail, {} warn, {} pass, {} not applicable, {} could not be looked at, {kept} kept\n",
        audited.verdicts.len(),
        count(Status::Fail),
        count(Status::Warn),
        count(Status::Pass),
        count(Status::Na),
        count(Status::Unknown),
    );
    text + &end
}

fn is_bad(verdict: &Verdict) -> bool {
    let bad = matches!(verdict.outcome.status, Status::Warn | Status::Fail);
    bad && verdict.suppressed.is_none()
}

fn scores(text: &mut String, audited: &Audited, area: Area) {
    let score = match audited.score(area) {
        Some(score) => format!("{score:>3} %"),
        None => "    -".to_owned(),
    };
    let count = |status| {
        let of_area = audited.verdicts.iter().filter(|one| one.check.area() == area);
        of_area.filter(|one| one.suppressed.is_none() && one.outcome.status == status).count()
    };
    let (fail, warn, pass) = (count(Status::Fail), count(Status::Warn), count(Status::Pass));
    writeln!(text, "{score}  {:<12} {fail} fail, {warn} warn, {pass} pass", area.word())
        .unwrap_or_default();
}

fn finding(text: &mut String, verdict: &Verdict) {
    let word = match (&verdict.suppressed, verdict.outcome.status) {
        (Some(_), _) => "kept",
        (None, Status::Fail) => "FAIL",
        (None, other) => other.word(),
    };
    let (id, severity) = (verdict.check.id, verdict.check.severity.word());
    let line = format!("{word:<7} {severity:<8} {id}: {}", verdict.outcome.evidence);
    wrapped(text, &line, &[" "], "");
    match &verdict.suppressed {
        Some(kept) => wrapped(text, &format!("kept: {}", kept.reason), &[" "], INDENTED),
        None if is_bad(verdict) => {
            wrapped(text, &format!("fix: {}", verdict.fix), JOINTS, INDENTED);
        }
        None => {}
    }
}

/// One paragraph, broken behind a joint where the next piece would not fit any more.
fn wrapped(text: &mut String, paragraph: &str, joints: &[&str], begin: &str) {
    let mut line = begin.to_owned();
    for piece in pieces(paragraph, joints) {
        let long = line.chars().count() + piece.trim_end().chars().count() > WIDTH;
        if long && !line.trim_start().is_empty() {
            text.push_str(line.trim_end());
            text.push('\n');
            INDENTED.clone_into(&mut line);
        }
        line.push_str(piece);
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

/// The pieces of a text, each with the joint that ends it.
fn pieces<'t>(text: &'t str, joints: &[&str]) -> Vec<&'t str> {
    let (mut all, mut rest) = (Vec::new(), text);
    loop {
        let ends = joints.iter().filter_map(|joint| rest.find(joint).map(|at| at + joint.len()));
        let Some((piece, more)) = ends.min().and_then(|end| rest.split_at_checked(end)) else {
            all.push(rest);
            return all;
        };
        all.push(piece);
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_broken_where_a_shell_takes_it() {
        let (long, mut text) = ("x".repeat(60), String::new());
        wrapped(&mut text, &format!("fix: {long} && {long} -a 'b c'; echo"), JOINTS, INDENTED);
        assert_eq!(text, format!("        fix: {long} &&\n        {long} -a 'b c'; echo\n"));
        text.clear();
        wrapped(&mut text, &long.repeat(3), &[" "], "");
        assert_eq!(text, format!("{}\n", long.repeat(3)));
        text.clear();
        wrapped(&mut text, &"ab ".repeat(60), &[" "], "");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH && !line.ends_with(' ')));
        assert_eq!(text.lines().count(), 2);
    }
}
