//! Secrets one at a time: set, read, remove, go back.

use clawvault_core::auditlog::Item;
use clawvault_core::domain::{
    Event, FieldName, Injection, Outcome, ProfileName, Revealed, SecretInfo, SecretName, Value,
    Variable,
};
use clawvault_core::vault::{Purpose, Put, Stored, Vault, VaultError, Want};
use clawvault_providers::{Holds, variables_of, vendor};

use super::naming::vendor_of;
use super::{Access, App, AppError};

/// What is to be stored.
#[derive(Debug)]
pub struct Setting {
    /// Profile of the secret.
    pub profile: ProfileName,
    /// Name of the secret.
    pub name: SecretName,
    /// Its fields, all of them.
    pub fields: Vec<(FieldName, Value)>,
}

/// How it is to be stored.
#[derive(Debug, Default)]
pub struct SetOptions {
    /// Id of the vendor, where the name does not begin with it.
    pub vendor: Option<String>,
    /// Variables to inject it as; empty leaves what is there, or takes the vendor's own.
    pub variables: Vec<(Variable, FieldName)>,
}

impl App {
    /// Stores a value as a new version.
    pub fn set(&self, setting: Setting, options: SetOptions) -> Result<(Vault, Stored), AppError> {
        if let Some(id) = &options.vendor
            && vendor(id).is_none()
        {
            let what = "there is no vendor of that id";
            return Err(AppError::usage(
                what,
                "A vendor's id is the first part of a name, as in openai/main.",
            ));
        }
        let has = |field: &FieldName| setting.fields.iter().any(|(name, _)| name == field);
        if let Some((variable, field)) = options.variables.iter().find(|(_, field)| !has(field)) {
            let what =
                format!("{variable} wants the field {field}, which this value does not have");
            return Err(AppError::usage(what, "Name a field that it has: --env VAR#FIELD."));
        }
        let who = self.who();
        let mut vault = self.open_for(Access::Write, &who)?;
        let existing = vault.secret(&setting.profile, &setting.name)?;
        let name = setting.name.as_str();
        let injections = if !options.variables.is_empty() {
            let pair = |(variable, field)| Injection { variable, field };
            Some(options.variables.into_iter().map(pair).collect())
        } else if existing.is_none() {
            Some(primary_variables(name, &setting.fields))
        } else {
            None
        };
        let vendor = options.vendor.or_else(|| vendor_of(name));
        let admin = variables_of(name).any(|usage| usage.admin);
        let put = Put {
            vendor,
            admin,
            injections,
            add: false,
            profile: setting.profile,
            name: setting.name,
            fields: setting.fields,
        };
        let mut stored = vault.put(&who, Event::Set, &[put])?;
        match stored.pop() {
            Some(stored) => Ok((vault, stored)),
            None => Err(VaultError::Limit("nothing was stored".to_owned()).into()),
        }
    }

    /// Opens one secret's fields, after logging it.
    ///
    /// Where `one_field` is asked for and the secret has several, nothing is opened.
    pub fn get(&self, want: &Want, one_field: bool) -> Result<(Revealed, Vec<String>), AppError> {
        let who = self.who();
        let mut vault = self.open_for(Access::Read, &who)?;
        if one_field && let Some(info) = vault.secret(&want.profile, &want.name)? {
            let version = want.version.map_or_else(|| info.current(), |n| info.version(n));
            let fields = version.map(|v| v.fields.as_slice()).unwrap_or_default();
            if let [(first, _), _, ..] = fields {
                let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
                let what = format!("{} has several fields: {}", want.name, names.join(", "));
                let advice = format!("Name one, as in {}#{first}, or use --json.", want.name);
                let asked = vec![item(&want.profile, &want.name)];
                vault.note(&who, Event::Get, Outcome::Failed, asked);
                return Err(AppError::usage(what, advice));
            }
        }
        let missing = || VaultError::NoSuch(format!("secret {}", want.name));
        let mut revealed = vault.reveal(&who, Purpose::Get, std::slice::from_ref(want))?;
        Ok((revealed.pop().ok_or_else(missing)?, vault.warnings()))
    }

