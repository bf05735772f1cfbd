//! Something else stands where a file or directory of ours should, or where one is being made.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use crate::scratch::{Said, Scratch, give, is_root};

const LIMIT: Duration = Duration::from_secs(5);
const VICTIM: &[u8] = b"not clawvault's\n";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Obstacle {
    LinkToFile,
    LinkToDirectory,
    DanglingLink,
    HardLink,
    Pipe,
    Device,
    Directory,
    FullDirectory,
    EmptyFile,
    OpenFile,
}

const OBSTACLES: &[Obstacle] = &[
    Obstacle::LinkToFile,
    Obstacle::LinkToDirectory,
    Obstacle::DanglingLink,
    Obstacle::HardLink,
    Obstacle::Pipe,
    Obstacle::Device,
    Obstacle::Directory,
    Obstacle::FullDirectory,
    Obstacle::EmptyFile,
    Obstacle::OpenFile,
];

/// Each writes somewhere: store, log and anchor; records and secret files; everything.
const COMMANDS: &[&[&str]] = &[
    &["set", "a/other"],
    &["run", "--file", "F=a/main", "--", "true"],
    &["doctor", "--repair"],
    &["rekey"],
];
/// The others, for links alone.
const MORE: &[&[&str]] = &[&["get", "a/main"], &["init"], &["uninstall"]];

#[test]
fn nothing_is_written_outside_and_nothing_waits() {
    // In memory, where secret files may lie too.
    let scratch = Scratch::below(Path::new("/dev/shm"));
    let template = template(&scratch);
    let places = places(&template);
    let (mut tried, mut refused, mut wrong) = (0, 0, Vec::new());
    for place in &places {
        for obstacle in OBSTACLES {
            if *obstacle == Obstacle::Device && !is_root() {
                continue;
            }
            let outside = Outside::new(&scratch);
            let is_link = format!("{obstacle:?}").contains("Link");
            let more = MORE.iter().filter(|_| is_link);
            for command in COMMANDS.iter().chain(more) {
                restore(&scratch, &template);
                outside.put(*obstacle, &scratch.path("all").join(place));
                tried += 1;
                let what = format!("{obstacle:?} at {}, {command:?}", place.display());
                match timed(&scratch, command) {
                    None => wrong.push(format!("{what}: waits")),
                    Some(said) => {
                        refused += usize::from(said.code != Some(0));
                        wrong.extend(disorder(command, &said).map(|why| format!("{what}: {why}")));
                    }
                }
                wrong.extend(outside.touched().map(|touched| format!("{what}: {touched}")));
            }
        }
    }
    if !is_root() {
        println!("SKIP devices: only root can make one");
    }
    if is_root() {
        // Where the obstacle stood in the way of secret files, they went here instead.
        fs::remove_dir_all("/dev/shm/clawvault-65534").ok();
    }
    println!("{} places, {tried} commands, {refused} of them refused", places.len());
    assert!(places.len() > 20 && refused > 100, "{places:?}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The files that a person names: a backup, the file that is scrubbed, what a template becomes.
#[test]
fn files_that_are_named_lead_nowhere_else() {
    let scratch = Scratch::below(Path::new("/dev/shm"));
    scratch.call(&["init"], b"").succeeded();
    scratch.call(&["set", "a/main"], b"value").succeeded();
    scratch.call(&["backup", "sound.age"], b"").succeeded();
    scratch.write("text", b"key = {{ clawvault://a/main }}\n");
    let named: [(&str, &[&str]); 6] = [
        ("named", &["backup", "named"]),
        ("named", &["backup", "named", "--force"]),
        (".named.new", &["backup", "named"]),
        ("named.env", &["import", "named.env", "--scrub", "--yes"]),
        (
            ".scrubbed.env.clawvault-new",
            &["import", "scrubbed.env", "--scrub", "--yes", "--update"],
        ),
        ("memory/named", &["run", "--template", "text=memory/named", "--", "true"]),
    ];
    let (mut tried, mut refused, mut wrong) = (0, 0, Vec::new());
    for (place, command) in named {
        for obstacle in OBSTACLES.iter().filter(|o| **o != Obstacle::Device || is_root()) {
            let outside = Outside::new(&scratch);
            for name in
                ["named", ".named.new", "named.env", ".scrubbed.env.clawvault-new", "memory"]
            {
                clear(&scratch.path("work").join(name));
            }
            scratch.write("scrubbed.env", format!("A_KEY=value-{tried}\n").as_bytes());
            let memory = scratch.path("work/memory");
            fs::create_dir(&memory).unwrap();
            fs::set_permissions(&memory, PermissionsExt::from_mode(0o700)).unwrap();
            give(&memory);
            outside.put(*obstacle, &scratch.path("work").join(place));
            tried += 1;
            let what = format!("{obstacle:?} at {place}, {command:?}");
            match timed(&scratch, command) {
                None => wrong.push(format!("{what}: waits")),
                Some(said) => {
                    refused += usize::from(said.code != Some(0));
                    wrong.extend(said.is_in_order().err().map(|why| format!("{what}: {why}")));
                }
            }
            wrong.extend(outside.touched().map(|touched| format!("{what}: {touched}")));
        }
    }
    println!("{tried} commands with named files, {refused} of them refused");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused > tried / 2, "the obstacles stood in nobody's way");
}

fn clear(place: &Path) {
    match place.symlink_metadata() {
        Ok(found) if found.is_dir() => fs::remove_dir_all(place).unwrap(),
        Ok(_) => fs::remove_file(place).unwrap(),
        Err(_) => {}
    }
}

/// A home and a runtime directory side by side, as commands left them.
fn template(scratch: &Scratch) -> PathBuf {
    scratch.call(&["init"], b"").succeeded();
    scratch.call(&["set", "a/main"], b"value").succeeded();
    run(scratch, &["run", "--file", "F=a/main", "--", "true"]).succeeded();
    let template = scratch.path("tmp/template");
    copy(&scratch.path("all"), &template);
    template
}

/// Everything that lies there, and the names under which each is made anew.
fn places(template: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    walk(template, &mut all);
    let mut places: Vec<PathBuf> =
        all.iter().map(|path| path.strip_prefix(template).unwrap().to_owned()).collect();
    let temporary = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        path.with_file_name(format!(".{name}.new"))
    };
    let made: Vec<PathBuf> = places.iter().map(temporary).collect();
    places.extend(made);
    // Above ours a link is the user's own.
    places.retain(|place| !place.ends_with("runtime"));
    for name in [".unfinished", "..unfinished.new", "log/00000002.log", "log/.00000002.log.new"] {
        places.push(Path::new("home").join(name));
    }
    places.sort();
    places
}

