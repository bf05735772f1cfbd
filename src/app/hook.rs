//! Hooks of git that call the scan: put in beside what was there, and taken out without a trace.

use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use clawvault_core::platform::read::read_bounded;
use clawvault_core::platform::{Dir, PlatformError, Private};
use clawvault_scan::source::git::Repository;
use rustix::fs::{Mode, fchmod, mkdir};

use super::{AppError, Code};

/// By this line a hook of ours is known again.
const MARK: &[u8] =
    b"# Put in by `clawvault hook install`; `clawvault hook uninstall` takes it out.\n";
/// In a hook for which the directory was made, too.
const MADE: &[u8] = b"# Its directory was made for it.\n";
/// Under this name the hook that was there before is called first.
const BEFORE: &str = ".before-clawvault";
/// Where a hook is written before it gets its name.
const NEW: &str = ".clawvault-new";
/// Largest hook that is looked at; a larger one is none of ours.
const MAX_HOOK: usize = 64 * 1024;

/// When git calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hook {
    /// Before a commit is made.
    PreCommit,
    /// Before commits are pushed.
    PrePush,
}

/// What was done about a hook.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HookDone {
    /// It is in place now.
    Installed,
    /// It is in place now, and calls first what was there before.
    Chained,
    /// It is gone.
    Removed,
    /// It is gone, and what was there before has its place again.
    Restored,
    /// There was none of ours.
    Absent,
    /// Another hook took the place of ours, which it may call.
    Foreign,
}

impl Hook {
    /// Both.
    pub const ALL: [Self; 2] = [Self::PreCommit, Self::PrePush];

    /// Its name, which is its file's.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreCommit => "pre-commit",
            Self::PrePush => "pre-push",
        }
    }

    /// What it executes, a script for `sh`. It reads nothing from a terminal.
    fn script(self, program: &Path, made: bool) -> Result<Vec<u8>, AppError> {
        let path = program.as_os_str().as_bytes();
        if path.contains(&b'\'') || path.contains(&b'\n') {
            let what = "the path of this program has a quote in it, which a hook cannot call";
            return Err(AppError::new(Code::Failed, what, "Put the program somewhere else."));
        }
        let mut script = b"#!/bin/sh\n".to_vec();
        script.extend_from_slice(MARK);
        script.extend_from_slice(if made { MADE } else { b"" });
        script.extend_from_slice(b"clawvault='");
        script.extend_from_slice(path);
        script.extend_from_slice(b"'\n");
        script.extend_from_slice(PROGRAM.as_bytes());
        script.extend_from_slice(match self {
            Self::PreCommit => COMMIT.as_bytes(),
            Self::PrePush => PUSH.as_bytes(),
        });
        Ok(script)
    }
}

const PROGRAM: &str = r#"if ! [ -x "$clawvault" ] && ! clawvault=$(command -v clawvault); then
    echo "clawvault: the program is gone, and nothing was scanned" >&2
    echo "hint: install it again, or remove $0; git takes --no-verify for once" >&2
    exit 1
fi
"#;
const COMMIT: &str = r#"before=${0%/*}/pre-commit.before-clawvault
if [ -x "$before" ]; then
    "$before" "$@" || exit
fi
exec "$clawvault" scan --staged </dev/null
"#;
const PUSH: &str = r#"before=${0%/*}/pre-push.before-clawvault
lines=$(cat)
lines=${lines:+$lines
}
if [ -x "$before" ]; then
    printf %s "$lines" | "$before" "$@" || exit
fi
# An address, which may hold a password, stays out of the arguments.
case $1 in
*[!A-Za-z0-9._/-]*) remote= ;;
*) remote=$1 ;;
esac
printf %s "$lines" | "$clawvault" scan --history --pushed "$remote"
"#;

/// The directory of the hooks of the repository that `path` is in.
fn hooks(path: &Path) -> Result<PathBuf, AppError> {
    Ok(Repository::discover(path)?.hooks()?)
}

