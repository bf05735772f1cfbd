//! The vault from outside: what is stored is read, what is damaged is said.

mod undo;

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
                key: None,
                identities,
                passphrase: &|| None,
                who: &self.who,
                clock: self.clock(),
                write,
                accept_rollback: accept,
            },
        )
    }

    fn open_keeping_key(&self) -> (Vault, VaultKey) {
        let identities = Identity::parse_file(self.identity.as_bytes()).unwrap();
        let (passphrase, clock) = (&|| None, self.clock());
        let (who, write, accept_rollback) = (&self.who, true, false);
        let opener =
            Opener { identities, passphrase, key: None, who, clock, write, accept_rollback };
        Vault::open_with_key(&self.place(), opener).unwrap()
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
        Vault::open(
            &place,
            Opener { identities, passphrase, key: None, who, clock, write, accept_rollback },
        )
    };
    assert!(matches!(open("wrong").err().unwrap(), VaultError::Locked(_)));
    assert!(open("right").is_ok());
}

impl Bench {
    fn home_files(&self) -> Vec<String> {
        let home = Dir::open(&self.place().home, crate::platform::Private::Required).unwrap();
        home.list().unwrap().into_iter().map(|found| found.name).collect()
    }

    fn rekey(&self, without: Option<&str>) {
        let mut vault = self.open();
        let next = vault.prepare_rekey(without).unwrap();
        vault.enter_epoch(&self.who, Event::Rekey, "", next).unwrap();
        vault.close().unwrap();
    }

    /// The home and the state directory as they are, to be put back later.
    fn copy_to(&self, name: &str) {
        let all = ["home", "state"].map(|part| self.temporary.path().join(part));
        let copy = self.temporary.path().join(name);
        std::fs::create_dir(&copy).unwrap();
        let copied = std::process::Command::new("cp").arg("-a").args(all).arg(copy).status();
        assert!(copied.unwrap().success());
    }
}

#[test]
fn a_rekey_keeps_everything_but_the_keys() {
    let bench = Bench::new();
    bench.set("a/b", "one");
    bench.set("a/b", "two");
    let mut vault = bench.open();
    vault.apply_policy(&bench.who, "[agents.x]\nsecrets = [\"a/*\"]\n").unwrap();
    let (generation, blinded) =
        (vault.generation(), vault.blinded(&ProfileName::default(), &secret("a/b")));
    vault.close().unwrap();
    bench.rekey(None);
    bench.rekey(None);
    assert_eq!(bench.get("a/b").unwrap(), b"two");
    let mut vault = bench.open();
    assert!(vault.warnings().is_empty());
    assert_eq!((vault.header().epoch, vault.generation()), (3, generation + 2));
    assert_ne!(vault.blinded(&ProfileName::default(), &secret("a/b")), blinded);
    assert!(vault.policy_text().unwrap().contains("agents.x"));
    assert_eq!(vault.injectable(&ProfileName::default()).unwrap().len(), 1);
    let (profile, name) = (ProfileName::default(), secret("a/b"));
    assert_eq!(vault.roll_back(&bench.who, &profile, &name, None).unwrap(), 1);
    drop(vault);
    assert_eq!(bench.get("a/b").unwrap(), b"one");
    // The same value is told from another one by a fingerprint of the new keys.
    assert_eq!(bench.set("a/b", "one").outcome, PutOutcome::Unchanged);
    let mut events = Vec::new();
    let verdict = bench.open().verify_log(Scope::default(), &mut |read| {
        assert!(read.proven);
        events.push(read.entry.as_ref().map(|entry| entry.event.clone()).unwrap());
        true
    });
    assert_eq!(verdict.unwrap().broken, None);
    assert_eq!((events[0].as_str(), events.iter().filter(|e| *e == "rekey").count()), ("init", 2));
    let stores: Vec<String> =
        bench.home_files().into_iter().filter(|name| epoch::is_store(name)).collect();
    assert_eq!(stores, ["store-3.redb"]);
}

