//! A vendor in memory that misbehaves on command, a real vault beside it, and a clock that a test
//! moves. After every request and every commit it is looked whether the promises hold.

mod fake;

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use clawvault::rotate::{Books, Key, Look, Sink, Timer, Vendors};
use clawvault_core::crypto::slot::Identity;
use clawvault_core::domain::{
    Event, FieldName, Life, Policy, ProfileName, SecretName, Stage, State, Value,
};
use clawvault_core::platform::Clock;
use clawvault_core::vault::{
    NewSlot, Place, Purpose, Put, SlotKind, Step, Vault, VaultError, VersionChange, Want, Who,
};
use clawvault_providers::adapter::{
    Abilities, Adapter, Answer, Ask, Created, Fields, Identity as Owner, Kind, Level, Listed,
    Operation, Revoked, Validity, VendorError,
};

use fake::Fake;

/// What a request meets instead of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub name: &'static str,
    kind: Kind,
    status: Option<u16>,
    pub(crate) retry_after_s: Option<u64>,
    /// Whether the vendor did what was asked all the same.
    carried_out: bool,
}

const fn fault(name: &'static str, kind: Kind, status: Option<u16>, carried_out: bool) -> Fault {
    Fault { name, kind, status, retry_after_s: None, carried_out }
}

/// The faults of T9, those that may have been carried out in both ways.
pub(crate) const FAULTS: &[Fault] = &[
    fault("no connection", Kind::Unreachable, None, false),
    fault("read timeout, nothing done", Kind::Lost, None, false),
    fault("read timeout, done", Kind::Lost, None, true),
    fault("reset in the body", Kind::Lost, None, true),
    fault("401", Kind::Unauthorized, Some(401), false),
    fault("403", Kind::Forbidden, Some(403), false),
    fault("404", Kind::NotFound, Some(404), false),
    fault("409", Kind::Conflict, Some(409), false),
    Fault {
        retry_after_s: Some(30),
        ..fault("429 with Retry-After", Kind::RateLimited, Some(429), false)
    },
    fault("429", Kind::RateLimited, Some(429), false),
    fault("500, done", Kind::VendorFailed, Some(500), true),
    fault("503", Kind::VendorFailed, Some(503), false),
    fault("garbage 200", Kind::BadAnswer, Some(200), true),
    fault("truncated 200", Kind::BadAnswer, Some(200), true),
    fault("wrong shape", Kind::BadAnswer, Some(200), true),
    fault("100 MB", Kind::Unbounded, Some(200), true),
    fault("slow drip", Kind::Unbounded, None, true),
    fault("redirect to another host", Kind::BadAnswer, Some(302), false),
    fault("TLS", Kind::Tls, None, false),
];

/// What a vendor's interface is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub name: &'static str,
    pub level: Level,
    pub list: bool,
    pub most_keys: Option<u32>,
    pub propagation_s: u32,
    pub tells_ids: bool,
}

const USUAL: Manner = Manner {
    name: "usual",
    level: Level::Automatic,
    list: true,
    most_keys: None,
    propagation_s: 0,
    tells_ids: true,
};

pub(crate) const MANNERS: &[Manner] = &[
    USUAL,
    Manner { name: "two keys, slow to spread", most_keys: Some(2), propagation_s: 10, ..USUAL },
    Manner { name: "tells no ids", tells_ids: false, ..USUAL },
    Manner { name: "lists nothing", list: false, ..USUAL },
    Manner { name: "replaces in place", level: Level::NoOverlap, list: false, ..USUAL },
];

#[derive(Clone, Debug)]
struct VendorKey {
    id: String,
    name: String,
    value: String,
    live: bool,
    /// Accepted from then on, refused from then on.
    since_ms: i64,
}

