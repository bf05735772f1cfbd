//! Which places of a text can be the beginning of a needle: looked at every few bytes only.
//!
//! Every needle has a window of the same width at the same distance from its beginning. Every gram
//! (a few bytes in a row) of each window is noted. Of the text one place in every `stride` is
//! looked at: wherever a needle lies, exactly one of these places is a gram of its window, and
//! tells where it would begin. The window ends where the shortest needle does, behind what values
//! of one vendor have in common.

use zeroize::Zeroizing;

/// A wider window makes the strides longer, and the tables larger.
const WIDEST: usize = 24;
/// Bytes of a gram, at most; half of a window, if that is less.
const GRAM: usize = 8;
/// Bits of the set for each entry: so many places of a text without needles pass for one that is
/// looked at in vain.
const BITS_FOR_EACH: usize = 64;
/// Bits of the smallest and of the largest set, as powers of two (4 KiB, 4 MiB).
const SIZES: std::ops::RangeInclusive<u32> = 15..=25;

/// A set of grams that answers "no" or "perhaps".
pub(crate) struct Bits {
    words: Zeroizing<Vec<u64>>,
    shift: u32,
}

/// A gram's hash; grams that differ have hashes that differ.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Hash(u64);

impl Hash {
    #[inline]
    fn of(gram: u64) -> Self {
        Self(gram.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Of the first `length` bytes, at most eight, if the text has them.
    #[inline]
    pub(crate) fn of_first(text: &[u8], length: usize) -> Option<Self> {
        let gram = match text.first_chunk() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => Self::last(text, length)?,
        };
        Some(Self::of(gram << (64 - 8 * length)))
    }

    #[cold]
    fn last(text: &[u8], length: usize) -> Option<u64> {
        let rest = text.get(..length)?;
        Some(rest.iter().rev().fold(0, |gram, byte| gram << 8 | u64::from(*byte)))
    }

    #[inline]
    fn top(self, shift: u32) -> usize {
        (self.0 >> shift) as usize
    }
}

impl Bits {
    pub(crate) fn new(hashes: impl ExactSizeIterator<Item = Hash>) -> Self {
        let wanted = (hashes.len() * BITS_FOR_EACH).next_power_of_two().trailing_zeros();
        let size = wanted.clamp(*SIZES.start(), *SIZES.end());
        let mut words = Zeroizing::new(vec![0; 1 << (size - 6)]);
        let shift = 64 - size;
        for hash in hashes {
            words[hash.top(shift) >> 6] |= 1 << (hash.top(shift) & 63);
        }
        Self { words, shift }
    }

    #[inline]
    pub(crate) fn may_have(&self, hash: Hash) -> bool {
        let place = hash.top(self.shift);
        self.words.get(place >> 6).is_some_and(|word| word >> (place & 63) & 1 != 0)
    }
}

/// The windows of all needles.
pub(crate) struct Filter {
    /// From a needle's beginning to its window.
    distance: usize,
    stride: usize,
    gram: usize,
    bits: Bits,
    /// Hashes of grams with their places in the window; sorted, of equal grams the last place
    /// first.
    entries: Zeroizing<Vec<(u64, u64)>>,
    /// Where the entries begin that have these top bits, and where the last ones end.
    heads: Vec<usize>,
    shift: u32,
}

impl Filter {
    /// Prepares for needles of which the shortest has `shortest` bytes, at least eight.
    pub(crate) fn new<'a>(
        needles: impl ExactSizeIterator<Item = &'a [u8]>,
        shortest: usize,
    ) -> Self {
        let width = shortest.min(WIDEST);
        let gram = GRAM.min(width / 2);
        let (distance, stride) = (shortest - width, width - gram + 1);
        let mut entries = Zeroizing::new(Vec::with_capacity(needles.len() * stride));
        for needle in needles {
            for place in 0..stride {
                if let Some(hash) = Hash::of_first(&needle[distance + place..], gram) {
                    entries.push((hash.0, u64::MAX - place as u64));
                }
            }
        }
        entries.sort_unstable();
        entries.dedup();
        let bits = Bits::new(entries.iter().map(|(hash, _)| Hash(*hash)));
        let size = entries.len().next_power_of_two().trailing_zeros().max(1);
        let shift = 64 - size;
        let mut heads = vec![0; (1 << size) + 1];
        for (hash, _) in entries.iter() {
            heads[Hash(*hash).top(shift) + 1] += 1;
        }
        for index in 1..heads.len() {
            heads[index] += heads[index - 1];
        }
        Self { distance, stride, gram, bits, entries, heads, shift }
    }

    /// Asks `check` of every place at or behind `from` where a needle may begin, from left to
    /// right, until it answers.
    #[inline]
    pub(crate) fn search<T>(
        &self,
        text: &[u8],
        from: usize,
        mut check: impl FnMut(usize) -> Option<T>,
    ) -> Option<T> {
        let mut at = from.saturating_add(self.distance + self.stride - 1);
        while let Some(hash) = Hash::of_first(text.get(at..)?, self.gram) {
            if self.bits.may_have(hash) {
                for place in self.places(hash) {
                    let found = check(at - self.distance - place);
                    if found.is_some() {
                        return found;
                    }
                }
            }
            at += self.stride;
        }
        None
    }

    /// Places of a gram in windows, the last first.
    fn places(&self, hash: Hash) -> impl Iterator<Item = usize> + '_ {
        let top = hash.top(self.shift);
        let same = &self.entries[self.heads[top]..self.heads[top + 1]];
        let same = same.iter().filter(move |(other, _)| *other == hash.0);
        same.map(|(_, place)| (u64::MAX - place) as usize)
    }
}
