//! What is written is read, whatever the values are; what is not a backup is refused.

use proptest::prelude::*;

use super::*;
use crate::domain::{Actor, Stage};
use crate::platform::SystemClock;
use crate::vault::{NewSlot, Opener, Place, Put, SlotKind};

struct Bench {
    temporary: tempfile::TempDir,
    identity: Identity,
    who: Who,
}

impl Bench {
    fn new() -> Self {
        let actor = Actor { uid: 1, pid: 2, executable: "x".into(), ..Actor::default() };
        let who = Who { actor, ..Who::default() };
        Self { temporary: tempfile::tempdir().unwrap(), identity: Identity::generate(), who }
    }

    fn place(&self, name: &str) -> Place {
        let path = self.temporary.path().join(name);
        Place { home: path.join("home"), state: path.join("state") }
    }

    fn vault(&self) -> Vault {
        let slots = [NewSlot::Recipient(SlotKind::Identity, self.identity.recipient())];
        Vault::create(&self.place("old"), &slots, &self.who, Box::new(SystemClock)).unwrap()
    }

    fn back_up(&self, vault: &mut Vault) -> Vec<u8> {
        let dir = Dir::create(&self.temporary.path().join("backups")).unwrap();
        vault.back_up(&self.who, &dir, "b.age", true).unwrap();
        std::fs::read(dir.path().join("b.age")).unwrap()
    }

    fn read(&self, file: &[u8]) -> Result<Backup, BackupError> {
        Backup::open(file, file.len() as u64, std::slice::from_ref(&self.identity))
    }
}

fn put(name: &str, fields: Vec<(FieldName, Value)>) -> Put {
    let (profile, name) = (ProfileName::default(), SecretName::parse(name).unwrap());
    let injections = Some(Vec::new());
    Put { profile, name, vendor: None, injections, add: false, admin: false, fields }
}

