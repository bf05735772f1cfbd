//! Files of the host: texts, which are kept, lists of drop-in directories, rights.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use clawvault_core::platform::Meta;

use super::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::parsers::glob;

/// Largest configuration that is read, in bytes.
pub(in crate::hardening) const MAX_TEXT: usize = 1 << 20;
/// Most entries of a directory that is listed.
const MAX_LISTED: usize = 4096;

impl Facts<'_> {
    /// The text of a file, `None` where there is none. It is kept: for configurations, not for data.
    pub fn text(&self, path: impl AsRef<Path>) -> Result<Option<Rc<str>>, Unseen> {
        let path = path.as_ref();
        if let Some(known) = self.texts.borrow().get(path) {
            return known.clone();
        }
        let read = present(self.host.read(path, MAX_TEXT))
            .map(|bytes| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into()));
        self.texts.borrow_mut().insert(path.to_owned(), read.clone());
        read
    }

    /// Whether something lies there; links are followed.
    pub fn exists(&self, path: impl AsRef<Path>) -> Result<bool, Unseen> {
        self.meta(path).map(|meta| meta.is_some())
    }

    /// What lies there, `None` where nothing does.
    pub fn meta(&self, path: impl AsRef<Path>) -> Result<Option<Meta>, Unseen> {
        present(self.host.meta(path.as_ref()))
    }

    /// The paths in a directory, sorted; none where there is no such directory.
    pub fn entries(&self, directory: impl AsRef<Path>) -> Result<Vec<PathBuf>, Unseen> {
        let directory = directory.as_ref();
        let names = present(self.host.list(directory, MAX_LISTED))?.unwrap_or_default();
        Ok(names.into_iter().map(|name| directory.join(name)).collect())
    }

    /// The files of a drop-in directory with this ending, sorted, with their texts.
    pub fn drop_ins(
        &self,
        directory: impl AsRef<Path>,
        ending: &str,
    ) -> Result<Vec<(PathBuf, Rc<str>)>, Unseen> {
        let mut found = Vec::new();
        for path in self.entries(directory)? {
            if path.as_os_str().as_encoded_bytes().ends_with(ending.as_bytes())
                && self
                    .meta(&path)?
                    .is_some_and(|meta| meta.kind == clawvault_core::platform::EntryKind::File)
                && let Some(text) = self.text(&path)?
            {
                found.push((path, text));
            }
        }
        Ok(found)
    }

    /// The paths that a pattern matches, sorted; each of its parts may be one.
    pub fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, Unseen> {
        let mut found = vec![PathBuf::from("/")];
        for part in pattern.components().skip(1) {
            let part = part.as_os_str().to_string_lossy();
            let mut next = Vec::new();
            for directory in found {
                if part.contains(['*', '?', '[']) {
                    // A directory that is none holds nothing.
                    let entries = self.entries(&directory)?;
                    next.extend(entries.into_iter().filter(|path| {
                        let name = path.file_name().unwrap_or_default().to_string_lossy();
                        (!name.starts_with('.') || part.starts_with('.'))
                            && glob::matches(&part, &name)
                    }));
                } else {
                    next.push(directory.join(part.as_ref()));
                }
                if next.len() > MAX_LISTED {
                    return Err(Unseen::Odd(format!("{} matches too much", pattern.display())));
                }
            }
            found = next;
        }
        found.retain(|path| self.host.meta(path).is_ok());
        Ok(found)
    }

    /// Whether a program is installed, under any of the usual directories.
    pub fn has_program(&self, name: &str) -> Result<bool, Unseen> {
        for directory in ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin"] {
            if self.exists(Path::new(directory).join(name))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether systemd starts the unit at boot: a link in one of the `.wants` directories.
    pub fn is_enabled(&self, unit: &str) -> Result<bool, Unseen> {
        for directory in ["/etc/systemd/system", "/usr/lib/systemd/system"] {
            for wants in self.entries(directory)? {
                let is_wants =
                    wants.extension().is_some_and(|end| end == "wants" || end == "requires");
                if is_wants && self.host.link(&wants.join(unit)).is_ok() {
                    return Ok(true);
                }
            }
        }
        // An alias, such as ssh.service for sshd.service.
        Ok(false)
    }

    /// Whether the unit runs now. Only a running machine knows.
    pub fn is_active(&self, unit: &str) -> Result<bool, Unseen> {
        let printed = self.host.run("/usr/bin/systemctl", &["is-active", unit])?;
        match printed.text.trim() {
            "" => Err(Unseen::Odd("systemd does not answer".to_owned())),
            state => Ok(state == "active"),
        }
    }
}

/// What is missing is an answer.
pub(in crate::hardening) fn present<T>(read: Result<T, Unseen>) -> Result<Option<T>, Unseen> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(Unseen::Missing(_)) => Ok(None),
        Err(other) => Err(other),
    }
}
