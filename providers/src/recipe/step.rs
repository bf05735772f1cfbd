//! One call and what its answer means.

use crate::adapter::{Kind, Operation, VendorError};
use crate::http::Reply;
use crate::manifest::recipes::Step;

use super::RecipeAdapter;
use super::fill::Scope;
use super::read::{Read, dead_word, is_good};

/// What a call came to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    /// The status of the answer.
    pub(super) status: u16,
    pub(super) answer: Read,
}

/// What an answer says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Done; to validate: the key is accepted.
    Good,
    /// The key is refused as a key, and why in the manifest's words.
    Dead(String),
    /// What it is about is gone.
    Gone,
    /// The status is good, and the body does not say what it has to.
    Unsaid,
}

/// The way of auth of a step.
pub(super) fn way_of(operation: Operation, step: &Step) -> &str {
    let usual = if operation == Operation::Validate { "key" } else { "admin" };
    step.auth.as_deref().unwrap_or(usual)
}

impl RecipeAdapter {
    /// Makes the call of a step, once.
    pub(super) async fn step(
        &self,
        operation: Operation,
        step: &Step,
        scope: &Scope<'_>,
    ) -> Result<Outcome, VendorError> {
        self.page(operation, step, scope, None).await
    }

    /// The same, for one page of a list.
    pub(super) async fn page(
        &self,
        operation: Operation,
        step: &Step,
        scope: &Scope<'_>,
        page: Option<(&str, &str)>,
    ) -> Result<Outcome, VendorError> {
        let call = self.call(operation, step, scope, page);
        let call = call.map_err(|why| self.error(operation, Kind::NotConfigured, why))?;
        let reply = self.client.send(call).await.map_err(|failure| VendorError {
            status: failure.status,
            ..self.error(operation, failure.kind, failure.detail)
        })?;
        self.judge(operation, step, &reply)
    }

    /// What an answer means.
    pub(super) fn judge(
        &self,
        operation: Operation,
        step: &Step,
        reply: &Reply,
    ) -> Result<Outcome, VendorError> {
        let status = reply.status.as_u16();
        let refuse = |kind, detail: &str| VendorError {
            status: Some(status),
            retry_after_s: reply.retry_after_s(),
            ..self.error(operation, kind, detail)
        };
        if status >= 500 {
            return Err(refuse(Kind::VendorFailed, "the vendor's service fails"));
        }
        if status == 429 {
            return Err(refuse(Kind::RateLimited, "the vendor asks for fewer requests"));
        }
        if reply.is_page() {
            return Err(refuse(Kind::BadAnswer, "a page for people came in place of an answer"));
        }
        let answer = Read::new(reply);
        let asks_as_key = operation == Operation::Validate && way_of(operation, step) == "key";
        let dead = step.dead.as_deref().unwrap_or(if asks_as_key { &[401] } else { &[] });
        let removes = operation == Operation::Revoke;
        let gone = step.gone.as_deref().unwrap_or(if removes { &[404, 410] } else { &[] });
        let success = reply.status.is_success();
        let good = step.good.as_ref().map_or(success, |good| good.contains(&status));
        let word = if step.rows.is_none() { dead_word(step, &answer.body) } else { None };
        let verdict = if dead.contains(&status) {
            Verdict::Dead(format!("HTTP {status}"))
        } else if let Some(word) = word {
            Verdict::Dead(word)
        } else if gone.contains(&status) {
            Verdict::Gone
        } else if !good && !success {
            let (kind, detail) = refusal(status);
            return Err(refuse(kind, detail));
        } else if success && lacks_json(operation, step, reply, &answer) {
            return Err(refuse(Kind::BadAnswer, "the answer is not JSON"));
        } else if !good || success && step.rows.is_none() && !is_good(step, &answer.body) {
            Verdict::Unsaid
        } else {
            Verdict::Good
        };
        Ok(Outcome { verdict, status, answer })
    }
}

/// Whether a good answer ought to be JSON and is not. What removes needs to say nothing.
fn lacks_json(operation: Operation, step: &Step, reply: &Reply, answer: &Read) -> bool {
    let silent = step.no_json || reply.status.as_u16() == 204 || operation == Operation::Revoke;
    let empty = silent && step.paths().next().is_none();
    !empty && answer.body.is_null()
}

/// What a refusal means, by its status.
fn refusal(status: u16) -> (Kind, &'static str) {
    match status {
        401 => (Kind::Unauthorized, "the vendor does not accept the credential that asked"),
        403 => (Kind::Forbidden, "the credential that asked may not do this"),
        404 | 410 => (Kind::NotFound, "the vendor knows nothing of that id or address"),
        409 => (Kind::Conflict, "the state at the vendor forbids it: a quota, or a conflict"),
        400..=499 => (Kind::Refused, "the vendor does not take the request as it is"),
        _ => (Kind::BadAnswer, "a status that no answer has"),
    }
}
