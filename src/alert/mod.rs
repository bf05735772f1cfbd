//! Alerts: who is told, when, and how; what waits until it has arrived.
//!
//! The queue is data that its holder keeps ([`Queue`]); a message leaves by [`send`] alone. Nothing
//! here knows the vault: tokens come in for one message each, and no value is ever part of one.

mod desktop;
mod mail;
mod message;
mod queue;
mod send;
mod system;
mod web;

pub use message::Message;
pub use queue::{Batch, Queue, Waiting};
pub use send::{Unsent, heartbeat, send};
