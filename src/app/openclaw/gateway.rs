//! A gateway's life: started as one that the daemon knows, told of new values, cut off from a key.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clawvault_core::domain::{Event, ProfileName, SecretName, Stage, Value};
use clawvault_core::platform::process::{CoreLimit, ProcessId};
use clawvault_core::platform::service::listener;
use clawvault_core::platform::{Clock, SystemClock};
use clawvault_core::vault::Want;

use super::find_gateway;
use crate::app::run::new_run_name;
use crate::app::session::{GatewayAsk, Request, Session};
use crate::app::{App, AppError, Code};
use crate::launch::{Base, Ready, Rendered, RunRecord, Runs, base, find};
use crate::openclaw::gateway::{Gateway, Kept, Wants, gateway};
use crate::openclaw::rpc::{self, RpcError, Shown};
use crate::programs::{self, Program};

/// How long the gateway may take for a reload over its socket; it takes 0.5 to 3 s.
const WITHIN: Duration = Duration::from_secs(60);
/// How long the resolver is answered for a reload, in seconds.
const WINDOW: u32 = 150;
/// Most that OpenClaw's own command prints, in bytes.
const MAX_SAID: usize = 64 * 1024;

/// How a gateway is started.
pub struct GatewayOptions {
    /// What the policy calls it.
    pub gateway: Option<ProfileName>,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// The surrounding variables.
    pub surroundings: Vec<(OsString, OsString)>,
    /// The core limit that the program would have had without us.
    pub core_limit: CoreLimit,
}

/// By which way a gateway was told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// Over its own socket.
    Socket,
    /// By OpenClaw's own command.
    Command,
}

/// What came of a reload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reloaded {
    /// How many owners of secrets did not get theirs, as the gateway says; it keeps their old ones.
    pub warnings: u64,
    /// True where its resolver was answered.
    pub answered: bool,
    /// How it was told.
    pub way: Way,
    /// The gateway.
    pub process: ProcessId,
}

impl App {
    /// Makes this process known to the daemon as a gateway, and gets its program ready. What the
    /// gateway starts has nothing of the vault but by its resolver.
    ///
    /// # Errors
    /// Where no daemon runs, or it does not take this process for one that may.
    pub fn prepare_gateway(&self, options: GatewayOptions) -> Result<Ready, AppError> {
        let environment = base(options.surroundings.iter().cloned(), Base::Inherited);
        let name = options.command.first().cloned().unwrap_or_default();
        let program = find(&name, environment.get(OsStr::new("PATH")).map(OsString::as_os_str))?;
        let mut session = self.served_session()?;
        let gateway = match options.gateway {
            Some(gateway) => gateway,
            // Whoever is no operator names it: the policy is not for it to read.
            None => find_gateway(&mut session, None)?.0,
        };
        let run = new_run_name()?;
        session.ask(Request::Gateway(GatewayAsk::Start(gateway.clone(), run.clone())))?;
        let own = ProcessId::own();
        // A daemon that is started anew knows by it what this process is.
        let record = RunRecord {
            run,
            vault: String::new(),
            pid: own.pid,
            started: own.started,
            launched_ms: SystemClock.now_ms(),
            agent: Some(gateway.to_string()),
            holds: Vec::new(),
            bell: None,
            files: Vec::new(),
            rendered: Vec::new(),
            proof: String::new(),
        };
        let runs = Runs::open(&self.runtime_dir()?)?;
        runs.sweep_if_due()?;
        runs.write(&record)?;
        Ok(Ready {
            program,
            arguments: options.command,
            environment,
            core_limit: options.core_limit,
            files: None,
            rendered: Rendered::default(),
        })
    }

    /// Has a running gateway take the vault's values anew; the only one where none is named.
    ///
    /// # Errors
    /// Where no daemon or no gateway runs, or the gateway kept an old value.
    pub fn reload_gateway(&self, named: Option<&ProfileName>) -> Result<Reloaded, AppError> {
        let mut session = self.served_session()?;
        let reloaded = told(&mut session, named, &self.surroundings)?;
        if reloaded.warnings > 0 {
            return Err(AppError::new(
                Code::Failed,
                format!(
                    "the gateway could not take {} of its secrets and keeps what it had",
                    reloaded.warnings
                ),
                "`clawvault openclaw status` shows which; the old keys are still in use there.",
            ));
        }
        Ok(reloaded)
    }

