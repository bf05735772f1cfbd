//! `webhook`: an address of the user's own is sent the document and answers with another.
//!
//! The request is `POST` with `clawvault-timestamp: SECONDS` and `clawvault-signature: v1=HEX`, the
//! HMAC-SHA-256 of `SECONDS.BODY` under the admin credential's field `value` (or `signing_secret`),
//! which is never sent itself. It goes to https, or to this machine.
//!
//! Params: `url`; `offers` and `no_overlap` as for `exec`.

use std::time::SystemTime;

use clawvault_core::domain::hex;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use ring::hmac;

use super::document::{Answered, asked};
use super::{abilities, must_offer};
use crate::adapter::registry::Settings;
use crate::adapter::{
    Abilities, Adapter, Answer, Ask, Created, Kind, Listed, Operation, Revoked, Validity,
    VendorError,
};
use crate::http::{self, Client, Limits};
use crate::native::call::{Call, Step, field};

/// Id of the vendor.
pub const VENDOR: &str = "webhook";

const OWN: [&str; 3] = ["url", "offers", "no_overlap"];
const TIMESTAMP: HeaderName = HeaderName::from_static("clawvault-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("clawvault-signature");

/// The adapter.
#[derive(Clone, Debug)]
pub struct Webhook {
    client: Client,
}

impl Webhook {
    /// With the client of the settings; `None` where no client can be made.
    pub fn new(settings: &Settings) -> Option<Self> {
        let client = settings.client.clone().or_else(|| Client::new(Limits::default()).ok())?;
        Some(Self { client })
    }

    async fn send(&self, call: &Call<'_>) -> Step<Answered> {
        must_offer(call)?;
        let url = call.param("url").and_then(|url| Url::parse(url).ok());
        let url = url.ok_or_else(|| call.not_configured("params.url is no address"))?;
        let secret = call
            .ask
            .admin
            .as_ref()
            .and_then(|admin| field(admin, "signing_secret").or_else(|| field(admin, "value")));
        let unsigned = "the policy names no admin credential, whose `value` signs what is sent";
        let secret = secret.ok_or_else(|| call.not_configured(unsigned))?;
        let body = asked(call, &OWN, false)?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seconds = now.map_or(0, |now| now.as_secs()).to_string();
        let mut signer =
            hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.expose()));
        signer.update(seconds.as_bytes());
        signer.update(b".");
        signer.update(&body);
        let signature = format!("v1={}", hex(signer.sign().as_ref()));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, text) in [(TIMESTAMP, seconds), (SIGNATURE, signature)] {
            let wrong = |_| call.not_configured("the request cannot be written");
            headers.insert(name, HeaderValue::from_str(&text).map_err(wrong)?);
        }
        let request = http::Call { method: Method::POST, url, headers, body: Some(body) };
        let answer = self.client.send(request).await.map_err(|failure| VendorError {
            status: failure.status,
            ..call.fault(failure.kind, failure.detail)
        })?;
        let status = answer.status.as_u16();
        if answer.status.is_success() {
            return Answered::read(call, &answer.body);
        }
        Err(VendorError {
            status: Some(status),
            retry_after_s: answer.retry_after_s(),
            ..call.fault(kind(status), "the webhook did not carry it out")
        })
    }
}

fn kind(status: u16) -> Kind {
    match status {
        401 => Kind::Unauthorized,
        403 => Kind::Forbidden,
        404 | 410 => Kind::NotFound,
        409 => Kind::Conflict,
        429 => Kind::RateLimited,
        500.. => Kind::VendorFailed,
        _ => Kind::Refused,
    }
}

impl Adapter for Webhook {
    fn abilities(&self) -> Abilities {
        abilities(VENDOR, &Ask::default())
    }

    fn abilities_for(&self, ask: &Ask) -> Abilities {
        abilities(VENDOR, ask)
    }

    fn validate<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Validity> {
        let call = Call::new(VENDOR, Operation::Validate, ask);
        Box::pin(async move { self.send(&call).await?.validity(&call) })
    }

    fn create<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Created> {
        let call = Call::new(VENDOR, Operation::Create, ask);
        Box::pin(async move { self.send(&call).await?.created(&call) })
    }

    fn revoke<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Revoked> {
        let call = Call::new(VENDOR, Operation::Revoke, ask);
        Box::pin(async move { self.send(&call).await?.revoked(&call) })
    }

    fn list<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Vec<Listed>> {
        let call = Call::new(VENDOR, Operation::List, ask);
        Box::pin(async move { self.send(&call).await?.listed(&call) })
    }

    fn plan(&self, operation: Operation, ask: &Ask) -> Vec<String> {
        let call = Call::new(VENDOR, operation, ask);
        let url = call.param("url").unwrap_or("params.url");
        vec![format!("POST {url} (operation {})", format!("{operation:?}").to_lowercase())]
    }
}
