//! The section `[audit]` of the policy: when the hardening audit runs by itself; findings that somebody
//! decided to live with, why, and until when.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::schedule::{Rotate, Schedule};

/// When everything is audited where no rule says otherwise, and when what takes no time.
const FULL: &str = "@monthly";
const QUICK: &str = "@daily";

/// When the hardening audit runs by itself, and how it is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRules {
    /// When the daemon makes a full audit: five fields as in crontab(5), `@monthly`, or `never`.
    pub full: Option<Rotate>,
    /// When it looks at what takes no time, the same way.
    pub quick: Option<Rotate>,
    /// By the id of the check.
    #[serde(default)]
    pub suppress: BTreeMap<String, Suppress>,
}

impl AuditRules {
    /// When a full audit is due after one at `last_ms`, both in milliseconds since 1970; none for never.
    pub fn full_after(&self, last_ms: i64, zone: &TimeZone) -> Option<i64> {
        after(self.full.as_ref(), FULL, last_ms, zone)
    }

    /// The same for what takes no time.
    pub fn quick_after(&self, last_ms: i64, zone: &TimeZone) -> Option<i64> {
        after(self.quick.as_ref(), QUICK, last_ms, zone)
    }
}

fn after(rule: Option<&Rotate>, usual: &str, last_ms: i64, zone: &TimeZone) -> Option<i64> {
    match rule {
        Some(Rotate::Never) => None,
        Some(Rotate::At(schedule)) => schedule.next_after(last_ms, zone),
        None => Schedule::parse(usual).ok()?.next_after(last_ms, zone),
    }
}

/// A finding that is lived with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppress {
    /// Why.
    pub reason: Reason,
    /// The last day on which it counts, in UTC.
    pub until: Day,
}

/// A reason; not blank.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Reason(pub String);

impl TryFrom<String> for Reason {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.trim().is_empty() { Err("a reason is missing") } else { Ok(Self(text)) }
    }
}

/// A day, written `2027-03-31`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct Day {
    days: i64,
}

impl Day {
    /// Its last second, since 1970-01-01 UTC.
    pub fn last_second(self) -> i64 {
        (self.days + 1) * 86_400 - 1
    }
}

impl TryFrom<String> for Day {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "not a day such as 2027-03-31";
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.as_slice() else { return Err(WRONG) };
        if (year.len(), month.len(), day.len()) != (4, 2, 2) {
            return Err(WRONG);
        }
        let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number > 0);
        let (Some(year), Some(month), Some(day)) = (number(year), number(month), number(day))
        else {
            return Err(WRONG);
        };
        // Days are counted from 1 March, so that a leap day ends its year.
        let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
        // Only a day that the calendar has comes back as it was written.
        let again = super::moment(days * 86_400_000);
        if month <= 12 && again.get(..10) == Some(text.as_str()) {
            Ok(Self { days })
        } else {
            Err(WRONG)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Policy;

    #[test]
    fn an_audit_is_monthly_and_a_look_daily_where_nothing_is_said() {
        let utc = &TimeZone::UTC;
        // 2026-11-30 12:00, and the midnights after it.
        let (noon, midnight) = (1_796_040_000_000, 1_796_083_200_000);
        let usual = Policy::parse("").unwrap().audit;
        assert_eq!(usual.full_after(noon, utc), Some(midnight));
        assert_eq!(usual.quick_after(midnight, utc), Some(midnight + 86_400_000));
        // December has 31 days.
        assert_eq!(usual.full_after(midnight, utc), Some(midnight + 31 * 86_400_000));
        let text = "[audit]\nfull = \"30 4 * * 1\"\nquick = \"never\"\n";
        let said = Policy::parse(text).unwrap().audit;
        assert_eq!(said.full_after(midnight, utc), Some(midnight + (6 * 24 * 60 + 270) * 60_000));
        assert_eq!(said.quick_after(midnight, utc), None);
        assert!(Policy::parse("[audit]\nfull = \"monthly\"\n").is_err());
    }

    #[test]
    fn a_suppression_has_a_reason_and_an_end() {
        let text = "[audit.suppress.\"server.ssh.port\"]\nreason = \"behind a VPN\"\nuntil = \"2027-03-31\"\n";
        let policy = Policy::parse(text).unwrap();
        let one = &policy.audit.suppress["server.ssh.port"];
        assert_eq!(
            (one.reason.0.as_str(), one.until.last_second()),
            ("behind a VPN", 1_806_537_599)
        );
        for (what, wrong) in [
            (text.replace("behind a VPN", " "), "a reason is missing"),
            (text.replace("03-31", "02-29"), "not a day"),
            (text.replace("03-31", "3-31"), "not a day"),
            (text.replace("until = \"2027-03-31\"\n", ""), "missing field"),
            (text.replace("reason", "why"), "unknown"),
        ] {
            let error = Policy::parse(&what).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
        assert!(Day::try_from("2028-02-29".to_owned()).is_ok());
    }
}
