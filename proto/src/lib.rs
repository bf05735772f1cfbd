//! What clawvault's commands and its daemon say to each other: messages, the frames they travel in,
//! how they become the vault's own types, and a blocking client.
//!
//! A value is in no message. It travels behind it, in the frame's body, from locked memory into
//! locked memory.

pub mod client;
pub mod convert;

pub mod frame;
pub mod hello;
#[rustfmt::skip]
pub mod messages;

pub use frame::{Bounds, Frame, FrameError, Outgoing, Receiver};
