//! What a session asked of the file system, read from a record of `strace`, and what a power cut at
//! any moment leaves of it.
//!
//! The model is strict: a file's bytes are safe once it was synced, a name once its directory was;
//! names that are not safe come true in their order, up to some point. Bytes are torn by sectors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::random::Random;
use super::sectors::{Step, apply, cut};

/// One thing that was asked.
#[derive(Debug)]
pub(crate) enum Asked {
    File(PathBuf, Step),
    Make(PathBuf),
    MakeDirectory(PathBuf),
    Rename(PathBuf, PathBuf),
    Exchange(PathBuf, PathBuf),
    Remove(PathBuf),
    /// Words on stderr.
    Said(String),
}

/// Reads the calls that worked, of files below `root`.
pub(crate) fn read(record: &str, root: &Path) -> Vec<Asked> {
    let mut offsets: BTreeMap<String, usize> = BTreeMap::new();
    record.lines().filter_map(|line| Call::parse(line)?.asked(&mut offsets, root)).collect()
}

/// One line of the record: `PID NAME(ARGUMENTS) = RESULT`.
struct Call<'a> {
    name: &'a str,
    arguments: Vec<&'a str>,
    result: &'a str,
}

impl<'a> Call<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (before, result) = line.rsplit_once(" = ")?;
        let (name, arguments) = before.split_once('(')?;
        let arguments = arguments.trim_end().strip_suffix(')')?.split(", ").collect();
        let name = name.rsplit(' ').next()?;
        (!result.starts_with('-')).then_some(Self { name, arguments, result })
    }

    fn asked(&self, offsets: &mut BTreeMap<String, usize>, root: &Path) -> Option<Asked> {
        let argument = |number: usize| self.arguments.get(number).copied().unwrap_or_default();
        let number = |text: &str| text.split('<').next()?.trim().parse::<usize>().ok();
        let descriptor = argument(0).split('<').next()?.to_owned();
        let open = || Some(path_of(argument(0))).filter(|path| path.starts_with(root));
        let inside = |directory: usize, name: usize| {
            let path = path_of(argument(directory)).join(text_of(argument(name)));
            Some(path).filter(|path| path.starts_with(root))
        };
        match self.name {
            "openat" => {
                offsets.insert(self.result.split('<').next()?.to_owned(), 0);
                let makes = argument(2).contains("O_CREAT");
                makes.then(|| inside(0, 1)).flatten().map(Asked::Make)
            }
            "lseek" => {
                offsets.insert(descriptor, number(self.result)?);
                None
            }
            "write" if descriptor == "2" => {
                Some(Asked::Said(String::from_utf8_lossy(&bytes_of(argument(1))).into_owned()))
            }
            "write" => {
                let at = offsets.entry(descriptor).or_default();
                let from = *at;
                *at += number(self.result)?;
                Some(Asked::File(open()?, Step::Write(from, bytes_of(argument(1)))))
            }
            "pwrite64" => {
                Some(Asked::File(open()?, Step::Write(number(argument(3))?, bytes_of(argument(1)))))
            }
            "ftruncate" => Some(Asked::File(open()?, Step::Length(number(argument(1))?))),
            "fsync" | "fdatasync" => Some(Asked::File(open()?, Step::Sync)),
            "mkdirat" => inside(0, 1).map(Asked::MakeDirectory),
            "unlinkat" => inside(0, 1).map(Asked::Remove),
            "renameat2" if argument(4).contains("EXCHANGE") => {
                Some(Asked::Exchange(inside(0, 1)?, inside(2, 3)?))
            }
            "renameat" | "renameat2" => Some(Asked::Rename(inside(0, 1)?, inside(2, 3)?)),
            _ => None,
        }
    }
}

/// The path that strace adds to a descriptor: `7</some/where>`.
fn path_of(descriptor: &str) -> PathBuf {
    let path = descriptor.split_once('<').map_or("", |(_, path)| path.trim_end_matches('>'));
    PathBuf::from(String::from_utf8_lossy(&bytes_of(path)).into_owned())
}

fn text_of(argument: &str) -> String {
    String::from_utf8_lossy(&bytes_of(argument)).into_owned()
}

/// A string of the record: every byte as `\xHH`, or as itself.
fn bytes_of(argument: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = argument.trim_matches('"').as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'\\', [b'x', high, low, ..]) => {
                let digits = [*high, *low];
                let digits = str::from_utf8(&digits).expect("hexadecimal digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
                rest = &after[3..];
            }
            _ => bytes.push(*first),
        }
    }
    bytes
}

