//! Where a request meets a vault: each is logged, done, or refused, the same for every face.

mod openclaw;
mod standing;

use clawvault_core::auditlog::{Digests, Item, Read, Scope};
use clawvault_core::domain::{
    Event, Life, Outcome, ProfileName, SecretInfo, SecretName, Stage, hex,
};
use clawvault_core::platform::{Dir, Private};
use clawvault_core::vault::{
    Purpose, PutOutcome, Step, Stored, Vault, VaultError, VersionChange, Want, Who,
};

use super::{AgentGrant, Authority, Each, GatewayAsk, Reply, Request};
use crate::app::run::{is_admin, launch, named, refuse_blocked};
use crate::app::secrets::put_of;
use crate::app::{AppError, Code, Pauses, Query, verify};
use openclaw::{gateway, resolve};
use standing::{health, kept, lives};

/// Does what is asked, for whoever may ask it.
///
/// # Errors
/// Where it is refused or fails; the log says so where it can.
pub fn perform(
    vault: &mut Vault,
    who: &Who,
    authority: &Authority,
    request: Request,
    each: Each<'_>,
) -> Result<Reply, AppError> {
    if let Some(refused) = refuse_beyond_grant(vault, authority, &request) {
        vault.note(who, event_of(&request), Outcome::Refused, items_of(&request));
        return Err(refused);
    }
    let changes = matches!(request, Request::Set(..) | Request::Import(_, true));
    // A rotation that has come to its switch, a revocation that begins.
    let switched: Vec<String> = match &request {
        Request::Steps(revokes, steps) => {
            let before = if *revokes { vault.blocked()? } else { Vec::new() };
            let has_switched = |step: &&Step| match &step.change {
                VersionChange::Stages(all) => all.iter().any(|(_, stage)| *stage == Stage::Current),
                // Whoever runs with a key that is cut off now hears of it.
                _ => *revokes && takes_back(&step.life, &before),
            };
            let id = |step: &Step| vault.blinded(&step.life.profile, &step.life.name);
            steps.iter().filter(has_switched).map(id).collect()
        }
        _ => Vec::new(),
    };
    let mut done = perform_allowed(vault, who, authority, request, each)?;
    done.changed.extend(switched);
    if changes {
        let new = |stored: &&Stored| stored.outcome == PutOutcome::Updated;
        let id = |stored: &Stored| vault.blinded(&stored.profile, &stored.name);
        done.changed.extend(done.stored.iter().filter(new).map(id));
    }
    Ok(done)
}

/// Whether a life blocks a version that was not blocked before.
fn takes_back(life: &Life, before: &[(ProfileName, SecretName, u32)]) -> bool {
    let known = |version: &u32| {
        before.iter().any(|(profile, name, number)| {
            number == version && *profile == life.profile && *name == life.name
        })
    };
    !life.blocked.iter().all(known)
}

