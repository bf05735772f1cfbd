//! For people: a score of each area, then what is wrong, worst first, one line each.

use std::fmt::Write as _;

use crate::hardening::check::{Area, Status};
use crate::hardening::verdict::Audited;

/// The audit as text. `all`: also what is good, or could not be looked at.
pub fn text(audited: &Audited, all: bool) -> String {
    let mut text = String::new();
    for area in Area::ALL {
        let score = match audited.score(area) {
            Some(score) => format!("{score:>3} %"),
            None => "    -".to_owned(),
        };
        writeln!(text, "{score}  {}", area.word()).unwrap_or_default();
    }
    text.push('\n');
    for verdict in &audited.verdicts {
        let status = verdict.outcome.status;
        let bad = matches!(status, Status::Warn | Status::Fail) && verdict.suppressed.is_none();
        if !bad && !all {
            continue;
        }
        let word = match (&verdict.suppressed, status) {
            (Some(_), _) => "kept",
            (None, Status::Fail) => "FAIL",
            (None, other) => other.word(),
        };
        let (id, severity) = (verdict.check.id, verdict.check.severity.word());
        write!(text, "{word:<7} {severity:<8} {id}: {}", verdict.outcome.evidence)
            .unwrap_or_default();
        match &verdict.suppressed {
            Some(kept) => write!(text, " (kept: {})", kept.reason).unwrap_or_default(),
            None if bad => write!(text, " -> {}", verdict.fix).unwrap_or_default(),
            None => {}
        }
        text.push('\n');
    }
    let count = |status| audited.count(status);
    writeln!(
        text,
        "\n{} checks: {} fail, {} warn, {} pass, {} not applicable, {} could not be looked at, {} kept",
        audited.verdicts.len(),
        count(Status::Fail),
        count(Status::Warn),
        count(Status::Pass),
        count(Status::Na),
        count(Status::Unknown),
        audited.verdicts.iter().filter(|one| one.suppressed.is_some()).count()
    )
    .unwrap_or_default();
    text
}
