//! Power cuts under whole sessions: store, log, anchor, header and snapshots together, cut behind any
//! of the calls that the real program made.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::ExitStatusExt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Instant;

use super::judge::{judge, state};
use super::random::{Random, trials};
use super::record::{self, Asked, Disk, Tree};
use super::sandbox::{Said, Sandbox};
use super::scenes::Stage;
use super::sectors::Step;
use super::syscalls::{has_strace, traced};
use super::{for_each, stages};

const TRIALS: usize = 300;
const CALLS: &str = "openat,mkdirat,lseek,write,pwrite64,ftruncate,fsync,fdatasync,renameat,renameat2,\
                     unlinkat";

/// A session as it was played.
struct Played {
    stage: &'static Stage,
    root: PathBuf,
    before: Tree,
    asked: Vec<Asked>,
}

struct Trial<'a> {
    played: &'a Played,
    count: usize,
    seed: u64,
}

#[test]
fn a_power_cut_in_a_session_loses_nothing_acknowledged() {
    let test = "a_power_cut_in_a_session_loses_nothing_acknowledged";
    if !has_strace(test) {
        return;
    }
    let mut random = Random::of_test("power cuts in sessions");
    let played: Vec<Played> =
        stages().iter().filter(|s| s.scene.also.is_empty()).map(play).collect();
    let start = Instant::now();
    let mut all = Vec::new();
    for _ in 0..trials(TRIALS) {
        let played = &played[random.below(played.len() as u64) as usize];
        let count = random.below(played.asked.len() as u64 + 1) as usize;
        all.push(Trial { played, count, seed: random.next() });
    }
    for_each(&all, Trial::run);
    println!(
        "{} power cuts in {} sessions of {} calls: {:.1} s",
        all.len(),
        played.len(),
        played.iter().map(|played| played.asked.len()).sum::<usize>(),
        start.elapsed().as_secs_f64()
    );
}

fn play(stage: &'static Stage) -> Played {
    let sandbox = stage.sandbox();
    let root = sandbox.path("").components().collect::<PathBuf>();
    let mut before = Tree::new();
    look(&root, &mut before);
    let trace = format!("--trace={CALLS}");
    let options = ["--strings-in-hex=all", "--decode-fds=path", "--string-limit=100000000", &trace];
    let (said, calls) = traced(stage, &sandbox, &options);
    assert_eq!(said.code(), Some(stage.scene.code), "{}: {}", stage.scene.name, said.err);
    let asked = record::read(&calls, &root);
    // The model is right where nothing is cut: everything asked leaves what is there.
    let mut there = Tree::new();
    look(&root, &mut there);
    there.remove(&root.join("calls"));
    let mut disk = Disk::holding(&before);
    disk.play(&asked);
    let model = disk.whole();
    let wrong = there.iter().find(|(path, bytes)| model.get(*path) != Some(*bytes));
    assert_eq!(wrong.map(|(path, _)| path), None, "{}: the record misses it", stage.scene.name);
    assert_eq!(there.len(), model.len(), "{}", stage.scene.name);
    Played { stage, root, before, asked }
}

fn look(directory: &Path, tree: &mut Tree) {
    for entry in fs::read_dir(directory).expect("a directory is read") {
        let path = entry.expect("an entry is read").path();
        if path.is_dir() {
            look(&path, tree);
            tree.insert(path, None);
        } else {
            let bytes = fs::read(&path).expect("a file is read");
            tree.insert(path, Some(bytes));
        }
    }
}

/// The control: where no sync was asked for, what was acknowledged has to be missed.
#[test]
fn a_session_that_syncs_nothing_is_caught() {
    if !has_strace("a_session_that_syncs_nothing_is_caught") {
        return;
    }
    let stage = stages().iter().find(|stage| stage.scene.name == "set").expect("there is one");
    let mut played = play(stage);
    played.asked.retain(|asked| !matches!(asked, Asked::File(_, Step::Sync)));
    let is_caught = |seed: &u64| {
        let trial = Trial { played: &played, count: played.asked.len(), seed: *seed };
        let left = trial.left();
        let found = catch_unwind(|| state("control", &left));
        found.is_err() || found.is_ok_and(|found| found != stage.after)
    };
    let caught = (0..20).filter(is_caught).count();
    assert!(caught >= 15, "only {caught} of 20 cuts were noticed");
}

impl Trial<'_> {
    fn run(&self) {
        let stage = self.played.stage;
        let name = format!("{}: power cut behind {}: {}", stage.scene.name, self.count, self.seed);
        let said = |one: &Asked| match one {
            Asked::Said(words) => Some(words.clone()),
            _ => None,
        };
        let err = self.played.asked[..self.count].iter().filter_map(said).collect();
        let said = Said { status: ExitStatus::from_raw(9), out: Vec::new(), err };
        judge(&name, stage, &self.left(), &said, false);
    }

    /// The files that the cut leaves, in a sandbox of their own.
    fn left(&self) -> Sandbox {
        let Played { root, before, asked, .. } = self.played;
        let mut disk = Disk::holding(before);
        disk.play(&asked[..self.count]);
        let sandbox = Sandbox::in_memory();
        for (path, bytes) in disk.cut(&mut Random::of_seed(self.seed)) {
            let path = sandbox.path("").join(path.strip_prefix(root).expect("it lies below"));
            let parent = path.parent().filter(|_| bytes.is_some()).unwrap_or(&path);
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(parent);
            made.expect("a directory is made");
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            if let Some(bytes) = bytes {
                let mut file = options.open(&path).expect("a file is made");
                file.write_all(&bytes).expect("it is written");
            }
        }
        sandbox
    }
}
