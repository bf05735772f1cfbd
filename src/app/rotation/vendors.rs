//! Adapters, sinks and what people do, by what the policy says.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clawvault_core::domain::{Aim, Policy, ProfileName, SinkRule};
use clawvault_providers::adapter::registry::{self, Settings};
use clawvault_providers::adapter::{Adapter, Ask, Operation};
use clawvault_providers::http::{Client, Limits};
use clawvault_providers::manifest::Manifest;
use clawvault_providers::manifest::recipes::Interface;

use super::gateways::{GatewaySink, Reach};
use crate::rotate::{FileSink, HookSink, Look, Sink, Vendors};

/// The vendors of a policy; made and used within one runtime.
pub(super) struct PolicyVendors {
    policy: Policy,
    /// How running gateways are told; nobody is where nothing is told of a new key.
    reach: Option<Arc<Reach>>,
    client: RefCell<Option<Client>>,
    known: RefCell<BTreeMap<String, Option<Arc<dyn Adapter>>>>,
}

impl PolicyVendors {
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy, reach: None, client: RefCell::default(), known: RefCell::default() }
    }

    /// The same, which tells the gateways that get a secret of its new key.
    pub(super) fn telling(self, reach: &Reach) -> Self {
        Self { reach: Some(Arc::new(reach.clone())), ..self }
    }

    /// The gateways that are told: those of the rules, and those whose agent is granted the secret.
    fn gateways(&self, look: &Look) -> Vec<Box<dyn Sink>> {
        let (profile, name) = look.key();
        let granted = self.policy.gateways.iter().filter(|(_, gateway)| {
            self.policy
                .agents
                .get(&gateway.agent)
                .is_some_and(|agent| agent.may_have(&profile, &name))
        });
        let named = look.rule.sinks.iter().filter_map(|rule| match rule {
            SinkRule::OpenClaw { gateway } => Some(gateway),
            SinkRule::File { .. } | SinkRule::Hook { .. } => None,
        });
        let all: BTreeSet<&ProfileName> = named.chain(granted.map(|(name, _)| name)).collect();
        let sink = |name: &ProfileName| -> Box<dyn Sink> {
            let home = self.policy.gateways.get(name).map(|gateway| gateway.home.clone());
            Box::new(GatewaySink { name: name.clone(), home, reach: self.reach.clone() })
        };
        all.into_iter().map(sink).collect()
    }

    /// Whose clock the schedules follow; UTC where this system does not know the zone.
    pub(super) fn zone(&self) -> jiff::tz::TimeZone {
        self.policy.defaults.time_zone.find().unwrap_or(jiff::tz::TimeZone::UTC)
    }

    fn client(&self) -> Option<Client> {
        let mut client = self.client.borrow_mut();
        if client.is_none() {
            *client = Client::new(Limits::default()).ok();
        }
        client.clone()
    }

    /// The recipes of a user's own manifest.
    fn own(&self, vendor: &str) -> Option<Interface> {
        let text = toml::to_string(self.policy.manifests.get(vendor)?).ok()?;
        Manifest::parse(&text).ok()?.interface().ok()?
    }

    /// The recipes of a vendor; none where its adapter goes by none.
    pub(super) fn recipes(&self, vendor: &str) -> Option<Interface> {
        registry::interface(vendor, self.own(vendor).as_ref())
    }

    /// An adapter that goes by these recipes at another place.
    pub(super) fn stand_in(
        &self,
        vendor: &str,
        interface: Interface,
        base_url: String,
    ) -> Option<Arc<dyn Adapter>> {
        let (base_url, interface) = (Some(base_url), Some(interface));
        let settings = Settings { base_url, client: self.client(), interface };
        registry::adapter(vendor, &settings).map(Arc::from)
    }

    fn make(&self, vendor: &str) -> Option<Arc<dyn Adapter>> {
        let interface = self.own(vendor);
        let base_url = self.policy.vendors.get(vendor).and_then(|rule| rule.base_url.clone());
        let settings = Settings { base_url, client: self.client(), interface };
        registry::adapter(vendor, &settings).map(Arc::from)
    }
}

impl Vendors for PolicyVendors {
    fn adapter(&self, look: &Look) -> Option<Arc<dyn Adapter>> {
        let vendor = look.info.vendor.as_deref()?;
        if let Some(known) = self.known.borrow().get(vendor) {
            return known.clone();
        }
        let made = self.make(vendor);
        self.known.borrow_mut().insert(vendor.to_owned(), made.clone());
        made
    }

    fn sinks(&self, look: &Look) -> Vec<Box<dyn Sink>> {
        let sink = |rule: &SinkRule| -> Option<Box<dyn Sink>> {
            match rule.clone() {
                SinkRule::File { path, field } => Some(Box::new(FileSink { path, field })),
                SinkRule::Hook { path, sha256 } => Some(Box::new(HookSink { path, sha256 })),
                SinkRule::OpenClaw { .. } => None,
            }
        };
        let mut all: Vec<_> = look.rule.sinks.iter().filter_map(sink).collect();
        all.extend(self.gateways(look));
        all
    }

    fn guide(&self, look: &Look) -> String {
        let id = look.life.open.as_ref().map_or("ID", |open| open.id.as_str());
        let then = match revokes(look) {
            true => format!(" Then `clawvault rotations resume {id}` proves it."),
            false => format!(" Then give it to `clawvault rotations resume {id}`."),
        };
        self.by_hand(look) + &then
    }
}

/// Whether a person has to revoke a key, rather than to make one.
fn revokes(look: &Look) -> bool {
    let open = look.life.open.as_ref();
    open.is_some_and(|open| open.aim == Aim::Revoke || !open.targets.is_empty())
}

impl PolicyVendors {
    /// What a person does at the vendor.
    pub(super) fn by_hand(&self, look: &Look) -> String {
        let revokes = revokes(look);
        let operation = if revokes { Operation::Revoke } else { Operation::Create };
        let (secret, params) = (look.life.name.to_string(), look.rule.params.clone());
        let ask = Ask { secret, params, ..Ask::default() };
        let guide = self.adapter(look).map(|adapter| adapter.guide(operation, &ask));
        let guide = guide.unwrap_or_default();
        let vendor = look.info.vendor.as_deref().and_then(clawvault_providers::vendor);
        let console = guide.console.or_else(|| vendor.and_then(|v| v.console.map(str::to_owned)));
        let mut words = match (&console, revokes) {
            (Some(page), true) => format!("Revoke it at {page}."),
            (Some(page), false) => format!("Make a key at {page}."),
            (None, true) => "Revoke it where it was made.".to_owned(),
            (None, false) => "Make a key where the old one was made.".to_owned(),
        };
        for step in &guide.steps {
            words.push(' ');
            words.push_str(step);
        }
        let by_admin = |adapter: Arc<dyn Adapter>| {
            let (can, no_overlap) = (adapter.abilities_for(&ask), look.rule.no_overlap);
            can.makes(no_overlap, true) && !can.makes(no_overlap, look.rule.admin.is_some())
        };
        if !revokes && self.adapter(look).is_some_and(by_admin) {
            words.push_str(
                " (With an admin credential that the policy names, no person is needed.)",
            );
        }
        words
    }
}
