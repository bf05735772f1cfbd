//! Randomness that can be repeated: a seed, printed by the test and taken from
//! `CLAWVAULT_TEST_SEED` where that is set.

#![allow(dead_code, reason = "each test uses a part of it")]

/// Marsaglia's xorshift64*, good enough to spread delays and values.
pub(crate) struct Random(u64);

impl Random {
    /// Seeds the generator and prints the seed under the test's name.
    pub(crate) fn of_test(name: &str) -> Self {
        let given = std::env::var("CLAWVAULT_TEST_SEED").ok();
        let seed = given.map_or_else(fresh, |text| text.parse().expect("the seed is a number"));
        println!("{name}: CLAWVAULT_TEST_SEED={seed}");
        Self(seed | 1)
    }

    /// One of many generators of a test, which are told apart by number.
    pub(crate) fn of_seed(seed: u64) -> Self {
        // Neighbours must not begin alike.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Some of all, each at most once, in any order.
    pub(crate) fn sample<T>(&mut self, mut all: Vec<T>, count: usize) -> Vec<T> {
        let count = count.min(all.len());
        for place in 0..count {
            let rest = (all.len() - place) as u64;
            let chosen = usize::try_from(self.below(rest)).expect("an index");
            all.swap(place, place + chosen);
        }
        all.truncate(count);
        all
    }
}

/// Number of trials: `CLAWVAULT_TEST_TRIALS` where that is set, else `usual`.
pub(crate) fn trials(usual: usize) -> usize {
    let given = std::env::var("CLAWVAULT_TEST_TRIALS").ok();
    given.map_or(usual, |text| text.parse().expect("the number of trials is a number"))
}

fn fresh() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}
