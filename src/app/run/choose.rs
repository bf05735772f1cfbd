//! Which secrets a program gets: chosen, granted, fitted, all before anything is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use clawvault_core::auditlog::Item;
use clawvault_core::domain::{
    Agent, Event, FieldName, Outcome, Policy, ProfileName, Program, SecretInfo, SecretName,
    Variable,
};
use clawvault_core::platform::process::ProcessId;
use clawvault_core::platform::{Clock, SystemClock};
use clawvault_core::vault::{Vault, VaultError, Who};

use super::FromName;
use crate::app::session::{Authority, LaunchSlot, Launched, Reply};
use crate::app::{AppError, Code, Pauses};
use crate::launch::{Room, said_of_run};

/// What a launch asks of the vault.
#[derive(Clone, Debug)]
pub struct RunAsk {
    /// Name of the run.
    pub run: String,
    /// What is launched.
    pub program: Program,
    /// Profile; where none is named the agent's, else `default`.
    pub profile: Option<ProfileName>,
    /// Agent whose grant narrows what is injected.
    pub agent: Option<ProfileName>,
    /// Only these secrets.
    pub only: Vec<SecretName>,
    /// Further variables.
    pub env: Vec<FromName>,
    /// Variables that get the path of a file.
    pub files: Vec<FromName>,
    /// Places of templates.
    pub places: Vec<(SecretName, Option<FieldName>)>,
    /// What the kernel takes.
    pub room: Room,
    /// True for one who stands beside the program and starts it anew: it is told which secrets the
    /// program has, and gets no value.
    pub beside: bool,
}

/// One variable of the program, before its value is opened.
struct Slot {
    variable: Variable,
    info: SecretInfo,
    field: FieldName,
    as_file: bool,
}

/// What belongs into one place.
struct Fill {
    info: SecretInfo,
    field: FieldName,
}

/// Chooses, logs, opens: what the program gets, all of it or nothing.
pub(in crate::app) fn launch(
    vault: &mut Vault,
    who: &Who,
    authority: &Authority,
    ask: &RunAsk,
) -> Result<Reply, AppError> {
    let policy = vault.policy()?;
    let mut ask = ask.clone();
    if let Authority::Agent(agent) = authority {
        // It is that agent, whether or not it says so.
        let own = ProfileName::parse(&agent.name).ok();
        if ask.agent.is_some() && ask.agent != own {
            vault.note(who, Event::Run, Outcome::Refused, asked(&ask));
            let what = format!("this user is agent {}, and no other", agent.name);
            return Err(AppError::new(Code::Denied, what, "Leave --as out."));
        }
        ask.agent = own;
    }
    let ask = &ask;
    let who = Who {
        run: Some(ask.run.clone()),
        program: Some(ask.program.clone()),
        agent: ask.agent.as_ref().map(ToString::to_string),
        ..who.clone()
    };
    let (slots, fills, notes) = match allotted(vault, &policy, authority, ask) {
        Ok(allotted) => allotted,
        Err(error) => {
            vault.note(&who, Event::Run, error.outcome(), asked(ask));
            return Err(error);
        }
    };
    if ask.beside {
        let all = slots.iter().map(|slot| &slot.info).chain(fills.iter().map(|fill| &fill.info));
        let ids: BTreeSet<String> = all.map(|i| vault.blinded(&i.profile, &i.name)).collect();
        let holds = ids.into_iter().map(|id| (id, 0)).collect::<Vec<_>>();
        let proof = prove(vault, &who, ask, &holds);
        let vault = vault.header().vault.clone();
        let launched = Launched { vault, holds, proof, ..Launched::default() };
        return Ok(Reply { launched: Some(launched), ..Reply::default() });
    }
    let revealed = vault.reveal_current(&who, distinct(&slots, &fills))?;
    let at = |info: &SecretInfo| {
        let found = revealed.iter().position(|r| r.info.name == info.name);
        found.ok_or_else(|| no_such(&info.profile, info.name.as_str()))
    };
    let slot = |slot: Slot| {
        let at = at(&slot.info)?;
        Ok(LaunchSlot { variable: slot.variable, at, field: slot.field, as_file: slot.as_file })
    };
    let slots: Result<_, AppError> = slots.into_iter().map(slot).collect();
    let fills: Result<_, AppError> =
        fills.into_iter().map(|fill| Ok((at(&fill.info)?, fill.field))).collect();
    let holds = revealed.iter().map(|r| (vault.blinded(&r.info.profile, &r.info.name), r.version));
    let holds = holds.collect::<Vec<_>>();
    let launched = Launched {
        vault: vault.header().vault.clone(),
        slots: slots?,
        fills: fills?,
        proof: prove(vault, &who, ask, &holds),
        holds,
    };
    Ok(Reply { revealed, launched: Some(launched), notes, ..Reply::default() })
}

