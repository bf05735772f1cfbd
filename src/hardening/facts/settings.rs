//! Where a variable of the environment is set: files of the system, of users, units, OpenClaw, and the
//! processes that live. Asked for by name; the values of others are not looked at.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Facts, files, once};
use crate::hardening::host::Unseen;

/// Files of a user's shell and tools.
const SHELL: &[&str] = &[
    ".bashrc",
    ".bash_profile",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".npmrc",
    ".config/environment.d/env.conf",
];
/// Files of an OpenClaw home that hold variables.
const OPENCLAW: &[&str] = &[".env", "gateway.systemd.env", "node.systemd.env"];
/// Largest environment of one process, in bytes.
const MAX_ENVIRONMENT: usize = 1 << 20;

/// A text in which variables are set, and where it stands.
pub type Setting = (String, std::rc::Rc<str>);

impl Facts<'_> {
    /// Texts that set variables for programs: of each the lines that name a variable are of interest.
    pub fn settings(&self) -> Result<&[Setting], Unseen> {
        once(&self.settings, || {
            let mut all = Vec::new();
            let mut paths = vec![
                PathBuf::from("/etc/environment"),
                PathBuf::from("/etc/profile"),
                PathBuf::from("/etc/bash.bashrc"),
            ];
            paths.extend(self.entries("/etc/profile.d")?);
            paths.extend(self.entries("/etc/default")?);
            let mut units = vec![PathBuf::from("/etc/systemd/system")];
            for user in self.user_homes()? {
                let home = Path::new(&user.home);
                paths.extend(SHELL.iter().map(|name| home.join(name)));
                units.push(home.join(".config/systemd/user"));
            }
            for directory in units {
                for path in self.entries(&directory).unwrap_or_default() {
                    let name = path.as_os_str().as_encoded_bytes();
                    if name.ends_with(b".service") {
                        paths.push(path);
                    } else if name.ends_with(b".service.d") {
                        paths.extend(self.entries(&path).unwrap_or_default());
                    }
                }
            }
            for home in self.openclaw()? {
                paths.extend(OPENCLAW.iter().map(|name| home.path.join(name)));
            }
            for path in paths {
                // What may not be read is passed over: it is another user's own.
                if let Ok(Some(text)) = self.text(&path) {
                    all.push((path.display().to_string(), text));
                }
            }
            Ok(all)
        })
        .map(Vec::as_slice)
    }

    /// Where a variable is set to something that `is_bad` says yes to, as `place: NAME=value`. For
    /// variables alone that hold no secret.
    pub fn set_variables(
        &self,
        name: &str,
        is_bad: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<String>, Unseen> {
        let mut found = Vec::new();
        for (place, text) in self.settings()? {
            let bad =
                text.lines().find_map(|line| assigned(line, name).filter(|value| is_bad(value)));
            found.extend(bad.map(|value| format!("{place}: {name}={value}")));
        }
        for home in self.openclaw()? {
            let Some(Ok(config)) = &home.config else { continue };
            for pointer in ["/env", "/env/vars"] {
                let value =
                    config.pointer(pointer).and_then(|env| env.get(name)).and_then(Value::as_str);
                let told =
                    |value: &str| format!("{}/openclaw.json: {name}={value}", home.path.display());
                found.extend(value.filter(|value| is_bad(value)).map(told));
            }
        }
        for pid in self.processes() {
            let path = format!("/proc/{pid}/environ");
            let Ok(bytes) = self.host.read(Path::new(&path), MAX_ENVIRONMENT) else { continue };
            let value = bytes.split(|byte| *byte == 0).find_map(|pair| {
                let pair = std::str::from_utf8(pair).ok()?;
                pair.strip_prefix(name)?.strip_prefix('=').map(str::to_owned)
            });
            if let Some(value) = value.filter(|value| is_bad(value)) {
                let name_of =
                    files::present(self.host.read(Path::new(&format!("/proc/{pid}/comm")), 64));
                let comm = String::from_utf8_lossy(&name_of.ok().flatten().unwrap_or_default())
                    .trim()
                    .to_owned();
                found.push(format!("process {pid} ({comm}): {name}={value}"));
            }
        }
        Ok(found)
    }
}

/// The value that a line gives to a variable, in any of the usual ways to write it.
fn assigned(line: &str, name: &str) -> Option<String> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return None;
    }
    let at = line.find(name)?;
    let before = line[..at].chars().next_back();
    let begins = before.is_none_or(|c| c.is_whitespace() || "\"'=;".contains(c));
    let value = line[at + name.len()..].strip_prefix('=')?;
    let value = value.trim_start_matches(['"', '\'']);
    let end = value.find(|c: char| c.is_whitespace() || "\"';".contains(c)).unwrap_or(value.len());
    begins.then(|| value[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::assigned;

    #[test]
    fn assignments_are_found_in_any_dress() {
        for (line, value) in [
            ("A=0", Some("0")),
            ("export A='0' # x", Some("0")),
            ("Environment=\"B=1\" A=0", Some("0")),
            ("Environment=A=0", Some("0")),
            ("# A=0", None),
            ("XA=0", None),
            ("A", None),
        ] {
            assert_eq!(assigned(line, "A").as_deref(), value, "{line}");
        }
    }
}