fn perform_allowed(
    vault: &mut Vault,
    who: &Who,
    authority: &Authority,
    request: Request,
    each: Each<'_>,
) -> Result<Reply, AppError> {
    match request {
        Request::Get(want, one_field) => get(vault, who, &want, one_field),
        Request::List(profile, removed) => {
            let wanted = |info: &SecretInfo| {
                info.removed_ms.is_some() == removed
                    && profile.as_ref().is_none_or(|p| info.profile == *p)
            };
            let mut infos = vault.secrets()?;
            infos.retain(|info| wanted(info) && authority.covers(vault, &info.profile, &info.name));
            vault.witness(who, Event::List, Vec::new());
            vault.tend_log(who);
            Ok(Reply { infos, ..Reply::default() })
        }
        Request::Show(event, profile, name) => show(vault, who, event, &profile, &name),
        Request::Set(setting, options) => {
            let put = put_of(vault, setting, options)?;
            let stored = vault.put(who, Event::Set, &[put])?;
            Ok(Reply { stored, ..Reply::default() })
        }
        Request::Remove(profile, name, purge) => remove(vault, who, &profile, &name, purge),
        Request::RollBack(profile, name, to) => match vault.roll_back(who, &profile, &name, to) {
            Ok(version) => {
                let changed = vec![vault.blinded(&profile, &name)];
                Ok(Reply { version, changed, ..Reply::default() })
            }
            Err(error) => {
                if matches!(error, VaultError::NoSuch(_)) {
                    let asked = vec![item(&profile, &name)];
                    vault.note(who, Event::Rollback, Outcome::Failed, asked);
                }
                Err(error.into())
            }
        },
        Request::PolicyShow => {
            let text = vault.policy_text()?;
            vault.witness(who, Event::PolicyShow, Vec::new());
            vault.tend_log(who);
            Ok(Reply { text, ..Reply::default() })
        }
        Request::PolicyText => Ok(Reply { text: vault.policy_text()?, ..Reply::default() }),
        Request::PolicyApply(text) => {
            vault.apply_policy(who, &text)?;
            Ok(Reply::default())
        }
        Request::Export(profile, only, without_admin) => {
            export(vault, who, &profile, &only, without_admin)
        }
        Request::Values => values(vault, who),
        Request::Verify(profile, only) => verify::open(vault, who, &profile, &only),
        Request::Run(ask) => launch(vault, who, authority, &ask),
        Request::Resolve(profile, ids) => resolve(vault, who, authority, &profile, &ids),
        Request::Log(query, _) => log(vault, who, &query, each),
        Request::Backup(directory, name, replace) => {
            let dir = Dir::open(&directory, Private::Inspect)?;
            let taken = vault.back_up(who, &dir, &name, replace)?;
            Ok(Reply { taken: Some(taken), ..Reply::default() })
        }
        Request::Import(puts, false) => {
            Ok(Reply { stored: vault.plan(&puts)?, ..Reply::default() })
        }
        Request::Import(puts, true) => {
            Ok(Reply { stored: vault.put(who, Event::Import, &puts)?, ..Reply::default() })
        }
        Request::Health(ids) => health(vault, who, &ids),
        Request::Kept(names) => kept(vault, &names),
        Request::Keep(changes) => {
            Ok(Reply { was_kept: vault.keep(who, &changes)?, ..Reply::default() })
        }
        Request::Lives(key) => lives(vault, authority, key),
        Request::Steps(revoke, steps) => {
            let event = if revoke { Event::Revoke } else { Event::Rotate };
            Ok(Reply { lives: vault.step(who, event, steps)?, ..Reply::default() })
        }
        Request::Keys(revoke, wants) => {
            let purpose = if revoke { Purpose::Revoke } else { Purpose::Rotate };
            let revealed = vault.reveal(who, purpose, &wants)?;
            Ok(Reply { revealed, ..Reply::default() })
        }
        Request::Attest(drill, text) => {
            let signature = vault.attest(who, drill, text.as_bytes())?;
            let text = format!("{} {}", hex(&signature.public), hex(&signature.bytes));
            Ok(Reply { text, ..Reply::default() })
        }
        Request::ReportKey => Ok(Reply { text: hex(&vault.report_key()?), ..Reply::default() }),
        Request::Gateway(ask) => gateway(vault, who, authority, &ask),
    }
}

/// The word of the log for a request.
pub fn event_of(request: &Request) -> Event {
    match request {
        Request::Get(..) => Event::Get,
        Request::List(..) | Request::Health(_) => Event::List,
        Request::Show(event, ..) => *event,
        Request::Set(..) => Event::Set,
        Request::Remove(.., false) => Event::Remove,
        Request::Remove(.., true) => Event::Purge,
        Request::RollBack(..) => Event::Rollback,
        Request::PolicyShow | Request::PolicyText => Event::PolicyShow,
        Request::PolicyApply(_) => Event::Policy,
        Request::Export(..) => Event::Export,
        Request::Values => Event::Scan,
        Request::Verify(..) => Event::Verify,
        Request::Run(_) => Event::Run,
        Request::Resolve(..) => Event::Resolve,
        Request::Log(..) => Event::Show,
        Request::Lives(_) => Event::List,
        Request::Steps(true, _) | Request::Keys(true, _) | Request::Attest(false, _) => {
            Event::Revoke
        }
        Request::Attest(true, _) => Event::RevokeDrill,
        Request::ReportKey => Event::Show,
        Request::Steps(false, _) | Request::Keys(false, _) => Event::Rotate,
        Request::Backup(..) => Event::Backup,
        Request::Import(..) => Event::Import,
        Request::Kept(_) | Request::Keep(_) => Event::Spend,
        Request::Gateway(GatewayAsk::Start(..)) => Event::Run,
        Request::Gateway(GatewayAsk::Window(..)) => Event::Resolve,
    }
}

/// The secrets that a request names.
pub fn items_of(request: &Request) -> Vec<Item> {
    match request {
        Request::Get(want, _) => vec![item(&want.profile, &want.name)],
        Request::Show(_, profile, name)
        | Request::Remove(profile, name, _)
        | Request::RollBack(profile, name, _) => vec![item(profile, name)],
        Request::Set(setting, _) => vec![item(&setting.profile, &setting.name)],
        Request::Resolve(profile, ids) => {
            ids.iter().take(64).map(|(name, _)| item(profile, name)).collect()
        }
        Request::Export(profile, only, _) | Request::Verify(profile, only) => {
            only.iter().take(64).map(|name| item(profile, name)).collect()
        }
        _ => Vec::new(),
    }
}

