//! Hands this process over to the program.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use clawvault_core::platform::failpoint;
use clawvault_core::platform::process::{CoreLimit, restore_core_limit};

use super::{LaunchError, Rendered, SecretFiles};

/// A program with everything it needs.
pub struct Ready {
    /// The executable, as [`super::find`] found it.
    pub program: PathBuf,
    /// What it is called as (`argv[0]`), and its arguments.
    pub arguments: Vec<OsString>,
    /// Its whole environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// The core limit that it would have had without us.
    pub core_limit: CoreLimit,
    /// Its secret files: they go with this, unless the program took over.
    pub files: Option<SecretFiles>,
    /// Its rendered templates, likewise.
    pub rendered: Rendered,
}

/// Replaces this process by the program; returns only where that failed.
///
/// Every descriptor of ours closes on exec. Rust had `SIGPIPE` ignored in this process; the
/// standard library sets it back to its default for the program.
pub fn replace(ready: Ready) -> LaunchError {
    let mut arguments = ready.arguments.into_iter();
    let name = arguments.next().unwrap_or_default();
    let shown = name.to_string_lossy().into_owned();
    if let Err(error) = failpoint::hit("run.exec") {
        return error.into();
    }
    restore_core_limit(ready.core_limit);
    let error = Command::new(&ready.program)
        .arg0(name)
        .args(arguments)
        .env_clear()
        .envs(ready.environment)
        .exec();
    match error.kind() {
        std::io::ErrorKind::NotFound => LaunchError::NotFound(shown),
        std::io::ErrorKind::ArgumentListTooLong => LaunchError::TooLarge { total: 0, max: 0 },
        _ => LaunchError::NotRunnable(shown),
    }
}
