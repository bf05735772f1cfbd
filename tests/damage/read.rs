//! Reads everything that a vault holds, as its users would.

use clawvault::app::{Access, App, AppError};
use clawvault_core::domain::{FieldName, ProfileName, Revealed, SecretInfo, Value};
use clawvault_core::vault::{Purpose, Vault, VaultError, Want};

/// All that a vault says: a different answer to any of it is a wrong one.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Everything {
    pub(crate) secrets: Vec<SecretInfo>,
    /// Every version of every secret that is not removed: profile, name, number, fields.
    pub(crate) values: Vec<(String, String, u32, Fields)>,
    pub(crate) injectable: Vec<Vec<SecretInfo>>,
    pub(crate) policy: String,
    /// Whether secrets are found that never were, or were purged.
    pub(crate) ghosts: Vec<bool>,
}

pub(crate) type Fields = Vec<(String, Vec<u8>)>;

/// Opens the vault and reads everything; the vault is given back for a second look.
pub(crate) fn read_everything(app: &App, access: Access) -> Result<(Everything, Vault), AppError> {
    let mut vault = app.open(access)?;
    let secrets = vault.secrets()?;
    let wants = wants(&secrets);
    let revealed = vault.reveal(&app.who(), Purpose::Export, &wants)?;
    let values = revealed.iter().map(plain).collect();
    let profiles = [ProfileName::default(), ProfileName::parse("prod").unwrap()];
    let injectable =
        profiles.iter().map(|profile| vault.injectable(profile)).collect::<Result<_, _>>()?;
    let policy = vault.policy_text()?;
    let ghosts = [41, 77, 1234].map(super::world::name);
    let found = ghosts.iter().map(|name| Ok(vault.secret(&profiles[0], name)?.is_some()));
    let ghosts = found.collect::<Result<_, VaultError>>()?;
    Ok((Everything { secrets, values, injectable, policy, ghosts }, vault))
}

/// Where the whole cannot be read: reads each value by itself, and says what is wrong with the
/// answers that come. A secret that is there must not be called absent.
pub(crate) fn wrong_single_answers(app: &App, expected: &Everything) -> Option<String> {
    let Ok(mut vault) = app.open(Access::Read) else { return None };
    for (number, want) in wants(&expected.secrets).iter().enumerate() {
        match vault.reveal(&app.who(), Purpose::Get, std::slice::from_ref(want)) {
            Ok(revealed) if plain(&revealed[0]) != expected.values[number] => {
                return Some(format!("a wrong value of {}", want.name));
            }
            Ok(_) => {}
            Err(VaultError::NoSuch(_)) => {
                return Some(format!("{} is said to be absent", want.name));
            }
            Err(_) => {}
        }
    }
    match vault.policy_text() {
        Ok(policy) if policy != expected.policy => Some("another policy".to_owned()),
        _ => None,
    }
}

fn wants(secrets: &[SecretInfo]) -> Vec<Want> {
    let kept = secrets.iter().filter(|info| info.removed_ms.is_none());
    let versions = kept.flat_map(|info| info.versions.iter().map(move |v| (info, v.number)));
    let want = |(info, number): (&SecretInfo, u32)| Want {
        profile: info.profile.clone(),
        name: info.name.clone(),
        version: Some(number),
    };
    versions.map(want).collect()
}

fn plain(revealed: &Revealed) -> (String, String, u32, Fields) {
    let field = |(name, value): &(FieldName, Value)| (name.to_string(), value.expose().to_vec());
    let fields = revealed.fields.iter().map(field).collect();
    let info = &revealed.info;
    (info.profile.to_string(), info.name.to_string(), revealed.version, fields)
}
