//! Of the trees that hold something, those entries that do: the walk from the commits down reads these,
//! and inflates nothing a second time.

use super::delta::Stretch;
use super::holders::{Holders, Sought};
use super::pack::{Family, Inflater, Pack};
use crate::source::Progress;

/// Makes the trees of a pack that hold something.
pub(super) struct Extracts<'a> {
    pack: &'a Pack,
    sought: &'a Sought<'a>,
    holders: &'a mut Holders,
    /// By entry of the pack: whether it holds something, or one that is made out of it does.
    is_needed: Vec<bool>,
}

impl<'a> Extracts<'a> {
    pub(super) fn of(pack: &'a Pack, sought: &'a Sought<'a>, holders: &'a mut Holders) -> Self {
        let is_needed = pack.needed(&pack.trees, |at| !holders.is_empty(&pack.id(at)));
        Self { pack, sought, holders, is_needed }
    }

    /// Leaves with the holders what of the trees holds something.
    pub(super) fn leave(mut self, inflater: &mut Inflater, progress: &dyn Progress) {
        let pack = self.pack;
        for root in &pack.trees {
            if progress.stop() {
                break;
            }
            if self.needs(*root as usize) {
                pack.family(*root, inflater, &mut self);
            }
        }
    }

    fn take(&mut self, at: usize, bytes: Vec<u8>) -> Vec<u8> {
        self.holders.keep(&self.pack.id(at), &bytes, self.sought);
        bytes
    }
}

impl Family for Extracts<'_> {
    type Object = Vec<u8>;

    fn whole(&mut self, at: usize, bytes: Vec<u8>) -> Vec<u8> {
        self.take(at, bytes)
    }

    fn child(&mut self, at: usize, _: &Vec<u8>, bytes: Vec<u8>, _: &[Stretch]) -> Vec<u8> {
        self.take(at, bytes)
    }

    fn needs(&self, at: usize) -> bool {
        self.is_needed[at]
    }

    fn lost(&mut self, _: usize) {}
}
