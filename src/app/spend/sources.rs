//! Who is asked for figures, by which credential, and which secrets those are about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clawvault_core::domain::{Life, Policy, ProfileName, Scope, SecretInfo, SecretName};
use clawvault_providers::Catalog;
use clawvault_providers::spend::{By, Plan, plan};

use super::books::estimates;
use super::owners::Owners;
use crate::app::AppError;
use crate::app::naming::vendor_in;
use crate::app::session::Session;
use crate::app::vendors::catalog_of;

/// One place that figures come from: a vendor asked by one credential.
#[derive(Clone, Debug)]
pub(in crate::app) struct Source {
    /// Names it: vendor, profile, credential.
    pub(in crate::app) id: String,
    /// Id of the vendor.
    pub(in crate::app) vendor: String,
    /// Profile of the credential.
    pub(in crate::app) profile: ProfileName,
    /// The secret that asks.
    pub(in crate::app) credential: SecretName,
    /// True where that is an admin credential.
    pub(in crate::app) admin: bool,
    /// What the vendor's calls need besides.
    pub(in crate::app) params: BTreeMap<String, String>,
    /// How it is asked.
    pub(in crate::app) plan: Plan,
    /// The secrets that its figures are about.
    pub(in crate::app) about: Vec<About>,
    /// The gateway whose books it is, where it is no vendor: then its figures are estimates.
    pub(in crate::app) gateway: Option<ProfileName>,
}

/// A secret, and how a source tells it apart.
#[derive(Clone, Debug)]
pub(in crate::app) struct About {
    pub(in crate::app) profile: ProfileName,
    pub(in crate::app) name: SecretName,
    /// The vendor's ids of its keys, the one of now and those before it.
    pub(in crate::app) key_ids: Vec<String>,
    /// The project that it belongs to.
    pub(in crate::app) project: Option<String>,
    /// Whether figures name keys by other ids than `key_ids`, unless the policy says them.
    pub(in crate::app) by_owner: bool,
    /// True where the source is asked by this very key.
    pub(in crate::app) itself: bool,
}

/// Secrets whose vendor tells figures, and why nobody can ask for theirs.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct Sources {
    pub(in crate::app) all: Vec<Source>,
    /// Vendors of secrets that are not read, and why not.
    pub(in crate::app) unread: BTreeMap<String, &'static str>,
    /// Vendors whose interface tells no figures.
    pub(in crate::app) silent: BTreeSet<String>,
    /// The secrets of those.
    pub(in crate::app) unheard: BTreeSet<(ProfileName, SecretName)>,
    /// Every vendor of a secret that programs get.
    pub(in crate::app) vendors: BTreeSet<String>,
    /// Whose keys are, where figures name them by other ids.
    pub(in crate::app) owners: Owners,
    /// The vendors as the policy has them.
    pub(in crate::app) catalog: Arc<Catalog>,
}

impl Source {
    /// Whether its vendor holds budgets that it tells.
    pub(in crate::app) fn has_budgets(&self) -> bool {
        self.plan.budgets && self.admin
    }
}

impl About {
    /// Whether a figure can be about this secret alone: the vendor's id of its key or project is known,
    /// or it asks for itself.
    pub(in crate::app) fn is_apart(&self) -> bool {
        let by_key = !self.key_ids.is_empty() && !self.by_owner;
        self.itself || by_key || self.project.is_some()
    }
}

/// Whether a source's figure is about a secret.
///
/// Of a key that belongs to nobody who is known, only the project tells: it counts for each secret of
/// that.
pub(in crate::app) fn is_about(about: &About, scope: &Scope, owners: &Owners) -> bool {
    match scope {
        _ if about.itself => true,
        Scope::Key(id) => about.key_ids.contains(id),
        Scope::KeyOf(project, id) => match owners.get(id) {
            _ if about.key_ids.contains(id) => true,
            Some(owner) if !about.key_ids.is_empty() => about.key_ids.contains(owner),
            _ => about.project.as_ref() == Some(project),
        },
        // What the vendor puts on no key counts for each key of the project: rather too much than too
        // little, where a limit stands on it.
        Scope::Project(id) => about.project.as_ref() == Some(id),
        Scope::Account => false,
    }
}

/// The same, with what vendors told of their keys.
pub(in crate::app) fn known_sources(
    session: &mut Session,
    policy: &Policy,
    (infos, lives): (&[SecretInfo], &[Life]),
) -> Result<Sources, AppError> {
    Ok(Sources { owners: super::owners::read(session)?, ..sources(policy, infos, lives) })
}

/// The sources of what is in the vault.
pub(in crate::app) fn sources(policy: &Policy, infos: &[SecretInfo], lives: &[Life]) -> Sources {
    let mut found = Sources { catalog: Arc::new(catalog_of(policy)), ..Sources::default() };
    let mut by_id: BTreeMap<String, Source> = BTreeMap::new();
    let live = |info: &&SecretInfo| info.removed_ms.is_none();
    for info in infos.iter().filter(live) {
        let Some(vendor) = vendor_in(info, policy) else { continue };
        if info.admin || policy.is_admin(&info.name) {
            continue;
        }
        found.vendors.insert(vendor.clone());
        let Some(plan) = plan(&found.catalog, &vendor) else {
            found.unheard.insert((info.profile.clone(), info.name.clone()));
            found.silent.insert(vendor.clone());
            found.unread.insert(vendor, "its interface tells no figures");
            continue;
        };
        let rule = policy.rule(&info.profile, &info.name, Some(&vendor));
        let by_admin = match plan.by {
            By::Admin => true,
            By::Key => false,
            By::Either => rule.admin.is_some(),
        };
        let credential = match (&rule.admin, by_admin) {
            (Some(admin), true) => admin.clone(),
            (None, true) => {
                found.unread.insert(vendor, "the policy names no admin credential for it");
                continue;
            }
            (_, false) => info.name.clone(),
        };
        let about = About {
            profile: info.profile.clone(),
            name: info.name.clone(),
            key_ids: key_ids(info, lives, &rule.params),
            project: rule.params.get("project").cloned(),
            by_owner: plan.owners && !rule.params.contains_key("key_id"),
            itself: !by_admin,
        };
        let id = format!("{vendor}/{}/{credential}", info.profile);
        let source = by_id.entry(id.clone()).or_insert_with(|| Source {
            id,
            vendor,
            profile: info.profile.clone(),
            credential,
            admin: by_admin,
            params: rule.params.clone(),
            plan,
            about: Vec::new(),
            gateway: None,
        });
        source.about.push(about);
    }
    let has = |vendor: &str| by_id.values().any(|source| source.vendor == vendor);
    let estimates = estimates(policy, infos, &has);
    by_id.extend(estimates);
    found.all = by_id.into_values().collect();
    let asked = |vendor: &String| {
        found.all.iter().any(|source| source.vendor == *vendor && source.gateway.is_none())
    };
    found.unread.retain(|vendor, _| !asked(vendor));
    found
}

/// What the vendor calls the keys of a secret: as rotations have learnt, and as the policy says.
pub(super) fn key_ids(
    info: &SecretInfo,
    lives: &[Life],
    params: &BTreeMap<String, String>,
) -> Vec<String> {
    let own = |life: &&Life| life.profile == info.profile && life.name == info.name;
    let learnt = lives.iter().filter(own).flat_map(|life| &life.keys);
    let learnt = learnt.filter_map(|key| key.key_id.clone());
    learnt.chain(params.get("key_id").cloned()).collect()
}
