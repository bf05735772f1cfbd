//! OpenClaw's exec secret provider: what it asks and is answered, and the program that asks the
//! daemon for it.
//!
//! OpenClaw starts the program without an environment, gives it one request on stdin, and takes one
//! document from stdout; of stderr and of most errors it shows nothing. So the program is told the
//! socket by its arguments, answers at once whatever is wrong, and never waits for a person.

mod program;
mod protocol;

pub use program::run;
pub use protocol::{Asked, Id, MAX_REQUEST, NotAsked, PLACEHOLDER, is_field, parse, value_of};
