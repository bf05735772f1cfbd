//! `run`: which secrets a program gets, under which variables, and everything that must hold first.

mod templates;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clawvault_core::auditlog::Item;
use clawvault_core::domain::{
    Agent, Event, FieldName, Policy, ProfileName, Program, Revealed, SecretInfo, SecretName, Value,
    Variable, hex,
};
use clawvault_core::platform::process::{CoreLimit, ProcessId, effective_uid};
use clawvault_core::platform::{Clock, SystemClock, executable, memory};
use clawvault_core::vault::{Vault, VaultError, Who};

use super::{Access, App, AppError, Code};
use crate::launch::{
    Base, Ready, Rendered, RunRecord, Runs, SecretFiles, base, check_size, find, memory_directory,
};
use templates::{Fill, Planned};

pub use templates::FromTemplate;

/// `VAR=NAME` or `VAR=NAME#FIELD`.
#[derive(Clone, Debug)]
pub struct FromName {
    /// The variable.
    pub variable: Variable,
    /// The secret.
    pub name: SecretName,
    /// Its field, where it has several.
    pub field: Option<FieldName>,
}

/// How to run.
pub struct RunOptions {
    /// Profile; where none is named the agent's, else `default`.
    pub profile: Option<ProfileName>,
    /// Agent whose grant narrows what is injected.
    pub agent: Option<ProfileName>,
    /// Only these secrets; all that have a variable where none is named.
    pub only: Vec<SecretName>,
    /// Further variables.
    pub env: Vec<FromName>,
    /// Variables that get the path of a file with the value.
    pub files: Vec<FromName>,
    /// Templates to render.
    pub templates: Vec<FromTemplate>,
    /// Which of the surrounding variables the program gets.
    pub base: Base,
    /// The surrounding variables.
    pub surroundings: Vec<(OsString, OsString)>,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// The core limit that the program would have had without us.
    pub core_limit: CoreLimit,
}

/// One variable of the program, before its value is opened.
struct Slot {
    variable: Variable,
    info: SecretInfo,
    field: FieldName,
    as_file: bool,
}

/// Everything that a launch needs.
pub struct Launch {
    /// What is launched.
    pub ready: Ready,
    /// Still open: replacing this process ends it faster than closing would.
    pub vault: Vault,
    pub(super) revealed: Vec<Revealed>,
    pub(super) runs: Runs,
    pub(super) record: RunRecord,
}

impl App {
    /// Gets everything ready to launch. The audit log is written here, the last step before.
    pub fn prepare_run(&self, options: RunOptions) -> Result<Launch, AppError> {
        let mut environment = base(options.surroundings.iter().cloned(), options.base);
        let name = options.command.first().cloned().unwrap_or_default();
        let program = find(&name, environment.get(OsStr::new("PATH")).map(OsString::as_os_str))?;
        let launched = Program {
            path: program.to_string_lossy().into_owned(),
            file: executable::identity(&program),
        };
        let templates = templates::read(&options.templates)?;
        let run = Some(new_run_name()?);
        let mut who = Who { run, program: Some(launched), ..self.who() };
        let mut vault = self.open_for(Access::Read, &who)?;
        let policy = vault.policy()?;
        who.agent = options.agent.as_ref().map(ToString::to_string);
        let allotted = allotted(&vault, &policy, &options, &environment, &templates);
        let (slots, fills) = match allotted {
            Ok(allotted) => allotted,
            Err(error) => {
                vault.note(&who, Event::Run, error.outcome(), asked(&options, &templates));
                return Err(error);
            }
        };
        let revealed = vault.reveal_current(&who, distinct(&slots, &fills))?;
        let run = who.run.clone().unwrap_or_default();
        let mut files = None;
        for slot in &slots {
            let value = value_of(&revealed, &slot.info, &slot.field)?;
            let text = if slot.as_file {
                let files = match &mut files {
                    Some(files) => files,
                    None => files.insert(SecretFiles::new(
                        memory_directory(&self.runtime, effective_uid())?,
                        run.clone(),
                    )),
                };
                files.write(slot.variable.as_str(), value)?.into_os_string()
            } else {
                OsString::from_vec(value.expose().to_vec())
            };
            environment.insert(OsString::from(slot.variable.as_str()), text);
        }
        let rendered = self.make_files(&templates)?;
        let (runs, record) =
            self.leave_record(&vault, &who, &revealed, files.as_ref(), &rendered)?;
        self.render(&templates, &fills, &revealed, &rendered)?;
        let (arguments, core_limit) = (options.command, options.core_limit);
        let ready = Ready { program, arguments, environment, core_limit, files, rendered };
        Ok(Launch { ready, vault, revealed, runs, record })
    }