/// Files by their path; directories have no bytes.
pub(crate) type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// Names of files, by the number of what they name; directories have none.
type Names = BTreeMap<PathBuf, Option<usize>>;

/// A file: what is safe of it, and what is not.
struct File {
    synced: Vec<u8>,
    pending: Vec<Step>,
}

/// The files of a session, while it goes on.
pub(crate) struct Disk<'a> {
    files: Vec<File>,
    /// Names as a reader sees them, and as they are safe.
    seen: Names,
    safe: Names,
    /// Changes of names that are not safe, with the number of the file that each made.
    pending: Vec<(&'a Asked, Option<usize>)>,
}

impl<'a> Disk<'a> {
    /// Everything that was there before is safe.
    pub(crate) fn holding(before: &Tree) -> Self {
        let (mut files, mut names) = (Vec::new(), Names::new());
        for (path, bytes) in before {
            let number = bytes.as_ref().map(|_| files.len());
            let file = |bytes: &Vec<u8>| File { synced: bytes.clone(), pending: Vec::new() };
            files.extend(bytes.as_ref().map(file));
            names.insert(path.clone(), number);
        }
        Self { files, seen: names.clone(), safe: names, pending: Vec::new() }
    }

    /// Does what was asked.
    pub(crate) fn play(&mut self, asked: &'a [Asked]) {
        for one in asked {
            match one {
                Asked::Said(_) => {}
                Asked::File(path, step) => match (self.seen.get(path), step) {
                    (Some(Some(number)), Step::Sync) => {
                        let File { synced, pending } = &mut self.files[*number];
                        pending.drain(..).for_each(|step| apply(synced, &step));
                    }
                    (Some(Some(number)), step) => self.files[*number].pending.push(step.clone()),
                    (_, _) => self.sync_names(path),
                },
                Asked::Make(path) if self.seen.contains_key(path) => {}
                change => {
                    let made = matches!(change, Asked::Make(_)).then_some(self.files.len());
                    let file = || File { synced: Vec::new(), pending: Vec::new() };
                    self.files.extend(made.map(|_| file()));
                    rename(&mut self.seen, change, made);
                    self.pending.push((change, made));
                }
            }
        }
    }

    fn sync_names(&mut self, directory: &Path) {
        let safe = &mut self.safe;
        self.pending.retain(|(change, made)| {
            let is_here = parent(change) == Some(directory);
            if is_here {
                rename(safe, change, *made);
            }
            !is_here
        });
    }

    /// What is left when the power goes now.
    pub(crate) fn cut(mut self, random: &mut Random) -> Tree {
        let reached = random.below(self.pending.len() as u64 + 1);
        for (change, made) in self.pending.iter().take(usize::try_from(reached).expect("few")) {
            rename(&mut self.safe, change, *made);
        }
        let names = std::mem::take(&mut self.safe);
        self.tree(names, |file| cut(&file.synced, &file.pending, random))
    }

    /// What a reader sees.
    pub(crate) fn whole(mut self) -> Tree {
        let names = std::mem::take(&mut self.seen);
        self.tree(names, |file| {
            let mut bytes = file.synced.clone();
            file.pending.iter().for_each(|step| apply(&mut bytes, step));
            bytes
        })
    }

    fn tree(&self, names: Names, mut bytes: impl FnMut(&File) -> Vec<u8>) -> Tree {
        let mut content = |number: usize| bytes(&self.files[number]);
        names.into_iter().map(|(path, number)| (path, number.map(&mut content))).collect()
    }
}

/// The directory that has to be synced for a change of names to be safe.
fn parent(change: &Asked) -> Option<&Path> {
    match change {
        Asked::Make(path)
        | Asked::MakeDirectory(path)
        | Asked::Rename(_, path)
        | Asked::Exchange(_, path)
        | Asked::Remove(path) => path.parent(),
        Asked::File(..) | Asked::Said(_) => None,
    }
}

fn rename(names: &mut Names, change: &Asked, made: Option<usize>) {
    match change {
        Asked::Make(path) | Asked::MakeDirectory(path) => {
            names.insert(path.clone(), made);
        }
        Asked::Rename(from, to) => {
            if let Some(number) = names.remove(from) {
                names.insert(to.clone(), number);
            }
        }
        Asked::Exchange(one, other) => {
            if let (Some(first), Some(second)) = (names.remove(one), names.remove(other)) {
                names.insert(one.clone(), second);
                names.insert(other.clone(), first);
            }
        }
        Asked::Remove(path) => drop(names.remove(path)),
        Asked::File(..) | Asked::Said(_) => {}
    }
}
