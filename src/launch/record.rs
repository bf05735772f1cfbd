//! What each run leaves in the runtime directory: who runs, and which versions it holds.
//!
//! A rotation reads them to learn whether a living process still depends on a version. Secrets
//! are named by their blinded ids, so the record tells nobody what they are.

use std::collections::HashMap;
use std::path::PathBuf;

use clawvault_core::platform::process::{self, ProcessId};
use clawvault_core::platform::{Dir, PlatformError, failpoint};
use serde::{Deserialize, Serialize};

use super::Mark;

const SUFFIX: &str = ".run";
/// Suffix of the record of a run that has secret files: those must not outlive it for long.
const FILES_SUFFIX: &str = ".files.run";
/// Ended runs without secret files cost nothing: they are cleared when this many have gathered.
const MANY: usize = 64;
const MAX_RECORD: usize = 1024 * 1024;

/// One run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RunRecord {
    /// Name of the run.
    pub run: String,
    /// Id of the vault.
    pub vault: String,
    /// Process number; a launched program keeps ours, one whose output is masked has its own.
    pub pid: u32,
    /// Its start, in clock ticks since boot.
    pub started: u64,
    /// When it was launched, in milliseconds since 1970.
    pub launched_ms: i64,
    /// The agent whose grant it has, where it has one.
    pub agent: Option<String>,
    /// Blinded id and version of every secret it holds.
    pub holds: Vec<(String, u32)>,
    /// The bell of the process that starts it anew, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bell: Option<String>,
    /// Secret files to be removed once it is over.
    pub files: Vec<PathBuf>,
    /// Rendered templates to be removed once it is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rendered: Vec<Mark>,
    /// Proves, with the vault's key, what the process was given; empty where nothing does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub proof: String,
}

/// What a proof of a run says: which process of this boot was given what. None where the system does
/// not tell one boot from another.
pub fn said_of_run(
    (run, process): (&str, ProcessId),
    agent: Option<&str>,
    holds: &[(String, u32)],
) -> Option<Vec<u8>> {
    let said = (process::realm()?, run, process.pid, process.started, agent, holds);
    serde_json::to_vec(&said).ok().filter(|_| process.started > 0)
}

impl RunRecord {
    /// True while that very process lives.
    pub fn is_alive(&self) -> bool {
        ProcessId { pid: self.pid, started: self.started }.is_alive()
    }

    /// What its proof has to say.
    pub fn said(&self) -> Option<Vec<u8>> {
        let process = ProcessId { pid: self.pid, started: self.started };
        said_of_run((&self.run, process), self.agent.as_deref(), &self.holds)
    }

    /// Files that were made for the program.
    pub fn kept_files(&self) -> Vec<PathBuf> {
        let rendered = self.rendered.iter().map(|mark| mark.path.clone());
        self.files.iter().cloned().chain(rendered).collect()
    }

    fn file_name(&self) -> String {
        let bare = self.files.is_empty() && self.rendered.is_empty();
        let suffix = if bare { SUFFIX } else { FILES_SUFFIX };
        format!("{}{suffix}", self.run)
    }
}

/// The records of all runs.
#[derive(Debug)]
pub struct Runs(Dir);

impl Runs {
    /// Opens the directory of the records.
    pub fn open(runtime: &Dir) -> Result<Self, PlatformError> {
        runtime.create_dir("runs").map(Self)
    }

    /// Writes a record; it is not synced, a power cut ends the run as well.
    pub fn write(&self, record: &RunRecord) -> Result<(), PlatformError> {
        self.create(&record.file_name(), record)
    }

    fn create(&self, name: &str, record: &RunRecord) -> Result<(), PlatformError> {
        use std::io::Write;
        let text = serde_json::to_vec(record).unwrap_or_default();
        let path = self.0.path().join(name);
        failpoint::hit("run.record")?;
        let mut file = self.0.create_new(name)?;
        failpoint::hit("run.record.write")?;
        file.write_all(&text).map_err(|e| PlatformError::io("write", &path, e))
    }

    /// Writes the record of a run anew, now that it is another process that holds the versions.
    ///
    /// At every instant one of the two is there.
    pub fn hand_over(&self, record: &RunRecord) -> Result<(), PlatformError> {
        let name = record.file_name();
        self.create(&format!("program-{name}"), record)?;
        self.0.remove(&name)
    }

    /// Records of the runs that are alive.
    pub fn living(&self) -> Result<Vec<RunRecord>, PlatformError> {
        let all = self.all()?;
        Ok(all.into_iter().map(|(_, record)| record).filter(RunRecord::is_alive).collect())
    }

    /// The bells of living runs that hold one of these secrets, by blinded id.
    pub fn bells_of(&self, ids: &[String]) -> Result<Vec<String>, PlatformError> {
        let concerned = |record: RunRecord| {
            let holds = record.holds.iter().any(|(id, _)| ids.contains(id));
            record.bell.filter(|_| holds)
        };
        Ok(self.living()?.into_iter().filter_map(concerned).collect())
    }

    /// Adds the new name of each secret that a living run of the vault holds, beside its old one.
    pub fn rename(
        &self,
        vault: &str,
        names: &HashMap<String, String>,
    ) -> Result<(), PlatformError> {
        for (name, mut record) in self.all()? {
            if record.vault != vault || !record.is_alive() {
                continue;
            }
            // What has no new name is no secret any more, or the name of keys before these.
            record.holds.retain(|(id, _)| names.contains_key(id));
            let new: Vec<(String, u32)> = record
                .holds
                .iter()
                .filter_map(|(id, version)| Some((names.get(id)?.clone(), *version)))
                .collect();
            record.holds.extend(new);
            self.0.replace(&name, &serde_json::to_vec(&record).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Removes what ended runs left, if it is worth it: secret files, or many records.
    pub fn sweep_if_due(&self) -> Result<(), PlatformError> {
        let names = self.0.list()?;
        let due = names.len() > MANY || names.iter().any(|f| f.name.ends_with(FILES_SUFFIX));
        if due { self.sweep() } else { Ok(()) }
    }

    /// Removes what ended runs left: their records and their secret files.
    pub fn sweep(&self) -> Result<(), PlatformError> {
        for (name, record) in self.all()? {
            if record.is_alive() {
                continue;
            }
            for file in &record.files {
                // A record is ours, but its paths are checked all the same before anything goes.
                let ours = file.file_name().and_then(|n| n.to_str());
                if ours.is_some_and(|n| n.starts_with(&record.run))
                    && let Some(parent) = file.parent()
                    && let Ok(dir) = Dir::open(parent, clawvault_core::platform::Private::Required)
                {
                    failpoint::hit("run.sweep")?;
                    dir.remove(ours.unwrap_or_default())?;
                }
            }
            for mark in &record.rendered {
                mark.remove()?;
            }
            self.0.remove(&name)?;
        }
        Ok(())
    }

    fn all(&self) -> Result<Vec<(String, RunRecord)>, PlatformError> {
        let names = self.0.list()?.into_iter().map(|found| found.name);
        let read = |name: String| {
            let bytes = self.0.read(&name, MAX_RECORD).ok()??;
            Some((name, serde_json::from_slice(&bytes).ok()?))
        };
        Ok(names.filter(|name| name.ends_with(SUFFIX)).filter_map(read).collect())
    }
}
