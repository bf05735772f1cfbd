//! One pack: its objects are resolved from bases to children, so that each is inflated once.

use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use gix::ObjectId;
use gix::odb::pack;
use gix::odb::pack::data::entry::Header;

use super::delta;
use super::windows::Scanned;
use super::{Found, MAX_BLOB};
use crate::engine::Scanner;
use crate::source::Progress;

/// Stands for no entry.
const NONE: u32 = u32::MAX;
/// At most so many threads work on a pack.
const MAX_THREADS: usize = 2;

/// A pack, and which of its objects are made out of which.
pub(super) struct Pack {
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
                Ok(Header::Commit | Header::Tree | Header::Tag) => {
                    others.push(at as u32);
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

    /// Entries that are blobs, none before its base.
    fn entries(&self) -> Vec<u32> {
        let (mut entries, mut todo) = (Vec::with_capacity(self.blobs), self.roots.clone());
        while let Some(at) = todo.pop() {
            entries.push(at);
            todo.extend(self.children(at as usize));
        }
        entries
    }

    /// Ids of the blobs.
    pub(super) fn ids(&self) -> impl Iterator<Item = ObjectId> {
        self.entries().into_iter().map(|at| self.id(at as usize))
    }

    /// Leaves blobs out that are known, unless another one is made out of them; how many.
    pub(super) fn leave_out(&mut self, is_known: impl Fn(&ObjectId) -> bool) -> u64 {
        let entries = self.entries();
        let (mut is_needed, mut left_out) = (vec![false; self.offsets.len()], 0);
        for at in entries.iter().rev().map(|at| *at as usize) {
            let needed: Vec<u32> = self.children(at).filter(|at| is_needed[*at as usize]).collect();
            is_needed[at] = !needed.is_empty() || !is_known(&self.id(at));
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

    fn id(&self, at: usize) -> ObjectId {
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
                    let mut worker = Worker {
                        pack: self,
                        scanner,
                        inflate: gix::zlib::Inflate::default(),
                        delta: Vec::new(),
                        found: Found::default(),
                    };
                    loop {
                        let turn = turn.fetch_add(1, Ordering::Relaxed);
                        let Some(root) = self.roots.get(turn) else { break };
                        if progress.stop() {
                            break;
                        }
                        let before = worker.found.counts();
                        worker.family(*root as usize);
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

struct Worker<'a> {
    pack: &'a Pack,
    scanner: &'a Scanner<'a>,
    inflate: gix::zlib::Inflate,
    delta: Vec<u8>,
    found: Found,
}

impl Worker<'_> {
    /// A blob and all that is made out of it, children first, so that few lie in memory at once.
    fn family(&mut self, root: usize) {
        let mut bytes = Vec::new();
        if !self.inflated(root, &mut bytes) {
            return self.lose(root);
        }
        let whole = Rc::new(Scanned::whole(self.scanner, bytes));
        self.tell(root, &whole);
        let mut todo: Vec<(usize, Rc<Scanned>)> = Vec::new();
        self.push_children(root, &whole, &mut todo);
        drop(whole);
        while let Some((at, base)) = todo.pop() {
            let mut delta = std::mem::take(&mut self.delta);
            let made = match self.inflated(at, &mut delta) {
                true => delta::apply(&base.bytes, &delta, MAX_BLOB as usize),
                false => None,
            };
            self.delta = delta;
            let Some((bytes, stretches)) = made else {
                self.lose(at);
                continue;
            };
            let scanned = Rc::new(base.child(self.scanner, bytes, &stretches));
            drop(base);
            self.tell(at, &scanned);
            self.push_children(at, &scanned, &mut todo);
        }
    }

    fn push_children(&self, at: usize, base: &Rc<Scanned>, todo: &mut Vec<(usize, Rc<Scanned>)>) {
        todo.extend(self.pack.children(at).map(|child| (child as usize, Rc::clone(base))));
    }

    /// Inflates what is stored of an entry into `out`.
    fn inflated(&mut self, at: usize, out: &mut Vec<u8>) -> bool {
        let data = &self.pack.bundle.pack;
        let Ok(entry) = data.entry(self.pack.offsets[at]) else { return false };
        // Deflate cannot do better than that: a header that promises more lies.
        let honest = entry.decompressed_size <= self.pack.stored(at).saturating_mul(1032) + 64;
        if entry.decompressed_size > MAX_BLOB || !honest {
            return false;
        }
        out.clear();
        out.resize(entry.decompressed_size as usize, 0);
        data.decompress_entry(&entry, &mut self.inflate, out).is_ok()
    }

    fn tell(&mut self, at: usize, scanned: &Scanned) {
        self.found.texts += 1;
        self.found.bytes += scanned.bytes.len() as u64;
        if !scanned.packed.is_empty() {
            self.found.packed.push((self.pack.id(at), scanned.packed.clone()));
        }
        if !scanned.raw.is_empty() {
            let (hits, unsure) = self.scanner.settle(scanned.raw.clone());
            self.found.unsure += unsure;
            if !hits.is_empty() {
                self.found.hits.push((self.pack.id(at), hits));
            }
        }
    }

    /// An entry that cannot be read, and so nothing that is made out of it.
    fn lose(&mut self, at: usize) {
        let mut todo = vec![at];
        while let Some(at) = todo.pop() {
            self.found.lost.push(self.pack.id(at));
            todo.extend(self.pack.children(at).map(|child| child as usize));
        }
    }
}
