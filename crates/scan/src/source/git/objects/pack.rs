//! One pack: its objects are resolved from bases to children, so that each is inflated once.

use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use gix::ObjectId;
use gix::odb::pack;
use gix::odb::pack::data::entry::Header;

use super::delta::{self, Stretch};
use super::windows::Scanned;
use super::{Found, MAX_BLOB};
use crate::engine::Scanner;
use crate::source::{Progress, UNSURE};

/// Stands for no entry.
const NONE: u32 = u32::MAX;
/// At most so many threads work on a pack.
const MAX_THREADS: usize = 2;

/// A pack, and which of its objects are made out of which.
pub(in crate::source::git) struct Pack {
    bundle: pack::Bundle,
    /// Where entries begin, in order.
    offsets: Vec<u64>,
    /// For each entry, its number in the index.
    numbers: Vec<u32>,
    /// For each entry, the first that is made out of it, and the next that its base has.
    first: Vec<u32>,
    next: Vec<u32>,
    /// Entries that are blobs by themselves.
    roots: Vec<u32>,
    /// Entries that are trees by themselves.
    pub(super) trees: Vec<u32>,
    /// How many blobs there are.
    pub(super) blobs: usize,
    /// Entries that nothing whole leads to: their base is missing, or they are based on each other.
    pub(super) lost: Vec<ObjectId>,
}

impl Pack {
    /// Looks at the headers of all entries.
    pub(super) fn new(bundle: pack::Bundle) -> Self {
        let count = bundle.index.num_objects();
        let mut entries: Vec<(u64, u32)> =
            (0..count).map(|number| (bundle.index.pack_offset_at_index(number), number)).collect();
        entries.sort_unstable();
        let offsets: Vec<u64> = entries.iter().map(|(offset, _)| *offset).collect();
        let numbers = entries.iter().map(|(_, number)| *number).collect();
        let none = vec![NONE; entries.len()];
        let mut pack = Self {
            bundle,
            offsets,
            numbers,
            first: none.clone(),
            next: none,
            roots: Vec::new(),
            trees: Vec::new(),
            blobs: 0,
            lost: Vec::new(),
        };
        pack.link();
        pack
    }

    fn link(&mut self) {
        // Whole objects that are no blobs: what is made out of them is none either.
        let mut others = Vec::new();
        for at in (0..self.offsets.len()).rev() {
            let base = match self.bundle.pack.entry(self.offsets[at]).map(|entry| entry.header) {
                Ok(Header::Blob) => {
                    self.roots.push(at as u32);
                    continue;
                }
                Ok(header @ (Header::Commit | Header::Tree | Header::Tag)) => {
                    others.push(at as u32);
                    if header == Header::Tree {
                        self.trees.push(at as u32);
                    }
                    continue;
                }
                Ok(Header::OfsDelta { base_distance }) => {
                    self.offsets[at].checked_sub(base_distance)
                }
                Ok(Header::RefDelta { base_id }) => {
                    let number = self.bundle.index.lookup(base_id);
                    number.map(|number| self.bundle.index.pack_offset_at_index(number))
                }
                Err(_) => None,
            };
            let base = base.and_then(|offset| self.offsets.binary_search(&offset).ok());
            if let Some(base) = base {
                self.next[at] = self.first[base];
                self.first[base] = at as u32;
            }
        }
        self.roots.reverse();
        let mut reached = vec![false; self.offsets.len()];
        self.blobs = self.reach(self.roots.clone(), &mut reached);
        self.reach(others, &mut reached);
        let lost = (0..reached.len()).filter(|at| !reached[*at]);
        self.lost = lost.map(|at| self.id(at)).collect();
    }

    /// Marks entries and all that is made out of them; gives how many these are. Each entry has one
    /// base, so none is met twice.
    fn reach(&self, mut todo: Vec<u32>, reached: &mut [bool]) -> usize {
        let mut count = 0;
        while let Some(at) = todo.pop() {
            reached[at as usize] = true;
            count += 1;
            todo.extend(self.children(at as usize));
        }
        count
    }

