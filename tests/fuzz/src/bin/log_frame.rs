//! Segments of the audit log: what a vault finds there when it opens, and when it checks the chain.
#![no_main]

use std::fs::{OpenOptions, read};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use clawvault_core::auditlog::{AuditLog, Read, Scope, verify};
use clawvault_core::crypto::Digest;
use clawvault_core::platform::Dir;
use clawvault_fuzz::KEYS;
use libfuzzer_sys::fuzz_target;

/// In memory, and of this process alone; `fuzz-smoke` removes it.
static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let base =
        std::env::var_os("CLAWVAULT_FUZZ_MEMORY").map_or_else(std::env::temp_dir, Into::into);
    base.join(format!("log-{}", std::process::id()))
});

fuzz_target!(|bytes: &[u8]| {
    let dir = || Dir::create(&PLACE).expect("the folder can be made");
    let file = dir().path().join("00000001.log");
    // Of this user alone, or the vault refuses to read it.
    let mut open = OpenOptions::new();
    let written = open.write(true).create(true).truncate(true).mode(0o600).open(&file);
    written.and_then(|mut file| file.write_all(bytes)).expect("the segment can be written");

    let keys = [KEYS.log_keys()];
    let mut opened = 0;
    let check = |points: &[(u64, Digest)], each: &mut dyn FnMut(&Read) -> bool| {
        let scope = Scope { points: points.to_vec(), since_ms: None };
        verify(&dir(), &keys, &scope, each).expect("it can be read")
    };
    let verdict = check(&[], &mut |read| {
        opened += u64::from(read.entry.is_some());
        true
    });
    assert!(verdict.unproven <= opened);
    assert!(verdict.broken.is_some() || verdict.entries <= opened);
    if let (Some((number, _)), entries) = (verdict.broken, verdict.entries) {
        assert!((1..=entries.saturating_add(1)).contains(&number));
    }

    let (log, lost) = AuditLog::open(dir(), None).expect("it can be opened");
    let point = log.point();
    assert_eq!(read(&file).expect("it is still there"), bytes, "opening changed it");
    if verdict.broken.is_none() {
        assert!(!lost);
        assert_eq!((point.count, point.head), (verdict.entries, verdict.head));
        // What was proven once stays proven; a cut is noticed.
        let at = (point.count, point.head);
        let again = check(&[at], &mut |_| true);
        assert_eq!(again, verdict);
        let beyond = (point.count + 1, point.head);
        let cut = check(&[beyond], &mut |_| true);
        assert!(cut.broken.is_some());
    }
});