    /// Cuts a gateway off from secrets: they are hidden in the vault, and the gateway is made to
    /// drop them. `rollback NAME` and a reload give them back.
    ///
    /// # Errors
    /// Where a secret opens the gateway itself, or the gateway did not ask for its secrets anew: the
    /// values are hidden then, and the gateway may still use them.
    pub fn cut_off(
        &self,
        named: Option<&ProfileName>,
        names: &[SecretName],
    ) -> Result<Reloaded, AppError> {
        let mut session = self.served_session()?;
        let (_, known, policy) = find_gateway(&mut session, named)?;
        let profile = policy.agents.get(&known.agent).map(|agent| agent.profile.clone());
        let profile = profile.unwrap_or_default();
        if let Wants::Token(Kept::Vault(id)) | Wants::Password(Kept::Vault(id)) =
            gateway(known.home.as_ref())?.wants
            && names.iter().any(|name| id.split('#').next() == Some(name.as_str()))
        {
            return Err(AppError::new(
                Code::No,
                format!("{id} opens the gateway itself: without it, it would refuse every reload"),
                "Nothing was changed. Set a new value, and reload.",
            ));
        }
        // All are looked up before the first is hidden: one that is misspelled stops nothing half way.
        let mut here = Vec::new();
        for name in names {
            let shown = Request::Show(Event::Show, profile.clone(), name.clone());
            let hidden = session.ask(shown)?.infos.iter().any(|info| info.removed_ms.is_some());
            here.extend((!hidden).then_some(name));
        }
        for name in here {
            session.ask(Request::Remove(profile.clone(), name.clone(), false))?;
        }
        let hidden = |error: AppError| {
            let advice = format!(
                "The keys are hidden in the vault all the same (`clawvault rollback NAME` gives one \
                 back). {}",
                error.advice
            );
            AppError { advice, ..error }
        };
        let reloaded = told(&mut session, named, &self.surroundings).map_err(hidden)?;
        if !reloaded.answered {
            return Err(AppError::new(
                Code::Failed,
                "the gateway did not ask for its secrets anew, and may still use the old ones",
                "Stop it now: `openclaw gateway stop`.",
            ));
        }
        Ok(reloaded)
    }

    /// What the books of a gateway that runs say of a stretch of days.
    ///
    /// # Errors
    /// Where no daemon or no gateway runs, or it does not tell.
    pub(in crate::app) fn gateway_usage(
        &self,
        name: &ProfileName,
        days: (&str, &str),
    ) -> Result<Vec<rpc::DayOfProvider>, AppError> {
        let mut session = self.served_session()?;
        let (_, known, policy) = find_gateway(&mut session, Some(name))?;
        let described = gateway(known.home.as_ref())?;
        let profile = policy.agents.get(&known.agent).map(|agent| agent.profile.clone());
        let shown = shown(&mut session, &described, &profile.unwrap_or_default(), &[])?;
        // Others may have the vault while it looks into its books: that takes seconds.
        drop(session);
        match shown {
            Some(shown) if !described.tls => Ok(rpc::usage(described.port, &shown, days, WITHIN)?),
            _ => Err(RpcError::Foreign.into()),
        }
    }

    /// Has every running gateway take its secrets anew, after one of them was taken from programs or
    /// given back: that is done, whatever comes of this. Gives what a person should know.
    pub fn refresh_gateways(&self) -> Vec<String> {
        let names = || -> Result<Vec<ProfileName>, AppError> {
            // Without a daemon no resolver was ever answered.
            let Some(remote) = self.daemon()? else { return Ok(Vec::new()) };
            let mut session = Session::Remote(Box::new(remote));
            Ok(crate::app::alerts::policy(&mut session)?.gateways.into_keys().collect())
        };
        match names() {
            Ok(names) => names
                .iter()
                .filter_map(|name| match self.ask_anew(name) {
                    Anew::Did | Anew::NotThere => None,
                    Anew::DidNot => Some(format!(
                        "gateway {name} did not ask for its secrets anew, and keeps what it had"
                    )),
                    Anew::Failed(why) => {
                        Some(format!("gateway {name} may still use what it had: {why}"))
                    }
                })
                .collect(),
            Err(error) => vec![format!("no gateway was told: {}", error.what)],
        }
    }

