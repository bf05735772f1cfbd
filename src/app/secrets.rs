//! Secrets one at a time: set, read, remove, go back.

use clawvault_core::domain::{
    Event, FieldName, Injection, ProfileName, Revealed, SecretInfo, SecretName, Value, Variable,
};
use clawvault_core::vault::{Put, Stored, Vault, VaultError, Want};
use clawvault_providers::{Catalog, Holds};

use super::naming::{format_doubt, is_vendor, vendor_of};
use super::rotation::{Standing, standings_of};
use super::session::{Request, Session};
use super::vendors::catalog_of;
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

/// Secrets, and how they stand.
#[derive(Debug)]
pub struct Listing {
    /// The secrets that were asked for.
    pub infos: Vec<SecretInfo>,
    /// How each that is not removed stands in its schedule.
    pub standings: Vec<Standing>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// How it is to be stored.
#[derive(Debug, Default)]
pub struct SetOptions {
    /// Id of the vendor, where the name does not begin with it.
    pub vendor: Option<String>,
    /// Variables to inject it as; empty leaves what is there, or takes the vendor's own.
    pub variables: Vec<(Variable, FieldName)>,
    /// True where it is said of a value that it does not look like one of its vendor's.
    pub doubts: bool,
}

impl App {
    /// Stores a value as a new version; gives what is doubtful about it, too.
    pub fn set(
        &self,
        setting: Setting,
        options: SetOptions,
    ) -> Result<(Session, Stored, Vec<String>), AppError> {
        let has = |field: &FieldName| setting.fields.iter().any(|(name, _)| name == field);
        if let Some((variable, field)) = options.variables.iter().find(|(_, field)| !has(field)) {
            let what =
                format!("{variable} wants the field {field}, which this value does not have");
            return Err(AppError::usage(what, "Name a field that it has: --env VAR#FIELD."));
        }
        let mut session = self.session(Access::Write)?;
        let catalog = session.catalog()?;
        if let Some(id) = &options.vendor
            && !is_vendor(&catalog, id)
        {
            let what = "there is no vendor of that id";
            return Err(AppError::usage(
                what,
                "A vendor's id is the first part of a name, as in openai/main.",
            ));
        }
        let doubt = |(field, value): &(FieldName, Value)| {
            format_doubt(&catalog, &setting.name, field, value)
        };
        let doubts = match options.doubts {
            true => setting.fields.iter().filter_map(doubt).collect(),
            false => Vec::new(),
        };
        let mut reply = session.ask(Request::Set(setting, options))?;
        match reply.stored.pop() {
            Some(stored) => Ok((session, stored, doubts)),
            None => Err(VaultError::Limit("nothing was stored".to_owned()).into()),
        }
    }

    /// Opens one secret's fields, after logging it.
    ///
    /// Where `one_field` is asked for and the secret has several, nothing is opened.
    pub fn get(&self, want: &Want, one_field: bool) -> Result<(Revealed, Vec<String>), AppError> {
        let mut session = self.session(Access::Read)?;
        let missing = || VaultError::NoSuch(format!("secret {}", want.name));
        let mut reply = session.ask(Request::Get(want.clone(), one_field))?;
        Ok((reply.revealed.pop().ok_or_else(missing)?, session.warnings()))
    }

    /// Every secret of a profile (of all, where none is named), removed ones only when asked for; and
    /// how each stands in its schedule.
    pub fn list(&self, profile: Option<&ProfileName>, removed: bool) -> Result<Listing, AppError> {
        let mut session = self.session(Access::Read)?;
        let all = session.ask(Request::List(profile.cloned(), removed))?.infos;
        let standings = session.ask(Request::Lives(None)).and_then(standings_of);
        let mut warnings = session.warnings();
        // A command that nobody waits for takes the snapshot that a burst of changes left due.
        if let Err(error) = session.close() {
            warnings.push(format!("no snapshot was taken: {error}"));
        }
        Ok(Listing { infos: all, standings: standings.unwrap_or_default(), warnings })
    }