/// Puts a hook in that calls this program. A hook that is there already is kept and called first;
/// to do it again changes nothing but the path of the program. Gives the directory, too.
pub fn install_hook(
    path: &Path,
    hook: Hook,
    program: &Path,
) -> Result<(PathBuf, HookDone), AppError> {
    let directory = hooks(path)?;
    let exists = directory.is_dir();
    if !exists {
        make(&directory)?;
    }
    let dir = open(&directory)?;
    let (name, before) = (hook.name(), format!("{}{BEFORE}", hook.name()));
    let ours = read(dir.path(), name);
    let is_ours = ours.as_ref().is_some_and(|bytes| is_ours(bytes));
    let made = !exists
        || ours.is_some_and(|bytes| is_ours && contains(&bytes, MADE))
        || made_for_another(&dir, hook);
    if dir.has(name) && !is_ours && dir.has(&before) {
        let what = format!("both {name} and {before} are there, and neither is ours");
        let advice = "Call `clawvault scan` from your own hook, or take one of them away.";
        return Err(AppError::new(Code::Failed, what, advice));
    }
    write(&dir, NEW, &hook.script(program, made)?)?;
    let placed = place(&dir, name, &before, is_ours);
    if placed.is_err() {
        dir.remove(NEW).ok();
    }
    placed?;
    let done = if dir.has(&before) { HookDone::Chained } else { HookDone::Installed };
    Ok((directory, done))
}

/// Gives the new hook its name; what has it, and is none of ours, is kept under another.
fn place(dir: &Dir, name: &str, before: &str, is_ours: bool) -> Result<(), PlatformError> {
    if dir.has(name) && !is_ours {
        dir.settle(name, before)?;
    }
    dir.rename(NEW, name)
}

/// Takes a hook out: what was there before has its place again, byte for byte.
pub fn uninstall_hook(path: &Path, hook: Hook) -> Result<(PathBuf, HookDone), AppError> {
    let directory = hooks(path)?;
    if !directory.is_dir() {
        return Ok((directory, HookDone::Absent));
    }
    let dir = open(&directory)?;
    let (name, before) = (hook.name(), format!("{}{BEFORE}", hook.name()));
    let ours = read(dir.path(), name).filter(|bytes| is_ours(bytes));
    if dir.has(name) && ours.is_none() {
        let done = if dir.has(&before) { HookDone::Foreign } else { HookDone::Absent };
        return Ok((directory, done));
    }
    if dir.has(&before) {
        dir.rename(&before, name)?;
        return Ok((directory, HookDone::Restored));
    }
    let Some(ours) = ours else { return Ok((directory, HookDone::Absent)) };
    dir.remove(name)?;
    if contains(&ours, MADE) && dir.list()?.is_empty() {
        let parent = directory.parent().zip(directory.file_name().and_then(|name| name.to_str()));
        if let Some((parent, name)) = parent {
            open(parent)?.remove_dir(name)?;
        }
    }
    Ok((directory, HookDone::Removed))
}

/// Whether the directory was made for the other hook.
fn made_for_another(dir: &Dir, hook: Hook) -> bool {
    let others = Hook::ALL.iter().filter(|other| **other != hook);
    let mut scripts = others.filter_map(|other| read(dir.path(), other.name()));
    scripts.any(|bytes| is_ours(&bytes) && contains(&bytes, MADE))
}

fn is_ours(script: &[u8]) -> bool {
    contains(script, MARK)
}

fn contains(bytes: &[u8], line: &[u8]) -> bool {
    bytes.windows(line.len()).any(|window| window == line)
}

/// A hook's script; none where it is a link or no file: then it is none of ours.
fn read(directory: &Path, name: &str) -> Option<Vec<u8>> {
    read_bounded(&directory.join(name), MAX_HOOK).ok().map(|bytes| bytes.to_vec())
}

fn write(dir: &Dir, name: &str, bytes: &[u8]) -> Result<(), AppError> {
    dir.remove(name)?;
    let failed = |error: std::io::Error| {
        let what = format!("the hook cannot be written: {}", error.kind());
        AppError::new(Code::Failed, what, "Free space there; nothing was changed.")
    };
    let mut file = dir.create_new(name)?;
    file.write_all(bytes).map_err(failed)?;
    fchmod(&file, Mode::from_raw_mode(0o755)).map_err(|error| failed(error.into()))?;
    file.sync_all().map_err(failed)
}

fn open(directory: &Path) -> Result<Dir, PlatformError> {
    let real = directory.canonicalize().map_err(|e| PlatformError::io("open", directory, e))?;
    Dir::open(&real, Private::Inspect)
}

/// Makes the directory itself, as git makes it; the one that it is in must exist.
fn make(directory: &Path) -> Result<(), PlatformError> {
    mkdir(directory, Mode::from_raw_mode(0o755))
        .map_err(|error| PlatformError::io("create", directory, error))
}