    /// Some entries and all that is made out of them, none before its base.
    pub(super) fn families(&self, roots: &[u32]) -> Vec<u32> {
        let (mut entries, mut todo) = (Vec::with_capacity(roots.len()), roots.to_vec());
        while let Some(at) = todo.pop() {
            entries.push(at);
            todo.extend(self.children(at as usize));
        }
        entries
    }

    /// Ids of the blobs.
    pub(super) fn ids(&self) -> impl Iterator<Item = ObjectId> {
        self.families(&self.roots).into_iter().map(|at| self.id(at as usize))
    }

    /// Leaves blobs out that are known, unless another one is made out of them; how many.
    pub(super) fn leave_out(&mut self, is_known: impl Fn(&ObjectId) -> bool) -> u64 {
        let is_needed = self.needed(&self.roots, |at| !is_known(&self.id(at)));
        let mut left_out = 0;
        for at in self.families(&self.roots).into_iter().map(|at| at as usize) {
            let needed: Vec<u32> = self.children(at).filter(|at| is_needed[*at as usize]).collect();
            left_out += u64::from(!is_needed[at]);
            self.first[at] = NONE;
            for child in needed {
                self.next[child as usize] = self.first[at];
                self.first[at] = child;
            }
        }
        self.roots.retain(|at| is_needed[*at as usize]);
        left_out
    }

    /// By entry: whether it is one of these families that is wanted, or one that is wanted is made
    /// out of it.
    pub(super) fn needed(&self, roots: &[u32], is_wanted: impl Fn(usize) -> bool) -> Vec<bool> {
        let mut is_needed = vec![false; self.offsets.len()];
        for at in self.families(roots).into_iter().rev().map(|at| at as usize) {
            is_needed[at] = self.children(at).any(|at| is_needed[at as usize]) || is_wanted(at);
        }
        is_needed
    }

    /// The entries that are made out of this one.
    fn children(&self, at: usize) -> impl Iterator<Item = u32> {
        let some = |at: u32| (at != NONE).then_some(at);
        std::iter::successors(some(self.first[at]), move |at| some(self.next[*at as usize]))
    }

    /// How many bytes an entry takes in the pack, at most.
    fn stored(&self, at: usize) -> u64 {
        let end = self.offsets.get(at + 1).copied();
        end.unwrap_or(self.bundle.pack.data_len() as u64).saturating_sub(self.offsets[at])
    }

    pub(super) fn id(&self, at: usize) -> ObjectId {
        self.bundle.index.oid_at_index(self.numbers[at]).to_owned()
    }

    /// Scans all blobs.
    pub(super) fn scan(&self, scanner: &Scanner<'_>, progress: &dyn Progress) -> Found {
        let turn = AtomicUsize::new(0);
        let all = Mutex::new(Found::default());
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut inflater = Inflater::default();
                    let mut worker = Worker { pack: self, scanner, found: Found::default() };
                    loop {
                        let turn = turn.fetch_add(1, Ordering::Relaxed);
                        let Some(root) = self.roots.get(turn) else { break };
                        if progress.stop() {
                            break;
                        }
                        let before = worker.found.counts();
                        self.family(*root, &mut inflater, &mut worker);
                        let (texts, bytes) = worker.found.counts();
                        progress.done(texts - before.0, bytes - before.1);
                    }
                    if let Ok(mut all) = all.lock() {
                        all.add(worker.found);
                    }
                });
            }
        });
        all.into_inner().unwrap_or_default()
    }
}

/// What is done with the objects of a family.
pub(super) trait Family {
    /// What is kept of an object while others are made out of it.
    type Object: AsRef<[u8]>;

    /// An object that is stored whole.
    fn whole(&mut self, at: usize, bytes: Vec<u8>) -> Self::Object;
    /// One that a delta makes.
    fn child(
        &mut self,
        at: usize,
        base: &Self::Object,
        bytes: Vec<u8>,
        delta: &[Stretch],
    ) -> Self::Object;
    /// Whether one is to be made at all.
    fn needs(&self, _at: usize) -> bool {
        true
    }
    /// One that cannot be read.
    fn lost(&mut self, at: usize);
}