    /// Has gateways ask for their secrets anew after some were revoked, one after the other; what came
    /// of each, in words. What the vault hands out to nobody they drop.
    pub fn drop_in_gateways(&self, names: &[ProfileName]) -> Vec<(String, String)> {
        let one = |name: &ProfileName| {
            let what = match self.ask_anew(name) {
                Anew::Did => "it dropped what was revoked".to_owned(),
                Anew::DidNot => {
                    "it refers to nothing in the vault, and asked for nothing".to_owned()
                }
                Anew::NotThere => "it does not run".to_owned(),
                Anew::Failed(why) => format!("{why}; it may still use what it had: stop it"),
            };
            (name.to_string(), what)
        };
        names.iter().map(one).collect()
    }

    fn ask_anew(&self, name: &ProfileName) -> Anew {
        let asked = self
            .served_session()
            .and_then(|mut session| told(&mut session, Some(name), &self.surroundings));
        match asked {
            Ok(reloaded) if reloaded.answered => Anew::Did,
            Ok(_) => Anew::DidNot,
            Err(error) if error.code == Code::Missing => Anew::NotThere,
            Err(error) => Anew::Failed(error.what),
        }
    }

    /// A session with the daemon: of gateways nobody else knows.
    fn served_session(&self) -> Result<Session, AppError> {
        match self.daemon()? {
            Some(remote) => Ok(Session::Remote(Box::new(remote))),
            None => Err(AppError::new(
                Code::Failed,
                "no daemon runs, and only a daemon answers a gateway",
                "Start one with `clawvault daemon`, and unlock it with `clawvault unlock`.",
            )),
        }
    }
}

/// Whether a gateway asked for its secrets anew.
enum Anew {
    Did,
    DidNot,
    NotThere,
    Failed(String),
}

/// Opens a window, tells the gateway, and closes the window, whatever came of it.
fn told(
    session: &mut Session,
    named: Option<&ProfileName>,
    surroundings: &[(OsString, OsString)],
) -> Result<Reloaded, AppError> {
    let (name, known, policy) = find_gateway(session, named)?;
    let described = gateway(known.home.as_ref())?;
    let process = listener(described.port).ok_or_else(|| {
        let what = format!("no gateway listens at 127.0.0.1:{}", described.port);
        AppError::new(Code::Missing, what, "Start it; it takes the vault's values then.")
    })?;
    let profile = policy.agents.get(&known.agent).map(|agent| agent.profile.clone());
    let profile = profile.unwrap_or_default();
    let shown = shown(session, &described, &profile, surroundings)?;
    let window = |seconds| Request::Gateway(GatewayAsk::Window(name.clone(), process, seconds));
    session.ask(window(WINDOW))?;
    let mut earlier = || earlier(session, &described, &profile);
    let done = call(&described, shown.as_ref(), &mut earlier, (&known.home, surroundings));
    let answered = session.ask(window(0))?.answered;
    let (warnings, way) = done?;
    Ok(Reloaded { warnings, answered, way, process })
}

/// Tells a gateway over its socket; where that is not understood, by OpenClaw's own command.
fn call(
    described: &Gateway,
    shown: Option<&Shown>,
    earlier: &mut dyn FnMut() -> Option<Shown>,
    (home, surroundings): (&str, &[(OsString, OsString)]),
) -> Result<(u64, Way), AppError> {
    let foreign = || AppError::from(RpcError::Foreign);
    let reload = |shown: &Shown| rpc::reload(described.port, shown, WITHIN);
    let first = match shown {
        Some(shown) if !described.tls => match reload(shown) {
            Ok(answer) => return Ok((answer.warnings, Way::Socket)),
            Err(error @ (RpcError::Nobody(_) | RpcError::Io(_))) => return Err(error.into()),
            Err(error @ RpcError::Refused(_)) => {
                // What opens the gateway has another value, which this very reload brings it.
                if let Some(Ok(answer)) = earlier().map(|shown| reload(&shown)) {
                    return Ok((answer.warnings, Way::Socket));
                }
                error.into()
            }
            Err(error) => error.into(),
        },
        _ => foreign(),
    };
    // Its own word is better than that of its command, which may not be there.
    by_command(home, surroundings).map(|warnings| (warnings, Way::Command)).map_err(|_| first)
}

