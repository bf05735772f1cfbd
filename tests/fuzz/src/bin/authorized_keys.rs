//! `authorized_keys`: an added line is found, and taken away without touching another one.
#![no_main]

use clawvault_providers::native::ssh::authorized::{lines, successor, with, without};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    const NEW: &str = "AAAAC3NzaC1lZDI1NTE5";
    let before = lines(text).count();
    let Some(first) = lines(text).next() else { return };
    if lines(text).any(|line| line.blob == NEW) {
        return;
    }
    let line = successor(text, first.blob, &format!("ssh-ed25519 {NEW}"), "label");
    let line = line.expect("the key has a line");
    let longer = with(text, &line);
    assert_eq!(lines(&longer).count(), before + 1);
    let added = lines(&longer).last().expect("there is one");
    assert_eq!((added.blob, added.options, added.comment), (NEW, first.options, "label"));
    let again = without(&longer, NEW).expect("it is there");
    assert_eq!(again.trim_end_matches('\n'), text.trim_end_matches('\n'));
});
