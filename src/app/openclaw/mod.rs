//! OpenClaw without keys in its environment: linking a home, starting and reloading its gateway.

mod gateway;
mod link;
mod status;
mod unlink;

pub use gateway::{GatewayOptions, Reloaded, Way};
pub use link::{Link, LinkOptions, Linking};
pub use status::{Access as ReferenceState, OpenClawState, ReferenceLine};
pub use unlink::Unlinked;

use clawvault_core::domain::{Gateway, Policy, ProfileName};

use super::session::{Request, Session};
use super::{AppError, Code};

/// The gateway of the policy that is named, else the only one.
fn find_gateway(
    session: &mut Session,
    named: Option<&ProfileName>,
) -> Result<(ProfileName, Gateway, Policy), AppError> {
    let policy = Policy::parse(&session.ask(Request::PolicyText)?.text).map_err(|error| {
        AppError::new(Code::Damaged, error.to_string(), "Mend it with `clawvault policy apply`.")
    })?;
    let mut all = policy.gateways.iter();
    let found = match named {
        Some(name) => policy.gateways.get_key_value(name),
        None => all.next().filter(|_| all.next().is_none()),
    };
    let (name, gateway) = found.ok_or_else(|| match (named, policy.gateways.len()) {
        (Some(name), _) => AppError::new(
            Code::Missing,
            format!("the policy has no gateway {name}"),
            "`clawvault policy show` shows them; `clawvault openclaw link` makes one.",
        ),
        (None, 0) => AppError::new(
            Code::Missing,
            "no OpenClaw is linked",
            "Link one with `clawvault openclaw link`.",
        ),
        (None, _) => AppError::usage("there are several gateways", "Name one with --gateway NAME."),
    })?;
    Ok((name.clone(), gateway.clone(), policy.clone()))
}
