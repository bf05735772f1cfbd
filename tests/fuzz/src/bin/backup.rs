//! The archive in a backup: what is taken keeps the bounds of a vault, is no larger than what it was
//! taken from, and holds each secret once.
#![no_main]

use clawvault_core::domain::Stage;
use clawvault_core::domain::limits::{MAX_FIELDS, MAX_SLOTS, MAX_VERSIONS};
use clawvault_core::vault::Backup;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    let Ok(backup) = Backup::parse(&mut rest, bytes.len() as u64) else { return };
    assert!(rest.is_empty(), "something follows that was not read");
    assert!((1..=MAX_SLOTS).contains(&backup.slots.len()));
    let mut size = backup.policy.len();
    for saved in &backup.secrets {
        let versions = &saved.info.versions;
        assert_eq!(versions.len(), saved.values.len());
        assert!((1..=MAX_VERSIONS).contains(&versions.len()));
        assert!(versions.is_sorted_by(|one, other| one.number < other.number));
        assert!(versions.iter().filter(|v| v.stage == Stage::Current).count() <= 1);
        for (version, fields) in versions.iter().zip(&saved.values) {
            assert!(fields.len() <= MAX_FIELDS);
            assert!(fields.is_sorted_by(|(one, _), (other, _)| one < other));
            let lengths = fields.iter().map(|(name, value)| (name, value.len() as u32));
            assert!(lengths.eq(version.fields.iter().map(|(name, length)| (name, *length))));
            size += fields.iter().map(|(_, value)| value.len()).sum::<usize>();
        }
    }
    size += backup.records.iter().map(|record| record.bytes.len()).sum::<usize>();
    assert!(size <= bytes.len(), "values out of nothing");
    assert!(backup.records.is_sorted_by(|one, other| one.name < other.name));
    let lives: Vec<_> = backup.lives.iter().map(|life| (&life.profile, &life.name)).collect();
    assert!(lives.is_sorted_by(|one, other| one < other), "a life is there twice");
    let at_work = backup.lives.iter().filter_map(|life| life.open.as_ref()?.holder);
    assert_eq!(at_work.count(), 0, "a process of another machine");
    let keys: Vec<_> = backup.secrets.iter().map(|saved| saved.key()).collect();
    assert!(keys.is_sorted_by(|one, other| one < other), "a secret is there twice");
});
