//! A message to its receiver, once.

use std::time::Duration;

use clawvault_core::domain::{Channel, Receiver, Value};

use super::{Message, desktop, mail, system, web};

/// Longest wait for a receiver.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// Why a message is not known to have arrived, in our own words.
pub type Unsent = String;

/// Sends a message once, and waits until the receiver says that it has it. Blocks.
///
/// # Errors
/// Where it did not say so: it may have it all the same.
pub fn send(receiver: &Receiver, token: Option<&Value>, message: &Message) -> Result<(), Unsent> {
    if let Some(lacking) = receiver.lacks() {
        return Err(format!("the policy lacks {lacking} for it"));
    }
    match receiver.kind {
        Channel::Email => mail::send(receiver, token, message),
        Channel::Desktop => desktop::send(message),
        Channel::Journald => system::journal(receiver.to.as_deref(), message),
        Channel::Syslog => system::syslog(receiver.to.as_deref(), message),
        Channel::UptimeKuma => heartbeat(token),
        _ => web::send(receiver, token, message),
    }
}

/// Tells a push monitor that we live.
///
/// # Errors
/// Where it does not answer that it took it.
pub fn heartbeat(address: Option<&Value>) -> Result<(), Unsent> {
    web::beat(address)
}
