//! Which trees of packs hold something that is looked for.
//!
//! Nearly all hold nothing. To read them one by one from the top takes longer than to scan all blobs;
//! here each is read once, from bases to children, and of what a delta makes only new entries are
//! looked at. Then only trees that hold something need be read from the top.

use std::collections::HashSet;
use std::ops::Range;

use gix::ObjectId;
use gix::objs::Exists as _;

use super::super::damage;
use super::delta::Stretch;
use super::entries::Entry;
use super::extracts::Extracts;
use super::pack::{Family, Inflater, Pack};
use crate::source::Progress;

/// Past so many trees in trees, all have to be read from the top: it would take too much memory.
const MAX_LINKS: usize = 6_000_000;
/// Most bytes of entries that are kept; trees past that are read from the repository.
const MAX_KEPT: usize = 32 << 20;
/// Of so many blobs it is remembered that they are there; the rest is asked for.
const MAX_BLOBS: usize = 400_000;

/// What is looked for.
pub(in crate::source::git) struct Wanted<'a> {
    pub(in crate::source::git) repo: &'a gix::Repository,
    /// Blobs that are looked for.
    pub(in crate::source::git) blobs: &'a HashSet<ObjectId>,
    /// Ends of paths whose blobs are looked for, too.
    pub(in crate::source::git) files: &'a [&'a str],
}

/// What is looked for, and of its paths the last parts, which trees know.
pub(super) struct Sought<'a> {
    wanted: &'a Wanted<'a>,
    names: Vec<&'a [u8]>,
}

impl<'a> Sought<'a> {
    fn new(wanted: &'a Wanted<'a>) -> Self {
        let name = |end: &&'a str| end.rsplit('/').next().unwrap_or_default().as_bytes();
        Self { wanted, names: wanted.files.iter().map(name).collect() }
    }
}

/// What is known of trees.
#[derive(Default)]
pub(in crate::source::git) struct Holders {
    numbers: gix::hashtable::HashMap<ObjectId, u32>,
    /// By number: whether it may hold something, or has to be read to tell what is wrong with it.
    holds: Vec<bool>,
    /// Blobs that are there and not looked for.
    blobs: gix::hashtable::HashSet<ObjectId>,
    /// Those entries of trees that hold something, or are looked for, one tree after the other; and
    /// by number where those of a tree lie.
    kept: Vec<u8>,
    places: Vec<Option<Range<usize>>>,
}

impl Holders {
    /// Reads the trees of packs; `None` where they are too many.
    pub(in crate::source::git) fn of(
        packs: &[Pack],
        wanted: &Wanted<'_>,
        progress: &dyn Progress,
    ) -> Option<Self> {
        let others = packs.iter().flat_map(Pack::ids).filter(|id| !wanted.blobs.contains(id));
        let blobs = others.take(MAX_BLOBS).collect();
        let sought = Sought::new(wanted);
        let mut numbers = gix::hashtable::HashMap::default();
        for pack in packs {
            for at in pack.families(&pack.trees) {
                let next = u32::try_from(numbers.len()).ok()?;
                numbers.entry(pack.id(at as usize)).or_insert(next);
            }
        }
        // What cannot be read here is read from the top, and told there.
        let mut holders =
            Self { holds: vec![true; numbers.len()], numbers, blobs, ..Self::default() };
        let (mut links, mut inflater) = (Vec::new(), Inflater::default());
        for pack in packs {
            let (holders, links) = (&mut holders, &mut links);
            let mut reader = Reader { pack, sought: &sought, holders, links };
            for root in &pack.trees {
                if progress.stop() || reader.links.len() > MAX_LINKS {
                    return None;
                }
                pack.family(*root, &mut inflater, &mut reader);
            }
        }
        holders.spread(&links);
        drop(links);
        holders.places = vec![None; holders.numbers.len()];
        for pack in packs {
            Extracts::of(pack, &sought, &mut holders).leave(&mut inflater, progress);
        }
        Some(holders)
    }