fn walk(directory: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), all);
        }
        all.push(entry.path());
    }
}

fn restore(scratch: &Scratch, template: &Path) {
    let all = scratch.path("all");
    if all.exists() {
        fs::remove_dir_all(&all).unwrap();
    }
    copy(template, &all);
}

fn copy(from: &Path, to: &Path) {
    let metadata = from.symlink_metadata().unwrap();
    if metadata.is_dir() {
        fs::create_dir(to).unwrap();
        for entry in fs::read_dir(from).unwrap().flatten() {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
    fs::set_permissions(to, metadata.permissions()).unwrap();
    give(to);
}

/// What belongs to others.
struct Outside {
    directory: PathBuf,
    before: (i64, i64, u32),
}

impl Outside {
    fn new(scratch: &Scratch) -> Self {
        let directory = scratch.path("work/outside");
        if directory.exists() {
            fs::remove_dir_all(&directory).unwrap();
        }
        fs::create_dir_all(directory.join("directory")).unwrap();
        let victim = directory.join("victim");
        fs::write(&victim, VICTIM).unwrap();
        fs::set_permissions(&victim, PermissionsExt::from_mode(0o600)).unwrap();
        fs::set_permissions(directory.join("directory"), PermissionsExt::from_mode(0o700)).unwrap();
        for path in [&directory, &victim, &directory.join("directory")] {
            give(path);
        }
        Self { before: stamp(&victim), directory }
    }

    /// Puts the obstacle in the place of what is there.
    fn put(&self, obstacle: Obstacle, place: &Path) {
        let was_directory = place.is_dir();
        if was_directory {
            fs::remove_dir_all(place).unwrap();
        } else if place.symlink_metadata().is_ok() {
            fs::remove_file(place).unwrap();
        }
        let node = |kind, device| mknodat(CWD, place, kind, Mode::from_raw_mode(0o600), device);
        match obstacle {
            Obstacle::LinkToFile => symlink(self.directory.join("victim"), place).unwrap(),
            Obstacle::LinkToDirectory => symlink(self.directory.join("directory"), place).unwrap(),
            Obstacle::DanglingLink => symlink(self.directory.join("new"), place).unwrap(),
            Obstacle::HardLink => fs::hard_link(self.directory.join("victim"), place).unwrap(),
            Obstacle::Pipe => node(FileType::Fifo, 0).unwrap(),
            Obstacle::Device => node(FileType::CharacterDevice, makedev(1, 3)).unwrap(),
            Obstacle::Directory | Obstacle::FullDirectory => {
                fs::create_dir(place).unwrap();
                fs::set_permissions(place, PermissionsExt::from_mode(0o700)).unwrap();
                if obstacle == Obstacle::FullDirectory {
                    fs::write(place.join("something"), b"x").unwrap();
                    give(&place.join("something"));
                }
            }
            Obstacle::EmptyFile | Obstacle::OpenFile => {
                fs::write(place, b"").unwrap();
                let rights = if obstacle == Obstacle::OpenFile { 0o666 } else { 0o600 };
                fs::set_permissions(place, PermissionsExt::from_mode(rights)).unwrap();
            }
        }
        if is_root() && obstacle != Obstacle::HardLink {
            lchown(place, Some(65534), Some(65534)).unwrap();
        }
    }

    /// Says what was done to it.
    fn touched(&self) -> Option<String> {
        let victim = self.directory.join("victim");
        if fs::read(&victim).ok().as_deref() != Some(VICTIM) || stamp(&victim) != self.before {
            return Some("the file outside was changed".to_owned());
        }
        let list = |path: &Path| -> Vec<_> {
            let mut names: Vec<_> =
                fs::read_dir(path).unwrap().flatten().map(|entry| entry.file_name()).collect();
            names.sort();
            names
        };
        let inside = list(&self.directory.join("directory"));
        if !inside.is_empty() || list(&self.directory) != ["directory", "victim"] {
            return Some(format!("written outside: {inside:?} {:?}", list(&self.directory)));
        }
        let null = fs::metadata("/dev/null").unwrap();
        (!null.file_type().is_char_device()).then(|| "/dev/null was replaced".to_owned())
    }
}

/// Time of the last change of the content, and the rights. The number of names may change.
fn stamp(path: &Path) -> (i64, i64, u32) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.mtime(), metadata.mtime_nsec(), metadata.mode())
}