    /// One secret without its values; removed ones too. `event` is what it is looked at for.
    pub fn show(
        &self,
        event: Event,
        profile: &ProfileName,
        name: &SecretName,
    ) -> Result<(SecretInfo, Vec<String>), AppError> {
        let mut session = self.session(Access::Read)?;
        let missing = || VaultError::NoSuch(format!("secret {name} in profile {profile}"));
        let mut reply = session.ask(Request::Show(event, profile.clone(), name.clone()))?;
        Ok((reply.infos.pop().ok_or_else(missing)?, session.warnings()))
    }

    /// Hides a secret, or removes it for good; gives the numbers of the scrubs that can not be
    /// undone any more, because they would put a value of it back.
    pub fn remove(
        &self,
        profile: &ProfileName,
        name: &SecretName,
        purge: bool,
    ) -> Result<(Session, Vec<u32>), AppError> {
        let mut session = self.session(Access::Write)?;
        let reply = session.ask(Request::Remove(profile.clone(), name.clone(), purge))?;
        Ok((session, reply.scrubs))
    }

    /// Makes an earlier version current again.
    pub fn roll_back(
        &self,
        profile: &ProfileName,
        name: &SecretName,
        to: Option<u32>,
    ) -> Result<(Session, u32), AppError> {
        let mut session = self.session(Access::Write)?;
        let reply = session.ask(Request::RollBack(profile.clone(), name.clone(), to))?;
        Ok((session, reply.version))
    }

    /// The policy's text, to be shown.
    pub fn show_policy(&self) -> Result<(String, Vec<String>), AppError> {
        let mut session = self.session(Access::Read)?;
        let text = session.ask(Request::PolicyShow)?.text;
        Ok((text, session.warnings()))
    }

    /// The policy's text, to be compared with the one that is to replace it.
    pub fn policy_text(&self) -> Result<String, AppError> {
        Ok(self.session(Access::Read)?.ask(Request::PolicyText)?.text)
    }

    /// Replaces the policy.
    pub fn apply_policy(&self, text: &str) -> Result<Session, AppError> {
        let mut session = self.session(Access::Write)?;
        session.ask(Request::PolicyApply(text.to_owned()))?;
        Ok(session)
    }
}

/// What is to be stored, with the labels that the secret has, or that its vendor's manifest gives.
pub(super) fn put_of(
    vault: &Vault,
    setting: Setting,
    options: SetOptions,
) -> Result<Put, AppError> {
    let existing = vault.secret(&setting.profile, &setting.name)?;
    let name = setting.name.as_str();
    let catalog = catalog_of(&vault.policy()?);
    let injections = if !options.variables.is_empty() {
        let pair = |(variable, field)| Injection { variable, field };
        Some(options.variables.into_iter().map(pair).collect())
    } else if existing.is_none() {
        Some(primary_variables(&catalog, name, &setting.fields))
    } else {
        None
    };
    let vendor = options.vendor.or_else(|| vendor_of(&catalog, name));
    let admin = catalog.variables_of(name).iter().any(|usage| usage.admin);
    Ok(Put {
        vendor,
        admin,
        injections,
        add: false,
        profile: setting.profile,
        name: setting.name,
        fields: setting.fields,
    })
}

/// The first variable that the vendor's manifest has for each field.
fn primary_variables(
    catalog: &Catalog,
    name: &str,
    fields: &[(FieldName, Value)],
) -> Vec<Injection> {
    let uses = catalog.variables_of(name);
    let primary = |field: &FieldName| {
        let usage = uses
            .iter()
            .find(|usage| usage.field == field.as_str() && usage.holds == Holds::Secret)?;
        let variable = Variable::parse(usage.variable).ok()?;
        Some(Injection { variable, field: field.clone() })
    };
    fields.iter().filter_map(|(field, _)| primary(field)).collect()
}
