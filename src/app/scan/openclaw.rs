//! An OpenClaw home as a source: every file of it, databases row by row. Nothing is written there,
//! and no link is followed out of it.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use clawvault_scan::engine::Scanner;
use clawvault_scan::finding::Finding;
use clawvault_scan::source::tree::{self, TreeOptions};
use clawvault_scan::source::{Outcome, Progress};

use crate::app::plaintext::quoted;
use crate::app::{AppError, Code};
use crate::openclaw::{documents, home_place};

/// OpenClaw's own web pages, which it unpacks there.
const ITS_PROGRAM: &[&str] = &["cache/control-ui-assets"];

/// An OpenClaw home.
#[derive(Clone, Debug)]
pub struct OpenClawHome {
    /// Its state directory.
    pub directory: PathBuf,
    /// Files elsewhere that belong to it: units, environment files.
    pub extra: Vec<PathBuf>,
    /// Whether the directory was named, and is not the one that every command takes.
    pub named: bool,
}

impl OpenClawHome {
    /// Scans it.
    pub(super) fn scan(
        &self,
        scanner: &Scanner<'_>,
        progress: &dyn Progress,
    ) -> Result<Outcome, AppError> {
        if !self.directory.is_dir() {
            let what = format!("there is no directory {}", self.directory.display());
            let advice = "Name OpenClaw's state directory: --openclaw DIR.";
            return Err(AppError::new(Code::Missing, what, advice));
        }
        let mut paths = vec![self.directory.clone()];
        paths.extend(self.extra.iter().cloned());
        let options = TreeOptions { no_ignore: true, databases: true, except: ITS_PROGRAM };
        let mut outcome = tree::scan(scanner, &paths, &options, progress);
        // Without a configuration that can be read, there is nothing that an import could take.
        let documents = documents(&self.directory, &self.extra).unwrap_or_default();
        let documents: HashSet<PathBuf> = documents.iter().map(|found| found.path()).collect();
        for finding in &mut outcome.findings {
            self.tell(finding, &documents);
        }
        Ok(outcome)
    }

    /// Says what the place of a finding is, and what removes it from there.
    fn tell(&self, finding: &mut Finding, documents: &HashSet<PathBuf>) {
        let path = finding.place.path.as_slice();
        // A `!` in the home's own path parts nothing.
        let home = self.directory.as_os_str().len().min(path.len());
        let mut parts = path[home..].splitn(2, |byte| *byte == b'!');
        let file = &path[..home + parts.next().unwrap_or_default().len()];
        let inside = parts.next().unwrap_or_default();
        let table = inside.split(|byte| *byte == b'/').next();
        let file = Path::new(OsStr::from_bytes(file));
        let place = if documents.contains(file) {
            ("one of the files that it reads keys from", self.import())
        } else {
            let relative = file.strip_prefix(&self.directory).unwrap_or(file);
            let place = home_place(relative.as_os_str().as_bytes(), table);
            (place.what, place.remedy.to_owned())
        };
        let (what, remedy) = place;
        finding.remarks.insert(0, format!("This is OpenClaw's own: {what}.").into());
        if !remedy.is_empty() {
            finding.advice = format!("{remedy} {}", finding.advice).into();
        }
    }

    fn import(&self) -> String {
        let directory = match self.named {
            true => format!(" {}", quoted(&self.directory.display().to_string())),
            false => String::new(),
        };
        format!(
            "`clawvault import --openclaw{directory} --scrub` takes it into the vault and out of \
             there."
        )
    }
}
