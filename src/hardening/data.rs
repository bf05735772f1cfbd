//! Tables about the world outside: support of versions, advisories, terms of providers.

use std::sync::LazyLock;

use std::collections::BTreeMap;

use serde::Deserialize;

/// Support and advisories.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Versions {
    /// By table: the document its rows are from, and the day it was known to say so.
    source: BTreeMap<String, String>,
    /// Last day of support by system and version.
    pub(super) system: BTreeMap<String, BTreeMap<String, String>>,
    /// Last day of support by major version.
    pub(super) node: BTreeMap<String, String>,
    /// The newest OpenClaw that is known, and the Node.js it asks for.
    pub(super) openclaw: OpenClaw,
    /// By package: advisory and first version that is mended.
    pub(super) advisories: BTreeMap<String, BTreeMap<String, String>>,
}

impl Versions {
    /// The document that the rows of a table (a system, `node`) are from.
    pub(super) fn source(&self, table: &str) -> &str {
        self.source.get(table).map_or("no document", String::as_str)
    }
}

/// What is known of OpenClaw's versions.
#[derive(Debug, Default, Deserialize)]
pub(super) struct OpenClaw {
    /// The newest.
    pub(super) newest: String,
    /// The least Node.js.
    pub(super) node: String,
}

/// What a provider does with what it is sent.
#[derive(Debug, Deserialize)]
pub(super) struct Provider {
    /// `no`, `free-tier`, `depends` or `yes`.
    pub(super) trains: String,
    /// In a sentence.
    pub(super) note: String,
    /// Where it says so.
    pub(super) source: String,
    /// The day it was known to say so.
    pub(super) known: String,
}

/// A test reads both tables: a mistake in one never ships.
pub(super) static VERSIONS: LazyLock<Versions> =
    LazyLock::new(|| toml::from_str(include_str!("data/versions.toml")).unwrap_or_default());
/// By id.
pub(super) static PROVIDERS: LazyLock<BTreeMap<String, Provider>> =
    LazyLock::new(|| toml::from_str(include_str!("data/providers.toml")).unwrap_or_default());

/// Numbers of a version, for comparison; what is no number is 0.
pub(super) fn version(text: &str) -> Vec<u32> {
    let core = text.trim_start_matches('v').split(['-', '+']).next().unwrap_or_default();
    core.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

/// Seconds since 1970-01-01 UTC at the end of a day, `2026-11-30`.
pub(super) fn end_of(day: &str) -> Option<i64> {
    let mut parts = day.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    Some((days_from_civil(year, month, day) + 1) * 86_400 - 1)
}

/// Days since 1970-01-01 of the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_can_be_read() {
        assert!(VERSIONS.system["debian"].len() > 2 && VERSIONS.node.len() > 5);
        assert!(VERSIONS.advisories["openclaw"].len() > 2);
        assert!(PROVIDERS.values().all(|one| one.source.starts_with("https://")));
        assert!(PROVIDERS.len() > 5);
        let days =
            VERSIONS.system.values().flat_map(|all| all.values()).chain(VERSIONS.node.values());
        assert!(days.into_iter().all(|day| end_of(day).is_some()));
        let mut tables =
            VERSIONS.system.keys().map(String::as_str).chain(["node", "openclaw", "advisories"]);
        assert!(tables.all(|name| VERSIONS.source(name).contains(", known on 20")));
        assert!(PROVIDERS.values().all(|one| end_of(&one.known).is_some()));
        let words = ["no", "yes", "free-tier", "depends"];
        assert!(PROVIDERS.values().all(|one| words.contains(&one.trains.as_str())));
    }

    #[test]
    fn days_and_versions_compare() {
        assert_eq!(end_of("1970-01-01"), Some(86_399));
        assert_eq!(end_of("2026-11-30"), Some(1_796_083_199));
        assert!(version("2026.10.1") > version("v2026.9.6"));
        assert!(version("2026.9.6-1") == version("2026.9.6"));
    }
}
