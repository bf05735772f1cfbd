//! What OpenClaw asks, and what is heard of its gateways.

use clawvault_core::domain::{
    Event, FieldName, Outcome, ProfileName, Revealed, SecretInfo, SecretName,
};
use clawvault_core::platform::{Clock, SystemClock};
use clawvault_core::vault::{Purpose, Vault, Want, Who};

use super::item;
use crate::app::run::{is_admin, is_blocked};
use crate::app::session::{Authority, GatewayAsk, Reply};
use crate::app::{AppError, Code, Pauses};

/// Those of the asked secrets that there are and that a program may have. One that was cut off is
/// named without a value: whoever used it has to stop.
pub(super) fn resolve(
    vault: &mut Vault,
    who: &Who,
    authority: &Authority,
    profile: &ProfileName,
    ids: &[(SecretName, Option<FieldName>)],
) -> Result<Reply, AppError> {
    let policy = vault.policy()?;
    let (pauses, now_ms) = (Pauses::of(vault)?, SystemClock.now_ms());
    let blocked = vault.blocked()?;
    let (mut infos, mut withheld) = (Vec::<SecretInfo>::new(), Vec::<SecretInfo>::new());
    for (name, field) in ids {
        let info = vault.secret(profile, name)?.filter(|info| !is_admin(info, &policy));
        let Some(info) = info.filter(|_| authority.covers(vault, profile, name)) else { continue };
        let known = infos.iter().chain(&withheld).any(|known| known.name == info.name);
        if known {
            continue;
        } else if is_cut_off(&info, &blocked) || pauses.find(profile, &info.name, now_ms).is_some()
        {
            withheld.push(info);
        } else if has_field(&info, field.as_ref()) {
            infos.push(info);
        }
    }
    if infos.is_empty() {
        let asked = ids.iter().take(64).map(|(name, _)| item(profile, name)).collect();
        vault.note(who, Event::Resolve, Outcome::Failed, asked);
        return Ok(Reply { infos: withheld, ..Reply::default() });
    }
    let want = |info: SecretInfo| Want { profile: info.profile, name: info.name, version: None };
    let wants: Vec<Want> = infos.into_iter().map(want).collect();
    let revealed: Vec<Revealed> = vault.reveal(who, Purpose::Resolve, &wants)?;
    Ok(Reply { revealed, infos: withheld, ..Reply::default() })
}

/// Whether nobody may use the secret any more, although it is known.
fn is_cut_off(info: &SecretInfo, blocked: &[(ProfileName, SecretName, u32)]) -> bool {
    info.removed_ms.is_some() || is_blocked(blocked, info)
}

/// Whether the current version has the field; where none is named, whether it has one only.
fn has_field(info: &SecretInfo, asked: Option<&FieldName>) -> bool {
    let fields = info.current().map(|version| version.fields.as_slice()).unwrap_or_default();
    match asked {
        Some(asked) => fields.iter().any(|(name, _)| clawvault_resolver::is_field(name, asked)),
        None => fields.len() == 1,
    }
}

/// Whether there is such a gateway, and whose grant it has.
pub(super) fn gateway(
    vault: &mut Vault,
    who: &Who,
    authority: &Authority,
    ask: &GatewayAsk,
) -> Result<Reply, AppError> {
    let (GatewayAsk::Start(name, _) | GatewayAsk::Window(name, ..)) = ask;
    let policy = vault.policy()?;
    let missing = || {
        let what = format!("the policy has no gateway {name} whose agent it grants something");
        AppError::new(Code::Missing, what, "`clawvault openclaw link` makes one.")
    };
    let gateway = policy.gateways.get(name).ok_or_else(missing)?;
    policy.agents.get(&gateway.agent).ok_or_else(missing)?;
    if let Authority::Unit(unit) = authority
        && gateway.unit.as_ref() != Some(unit)
    {
        vault.note(who, Event::Run, Outcome::Refused, Vec::new());
        if unit.is_empty() {
            let what = format!(
                "this process is no operator's, and no unit begins with it that \
                                may start gateway {name}"
            );
            let advice = "Start it where the vault was unlocked, or as the unit that the policy names \
                          (`unit` of the gateway).";
            return Err(AppError::new(Code::Denied, what, advice));
        }
        let what = format!("the policy does not let unit {unit} start gateway {name}");
        let advice = "An operator names it: `unit` of the gateway, by `clawvault policy apply`.";
        return Err(AppError::new(Code::Denied, what, advice));
    }
    if let GatewayAsk::Start(_, run) = ask {
        let agent = Some(gateway.agent.to_string());
        let who = Who { run: Some(run.clone()), agent, ..who.clone() };
        vault.witness(&who, Event::Run, Vec::new());
    }
    Ok(Reply { agent: Some(gateway.agent.clone()), ..Reply::default() })
}
