//! What keys cost: figures asked for and kept, limits judged, what a crossing does, and how it is told.

mod accounts;
mod act;
mod book;
mod books;
mod budgets;
mod cap;
mod check;
mod deeds;
mod owners;
mod report;
mod sources;
mod told;
mod unlimited;

pub use budgets::Budgets;
pub use check::{Checked, Failed};
pub use told::{Correction, Row, Spending, Subject, Unmeasured};

pub(in crate::app) use act::spikes_of_late;
