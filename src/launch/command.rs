//! Finds the program as `execvp` would, before anything else happens.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::LaunchError;

/// Where `PATH` is unset, as in confstr(3) `_CS_PATH`.
const FALLBACK: &str = "/bin:/usr/bin";

/// Finds `program` in `path` (the child's `PATH`), or as a path of its own where it has a slash.
pub fn find(program: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, LaunchError> {
    let shown = || program.to_string_lossy().into_owned();
    if program.is_empty() {
        return Err(LaunchError::NotFound("a name without characters".to_owned()));
    }
    if program.as_bytes().contains(&b'/') {
        let direct = PathBuf::from(program);
        return match standing(&direct) {
            Some(true) => Ok(direct),
            Some(false) => Err(LaunchError::NotRunnable(shown())),
            None => Err(LaunchError::NotFound(shown())),
        };
    }
    let fallback = OsString::from(FALLBACK);
    let mut blocked = false;
    for directory in std::env::split_paths(path.unwrap_or(&fallback)) {
        // An empty part means the current directory (POSIX.1-2017, 8.3).
        let directory = if directory.as_os_str().is_empty() { ".".into() } else { directory };
        let candidate = directory.join(program);
        match standing(&candidate) {
            Some(true) => return Ok(candidate),
            Some(false) => blocked = true,
            None => {}
        }
    }
    Err(if blocked { LaunchError::NotRunnable(shown()) } else { LaunchError::NotFound(shown()) })
}

/// Whether a file can be run; `None` where there is none.
fn standing(path: &Path) -> Option<bool> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    let metadata = path.metadata().ok()?;
    let allowed = accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).is_ok();
    Some(metadata.is_file() && allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        let path = Some(OsStr::new("/nonexistent:/usr/bin:/bin"));
        assert!(find(OsStr::new("true"), path).unwrap().ends_with("true"));
        assert!(matches!(find(OsStr::new("no-such-x"), path), Err(LaunchError::NotFound(_))));
        assert!(matches!(find(OsStr::new("/etc/passwd"), None), Err(LaunchError::NotRunnable(_))));
        assert!(matches!(find(OsStr::new("/etc"), None), Err(LaunchError::NotRunnable(_))));
        assert!(find(OsStr::new("sh"), None).is_ok());
        assert!(matches!(find(OsStr::new(""), path), Err(LaunchError::NotFound(_))));
    }
}
