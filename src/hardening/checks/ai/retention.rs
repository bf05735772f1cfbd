//! Conversations: how long they are kept, who reads them, what lies in them.

use super::super::application::found_in;
use super::super::gateway_home::homes;
use crate::hardening::check::{Check, Fix, Severity};
use crate::hardening::supply::LeakPlace;

const REFERENCE: &str = "https://docs.openclaw.ai/concepts/session";
/// Longest that conversations are kept without anybody having said so, in days.
const KEPT_DAYS: i64 = 90;
const DAY: i64 = 86_400;

/// A length of time as OpenClaw writes it, in days: `30d`, `12h`, a number of milliseconds.
fn days(setting: &clawvault_core::domain::Setting) -> Option<i64> {
    if let Some(milliseconds) = setting.whole() {
        return Some(milliseconds / 1000 / DAY);
    }
    let text = setting.text()?.trim();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let number: i64 = number.parse().ok()?;
    match unit.trim() {
        "d" => Some(number),
        "w" => number.checked_mul(7),
        "h" => Some(number / 24),
        "m" | "s" | "ms" => Some(0),
        _ => None,
    }
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ai.retention.sessions",
        severity: Severity::Medium,
        title: "Old conversations are removed by themselves",
        fix: Fix::All(
            "openclaw config set session.maintenance.mode enforce; openclaw config set session.maintenance.pruneAfter 30d",
        ),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "old conversations are removed", |home, found| {
                let maintenance = home.settings.at("session.maintenance");
                if maintenance.at("mode").text() == Some("warn") {
                    found.fail("session.maintenance.mode is warn: nothing is removed");
                }
                if let Some(days) = days(maintenance.at("pruneAfter")).filter(|days| *days > 365) {
                    found.fail(format!("session.maintenance.pruneAfter is {days} days"));
                }
            })
        },
    },
    Check {
        id: "ai.retention.decided",
        severity: Severity::Low,
        title: "Somebody decided how long conversations are kept",
        fix: Fix::All("openclaw config set session.maintenance.pruneAfter 30d"),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "it is decided", |home, found| {
                if days(home.settings.at("session.maintenance.pruneAfter")).is_none() {
                    found.warn(
                        "session.maintenance.pruneAfter is not set: OpenClaw's own 30 days hold",
                    );
                }
            })
        },
    },
    Check {
        id: "ai.retention.age",
        severity: Severity::Medium,
        title: "No conversation is older than was decided",
        fix: Fix::All("openclaw sessions cleanup --enforce"),
        reference: REFERENCE,
        look: |facts| {
            let now = facts.host.now();
            homes(facts, "no conversation is older", |home, found| {
                let most = days(home.settings.at("session.maintenance.pruneAfter"))
                    .map_or(KEPT_DAYS, |days| days + 7);
                let age = home.transcripts.oldest.map_or(0, |oldest| (now - oldest) / DAY);
                if age > most {
                    found.fail(format!(
                        "the oldest of {} is {age} days old",
                        home.transcripts.files
                    ));
                }
            })
        },
    },
    Check {
        id: "ai.retention.attachments",
        severity: Severity::Low,
        title: "Files that people send are removed after a while",
        fix: Fix::All("openclaw config set attachments.ttlHours 168"),
        reference: "https://docs.openclaw.ai/gateway/configuration",
        look: |facts| {
            homes(facts, "they are removed", |home, found| {
                if home.settings.at("attachments.ttlHours").whole() == Some(0) {
                    found.fail("attachments.ttlHours is 0: they stay for ever");
                }
            })
        },
    },
    Check {
        id: "ai.retention.secrets",
        severity: Severity::High,
        title: "No secret lies in a conversation or a log",
        fix: Fix::All(
            "clawvault scan --openclaw names them; openclaw sessions delete <key>, and rotate what lay there",
        ),
        reference: "clawvault scan --help",
        look: |facts| {
            found_in(facts, &[LeakPlace::Transcript], "no secret in conversations and logs")
        },
    },
    Check {
        id: "ai.retention.personal-data",
        severity: Severity::Low,
        title: "It is known that personal data lies in conversations, and they are kept no longer than needed",
        fix: Fix::All(
            "openclaw config set session.maintenance.pruneAfter 30d, and say to those who write what is kept",
        ),
        reference: REFERENCE,
        look: |facts| {
            homes(facts, "none is seen, or somebody decided how long it is kept", |home, found| {
                let kept = days(home.settings.at("session.maintenance.pruneAfter"));
                let decided = kept.is_some_and(|days| days <= KEPT_DAYS);
                for (kind, count) in home.transcripts.personal.iter().filter(|_| !decided) {
                    found.warn(format!(
                        "{count} {kind} in {} conversations that were looked at",
                        home.transcripts.looked_at
                    ));
                }
            })
        },
    },
    Check {
        id: "ai.retention.redaction",
        severity: Severity::Medium,
        title: "What hides secrets in logs is not replaced by less",
        fix: Fix::All(
            "openclaw config unset logging.redactPatterns: a list of its own replaces all that OpenClaw has",
        ),
        reference: "https://docs.openclaw.ai/gateway/logging",
        look: |facts| {
            homes(facts, "OpenClaw's own patterns hold, or more", |home, found| {
                let patterns = home.settings.at("logging.redactPatterns");
                let count = patterns.items().len();
                if patterns.is_set() && count < 8 {
                    found.fail(format!("logging.redactPatterns has {count} patterns, in the place of all of OpenClaw's"));
                }
            })
        },
    },
    Check {
        id: "ai.retention.logged",
        severity: Severity::Medium,
        title: "Logs hold what is needed, and not whole conversations",
        fix: Fix::All(
            "openclaw config set logging.level info; openclaw config set logging.audit.messages off",
        ),
        reference: "https://docs.openclaw.ai/gateway/logging",
        look: |facts| {
            homes(facts, "logs hold no conversations", |home, found| {
                let logging = home.settings.at("logging");
                for path in ["level", "consoleLevel"] {
                    if let Some(level @ ("trace" | "debug")) = logging.at(path).text() {
                        found.fail(format!("logging.{path} is {level}"));
                    }
                }
                if logging.at("audit.messages").text() == Some("all") {
                    found.warn("logging.audit.messages is all: every message is logged");
                }
            })
        },
    },
];

#[cfg(test)]
mod tests {
    use clawvault_core::domain::Setting;

    use super::*;

    #[test]
    fn lengths_of_time_are_days() {
        let text = |text: &str| days(&Setting::Text(text.to_owned()));
        assert_eq!(
            (text("30d"), text("2w"), text("48h"), text("x")),
            (Some(30), Some(14), Some(2), None)
        );
        assert_eq!(days(&Setting::Whole(86_400_000)), Some(1));
        assert_eq!(text("99999999999999999999d"), None);
    }
}
