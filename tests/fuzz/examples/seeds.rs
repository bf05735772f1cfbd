//! Writes the seeds that no person can type: binary forms, made by the code that writes them.
//! `cargo run --example seeds -- FOLDER` after a change of format; the texts are kept by hand.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clawvault_core::auditlog::{AuditLog, Entry, Item, LogPoint, defer};
use clawvault_core::domain::{
    Actor, Event, FieldName, Injection, Outcome, ProfileName, SecretInfo, SecretName, Stage, Value,
    Variable, VersionInfo,
};
use clawvault_core::platform::Dir;
use clawvault_core::store::write_snapshot;
use clawvault_core::store::{Batch, Bucket, Kind, RecordKey, SnapshotStore, Store, StoreError};
use clawvault_core::vault::codec::{self, Index};
use clawvault_fuzz::KEYS;
// Built with the targets' flags, this too calls what libFuzzer defines.
use libfuzzer_sys as _;

type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let corpus = PathBuf::from(std::env::args().nth(1).ok_or("name the folder of the corpora")?);
    records(&corpus.join("record"))?;
    snapshots(&corpus.join("snapshot"))?;
    log(&corpus.join("log_frame"))
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> Done {
    fs::create_dir_all(dir)?;
    Ok(fs::write(dir.join(name), bytes)?)
}

fn key(kind: Kind, byte: u8) -> RecordKey {
    RecordKey { kind, id: [byte; 32], version: u32::from(kind == Kind::Version) }
}

fn info(versions: u32) -> Result<SecretInfo, Box<dyn Error>> {
    let stages = [Stage::Current, Stage::Previous, Stage::Pending, Stage::Retired];
    let version = |(number, stage)| VersionInfo {
        number,
        stage,
        created_ms: 1_700_000_000_000,
        fields: vec![(FieldName::default(), 40)],
        fingerprint: [3; 16],
    };
    Ok(SecretInfo {
        profile: ProfileName::default(),
        name: SecretName::parse("acme/main")?,
        vendor: Some("acme".into()),
        injections: vec![Injection {
            variable: Variable::parse("ACME_KEY")?,
            field: FieldName::default(),
        }],
        admin: versions == 0,
        created_ms: 1,
        removed_ms: (versions == 0).then_some(-2),
        versions: (1..=versions).zip(stages).map(version).collect(),
    })
}

fn bucket() -> Bucket {
    let mut bucket = Bucket::default();
    for (byte, kind) in [(1, Kind::Secret), (2, Kind::Version), (3, Kind::Policy)] {
        bucket.set(key(kind, byte), Some(u64::from(byte)));
    }
    bucket
}

/// The first byte says which form follows.
fn records(dir: &Path) -> Done {
    let one = [(FieldName::default(), Value::new(b"a made-up value".to_vec())?)];
    let two = [
        (FieldName::parse("id")?, Value::new(b"x".to_vec())?),
        (FieldName::parse("key_2")?, Value::new(vec![0xff; 130])?),
    ];
    let names = Index::Names(vec![SecretName::parse("a")?, SecretName::parse("b/c.d-e")?]);
    for (name, kind, plain) in [
        ("fields-one", 0, codec::encode_fields(&one)?),
        ("fields-two", 0, codec::encode_fields(&two)?),
        ("secret-bare", 1, codec::encode(&info(0)?)?),
        ("secret-versions", 1, codec::encode(&info(4)?)?),
        ("index-names", 2, codec::encode(&names)?),
        ("index-many", 2, codec::encode(&Index::TooMany)?),
        ("bucket", 3, bucket().to_bytes().into()),
    ] {
        write(dir, name, &[&[kind], plain.as_slice()].concat())?;
    }
    Ok(())
}

/// A store of a few bytes, to take a snapshot of.
struct Small;

impl Store for Small {
    fn root(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(Some(vec![9; 40]))
    }

    fn bucket(&self, number: u16) -> Result<Option<Vec<u8>>, StoreError> {
        Ok([4, 8].contains(&number).then(|| bucket().to_bytes()))
    }

    fn record(&self, _: &RecordKey) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    fn scan(
        &self,
        _: Option<Kind>,
        each: &mut dyn FnMut(RecordKey, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        each(key(Kind::Secret, 1), &[5; 20])?;
        each(key(Kind::Version, 2), &[6; 30])
    }

    fn commit(&mut self, _: &Batch) -> Result<(), StoreError> {
        Ok(())
    }
}

fn snapshots(dir: &Path) -> Done {
    let (mut full, mut empty) = (Vec::new(), Vec::new());
    write_snapshot(&Small, &KEYS, b"format = 1\n", &mut full)?;
    write_snapshot(&SnapshotStore::default(), &KEYS, b"x", &mut empty)?;
    write(dir, "torn", &full[..full.len() - 50])?;
    write(dir, "trailing", &[full.as_slice(), b"x"].concat())?;
    write(dir, "full", &full)?;
    write(dir, "empty", &empty)
}

fn log(dir: &Path) -> Done {
    let scratch = std::env::temp_dir().join(format!("clawvault-seeds-{}", std::process::id()));
    let file = scratch.join("00000001.log");
    let mut at = LogPoint::START;
    for number in 0..4 {
        let (mut log, _) = AuditLog::open(Dir::create(&scratch)?, Some(at))?;
        let actor = Actor { uid: 1, pid: 2, executable: "x".into(), ..Actor::default() };
        let mut entry = Entry::new(number, Event::Get, Outcome::Ok, actor);
        let item = Item { profile: "default".into(), secret: "acme/main".into(), version: 1 };
        entry.items.push(item);
        // The third is written while locked.
        at = if number == 2 {
            defer(&Dir::create(&scratch)?, &entry, &KEYS.locked_entries().public())?;
            log.fold_pending(&[KEYS.log_keys()])?;
            log.point()
        } else {
            log.append(&entry, &KEYS)?
        };
        write(dir, &format!("entries-{}", number + 1), &fs::read(&file)?)?;
    }
    let whole = fs::read(&file)?;
    write(dir, "torn", &whole[..whole.len() - 20])?;
    write(dir, "head-only", &whole[..56])?;
    // The number of the first entry is at its end: the next one has none.
    let last = [&whole[..16], &[0xff; 8], &whole[24..60], &[0xff; 8], &whole[68..]].concat();
    write(dir, "last-number", &last)?;
    Ok(fs::remove_dir_all(scratch)?)
}
