//! `status`: reference by reference, whether OpenClaw gets what it refers to.

use std::path::{Path, PathBuf};

use clawvault_core::domain::{Agent, Life, Policy, ProfileName, SecretInfo};
use clawvault_core::platform::process::ProcessId;
use clawvault_core::platform::service::listener;
use clawvault_core::platform::{Clock, HeldFile, SystemClock};

use super::find_gateway;
use super::link::{MAX_RESOLVER, RESOLVER, resolver_bytes};
use crate::app::import::{find, is_known};
use crate::app::run::is_admin;
use crate::app::session::Request;
use crate::app::vendors::catalog_of;
use crate::app::{App, AppError, Code, Pauses, Plaintext, pause};
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
    /// It is paused, by a limit of what it may cost or by a person.
    Paused,
    /// Its current version was revoked.
    Revoked,
    /// The daemon has the vault locked, so that nobody gets anything.
    Locked,
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
            Self::Paused => "paused",
            Self::Revoked => "revoked",
            Self::Locked => "locked",
            Self::Admin => "admin",
            Self::NotGranted => "not granted",
        }
    }
}

/// What the vault knows of a gateway; nothing while it is locked.
#[derive(Default)]
struct Known {
    is_open: bool,
    gateway: Option<ProfileName>,
    agent: Option<Agent>,
    profile: ProfileName,
    policy: Policy,
    infos: Vec<SecretInfo>,
    lives: Vec<Life>,
    pauses: Pauses,
}

impl Known {
    fn state(&self, id: &str) -> Access {
        if !self.is_open {
            return Access::Locked;
        }
        let (name, field) = id.split_once('#').map_or((id, None), |(n, f)| (n, Some(f)));
        let Some(info) = self.infos.iter().find(|info| info.name.as_str() == name) else {
            return Access::Missing;
        };
        let is_granted =
            self.agent.as_ref().is_some_and(|agent| agent.may_have(&self.profile, &info.name));
        let now_ms = SystemClock.now_ms();
        match () {
            () if is_admin(info, &self.policy) => Access::Admin,
            () if !is_granted => Access::NotGranted,
            () if info.removed_ms.is_some() => Access::CutOff,
            () if self.is_revoked(info) => Access::Revoked,
            () if self.pauses.find(&self.profile, &info.name, now_ms).is_some() => Access::Paused,
            () if !has(info, field) => Access::Missing,
            () => Access::Resolves,
        }
    }

    fn is_revoked(&self, info: &SecretInfo) -> bool {
        let current = info.current().map(|version| version.number);
        let of = |life: &&Life| life.profile == info.profile && life.name == info.name;
        let life = self.lives.iter().find(of);
        life.is_some_and(|life| current.is_some_and(|number| life.blocked.contains(&number)))
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
        let served = self.daemon_status()?;
        let known = match &served {
            // What the files say can be told all the same.
            Some(status) if !status.unlocked => Known::default(),
            _ => self.known_of(home)?,
        };
        let references = linked.references.iter().map(|there| ReferenceLine {
            path: there.path.clone(),
            id: there.id.clone(),
            state: known.state(&there.id),
            shadowed_by: shadows(home, &there.path),
        });
        let catalog = catalog_of(&known.policy);
        let is_known = |variable: &str| is_known(&catalog, variable);
        let report = openclaw::read(home, extra, &is_known, &|bytes| find(&catalog, bytes))?;
        let found = report.found.iter().map(Plaintext::of_found);
        Ok(OpenClawState {
            gateway: known.gateway.clone(),
            process: listener(gateway(home)?.port),
            unlocked: served.is_some_and(|status| status.unlocked),
            resolver: self.resolver_state(linked.resolver.as_deref(), resolver),
            references: references.collect(),
            plaintext: found.chain(report.copies.iter().map(Plaintext::of_copy)).collect(),
        })
    }

    /// The references of a gateway's configuration that no reload can bring it a value for: a running
    /// gateway keeps the configuration that it had before, and counts no warning for it.
    ///
    /// # Errors
    /// Where no such gateway is known, or its configuration cannot be read.
    pub fn unanswerable(
        &self,
        named: Option<&ProfileName>,
    ) -> Result<Vec<(String, String, Access)>, AppError> {
        let mut session = self.session(crate::app::Access::Read)?;
        let (_, gateway, _) = find_gateway(&mut session, named)?;
        session.close()?;
        let home = Path::new(&gateway.home);
        let known = self.known_of(home)?;
        let all = linked(home)?.references.into_iter().map(|there| {
            let state = known.state(&there.id);
            (there.path, there.id, state)
        });
        let never = |state| matches!(state, Access::Missing | Access::NotGranted | Access::Admin);
        Ok(all.filter(|(_, _, state)| never(*state)).collect())
    }

    /// What the vault knows of the gateway of a home.
    fn known_of(&self, home: &Path) -> Result<Known, AppError> {
        let mut session = self.session(crate::app::Access::Read)?;
        let text = session.ask(Request::PolicyText)?.text;
        let policy = Policy::parse(&text).map_err(|error| {
            let advice = "Mend it with `clawvault policy apply`.";
            AppError::new(Code::Damaged, error.to_string(), advice)
        })?;
        let shown = home.to_string_lossy();
        let gateway = policy.gateways.iter().find(|(_, gateway)| gateway.home == shown);
        let agent = gateway.and_then(|(_, gateway)| policy.agents.get(&gateway.agent)).cloned();
        let profile = agent.as_ref().map(|agent| agent.profile.clone()).unwrap_or_default();
        let mut infos = session.ask(Request::List(Some(profile.clone()), false))?.infos;
        infos.extend(session.ask(Request::List(Some(profile.clone()), true))?.infos);
        let lives = session.ask(Request::Lives(None))?.lives;
        let pauses = pause::pauses(&mut session)?;
        let gateway = gateway.map(|(name, _)| name.clone());
        Ok(Known { is_open: true, gateway, agent, profile, policy, infos, lives, pauses })
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
            (mode, _) => Err(format!("{} has mode {mode:o} in place of 700", named.display())),
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
