//! Files of ignores: which one is in force, and how entries come into it.

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use clawvault_core::platform::read::{ReadError, read_bounded};
use clawvault_core::platform::{HeldFile, memory};
use clawvault_scan::finding::Finding;
use clawvault_scan::ignores::{self, IgnoreFile, MAX_FILE, NAME};

use super::files::uninterrupted;
use super::{Place, ScanSource};
use crate::app::{AppError, Code};

/// Rights of a file that is made: whoever reads the tree may read it.
const RIGHTS: u32 = 0o644;
/// Shortest beginning of a fingerprint.
const MIN_FINGERPRINT: usize = 8;

/// What may be left out.
#[derive(Clone, Debug)]
pub struct AllowOptions {
    /// Whether comments on the line count.
    pub markers: bool,
    /// Whether `.clawvaultignore` counts.
    pub file: bool,
    /// Another file of ignores.
    pub baseline: Option<PathBuf>,
    /// What is to be allowed from now on.
    pub update: Option<Update>,
}

/// What is to be allowed from now on, in the baseline, else in `.clawvaultignore`.
#[derive(Clone, Debug)]
pub struct Update {
    /// Findings whose fingerprints begin so; none: all.
    pub fingerprints: Vec<String>,
    /// Whether entries that allowed nothing are taken out.
    pub prune: bool,
}

/// Files of ignores that are in force.
pub(super) struct Allowed {
    markers: bool,
    files: Vec<Held>,
    /// Where entries go, and what that is called.
    target: Option<(PathBuf, String)>,
    /// Paths as they were given, and what they are.
    roots: Vec<(PathBuf, PathBuf)>,
    /// What globs are relative to; none where paths are already.
    root: Option<PathBuf>,
}

/// A file of ignores.
struct Held {
    path: PathBuf,
    shown: String,
    file: IgnoreFile,
    /// As it was read; what is written later must not differ from it meanwhile.
    held: Option<HeldFile>,
}

impl Allowed {
    /// Reads the files that are in force for a source.
    pub(super) fn load(source: &ScanSource, options: &AllowOptions) -> Result<Self, AppError> {
        let mut allowed = Self {
            markers: options.markers,
            files: Vec::new(),
            target: options
                .baseline
                .as_ref()
                .map(|path| (path.clone(), path.display().to_string())),
            roots: Vec::new(),
            root: None,
        };
        let own = match source {
            ScanSource::Tree(paths, _) => {
                let real = |path: &PathBuf| Some((path.clone(), path.canonicalize().ok()?));
                allowed.roots = paths.iter().filter_map(real).collect();
                allowed.root = allowed.roots.first().map(|(_, real)| root_of(real));
                allowed.root.clone()
            }
            // What lies in such places may be the agent's: no file there says what is not told.
            ScanSource::OpenClaw(_) | ScanSource::Typed(_) => None,
            ScanSource::Staged(places) | ScanSource::History(places, _) => {
                match places.as_slice() {
                    [place] => place.open()?.work_tree().map(Path::to_owned),
                    _ => None,
                }
            }
            ScanSource::Text(_) => None,
        };
        if let Some(own) = own.map(|root| root.join(NAME)) {
            if options.file {
                let staged = match source {
                    ScanSource::Staged(places) => places.first(),
                    _ => None,
                };
                allowed.files.extend(read(&own, NAME.to_owned(), staged)?);
            }
            allowed.target.get_or_insert((own, NAME.to_owned()));
        }
        if let Some(baseline) = &options.baseline {
            let shown = baseline.display().to_string();
            let found = read(baseline, shown, None)?;
            if found.is_none() && options.update.is_none() {
                let what = format!("there is no {}", baseline.display());
                let advice = "Make it with --update-baseline, or check its path.";
                return Err(AppError::new(Code::Missing, what, advice));
            }
            allowed.files.extend(found);
        }
        Ok(allowed)
    }

    /// Takes out what is allowed; gives how many, by what allows them.
    pub(super) fn remove(&mut self, findings: &mut Vec<Finding>) -> Vec<(String, u64)> {
        let relative = |path: &[u8]| relative(self.root.as_deref(), &self.roots, path);
        let mut files: Vec<&mut IgnoreFile> =
            self.files.iter_mut().map(|held| &mut held.file).collect();
        let ignored = ignores::remove(findings, self.markers, &mut files, &relative);
        let mut all = vec![("comments on their lines".to_owned(), ignored.by_marker)];
        let names = self.files.iter().map(|held| held.shown.clone());
        all.extend(names.zip(ignored.by_file));
        all.retain(|(_, count)| *count > 0);
        all
    }

    /// Allows what is asked for from now on, and takes it out. Gives what was done.
    pub(super) fn update(
        mut self,
        findings: &mut Vec<Finding>,
        update: Option<&Update>,
    ) -> Result<Vec<String>, AppError> {
        let Some(Update { fingerprints, prune }) = update else { return Ok(self.stale()) };
        let (target, shown) = self.target.take().ok_or_else(|| {
            AppError::usage(
                "there is no place for a file of ignores here",
                "Name one: --baseline F.",
            )
        })?;
        let (new, rest) = choose(std::mem::take(findings), fingerprints)?;
        *findings = rest;
        let at = self.files.iter().position(|held| held.path == target && held.held.is_some());
        let mut held = match at {
            Some(at) => self.files.swap_remove(at),
            None => match read(&target, shown.clone(), None)? {
                Some(held) => held,
                None => Held { shown, path: target, file: IgnoreFile::new(key()?), held: None },
            },
        };
        let before = held.file.text();
        if !held.file.has_key() {
            held.file.set_key(key()?);
        }
        let added = held.file.add(&new.iter().collect::<Vec<_>>());
        let removed = if *prune { held.file.prune() } else { 0 };
        let shown = &held.shown;
        if held.held.is_some() && held.file.text() == before {
            return Ok(vec![format!("{shown} is as it was")]);
        }
        held.write()?;
        Ok(vec![format!("added to {shown}: {added}; removed: {removed}")])
    }