/// Proof for the record of what the process that asks is given: a daemon that is unlocked later knows
/// by it what nobody could have written but with the vault's key.
fn prove(vault: &Vault, who: &Who, ask: &RunAsk, holds: &[(String, u32)]) -> String {
    let process = ProcessId::of(who.actor.pid);
    let agent = ask.agent.as_ref().map(ToString::to_string);
    let said = said_of_run((&ask.run, process), agent.as_deref(), holds);
    said.map(|said| vault.prove_run(&said)).unwrap_or_default()
}

/// What a program gets, and what a person should know about it.
type Allotted = (Vec<Slot>, Vec<Fill>, Vec<String>);

/// What the program gets, if it may have it and it fits.
fn allotted(
    vault: &Vault,
    policy: &Policy,
    authority: &Authority,
    ask: &RunAsk,
) -> Result<Allotted, AppError> {
    let grant = grant(policy, ask)?;
    let profile = match (&ask.profile, grant) {
        (Some(profile), _) => profile.clone(),
        (None, Some(agent)) => agent.profile.clone(),
        (None, None) => ProfileName::default(),
    };
    let allowed = |name: &SecretName| {
        grant.is_none_or(|agent| agent.may_have(&profile, name))
            && authority.covers(vault, &profile, name)
    };
    let slots = choose(vault, policy, &allowed, &profile, ask)?;
    let fills = fill(vault, policy, &allowed, &profile, &ask.places)?;
    let (slots, notes) = without_paused(vault, slots, &fills, ask)?;
    refuse_doubles(&slots)?;
    check_fit(&slots, &ask.room)?;
    Ok((slots, fills, notes))
}

/// Leaves out what is paused, and says so; what was asked for by name is refused.
fn without_paused(
    vault: &Vault,
    slots: Vec<Slot>,
    fills: &[Fill],
    ask: &RunAsk,
) -> Result<(Vec<Slot>, Vec<String>), AppError> {
    let (pauses, now_ms) = (Pauses::of(vault)?, SystemClock.now_ms());
    let pause = |info: &SecretInfo| pauses.find(&info.profile, &info.name, now_ms);
    if let Some(pause) = fills.iter().find_map(|fill| pause(&fill.info)) {
        return Err(pause.refusal());
    }
    let named = |name: &SecretName| {
        let from = ask.env.iter().chain(&ask.files);
        ask.only.contains(name) || from.map(|from| &from.name).any(|one| one == name)
    };
    let (mut kept, mut notes) = (Vec::with_capacity(slots.len()), Vec::new());
    for slot in slots {
        match pause(&slot.info) {
            None => kept.push(slot),
            Some(pause) if named(&slot.info.name) => return Err(pause.refusal()),
            Some(pause) => notes.push(format!("{} is left out: {}", pause.name, pause.why)),
        }
    }
    notes.dedup();
    Ok((kept, notes))
}

