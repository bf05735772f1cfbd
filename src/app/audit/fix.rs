//! `audit --fix` and `audit --undo`: changes of files, and of settings of OpenClaw, that are safe to
//! make and to take back.
//!
//! What was there is on disk before anything is changed. A service must agree to its new files, else
//! they go back; what could lock a person out goes back, too, unless that person says from a new login
//! that it works.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clawvault_core::platform::{Dir, HeldFile, PlatformError, Rooted, set_mode};
use serde::{Deserialize, Serialize};

use super::host::run;
use super::own_audit::OpenClawProgram;
use super::setting;
use crate::app::{AppError, Code};
use crate::hardening::{Audited, Change, Mend};

const FILE: &str = "audit-undo.jsonl";
/// Largest record of what can be undone, and largest file that is changed, in bytes.
const MAX: usize = 4 << 20;
const MAX_FILE: usize = 256 * 1024;

/// A finding that can be mended, as a person is shown it.
pub struct Planned {
    /// The check.
    pub id: &'static str,
    /// What is done, in a few words.
    pub what: String,
    /// Lines that go, after `-`, and that come, after `+`.
    pub diff: Vec<String>,
    /// Whether it could lock a person out.
    pub needs_confirmation: bool,
}

/// What a person says.
pub trait Person {
    /// Whether it may be done.
    fn agrees(&mut self, planned: &Planned) -> bool;
    /// After it was done: whether a new login works. False where nobody can say.
    fn can_log_in(&mut self, planned: &Planned) -> bool;
    /// Hears how it went.
    fn hears(&mut self, planned: &Planned, word: &str);
}

/// How a file was, so that it can be again.
#[derive(Clone, Deserialize, Serialize)]
struct Before {
    /// The run, by its time.
    run: i64,
    path: String,
    mode: Option<(u32, u32)>,
    /// The old bytes in base64; none where the file is new.
    bytes: Option<String>,
    /// The new bytes' digest: a file that somebody changed since stays.
    digest: Option<String>,
    /// A setting of OpenClaw in the home at `path`: its name, what it was, what it became.
    #[serde(default)]
    setting: Option<(String, Option<String>, String)>,
}

/// Mends what can be mended and is agreed to; how many findings that were.
pub fn fix(
    audited: &Audited,
    state: &Path,
    openclaw: Option<&OpenClawProgram>,
    person: &mut dyn Person,
) -> Result<usize, AppError> {
    let directory = Dir::create(state)?;
    let mut done = 0;
    let mut seen = Vec::new();
    for verdict in audited.open() {
        let Some(mend) = &verdict.outcome.mend else { continue };
        // Two checks may ask for the same.
        if seen.contains(&&mend.changes) {
            continue;
        }
        seen.push(&mend.changes);
        let diff = mend.changes.iter().map(diff).collect::<Result<Vec<_>, _>>();
        let planned = Planned {
            id: verdict.check.id,
            what: mend.what.clone(),
            diff: diff.as_ref().map(|all| all.concat()).unwrap_or_default(),
            needs_confirmation: mend.needs_confirmation,
        };
        if let Err(error) = diff {
            person.hears(&planned, &format!("left as it is: {error}"));
            continue;
        }
        if !person.agrees(&planned) {
            continue;
        }
        match mend_one(mend, audited.time, &directory, openclaw, &planned, person) {
            Ok(()) => {
                done += 1;
                person.hears(&planned, "done");
            }
            Err(why) => person.hears(&planned, &format!("taken back: {why}")),
        }
    }
    Ok(done)
}

fn mend_one(
    mend: &Mend,
    run_time: i64,
    directory: &Dir,
    openclaw: Option<&OpenClawProgram>,
    planned: &Planned,
    person: &mut dyn Person,
) -> Result<(), String> {
    let mut made = Vec::new();
    let mut outcome = Ok(());
    for change in &mend.changes {
        let before = before(change, run_time)?;
        remember(directory, &before).map_err(|error| error.to_string())?;
        outcome = make(change, openclaw);
        if outcome.is_err() {
            break;
        }
        made.push(before);
    }
    outcome = outcome.and_then(|()| called(mend.validate, "the service refuses it"));
    let mut reloaded = false;
    if outcome.is_ok() {
        outcome = called(mend.reload, "the service could not be reloaded");
        reloaded = mend.reload.is_some();
    }
    if outcome.is_ok() && mend.needs_confirmation && !person.can_log_in(planned) {
        outcome = Err("nobody confirmed that a new login works".to_owned());
    }
    if outcome.is_err() {
        for before in made.iter().rev() {
            put_back(before, openclaw).map_err(|error| format!("{error}; mend it by hand"))?;
        }
        if reloaded {
            called(mend.reload, "").ok();
        }
    }
    outcome
}

