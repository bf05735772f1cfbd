//! How many connections each user of several may have.

use super::{Shared, Standing};

/// The part of them that one user of several may take, if it is no operator.
const SHARE: usize = 8;

impl Shared {
    /// Lets one more connection of this user in, if it has not more than its share.
    pub(in crate::daemon) fn enter(&self, uid: u32) -> bool {
        let mut state = self.state();
        if !self.is_of_system || matches!(state.users.standing_of(uid), Standing::Operator(_)) {
            return true;
        }
        let count = state.crowd.entry(uid).or_default();
        *count += 1;
        *count <= (self.most / SHARE).max(1)
    }

    /// A connection of this user is over.
    pub(in crate::daemon) fn leave(&self, uid: u32) {
        let mut state = self.state();
        if let Some(count) = state.crowd.get_mut(&uid) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                state.crowd.remove(&uid);
            }
        }
    }
}
