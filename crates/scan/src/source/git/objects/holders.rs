//! Which trees of packs hold something that is looked for.
//!
//! Nearly all hold nothing. To read them one by one from the top takes longer than to scan all blobs;
//! here each is read once, from bases to children, and of what a delta makes only new entries are
//! looked at. Then only trees that hold something need be read from the top.

use std::collections::HashSet;

use gix::ObjectId;
use gix::objs::Exists as _;

use super::delta::Stretch;
use super::pack::{Family, Inflater, Pack};
use crate::source::Progress;

/// Past so many trees in trees, all have to be read from the top: it would take too much memory.
const MAX_LINKS: usize = 6_000_000;

/// What is looked for.
pub(in crate::source::git) struct Wanted<'a> {
    pub(in crate::source::git) repo: &'a gix::Repository,
    /// Blobs that are looked for.
    pub(in crate::source::git) blobs: &'a HashSet<ObjectId>,
    /// Ends of paths whose blobs are looked for, too.
    pub(in crate::source::git) files: &'a [&'a str],
}

/// What is known of trees.
pub(in crate::source::git) struct Holders {
    numbers: gix::hashtable::HashMap<ObjectId, u32>,
    /// By number: whether it may hold something, or has to be read to tell what is wrong with it.
    holds: Vec<bool>,
}

impl Holders {
    /// Reads the trees of packs; `None` where they are too many.
    pub(in crate::source::git) fn of(
        packs: &[Pack],
        wanted: &Wanted<'_>,
        progress: &dyn Progress,
    ) -> Option<Self> {
        let mut numbers = gix::hashtable::HashMap::default();
        for pack in packs {
            for at in pack.families(&pack.trees) {
                let next = u32::try_from(numbers.len()).ok()?;
                numbers.entry(pack.id(at as usize)).or_insert(next);
            }
        }
        // What cannot be read here is read from the top, and told there.
        let mut holders = Self { holds: vec![true; numbers.len()], numbers };
        let (mut links, mut inflater) = (Vec::new(), Inflater::default());
        for pack in packs {
            let mut reader = Reader { pack, wanted, holders: &mut holders, links: &mut links };
            for root in &pack.trees {
                if progress.stop() || reader.links.len() > MAX_LINKS {
                    return None;
                }
                pack.family(*root, &mut inflater, &mut reader);
            }
        }
        holders.spread(links);
        Some(holders)
    }

    /// Whether a tree is known to hold nothing, nor to have anything wrong with it.
    pub(in crate::source::git) fn is_empty(&self, id: &ObjectId) -> bool {
        self.numbers.get(id).is_some_and(|number| !self.holds[*number as usize])
    }

    /// What holds a tree that holds something holds it, too; `links` are pairs of a tree and one
    /// that it lies in.
    fn spread(&mut self, mut links: Vec<(u32, u32)>) {
        links.sort_unstable();
        let holding = self.holds.iter().enumerate().filter(|(_, holds)| **holds);
        let mut todo: Vec<u32> = holding.map(|(number, _)| number as u32).collect();
        while let Some(number) = todo.pop() {
            let first = links.partition_point(|(below, _)| *below < number);
            for (_, above) in links[first..].iter().take_while(|(below, _)| *below == number) {
                if !std::mem::replace(&mut self.holds[*above as usize], true) {
                    todo.push(*above);
                }
            }
        }
    }
}

/// Reads trees.
struct Reader<'a> {
    pack: &'a Pack,
    wanted: &'a Wanted<'a>,
    holders: &'a mut Holders,
    links: &'a mut Vec<(u32, u32)>,
}

/// A tree, and whether an entry of its own is looked for.
struct Tree {
    bytes: Vec<u8>,
    holds: bool,
}

impl AsRef<[u8]> for Tree {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Family for Reader<'_> {
    type Object = Tree;

    fn whole(&mut self, at: usize, bytes: Vec<u8>) -> Tree {
        self.read(at, bytes, &[])
    }

    fn child(&mut self, at: usize, base: &Tree, bytes: Vec<u8>, delta: &[Stretch]) -> Tree {
        // What was copied out of a tree that holds nothing is nothing.
        self.read(at, bytes, if base.holds { &[] } else { delta })
    }

    fn lost(&mut self, _: usize) {}
}

impl Reader<'_> {
    /// Reads a tree; entries in copied stretches of `delta` are known not to be looked for.
    fn read(&mut self, at: usize, bytes: Vec<u8>, delta: &[Stretch]) -> Tree {
        let id = self.pack.id(at);
        let Some(number) = self.holders.numbers.get(&id).copied() else {
            return Tree { bytes, holds: true };
        };
        let (mut holds, mut start) = (false, 0);
        let mut stretches = delta.iter().peekable();
        while start < bytes.len() {
            let Some(entry) = Entry::first(&bytes[start..], id.kind().len_in_bytes()) else {
                holds = true;
                break;
            };
            let end = start + entry.length;
            if entry.is_tree() {
                match self.holders.numbers.get(&entry.id) {
                    Some(below) => self.links.push((*below, number)),
                    // It has a file of its own, or is missing.
                    None => holds = true,
                }
            }
            while stretches.next_if(|stretch| stretch.to.end <= start).is_some() {}
            let copied = stretches.peek().is_some_and(|stretch| {
                stretch.from.is_some() && stretch.to.start <= start && end <= stretch.to.end
            });
            holds |= !copied && self.is_wanted(&entry);
            start = end;
        }
        self.holders.holds[number as usize] = holds;
        Tree { bytes, holds }
    }

    /// Whether an entry is looked for, or has to be told because it is missing. Its path is not
    /// known here, only its name.
    fn is_wanted(&self, entry: &Entry<'_>) -> bool {
        let named = |end: &&str| {
            let name = end.rsplit('/').next().unwrap_or_default();
            entry.name.ends_with(name.as_bytes())
        };
        self.wanted.blobs.contains(&entry.id)
            || self.wanted.files.iter().any(named)
            || (entry.is_blob() && !self.wanted.repo.objects.exists(&entry.id))
    }
}

/// An entry of a tree.
struct Entry<'a> {
    mode: u32,
    name: &'a [u8],
    id: ObjectId,
    /// How many bytes it takes.
    length: usize,
}

impl<'a> Entry<'a> {
    /// The entry that a tree begins with: its mode in base 8, a blank, its name, a zero and the bytes
    /// of its id.
    fn first(tree: &'a [u8], hash: usize) -> Option<Self> {
        let blank = tree.iter().take(8).position(|byte| *byte == b' ')?;
        let mode = u32::from_str_radix(std::str::from_utf8(&tree[..blank]).ok()?, 8).ok()?;
        let name = &tree[blank + 1..];
        let name = &name[..name.iter().position(|byte| *byte == 0)?];
        let start = blank + name.len() + 2;
        let id = ObjectId::try_from(tree.get(start..start + hash)?).ok()?;
        Some(Self { mode, name, id, length: start + hash })
    }

    fn kind(&self) -> u32 {
        self.mode & 0o170_000
    }

    fn is_tree(&self) -> bool {
        self.kind() == 0o040_000
    }

    /// Anything but a tree and a commit of a submodule.
    fn is_blob(&self) -> bool {
        !matches!(self.kind(), 0o040_000 | 0o160_000)
    }
}
