//! Why a vendor's call did not succeed: kinds that a caller can act on, never a vendor's words, which
//! may repeat a key.

use std::fmt;

use super::Operation;

/// What kind of failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// No such call at this vendor, or not in this way.
    NotOffered,
    /// Something is missing that the policy or the vault has to say: a param, an admin credential.
    NotConfigured,
    /// The vendor does not accept the credential that asked.
    Unauthorized,
    /// The credential is good and may not do this.
    Forbidden,
    /// What it is about is not there.
    NotFound,
    /// The vendor does not take the request as it is (400, 402, 422 and the like): not carried out.
    Refused,
    /// The state at the vendor forbids it: a quota of keys, a conflict.
    Conflict,
    /// Too many requests.
    RateLimited,
    /// The vendor failed (5xx).
    VendorFailed,
    /// The answer is not what the vendor's documents say.
    BadAnswer,
    /// The answer is larger than 10 MB or took too long.
    Unbounded,
    /// The vendor's certificate is not to be trusted.
    Tls,
    /// No connection was made: the request was never sent.
    Unreachable,
    /// The request may have been carried out; the answer was lost.
    Lost,
}

/// A call that did not succeed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VendorError {
    /// Id of the vendor.
    pub vendor: String,
    /// What was asked for.
    pub operation: Operation,
    /// What kind of failure.
    pub kind: Kind,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// Seconds to wait that the vendor named.
    pub retry_after_s: Option<u64>,
    /// What a person should know: our own words.
    pub detail: String,
}

impl VendorError {
    /// Whether the same call may succeed later. Never a reason to repeat one that creates.
    pub fn may_pass(&self) -> bool {
        use Kind::{Lost, RateLimited, Unbounded, Unreachable, VendorFailed};
        matches!(self.kind, RateLimited | VendorFailed | Unbounded | Unreachable | Lost)
    }

    /// What a person should know, with the status where there was one.
    pub fn told(&self) -> String {
        match self.status {
            Some(status) => format!("{} (HTTP {status})", self.detail),
            None => self.detail.clone(),
        }
    }

    /// Whether the call may have been carried out all the same.
    pub fn may_have_happened(&self) -> bool {
        matches!(self.kind, Kind::Lost | Kind::BadAnswer | Kind::Unbounded | Kind::VendorFailed)
    }
}

impl fmt::Display for VendorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = match self.operation {
            Operation::Validate => "validate",
            Operation::Create => "create",
            Operation::Revoke => "revoke",
            Operation::List => "list",
        };
        write!(f, "{}: {operation}: {}", self.vendor, self.told())
    }
}

impl std::error::Error for VendorError {}
