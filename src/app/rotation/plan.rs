//! What a rotation would do, call by call, without doing any of it.

use clawvault_core::domain::{ProfileName, SecretName};
use clawvault_providers::adapter::{Ask, Level, Operation};

use super::vendors::PolicyVendors;
use crate::rotate::{Look, Vendors};

/// What would be done about one secret.
#[derive(Clone, Debug)]
pub struct Planned {
    /// First half of its key.
    pub profile: ProfileName,
    /// Second half.
    pub name: SecretName,
    /// Its vendor, where one is known.
    pub vendor: Option<String>,
    /// The steps, in order; a call is its method and address.
    pub steps: Vec<String>,
}

/// Plans all of them.
pub(super) fn plan(vendors: &PolicyVendors, looks: &[Look]) -> Vec<Planned> {
    looks.iter().map(|look| plan_one(vendors, look)).collect()
}

fn plan_one(vendors: &PolicyVendors, look: &Look) -> Planned {
    let mut steps = Vec::new();
    let ask = Ask {
        secret: look.life.name.to_string(),
        key_id: look.info.current().and_then(|v| look.life.key_id(v.number)).map(str::to_owned),
        params: look.rule.params.clone(),
        label: "clawvault-ID-1".to_owned(),
        no_overlap_allowed: look.rule.no_overlap,
        ..Ask::default()
    };
    let adapter = vendors.adapter(look);
    let can = adapter.as_ref().map(|adapter| adapter.abilities_for(&ask));
    let (no_overlap, has_admin) = (look.rule.no_overlap, look.rule.admin.is_some());
    let by_call = can.is_some_and(|can| can.makes(no_overlap, has_admin));
    let mut calls = |operation, otherwise: String| match &adapter {
        Some(adapter) if by_call || operation != Operation::Create => {
            let lines = adapter.plan(operation, &ask);
            match lines.is_empty() {
                true => steps.push(otherwise),
                false => steps.extend(lines),
            }
        }
        _ => steps.push(otherwise),
    };
    calls(Operation::Create, format!("by a person: {}", vendors.guide(look)));
    calls(
        Operation::Validate,
        "no call proves the new key: a person says that it works".to_owned(),
    );
    let in_place = can.is_some_and(|can| can.level == Level::NoOverlap);
    let mut rest = Vec::new();
    rest.push("the new version becomes current".to_owned());
    rest.extend(vendors.sinks(look).iter().map(|sink| format!("tell {}", sink.name())));
    if !in_place {
        let minutes = look.rule.overlap_ms / 60_000;
        rest.push(format!("wait {minutes} minutes, and until no run holds the old version"));
    }
    steps.append(&mut rest);
    if !in_place {
        let mut last = match (
            &adapter,
            can.is_some_and(|can| can.revoke && (has_admin || !can.revoke_needs_admin)),
        ) {
            (Some(adapter), true) => adapter.plan(Operation::Revoke, &ask),
            _ => vec!["by a person: the old key is revoked".to_owned()],
        };
        steps.append(&mut last);
        if let Some(adapter) = adapter.filter(|_| can.is_some_and(|can| can.validate)) {
            let proof = adapter.plan(Operation::Validate, &ask).into_iter();
            steps.extend(proof.map(|call| format!("{call} (refused: proven)")));
        }
    }
    let (profile, name) = look.key();
    Planned { profile, name, vendor: look.info.vendor.clone(), steps }
}
