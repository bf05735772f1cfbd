//! One operation under way: what it was asked with, and how its failures are told.

use std::future::Future;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clawvault_core::domain::{FieldName, Value};
use clawvault_core::platform::memory::random;
use zeroize::Zeroizing;

use crate::adapter::{Ask, Fields, Kind, Operation, VendorError};

/// Longest wait for a connection.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for what is asked over it.
pub(super) const WORK: Duration = Duration::from_secs(20);
/// Random bytes of a password that is made: more than its digest holds is of no use.
const STRENGTH: usize = 32;

/// One operation, and the answer of a step of it.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) vendor: &'static str,
    pub(super) operation: Operation,
    pub(super) ask: &'a Ask,
}

pub(super) type Step<T> = Result<T, VendorError>;

impl<'a> Call<'a> {
    pub(super) fn new(vendor: &'static str, operation: Operation, ask: &'a Ask) -> Self {
        Self { vendor, operation, ask }
    }

    /// A failure, told in our own words.
    pub(super) fn fault(&self, kind: Kind, detail: impl Into<String>) -> VendorError {
        VendorError {
            vendor: self.vendor.to_owned(),
            operation: self.operation,
            kind,
            status: None,
            retry_after_s: None,
            detail: detail.into(),
        }
    }

    /// A failure of which the policy is the cure.
    pub(super) fn not_configured(&self, detail: impl Into<String>) -> VendorError {
        self.fault(Kind::NotConfigured, detail)
    }

    pub(super) fn param(&self, name: &str) -> Option<&'a str> {
        self.ask.params.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A param that is one of `choices`; the first where it is not there.
    pub(super) fn choice(&self, name: &str, choices: &[&'static str]) -> Step<&'static str> {
        let default = choices.first().copied().unwrap_or_default();
        let Some(text) = self.param(name) else { return Ok(default) };
        let found = choices.iter().copied().find(|choice| *choice == text);
        let wrong = || self.not_configured(format!("params.{name} is one of {choices:?}"));
        found.ok_or_else(wrong)
    }

    /// Waits for a step no longer than `limit`; past it the failure is of `kind`.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        kind: Kind,
        step: impl Future<Output = Step<T>>,
    ) -> Step<T> {
        let late = || self.fault(kind, format!("no answer within {} seconds", limit.as_secs()));
        tokio::time::timeout(limit, step).await.unwrap_or_else(|_| Err(late()))
    }

    /// A new password: 32 random bytes in 43 characters that no shell, URL or SQL text has to quote.
    pub(super) fn new_password(&self) -> Step<Value> {
        let mut bytes = Zeroizing::new([0; STRENGTH]);
        let no_chance = |_| self.fault(Kind::NotConfigured, "the system gives no random bytes");
        random(&mut *bytes).map_err(no_chance)?;
        self.value(URL_SAFE_NO_PAD.encode(*bytes).into_bytes())
    }

    /// Bytes as a value; they are wiped where they cannot be one.
    pub(super) fn value(&self, bytes: Vec<u8>) -> Step<Value> {
        Value::new(bytes).map_err(|error| self.fault(Kind::BadAnswer, error.to_string()))
    }
}

/// The field of this name.
pub(super) fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a Value> {
    fields.iter().find(|(at, _)| at.as_str() == name).map(|(_, value)| value)
}

/// The same fields with one set, in its place or at the end.
pub(super) fn set(fields: &mut Fields, name: FieldName, value: Value) {
    match fields.iter_mut().find(|(at, _)| *at == name) {
        Some((_, old)) => *old = value,
        None => fields.push((name, value)),
    }
}
