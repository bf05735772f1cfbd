//! Words that are looked for in names, all of them in one pass.

/// Words of at least two lower-case letters or digits.
pub(super) struct Words<const N: usize> {
    words: [&'static [u8]; N],
    /// By the low five bits of a first byte, those of the second bytes behind it.
    pairs: [u32; 32],
}

impl<const N: usize> Words<N> {
    /// Makes the table.
    pub(super) const fn new(words: [&'static [u8]; N]) -> Self {
        let mut pairs = [0; 32];
        let mut at = 0;
        while at < N {
            pairs[(words[at][0] & 31) as usize] |= 1 << (words[at][1] & 31);
            at += 1;
        }
        Self { words, pairs }
    }

    /// Whether one of the words stands in a name, in lower case, where `fits` says so; it is given
    /// the word and where it begins.
    pub(super) fn in_name(&self, name: &[u8], fits: impl Fn(&[u8], usize) -> bool) -> bool {
        name.windows(2).enumerate().any(|(at, pair)| {
            self.pairs[usize::from(pair[0] & 31)] >> (pair[1] & 31) & 1 == 1
                && self.words.iter().any(|word| name[at..].starts_with(word) && fits(word, at))
        })
    }
}
