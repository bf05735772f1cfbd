//! Runs OpenClaw: `security audit --json`, and reads what it finds.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use clawvault_core::platform::process::effective_uid;
use serde::Deserialize;

use super::host::System;
use crate::hardening::{Host, OwnFinding, Unseen};
use crate::programs::{Program, capture_any};

/// Longest that it may take; on two busy cores it took half a minute.
const PATIENCE: Duration = Duration::from_secs(120);
/// Most that it may print, in bytes, and most findings that are taken over.
const MAX_PRINTED: usize = 4 << 20;
const MAX_FINDINGS: usize = 1000;
/// Longest text of a finding that is taken over, in characters.
const MAX_TEXT: usize = 400;

/// OpenClaw as the user who audits starts it.
pub struct OpenClawProgram {
    /// Its executable.
    pub path: PathBuf,
    /// The environment of the user.
    pub environment: BTreeMap<OsString, OsString>,
}

impl OpenClawProgram {
    /// Runs it in a home; what it printed, and how it ended.
    pub(super) fn run(
        &self,
        home: &Path,
        arguments: Vec<OsString>,
    ) -> Result<(Vec<u8>, ExitStatus), String> {
        let mut environment = self.environment.clone();
        environment.retain(|name, _| !name.to_string_lossy().starts_with("CLAWVAULT_"));
        environment.insert("OPENCLAW_STATE_DIR".into(), home.into());
        environment.insert("OPENCLAW_CONFIG_PATH".into(), home.join("openclaw.json").into());
        environment.insert("OPENCLAW_NO_AUTO_UPDATE".into(), "1".into());
        let program = Program { name: "openclaw", path: &self.path, environment: &environment };
        let ended = capture_any(program, arguments, MAX_PRINTED, PATIENCE);
        ended.map(|(bytes, status)| (bytes.to_vec(), status)).map_err(|error| error.to_string())
    }
}

#[derive(Deserialize)]
struct Document {
    findings: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "checkId")]
    check: String,
    severity: String,
    title: String,
    #[serde(default)]
    remediation: Option<String>,
}

/// What it finds in the home of the user who audits.
///
/// It loads the plugins of the home that it looks at. So it is never run for another user's: root
/// would run whatever that user, or an agent of theirs, put there.
pub(super) fn findings(system: &System, home: &Path) -> Result<Vec<OwnFinding>, Unseen> {
    if !system.is_live {
        return Err(Unseen::NotLive("OpenClaw's own audit"));
    }
    let Some(openclaw) = &system.openclaw else {
        return Err(Unseen::Odd("OpenClaw's own audit was not run".to_owned()));
    };
    if system.meta(home)?.uid != effective_uid() {
        let what = format!("OpenClaw's own audit is for the user of {} to run", home.display());
        return Err(Unseen::Odd(what));
    }
    let arguments = ["security", "audit", "--json"].map(OsString::from).to_vec();
    let (bytes, _) = openclaw.run(home, arguments).map_err(Unseen::Odd)?;
    read(&bytes).ok_or_else(|| Unseen::Odd("OpenClaw's own audit printed no report".to_owned()))
}

/// The report; talk may stand before it.
fn read(bytes: &[u8]) -> Option<Vec<OwnFinding>> {
    let start = bytes.windows(2).position(|pair| matches!(pair, b"{\n" | b"{\""))?;
    let mut documents =
        serde_json::Deserializer::from_slice(&bytes[start..]).into_iter::<Document>();
    let document = documents.next()?.ok()?;
    let short = |text: String| -> String {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
    };
    let rows = document.findings.into_iter().take(MAX_FINDINGS);
    let finding = |row: Row| OwnFinding {
        check: short(row.check),
        severity: short(row.severity),
        title: short(row.title),
        remedy: short(row.remediation.unwrap_or_default()),
    };
    Some(rows.map(finding).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_found_behind_talk() {
        let text =
            b"Config ok\n{\n \"ts\": 1, \"findings\": [{\"checkId\": \"a.b\", \"severity\": \
            \"warn\", \"title\": \"x\\ny\", \"detail\": \"d\"}]}\nbye";
        let found = read(text).unwrap();
        assert_eq!((found[0].check.as_str(), found[0].title.as_str()), ("a.b", "x y"));
        assert!(read(b"no report").is_none() && read(b"{\"findings\": 1}").is_none());
    }
}
