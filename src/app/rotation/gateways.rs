//! OpenClaw's gateways as places where a key is in use.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clawvault_core::domain::ProfileName;
use clawvault_core::platform::service::listener;
use clawvault_core::vault::Place;

use crate::app::{App, AppError, KeySource};
use crate::openclaw::gateway::gateway;
use crate::rotate::{Notice, Sink, SinkError};

/// Where runs, the vault and its daemon are found, by whoever rotates.
#[derive(Clone)]
pub struct Reach {
    /// Where the vault lies.
    pub place: Place,
    /// Where records of runs are kept.
    pub runtime: PathBuf,
    /// The daemon's socket.
    pub socket: PathBuf,
    /// True where that is not the vault in `place`, but one that a daemon of the system has.
    pub elsewhere: bool,
    /// The variables that OpenClaw's own command gets; empty in the daemon.
    pub surroundings: Vec<(OsString, OsString)>,
}

impl Reach {
    /// As an app without any key: the daemon is asked, or nobody.
    fn app(&self) -> App {
        let keys = KeySource { identity: None, passphrase_file: None, prompt: Box::new(|| None) };
        let (place, runtime) = (self.place.clone(), self.runtime.clone());
        App {
            elsewhere: self.elsewhere,
            surroundings: self.surroundings.clone(),
            ..App::new(place, runtime, self.socket.clone(), keys)
        }
    }
}

impl App {
    /// Where this one finds what it works with.
    pub(super) fn reach(&self) -> Reach {
        Reach {
            place: self.place.clone(),
            runtime: self.runtime.clone(),
            socket: self.socket.clone(),
            elsewhere: self.elsewhere,
            surroundings: self.surroundings.clone(),
        }
    }
}

/// A gateway of the policy. One that does not run needs no telling: it starts with what is current.
pub(super) struct GatewaySink {
    pub(super) name: ProfileName,
    /// OpenClaw's own directory; none where the policy has no such gateway.
    pub(super) home: Option<String>,
    /// Without it, it is only named: for a plan.
    pub(super) reach: Option<Arc<Reach>>,
}

impl Sink for GatewaySink {
    fn name(&self) -> String {
        format!("openclaw {}", self.name)
    }

    fn tell(&self, _: &Notice) -> Result<(), SinkError> {
        let fail = |what: &dyn std::fmt::Display| SinkError::new(self.name(), what);
        let reach = self.reach.as_ref().ok_or_else(|| fail(&"nothing leads to it"))?;
        let home = self.home.as_ref().ok_or_else(|| fail(&"the policy has no such gateway"))?;
        // A daemon of the whole system may not look into a user's directory.
        let unread = |what: String| {
            fail(&format!(
                "{what}; `clawvault rotations resume`, called by one who may read it (the gateway's \
                 user, root), tells it and goes on"
            ))
        };
        let described =
            gateway(Path::new(home)).map_err(|error| unread(AppError::from(error).what))?;
        if listener(described.port).is_none() {
            return Ok(());
        }
        let reloaded = reach.app().reload_gateway(Some(&self.name));
        match reloaded.map_err(|error| fail(&error.what))?.answered {
            true => Ok(()),
            false => Err(fail(&"it did not ask for its secrets anew")),
        }
    }
}