fn disorder(command: &[&str], said: &Said) -> Option<String> {
    // The doctor's answer is its report.
    if command[0] == "doctor" {
        let ended = matches!(said.code, Some(0..=7)) && !said.stdout.is_empty();
        return (!ended).then(|| format!("ended with {:?}", said.code));
    }
    said.is_in_order().err()
}

fn run(scratch: &Scratch, arguments: &[&str]) -> Said {
    timed(scratch, arguments).expect("it waits")
}

/// Runs a command with its runtime directory beside the home; `None` where it takes too long.
fn timed(scratch: &Scratch, arguments: &[&str]) -> Option<Said> {
    let mut command = scratch.command();
    let runtime = scratch.path("all/runtime");
    if runtime.symlink_metadata().is_err() {
        fs::create_dir(&runtime).unwrap();
        give(&runtime);
    }
    let mut child = command.args(arguments).env("XDG_RUNTIME_DIR", &runtime).spawn().unwrap();
    use std::io::Write;
    child.stdin.take().unwrap().write_all(b"value").ok();
    ended(&mut child).then(|| {
        let output = child.wait_with_output().unwrap();
        Said { code: output.status.code(), stdout: output.stdout, stderr: output.stderr }
    })
}

/// False, and the child killed, where it has not ended in time.
fn ended(child: &mut Child) -> bool {
    let end = Instant::now() + LIMIT;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
            child.wait().unwrap();
            return false;
        }
        sleep(Duration::from_millis(1));
    }
    true
}
