//! `kill -9` over scrub and undo: the file is whole before or whole after, and what is not in it is
//! in the vault twice, as a secret and to be put back.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use super::campaign::{examine, exported};
use super::kill::{Histogram, Pace, kill_at};
use super::random::{Random, trials};
use super::sandbox::Sandbox;

const TRIALS: usize = 200;
const FULL_CHECK: usize = 10;
const VALUES: usize = 20;

#[test]
fn scrub_and_undo_leave_whole_files_and_lose_nothing() {
    let (start, trials) = (Instant::now(), trials(TRIALS));
    let mut random = Random::of_test("scrub");
    let sandbox = Sandbox::with_vault();
    let file = sandbox.path("keys.env");
    let (mut whole, mut bare, mut values) = (String::new(), String::new(), BTreeMap::new());
    for number in 0..VALUES {
        let value = format!("value-{:016x}", random.next());
        let comment = format!("# number {number}\r\n");
        whole += &format!("{comment}export KILL_{number:02}=\"{value}\"\n");
        bare += &comment;
        values.insert(format!("env/kill-{number:02}"), value);
    }
    let name = file.to_str().expect("a temporary path is text").to_owned();
    let (scrub, undo) = (["import", &name, "--scrub", "--yes"], ["import", "--undo"]);
    let read = || fs::read_to_string(&file).expect("the file is there and text");
    let write = || fs::write(&file, &whole).expect("the file is written");

    let mut scrubbing = Pace::measure("scrubbed ", || {
        write();
        sandbox.run(&scrub, b"").sound("scrub");
    });
    assert_eq!(read(), bare);
    let mut undoing = Pace::measure("put back ", || {
        write();
        sandbox.run(&scrub, b"").sound("scrub");
        sandbox.run(&undo, b"").sound("undo");
    });
    assert_eq!(read(), whole);

    let (mut scrubs, mut undos) = (Histogram::default(), Histogram::default());
    let mut turns = [0, 0];
    for trial in 0..trials {
        let is_whole = read() == whole;
        let (words, line, goal, pace, histogram, turn) = match is_whole {
            true => (&scrub[..], "scrubbed ", &bare, &mut scrubbing, &mut scrubs, &mut turns[0]),
            false => (&undo[..], "put back ", &whole, &mut undoing, &mut undos, &mut turns[1]),
        };
        let moment = pace.moment(*turn, &mut random);
        *turn += 1;
        let killed = kill_at(sandbox.command(words), b"", moment);
        pace.learn(moment, &killed);
        let acknowledged = killed.line(line).is_some() || killed.finished;

        let found = read();
        assert!(found == whole || found == bare, "trial {trial}, {moment:?}: half a file");
        let present = found == *goal;
        assert!(present || !acknowledged, "trial {trial}, {moment:?}: said and not done");
        histogram.count(&killed, acknowledged, present);
        if found == bare {
            let list = sandbox.run(&["import", "--undo", "--list"], b"").sound("list");
            assert!(!list.is_empty(), "trial {trial}, {moment:?}: it cannot be put back");
        }
        if trial % FULL_CHECK == 0 || trial + 1 == trials {
            assert_eq!(exported(&sandbox), values, "trial {trial}");
            examine(&sandbox);
        }
    }
    // Whatever the last kill left, the same commands end it.
    write();
    sandbox.run(&scrub, b"").sound("scrub");
    sandbox.run(&undo, b"").sound("undo");
    assert_eq!(read(), whole);
    let beside = fs::read_dir(sandbox.path("")).expect("the folder is read");
    let left = beside.filter(|entry| {
        let name = entry.as_ref().expect("an entry is read").file_name();
        name.to_string_lossy().ends_with("-new")
    });
    assert_eq!(left.count(), 0, "a half written file is left");
    let [scrubbed, undone] = turns;
    scrubs.check("scrub", scrubbed, &scrubbing, start);
    undos.check("undo", undone, &undoing, start);
}
