//! Money: figures of vendors kept without counting one twice, compared with limits, foreseen, drawn.
//!
//! Nothing here asks a vendor, keeps a file or knows the vault: figures come in, judgements go out.

mod chart;
mod judge;
mod ledger;
mod line;
mod pack;
mod period;

pub use chart::{bars, share};
pub use judge::{Crossed, Judged, Spike, judge, spike};
pub use ledger::{
    Chunk, Correction, Later, Merged, Series, add_beginnings, piece_of, pieces_of, spent,
};
pub use line::Line;
pub use period::{Period, Zone, minute_of_day};