    fn leave_record(
        &self,
        vault: &Vault,
        who: &Who,
        revealed: &[Revealed],
        files: Option<&SecretFiles>,
        rendered: &Rendered,
    ) -> Result<(Runs, RunRecord), AppError> {
        let runs = Runs::open(&self.runtime_dir()?)?;
        runs.sweep_if_due()?;
        let own = ProcessId::own();
        let holds =
            revealed.iter().map(|r| (vault.blinded(&r.info.profile, &r.info.name), r.version));
        let record = RunRecord {
            run: who.run.clone().unwrap_or_default(),
            vault: vault.header().vault.clone(),
            pid: own.pid,
            started: own.started,
            launched_ms: SystemClock.now_ms(),
            agent: who.agent.clone(),
            holds: holds.collect(),
            files: files.map(SecretFiles::paths).unwrap_or_default(),
            rendered: rendered.marks().to_vec(),
        };
        runs.write(&record)?;
        Ok((runs, record))
    }
}

/// What the program gets, if it may have it and it fits.
fn allotted(
    vault: &Vault,
    policy: &Policy,
    options: &RunOptions,
    environment: &BTreeMap<OsString, OsString>,
    templates: &[Planned<'_>],
) -> Result<(Vec<Slot>, Vec<Fill>), AppError> {
    let grant = grant(policy, options)?;
    let profile = match (&options.profile, grant) {
        (Some(profile), _) => profile.clone(),
        (None, Some(agent)) => agent.profile.clone(),
        (None, None) => ProfileName::default(),
    };
    let allowed = |name: &SecretName| grant.is_none_or(|agent| agent.may_have(&profile, name));
    let slots = choose(vault, policy, &allowed, &profile, options)?;
    let fills = templates::choose(vault, policy, &allowed, &profile, templates)?;
    refuse_doubles(&slots)?;
    check_fit(&slots, environment, &options.command)?;
    Ok((slots, fills))
}

/// The secrets that were asked for by name.
fn asked(options: &RunOptions, templates: &[Planned<'_>]) -> Vec<Item> {
    let named = options.env.iter().chain(&options.files).map(|from| &from.name);
    let places: BTreeSet<&SecretName> = templates.iter().flat_map(Planned::names).collect();
    let profile = options.profile.clone().unwrap_or_default();
    let item = |name: &SecretName| Item {
        profile: profile.to_string(),
        secret: name.to_string(),
        version: 0,
    };
    options.only.iter().chain(named).chain(places).map(item).collect()
}

/// The agent's grant; a profile that is not the agent's own is refused.
fn grant<'a>(policy: &'a Policy, options: &RunOptions) -> Result<Option<&'a Agent>, AppError> {
    let Some(name) = &options.agent else { return Ok(None) };
    let agent = policy.agents.get(name).ok_or_else(|| {
        let what = format!("the policy has no agent {name}");
        AppError::new(
            Code::Denied,
            what,
            "Add a section [agents.…] with `clawvault policy apply FILE`.",
        )
    })?;
    if options.profile.as_ref().is_some_and(|profile| *profile != agent.profile) {
        let what = format!("agent {name} may use profile {} only", agent.profile);
        return Err(AppError::new(Code::Denied, what, "Leave --profile out, or change its grant."));
    }
    Ok(Some(agent))
}

fn choose(
    vault: &Vault,
    policy: &Policy,
    allowed: &impl Fn(&SecretName) -> bool,
    profile: &ProfileName,
    options: &RunOptions,
) -> Result<Vec<Slot>, AppError> {
    let mut slots = Vec::new();
    let chosen = if options.only.is_empty() {
        let all = vault.injectable(profile)?;
        all.into_iter().filter(|info| allowed(&info.name)).collect()
    } else {
        named(vault, profile, &options.only)?
    };
    let asked = options.env.iter().chain(&options.files);
    let overridden: BTreeSet<&Variable> = asked.map(|from| &from.variable).collect();
    for info in chosen {
        refuse_ungranted(&info, allowed, profile)?;
        match refuse_admin(&info, policy) {
            Err(_) if options.only.is_empty() => continue,
            refused => refused?,
        }
        if info.injections.is_empty() {
            let what = format!("{} has no variable", info.name);
            return Err(AppError::new(
                Code::NotLaunched,
                what,
                format!("Name one: --env VAR={}", info.name),
            ));
        }
        for injection in &info.injections {
            if !overridden.contains(&injection.variable) {
                let (variable, field) = (injection.variable.clone(), injection.field.clone());
                slots.push(Slot { variable, field, info: info.clone(), as_file: false });
            }
        }
    }
    for (from, as_file) in
        options.env.iter().map(|f| (f, false)).chain(options.files.iter().map(|f| (f, true)))
    {
        let info = named(vault, profile, std::slice::from_ref(&from.name))?.remove(0);
        refuse_ungranted(&info, allowed, profile)?;
        refuse_admin(&info, policy)?;
        let field = field_of(&info, from.field.as_ref())?;
        slots.push(Slot { variable: from.variable.clone(), field, info, as_file });
    }
    Ok(slots)
}

