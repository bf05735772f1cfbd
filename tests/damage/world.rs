//! A vault with everything in it, its files in memory, and what a reader must find in it.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use clawvault::app::{Access, App, KeySource};
use clawvault_core::domain::{
    Event, FieldName, Injection, ProfileName, SecretName, Value, Variable,
};
use clawvault_core::vault::{Place, Put, Vault};

use super::harm::Random;
use super::read::{Everything, read_everything};

const POLICY: &str = "[agents.support]\nsecrets = [\"anthropic/*\", \"env/*\"]\n\n\
                      [secrets.\"openai/main\"]\nadmin = \"openai/admin\"\n";

/// Every file of a home, by its path in it.
pub(crate) type Files = Vec<(PathBuf, Vec<u8>)>;

/// States that a file had before, by its path.
type Older = BTreeMap<PathBuf, Vec<Vec<u8>>>;

/// A vault that was built once and is put back after each sample.
pub(crate) struct World {
    pub(crate) home: PathBuf,
    /// Every file, by its path in the home.
    pub(crate) files: Files,
    older: Older,
    pub(crate) expected: Everything,
    /// What `export` writes for each profile.
    pub(crate) exports: Vec<(&'static str, Vec<u8>)>,
}

impl World {
    /// Builds a vault in `home`. With `behind` its newest snapshot lacks the last changes.
    pub(crate) fn build(home: &Path, behind: bool, random: &mut Random) -> Self {
        made(home);
        let mut older = Older::new();
        fill(home, random, &mut older);
        if !behind {
            open(home).snapshot().unwrap();
        }
        let mut world = Self::as_it_is(home);
        for (path, states) in &mut older {
            let now = world.files.iter().find(|(p, _)| p == path);
            states.retain(|state| now.is_some_and(|(_, bytes)| bytes != state));
        }
        let snapshots: Vec<_> = world.files.iter().filter(|(path, _)| is_snapshot(path)).collect();
        for pair in snapshots.windows(2) {
            // A snapshot never changes: the one before it is its older state.
            older.insert(pair[1].0.clone(), vec![pair[0].1.clone()]);
        }
        world.older = older;
        world
    }

    /// As small as a vault gets with a little of everything in it.
    pub(crate) fn smallest(home: &Path, random: &mut Random) -> Self {
        made(home);
        for (profile, numbers) in [("default", 0..2), ("prod", 18..19), ("default", 1..2)] {
            store(home, profile, numbers, random);
        }
        app(home).apply_policy(POLICY).unwrap().close().unwrap();
        open(home).snapshot().unwrap();
        Self::as_it_is(home)
    }

    /// A vault with the files of each state that it had, one commit apart, oldest first.
    pub(crate) fn with_states(
        home: &Path,
        count: usize,
        random: &mut Random,
    ) -> (Self, Vec<Files>) {
        made(home);
        let mut states = Vec::with_capacity(count);
        for number in 0..count {
            store(
                home,
                if number % 3 == 0 { "prod" } else { "default" },
                0..1 + number % 5,
                random,
            );
            if number % 7 == 6 {
                open(home).snapshot().unwrap();
            }
            states.push(files(home));
        }
        store(home, "default", 0..42, random);
        (Self::as_it_is(home), states)
    }

    /// The vault that lies in `home`, launched from once so that its log has entries of reads.
    fn as_it_is(home: &Path) -> Self {
        let launched = clawvault(home, &["run", "--", "true"]);
        assert!(launched.status.success(), "{}", String::from_utf8_lossy(&launched.stderr));
        let expected = read_everything(&app(home), Access::Read).unwrap().0;
        let exports = ["default", "prod"].map(|profile| (profile, export(home, profile).stdout));
        let (home, files, older) = (home.to_owned(), files(home), Older::new());
        Self { home, files, older, expected, exports: exports.into() }
    }

    pub(crate) fn older(&self, path: &Path) -> &[Vec<u8>] {
        self.older.get(path).map_or(&[], Vec::as_slice)
    }

    /// The file of this vault that is what `number` is in the other.
    pub(crate) fn counterpart(&self, other: &Self, number: usize) -> &[u8] {
        let role = role(&other.files[number].0);
        let same = |(path, _): &&(PathBuf, Vec<u8>)| super::world::role(path) == role;
        let rank = other.files[..number].iter().filter(same).count();
        self.files.iter().filter(same).nth(rank).map_or(&[], |(_, bytes)| bytes)
    }

    /// Writes a file, or removes it.
    pub(crate) fn write(&self, path: &Path, bytes: Option<&[u8]>) {
        let path = self.home.join(path);
        let Some(bytes) = bytes else { return fs::remove_file(path).unwrap() };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(path).unwrap().write_all(bytes).unwrap();
    }

