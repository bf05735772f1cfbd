//! `resolve`: the answers of OpenClaw's exec secret provider, where the vault is opened here or the
//! daemon asked by `clawvault` itself.

use clawvault_core::domain::{ProfileName, SecretName};
use clawvault_resolver::Asked;
use zeroize::Zeroizing;

use super::session::Request;
use super::{Access, App, AppError};

pub use clawvault_resolver::MAX_REQUEST;

impl App {
    /// Answers a request: the document, which holds values.
    ///
    /// # Errors
    /// Where the request is none, or nothing at all may be had: the provider as a whole fails then.
    pub fn resolve(
        &self,
        request: &[u8],
        profile: &ProfileName,
    ) -> Result<(Zeroizing<Vec<u8>>, Vec<String>), AppError> {
        let asked = Asked::parse(request).map_err(|_| {
            let advice = "OpenClaw calls this; see `clawvault resolve --help`.";
            AppError::usage("stdin is no request of an exec secret provider", advice)
        })?;
        let mut session = self.session(Access::Read)?;
        let reply = session.ask(Request::Resolve(profile.clone(), asked.ids()))?;
        let withheld: Vec<SecretName> = reply.infos.into_iter().map(|info| info.name).collect();
        Ok((asked.answer(&reply.revealed, &withheld), session.warnings()))
    }
}
