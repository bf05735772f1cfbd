//! Lays out a host's tree from `fixtures/hosts/NAME.toml`: git keeps neither rights nor times.
//!
//! `base` names a tree that is laid out first, `with` one that is laid out last. An entry is a file with its `text` (none: empty), a
//! `link`, a `directory`, or `gone`; `days` is how long ago it was written.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::made_up;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tree {
    base: Option<String>,
    with: Option<String>,
    /// The checks that find something, of a careless variant.
    #[serde(default)]
    finds: Vec<String>,
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    #[serde(default)]
    text: String,
    mode: Option<String>,
    days: Option<u64>,
    link: Option<String>,
    #[serde(default)]
    directory: bool,
    #[serde(default)]
    gone: bool,
}

/// Lays a tree out below `root`; the checks that it says find something.
pub(crate) fn unpack(name: &str, root: &Path) -> Vec<String> {
    let text = fs::read_to_string(super::fixture(&format!("{name}.toml"))).unwrap();
    let tree: Tree = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    if let Some(base) = &tree.base {
        unpack(base, root);
    }
    let mut modes = Vec::new();
    for entry in &tree.entry {
        let path = root.join(entry.path.trim_start_matches('/'));
        if path.is_symlink() || path.is_file() {
            fs::remove_file(&path).unwrap();
        }
        if entry.gone {
            continue;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if let Some(link) = &entry.link {
            symlink(link, &path).unwrap();
            continue;
        }
        if entry.directory {
            fs::create_dir_all(&path).unwrap();
        } else {
            fs::write(&path, made_up::filled(&entry.text)).unwrap();
        }
        if let Some(days) = entry.days {
            let time = SystemTime::now() - Duration::from_secs(days * 86_400);
            fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        }
        let default = if entry.directory { "755" } else { "644" };
        let mode = u32::from_str_radix(entry.mode.as_deref().unwrap_or(default), 8).unwrap();
        modes.push((path, mode));
    }
    // Last, so that a closed directory can be filled.
    for (path, mode) in modes.into_iter().rev() {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    if let Some(more) = &tree.with {
        unpack(more, root);
    }
    tree.finds
}
