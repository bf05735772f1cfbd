//! Where values still lie in clear, and the command that removes each.

use std::path::Path;

use clawvault_core::domain::{Found, Label};

use crate::openclaw::PlainCopy;

/// A place where a value lies in clear.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Plaintext {
    /// File, and line where there is one.
    pub place: String,
    /// What lies there: a label, or a vendor and kind of token.
    pub what: String,
    /// What removes it: a command, or a sentence where only a person can.
    pub remedy: String,
}

impl Plaintext {
    /// The place that an imported value was read from.
    pub(super) fn of_found(found: &Found) -> Self {
        let what = found.label.as_str().to_owned();
        let file = quoted(&found.source);
        let (place, remedy) = match (&found.label, found.line) {
            (Label::Variable(name), Some(line)) => {
                // By name, not by number: the numbers move with the first line that goes.
                let remedy = if found.value.expose().contains(&b'\n') {
                    format!("edit {file}: the value has several lines")
                } else {
                    format!(
                        "sed -i -E '/^[[:blank:]]*(export[[:blank:]]+)?{name}[[:blank:]]*=/d' {file}"
                    )
                };
                (format!("{}:{line}", found.source), remedy)
            }
            (Label::Path(_), _) => (
                found.source.clone(),
                format!("edit {file}: put \"${{VARIABLE}}\" there, or nothing"),
            ),
            _ => (found.source.clone(), format!("remove it from {file}")),
        };
        Self { place, what, remedy }
    }

    /// A further copy that an OpenClaw home holds.
    pub(super) fn of_copy(copy: &PlainCopy) -> Self {
        let file = copy.file.display().to_string();
        let remedy = if is_old_copy(&copy.file) {
            format!("rm {}", quoted(&file))
        } else {
            "OpenClaw keeps it there; remove it with OpenClaw's own commands and rotate the key"
                .into()
        };
        Self { place: file, what: format!("{} ({}x)", copy.what, copy.count), remedy }
    }
}

/// True for the copies that OpenClaw leaves of its configuration.
fn is_old_copy(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    name.starts_with("openclaw.json.")
}

/// The text as one word of a shell.
pub(in crate::app) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