    /// Puts every file back as it was, and removes what is new.
    pub(crate) fn restore(&self) {
        let mut now: BTreeMap<PathBuf, Vec<u8>> = files(&self.home).into_iter().collect();
        for (path, bytes) in &self.files {
            if now.remove(path).is_none_or(|found| found != *bytes) {
                self.write(path, Some(bytes));
            }
        }
        for path in now.into_keys() {
            self.write(&path, None);
        }
    }
}

/// What a file is, whichever vault it is of: its first part, or the file's own name.
pub(crate) fn role(path: &Path) -> String {
    let first = path.iter().next().unwrap_or_default().to_string_lossy().into_owned();
    if first == "state" { "anchor".to_owned() } else { first }
}

fn is_snapshot(path: &Path) -> bool {
    role(path) == "snapshots"
}

pub(crate) fn app(home: &Path) -> App {
    let place = Place { home: home.to_owned(), state: home.join("state") };
    let keys = KeySource { identity: None, passphrase_file: None, prompt: Box::new(|| None) };
    App::new(place, home.join("run"), home.join("run/none.sock"), keys)
}

pub(crate) fn export(home: &Path, profile: &str) -> Output {
    clawvault(home, &["export", "--format", "json", "--profile", profile])
}

/// Runs the real command on a vault, with nothing else in its environment.
fn clawvault(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_clawvault"))
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("CLAWVAULT_HOME", home)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn made(home: &Path) {
    let made = clawvault(home, &["init"]);
    assert!(made.status.success(), "init: {}", String::from_utf8_lossy(&made.stderr));
}

fn open(home: &Path) -> Vault {
    app(home).open(Access::Write).unwrap()
}

/// Gives each of the numbered secrets another value, in one commit.
fn store(home: &Path, profile: &str, numbers: std::ops::Range<usize>, random: &mut Random) {
    let puts: Vec<Put> = numbers.map(|number| put(profile, number, random)).collect();
    let mut vault = open(home);
    vault.put(&app(home).who(), Event::Set, &puts).unwrap();
    vault.close().unwrap();
}

/// Twelve commits, a policy, three snapshots, and changes after the last of them.
fn fill(home: &Path, random: &mut Random, older: &mut Older) {
    let put = |profile: &str, numbers, random: &mut Random| store(home, profile, numbers, random);
    put("default", 0..18, random);
    remember(home, older);
    put("prod", 18..34, random);
    open(home).snapshot().unwrap();
    app(home).apply_policy(POLICY).unwrap().close().unwrap();
    put("default", 0..6, random);
    remember(home, older);
    put("prod", 34..40, random);
    put("default", 2..9, random);
    open(home).snapshot().unwrap();
    remember(home, older);
    put("default", 40..42, random);
    let (profile, gone) = (ProfileName::default(), |number| name(number));
    app(home).remove(&profile, &gone(40), false).unwrap().0.close().unwrap();
    app(home).remove(&profile, &gone(41), true).unwrap().0.close().unwrap();
    put("prod", 18..20, random);
    app(home).roll_back(&profile, &name(3), None).unwrap().0.close().unwrap();
}

fn remember(home: &Path, older: &mut Older) {
    for (path, bytes) in files(home) {
        older.entry(path).or_default().push(bytes);
    }
}

pub(crate) fn name(number: usize) -> SecretName {
    let vendor = ["openai", "anthropic", "env", "aws"][number % 4];
    SecretName::parse(&format!("{vendor}/key-{number}")).unwrap()
}

fn put(profile: &str, number: usize, random: &mut Random) -> Put {
    let mut value = |length: usize| {
        let binary = number.is_multiple_of(13);
        let byte = |byte: u8| if binary { byte | 0x80 } else { b'!' + byte % 90 };
        Value::new(random.bytes(length).into_iter().map(byte).collect()).unwrap()
    };
    let length = [51, 1, 164, 40, 900, 32, 4000][number % 7];
    let mut fields = vec![(FieldName::default(), value(length))];
    if number % 4 == 3 {
        fields.push((FieldName::parse("secret_access_key").unwrap(), value(40)));
    }
    let variable = Variable::parse(&format!("KEY_{number}")).unwrap();
    Put {
        profile: ProfileName::parse(profile).unwrap(),
        name: name(number),
        vendor: None,
        injections: Some(vec![Injection { variable, field: FieldName::default() }]),
        add: false,
        admin: number.is_multiple_of(10),
        fields,
    }
}

/// Every file below the home, sorted by path.
fn files(home: &Path) -> Files {
    let mut all = Vec::new();
    let mut directories = vec![home.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
            } else {
                let path = entry.path().strip_prefix(home).unwrap().to_owned();
                all.push((path, fs::read(entry.path()).unwrap()));
            }
        }
    }
    all.sort();
    all
}