impl Pack {
    /// Resolves an object and all that is made out of it, children first, so that few lie in memory
    /// at once.
    pub(super) fn family<F: Family>(&self, root: u32, inflater: &mut Inflater, family: &mut F) {
        let (mut todo, mut made) = (vec![(root, None::<Rc<F::Object>>)], Vec::new());
        while let Some((at, base)) = todo.pop() {
            let place = at as usize;
            let object = match base {
                None => {
                    let mut bytes = Vec::new();
                    let whole = inflater.inflate(self, place, &mut bytes);
                    whole.then(|| family.whole(place, bytes))
                }
                Some(base) => {
                    let bytes = match inflater.inflate(self, place, &mut made) {
                        true => delta::apply((*base).as_ref(), &made, MAX_BLOB as usize),
                        false => None,
                    };
                    bytes.map(|(bytes, delta)| family.child(place, &base, bytes, &delta))
                }
            };
            match object.map(Rc::new) {
                Some(object) => {
                    let children = self.children(place).filter(|at| family.needs(*at as usize));
                    let children: Vec<u32> = children.collect();
                    todo.extend(children.into_iter().map(|at| (at, Some(Rc::clone(&object)))));
                }
                // And so nothing that is made out of it.
                None => {
                    let lost = self.families(&[at]);
                    lost.into_iter().for_each(|at| family.lost(at as usize));
                }
            }
        }
    }
}

/// Inflates what is stored.
#[derive(Default)]
pub(super) struct Inflater(gix::zlib::Inflate);

impl Inflater {
    /// Inflates what is stored of an entry into `out`; false where it cannot be.
    fn inflate(&mut self, pack: &Pack, at: usize, out: &mut Vec<u8>) -> bool {
        let data = &pack.bundle.pack;
        let Ok(entry) = data.entry(pack.offsets[at]) else { return false };
        // Deflate cannot do better than that: a header that promises more lies.
        let honest = entry.decompressed_size <= pack.stored(at).saturating_mul(1032) + 64;
        if entry.decompressed_size > MAX_BLOB || !honest {
            return false;
        }
        out.clear();
        out.resize(entry.decompressed_size as usize, 0);
        data.decompress_entry(&entry, &mut self.0, out).is_ok()
    }
}

/// Scans blobs.
struct Worker<'a> {
    pack: &'a Pack,
    scanner: &'a Scanner<'a>,
    found: Found,
}

impl Family for Worker<'_> {
    type Object = Scanned;

    fn whole(&mut self, at: usize, bytes: Vec<u8>) -> Scanned {
        let scanned = Scanned::whole(self.scanner, bytes);
        self.tell(at, &scanned);
        scanned
    }

    fn child(&mut self, at: usize, base: &Scanned, bytes: Vec<u8>, delta: &[Stretch]) -> Scanned {
        let scanned = base.child(self.scanner, bytes, delta);
        self.tell(at, &scanned);
        scanned
    }

    fn lost(&mut self, at: usize) {
        self.found.lost.push(self.pack.id(at));
    }
}

impl Worker<'_> {
    fn tell(&mut self, at: usize, scanned: &Scanned) {
        self.found.texts += 1;
        self.found.bytes += scanned.bytes.len() as u64;
        let mut skipped = scanned.skipped.clone();
        if !scanned.packed.is_empty() {
            self.found.packed.push((self.pack.id(at), scanned.packed.clone()));
        }
        if !scanned.raw.is_empty() {
            let (hits, unsure) = self.scanner.settle(scanned.raw.clone());
            skipped.add(UNSURE, unsure as u64);
            if !hits.is_empty() {
                self.found.hits.push((self.pack.id(at), hits));
            }
        }
        if !skipped.is_empty() {
            self.found.skipped.push((self.pack.id(at), skipped));
        }
    }
}
