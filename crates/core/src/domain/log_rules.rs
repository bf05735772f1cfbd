//! The section `[log]` of the policy: how long the audit log is kept, in pieces of which size, and
//! whether each entry is sent on.

use serde::Deserialize;

use super::limits::{LOG_SEGMENT, MAX_LOG_SEGMENT, MIN_LOG_SEGMENT};

const DAY_MS: i64 = 86_400_000;

/// How the audit log is kept.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct LogRules {
    /// How long entries are kept; for ever where nothing is said.
    pub keep: Option<Days>,
    /// Size at which a segment is closed.
    #[serde(default)]
    pub segment: SegmentSize,
    /// Where each entry is sent, in clear.
    pub mirror: Option<Mirror>,
}

/// Whole days, written `400d`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct Days(u32);

impl Days {
    /// The days in milliseconds.
    pub fn as_ms(self) -> i64 {
        i64::from(self.0) * DAY_MS
    }
}

impl TryFrom<String> for Days {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
        days.filter(|days| *days > 0).map(Self).ok_or("not a number of days such as 400d")
    }
}

/// A size of segments, written `4MiB` or `256KiB`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct SegmentSize(pub u64);

impl Default for SegmentSize {
    fn default() -> Self {
        Self(LOG_SEGMENT)
    }
}

impl TryFrom<String> for SegmentSize {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let unit =
            |suffix, bytes: u64| text.strip_suffix(suffix)?.parse::<u64>().ok()?.checked_mul(bytes);
        let size = unit("KiB", 1 << 10).or_else(|| unit("MiB", 1 << 20));
        size.filter(|size| (MIN_LOG_SEGMENT..=MAX_LOG_SEGMENT).contains(size))
            .map(Self)
            .ok_or("not a size from 64KiB to 64MiB such as 4MiB")
    }
}

/// A log of the system.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Mirror {
    /// journald, by its native protocol.
    Journald,
    /// Whatever reads /dev/log.
    Syslog,
}

#[cfg(test)]
mod tests {
    use super::super::Policy;

    #[test]
    fn the_section_is_read_and_what_is_none_of_it_is_refused() {
        let rules =
            Policy::parse("[log]\nkeep = \"400d\"\nsegment = \"64KiB\"\nmirror = \"syslog\"");
        let rules = rules.unwrap().log;
        assert_eq!(rules.keep.unwrap().as_ms(), 400 * 86_400_000);
        assert_eq!((rules.segment.0, rules.mirror), (64 << 10, Some(super::Mirror::Syslog)));
        assert_eq!(Policy::parse("").unwrap().log.segment.0, 4 << 20);
        for (text, column) in [
            ("[log]\nkeep = \"0d\"", 8),
            ("[log]\nkeep = \"hunter2\"", 8),
            ("[log]\nkeep = 400", 8),
            ("[log]\nsegment = \"63KiB\"", 11),
            ("[log]\nsegment = \"65MiB\"", 11),
            ("[log]\nsegment = \"99999999999999999999MiB\"", 11),
            ("[log]\nmirror = \"hunter2\"", 10),
            ("[log]\nhunter2 = 1", 1),
        ] {
            let error = Policy::parse(text).unwrap_err();
            assert_eq!((error.line, error.column), (2, column), "{text}: {error:?}");
            assert!(!error.what.contains("hunter2"), "{error:?}");
        }
    }
}
