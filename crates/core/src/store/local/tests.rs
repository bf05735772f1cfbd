//! Power cuts under the store: at every step of every workload, whatever the disk had not synced
//! is lost in part. What was acknowledged is there afterwards, whole; of what was not, all or
//! nothing.

mod disk;
#[path = "../../../../../tests/support/random.rs"]
mod random;
#[path = "../../../../../tests/support/sectors.rs"]
mod sectors;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::*;
use crate::crypto::{Keys, VaultKey};
use crate::store::{Change, Ledger, Plain};
use disk::Disk;
use random::{Random, trials};
use sectors::{Step, apply, cut};

const SEEDS: usize = 2000;
const VAULT: [u8; 16] = [9; 16];
const NAMES: u64 = 8;

/// What the store holds, by the number of each name.
type Content = BTreeMap<u64, Vec<u8>>;

/// A workload that was done, with all that its disk was asked.
struct Done {
    steps: Vec<Step>,
    /// The content of each generation, and how many steps were done when it was acknowledged.
    generations: Vec<(Content, usize)>,
}

/// How the cuts of one workload ended.
#[derive(Default)]
struct Cuts {
    all: usize,
    /// Nothing was acknowledged yet, and there is no store.
    none: usize,
    /// What was under way is there.
    ahead: usize,
}

#[test]
fn a_power_cut_loses_nothing_acknowledged() {
    let mut random = Random::of_test("power cuts");
    let (seeds, start) = (trials(SEEDS), Instant::now());
    let first = random.next();
    let [all, none, ahead, next] = [const { AtomicUsize::new(0) }; 4];
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= seeds {
                return;
            }
            let seed = first.wrapping_add(number as u64);
            let found =
                cuts(&Disk::default(), seed).unwrap_or_else(|what| panic!("{seed}: {what}"));
            all.fetch_add(found.all, Ordering::Relaxed);
            none.fetch_add(found.none, Ordering::Relaxed);
            ahead.fetch_add(found.ahead, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| [(); 2].map(|()| scope.spawn(work)).map(drop));
    let [all, none, ahead] = [all, none, ahead].map(AtomicUsize::into_inner);
    println!(
        "{seeds} workloads cut at every step, {all} cuts: {none} before the first \
         acknowledgement, {ahead} with the change under way whole; {:.1} s",
        start.elapsed().as_secs_f64()
    );
    assert!(none > 0 && ahead > 0 && all > none + ahead, "the cuts fell on one side");
}

/// The control: where the disk lies about a sync, this very test has to find it.
#[test]
fn a_store_that_acknowledges_before_the_sync_is_caught() {
    let caught = (0..20).filter(|seed| cuts(&Disk::lying(), *seed).is_err()).count();
    assert!(caught >= 15, "only {caught} of 20 lying disks were caught");
}

/// Does a workload and cuts the power at each of its steps.
fn cuts(disk: &Disk, seed: u64) -> Result<Cuts, String> {
    let mut random = Random::of_seed(seed);
    let keys = VaultKey::from_slot(&mut [5; 32]).derive();
    let done = work(disk, &keys, &mut random);
    let (mut synced, mut pending, mut cuts) = (Vec::new(), Vec::new(), Cuts::default());
    for number in 0..=done.steps.len() {
        let image = cut(&synced, &pending, &mut random);
        judge(image, number, &done, &keys, &mut cuts)
            .map_err(|what| format!("{number}: {what}"))?;
        match done.steps.get(number) {
            Some(Step::Sync) => pending.drain(..).for_each(|step| apply(&mut synced, &step)),
            Some(step) => pending.push(step.clone()),
            None => {}
        }
    }
    Ok(cuts)
}

/// A few commits of a few changes each; now and then the store is closed and opened again.
fn work(disk: &Disk, keys: &Keys, random: &mut Random) -> Done {
    let mut ledger =
        Ledger::start(LocalStore::on("made", disk.clone()).unwrap(), keys, VAULT).unwrap();
    let mut content = Content::new();
    let mut generations = vec![(content.clone(), usize::MAX)];
    for _ in 0..=random.below(4) {
        let mut changes = Vec::new();
        for name in 0..NAMES {
            // Every second name stays; of the others a few go, and values reach over many pages.
            let (dice, length) = (random.below(8), [20, 300, 5000][random.below(3) as usize]);
            let value = vec![random.next() as u8; length];
            let plain = match dice {
                0..4 => continue,
                4 => None,
                _ => Some(Plain::copy_of(&value)),
            };
            match &plain {
                Some(_) => drop(content.insert(name, value)),
                None => drop(content.remove(&name)),
            }
            changes.push(Change { key: key(keys, name), plain });
        }
        ledger.commit(keys, &changes).unwrap();
        generations.push((content.clone(), disk.steps()));
        if random.below(3) == 0 {
            ledger.into_store().close().unwrap();
            ledger =
                Ledger::open(LocalStore::on("opened", disk.clone()).unwrap(), keys, VAULT).unwrap();
        }
    }
    ledger.into_store().close().unwrap();
    Done { steps: disk.clone().into_steps(), generations }
}

/// Opens what the cut left after `number` steps, and compares it with what has to be there.
fn judge(
    image: Vec<u8>,
    number: usize,
    done: &Done,
    keys: &Keys,
    cuts: &mut Cuts,
) -> Result<(), String> {
    cuts.all += 1;
    let acknowledged = done.generations.iter().rposition(|(_, at)| *at <= number).unwrap_or(0);
    let opened = match image.len() {
        0 => Err(StoreError::Damaged("its file is empty")),
        _ => LocalStore::on("opened", Disk::holding(image)),
    };
    let mut ledger = match opened.and_then(|store| Ledger::open(store, keys, VAULT)) {
        Ok(ledger) => ledger,
        // `init` was under way: nothing was promised yet.
        Err(_) if acknowledged == 0 => {
            cuts.none += 1;
            return Ok(());
        }
        Err(error) => return Err(format!("generation {acknowledged} is lost: {error}")),
    };
    let generation = usize::try_from(ledger.root_id().generation).unwrap();
    if !(acknowledged..=acknowledged + 1).contains(&generation) {
        return Err(format!("generation {generation} after {acknowledged} was acknowledged"));
    }
    cuts.ahead += usize::from(generation > acknowledged);
    let expected = &done.generations[generation].0;
    if read(&ledger, keys)? != *expected {
        return Err(format!("generation {generation} holds something else"));
    }
    // What was put in order takes changes again.
    let plain = Some(Plain::copy_of(b"after"));
    let change = Change { key: key(keys, NAMES), plain };
    ledger.commit(keys, &[change]).map_err(|error| format!("no change goes in: {error}"))?;
    if read(&ledger, keys)? != *expected {
        return Err("a change after the cut altered others".to_owned());
    }
    Ok(())
}

fn read(ledger: &Ledger<LocalStore>, keys: &Keys) -> Result<Content, String> {
    let mut content = Content::new();
    for name in 0..NAMES {
        match ledger.read(keys, &key(keys, name)) {
            Ok(Some(plain)) => drop(content.insert(name, plain.to_vec())),
            Ok(None) => {}
            Err(error) => return Err(format!("name {name}: {error}")),
        }
    }
    Ok(content)
}

fn key(keys: &Keys, name: u64) -> RecordKey {
    RecordKey::new(Kind::Secret, keys.blind(&[&name.to_be_bytes()]))
}