pub(crate) struct World {
    pub now_ms: i64,
    pub manner: Manner,
    keys: Vec<VendorKey>,
    pub requests: u32,
    /// What the requests of these numbers meet.
    pub faults: BTreeMap<u32, Fault>,
    /// After this request the process is dead.
    pub kill_after: Option<u32>,
    pub killed: bool,
    /// What the sinks answer, by turn; then they agree.
    pub sink_fails: u32,
    /// Processes that hold the old version.
    pub held: Vec<u32>,
    /// Value and stage of each version in the vault, and what is under way.
    versions: BTreeMap<u32, String>,
    stages: BTreeMap<u32, Stage>,
    life: Option<Life>,
    pub broken: Vec<String>,
    pub calls: Vec<String>,
}

impl World {
    fn error(&self, operation: Operation, fault: &Fault) -> VendorError {
        VendorError {
            vendor: "fake".to_owned(),
            operation,
            kind: fault.kind,
            status: fault.status,
            retry_after_s: fault.retry_after_s,
            detail: fault.name.to_owned(),
        }
    }

    fn accepts(&self, value: &str) -> bool {
        self.keys.iter().any(|key| key.live && key.value == value)
    }

    /// The promises, at this very instant.
    fn look(&mut self, when: &str) {
        let usable = [Stage::Current, Stage::Previous];
        let working = self
            .versions
            .iter()
            .any(|(number, value)| usable.contains(&self.stages[number]) && self.accepts(value));
        let replaced = self.manner.level == Level::NoOverlap;
        let told = self.life.as_ref().and_then(|life| life.open.as_ref()).is_some_and(|open| {
            matches!(open.state, State::Creating | State::Stored | State::Proven | State::Lost)
        });
        if !(working || replaced && told) {
            self.broken.push(format!("{when}: no working key is current or previous"));
        }
        for key in self.keys.iter().filter(|key| key.live) {
            let stored = self.versions.values().any(|value| *value == key.value);
            let label = |open: &clawvault_core::domain::Rotation| {
                !open.label.is_empty() && key.name.contains(&open.label)
            };
            let life = self.life.as_ref();
            let in_doubt = life.and_then(|life| life.open.as_ref()).is_some_and(label);
            let named = life
                .is_some_and(|life| life.orphans.iter().any(|orphan| orphan.contains(&key.name)));
            if !stored && !in_doubt && !named {
                self.broken.push(format!("{when}: {} lives and nobody knows of it", key.name));
            }
        }
    }

    /// Live keys that are neither in the vault nor named as orphans.
    pub(crate) fn strays(&self) -> Vec<String> {
        let known = |key: &&VendorKey| {
            let stored = self.versions.values().any(|value| *value == key.value);
            let orphans = self.life.iter().flat_map(|life| &life.orphans);
            key.live && !stored && !orphans.clone().any(|orphan| orphan.contains(&key.name))
        };
        self.keys.iter().filter(known).map(|key| key.name.clone()).collect()
    }

    pub(crate) fn live(&self) -> usize {
        self.keys.iter().filter(|key| key.live).count()
    }

    pub(crate) fn works(&self, version: u32) -> bool {
        self.versions.get(&version).is_some_and(|value| self.accepts(value))
    }

    /// A person revokes the keys of these versions at the console.
    pub(crate) fn remove_by_hand(&mut self, versions: &[u32]) {
        let now = self.now_ms;
        let meant: Vec<_> = versions.iter().filter_map(|v| self.versions.get(v)).collect();
        for key in self.keys.iter_mut().filter(|key| key.live && meant.contains(&&key.value)) {
            (key.live, key.since_ms) = (false, now);
        }
    }

    /// A person makes a key at the console.
    pub(crate) fn make_by_hand(&mut self) -> Value {
        let value = format!("value-{}", self.keys.len() + 1);
        let id = format!("key_{}", self.keys.len() + 1);
        // It is the person's until it is given to the vault.
        self.versions.insert(u32::MAX, value.clone());
        self.stages.insert(u32::MAX, Stage::Pending);
        let since_ms = self.now_ms;
        self.keys.push(VendorKey {
            id,
            name: "by hand".into(),
            value: value.clone(),
            live: true,
            since_ms,
        });
        Value::new(value.into_bytes()).unwrap()
    }
}