/// What a process inside a run may not ask, and why.
fn refuse_beyond_grant(
    vault: &Vault,
    authority: &Authority,
    request: &Request,
) -> Option<AppError> {
    let covered = |profile, name| authority.covers(vault, profile, name);
    if let (Request::Get(want, _), Authority::Run(_)) = (request, authority)
        && let Err(error) = refuse_taken_back(vault, want)
    {
        return Some(error);
    }
    let allowed = match request {
        _ if matches!(authority, Authority::Operator) => true,
        // What it gives is narrowed to the grant.
        Request::Resolve(..) if matches!(authority, Authority::Gateway(_)) => true,
        Request::Gateway(GatewayAsk::Start(..)) => matches!(authority, Authority::Unit(_)),
        _ if !matches!(authority, Authority::Run(_) | Authority::Agent(_)) => false,
        Request::Get(want, _) => covered(&want.profile, &want.name),
        Request::Show(_, profile, name) => covered(profile, name),
        Request::Resolve(profile, ids) => ids.iter().all(|(name, _)| covered(profile, name)),
        // What these give is narrowed to the grant.
        Request::List(..) | Request::Lives(_) | Request::Run(_) => true,
        _ => false,
    };
    (!allowed).then(|| beyond_grant(authority))
}

/// What was revoked or is paused is no agent's any more; the operator may still look at it.
fn refuse_taken_back(vault: &Vault, want: &Want) -> Result<(), AppError> {
    Pauses::refuse(vault, &want.profile, &want.name)?;
    match vault.secret(&want.profile, &want.name)? {
        Some(info) => refuse_blocked(&vault.blocked()?, &info),
        None => Ok(()),
    }
}

fn beyond_grant(authority: &Authority) -> AppError {
    if let Authority::Agent(AgentGrant { name, .. }) = authority {
        return AppError::new(
            Code::Denied,
            format!("agent {name} may have what the policy grants it, and nothing else"),
            "Widen its section in the policy, if it should have more.",
        );
    }
    AppError::new(
        Code::Denied,
        "a program that clawvault launched may have what it was given, and nothing else",
        "Ask from the terminal where the vault was unlocked.",
    )
}

/// Answers several that each want one secret, with one sync of the log for all.
pub fn perform_gets(
    vault: &mut Vault,
    asks: &[(Who, Authority, Want, bool)],
) -> Vec<Result<Reply, AppError>> {
    let mut refused: Vec<Option<AppError>> = Vec::with_capacity(asks.len());
    for (who, authority, want, one_field) in asks {
        let covered = authority.covers(vault, &want.profile, &want.name);
        let revoked = match authority {
            Authority::Run(_) if covered => refuse_taken_back(vault, want).err(),
            _ => None,
        };
        if let Some(error) = revoked {
            let asked = vec![item(&want.profile, &want.name)];
            vault.note(who, Event::Get, Outcome::Refused, asked);
            refused.push(Some(error));
            continue;
        }
        let may = match covered {
            true => refuse_several(vault, who, want, *one_field),
            false => {
                let asked = vec![item(&want.profile, &want.name)];
                vault.note(who, Event::Get, Outcome::Refused, asked);
                Err(beyond_grant(authority))
            }
        };
        refused.push(may.err());
    }
    let open: Vec<(&Who, &Want)> = asks
        .iter()
        .zip(&refused)
        .filter(|(_, refused)| refused.is_none())
        .map(|((who, _, want, _), _)| (who, want))
        .collect();
    let mut revealed = vault.reveal_each(&open).into_iter();
    let answer = |refused: Option<AppError>| match refused {
        Some(error) => Err(error),
        None => {
            let one = revealed.next().transpose()?;
            Ok(Reply { revealed: one.into_iter().collect(), ..Reply::default() })
        }
    };
    refused.into_iter().map(answer).collect()
}

fn get(vault: &mut Vault, who: &Who, want: &Want, one_field: bool) -> Result<Reply, AppError> {
    refuse_several(vault, who, want, one_field)?;
    let revealed = vault.reveal(who, Purpose::Get, std::slice::from_ref(want))?;
    Ok(Reply { revealed, ..Reply::default() })
}

