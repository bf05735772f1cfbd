//! A directory of ours turns into a link and back while commands run.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::scratch::{Scratch, give};

#[test]
fn a_directory_that_is_swapped_for_a_link_leads_nowhere() {
    for (name, swaps) in [("log", 2000), ("snapshots", 500), ("state", 500)] {
        let scratch = Scratch::new();
        scratch.call(&["init"], b"").succeeded();
        scratch.call(&["set", "a/main"], b"x").succeeded();
        let outside = scratch.path("work/outside");
        fs::create_dir(&outside).unwrap();
        give(&outside);
        fs::set_permissions(&outside, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let (real, link) = (scratch.home().join(name), scratch.path("all/link"));
        symlink(&outside, &link).unwrap();
        let done = AtomicBool::new(false);
        let (mut calls, mut refused) = (0, 0);
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..swaps {
                    renameat_with(CWD, &real, CWD, &link, RenameFlags::EXCHANGE).unwrap();
                    thread::sleep(Duration::from_micros(700));
                }
                done.store(true, Ordering::Release);
            });
            while !done.load(Ordering::Acquire) {
                let value = format!("value {calls}");
                for arguments in
                    [&["set", "a/main"][..], &["get", "a/main"], &["doctor", "--repair"]]
                {
                    let said = scratch.call(arguments, value.as_bytes());
                    if arguments[0] != "doctor" {
                        said.is_in_order().unwrap();
                    }
                    refused += usize::from(said.code != Some(0));
                    calls += 1;
                }
            }
        });
        // An even number of swaps: the directory is back, and the vault with it.
        assert!(real.symlink_metadata().unwrap().is_dir());
        let inside = fs::read_dir(&outside).unwrap().count();
        println!("{name}: {swaps} swaps, {calls} commands, {refused} refused, {inside} outside");
        assert_eq!(inside, 0, "{name}: something was written outside");
        assert!(calls > 20 && refused > 0, "{name}: the race was not run");
        scratch.call(&["get", "a/main"], b"").succeeded();
    }
}
