//! The vault from outside: what is stored is read, what is damaged is said.

use std::rc::Rc;

use super::*;
use crate::auditlog::Scope;
use crate::crypto::slot::{Identity, Passphrase};
use crate::domain::{Actor, Event, FieldName, Injection, Stage, Value, Variable};

struct Fixed(Rc<std::cell::Cell<i64>>);

impl Clock for Fixed {
    fn now_ms(&self) -> i64 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

struct Bench {
    temporary: tempfile::TempDir,
    identity: String,
    now: Rc<std::cell::Cell<i64>>,
    who: Who,
}

impl Bench {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let identity = Identity::generate();
        let actor = Actor { uid: 1, pid: 2, executable: "x".into(), ..Actor::default() };
        let who = Who { actor, ..Who::default() };
        let now = Rc::new(std::cell::Cell::new(1_000_000));
        let text = identity.to_text().to_string();
        let bench = Self { temporary, identity: text, now, who };
        let slots = [NewSlot::Recipient(SlotKind::Identity, identity.recipient())];
        Vault::create(&bench.place(), &slots, &bench.who, bench.clock()).unwrap().close().unwrap();
        bench
    }

    fn place(&self) -> Place {
        let path = self.temporary.path();
        Place { home: path.join("home"), state: path.join("state") }
    }

    fn clock(&self) -> Box<dyn Clock> {
        Box::new(Fixed(self.now.clone()))
    }

    fn try_open(&self, write: bool) -> Result<Vault, VaultError> {
        self.open_with(&self.identity, write, false)
    }

    fn open_with(&self, key: &str, write: bool, accept: bool) -> Result<Vault, VaultError> {
        let identities = Identity::parse_file(key.as_bytes()).unwrap();
        Vault::open(
            &self.place(),
            Opener {
                identities,
                passphrase: &|| None,
                who: &self.who,
                clock: self.clock(),
                write,
                accept_rollback: accept,
            },
        )
    }

    fn open(&self) -> Vault {
        self.try_open(true).unwrap()
    }

    fn set(&self, name: &str, text: &str) -> Stored {
        let mut vault = self.open();
        let stored = vault.put(&self.who, Event::Set, &[put(name, text)]).unwrap().remove(0);
        vault.close().unwrap();
        stored
    }

    fn get(&self, name: &str) -> Result<Vec<u8>, VaultError> {
        let want = Want { profile: ProfileName::default(), name: secret(name), version: None };
        let mut vault = self.try_open(false)?;
        let revealed = vault.reveal(&self.who, Purpose::Get, &[want])?;
        Ok(revealed[0].fields[0].1.expose().to_vec())
    }
}

fn secret(name: &str) -> SecretName {
    SecretName::parse(name).unwrap()
}

fn put(name: &str, text: &str) -> Put {
    let variable = Variable::parse(&name.to_uppercase().replace(['/', '-', '.'], "_")).unwrap();
    Put {
        profile: ProfileName::default(),
        name: secret(name),
        vendor: None,
        injections: Some(vec![Injection { variable, field: FieldName::default() }]),
        add: true,
        admin: false,
        fields: vec![(FieldName::default(), Value::new(text.as_bytes().to_vec()).unwrap())],
    }
}

#[test]
fn versions_have_stages_and_go_back() {
    let bench = Bench::new();
    assert_eq!(bench.set("a/b", "one").outcome, PutOutcome::Created);
    assert_eq!(bench.set("a/b", "one").outcome, PutOutcome::Unchanged);
    assert_eq!(bench.set("a/b", "two").version, 2);
    assert_eq!(bench.set("a/b", "three").version, 3);
    let profile = ProfileName::default();
    let mut vault = bench.open();
    let info = vault.secret(&profile, &secret("a/b")).unwrap().unwrap();
    let stages: Vec<Stage> = info.versions.iter().map(|v| v.stage).collect();
    assert_eq!(stages, [Stage::Retired, Stage::Previous, Stage::Current]);
    assert_eq!(vault.roll_back(&bench.who, &profile, &secret("a/b"), None).unwrap(), 2);
    drop(vault);
    assert_eq!(bench.get("a/b").unwrap(), b"two");
    bench.open().remove(&bench.who, &profile, &secret("a/b")).unwrap();
    assert!(matches!(bench.get("a/b"), Err(VaultError::NoSuch(_))));
    assert!(bench.open().injectable(&profile).unwrap().is_empty());
    bench.open().roll_back(&bench.who, &profile, &secret("a/b"), None).unwrap();
    assert_eq!(bench.get("a/b").unwrap(), b"two");
    bench.open().purge(&bench.who, &profile, &secret("a/b")).unwrap();
    assert_eq!(bench.open().secret(&profile, &secret("a/b")).unwrap(), None);
}

#[test]
fn an_unchanged_put_writes_nothing() {
    let bench = Bench::new();
    bench.set("a/b", "one");
    let before = bench.open().generation();
    bench.set("a/b", "one");
    assert_eq!(bench.open().generation(), before);
}

#[test]
fn adding_keeps_the_fields_and_variables_that_are_there() {
    let bench = Bench::new();
    bench.set("aws/main", "id");
    let mut more = put("aws/main", "key");
    more.fields[0].0 = FieldName::parse("secret_access_key").unwrap();
    more.injections.as_mut().unwrap()[0].variable = Variable::parse("AWS_SECRET").unwrap();
    let mut vault = bench.open();
    vault.put(&bench.who, Event::Import, &[more]).unwrap();
    let info = vault.injectable(&ProfileName::default()).unwrap().remove(0);
    assert_eq!((info.injections.len(), info.current().unwrap().fields.len()), (2, 2));
}