#[test]
fn a_removed_identity_opens_nothing_and_its_header_put_back_is_refused() {
    let bench = Bench::new();
    let other = Identity::generate();
    let (mut vault, key) = bench.open_keeping_key();
    let slot = NewSlot::Recipient(SlotKind::Identity, other.recipient());
    vault.add_slots(&key, &bench.who, std::slice::from_ref(&slot)).unwrap();
    assert!(matches!(
        vault.add_slots(&key, &bench.who, std::slice::from_ref(&slot)),
        Err(VaultError::Limit(_))
    ));
    vault.close().unwrap();
    let text = other.to_text();
    let opened = bench.open_with(&text, true, false).unwrap();
    assert_eq!(opened.opened_by(), other.recipient().to_string());
    drop(opened);
    bench.set("a/b", "one");
    bench.copy_to("before");
    bench.rekey(Some(&other.recipient().to_string()));
    assert!(matches!(bench.open_with(&text, false, false), Err(VaultError::Locked(_))));
    assert_eq!(bench.get("a/b").unwrap(), b"one");
    let before = bench.temporary.path().join("before");
    for file in ["vault.toml", "store.redb"] {
        std::fs::copy(before.join("home").join(file), bench.place().home.join(file)).unwrap();
    }
    let refused = bench.open_with(&text, false, false);
    assert!(matches!(refused, Err(VaultError::OldEpoch { found: 1, seen: 2 })));
    bench.open_with(&bench.identity, true, true).unwrap().close().unwrap();
    assert_eq!(bench.get("a/b").unwrap(), b"one");
}

#[test]
fn whatever_a_crash_leaves_of_a_rekey_the_vault_is_the_old_or_the_new_one() {
    let bench = Bench::new();
    bench.set("a/b", "one");
    let (home, state) = (bench.place().home, bench.place().state);
    let anchors = state.join(bench.open().header().vault.clone());
    bench.copy_to("old");
    bench.rekey(None);
    bench.copy_to("new");
    let [old, new] = ["old", "new"].map(|name| bench.temporary.path().join(name));
    let put = |from: &std::path::Path| {
        for part in ["home", "state"] {
            let to = bench.temporary.path().join(part);
            std::fs::remove_dir_all(&to).unwrap();
            let copied =
                std::process::Command::new("cp").arg("-a").arg(from.join(part)).arg(to).status();
            assert!(copied.unwrap().success());
        }
    };
    let take = |file: &str| std::fs::copy(new.join("home").join(file), home.join(file)).unwrap();
    let new_anchor = anchors.strip_prefix(bench.temporary.path()).unwrap().join("anchor-2");
    let anchor = || {
        std::fs::copy(new.join(&new_anchor), anchors.join(".anchor-2.new")).unwrap();
    };
    // Before the header got its name.
    for with_anchor in [false, true] {
        put(&old);
        take("store-2.redb");
        if with_anchor {
            anchor();
        }
        assert_eq!(bench.get("a/b").unwrap(), b"one");
        bench.set("a/b", "two");
        assert!(!home.join("store-2.redb").exists() && !anchors.join(".anchor-2.new").exists());
        assert!(bench.open().warnings().is_empty());
    }
    // After it, with all that is old still there.
    put(&old);
    anchor();
    take("store-2.redb");
    take("vault.toml");
    assert_eq!(bench.get("a/b").unwrap(), b"one");
    assert!(bench.open().warnings().is_empty());
    assert!(!home.join("store.redb").exists() && anchors.join("anchor-2").exists());
    assert_eq!(std::fs::read_dir(home.join("snapshots")).unwrap().count(), 0);
    // A header that is lost just then is not replaced by one from before.
    put(&old);
    anchor();
    take("store-2.redb");
    std::fs::remove_file(home.join("vault.toml")).unwrap();
    assert!(matches!(bench.get("a/b"), Err(VaultError::OldEpoch { .. })));
}

#[test]
fn a_vault_is_made_from_contents_above_what_was_seen() {
    let bench = Bench::new();
    bench.set("a/b", "one");
    bench.rekey(None);
    let vault = bench.open();
    let origin = Origin { vault: vault.header().vault.clone(), generation: 40, event: Event::Init };
    let contents: Vec<_> = vault.contents().unwrap().collect();
    drop(vault);
    std::fs::remove_dir_all(bench.place().home).unwrap();
    let identity = Identity::parse_file(bench.identity.as_bytes()).unwrap().remove(0);
    let slots = [NewSlot::Recipient(SlotKind::Identity, identity.recipient())];
    let (who, clock) = (&bench.who, bench.clock());
    let place = bench.place();
    let made = Vault::create_from(&place, &origin, &slots, who, clock, contents.into_iter());
    made.unwrap().close().unwrap();
    let vault = bench.open();
    assert!(vault.warnings().is_empty());
    assert_eq!((vault.header().epoch, vault.generation()), (3, 41));
    drop(vault);
    assert_eq!(bench.get("a/b").unwrap(), b"one");
}