    /// Whether a tree is known to hold nothing, nor to have anything wrong with it.
    pub(in crate::source::git) fn is_empty(&self, id: &ObjectId) -> bool {
        self.numbers.get(id).is_some_and(|number| !self.holds[*number as usize])
    }

    /// Whether it is known of a blob that it is there, and not looked for.
    pub(in crate::source::git) fn is_there(&self, id: &ObjectId) -> bool {
        self.blobs.contains(id)
    }

    /// What of a tree holds something, where that was kept.
    fn kept(&self, id: &ObjectId) -> Option<&[u8]> {
        let place = self.places.get(*self.numbers.get(id)? as usize)?.clone()?;
        self.kept.get(place)
    }

    /// Keeps what of a tree holds something, or has something wrong with it.
    pub(super) fn keep(&mut self, id: &ObjectId, tree: &[u8], sought: &Sought<'_>) {
        let Some(number) = self.numbers.get(id).map(|number| *number as usize) else { return };
        if !self.holds[number] || self.places[number].is_some() || self.kept.len() > MAX_KEPT {
            return;
        }
        let (from, mut start) = (self.kept.len(), 0);
        while start < tree.len() {
            let Some(entry) = Entry::first(&tree[start..], id.kind().len_in_bytes()) else {
                self.kept.truncate(from);
                self.kept.extend_from_slice(tree);
                break;
            };
            let end = start + entry.length;
            let holds = entry.is_tree() && !self.is_empty(&entry.id);
            if holds || !entry.is_usual() || self.is_wanted(&entry, sought) {
                self.kept.extend_from_slice(&tree[start..end]);
            }
            start = end;
        }
        self.places[number] = Some(from..self.kept.len());
    }

    /// Whether an entry is looked for, or has to be told because it is missing. Its path is not known
    /// here, only its name.
    fn is_wanted(&self, entry: &Entry<'_>, sought: &Sought<'_>) -> bool {
        let Sought { wanted, names } = sought;
        names.iter().any(|name| entry.name.ends_with(name))
            || entry.is_blob()
                && !self.is_there(&entry.id)
                && (wanted.blobs.contains(&entry.id) || !wanted.repo.objects.exists(&entry.id))
    }

    /// What holds a tree that holds something holds it, too; `links` are pairs of a tree and one
    /// that it lies in.
    fn spread(&mut self, links: &[(u32, u32)]) {
        // What trees lie in, one tree after the other: sorted by counting.
        let mut ends = vec![0_u32; self.holds.len() + 1];
        links.iter().for_each(|(below, _)| ends[*below as usize] += 1);
        let mut total = 0;
        for end in &mut ends {
            total += *end;
            *end = total;
        }
        let mut above = vec![0_u32; links.len()];
        for (below, tree) in links {
            let place = &mut ends[*below as usize];
            *place -= 1;
            above[*place as usize] = *tree;
        }
        let starts = ends;
        let holding = self.holds.iter().enumerate().filter(|(_, holds)| **holds);
        let mut todo: Vec<u32> = holding.map(|(number, _)| number as u32).collect();
        while let Some(number) = todo.pop() {
            let number = number as usize;
            for above in &above[starts[number] as usize..starts[number + 1] as usize] {
                if !std::mem::replace(&mut self.holds[*above as usize], true) {
                    todo.push(*above);
                }
            }
        }
    }
}

/// Reads what of a tree may hold something, all of it where that is not known; an error of none where
/// it is not there.
pub(in crate::source::git) fn read_tree(
    holders: Option<&Holders>,
    repo: &gix::Repository,
    id: ObjectId,
    bytes: &mut Vec<u8>,
) -> Result<(), Option<gix::Error>> {
    let Some(kept) = holders.and_then(|holders| holders.kept(&id)) else {
        return damage::read_tree(repo, id, bytes);
    };
    bytes.clear();
    bytes.extend_from_slice(kept);
    Ok(())
}