/// Finds the secret of every place, each refused as a variable would be.
fn fill(
    vault: &Vault,
    policy: &Policy,
    allowed: &impl Fn(&SecretName) -> bool,
    profile: &ProfileName,
    places: &[(SecretName, Option<FieldName>)],
) -> Result<Vec<Fill>, AppError> {
    let mut names: Vec<SecretName> = places.iter().map(|(name, _)| name.clone()).collect();
    names.sort_unstable();
    names.dedup();
    let infos = named(vault, profile, &names)?;
    let blocked = vault.blocked()?;
    for info in &infos {
        refuse_ungranted(info, allowed, profile)?;
        refuse_admin(info, policy)?;
        refuse_blocked(&blocked, info)?;
    }
    let fill = |(name, field): &(SecretName, Option<FieldName>)| {
        let info = infos.iter().find(|info| info.name == *name);
        let info = info.ok_or_else(|| no_such(profile, name.as_str()))?;
        Ok(Fill { info: info.clone(), field: field_of(info, field.as_ref())? })
    };
    places.iter().map(fill).collect()
}

/// True where the current version was revoked, or is about to be.
pub(in crate::app) fn is_blocked(
    blocked: &[(ProfileName, SecretName, u32)],
    info: &SecretInfo,
) -> bool {
    let current = info.current().map(|version| version.number);
    blocked.iter().any(|(profile, name, version)| {
        *profile == info.profile && *name == info.name && Some(*version) == current
    })
}

/// Refuses what was revoked: its vendor does not take it any more, or soon will not.
pub(in crate::app) fn refuse_blocked(
    blocked: &[(ProfileName, SecretName, u32)],
    info: &SecretInfo,
) -> Result<(), AppError> {
    if !is_blocked(blocked, info) {
        return Ok(());
    }
    let what = format!("{} was revoked", info.name);
    let advice =
        format!("`clawvault rotate {0}` brings a new key, or `clawvault set {0}`.", info.name);
    Err(AppError::new(Code::Denied, what, advice))
}

/// The secrets that were asked for by name.
fn asked(ask: &RunAsk) -> Vec<Item> {
    let named = ask.env.iter().chain(&ask.files).map(|from| &from.name);
    let places: BTreeSet<&SecretName> = ask.places.iter().map(|(name, _)| name).collect();
    let profile = ask.profile.clone().unwrap_or_default();
    let item = |name: &SecretName| Item {
        profile: profile.to_string(),
        secret: name.to_string(),
        version: 0,
    };
    ask.only.iter().chain(named).chain(places).map(item).collect()
}

/// The agent's grant; a profile that is not the agent's own is refused.
fn grant<'a>(policy: &'a Policy, options: &RunAsk) -> Result<Option<&'a Agent>, AppError> {
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
    options: &RunAsk,
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
    let blocked = vault.blocked()?;
    for info in chosen {
        refuse_ungranted(&info, allowed, profile)?;
        match refuse_admin(&info, policy) {
            Err(_) if options.only.is_empty() => continue,
            refused => refused?,
        }
        refuse_blocked(&blocked, &info)?;
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
pub(in crate::app) fn named(
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

/// True for a credential that administers others.
pub(in crate::app) fn is_admin(info: &SecretInfo, policy: &Policy) -> bool {
    info.admin || policy.is_admin(&info.name)
}

fn refuse_admin(info: &SecretInfo, policy: &Policy) -> Result<(), AppError> {
    if !is_admin(info, policy) {
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
fn check_fit(slots: &[Slot], room: &Room) -> Result<(), AppError> {
    let mut more = Vec::new();
    for slot in slots {
        let fields = slot.info.current().map(|v| v.fields.as_slice()).unwrap_or_default();
        let length = fields.iter().find(|(name, _)| *name == slot.field).map(|(_, length)| *length);
        let length = length.ok_or_else(|| {
            VaultError::NoSuch(format!("field {} of {}", slot.field, slot.info.name))
        })?;
        // A path in memory is short; the file itself may be as long as a value may be.
        let length = if slot.as_file { 256 } else { length as usize };
        more.push((OsStr::from_bytes(slot.variable.as_str().as_bytes()), length));
    }
    room.check(more)?;
    Ok(())
}

/// Each secret of the slots and of the templates' places once.
fn distinct(slots: &[Slot], fills: &[Fill]) -> Vec<SecretInfo> {
    let infos = slots.iter().map(|slot| &slot.info).chain(fills.iter().map(|fill| &fill.info));
    let by_name: BTreeMap<&SecretName, &SecretInfo> =
        infos.map(|info| (&info.name, info)).collect();
    by_name.into_values().cloned().collect()
}
