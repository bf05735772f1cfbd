//! What lies beside the audit log: entries that wait, their fields, and counts of refusals.
#![no_main]

use std::fs::{OpenOptions, create_dir_all, remove_dir_all};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use clawvault_core::auditlog::{AuditLog, LogPoint, Scope, read_counts, verify};
use clawvault_core::crypto::EntryKey;
use clawvault_core::domain::limits::MAX_REFUSAL_KINDS;
use clawvault_core::platform::Dir;
use clawvault_fuzz::KEYS;
use libfuzzer_sys::fuzz_target;

/// In memory, and of this process alone; `fuzz-smoke` removes it.
static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let base =
        std::env::var_os("CLAWVAULT_FUZZ_MEMORY").map_or_else(std::env::temp_dir, Into::into);
    let place = base.join(format!("side-{}", std::process::id()));
    create_dir_all(&place).expect("the folder can be made");
    place
});

fuzz_target!(|bytes: &[u8]| {
    assert!(read_counts(bytes) <= 2 * MAX_REFUSAL_KINDS);
    // As they are, and as the fields of an entry that someone sealed to the public half.
    fold(bytes);
    let entry = [b"clawvault log entry 2", bytes].concat();
    let public = KEYS.locked_entries().public();
    let sealed = EntryKey::seal(&public, &entry).expect("it can be sealed");
    let length = u32::try_from(sealed.len()).expect("it is short");
    fold(&[&length.to_be_bytes()[..], &sealed, bytes].concat());
});

/// Takes what waits into an empty log: what comes in is whole, and the log is in order.
fn fold(waiting: &[u8]) {
    let log = PLACE.join("log");
    remove_dir_all(&log).ok();
    let dir = || Dir::create(&log).expect("the folder can be made");
    dir();
    let mut open = OpenOptions::new();
    let written = open.write(true).create(true).mode(0o600).open(log.join("pending"));
    written.and_then(|mut file| file.write_all(waiting)).expect("the file can be written");

    let keys = [KEYS.log_keys()];
    let (mut log, _) = AuditLog::open(dir(), Some(LogPoint::START)).expect("it can be opened");
    let count = log.fold_pending(&keys).expect("it can be folded");
    assert_eq!(log.fold_pending(&keys).expect("it can be folded"), 0);
    let verdict = verify(&dir(), &keys, &Scope::default(), &mut |_| true).expect("it can be read");
    assert_eq!((verdict.entries, verdict.broken), (u64::from(count), None));
    assert_eq!(verdict.unproven, u64::from(count));
}