fn field(name: &str, bytes: &[u8]) -> (FieldName, Value) {
    (FieldName::parse(name).unwrap(), Value::new(bytes.to_vec()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_value_comes_back(values in proptest::collection::vec(
        proptest::collection::vec(1..=255u8, 1..2000), 1..6), text in "[^\0]{1,300}")
    {
        let bench = Bench::new();
        let mut vault = bench.vault();
        for (number, value) in values.iter().enumerate() {
            // Every second one is a further version of the same secret.
            let name = format!("a/{}", number / 2);
            let fields = vec![field("bytes", value), field("text", text.as_bytes())];
            vault.put(&bench.who, Event::Set, &[put(&name, fields)]).unwrap();
        }
        let backup = bench.read(&bench.back_up(&mut vault)).unwrap();
        prop_assert!(vault.holds(&backup).unwrap());
        prop_assert_eq!(backup.generation, vault.generation());

        let clock = Box::new(SystemClock);
        Vault::restore(&bench.place("new"), &backup, &bench.who, clock).unwrap();
        let opener = Opener {
            key: None,
            identities: Identity::parse_file(bench.identity.to_text().as_bytes()).unwrap(),
            passphrase: &|| None,
            who: &bench.who,
            clock: Box::new(SystemClock),
            write: false,
            accept_rollback: false,
        };
        let restored = Vault::open(&bench.place("new"), opener).unwrap();
        prop_assert!(restored.holds(&backup).unwrap());
        prop_assert_eq!(restored.generation(), backup.generation + 1);
        prop_assert_eq!(restored.secrets().unwrap().len(), values.len().div_ceil(2));
    }

    #[test]
    fn rubbish_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(Backup::parse(&mut bytes.as_slice(), 1 << 20).is_err());
        prop_assert!(read::document(&bytes, b"").is_err());
    }
}

#[test]
fn a_change_makes_a_backup_differ_and_a_restore_undoes_it() {
    let bench = Bench::new();
    let mut vault = bench.vault();
    let one = |bytes: &[u8]| vec![field("value", bytes)];
    vault.put(&bench.who, Event::Set, &[put("a/kept", one(b"1"))]).unwrap();
    vault.put(&bench.who, Event::Set, &[put("a/gone", one(b"1"))]).unwrap();
    let backup = bench.read(&bench.back_up(&mut vault)).unwrap();
    vault.put(&bench.who, Event::Set, &[put("a/kept", one(b"2"))]).unwrap();
    vault.put(&bench.who, Event::Set, &[put("a/new", one(b"1"))]).unwrap();
    vault
        .purge(&bench.who, &ProfileName::default(), &SecretName::parse("a/gone").unwrap())
        .unwrap();
    let difference = vault.difference(&backup).unwrap();
    let names = |all: &[(ProfileName, SecretName)]| -> Vec<String> {
        all.iter().map(|(_, name)| name.to_string()).collect()
    };
    assert_eq!(names(&difference.added), ["a/gone"]);
    assert_eq!(names(&difference.changed), ["a/kept"]);
    assert_eq!(names(&difference.gone), ["a/new"]);
    assert!(!difference.policy && !vault.holds(&backup).unwrap());
    let before = vault.generation();
    vault.restore_over(&bench.who, &backup).unwrap();
    assert!(vault.holds(&backup).unwrap());
    assert!(vault.generation() > before);
    assert_eq!(vault.last_backup().map(|note| note.generation), Some(vault.generation()));
}

#[test]
fn a_restored_vault_is_above_all_that_this_machine_saw() {
    let bench = Bench::new();
    let mut vault = bench.vault();
    let backup = bench.read(&bench.back_up(&mut vault)).unwrap();
    for text in [&b"1"[..], b"2", b"3"] {
        let fields = vec![field("value", text)];
        vault.put(&bench.who, Event::Set, &[put("a/b", fields)]).unwrap();
    }
    let seen = vault.generation();
    vault.close().unwrap();
    let place = bench.place("old");
    let restore = || Vault::restore(&place, &backup, &bench.who, Box::new(SystemClock));
    assert!(matches!(restore(), Err(VaultError::Exists(_))));
    std::fs::remove_dir_all(&place.home).unwrap();
    let restored = restore().unwrap();
    assert_eq!(restored.generation(), seen + 1);
    assert!(restored.header().epoch > 1, "the anchor of the lost one stays what it was");
}

#[test]
fn documents_that_no_vault_writes_are_refused() {
    let slot = r#"{"kind":"identity","recipient":"age1x","added_ms":1}"#;
    let version = |number: &str, stage: &str, fields: &str| {
        format!(r#"{{"number":{number},"stage":"{stage}","created_ms":1,"fields":[{fields}]}}"#)
    };
    let secret = |name: &str, versions: &str| {
        format!(
            r#"{{"profile":"default","name":"{name}","vendor":null,"injections":[],"admin":false,
            "created_ms":1,"removed_ms":null,"versions":[{versions}]}}"#
        )
    };
    let document = |secrets: &str| {
        let id = "0f".repeat(16);
        format!(
            r#"{{"format":1,"vault":"{id}","generation":7,"written_ms":1,"slots":[{slot}],"secrets":[{secrets}]}}"#
        )
    };
    let value = r#"{"name":"value","value":"v"}"#;
    let current = version("3", "current", value);
    let sound = document(&secret("a/b", &current));
    let read = read::document(sound.as_bytes(), b"").unwrap();
    assert_eq!((read.generation, read.secrets[0].info.versions[0].stage), (7, Stage::Current));
    let encoded =
        document(&secret("a/b", &version("1", "current", r#"{"name":"x","value_b64":"/w=="}"#)));
    let read = read::document(encoded.as_bytes(), b"").unwrap();
    assert_eq!(read.secrets[0].values[0][0].1.expose(), [0xff]);

    let beside = |lives: &str, records: &str| {
        let all = format!("]}}]}}],\"rotations\":[{lives}],\"records\":[{records}]}}");
        sound.replace("\"format\":1", "\"format\":2").replace("]}]}]}", &all)
    };
    let life = r#"{"profile":"default","name":"a/b","revision":1,"keys":[],"blocked":[],"failed_ms":null,
        "orphans":[],"open":null,"past":[]}"#;
    let record = r#"{"name":"spend/x","bytes_b64":"dg=="}"#;
    let at_work = r#""open":{"id":"i","aim":"replace","state":"stored","old":1,"new":2,"targets":[],"label":"l",
        "began_ms":1,"changed_ms":1,"next_ms":0,"attempts":0,"holder":{"pid":1,"started":1},"trouble":null,
        "confirmed":false,"needs_person":false}"#;
    let read = read::document(beside(life, record).as_bytes(), b"").unwrap();
    assert_eq!((read.lives.len(), read.records[0].bytes.as_slice()), (1, &b"v"[..]));

    let twice = format!("{0},{0}", secret("a/b", &current));
    let cases = [
        ("a name", sound.replace("a/b", "A B")),
        ("an id", sound.replace("0f0f", "zz0f")),
        ("no slot", sound.replace(slot, "")),
        ("an unknown key", sound.replace("\"generation\"", "\"more\":1,\"generation\"")),
        ("a stage", sound.replace("current", "Current")),
        ("number 0", document(&secret("a/b", &version("0", "current", value)))),
        ("number past all", document(&secret("a/b", &version("4294967295", "current", value)))),
        ("no version", document(&secret("a/b", ""))),
        (
            "order",
            document(&secret("a/b", &format!("{current},{}", version("2", "retired", value)))),
        ),
        (
            "two current",
            document(&secret("a/b", &format!("{current},{}", version("4", "current", value)))),
        ),
        ("a secret twice", document(&twice)),
        (
            "a field twice",
            document(&secret("a/b", &version("1", "current", &format!("{value},{value}")))),
        ),
        ("no value", document(&secret("a/b", &version("1", "current", r#"{"name":"value"}"#)))),
        (
            "both values",
            document(&secret(
                "a/b",
                &version("1", "current", r#"{"name":"value","value":"v","value_b64":"dg=="}"#),
            )),
        ),
        (
            "an empty value",
            document(&secret("a/b", &version("1", "current", r#"{"name":"value","value":""}"#))),
        ),
        (
            "a NUL",
            document(&secret(
                "a/b",
                &version("1", "current", r#"{"name":"value","value":"\u0000"}"#),
            )),
        ),
        (
            "no base64",
            document(&secret(
                "a/b",
                &version("1", "current", r#"{"name":"value","value_b64":"???"}"#),
            )),
        ),
        (
            "too many versions",
            document(&secret(
                "a/b",
                &(1..=21)
                    .map(|n| version(&n.to_string(), "retired", value))
                    .collect::<Vec<_>>()
                    .join(","),
            )),
        ),
        ("more after it", format!("{sound} x")),
        ("rotations in the form before", sound.replace("]}]}]}", "]}]}],\"rotations\":[]}")),
        ("no rotations", sound.replace("\"format\":1", "\"format\":2")),
        ("a record of nobody", beside("", r#"{"name":"x/y","bytes_b64":"dg=="}"#)),
        ("an empty record", beside("", r#"{"name":"spend/x","bytes_b64":""}"#)),
        ("a record twice", beside("", &format!("{record},{record}"))),
        ("a life twice", beside(&format!("{life},{life}"), "")),
        ("a process at work", beside(&life.replace("\"open\":null", at_work), "")),
    ];
    for (case, text) in cases {
        assert!(text != sound, "{case}: nothing is other");
        let refused = read::document(text.as_bytes(), b"");
        assert!(matches!(refused, Err(BackupError::Foreign(_))), "{case}: {refused:?}");
    }
    let newer = sound.replace("\"format\":1", "\"format\":3,\"novel\":[]");
    assert_eq!(read::document(newer.as_bytes(), b"").unwrap_err(), BackupError::Newer(3));
    let policy = read::document(sound.as_bytes(), b"[agents.");
    assert!(matches!(policy, Err(BackupError::Foreign(_))));
}

#[test]
fn archives_of_other_members_are_refused() {
    let member = |name: &str, bytes: &[u8]| {
        let padding = tar::padding(bytes.len() as u64);
        [&tar::header(name, bytes.len() as u64, 0)[..], bytes, &[0; 512][..padding]].concat()
    };
    let end = [0; 1024].as_slice();
    let link = |name: &str| {
        let mut header = tar::header(name, 0, 0);
        header[156] = b'2';
        header
    };
    let cases: [&[&[u8]]; 9] = [
        &[],
        &[end],
        &[&member("policy.toml", b""), end],
        &[&member("other", b""), end],
        &[&member("README", b""), &member("README", b""), end],
        &[&link("README"), end],
        &[&member("../policy.toml", b""), end],
        &[&member("policy.toml", b""), &member("secrets.json", b"{}"), end],
        &[&member("policy.toml", b""), &member("secrets.json", b"{}"), end, b"more"],
    ];
    for (number, parts) in cases.iter().enumerate() {
        assert!(Backup::parse(&mut parts.concat().as_slice(), 1 << 20).is_err(), "case {number}");
    }
    let large = member("secrets.json", &[b' '; 4096]);
    let refused = Backup::parse(&mut large.as_slice(), 4095).unwrap_err();
    assert_eq!(refused, BackupError::Damaged("it is shorter than it says"));
}

#[test]
fn every_cut_and_a_flip_in_every_chunk_is_refused() {
    let bench = Bench::new();
    let mut vault = bench.vault();
    let large = vec![field("value", &[b'x'; 150_000])];
    vault.put(&bench.who, Event::Set, &[put("a/b", large)]).unwrap();
    let file = bench.back_up(&mut vault);
    assert!(bench.read(&file).is_ok());
    for at in (0..file.len()).step_by(997) {
        let mut bent = file.clone();
        bent[at] ^= 1;
        assert!(bench.read(&bent).is_err(), "flip at {at}");
        assert!(bench.read(&file[..at]).is_err(), "cut at {at}");
    }
    assert!(bench.read(&[file.as_slice(), b"x"].concat()).is_err());
    assert_eq!(
        bench.read(b"something else").unwrap_err(),
        BackupError::Foreign("it is no age file")
    );
    let other = Bench::new();
    assert_eq!(other.read(&file).unwrap_err(), BackupError::NoKey);
}
