//! What a file is, by how it begins.

/// So many bytes tell: a block of tar.
pub(super) const HEAD: usize = 512;

/// A kind of archive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// PKWARE's APPNOTE, §4.3.
    Zip,
    /// POSIX ustar, and what GNU made of it.
    Tar,
}

impl Kind {
    /// The kind of archive that begins with these bytes, of which there are [`HEAD`], or all.
    pub fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            _ if head.starts_with(&super::zstd::MAGIC) => Some(Self::Zstd),
            // A member, or the end of an archive of none.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            _ if super::tar::is_header(head) => Some(Self::Tar),
            _ => None,
        }
    }
}