fn called(command: Option<&'static [&'static str]>, why: &str) -> Result<(), String> {
    let Some([program, arguments @ ..]) = command else { return Ok(()) };
    let printed = run(program, arguments, &BTreeMap::new());
    match printed {
        Ok(printed) if printed.code == Some(0) => Ok(()),
        Ok(_) => Err(format!("{why} ({program})")),
        Err(unseen) => Err(format!("{why} ({unseen})")),
    }
}

/// Takes the last run of `--fix` back; the files that are as they were again, and those that are not.
pub fn undo(
    state: &Path,
    openclaw: Option<&OpenClawProgram>,
) -> Result<(Vec<String>, Vec<String>), AppError> {
    let directory = Dir::create(state)?;
    let all = remembered(&directory)?;
    let Some(last) = all.last().map(|one| one.run) else {
        let advice = "`clawvault audit --fix` changes something first.";
        return Err(AppError::new(Code::Missing, "there is nothing to undo", advice));
    };
    let (mut back, mut left) = (Vec::new(), Vec::new());
    let (of_run, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.run == last);
    for before in of_run.iter().rev() {
        let name = match &before.setting {
            Some((key, ..)) => format!("{} of OpenClaw in {}", key, before.path),
            None => before.path.clone(),
        };
        match put_back(before, openclaw) {
            Ok(true) => back.push(name),
            Ok(false) => {}
            Err(why) => left.push(format!("{name} is left: {why}")),
        }
    }
    write(&directory, &others)?;
    Ok((back, left))
}