/// The named secrets; everything that is missing is said at once.
pub(super) fn named(
    vault: &Vault,
    profile: &ProfileName,
    names: &[SecretName],
) -> Result<Vec<SecretInfo>, AppError> {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for name in names {
        match vault.secret(profile, name)?.filter(|info| info.removed_ms.is_none()) {
            Some(info) => found.push(info),
            None => missing.push(name.as_str()),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    Err(no_such(profile, &missing.join(", ")))
}

fn no_such(profile: &ProfileName, names: &str) -> AppError {
    VaultError::NoSuch(format!("secret {names} in profile {profile}")).into()
}

fn refuse_ungranted(
    info: &SecretInfo,
    allowed: &impl Fn(&SecretName) -> bool,
    profile: &ProfileName,
) -> Result<(), AppError> {
    if allowed(&info.name) {
        return Ok(());
    }
    let what = format!("the agent's grant does not cover {} in profile {profile}", info.name);
    Err(AppError::new(Code::Denied, what, "Widen its section in the policy, if it should have it."))
}

fn refuse_admin(info: &SecretInfo, policy: &Policy) -> Result<(), AppError> {
    if !info.admin && !policy.is_admin(&info.name) {
        return Ok(());
    }
    let what = format!("{} administers other keys and is never handed to a program", info.name);
    let advice = "Leave it out; rotation uses it from inside the vault.";
    Err(AppError::new(Code::Denied, what, advice))
}

/// The asked field, or the only one.
fn field_of(info: &SecretInfo, asked: Option<&FieldName>) -> Result<FieldName, AppError> {
    let fields = info.current().map(|v| v.fields.as_slice()).unwrap_or_default();
    let names = || fields.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(", ");
    match (asked, fields) {
        (Some(asked), _) if fields.iter().any(|(name, _)| name == asked) => Ok(asked.clone()),
        (None, [(only, _)]) => Ok(only.clone()),
        (Some(_), _) => {
            Err(VaultError::NoSuch(format!("such field of {}: it has {}", info.name, names()))
                .into())
        }
        (None, _) => Err(AppError::usage(
            format!("{} has several fields: {}", info.name, names()),
            format!("Name one, as in {}#FIELD.", info.name),
        )),
    }
}

fn refuse_doubles(slots: &[Slot]) -> Result<(), AppError> {
    let mut holders: BTreeMap<&Variable, &SecretInfo> = BTreeMap::new();
    for slot in slots {
        if let Some(other) = holders.insert(&slot.variable, &slot.info) {
            let what = format!(
                "{} and {} both want the variable {}",
                other.name, slot.info.name, slot.variable
            );
            let advice = format!(
                "Choose: --env {}={}, or --only, or another variable with `clawvault set --env`.",
                slot.variable, slot.info.name
            );
            return Err(AppError::new(Code::NotLaunched, what, advice));
        }
    }
    Ok(())
}

/// Whether everything fits, from the lengths alone: nothing is opened for a launch that cannot be.
fn check_fit(
    slots: &[Slot],
    environment: &BTreeMap<OsString, OsString>,
    command: &[OsString],
) -> Result<(), AppError> {
    let mut lengths: BTreeMap<&OsStr, usize> =
        environment.iter().map(|(name, value)| (name.as_os_str(), value.len())).collect();
    for slot in slots {
        let fields = slot.info.current().map(|v| v.fields.as_slice()).unwrap_or_default();
        let length = fields.iter().find(|(name, _)| *name == slot.field).map(|(_, length)| *length);
        let length = length.ok_or_else(|| {
            VaultError::NoSuch(format!("field {} of {}", slot.field, slot.info.name))
        })?;
        // A path in memory is short; the file itself may be as long as a value may be.
        let length = if slot.as_file { 256 } else { length as usize };
        lengths.insert(OsStr::from_bytes(slot.variable.as_str().as_bytes()), length);
    }
    check_size(command.iter().map(OsString::as_os_str), lengths)?;
    Ok(())
}

/// Each secret of the slots and of the templates' places once.
fn distinct(slots: &[Slot], fills: &[Fill]) -> Vec<SecretInfo> {
    let infos = slots.iter().map(|slot| &slot.info).chain(fills.iter().map(|fill| &fill.info));
    let by_name: BTreeMap<&SecretName, &SecretInfo> =
        infos.map(|info| (&info.name, info)).collect();
    by_name.into_values().cloned().collect()
}

fn value_of<'a>(
    revealed: &'a [Revealed],
    info: &SecretInfo,
    field: &FieldName,
) -> Result<&'a Value, AppError> {
    let secret = revealed.iter().find(|r| r.info.name == info.name);
    let missing = || VaultError::NoSuch(format!("field {field} of {}", info.name));
    Ok(secret.and_then(|r| r.field(field)).ok_or_else(missing)?)
}

/// Eight random bytes in hex: names a run in the audit log and in its record.
fn new_run_name() -> Result<String, AppError> {
    let mut bytes = [0; 8];
    memory::random(&mut bytes).map_err(|_| {
        AppError::new(Code::Failed, "the system has no randomness to give", "Try again later.")
    })?;
    Ok(hex(&bytes))
}
