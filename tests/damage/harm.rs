//! Ways in which a file gets damaged, and the random numbers that choose among them.

use std::fmt;

/// What a disk reads and loses at once, in bytes.
const BLOCK: usize = 512;

/// SplitMix64: small, and the same on every machine.
pub(crate) struct Random(u64);

impl Random {
    /// The numbers of one sample of a campaign: a sample can be drawn again by itself.
    pub(crate) fn of(seed: u64, sample: u64) -> Self {
        let mut random = Self(seed ^ sample.wrapping_mul(0xd134_2543_de82_ef95));
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 where that is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    Flip,
    Zeroed,
    Cut,
    Blocks,
    Removed,
    Older,
    Foreign,
    Garbage,
}

/// How many of a hundred samples are of a kind.
const SHARES: [(Kind, usize); 8] = [
    (Kind::Flip, 46),
    (Kind::Zeroed, 10),
    (Kind::Cut, 10),
    (Kind::Blocks, 9),
    (Kind::Removed, 5),
    (Kind::Older, 8),
    (Kind::Foreign, 6),
    (Kind::Garbage, 6),
];

impl Kind {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let mut at = random.below(SHARES.iter().map(|(_, share)| share).sum());
        for (kind, share) in SHARES {
            if at < share {
                return kind;
            }
            at -= share;
        }
        Self::Flip
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Flip => "bit flip",
            Self::Zeroed => "zeroed block",
            Self::Cut => "cut",
            Self::Blocks => "moved block",
            Self::Removed => "removed",
            Self::Older => "older state",
            Self::Foreign => "foreign",
            Self::Garbage => "garbage added",
        })
    }
}

/// A file after the damage: `None` where it is gone. The second part says what was done.
pub(crate) type Damaged = (Option<Vec<u8>>, String);

/// Damages the bytes of a file. `older` are states that it had, `foreign` the same file of another
/// vault. Gives `None` where this kind leaves this file as it is.
pub(crate) fn damage(
    kind: Kind,
    whole: &[u8],
    older: &[Vec<u8>],
    foreign: &[u8],
    random: &mut Random,
) -> Option<Damaged> {
    let mut bytes = whole.to_vec();
    let what = match kind {
        Kind::Flip => {
            let place = flipped_place(whole, random)?;
            let bit = random.below(8);
            bytes[place] ^= 1 << bit;
            format!("bit {bit} of byte {place}")
        }
        Kind::Zeroed => {
            let from = random.below(whole.len().div_ceil(BLOCK)) * BLOCK;
            let to = (from + BLOCK).min(whole.len());
            bytes[from..to].fill(0);
            format!("bytes {from} to {to} zeroed")
        }
        Kind::Cut => {
            let length = if random.below(8) == 0 { 0 } else { random.below(whole.len()) };
            bytes.truncate(length);
            format!("cut to {length} of {} bytes", whole.len())
        }
        Kind::Blocks => {
            let size = BLOCK.min(whole.len() / 2).max(1);
            let (from, to) = (random.below(whole.len() / size), random.below(whole.len() / size));
            let block = |at: usize| at * size..(at + 1) * size;
            let moved = whole.get(block(from))?.to_vec();
            let swapped = random.below(2) == 0;
            if swapped {
                let other = whole[block(to)].to_vec();
                bytes[block(from)].copy_from_slice(&other);
            }
            bytes[block(to)].copy_from_slice(&moved);
            let how = if swapped { "swapped with" } else { "copied over" };
            format!("block {from} {how} block {to}, of {size} bytes")
        }
        Kind::Removed => return Some((None, "removed".to_owned())),
        Kind::Older => {
            let at = random.below(older.len());
            bytes = older.get(at)?.clone();
            format!("older state {at}")
        }
        Kind::Foreign => {
            bytes = foreign.to_vec();
            "the same file of another vault".to_owned()
        }
        Kind::Garbage => {
            let length = 1 + random.below(4 * BLOCK);
            bytes.extend(random.bytes(length));
            format!("{length} bytes of garbage at the end")
        }
    };
    (bytes != whole).then_some((Some(bytes), what))
}

/// Half of the flips hit a byte that is not zero: most of a store's file is unused.
fn flipped_place(whole: &[u8], random: &mut Random) -> Option<usize> {
    if whole.is_empty() {
        return None;
    }
    let place = random.below(whole.len());
    if random.below(2) == 0 || whole.iter().all(|byte| *byte == 0) {
        return Some(place);
    }
    let mut place = place;
    while whole[place] == 0 {
        place = random.below(whole.len());
    }
    Some(place)
}