fn remembered(directory: &Dir) -> Result<Vec<Before>, PlatformError> {
    let bytes = directory.read(FILE, MAX)?.map(|bytes| bytes.to_vec()).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

fn remember(directory: &Dir, before: &Before) -> Result<(), PlatformError> {
    let mut all = remembered(directory)?;
    all.push(before.clone());
    write(directory, &all)
}

/// The oldest are forgotten once there is too much.
fn write(directory: &Dir, all: &[Before]) -> Result<(), PlatformError> {
    let lines: Vec<String> = all.iter().filter_map(|one| serde_json::to_string(one).ok()).collect();
    let (mut size, mut from) = (0, lines.len());
    while from > 0 && size + lines[from - 1].len() < MAX {
        from -= 1;
        size += lines[from].len() + 1;
    }
    let text: String = lines[from..].iter().map(|line| format!("{line}\n")).collect();
    directory.replace(FILE, text.as_bytes())
}

/// The file as it is, open; none where there is none.
fn held(path: &Path) -> Result<Option<HeldFile>, PlatformError> {
    match HeldFile::open_absolute(path, MAX_FILE) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

fn mode_of(path: &Path) -> Result<u32, PlatformError> {
    let tree = Rooted::open(Path::new("/")).and_then(|tree| tree.meta(path));
    tree.map(|meta| meta.mode).map_err(|error| PlatformError::read(path, error))
}

/// The text that a change leads to.
fn after(change: &Change, old: &[u8]) -> Option<String> {
    match change {
        Change::Mode { .. } | Change::Setting { .. } => None,
        Change::Write { text, .. } => Some(text.clone()),
        Change::Append { lines, .. } => {
            let mut text = String::from_utf8_lossy(old).into_owned();
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            let new: Vec<&str> =
                lines.lines().filter(|line| !text.lines().any(|old| old == *line)).collect();
            // The first value wins with sshd: what is asked for comes first.
            let new: String = new.iter().map(|line| format!("{line}\n")).collect();
            Some(new + &text)
        }
    }
}

fn path_of(change: &Change) -> &Path {
    match change {
        Change::Mode { path, .. } | Change::Write { path, .. } | Change::Append { path, .. } => {
            path
        }
        Change::Setting { home, .. } => home,
    }
}

fn diff(change: &Change) -> Result<Vec<String>, String> {
    let path = path_of(change);
    if let Change::Setting { key, value, .. } = change {
        let old = setting::current(path, key)?;
        let gone = old.map(|old| format!("- {key}: {old}"));
        let lines =
            [Some(format!("  {}", path.display())), gone, Some(format!("+ {key}: {value}"))];
        return Ok(lines.into_iter().flatten().collect());
    }
    if let Change::Mode { mode, .. } = change {
        let old = mode_of(path).map_err(|error| error.to_string())?;
        let name = path.display();
        return Ok(vec![format!("- {old:04o} {name}"), format!("+ {mode:04o} {name}")]);
    }
    let old = held(path)
        .map_err(|error| error.to_string())?
        .map(|file| file.bytes().to_vec())
        .unwrap_or_default();
    let (old_text, new) = (String::from_utf8_lossy(&old), after(change, &old).unwrap_or_default());
    let mut lines = vec![format!("  {}", path.display())];
    let gone = old_text.lines().filter(|line| !new.lines().any(|one| one == *line));
    lines.extend(gone.map(|line| format!("- {line}")));
    let come = new.lines().filter(|line| !old_text.lines().any(|one| one == *line));
    lines.extend(come.map(|line| format!("+ {line}")));
    Ok(lines)
}

fn before(change: &Change, run: i64) -> Result<Before, String> {
    let path = path_of(change);
    let (path_name, none) = (path.display().to_string(), None);
    let same =
        Before { run, path: path_name, mode: None, bytes: none, digest: None, setting: None };
    if let Change::Mode { mode, .. } = change {
        return Ok(Before {
            mode: Some((mode_of(path).map_err(|error| error.to_string())?, *mode)),
            ..same
        });
    }
    if let Change::Setting { key, value, .. } = change {
        let old = setting::current(path, key)?;
        return Ok(Before { setting: Some((key.clone(), old, value.clone())), ..same });
    }
    let old = held(path).map_err(|error| error.to_string())?.map(|file| file.bytes().to_vec());
    let new = after(change, old.as_deref().unwrap_or_default()).unwrap_or_default();
    let digest = Some(blake3::hash(new.as_bytes()).to_hex().to_string());
    Ok(Before { bytes: old.map(|old| STANDARD.encode(old)), digest, ..same })
}

fn make(change: &Change, openclaw: Option<&OpenClawProgram>) -> Result<(), String> {
    if let Change::Setting { home, key, value } = change {
        return setting::set(openclaw, home, key, Some(value));
    }
    change_file(change).map_err(|error| error.to_string())
}

fn change_file(change: &Change) -> Result<(), PlatformError> {
    let path = path_of(change);
    if let Change::Mode { mode, .. } = change {
        return set_mode(path, mode_of(path)?, *mode);
    }
    match held(path)? {
        Some(file) => {
            let new = after(change, file.bytes()).unwrap_or_default();
            file.replace(new.as_bytes(), file.mode())
        }
        None => {
            let mode = if let Change::Write { mode, .. } = change { *mode } else { 0o644 };
            HeldFile::create(path, after(change, b"").unwrap_or_default().as_bytes(), mode)
        }
    }
}

/// Makes a file or a setting what it was; false where it is that already. What somebody changed since is
/// refused.
fn put_back(before: &Before, openclaw: Option<&OpenClawProgram>) -> Result<bool, String> {
    let path = Path::new(&before.path);
    let Some((key, old, new)) = &before.setting else {
        return put_file_back(before, path).map_err(|error| error.to_string());
    };
    let now = setting::current(path, key)?;
    if now == *old {
        return Ok(false);
    }
    if now.as_ref() != Some(new) {
        return Err("somebody else changed it meanwhile".to_owned());
    }
    setting::set(openclaw, path, key, old.as_deref()).map(|()| true)
}

fn put_file_back(before: &Before, path: &Path) -> Result<bool, PlatformError> {
    if let Some((from, to)) = before.mode {
        if mode_of(path)? == from {
            return Ok(false);
        }
        return set_mode(path, to, from).map(|()| true);
    }
    let old = before.bytes.as_ref().and_then(|bytes| STANDARD.decode(bytes).ok());
    let Some(file) = held(path)? else { return Ok(false) };
    if old.as_deref() == Some(file.bytes()) {
        return Ok(false);
    }
    let digest = blake3::hash(file.bytes()).to_hex().to_string();
    if before.digest.as_deref() != Some(digest.as_str()) {
        let why = "was changed by somebody else meanwhile";
        return Err(PlatformError::Untrusted { path: path.to_owned(), why });
    }
    match old {
        Some(old) => file.replace(&old, file.mode()),
        None => file.remove(),
    }
    .map(|()| true)
}
