//! What `--fix` may do: changes of files, each of which can be undone from the old bytes, and of
//! settings of OpenClaw, by its own program.

use std::path::PathBuf;

/// What mends one finding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mend {
    /// What it does, in a few words.
    pub what: String,
    /// The changes, in order: all are made, or none.
    pub changes: Vec<Change>,
    /// A program that must agree before the changes count; else they are taken back.
    pub validate: Option<&'static [&'static str]>,
    /// A program that makes the service take the new state over.
    pub reload: Option<&'static [&'static str]>,
    /// Something that could lock a person out: undone again unless confirmed from a new login.
    pub needs_confirmation: bool,
}

/// One change of one file, or of one setting.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// Takes rights away or gives them; content and owner stay.
    Mode {
        /// The file or directory.
        path: PathBuf,
        /// The twelve bits it is to have.
        mode: u32,
    },
    /// Makes the file be this text; what was there is kept for an undo.
    Write {
        /// The file; its directory must exist.
        path: PathBuf,
        /// The whole text.
        text: String,
        /// The rights of a new file; an old one keeps its own.
        mode: u32,
    },
    /// Puts lines of which the file has none at its beginning; the file is made where it is missing.
    Append {
        /// The file; its directory must exist.
        path: PathBuf,
        /// Whole lines.
        lines: String,
    },
    /// Sets one plain setting of OpenClaw, by its own program, which refuses what it does not know.
    Setting {
        /// The state directory.
        home: PathBuf,
        /// `tools.exec.mode`; never a secret.
        key: String,
        /// What it is to be, as on a command line.
        value: String,
    },
}

impl Mend {
    /// Closes a file or directory.
    pub fn mode(path: impl Into<PathBuf>, mode: u32) -> Self {
        let path = path.into();
        let what = format!("chmod {mode:o} {}", path.display());
        Self::new(what, vec![Change::Mode { path, mode }])
    }

    /// Writes a file of a service's drop-in directory.
    pub fn write(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let path = path.into();
        let what = format!("write {}", path.display());
        Self::new(what, vec![Change::Write { path, text: text.into(), mode: 0o644 }])
    }

    /// Puts lines at the beginning of a file of a service's drop-in directory.
    pub fn append(path: impl Into<PathBuf>, lines: impl Into<String>) -> Self {
        let (path, lines) = (path.into(), lines.into());
        let what = format!("add to {}: {}", path.display(), lines.trim_end().replace('\n', "; "));
        Self::new(what, vec![Change::Append { path, lines }])
    }

    /// Sets one plain setting of OpenClaw.
    pub fn setting(home: impl Into<PathBuf>, key: &str, value: &str) -> Self {
        let (home, key, value) = (home.into(), key.to_owned(), value.to_owned());
        let what = format!("openclaw config set {key} {value}");
        Self::new(what, vec![Change::Setting { home, key, value }])
    }

    fn new(what: String, changes: Vec<Change>) -> Self {
        Self { what, changes, validate: None, reload: None, needs_confirmation: false }
    }
}
