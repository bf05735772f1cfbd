//! Answers whether the vault keeps a value that lies somewhere in clear, and as what `run` hands it
//! out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use clawvault_core::domain::{
    FieldName, Label, Policy, ProfileName, SecretInfo, SecretName, Value,
};
use clawvault_core::vault::Vault;

use super::{Proof, Taken};
use crate::app::AppError;
use crate::app::import::is_known;
use crate::app::run::is_admin;
use crate::app::vendors::catalog_of;
use clawvault_providers::Catalog;

/// The values of one import, and the vault that should have them.
pub(super) struct Keeper<'a> {
    vault: &'a Vault,
    profile: &'a ProfileName,
    /// True where the import was only tried: what it would store counts as stored.
    dry_run: bool,
    pub(super) taken: &'a [Taken],
    by_label: BTreeMap<&'a Label, Vec<usize>>,
    by_value: HashMap<&'a [u8], usize>,
    /// How many secrets claim each variable.
    claims: BTreeMap<String, usize>,
    policy: Policy,
    catalog: Catalog,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(
        vault: &'a Vault,
        profile: &'a ProfileName,
        taken: &'a [Taken],
        dry_run: bool,
    ) -> Result<Self, AppError> {
        let mut by_label: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        let mut by_value = HashMap::new();
        for (index, one) in taken.iter().enumerate() {
            by_label.entry(&one.found.label).or_default().push(index);
            by_value.entry(one.found.value.expose()).or_insert(index);
        }
        let mut claims: BTreeMap<String, usize> = BTreeMap::new();
        for info in vault.injectable(profile)? {
            for injection in &info.injections {
                *claims.entry(injection.variable.to_string()).or_default() += 1;
            }
        }
        let policy = vault.policy()?;
        let catalog = catalog_of(&policy);
        Ok(Self { vault, profile, dry_run, taken, by_label, by_value, claims, policy, catalog })
    }

    /// Whether a variable is known to hold a secret.
    pub(super) fn is_known(&self, variable: &str) -> bool {
        is_known(&self.catalog, variable)
    }

    /// The taken value whose secret keeps `value`, found under `label`: the same value, or an
    /// earlier one that the secret has as a version.
    pub(super) fn of_place(
        &self,
        label: &Label,
        value: &Value,
    ) -> Result<Option<&'a Taken>, AppError> {
        let of_label = self.by_label.get(label).map(Vec::as_slice).unwrap_or_default();
        let taken = || of_label.iter().filter_map(|index| self.taken.get(*index));
        if let Some(one) = taken().find(|one| one.found.value == *value) {
            return self.of_taken(one);
        }
        for one in taken() {
            if self.vault.keeps(self.profile, &one.name, &one.field, value)?.is_some() {
                return Ok(Some(one));
            }
        }
        Ok(None)
    }

    /// The taken value that is this very one, wherever it was found.
    pub(super) fn of_value(&self, value: &[u8]) -> Result<Option<&'a Taken>, AppError> {
        match self.by_value.get(value).and_then(|index| self.taken.get(*index)) {
            Some(one) => self.of_taken(one),
            None => Ok(None),
        }
    }

    /// Whether the current version of its secret has the value.
    fn of_taken(&self, one: &'a Taken) -> Result<Option<&'a Taken>, AppError> {
        if self.dry_run {
            return Ok(Some(one));
        }
        let kept = self.vault.keeps(self.profile, &one.name, &one.field, &one.found.value)?;
        let current = self.secret(&one.name)?.and_then(|info| info.current().map(|v| v.number));
        Ok((kept.is_some() && kept == current).then_some(one))
    }

    /// Whether the label belongs to a value that was taken.
    pub(super) fn has_label(&self, label: &Label) -> bool {
        self.by_label.contains_key(label)
    }

    /// The variable that `run` injects the value as: by its own name, if that is one of them.
    pub(super) fn variable(&self, one: &Taken, label: &Label) -> Result<Option<String>, AppError> {
        let Some(info) = self.secret(&one.name)? else {
            return Ok(one.variable.as_ref().filter(|_| self.dry_run).map(ToString::to_string));
        };
        if info.admin || info.removed_ms.is_some() {
            return Ok(None);
        }
        let alone = |name: &String| self.claims.get(name).is_none_or(|claims| *claims == 1);
        let of_field = info.injections.iter().filter(|injection| injection.field == one.field);
        let mut names: Vec<String> = of_field.map(|i| i.variable.to_string()).collect();
        if self.dry_run {
            names.extend(one.variable.iter().map(ToString::to_string));
        }
        names.retain(alone);
        let own = names.iter().position(|name| name == label.as_str()).unwrap_or(0);
        Ok(names.into_iter().nth(own))
    }

    /// The id by which OpenClaw gets the value from the vault; none where it may not have it.
    pub(super) fn id(
        &self,
        name: &SecretName,
        field: &FieldName,
    ) -> Result<Option<String>, AppError> {
        let Some(info) = self.secret(name)? else {
            let is_admin = self.policy.is_admin(name);
            return Ok((self.dry_run && !is_admin).then(|| name.to_string()));
        };
        if is_admin(&info, &self.policy) || info.removed_ms.is_some() {
            return Ok(None);
        }
        let fields = info.current().map(|version| version.fields.len()).unwrap_or_default();
        Ok(Some(match fields {
            0 | 1 => name.to_string(),
            // An id has no `_`; the resolver knows.
            _ => format!("{name}#{}", field.as_str().replace('_', "-")),
        }))
    }

    /// The secret, and its field, that a variable stands for.
    pub(super) fn of_variable(
        &self,
        variable: &str,
    ) -> Result<Option<(SecretName, FieldName)>, AppError> {
        let named = |one: &&Taken| one.variable.as_ref().is_some_and(|v| v.as_str() == variable);
        if let Some(one) = self.taken.iter().find(named) {
            return Ok(Some((one.name.clone(), one.field.clone())));
        }
        let mut all = Vec::new();
        for info in self.vault.injectable(self.profile)? {
            let fits = info.injections.iter().filter(|i| i.variable.as_str() == variable);
            all.extend(fits.map(|i| (info.name.clone(), i.field.clone())));
        }
        Ok(if all.len() == 1 { all.pop() } else { None })
    }

    /// Proof of the one among these fields that keeps the value in any of its versions.
    pub(super) fn among(
        &self,
        linked: &BTreeSet<(SecretName, FieldName)>,
        value: &Value,
    ) -> Result<Option<Proof>, AppError> {
        for (name, field) in linked {
            if self.vault.keeps(self.profile, name, field, value)?.is_some() {
                let (name, field) = (name.clone(), field.clone());
                return Ok(Some(Proof { name, field, value: value.clone() }));
            }
        }
        Ok(None)
    }

    pub(super) fn proof(one: &Taken, value: &Value) -> Proof {
        Proof { name: one.name.clone(), field: one.field.clone(), value: value.clone() }
    }

    fn secret(&self, name: &SecretName) -> Result<Option<SecretInfo>, AppError> {
        Ok(self.vault.secret(self.profile, name)?)
    }
}
