//! The bytes of the log: a segment's head, and frames.

use crate::crypto::{DIGEST, Digest, Keys, LogKeys, digest};
use crate::domain::limits::MAX_LOG_ENTRY;

const MAGIC: &[u8; 16] = b"clawvault log 1\n";

/// Length of a segment's head.
pub(super) const HEAD: usize = MAGIC.len() + 8 + DIGEST;

/// Length of a frame without its sealed bytes: length, number, proof.
pub(super) const FRAME: usize = 4 + 8 + DIGEST;

/// Closes a segment: no frame is that long. What follows stands in the next one.
pub(super) const END: [u8; 4] = [0xff; 4];

/// A segment's head: the number of its first entry and the hash that it continues.
pub(super) fn write_head(first: u64, before: &Digest) -> Vec<u8> {
    [&MAGIC[..], &first.to_be_bytes(), &before.0].concat()
}

/// Reads a segment's head.
pub(super) fn parse_head(bytes: &[u8]) -> Option<(u64, Digest)> {
    let (first, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*first), Digest(*rest.first_chunk()?)))
}

/// One frame, borrowed from a segment's bytes.
pub(super) struct Frame<'a> {
    pub(super) number: u64,
    pub(super) proof: [u8; DIGEST],
    pub(super) sealed: &'a [u8],
    /// Length of the whole frame.
    pub(super) length: usize,
}

impl<'a> Frame<'a> {
    /// Reads the frame at the start of `bytes`; `None` where there is no whole one.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let (proof, rest) = rest.split_first_chunk::<DIGEST>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let sealed = rest.get(..length).filter(|_| length <= MAX_LOG_ENTRY)?;
        let number = u64::from_be_bytes(*number);
        Some(Self { number, proof: *proof, sealed, length: FRAME + length })
    }

    /// The chain's hash after this frame.
    pub(super) fn hash(&self, before: &Digest) -> Digest {
        chain(before, self.number, self.claims_proof(), self.sealed)
    }

    /// False for an entry that was written while the vault was locked.
    pub(super) fn claims_proof(&self) -> bool {
        self.proof != [0; DIGEST]
    }

    /// True where the vault's holder wrote it.
    pub(super) fn is_proven(&self, keys: &LogKeys, hash: &Digest) -> bool {
        keys.log(&proven(hash)).matches(&self.proof)
    }
}

/// Builds a frame; without keys (a locked vault) it carries no proof. Returns the chain's
/// hash after it, too.
pub(super) fn write(
    number: u64,
    sealed: &[u8],
    before: &Digest,
    keys: Option<&Keys>,
) -> (Vec<u8>, Digest) {
    let hash = chain(before, number, keys.is_some(), sealed);
    let proof = keys.map_or([0; DIGEST], |keys| keys.log(&proven(&hash)).0);
    let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX);
    ([&length.to_be_bytes()[..], &number.to_be_bytes(), &proof, sealed].concat(), hash)
}

/// The chain's hash after an entry.
fn chain(before: &Digest, number: u64, proven: bool, sealed: &[u8]) -> Digest {
    let parts =
        [&b"clawvault log"[..], &before.0, &number.to_be_bytes(), &[u8::from(proven)], sealed];
    digest(&parts)
}

/// What a frame's proof is a digest of.
fn proven(hash: &Digest) -> [&[u8]; 2] {
    [b"frame", &hash.0]
}
