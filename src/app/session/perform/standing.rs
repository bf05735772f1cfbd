//! How the vault and its keys stand, and the records that features keep in it.

use clawvault_core::domain::{ProfileName, SecretInfo, SecretName};
use clawvault_core::vault::{Vault, Who};

use crate::app::AppError;
use crate::app::naming::full_name;
use crate::app::session::{Authority, Health, Reply};

/// Bytes of records after which an answer is full.
const KEPT_AT_ONCE: usize = 8 * 1024 * 1024;

/// Secrets, what is known of their keys, and the policy; of these only what the asker may have.
pub(super) fn lives(
    vault: &mut Vault,
    authority: &Authority,
    key: Option<(ProfileName, SecretName)>,
) -> Result<Reply, AppError> {
    let text = match authority {
        Authority::Operator => vault.policy_text()?,
        _ => String::new(),
    };
    let (mut infos, mut lives) = match key {
        None => (vault.secrets()?, vault.lives()?),
        Some((profile, name)) => {
            let life = vault.life(&profile, &name)?;
            (vault.secret(&profile, &name)?.into_iter().collect(), vec![life])
        }
    };
    infos.retain(|info| {
        info.removed_ms.is_none() && authority.covers(vault, &info.profile, &info.name)
    });
    lives.retain(|life| authority.covers(vault, &life.profile, &life.name));
    Ok(Reply { infos, lives, text, ..Reply::default() })
}

pub(super) fn health(vault: &mut Vault, who: &Who, ids: &[String]) -> Result<Reply, AppError> {
    vault.tend_log(who);
    let present = |info: &&SecretInfo| info.removed_ms.is_none();
    let all = vault.secrets()?;
    let mut names = Vec::new();
    if !ids.is_empty() {
        let wanted: std::collections::BTreeSet<&String> = ids.iter().collect();
        let named = |info: &SecretInfo| {
            let id = vault.blinded(&info.profile, &info.name);
            let name = full_name(info.profile.as_str(), info.name.as_str());
            wanted.contains(&id).then_some((id, name))
        };
        names.extend(all.iter().filter_map(named));
    }
    let health = Health {
        vault: vault.header().vault.clone(),
        generation: vault.generation(),
        secrets: all.iter().filter(present).count() as u64,
        log_entries: vault.log_point().count,
        backup: vault.last_backup(),
        keys_locked: vault.keys_are_locked(),
        names,
    };
    Ok(Reply { health: Some(health), ..Reply::default() })
}

/// Records by name, until an answer is full; at least one.
pub(super) fn kept(vault: &Vault, names: &[String]) -> Result<Reply, AppError> {
    let (mut reply, mut bytes) = (Reply::default(), 0);
    for name in names {
        let kept = vault.kept(name)?;
        bytes += kept.bytes.len();
        reply.kept.push(kept);
        if bytes > KEPT_AT_ONCE {
            break;
        }
    }
    Ok(reply)
}