/// A world that everybody shares.
#[derive(Clone)]
pub(crate) struct Shared(pub Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn get(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// One request: it counts, may fail, may be the last one of this process.
    async fn request<T>(
        &self,
        operation: Operation,
        carry_out: impl FnOnce(&mut World) -> Result<T, VendorError>,
    ) -> Result<T, VendorError> {
        let (outcome, killed) = {
            let mut world = self.get();
            let number = world.requests;
            world.requests += 1;
            world.calls.push(format!("{operation:?}"));
            let fault = world.faults.get(&number).copied();
            let outcome = match fault {
                Some(fault) => {
                    if fault.carried_out {
                        carry_out(&mut world).ok();
                    }
                    Err(world.error(operation, &fault))
                }
                None => carry_out(&mut world),
            };
            world.look(&format!("after request {number} ({operation:?})"));
            world.killed = world.kill_after == Some(number);
            (outcome, world.killed)
        };
        if killed {
            return pending().await;
        }
        outcome
    }
}

fn text(fields: &Fields) -> String {
    let value = fields.first().map(|(_, value)| value.expose().to_vec()).unwrap_or_default();
    String::from_utf8(value).unwrap()
}

fn one(value: &str) -> Fields {
    let value = Value::new(value.as_bytes().to_vec()).unwrap();
    vec![(FieldName::parse("value").unwrap(), value)]
}

pub(crate) struct FakeVendors(pub Shared);

impl Vendors for FakeVendors {
    fn adapter(&self, _look: &Look) -> Option<Arc<dyn Adapter>> {
        Some(Arc::new(Fake(self.0.clone())))
    }

    fn sinks(&self, _look: &Look) -> Vec<Box<dyn Sink>> {
        vec![Box::new(FakeSink(self.0.clone()))]
    }

    fn guide(&self, _look: &Look) -> String {
        "Make one at https://console.example/keys.".to_owned()
    }
}

struct FakeSink(Shared);

impl Sink for FakeSink {
    fn name(&self) -> String {
        "a sink".to_owned()
    }

    fn tell(&self, notice: &clawvault::rotate::Notice) -> Result<(), clawvault::rotate::SinkError> {
        let mut world = self.0.get();
        assert_eq!(world.stages.get(&notice.version), Some(&Stage::Current), "told too early");
        if world.sink_fails > 0 {
            world.sink_fails -= 1;
            return Err(clawvault::rotate::SinkError::new("a sink", "it does not want it"));
        }
        Ok(())
    }
}

pub(crate) struct FakeTimer(pub Shared);

impl Timer for FakeTimer {
    fn now_ms(&self) -> i64 {
        self.0.get().now_ms
    }

    fn sleep(&self, ms: i64) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        self.0.get().now_ms += ms;
        Box::pin(std::future::ready(()))
    }
}

struct VaultClock;

impl Clock for VaultClock {
    fn now_ms(&self) -> i64 {
        1_700_000_000_000
    }
}

