//! `status`: reference by reference, whether OpenClaw gets what it refers to.

use std::path::{Path, PathBuf};

use clawvault_core::domain::{Policy, ProfileName, SecretInfo, SecretName};
use clawvault_core::platform::HeldFile;
use clawvault_core::platform::process::ProcessId;
use clawvault_core::platform::service::listener;

use super::link::{MAX_RESOLVER, RESOLVER, resolver_bytes};
use crate::app::import::{find, is_known};
use crate::app::run::is_admin;
use crate::app::session::Request;
use crate::app::vendors::catalog_of;
use crate::app::{App, AppError, Code, Plaintext};
use crate::openclaw::exec::linked;
use crate::openclaw::gateway::gateway;
use crate::openclaw::{self, profiles_for};

/// How a home stands.
#[derive(Debug)]
pub struct OpenClawState {
    /// The gateway's name in the policy.
    pub gateway: Option<ProfileName>,
    /// The process that listens at its port.
    pub process: Option<ProcessId>,
    /// True where the daemon runs and holds the vault.
    pub unlocked: bool,
    /// What is wrong with the resolver, if anything.
    pub resolver: Result<PathBuf, String>,
    /// Every reference.
    pub references: Vec<ReferenceLine>,
    /// What lies there in clear.
    pub plaintext: Vec<Plaintext>,
}

/// One reference.
#[derive(Debug)]
pub struct ReferenceLine {
    /// Its place in the configuration.
    pub path: String,
    /// The id it refers to.
    pub id: String,
    /// Whether OpenClaw gets it.
    pub state: Access,
    /// Stored profiles of the same provider, which OpenClaw prefers.
    pub shadowed_by: Vec<PathBuf>,
}

/// Whether OpenClaw gets a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// It does.
    Resolves,
    /// There is no such secret, or no such field of it.
    Missing,
    /// It was cut off.
    CutOff,
    /// It administers other keys.
    Admin,
    /// The policy does not grant it to the gateway's agent.
    NotGranted,
}

impl Access {
    /// It in one word or two.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolves => "resolves",
            Self::Missing => "missing",
            Self::CutOff => "cut off",
            Self::Admin => "admin",
            Self::NotGranted => "not granted",
        }
    }
}

impl App {
    /// How the OpenClaw in this home stands; `resolver` is the program that belongs to this one.
    ///
    /// # Errors
    /// Where home or vault cannot be read.
    pub fn openclaw_state(
        &self,
        (home, extra): (&Path, &[PathBuf]),
        resolver: &Path,
    ) -> Result<OpenClawState, AppError> {
        let linked = linked(home)?;
        let mut session = self.session(crate::app::Access::Read)?;
        let text = session.ask(Request::PolicyText)?.text;
        let policy = Policy::parse(&text).map_err(|error| {
            let advice = "Mend it with `clawvault policy apply`.";
            AppError::new(Code::Damaged, error.to_string(), advice)
        })?;
        let shown = home.to_string_lossy();
        let known = policy.gateways.iter().find(|(_, gateway)| gateway.home == shown);
        let profile = known
            .and_then(|(_, gateway)| policy.agents.get(&gateway.agent))
            .map(|agent| agent.profile.clone())
            .unwrap_or_default();
        let mut infos = session.ask(Request::List(Some(profile.clone()), false))?.infos;
        infos.extend(session.ask(Request::List(Some(profile.clone()), true))?.infos);
        let state = |id: &str| {
            let (name, field) = id.split_once('#').map_or((id, None), |(n, f)| (n, Some(f)));
            let info = infos.iter().find(|info| info.name.as_str() == name);
            let agent = known.and_then(|(_, gateway)| policy.agents.get(&gateway.agent));
            let granted = |name: &SecretName| agent.is_some_and(|a| a.may_have(&profile, name));
            match info {
                None => Access::Missing,
                Some(info) if is_admin(info, &policy) => Access::Admin,
                Some(info) if !granted(&info.name) => Access::NotGranted,
                Some(info) if info.removed_ms.is_some() => Access::CutOff,
                Some(info) if !has(info, field) => Access::Missing,
                Some(_) => Access::Resolves,
            }
        };
        let references = linked.references.iter().map(|there| ReferenceLine {
            path: there.path.clone(),
            id: there.id.clone(),
            state: state(&there.id),
            shadowed_by: shadows(home, &there.path),
        });
        let report = {
            let catalog = catalog_of(&policy);
            let known = |variable: &str| is_known(&catalog, variable);
            openclaw::read(home, extra, &known, &|bytes| find(&catalog, bytes))?
        };
        let found = report.found.iter().map(Plaintext::of_found);
        let unlocked = self.daemon_status()?.is_some_and(|status| status.unlocked);
        Ok(OpenClawState {
            gateway: known.map(|(name, _)| name.clone()),
            process: listener(gateway(home)?.port),
            unlocked,
            resolver: self.resolver_state(linked.resolver.as_deref(), resolver),
            references: references.collect(),
            plaintext: found.chain(report.copies.iter().map(Plaintext::of_copy)).collect(),
        })
    }

    /// The resolver that the configuration names, if it is the very one that belongs to this program.
    fn resolver_state(&self, named: Option<&Path>, own: &Path) -> Result<PathBuf, String> {
        let Some(named) = named else { return Err("the configuration names none".to_owned()) };
        if named != self.resolver_path() {
            return Err(format!("{} is not that of this vault", named.display()));
        }
        let folder = named.parent().unwrap_or(Path::new("/"));
        let held = HeldFile::open(folder, Path::new(RESOLVER), MAX_RESOLVER);
        let held = held.map_err(|error| error.to_string())?;
        let own = resolver_bytes(own).map_err(|error| error.what)?;
        match (held.mode(), held.bytes() == own.as_slice()) {
            (0o700, true) => Ok(named.to_owned()),
            (0o700, false) => Err(format!("{} is of another version", named.display())),
            _ => Err(format!("{} has rights that OpenClaw refuses", named.display())),
        }
    }
}

fn has(info: &SecretInfo, field: Option<&str>) -> bool {
    let fields = info.current().map(|version| version.fields.as_slice()).unwrap_or_default();
    match field {
        None => fields.len() == 1,
        Some(field) => fields.iter().any(|(name, _)| name.as_str().replace('_', "-") == field),
    }
}

/// Where profiles are stored that OpenClaw takes before the reference at this place.
fn shadows(home: &Path, path: &str) -> Vec<PathBuf> {
    match path.split('.').collect::<Vec<_>>().as_slice() {
        ["models", "providers", provider, "apiKey"] => profiles_for(home, provider),
        _ => Vec::new(),
    }
}
