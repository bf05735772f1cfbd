//! The vault as a use case sees it: open in this process, or in the daemon.
//!
//! A use case asks a [`Session`]; what is asked and what comes back are the same types either way,
//! and [`perform`] is the one place where a request meets a vault. With a daemon nobody else opens
//! the store.

mod perform;
mod remote;
mod request;
mod wire;

pub use perform::{event_of, items_of, perform, perform_gets};
pub use request::{Authority, GatewayAsk, Health, LaunchSlot, Launched, Reply, Request, RunGrant};
pub use wire::{Inbound, decode_puts, decode_request, failure, frames};

pub(super) use remote::{Remote, Sight};

use clawvault_core::auditlog::Read;
use clawvault_core::platform::process;
use clawvault_core::vault::{Vault, VaultError, Who, memory_warning};

use super::{Access, App, AppError, Code};

/// Sees entries of the log as they are read, and says whether to go on.
pub type Each<'a> = &'a mut dyn FnMut(Read, &mut clawvault_core::auditlog::Digests) -> bool;

/// An open vault, here or in the daemon.
#[allow(clippy::large_enum_variant, reason = "a command has one of them")]
pub enum Session {
    /// In this process: nobody else has it open.
    Local(Box<Vault>, Who),
    /// In the daemon.
    Remote(Box<Remote>),
}

impl From<Vault> for Session {
    fn from(vault: Vault) -> Self {
        Self::Local(Box::new(vault), Who::default())
    }
}

impl App {
    /// A session on behalf of this process.
    pub(super) fn session(&self, access: Access) -> Result<Session, AppError> {
        self.session_for(access, &self.who())
    }

    /// A session on behalf of `who`: the daemon's where one listens, else the vault opened here.
    pub(super) fn session_for(&self, access: Access, who: &Who) -> Result<Session, AppError> {
        match self.daemon()? {
            Some(remote) => Ok(Session::Remote(Box::new(remote))),
            None => Ok(Session::Local(Box::new(self.open_local(access, who)?), who.clone())),
        }
    }
}

impl Session {
    /// Asks for one thing.
    pub(super) fn ask(&mut self, request: Request) -> Result<Reply, AppError> {
        self.ask_each(request, &mut |_, _| true)
    }

    /// The same; entries of the log go to `each`.
    pub(super) fn ask_each(&mut self, request: Request, each: Each<'_>) -> Result<Reply, AppError> {
        match self {
            Self::Local(vault, who) => perform(vault, who, &Authority::Operator, request, each),
            Self::Remote(remote) => remote.ask(request, each),
        }
    }

    /// What a person should know about how the vault was found.
    pub fn warnings(&self) -> Vec<String> {
        match self {
            Self::Local(vault, _) => vault.warnings(),
            Self::Remote(remote) => {
                let mut all = remote.warnings().to_vec();
                // What lay here is told here; the same of the daemon is told once.
                all.extend(memory_warning().filter(|own| !all.contains(own)));
                all
            }
        }
    }

    /// Leaves the vault in order for the next command; the daemon does that by itself.
    ///
    /// # Errors
    /// Where no snapshot could be taken: what was done is durable all the same.
    pub fn close(self) -> Result<(), VaultError> {
        match self {
            Self::Local(vault, _) => vault.close(),
            Self::Remote(_) => Ok(()),
        }
    }
}

impl App {
    /// Refuses what needs the store itself while the daemon holds it.
    pub(super) fn refuse_while_served(&self) -> Result<(), AppError> {
        match self.sight()? {
            Sight::Unlocked(pid) => Err(AppError::new(
                Code::Failed,
                format!(
                    "the daemon (pid {pid}) holds the vault, and this cannot be done through it yet"
                ),
                "Close it with `clawvault lock`, do this, then `clawvault unlock`.",
            )),
            Sight::Locked | Sight::None => Ok(()),
        }
    }

    /// This process, as the audit log names it.
    pub fn who(&self) -> Who {
        Who { actor: process::actor(), ..Who::default() }
    }
}
