//! The life of a key at its vendor: replaced, proven, revoked; step by step, each written down before
//! and after, so that whatever ends the process, another one goes on where it stood.
//!
//! A step is journalled in the vault ([`Books`]); what the vendor can do comes from an adapter
//! ([`Vendors`]); time is a [`Timer`], so that tests bring their own. A call that creates is sent
//! once: where its answer is lost, the vendor's list says what became of it.

mod begin;
mod create;
mod engine;
mod group;
mod prove;
mod revoke;
mod sink;
mod switch;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use clawvault_core::domain::{Event, Life, ProfileName, Rule, SecretInfo, SecretName};
use clawvault_core::vault::Step;
use clawvault_providers::adapter::{Adapter, Fields};

pub use begin::{GIVEN_UP, Refused, abort, begin, confirm, give};
pub use engine::{Engine, Outcome};
pub use sink::{FileSink, HookSink, Notice, Sink, SinkError};

/// What a rotation is told of its secret.
#[derive(Clone, Debug)]
pub struct Look {
    /// What is known of its keys.
    pub life: Life,
    /// The secret itself.
    pub info: SecretInfo,
    /// What the policy says.
    pub rule: Rule,
}

impl Look {
    /// The secret's key.
    pub fn key(&self) -> Key {
        (self.life.profile.clone(), self.life.name.clone())
    }
}

/// The key of a secret.
pub type Key = (ProfileName, SecretName);

/// The vault, as far as a rotation needs it. Each call is a commit or a reading of its own; nothing
/// is held open between two of them.
pub trait Books {
    /// Why the vault did not do it.
    type Error: std::fmt::Display;

    /// What is known of a secret; none where there is no such secret.
    ///
    /// # Errors
    /// Where the vault cannot be read.
    fn look(&mut self, key: &Key) -> Result<Option<Look>, Self::Error>;

    /// Makes steps, all or none; gives the lives as they are now. `None` where another process made
    /// a step since.
    ///
    /// # Errors
    /// Where they cannot be written.
    fn step(&mut self, event: Event, steps: Vec<Step>) -> Result<Option<Vec<Life>>, Self::Error>;

    /// Opens the fields of versions, after logging it.
    ///
    /// # Errors
    /// Where one is not there, or it cannot be logged.
    fn fields(&mut self, event: Event, wants: &[(Key, u32)]) -> Result<Vec<Fields>, Self::Error>;

    /// Numbers of the living processes that hold a version.
    fn held(&mut self, key: &Key, version: u32) -> Vec<u32>;
}

/// Adapters and sinks, by what the policy says.
pub trait Vendors {
    /// Who speaks for the vendor of a secret.
    fn adapter(&self, look: &Look) -> Option<Arc<dyn Adapter>>;

    /// Where a new key of it has to be told of.
    fn sinks(&self, look: &Look) -> Vec<Box<dyn Sink>>;

    /// The vendor's console page, and what a person does there, for keys that no call makes.
    fn guide(&self, look: &Look) -> String;
}

/// Time, and waiting.
pub trait Timer {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> i64;

    /// Waits.
    fn sleep(&self, ms: i64) -> Pin<Box<dyn Future<Output = ()> + '_>>;
}