    /// Every secret of a profile (of all, where none is named), removed ones only when asked for.
    pub fn list(
        &self,
        profile: Option<&ProfileName>,
        removed: bool,
    ) -> Result<(Vec<SecretInfo>, Vec<String>), AppError> {
        let who = self.who();
        let mut vault = self.open_for(Access::Read, &who)?;
        let wanted = |info: &SecretInfo| {
            info.removed_ms.is_some() == removed && profile.is_none_or(|p| info.profile == *p)
        };
        let all = vault.secrets()?.into_iter().filter(wanted).collect();
        vault.witness(&who, Event::List, Vec::new());
        vault.tend_log(&who);
        let mut warnings = vault.warnings();
        // A command that nobody waits for takes the snapshot that a burst of changes left due.
        if let Err(error) = vault.close() {
            warnings.push(format!("no snapshot was taken: {error}"));
        }
        Ok((all, warnings))
    }

    /// One secret without its values; removed ones too. `event` is what it is looked at for.
    pub fn show(
        &self,
        event: Event,
        profile: &ProfileName,
        name: &SecretName,
    ) -> Result<(SecretInfo, Vec<String>), AppError> {
        let who = self.who();
        let mut vault = self.open_for(Access::Read, &who)?;
        let asked = vec![item(profile, name)];
        let Some(info) = vault.secret(profile, name)? else {
            vault.note(&who, event, Outcome::Failed, asked);
            return Err(VaultError::NoSuch(format!("secret {name} in profile {profile}")).into());
        };
        vault.witness(&who, event, asked);
        vault.tend_log(&who);
        Ok((info, vault.warnings()))
    }

    /// Hides a secret, or removes it for good; gives the numbers of the scrubs that can not be
    /// undone any more, because they would put a value of it back.
    pub fn remove(
        &self,
        profile: &ProfileName,
        name: &SecretName,
        purge: bool,
    ) -> Result<(Vault, Vec<u32>), AppError> {
        let who = self.who();
        let mut vault = self.open_for(Access::Write, &who)?;
        let (event, done) = if purge {
            (Event::Purge, vault.purge(&who, profile, name))
        } else {
            (Event::Remove, vault.remove(&who, profile, name).map(|()| Vec::new()))
        };
        if let Err(error @ VaultError::NoSuch(_)) = done {
            vault.note(&who, event, Outcome::Failed, vec![item(profile, name)]);
            return Err(error.into());
        }
        let scrubs = done?;
        vault.tend_log(&who);
        Ok((vault, scrubs))
    }

    /// Makes an earlier version current again.
    pub fn roll_back(
        &self,
        profile: &ProfileName,
        name: &SecretName,
        to: Option<u32>,
    ) -> Result<(Vault, u32), AppError> {
        let who = self.who();
        let mut vault = self.open_for(Access::Write, &who)?;
        match vault.roll_back(&who, profile, name, to) {
            Ok(version) => Ok((vault, version)),
            Err(error) => {
                if matches!(error, VaultError::NoSuch(_)) {
                    let asked = vec![item(profile, name)];
                    vault.note(&who, Event::Rollback, Outcome::Failed, asked);
                }
                Err(error.into())
            }
        }
    }

    /// The policy's text, to be shown.
    pub fn show_policy(&self) -> Result<(String, Vec<String>), AppError> {
        let who = self.who();
        let mut vault = self.open_for(Access::Read, &who)?;
        let text = vault.policy_text()?;
        vault.witness(&who, Event::PolicyShow, Vec::new());
        vault.tend_log(&who);
        Ok((text, vault.warnings()))
    }

    /// The policy's text, to be compared with the one that is to replace it.
    pub fn policy_text(&self) -> Result<String, AppError> {
        Ok(self.open(Access::Read)?.policy_text()?)
    }

    /// Replaces the policy.
    pub fn apply_policy(&self, text: &str) -> Result<Vault, AppError> {
        let mut vault = self.open(Access::Write)?;
        vault.apply_policy(&self.who(), text)?;
        Ok(vault)
    }
}

/// A secret as the audit log names it, whether or not there is one.
fn item(profile: &ProfileName, name: &SecretName) -> Item {
    Item { profile: profile.to_string(), secret: name.to_string(), version: 0 }
}

/// The first variable that the vendor's manifest has for each field.
fn primary_variables(name: &str, fields: &[(FieldName, Value)]) -> Vec<Injection> {
    let primary = |field: &FieldName| {
        let usage = variables_of(name)
            .find(|usage| usage.field == field.as_str() && usage.holds == Holds::Secret)?;
        let variable = Variable::parse(usage.variable).ok()?;
        Some(Injection { variable, field: field.clone() })
    };
    fields.iter().filter_map(|(field, _)| primary(field)).collect()
}
