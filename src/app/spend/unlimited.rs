//! Vendors that nothing stops: neither a limit of ours nor a cap of theirs.

use clawvault_core::domain::{Flow, SecretInfo};

use super::report::{Bound, View};
use super::sources::Source;
use super::told::{Subject, Unmeasured};
use crate::app::naming::vendor_in;

impl View<'_> {
    /// Vendors that nothing stops: one of their secrets at least has no limit that can be measured, on
    /// it, its vendor, its profile or all, no cap that we set, and no prepaid balance that it uses up.
    pub(super) fn unlimited(&self, bounds: &[Bound<'_>], infos: &[SecretInfo]) -> Vec<String> {
        let free = |vendor: &&String| {
            let of = |info: &&SecretInfo| {
                let goes_out = !info.admin && !self.policy.is_admin(&info.name);
                let live = info.removed_ms.is_none() && goes_out;
                live && vendor_in(info, self.policy).as_ref() == Some(*vendor)
            };
            let mut secrets = infos.iter().filter(of);
            let on_vendor = self.measuring(vendor, bounds);
            let stopped = |info: &SecretInfo| {
                self.has_cap(vendor, info)
                    || on_vendor.iter().any(|bound| self.holds_for(bound, info))
            };
            !self.is_prepaid(vendor) && !secrets.all(stopped)
        };
        self.sources.vendors.iter().filter(free).cloned().collect()
    }

    /// Limits that may hold for secrets of a vendor, and are measured there.
    fn measuring<'b>(&self, vendor: &str, bounds: &'b [Bound<'_>]) -> Vec<&'b Bound<'b>> {
        let subject = Subject::Vendor(vendor.to_owned());
        let others =
            |bound: &Bound<'_>| matches!(&bound.subject, Subject::Vendor(one) if one != vendor);
        let mut all: Vec<&Bound<'_>> = bounds.iter().filter(|bound| !others(bound)).collect();
        all.retain(|bound| self.measures(&subject, bound.limit).is_ok());
        if self.is_heard(vendor) { all } else { Vec::new() }
    }

    /// Whether such a limit holds for a secret. What an agent may spend is no bound on a secret that
    /// others may use.
    fn holds_for(&self, bound: &Bound<'_>, info: &SecretInfo) -> bool {
        match &bound.subject {
            Subject::Total | Subject::Vendor(_) => true,
            Subject::Profile(profile) => info.profile == *profile,
            Subject::Secret(profile, name) => {
                let its = info.profile == *profile && info.name == *name;
                its && self.measured(&bound.subject) != Err(Unmeasured::NotApart)
            }
            Subject::Agent(_) => false,
        }
    }

    fn has_cap(&self, vendor: &str, info: &SecretInfo) -> bool {
        let caps = &self.index.caps;
        caps.contains_key(vendor) || caps.contains_key(info.name.as_str())
    }

    fn is_prepaid(&self, vendor: &str) -> bool {
        let subject = Subject::Vendor(vendor.to_owned());
        let mut all = self.counted(&subject);
        all.any(|(_, pieces)| pieces.first().is_some_and(|s| s.flow == Flow::Balance))
    }

    /// Whether anybody tells what is spent there.
    fn is_heard(&self, vendor: &str) -> bool {
        let asked = |one: &Source| one.gateway.is_none() || self.read_ms(one).is_some();
        self.sources.all.iter().any(|one| one.vendor == vendor && asked(one))
    }
}