    /// Entries that nothing needs any more.
    fn stale(&self) -> Vec<String> {
        let unused = |held: &Held| match held.file.unused() {
            0 => None,
            count => Some(format!(
                "unused entries in {}: {count} (--update-baseline --prune takes them out)",
                held.shown
            )),
        };
        self.files.iter().filter_map(unused).collect()
    }
}

impl Held {
    /// Writes the file whole or not at all, unless somebody else did meanwhile.
    fn write(&self) -> Result<(), AppError> {
        let text = self.file.text();
        let path = real(&self.path)?;
        uninterrupted(|| match &self.held {
            Some(held) => held.replace(text.as_bytes(), held.mode()),
            None => HeldFile::create(&path, text.as_bytes(), RIGHTS),
        })?;
        Ok(())
    }
}

/// Divides findings by whether they are to be allowed.
fn choose(
    findings: Vec<Finding>,
    fingerprints: &[String],
) -> Result<(Vec<Finding>, Vec<Finding>), AppError> {
    if fingerprints.is_empty() {
        return Ok((findings, Vec::new()));
    }
    for begin in fingerprints {
        let advice = "Give fingerprints as the report has them, at least 8 digits of each.";
        if begin.len() < MIN_FINGERPRINT {
            return Err(AppError::usage("a fingerprint is too short", advice));
        }
        if !findings.iter().any(|finding| finding.fingerprint.starts_with(begin.as_str())) {
            return Err(AppError::new(
                Code::Missing,
                "no finding has a fingerprint that was given",
                advice,
            ));
        }
    }
    let chosen = |finding: &Finding| {
        fingerprints.iter().any(|begin| finding.fingerprint.starts_with(begin.as_str()))
    };
    Ok(findings.into_iter().partition(chosen))
}

/// Reads a file of ignores; of a staged change, as it is staged.
fn read(path: &Path, shown: String, staged: Option<&Place>) -> Result<Option<Held>, AppError> {
    let refused = |what: String| {
        let advice = "Mend that line; --no-ignore-file scans without the file.";
        AppError::usage(format!("{shown}: {what}"), advice)
    };
    let parse = |bytes: &[u8]| IgnoreFile::parse(bytes).map_err(|error| refused(error.to_string()));
    if let Some(place) = staged {
        let Some(bytes) = place.open()?.staged_file(NAME.as_bytes(), MAX_FILE)? else {
            return Ok(None);
        };
        let (file, path) = (parse(&bytes)?, path.to_owned());
        return Ok(Some(Held { path, shown, file, held: None }));
    }
    match read_bounded(path, MAX_FILE) {
        Err(ReadError::Missing) => return Ok(None),
        Err(error) => return Err(refused(error.to_string())),
        Ok(_) => {}
    }
    let held = HeldFile::open_absolute(&real(path)?, MAX_FILE)?;
    let file = parse(held.bytes())?;
    Ok(Some(Held { path: path.to_owned(), shown, file, held: Some(held) }))
}

/// The path without links in its directories.
fn real(path: &Path) -> Result<PathBuf, AppError> {
    let name = path
        .file_name()
        .ok_or_else(|| AppError::usage("that names no file", "Name a file for --baseline."))?;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = parent.canonicalize().map_err(|error| {
        let what = format!("{}: {}", parent.display(), error.kind());
        AppError::new(Code::Missing, what, "Name a file in a directory that exists.")
    })?;
    Ok(parent.join(name))
}

/// The root of what a path is in: of its repository, else the directory itself.
fn root_of(path: &Path) -> PathBuf {
    let directory = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let repository = directory.ancestors().find(|above| above.join(".git").exists());
    repository.unwrap_or(directory).to_owned()
}

/// A finding's path, as globs mean it.
fn relative(root: Option<&Path>, given: &[(PathBuf, PathBuf)], path: &[u8]) -> Vec<u8> {
    let Some(root) = root else { return path.to_vec() };
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    let below = |(given, real): &(PathBuf, PathBuf)| {
        let rest = path.strip_prefix(given).ok()?;
        Some(if rest.as_os_str().is_empty() { real.clone() } else { real.join(rest) })
    };
    let here = || Some(Path::new(".").canonicalize().ok()?.join(path));
    let whole = given.iter().find_map(below).or_else(here).unwrap_or_else(|| path.to_owned());
    let inside = whole.strip_prefix(root).map(Path::to_owned).unwrap_or(whole);
    inside.into_os_string().into_vec()
}

fn key() -> Result<[u8; 32], AppError> {
    let mut key = [0; 32];
    memory::random(&mut key).map_err(|_| {
        let advice = "Try again once the machine has started completely.";
        AppError::new(Code::Failed, "the system gives no random numbers", advice)
    })?;
    Ok(key)
}