fn by_command(home: &str, surroundings: &[(OsString, OsString)]) -> Result<u64, AppError> {
    let mut environment = base(surroundings.iter().cloned(), Base::Inherited);
    environment.insert("OPENCLAW_STATE_DIR".into(), home.into());
    let path = environment.get(OsStr::new("PATH")).map(OsString::as_os_str);
    let path = find(OsStr::new("openclaw"), path)?;
    let program = Program { name: "openclaw", path: &path, environment: &environment };
    let arguments = ["secrets", "reload", "--json"].map(OsString::from).to_vec();
    let failed = || AppError::from(RpcError::Foreign);
    let said = programs::capture(program, arguments, MAX_SAID).map_err(|_| failed())?;
    let said: serde_json::Value = serde_json::from_slice(&said).map_err(|_| failed())?;
    let ok = said.get("ok").and_then(serde_json::Value::as_bool) == Some(true);
    let warnings = said.get("warningCount").and_then(serde_json::Value::as_u64);
    warnings.filter(|_| ok).ok_or_else(failed)
}

/// What the gateway is shown; none where it is kept where we cannot look.
fn shown(
    session: &mut Session,
    described: &Gateway,
    profile: &ProfileName,
    surroundings: &[(OsString, OsString)],
) -> Result<Option<Shown>, AppError> {
    let mut get = |kept: &Kept| -> Result<Option<Value>, AppError> {
        match kept {
            Kept::Here(value) => Ok(Some(value.clone())),
            Kept::Elsewhere => Ok(None),
            Kept::Variable(name) => {
                let found = surroundings.iter().find(|(known, _)| known == name.as_str());
                let text = found.and_then(|(_, value)| value.to_str());
                Ok(text.and_then(|text| Value::copy_of(text.as_bytes()).ok()))
            }
            Kept::Vault(id) => of_vault(session, profile, id, None),
        }
    };
    Ok(match &described.wants {
        Wants::Nothing => Some(Shown::Nothing),
        Wants::Token(kept) => get(kept)?.map(Shown::Token),
        Wants::Password(kept) => get(kept)?.map(Shown::Password),
    })
}

/// What the gateway was shown before the secret that opens it had its current value; none where that
/// is not of the vault, or has no earlier one.
fn earlier(session: &mut Session, described: &Gateway, profile: &ProfileName) -> Option<Shown> {
    let (id, as_shown): (_, fn(Value) -> Shown) = match &described.wants {
        Wants::Token(Kept::Vault(id)) => (id, Shown::Token),
        Wants::Password(Kept::Vault(id)) => (id, Shown::Password),
        _ => return None,
    };
    let (name, _) = clawvault_resolver::parse(id)?;
    let infos = session.ask(Request::Show(Event::Show, profile.clone(), name)).ok()?.infos;
    let previous = infos.iter().flat_map(|info| &info.versions).rev();
    let version = previous.into_iter().find(|version| version.stage == Stage::Previous)?.number;
    of_vault(session, profile, id, Some(version)).ok()?.map(as_shown)
}

fn of_vault(
    session: &mut Session,
    profile: &ProfileName,
    id: &str,
    version: Option<u32>,
) -> Result<Option<Value>, AppError> {
    let Some((name, field)) = clawvault_resolver::parse(id) else { return Ok(None) };
    let want = Want { profile: profile.clone(), name, version };
    let revealed = session.ask(Request::Get(want, field.is_none()))?.revealed;
    Ok(clawvault_resolver::value_of(&revealed, id).cloned())
}

impl From<RpcError> for AppError {
    fn from(error: RpcError) -> Self {
        let advice = match &error {
            RpcError::Nobody(_) => "Start it; it takes the vault's values then.",
            RpcError::Io(_) => "See whether it still works: `openclaw gateway status`.",
            RpcError::Refused(_) => {
                "`openclaw logs` says more; what the gateway had is still in use there."
            }
            _ => "Reload by hand: `openclaw secrets reload`; only 0 warnings are a success.",
        };
        Self::new(Code::Failed, error.to_string(), advice)
    }
}
