//! Settings of OpenClaw, changed by its own program, which judges them and tells a running gateway.

use std::ffi::OsString;
use std::path::Path;

use clawvault_core::domain::Setting;
use clawvault_core::platform::process::effective_uid;
use clawvault_core::platform::{HeldFile, Rooted};

use super::own_audit::OpenClawProgram;
use crate::openclaw::{config, parse_settings};

/// Largest configuration that is read, in bytes.
const MAX: usize = 4 << 20;

/// What a plain setting is now, as on a command line; none where it is not set.
pub(super) fn current(home: &Path, key: &str) -> Result<Option<String>, String> {
    let file = HeldFile::open_absolute(&home.join(config::FILE), MAX).map_err(|e| e.to_string())?;
    let settings = parse_settings(file.bytes()).map_err(|e| e.to_string())?;
    match settings.at(key) {
        Setting::Nothing => Ok(None),
        one => one.plain().map(Some).ok_or_else(|| format!("{key} is no plain value")),
    }
}

/// Makes a setting be this; none takes it out. It is never done for another user's home: the program
/// loads plugins from there.
pub(super) fn set(
    openclaw: Option<&OpenClawProgram>,
    home: &Path,
    key: &str,
    value: Option<&str>,
) -> Result<(), String> {
    let openclaw = openclaw.ok_or("OpenClaw's own program was not found in PATH")?;
    let tree = Rooted::open(Path::new("/")).and_then(|tree| tree.meta(home));
    if tree.map_err(|error| error.to_string())?.uid != effective_uid() {
        return Err(format!("{} is for its own user to change", home.display()));
    }
    let words = match value {
        Some(value) => vec!["config", "set", key, value],
        None => vec!["config", "unset", key],
    };
    let (_, status) = openclaw.run(home, words.into_iter().map(OsString::from).collect())?;
    if !status.success() {
        return Err(format!("OpenClaw refuses it ({key})"));
    }
    match current(home, key)?.as_deref() == value {
        true => Ok(()),
        false => Err(format!("OpenClaw took it, and {key} is something else")),
    }
}