/// Where one field is wanted and there are several, nothing is opened.
fn refuse_several(
    vault: &mut Vault,
    who: &Who,
    want: &Want,
    one_field: bool,
) -> Result<(), AppError> {
    if one_field && let Some(info) = vault.secret(&want.profile, &want.name)? {
        let version = want.version.map_or_else(|| info.current(), |n| info.version(n));
        let fields = version.map(|v| v.fields.as_slice()).unwrap_or_default();
        if let [(first, _), _, ..] = fields {
            let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
            let what = format!("{} has several fields: {}", want.name, names.join(", "));
            let advice = format!("Name one, as in {}#{first}, or use --json.", want.name);
            let asked = vec![item(&want.profile, &want.name)];
            vault.note(who, Event::Get, Outcome::Failed, asked);
            return Err(AppError::usage(what, advice));
        }
    }
    Ok(())
}

fn show(
    vault: &mut Vault,
    who: &Who,
    event: Event,
    profile: &ProfileName,
    name: &SecretName,
) -> Result<Reply, AppError> {
    let asked = vec![item(profile, name)];
    let Some(info) = vault.secret(profile, name)? else {
        vault.note(who, event, Outcome::Failed, asked);
        return Err(VaultError::NoSuch(format!("secret {name} in profile {profile}")).into());
    };
    vault.witness(who, event, asked);
    vault.tend_log(who);
    Ok(Reply { infos: vec![info], ..Reply::default() })
}

fn remove(
    vault: &mut Vault,
    who: &Who,
    profile: &ProfileName,
    name: &SecretName,
    purge: bool,
) -> Result<Reply, AppError> {
    let (event, done) = if purge {
        (Event::Purge, vault.purge(who, profile, name))
    } else {
        (Event::Remove, vault.remove(who, profile, name).map(|()| Vec::new()))
    };
    if let Err(error @ VaultError::NoSuch(_)) = done {
        vault.note(who, event, Outcome::Failed, vec![item(profile, name)]);
        return Err(error.into());
    }
    let scrubs = done?;
    vault.tend_log(who);
    Ok(Reply { scrubs, ..Reply::default() })
}

fn export(
    vault: &mut Vault,
    who: &Who,
    profile: &ProfileName,
    only: &[SecretName],
    without_admin: bool,
) -> Result<Reply, AppError> {
    let mut infos = if only.is_empty() {
        let in_profile = |info: &SecretInfo| info.profile == *profile && info.removed_ms.is_none();
        vault.secrets()?.into_iter().filter(in_profile).collect()
    } else {
        named(vault, profile, only)?
    };
    let mut notes = Vec::new();
    if without_admin {
        let policy = vault.policy()?;
        infos.retain(|info| {
            let admin = is_admin(info, &policy);
            if admin {
                let what = "administers other keys and is not in this document";
                notes.push(format!("{} {what}", info.name));
            }
            !admin
        });
    }
    let want = |info: SecretInfo| Want { profile: info.profile, name: info.name, version: None };
    let wants: Vec<Want> = infos.into_iter().map(want).collect();
    let revealed = vault.reveal(who, Purpose::Export, &wants)?;
    Ok(Reply { revealed, notes, ..Reply::default() })
}

fn values(vault: &mut Vault, who: &Who) -> Result<Reply, AppError> {
    let mut wants = Vec::new();
    // What was removed is not opened for anybody.
    for info in vault.secrets()?.into_iter().filter(|info| info.removed_ms.is_none()) {
        wants.extend(info.versions.iter().map(|version| Want {
            profile: info.profile.clone(),
            name: info.name.clone(),
            version: Some(version.number),
        }));
    }
    let revealed = vault.reveal(who, Purpose::Scan, &wants)?;
    let text = vault.header().vault.clone();
    Ok(Reply { revealed, text, ..Reply::default() })
}

fn log(vault: &mut Vault, who: &Who, query: &Query, each: Each<'_>) -> Result<Reply, AppError> {
    vault.tend_log(who);
    let mut digests: Digests = vault.digests();
    let scope = Scope { points: query.kept.into_iter().collect(), since_ms: query.since_ms };
    let verdict = vault.verify_log(scope, &mut |read| match &read.entry {
        Some(entry) if query.wants(entry) => {
            let (number, proven) = (read.number, read.proven);
            each(Read { number, entry: Some(entry.clone()), proven }, &mut digests)
        }
        _ => true,
    })?;
    let mut reply = Reply { verdict: Some(verdict), ..Reply::default() };
    if let Err(error) = vault.keep_digests(digests) {
        reply.notes.push(format!("digests of executables are not kept: {error}"));
    }
    Ok(reply)
}

/// A secret as the audit log names it, whether or not there is one.
fn item(profile: &ProfileName, name: &SecretName) -> Item {
    Item { profile: profile.to_string(), secret: name.to_string(), version: 0 }
}
