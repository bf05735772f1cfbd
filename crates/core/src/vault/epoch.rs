//! A new epoch: vault key, key slots and content are replaced together, or not at all.
//!
//! The new store lies beside the old one until the header, which names the epoch, is renamed into
//! place: that is the one moment of change. What a crash leaves before it is removed by the next
//! command that writes; what it leaves after it, by the next that opens the vault. The anchor gets
//! its name last, so an anchor under its temporary name says that something is left to remove.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use crate::crypto::{Keys, LogKeys, VaultKey};
use crate::domain::limits::{MAX_INDEX, MAX_VERSIONS};
use crate::domain::{Event, FieldName, Life, Outcome, ProfileName, SecretInfo, SecretName, Value};
use crate::platform::{Dir, PlatformError, failpoint};
use crate::store::{Change, Kind, Ledger, LocalStore, Plain, RecordKey, StoreError};

use super::change::{check_bounds, fingerprint, lengths};
use super::codec::{self, Index};
use super::lives::blocked_of;
use super::open::{HEADER, spare_stores};
use super::snapshots::DIRECTORY as SNAPSHOTS;
use super::undo::UndoPiece;
use super::{Anchored, Header, Slot, Vault, VaultError, Who, record_keys};

/// One piece of what a vault holds, in plain.
#[derive(Debug)]
pub enum Content {
    /// The policy document.
    Policy(String),
    /// A secret, and the fields of each of its versions in the order that it lists them.
    Secret(SecretInfo, Vec<Vec<(FieldName, Value)>>),
    /// A part of what undoes scrubs.
    Undo(UndoPiece),
    /// What is known of the secrets' keys at their vendors, all of it.
    Lives(Vec<Life>),
}

/// An epoch that is written and proven, and not in force yet.
pub struct NextEpoch {
    header: Header,
    keys: Keys,
    ledger: Ledger<LocalStore>,
}

impl NextEpoch {
    /// A secret's name as the store will see it, in hex.
    pub fn blinded(&self, profile: &ProfileName, name: &SecretName) -> String {
        crate::domain::hex(&record_keys::secret(&self.keys, profile, name).id)
    }
}

impl Vault {
    /// Writes a new store under a new vault key, beside the one in force: with `contents`, with key
    /// slots for the recipients of `slots`, in a generation above `above` and above the vault's own.
    pub fn prepare_epoch(
        &self,
        slots: &[Slot],
        above: u64,
        contents: impl Iterator<Item = Result<Content, VaultError>>,
    ) -> Result<NextEpoch, VaultError> {
        let used_up = || VaultError::Limit("no further epoch can be counted".to_owned());
        let epoch = self.header.epoch.checked_add(1).ok_or_else(used_up)?;
        let key = VaultKey::generate()?;
        let keys = key.derive();
        let id = self.header.id().ok_or_else(|| VaultError::Damaged("its header has no id".into()));
        let mut header = Header::new(&id?, epoch, &keys);
        for slot in slots {
            header.slots.push(slot.rewrapped(&key)?);
        }
        let mut past = self.past_log_keys()?;
        past.push((self.header.epoch, self.keys.log_keys()));
        let past = past.into_iter().map(|(epoch, log)| Ok(Piece::LogKeys(epoch, log)));
        let pieces = contents.map(|content| content.map(Piece::Content)).chain(past);
        let above = above.max(self.generation());
        failpoint::hit("epoch.prepare")?;
        self.home.remove(&store_name(epoch))?;
        let ledger = fill_store(&self.home, (&header, &keys), above, pieces)?;
        Ok(NextEpoch { header, keys, ledger })
    }

    /// Puts a prepared epoch in force, after logging it as `event`; what the keys before it open is
    /// removed from the disk, snapshots too.
    pub fn enter_epoch(
        &mut self,
        who: &Who,
        event: Event,
        note: &str,
        next: NextEpoch,
    ) -> Result<(), VaultError> {
        let mut entry = who.entry(self.clock.now_ms(), event, Outcome::Ok, Vec::new());
        note.clone_into(&mut entry.note);
        failpoint::hit("epoch.log")?;
        let log = self.record(&entry)?;
        let anchored = Anchored { root: next.ledger.root_id(), log };
        let begun = next.header.to_text(&next.keys).and_then(|text| {
            failpoint::hit("epoch.anchor")?;
            let anchor = self.anchor.begin(next.header.epoch, &next.keys, anchored)?;
            failpoint::hit("epoch.header")?;
            self.home.replace(HEADER, text.as_bytes())?;
            Ok(anchor)
        });
        match begun {
            Ok(anchor) => self.anchor = anchor,
            Err(error) => {
                // Nothing is removed: whether the new header got its name, its reader will see.
                entry.outcome = Outcome::Failed;
                self.record(&entry).ok();
                return Err(error);
            }
        }
        (self.header, self.keys, self.ledger) = (next.header, next.keys, next.ledger);
        let spare = self.home.path().to_owned();
        self.ledger.set_spare(move || spare_stores(&spare));
        let cleared = clear_before(&self.home, self.header.epoch);
        cleared.and_then(|()| self.anchor.settle()).map_err(VaultError::Uncleared)
    }