/// A vault in a directory of its own; secrets of it have lives one after the other.
pub(crate) struct Bench {
    _temporary: tempfile::TempDir,
    vault: Arc<Mutex<Option<Vault>>>,
    count: u32,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let memory = std::path::Path::new("/dev/shm");
        let temporary = match memory.is_dir() {
            true => tempfile::tempdir_in(memory).unwrap(),
            false => tempfile::tempdir().unwrap(),
        };
        let place =
            Place { home: temporary.path().join("home"), state: temporary.path().join("state") };
        let slots = [NewSlot::Recipient(SlotKind::Identity, Identity::generate().recipient())];
        let vault = Vault::create(&place, &slots, &Who::default(), Box::new(VaultClock)).unwrap();
        Self { _temporary: temporary, vault: Arc::new(Mutex::new(Some(vault))), count: 0 }
    }

    /// A secret with one working key, at a vendor of this manner.
    pub(crate) fn secret(&mut self, manner: Manner) -> (Shared, VaultBooks, Key) {
        self.count += 1;
        let key =
            (ProfileName::default(), SecretName::parse(&format!("fake/{}", self.count)).unwrap());
        let mut vault = self.vault.lock().unwrap();
        let open = vault.as_mut().unwrap();
        let put = Put {
            profile: key.0.clone(),
            name: key.1.clone(),
            vendor: Some("fake".to_owned()),
            injections: None,
            add: false,
            admin: false,
            fields: one("value-1"),
        };
        open.put(&Who::default(), Event::Set, &[put]).unwrap();
        let first = VendorKey {
            id: "key_1".into(),
            name: "first".into(),
            value: "value-1".into(),
            live: true,
            since_ms: 0,
        };
        let world = World {
            now_ms: 1_700_000_000_000,
            manner,
            keys: vec![first],
            requests: 0,
            faults: BTreeMap::new(),
            kill_after: None,
            killed: false,
            sink_fails: 0,
            held: Vec::new(),
            versions: BTreeMap::from([(1, "value-1".to_owned())]),
            stages: BTreeMap::from([(1, Stage::Current)]),
            life: None,
            broken: Vec::new(),
            calls: Vec::new(),
        };
        let world = Shared(Arc::new(Mutex::new(world)));
        let books = VaultBooks { vault: Arc::clone(&self.vault), world: world.clone() };
        (world, books, key)
    }
}

/// The vault itself, and the world's picture of it.
#[derive(Clone)]
pub(crate) struct VaultBooks {
    vault: Arc<Mutex<Option<Vault>>>,
    world: Shared,
}

impl Books for VaultBooks {
    type Error = VaultError;

    fn look(&mut self, key: &Key) -> Result<Option<Look>, VaultError> {
        let vault = self.vault.lock().unwrap();
        let vault = vault.as_ref().unwrap();
        let Some(info) = vault.secret(&key.0, &key.1)? else { return Ok(None) };
        let policy = Policy::parse("[vendors.fake]\nno_overlap = true").unwrap();
        let rule = policy.rule(&key.0, &key.1, Some("fake"));
        Ok(Some(Look { life: vault.life(&key.0, &key.1)?, info, rule }))
    }

    fn step(&mut self, event: Event, steps: Vec<Step>) -> Result<Option<Vec<Life>>, VaultError> {
        let mut vault = self.vault.lock().unwrap();
        let vault = vault.as_mut().unwrap();
        let pending: Vec<Option<String>> = steps
            .iter()
            .map(|step| match &step.change {
                VersionChange::Pending(fields) => Some(text(fields)),
                _ => None,
            })
            .collect();
        let lives = match vault.step(&Who::default(), event, steps) {
            Ok(lives) => lives,
            Err(VaultError::Stale(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut world = self.world.get();
        for (life, value) in lives.iter().zip(pending) {
            let info = vault.secret(&life.profile, &life.name)?.unwrap();
            world.stages = info.versions.iter().map(|v| (v.number, v.stage)).collect();
            world.versions.remove(&u32::MAX);
            if let (Some(value), Some(last)) = (value, info.versions.last()) {
                world.versions.insert(last.number, value);
            }
            world.life = Some(life.clone());
        }
        world.look("after a commit");
        Ok(Some(lives))
    }

    fn fields(&mut self, _event: Event, wants: &[(Key, u32)]) -> Result<Vec<Fields>, VaultError> {
        let want = |(key, version): &(Key, u32)| Want {
            profile: key.0.clone(),
            name: key.1.clone(),
            version: Some(*version).filter(|version| *version > 0),
        };
        let wants: Vec<Want> = wants.iter().map(want).collect();
        let mut vault = self.vault.lock().unwrap();
        let opened = vault.as_mut().unwrap().reveal(&Who::default(), Purpose::Rotate, &wants)?;
        Ok(opened.into_iter().map(|one| one.fields).collect())
    }

    fn held(&mut self, _key: &Key, _version: u32) -> Vec<u32> {
        let mut world = self.world.get();
        if world.held.is_empty() { Vec::new() } else { vec![world.held.remove(0)] }
    }
}
