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
pub use request::{
    AgentGrant, Authority, GatewayAsk, Health, LaunchSlot, Launched, Reply, Request, RunGrant,
};
pub use wire::{Inbound, decode_puts, decode_request, failure, frames};

pub(super) use remote::{Loan, Remote, Sight};

use std::path::PathBuf;

use clawvault_core::auditlog::Read;
use clawvault_core::platform::{Dir, Private, process};
use clawvault_core::vault::{Vault, VaultError, Who, memory_warning};

use super::run::ring;
use super::{Access, App, AppError};

/// Sees entries of the log as they are read, and says whether to go on.
pub type Each<'a> = &'a mut dyn FnMut(Read, &mut clawvault_core::auditlog::Digests) -> bool;

/// An open vault, here or in the daemon.
#[allow(clippy::large_enum_variant, reason = "a command has one of them")]
pub enum Session {
    /// In this process: nobody else has it open.
    Local(Box<Vault>, Who, Option<Bells>),
    /// In the daemon.
    Remote(Box<Remote>),
}

/// Where those listen who stand beside a program.
#[derive(Debug)]
pub struct Bells {
    runtime: PathBuf,
    bells: PathBuf,
}

impl From<Vault> for Session {
    fn from(vault: Vault) -> Self {
        Self::Local(Box::new(vault), Who::default(), None)
    }
}

impl App {
    /// A session on behalf of this process.
    pub(super) fn session(&self, access: Access) -> Result<Session, AppError> {
        self.session_for(access, &self.who())
    }

    /// A session on behalf of `who`: the daemon's where one listens, else the vault opened here.
    pub(super) fn session_for(&self, access: Access, who: &Who) -> Result<Session, AppError> {
        self.return_store()?;
        match self.daemon()? {
            Some(remote) => Ok(Session::Remote(Box::new(remote))),
            None => {
                let vault = Box::new(self.open_local(access, who)?);
                Ok(Session::Local(vault, who.clone(), Some(self.bells_here())))
            }
        }
    }
}

impl App {
    /// Where those listen who are to hear of what is done here.
    pub(super) fn bells_here(&self) -> Bells {
        Bells { runtime: self.runtime.clone(), bells: self.bells() }
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
            Self::Local(vault, who, bells) => {
                let reply = perform(vault, who, &Authority::Operator, request, each)?;
                if let Some(Bells { runtime, bells }) = bells
                    && !reply.changed.is_empty()
                    && let Ok(runtime) = Dir::open(runtime, Private::Required)
                {
                    ring(&runtime, bells, &reply.changed);
                }
                Ok(reply)
            }
            Self::Remote(remote) => remote.ask(request, each),
        }
    }

    /// What a person should know about how the vault was found.
    pub fn warnings(&self) -> Vec<String> {
        match self {
            Self::Local(vault, ..) => vault.warnings(),
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
            Self::Local(vault, ..) => vault.close(),
            Self::Remote(_) => Ok(()),
        }
    }
}

impl App {
    /// This process, as the audit log names it.
    pub fn who(&self) -> Who {
        Who { actor: process::actor(), ..Who::default() }
    }
}
