//! Entries of trees, as they lie.

use gix::ObjectId;

/// An entry of a tree.
pub(super) struct Entry<'a> {
    mode: u32,
    pub(super) name: &'a [u8],
    pub(super) id: ObjectId,
    /// How many bytes it takes.
    pub(super) length: usize,
}

impl<'a> Entry<'a> {
    /// The entry that a tree begins with: its mode in base 8, a blank, its name, a zero and the bytes
    /// of its id.
    pub(super) fn first(tree: &'a [u8], hash: usize) -> Option<Self> {
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

    /// Whether its mode is one that git writes.
    pub(super) fn is_usual(&self) -> bool {
        matches!(self.mode, 0o040_000 | 0o100_644 | 0o100_755 | 0o100_664 | 0o120_000 | 0o160_000)
    }

    pub(super) fn is_tree(&self) -> bool {
        self.kind() == 0o040_000
    }

    /// Anything but a tree and a commit of a submodule.
    pub(super) fn is_blob(&self) -> bool {
        !matches!(self.kind(), 0o040_000 | 0o160_000)
    }
}
