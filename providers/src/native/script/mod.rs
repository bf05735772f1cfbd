//! What only the user knows: a script of the user's own (`exec`), or an address (`webhook`), asked by
//! one JSON document and answering with another: see [`document`].

pub mod document;
pub mod exec;
pub mod webhook;

use super::call::{Call, Step};
use crate::adapter::{Abilities, Ask, Kind, Level, Operation};

/// Operations that `params.offers` may name, and that it means where it is not there.
const ALL: [(&str, Operation); 4] = [
    ("validate", Operation::Validate),
    ("create", Operation::Create),
    ("revoke", Operation::Revoke),
    ("list", Operation::List),
];

/// What the policy says that it can do.
fn abilities(vendor: &'static str, ask: &Ask) -> Abilities {
    let call = Call::new(vendor, Operation::Validate, ask);
    let can = |operation| offers(&call, operation);
    let level = match (can(Operation::Create), call.param("no_overlap")) {
        (true, Some("yes")) => Level::NoOverlap,
        (true, _) => Level::Automatic,
        (false, _) => Level::Assisted,
    };
    Abilities {
        level,
        validate: can(Operation::Validate),
        create: can(Operation::Create),
        create_needs_admin: false,
        revoke: can(Operation::Revoke),
        revoke_needs_admin: false,
        list: can(Operation::List),
        most_keys: None,
        propagation_s: 0,
    }
}

fn offers(call: &Call<'_>, operation: Operation) -> bool {
    let Some(offered) = call.param("offers") else { return true };
    let named = |word: &str| ALL.iter().any(|(name, known)| *name == word && *known == operation);
    offered.split(',').map(str::trim).any(named)
}

/// Refuses what `params.offers` does not name.
fn must_offer(call: &Call<'_>) -> Step<()> {
    match offers(call, call.operation) {
        true => Ok(()),
        false => Err(call.fault(Kind::NotOffered, "params.offers does not name this operation")),
    }
}