    /// Everything that the vault holds, opened piece by piece. It logs nothing, so it goes nowhere
    /// but into another store.
    pub(super) fn contents(
        &self,
    ) -> Result<impl Iterator<Item = Result<Content, VaultError>> + '_, VaultError> {
        let secrets = self.secrets()?.into_iter().map(|info| {
            let numbers = info.versions.iter().map(|version| version.number);
            let fields: Result<_, _> =
                numbers.map(|number| Ok(self.open_fields(info.clone(), number)?.fields)).collect();
            fields.map(|fields| Content::Secret(info, fields))
        });
        let policy = Some(self.policy_text()?).filter(|text| !text.is_empty());
        let undo = self.undo_pieces()?.map(|piece| piece.map(Content::Undo));
        let lives = Some(self.lives()?).filter(|lives| !lives.is_empty());
        let lives = lives.map(|lives| Ok(Content::Lives(lives)));
        let policy = policy.map(|text| Ok(Content::Policy(text))).into_iter();
        Ok(policy.chain(secrets).chain(undo).chain(lives))
    }

    /// The audit log's keys of earlier epochs, newest first.
    pub(super) fn past_log_keys(&self) -> Result<Vec<(u32, LogKeys)>, VaultError> {
        let mut all = Vec::new();
        self.ledger.scan(&self.keys, Kind::LogKeys, &mut |key, plain| {
            let unknown = StoreError::Damaged("a record of log keys has an unknown form");
            all.push((key.version, LogKeys::from_bytes(&plain).ok_or(unknown)?));
            Ok(())
        })?;
        all.sort_unstable_by_key(|(epoch, _)| Reverse(*epoch));
        Ok(all)
    }
}

/// Name of an epoch's store.
pub(super) fn store_name(epoch: u32) -> String {
    if epoch == 1 { "store.redb".to_owned() } else { format!("store-{epoch}.redb") }
}

/// True for a store of any epoch, and for what was made of one.
pub(super) fn is_store(file: &str) -> bool {
    let name = file.strip_prefix('.').unwrap_or(file);
    name.starts_with("store") && name.contains(".redb")
}

/// Removes what the keys before `epoch` open: stores, damaged copies of them, snapshots.
pub(super) fn clear_before(home: &Dir, epoch: u32) -> Result<(), PlatformError> {
    failpoint::hit("epoch.clear")?;
    let own = store_name(epoch);
    for file in home.list()?.into_iter().filter(|f| is_store(&f.name) && f.name != own) {
        home.remove(&file.name)?;
    }
    home.sync()?;
    let snapshots = match home.dir(SNAPSHOTS) {
        Err(error) if error.is_missing() => return Ok(()),
        other => other?,
    };
    for file in snapshots.list()? {
        snapshots.remove(&file.name)?;
    }
    snapshots.sync()
}

/// Makes the store of a header's epoch with `contents`, and reads it back whole.
pub(super) fn write_store(
    home: &Dir,
    vault: (&Header, &Keys),
    above: u64,
    contents: impl Iterator<Item = Result<Content, VaultError>>,
) -> Result<Ledger<LocalStore>, VaultError> {
    fill_store(home, vault, above, contents.map(|content| content.map(Piece::Content)))
}