#[test]
fn a_wrong_identity_is_refused_and_logged() {
    let bench = Bench::new();
    let other = Identity::generate().to_text().to_string();
    let refused = bench.open_with(&other, false, false).err().unwrap();
    assert!(matches!(refused, VaultError::Locked(_)));
    let mut events = Vec::new();
    let mut vault = bench.open();
    vault.tend_log(&bench.who);
    let verdict = vault.verify_log(Scope::default(), &mut |read| {
        events.push(read.entry.as_ref().map(|e| (e.event.clone(), read.proven)).unwrap());
        true
    });
    assert_eq!(verdict.unwrap().broken, None);
    assert_eq!(events.last().unwrap(), &("unlock".to_owned(), false));
}

#[test]
fn older_files_are_refused_until_they_are_accepted() {
    let bench = Bench::new();
    bench.set("a/b", "one");
    let old = std::fs::read(bench.place().home.join("store.redb")).unwrap();
    bench.set("a/b", "two");
    std::fs::write(bench.place().home.join("store.redb"), old).unwrap();
    assert!(matches!(bench.get("a/b"), Err(VaultError::RolledBack { found: 2, seen: 3 })));
    bench.open_with(&bench.identity, true, true).unwrap().close().unwrap();
    assert_eq!(bench.get("a/b").unwrap(), b"one");
}

#[test]
fn a_store_that_is_gone_goes_back_to_its_snapshot_when_that_is_accepted() {
    let bench = Bench::new();
    bench.set("a/b", "one");
    bench.set("a/b", "two");
    std::fs::write(bench.place().home.join("store.redb"), b"").unwrap();
    std::fs::remove_dir_all(bench.place().home.join("log")).unwrap();
    assert!(matches!(bench.get("a/b"), Err(VaultError::Damaged(_))));
    bench.open_with(&bench.identity, true, true).unwrap().close().unwrap();
    assert_eq!(bench.get("a/b").unwrap(), b"one");
    assert_eq!(bench.open().verify_log(Scope::default(), &mut |_| true).unwrap().broken, None);
}

#[test]
fn a_change_that_came_too_soon_gets_its_snapshot_later() {
    let bench = Bench::new();
    bench.set("a/b", "one");
    bench.set("a/b", "two");
    bench.now.set(bench.now.get() + 60_000);
    bench.open().close().unwrap();
    std::fs::write(bench.place().home.join("store.redb"), b"").unwrap();
    assert_eq!(bench.get("a/b").unwrap(), b"two");
}

#[test]
fn a_lost_store_comes_back_from_its_snapshot_and_only_from_it() {
    let bench = Bench::new();
    bench.set("a/b", "one");
    let store = bench.place().home.join("store.redb");
    std::fs::write(&store, b"").unwrap();
    let vault = bench.open();
    assert!(vault.warnings()[0].contains("rebuilt"));
    drop(vault);
    assert_eq!(bench.get("a/b").unwrap(), b"one");
    // Within a minute of the last snapshot no new one is taken: this change is only in the store.
    bench.set("a/b", "two");
    std::fs::remove_file(&store).unwrap();
    assert!(matches!(bench.get("a/b"), Err(VaultError::Damaged(_))));
}

#[test]
fn a_lost_header_or_anchor_is_made_good_and_said() {
    let bench = Bench::new();
    bench.set("a/b", "one");
    std::fs::remove_file(bench.place().home.join("vault.toml")).unwrap();
    std::fs::remove_dir_all(bench.place().state).unwrap();
    let vault = bench.open();
    assert_eq!(vault.warnings().len(), 2);
    drop(vault);
    assert!(bench.open().warnings().is_empty());
    assert_eq!(bench.get("a/b").unwrap(), b"one");
}

#[test]
fn an_altered_key_slot_is_made_good_from_a_snapshot_and_said() {
    let bench = Bench::new();
    bench.set("a/b", "one");
    let header = bench.place().home.join("vault.toml");
    let whole = std::fs::read_to_string(&header).unwrap();
    // The end of the wrapped key: the slot is found, and does not open.
    let end = whole.trim_end().len() - 4;
    let other = if &whole[end..=end] == "A" { "B" } else { "A" };
    std::fs::write(&header, format!("{}{other}{}", &whole[..end], &whole[end + 1..])).unwrap();
    let vault = bench.open();
    assert!(vault.warnings()[0].contains("header"));
    drop(vault);
    assert_eq!(std::fs::read_to_string(&header).unwrap(), whole);
    assert!(bench.open().warnings().is_empty());
}

#[test]
fn a_passphrase_slot_opens_and_an_interrupted_create_is_no_vault() {
    let bench = Bench::new();
    let path = bench.temporary.path().join("second");
    let place = Place { home: path.clone(), state: bench.place().state };
    std::fs::create_dir(&path).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let write = |name: &str| {
        std::fs::write(path.join(name), b"").unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(path.join(name), private).unwrap();
    };
    write("store.redb");
    let slots = [NewSlot::Passphrase(Passphrase::new("right".into()), 15)];
    let create = || Vault::create(&place, &slots, &bench.who, bench.clock());
    assert!(matches!(create(), Err(VaultError::Damaged(_))));
    write(".unfinished");
    create().unwrap().close().unwrap();
    assert!(matches!(create(), Err(VaultError::Exists(_))));
    let open = |text: &'static str| {
        let passphrase = move || Some(Passphrase::new(text.into()));
        let (identities, clock) = (Vec::new(), bench.clock());
        let (write, accept_rollback) = (false, false);
        let passphrase = &passphrase;
        let who = &bench.who;
        Vault::open(&place, Opener { identities, passphrase, who, clock, write, accept_rollback })
    };
    assert!(matches!(open("wrong").err().unwrap(), VaultError::Locked(_)));
    assert!(open("right").is_ok());
}
