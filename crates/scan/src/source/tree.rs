//! Files below the paths that are named.
//!
//! Links are not followed, but for a path that is itself named; what is no file is not opened;
//! `.git` is no part of a tree. What cannot be read is told.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bstr::ByteSlice as _;
use ignore::{DirEntry, ParallelVisitor, ParallelVisitorBuilder, WalkBuilder, WalkState};

use super::databases::Database;
use super::{Outcome, Progress, content};
use crate::engine::Scanner;

/// At most so many threads read.
const MAX_THREADS: usize = 2;
/// Larger files are left out where databases are read, in bytes.
const MAX_FILE: u64 = 16 << 30;

/// How trees are walked.
#[derive(Clone, Copy, Debug, Default)]
pub struct TreeOptions {
    /// Also scan what ignore files leave out.
    pub no_ignore: bool,
    /// Read databases of SQLite row by row; then files larger than 16 GiB are left out.
    pub databases: bool,
    /// Ends of the paths of directories that are left out.
    pub except: &'static [&'static str],
}

/// Scans every file below `paths`.
pub fn scan(
    scanner: &Scanner<'_>,
    paths: &[PathBuf],
    options: &TreeOptions,
    progress: &dyn Progress,
) -> Outcome {
    let all = Mutex::new(Outcome::default());
    let mut walk: Option<WalkBuilder> = None;
    let options = *options;
    let mut files = Visitor { scanner, progress, options, found: Outcome::default(), all: &all };
    for path in paths {
        match std::fs::metadata(path) {
            Ok(named) if named.is_dir() => match &mut walk {
                Some(walk) => {
                    walk.add(below(path));
                }
                None => walk = Some(WalkBuilder::new(below(path))),
            },
            // Named itself, it may be a link.
            Ok(named) if named.is_file() => files.file(path, true),
            Ok(_) => files.skip("no regular file"),
            Err(error) => files.fail(path, &error),
        }
    }
    drop(files);
    if let Some(mut walk) = walk {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        // Whether or not there is a repository, what `.gitignore` leaves out is left out.
        walk.standard_filters(!options.no_ignore).hidden(false).require_git(false);
        // That file is the user's, not the tree's.
        walk.git_global(false);
        walk.filter_entry(|entry| entry.depth() == 0 || entry.file_name() != ".git");
        walk.threads(threads.min(MAX_THREADS));
        walk.build_parallel().visit(&mut Visitors { scanner, progress, options, all: &all });
    }
    all.into_inner().unwrap_or_default()
}

/// The path of a directory, so that a link to one is walked as well.
fn below(path: &Path) -> PathBuf {
    path.join("")
}

struct Visitors<'a> {
    scanner: &'a Scanner<'a>,
    progress: &'a dyn Progress,
    options: TreeOptions,
    all: &'a Mutex<Outcome>,
}

impl<'a> ParallelVisitorBuilder<'a> for Visitors<'a> {
    fn build(&mut self) -> Box<dyn ParallelVisitor + 'a> {
        let Self { scanner, progress, options, all } = *self;
        Box::new(Visitor { scanner, progress, options, found: Outcome::default(), all })
    }
}

/// One thread's part of a walk; adds what it found to all when it is dropped.
struct Visitor<'a> {
    scanner: &'a Scanner<'a>,
    progress: &'a dyn Progress,
    options: TreeOptions,
    found: Outcome,
    all: &'a Mutex<Outcome>,
}

impl ParallelVisitor for Visitor<'_> {
    fn visit(&mut self, entry: Result<DirEntry, ignore::Error>) -> WalkState {
        if self.progress.stop() {
            return WalkState::Quit;
        }
        match entry {
            Ok(entry) => match entry.file_type() {
                Some(kind) if kind.is_file() => self.file(entry.path(), false),
                Some(kind) if kind.is_dir() => {
                    if self.options.except.iter().any(|end| entry.path().ends_with(end)) {
                        self.skip("directory of a program's own files");
                        return WalkState::Skip;
                    }
                }
                Some(kind) if kind.is_symlink() => self.skip("link"),
                _ => self.skip("no regular file"),
            },
            Err(error) => self.walk_failed(&error),
        }
        WalkState::Continue
    }
}

impl Drop for Visitor<'_> {
    fn drop(&mut self) {
        if let Ok(mut all) = self.all.lock() {
            all.add(std::mem::take(&mut self.found));
        }
    }
}

impl Visitor<'_> {
    fn file(&mut self, path: &Path, follow: bool) {
        match self.scanned(path, follow) {
            Ok(Some(found)) => {
                self.progress.done(1, found.summary.bytes);
                self.found.add(found);
            }
            Ok(None) => self.skip("no regular file"),
            Err(error) => self.fail(path, &error),
        }
    }

    /// Scans a file; `None` where it is none any more.
    fn scanned(&self, path: &Path, follow: bool) -> io::Result<Option<Outcome>> {
        let mut file = open(path, follow)?;
        let opened = file.metadata()?;
        if !opened.is_file() {
            return Ok(None);
        }
        let name = bytes_of(path.as_os_str());
        if self.options.databases {
            if opened.len() > MAX_FILE {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            let (scanner, progress) = (self.scanner, self.progress);
            let open = |path: &Path| open(path, follow);
            let database = Database { scanner, progress, path, name: &name, open: &open };
            if let Some(outcome) = database.scan(&file)? {
                return Ok(Some(outcome));
            }
        }
        content::scan_file(self.scanner, &name, &mut file, self.progress).map(Some)
    }

    fn skip(&mut self, why: &'static str) {
        self.found.summary.skipped.add(why, 1);
    }

    fn fail(&mut self, path: &Path, error: &io::Error) {
        let shown = bytes_of(path.as_os_str()).escape_bytes().to_string();
        self.found.summary.unreadable.push((shown, error.kind().to_string()));
    }

    fn walk_failed(&mut self, error: &ignore::Error) {
        let (path, why) = match error {
            ignore::Error::WithPath { path, err } => (path.as_path(), err.as_ref()),
            ignore::Error::WithDepth { err, .. } => return self.walk_failed(err),
            other => (Path::new("."), other),
        };
        match why {
            ignore::Error::WithDepth { err, .. } if path == Path::new(".") => self.walk_failed(err),
            why => {
                let why = why.io_error().map_or(io::ErrorKind::Other, io::Error::kind);
                self.fail(path, &why.into());
            }
        }
    }
}

/// Opens a file without waiting for whoever may write to it, and not through a link.
#[cfg(unix)]
fn open(path: &Path, follow: bool) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    if !follow {
        flags |= rustix::fs::OFlags::NOFOLLOW;
    }
    OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path, _follow: bool) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

fn bytes_of(name: &OsStr) -> Vec<u8> {
    <[u8]>::from_os_str(name)
        .map_or_else(|| name.to_string_lossy().into_owned().into_bytes(), <[u8]>::to_vec)
}