/// Reads trees.
struct Reader<'a> {
    pack: &'a Pack,
    sought: &'a Sought<'a>,
    holders: &'a mut Holders,
    links: &'a mut Vec<(u32, u32)>,
}

/// A tree, and whether an entry of its own is looked for.
struct Tree {
    bytes: Vec<u8>,
    holds: bool,
    /// Where its entries begin.
    starts: Vec<u32>,
    /// Where those begin that are trees, and the numbers of these.
    below: Vec<(u32, u32)>,
}

impl Tree {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, holds: true, starts: Vec::new(), below: Vec::new() }
    }

    /// Takes over what is known of the entries that begin at `from` in a base and end before `to`;
    /// how many bytes these take. They begin at `start` here.
    fn copy(&mut self, base: &Self, (from, to): (usize, usize), start: usize) -> usize {
        let Ok(first) = base.starts.binary_search(&(from as u32)) else { return 0 };
        let (rest, all) = (&base.starts[first..], to == base.bytes.len());
        let count = rest.partition_point(|at| *at as usize <= to) - usize::from(!all);
        let end = rest.get(count).map_or(to, |end| *end as usize);
        let moved = |at: u32| at - from as u32 + start as u32;
        self.starts.extend(rest[..count].iter().map(|at| moved(*at)));
        let below = base.below.partition_point(|(at, _)| (*at as usize) < from);
        let below = base.below[below..].iter().take_while(|(at, _)| (*at as usize) < end);
        self.below.extend(below.map(|(at, number)| (moved(*at), *number)));
        end - from
    }
}

impl AsRef<[u8]> for Tree {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Family for Reader<'_> {
    type Object = Tree;

    fn whole(&mut self, at: usize, bytes: Vec<u8>) -> Tree {
        self.read(at, bytes, None)
    }

    fn child(&mut self, at: usize, base: &Tree, bytes: Vec<u8>, delta: &[Stretch]) -> Tree {
        // What was copied out of a tree that holds nothing is nothing.
        self.read(at, bytes, Some((base, delta)).filter(|(base, _)| !base.holds))
    }

    fn lost(&mut self, _: usize) {}
}

impl Reader<'_> {
    /// Reads a tree; of one that is made out of one that holds nothing, what is new.
    fn read(&mut self, at: usize, bytes: Vec<u8>, base: Option<(&Tree, &[Stretch])>) -> Tree {
        let id = self.pack.id(at);
        let mut tree = Tree::new(bytes);
        let Some(number) = self.holders.numbers.get(&id).copied() else { return tree };
        let (mut holds, mut start) = (false, 0);
        let mut stretches = base.map_or(&[][..], |(_, delta)| delta).iter().peekable();
        while start < tree.bytes.len() {
            while stretches.next_if(|stretch| stretch.to.end <= start).is_some() {}
            let copied = stretches.peek().filter(|stretch| stretch.to.start <= start);
            if let Some((stretch, from)) = copied.and_then(|stretch| Some((stretch, stretch.from?)))
                && let Some((base, _)) = base
            {
                let old = (from + start - stretch.to.start, from + stretch.to.len());
                let known = tree.copy(base, old, start);
                start += known;
                if known > 0 {
                    continue;
                }
            }
            let Some(entry) = Entry::first(&tree.bytes[start..], id.kind().len_in_bytes()) else {
                holds = true;
                break;
            };
            if entry.is_tree() {
                match self.holders.numbers.get(&entry.id) {
                    Some(below) => tree.below.push((start as u32, *below)),
                    // It has a file of its own, or is missing.
                    None => holds = true,
                }
            }
            holds |= self.holders.is_wanted(&entry, self.sought);
            let length = entry.length;
            tree.starts.push(start as u32);
            start += length;
        }
        self.links.extend(tree.below.iter().map(|(_, below)| (*below, number)));
        self.holders.holds[number as usize] = holds;
        tree.holds = holds;
        tree
    }
}
