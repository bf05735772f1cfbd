//! What keys cost: figures asked for and kept, limits judged, what a crossing does, and how it is told.

mod act;
mod book;
mod cap;
mod check;
mod report;
mod sources;

pub use check::{Checked, Failed};
pub use report::{Correction, Row, Spending, Subject};

pub(in crate::app) use act::spikes_of_late;
pub(in crate::app) use sources::vendor_of;