fn fill_store(
    home: &Dir,
    (header, keys): (&Header, &Keys),
    above: u64,
    mut pieces: impl Iterator<Item = Result<Piece, VaultError>>,
) -> Result<Ledger<LocalStore>, VaultError> {
    let id = header.id().ok_or_else(|| VaultError::Damaged("its header has no id".into()))?;
    let name = store_name(header.epoch);
    let mut ledger = Ledger::start(LocalStore::create(home, &name)?, keys, id)?;
    let mut plan = Plan { keys, seen: HashSet::new(), indexes: BTreeMap::new() };
    let mut ready = VecDeque::new();
    let mut last = false;
    let changes = std::iter::from_fn(|| {
        while ready.is_empty() && !last {
            let changes = match pieces.next() {
                Some(piece) => piece.and_then(|piece| plan.changes(piece)),
                None => {
                    last = true;
                    plan.index_changes()
                }
            };
            match changes {
                Ok(changes) => ready.extend(changes),
                Err(error) => return Some(Err(error)),
            }
        }
        ready.pop_front().map(Ok)
    });
    failpoint::hit("epoch.fill")?;
    ledger.commit_above(keys, above, changes)?;
    failpoint::hit("epoch.close")?;
    ledger.into_store().close()?;
    home.sync()?;
    failpoint::hit("epoch.verify")?;
    let ledger = Ledger::open(LocalStore::open_write(home, &name)?, keys, id)?;
    for (key, _) in ledger.entries(keys)? {
        ledger.read(keys, &key)?;
    }
    Ok(ledger)
}

/// One piece of a new store.
enum Piece {
    Content(Content),
    LogKeys(u32, LogKeys),
}

/// What becomes of the pieces: records under the names of the new keys.
struct Plan<'a> {
    keys: &'a Keys,
    seen: HashSet<RecordKey>,
    indexes: BTreeMap<ProfileName, BTreeSet<SecretName>>,
}

impl Plan<'_> {
    fn changes(&mut self, piece: Piece) -> Result<Vec<Change>, VaultError> {
        let one = |key, plain: Plain| vec![Change { key, plain: Some(plain) }];
        Ok(match piece {
            Piece::Content(Content::Policy(text)) => {
                one(record_keys::policy(self.keys), codec::encode(&text)?)
            }
            Piece::Content(Content::Secret(info, fields)) => self.secret(info, &fields)?,
            Piece::Content(Content::Undo(piece)) => vec![piece.change(self.keys)?],
            Piece::Content(Content::Lives(lives)) => {
                let blocked = codec::encode(&blocked_of(&lives))?;
                let mut all = one(record_keys::blocked(self.keys), blocked);
                for life in &lives {
                    let key = record_keys::life(self.keys, &life.profile, &life.name);
                    all.extend(one(key, codec::encode(life)?));
                }
                all
            }
            Piece::LogKeys(epoch, log) => {
                one(record_keys::log_keys(self.keys, epoch), log.to_bytes())
            }
        })
    }

    fn secret(
        &mut self,
        mut info: SecretInfo,
        fields: &[Vec<(FieldName, Value)>],
    ) -> Result<Vec<Change>, VaultError> {
        let key = record_keys::secret(self.keys, &info.profile, &info.name);
        if !self.seen.insert(key) {
            return Err(VaultError::Limit(format!("{} is given twice", info.name)));
        }
        let ascend = info.versions.is_sorted_by(|one, other| one.number < other.number);
        if !ascend || info.versions.len() != fields.len() || fields.len() > MAX_VERSIONS {
            let text = format!("{} has too many versions, or not one of each number", info.name);
            return Err(VaultError::Limit(text));
        }
        let mut changes = Vec::with_capacity(fields.len() + 1);
        for fields in fields {
            check_bounds(&info, fields)?;
        }
        for (version, fields) in info.versions.iter_mut().zip(fields) {
            version.fields = lengths(fields);
            version.fingerprint = fingerprint(self.keys, fields);
            let plain = Some(codec::encode_fields(fields)?);
            changes.push(Change { key: key.version(version.number), plain });
        }
        if codec::is_injectable(&info) {
            self.indexes.entry(info.profile.clone()).or_default().insert(info.name.clone());
        }
        changes.push(Change { key, plain: Some(codec::encode(&info)?) });
        Ok(changes)
    }

    fn index_changes(&mut self) -> Result<Vec<Change>, VaultError> {
        let indexes = std::mem::take(&mut self.indexes).into_iter();
        let change = |(profile, names): (ProfileName, BTreeSet<SecretName>)| {
            let index = match names.len() {
                0..=MAX_INDEX => Index::Names(names.into_iter().collect()),
                _ => Index::TooMany,
            };
            let key = record_keys::index(self.keys, &profile);
            Ok(Change { key, plain: Some(codec::encode(&index)?) })
        };
        indexes.map(change).collect()
    }
}
