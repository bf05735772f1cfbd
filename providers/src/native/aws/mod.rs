//! Access keys of AWS IAM users: two may live side by side, so a second one is made, proven, and the
//! first one set inactive and deleted.
//!
//! The protocol is AWS Query: a signed form goes out, XML comes back. Whose right it is: the admin
//! credential's, or, where none is named, the key's own, if its policy allows that. A key that
//! deletes itself is not set inactive first: it could not sign the deletion any more.
//!
//! Params: `user` (asked for where it is not said), `region` (of STS; `us-east-1` unless said).

mod money;
pub mod reply;
mod sign;

use std::time::SystemTime;

use clawvault_core::domain::FieldName;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use zeroize::Zeroizing;

use super::call::{Call, Step, field, set};
use super::place::{percent_encoded, text};
use crate::adapter::registry::Settings;
use crate::adapter::{
    Abilities, Adapter, Answer, Ask, Created, Identity, Kind, Level, Listed, Operation, Revoked,
    Validity, VendorError,
};
use crate::http::{self, Client, Limits};
use sign::Keys;

/// Id of the vendor.
pub const VENDOR: &str = "aws";

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// AWS's own bound.
const MOST_KEYS: u32 = 2;
/// IAM's changes arrive everywhere after some seconds; no document says how many.
const PROPAGATION_S: u32 = 10;

/// The adapter.
#[derive(Clone, Debug)]
pub struct Aws {
    client: Client,
    base_url: Option<String>,
}

/// One of the two services, as it is reached.
struct Service {
    name: &'static str,
    version: &'static str,
    region: String,
    url: String,
}

type Form<'a> = Vec<(&'static str, &'a str)>;

impl Aws {
    /// With the client and the base URL of the settings; `None` where no client can be made.
    pub fn new(settings: &Settings) -> Option<Self> {
        let client = settings.client.clone().or_else(|| Client::new(Limits::default()).ok())?;
        Some(Self { client, base_url: settings.base_url.clone() })
    }
}

impl Adapter for Aws {
    fn abilities(&self) -> Abilities {
        Abilities {
            most_keys: Some(MOST_KEYS),
            propagation_s: PROPAGATION_S,
            ..Abilities::AUTOMATIC
        }
    }

    fn abilities_for(&self, ask: &Ask) -> Abilities {
        let call = Call::new(VENDOR, Operation::Validate, ask);
        match Keys::of(&call, call.key()) {
            Ok(keys) if keys.is_temporary() => Abilities {
                level: Level::Manual,
                create: false,
                revoke: false,
                list: false,
                ..self.abilities()
            },
            _ => self.abilities(),
        }
    }

    fn validate<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Validity> {
        Box::pin(self.identify(Call::new(VENDOR, Operation::Validate, ask)))
    }

    fn create<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Created> {
        Box::pin(self.make(Call::new(VENDOR, Operation::Create, ask)))
    }

    fn revoke<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Revoked> {
        Box::pin(self.remove(Call::new(VENDOR, Operation::Revoke, ask)))
    }

    fn list<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Vec<Listed>> {
        Box::pin(self.known(Call::new(VENDOR, Operation::List, ask)))
    }

    fn plan(&self, operation: Operation, ask: &Ask) -> Vec<String> {
        let call = Call::new(VENDOR, operation, ask);
        let (Ok(iam), Ok(sts)) = (self.iam(&call), self.sts(&call)) else { return Vec::new() };
        let user = call.param("user").map_or(String::new(), |user| format!(" UserName={user}"));
        let post = |service: &Service, action: &str| format!("POST {} {action}{user}", service.url);
        match operation {
            Operation::Validate => vec![format!("POST {} GetCallerIdentity", sts.url)],
            Operation::Create => vec![post(&iam, "CreateAccessKey")],
            Operation::Revoke => {
                vec![post(&iam, "UpdateAccessKey Status=Inactive"), post(&iam, "DeleteAccessKey")]
            }
            Operation::List => vec![post(&iam, "ListAccessKeys")],
        }
    }
}

impl Aws {
    async fn identify(&self, call: Call<'_>) -> Step<Validity> {
        let keys = Keys::of(&call, call.key())?;
        let form = vec![("Action", "GetCallerIdentity")];
        match self.post(&call, &self.sts(&call)?, keys, form).await {
            Ok(body) => {
                let owner = reply::text(&body, "Arn").ok_or_else(|| unread(&call))?;
                let key_id = Some(keys.id.to_owned());
                Ok(Validity::Live(Identity { owner: Some(owner), key_id, ..Identity::default() }))
            }
            Err(Refused::Told(error, _)) if kind(&error.code) == Kind::Unauthorized => {
                Ok(match error.is_clock {
                    true => {
                        Validity::Unknown(format!("{}: this machine's clock is wrong", error.code))
                    }
                    false => Validity::Dead(error.code),
                })
            }
            Err(Refused::Told(error, status)) if kind(&error.code) == Kind::Forbidden => {
                Ok(Validity::Unknown(format!("{} (HTTP {status})", error.code)))
            }
            Err(refused) => Err(refused.into_error(&call)),
        }
    }

    async fn make(&self, call: Call<'_>) -> Step<Created> {
        let keys = Keys::of(&call, call.key())?;
        if keys.is_temporary() {
            return Err(call.fault(
                Kind::NotOffered,
                "the credential of a session ends by itself; its role makes the next one",
            ));
        }
        let signer = signer(&call, keys)?;
        let user = self.user(&call, signer, keys.id).await?;
        let mut form = vec![("Action", "CreateAccessKey")];
        form.extend(user.as_deref().map(|user| ("UserName", user)));
        let body = self.iam_call(&call, signer, form).await?;
        let part = |name: &str| reply::text(&body, name).ok_or_else(|| unread(&call));
        let (id, secret) = (part("AccessKeyId")?, Zeroizing::new(part("SecretAccessKey")?));
        let mut fields = call.key().clone();
        for (name, text) in [("access_key_id", &id), ("secret_access_key", &*secret)] {
            let name = FieldName::parse(name).unwrap_or_default();
            set(&mut fields, name, call.value(text.as_bytes().to_vec())?);
        }
        Ok(Created { fields, key_id: Some(id), expires_ms: None })
    }

    async fn remove(&self, call: Call<'_>) -> Step<Revoked> {
        let keys = Keys::of(&call, call.key())?;
        let signer = signer(&call, keys)?;
        let id = call.other_id(keys.id)?.unwrap_or(keys.id);
        let gone = |error: &VendorError| {
            error.kind == Kind::NotFound || error.kind == Kind::Unauthorized && signer.id == id
        };
        let user = match self.user(&call, signer, id).await {
            Err(error) if gone(&error) => return Ok(Revoked::Done),
            user => user?,
        };
        let form = |action: &'static str| {
            let mut form = vec![("Action", action), ("AccessKeyId", id)];
            form.extend(user.as_deref().map(|user| ("UserName", user)));
            form
        };
        if signer.id != id {
            let mut off = form("UpdateAccessKey");
            off.push(("Status", "Inactive"));
            match self.iam_call(&call, signer, off).await {
                Err(error) if gone(&error) => return Ok(Revoked::Done),
                // Who may delete need not have the right to switch off.
                Err(error) if error.kind == Kind::Forbidden => {}
                done => drop(done?),
            }
        }
        match self.iam_call(&call, signer, form("DeleteAccessKey")).await {
            Err(error) if gone(&error) => Ok(Revoked::Done),
            done => done.map(|_| Revoked::Done),
        }
    }

    async fn known(&self, call: Call<'_>) -> Step<Vec<Listed>> {
        let keys = Keys::of(&call, call.key())?;
        let signer = signer(&call, keys)?;
        let user = self.user(&call, signer, keys.id).await?;
        let mut form = vec![("Action", "ListAccessKeys")];
        form.extend(user.as_deref().map(|user| ("UserName", user)));
        let body = self.iam_call(&call, signer, form).await?;
        let listed = |key: reply::AccessKey| Listed {
            key_id: key.id,
            name: None,
            created_ms: key.created.and_then(|date| {
                date.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
            }),
            active: key.active,
            hint: None,
        };
        Ok(reply::keys(&body).ok_or_else(|| unread(&call))?.into_iter().map(listed).collect())
    }

    /// Whose key it is: who asks for itself need not say it.
    async fn user(&self, call: &Call<'_>, signer: Keys<'_>, id: &str) -> Step<Option<String>> {
        if let Some(user) = call.param("user") {
            return Ok(Some(user.to_owned()));
        }
        if call.ask.admin.is_none() {
            return Ok(None);
        }
        let form = vec![("Action", "GetAccessKeyLastUsed"), ("AccessKeyId", id)];
        let body = self.iam_call(call, signer, form).await?;
        reply::text(&body, "UserName").map(Some).ok_or_else(|| unread(call))
    }

    async fn iam_call(
        &self,
        call: &Call<'_>,
        keys: Keys<'_>,
        form: Form<'_>,
    ) -> Step<Zeroizing<Vec<u8>>> {
        let sent = self.post(call, &self.iam(call)?, keys, form).await;
        sent.map_err(|refused| refused.into_error(call))
    }

    async fn post(
        &self,
        call: &Call<'_>,
        service: &Service,
        keys: Keys<'_>,
        mut form: Form<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, Refused> {
        form.push(("Version", service.version));
        let written = |(name, text): &(&str, &str)| {
            let text = String::from_utf8_lossy(&percent_encoded(text.as_bytes())).into_owned();
            format!("{name}={text}")
        };
        let form = form.iter().map(written).collect::<Vec<_>>().join("&").into_bytes();
        let answer = self.send(call, service, keys, &[("content-type", FORM)], form).await?;
        let status = answer.status.as_u16();
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(Refused::of(call, reply::error(&answer.body), status))
    }

    /// Posts a signed body; the answer, whatever it says.
    async fn send(
        &self,
        call: &Call<'_>,
        service: &Service,
        keys: Keys<'_>,
        own: &[(&'static str, &'static str)],
        body: Vec<u8>,
    ) -> Result<http::Reply, Refused> {
        let unsigned = || {
            Refused::Failed(call.not_configured("the request cannot be signed: base_url or region"))
        };
        let url = Url::parse(&service.url).map_err(|_| unsigned())?;
        let place = (service.name, service.region.as_str());
        let signed = sign::headers(keys, place, url.as_str(), own, &body, SystemTime::now());
        let mut headers = HeaderMap::new();
        for (name, value) in own {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        for (name, value) in signed.ok_or_else(unsigned)? {
            let (name, value) = http::sensitive(&name, value.expose()).ok_or_else(unsigned)?;
            headers.insert(name, value);
        }
        let body = Some(Zeroizing::new(body));
        let sent = self.client.send(http::Call { method: Method::POST, url, headers, body }).await;
        sent.map_err(|failure| {
            let error = call.fault(failure.kind, failure.detail);
            Refused::Failed(VendorError { status: failure.status, ..error })
        })
    }

    fn iam(&self, call: &Call<'_>) -> Step<Service> {
        // One address for each partition, whatever the region.
        let (host, region) = match region(call)? {
            cn if cn.starts_with("cn-") => ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            gov if gov.starts_with("us-gov-") => ("iam.us-gov.amazonaws.com", "us-gov-west-1"),
            _ => ("iam.amazonaws.com", "us-east-1"),
        };
        Ok(self.service("iam", "2010-05-08", region, host))
    }

    fn sts(&self, call: &Call<'_>) -> Step<Service> {
        let region = region(call)?;
        let end = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        Ok(self.service("sts", "2011-06-15", region, &format!("sts.{region}.{end}")))
    }

    fn service(
        &self,
        name: &'static str,
        version: &'static str,
        region: &str,
        host: &str,
    ) -> Service {
        let url = match &self.base_url {
            Some(base) => format!("{}/", base.trim_end_matches('/')),
            None => format!("https://{host}/"),
        };
        Service { name, version, region: region.to_owned(), url }
    }
}

/// A request that was not carried out as asked.
enum Refused {
    Told(reply::AwsError, u16),
    Failed(VendorError),
}

impl Refused {
    /// What an answer that is no success says.
    fn of(call: &Call<'_>, told: Option<reply::AwsError>, status: u16) -> Self {
        let Some(error) = told else {
            let kind = if status >= 500 { Kind::VendorFailed } else { Kind::BadAnswer };
            let error = call.fault(kind, "the answer tells no error of AWS");
            return Self::Failed(VendorError { status: Some(status), ..error });
        };
        Self::Told(error, status)
    }

    fn into_error(self, call: &Call<'_>) -> VendorError {
        match self {
            Self::Failed(error) => error,
            Self::Told(error, status) => {
                let detail = match error.code.as_str() {
                    "LimitExceeded" => "LimitExceeded: the user has two keys already; delete the one that nothing uses \
                                        (clawvault knows one of them: the other is not its own)"
                        .to_owned(),
                    code if error.is_clock => format!("{code}: this machine's clock is wrong"),
                    code => format!("AWS answered {code}"),
                };
                VendorError { status: Some(status), ..call.fault(kind(&error.code), detail) }
            }
        }
    }
}

/// What an error of AWS means, by the codes of IAM's and STS's documents.
fn kind(code: &str) -> Kind {
    match code {
        "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "AuthFailure"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "RequestExpired"
        | "RequestTimeTooSkewed" => Kind::Unauthorized,
        "AccessDenied"
        | "AccessDeniedException"
        | "NotAuthorized"
        | "OptInRequired"
        | "UnauthorizedOperation" => Kind::Forbidden,
        "NoSuchEntity" => Kind::NotFound,
        "LimitExceeded"
        | "EntityTemporarilyUnmodifiable"
        | "ConcurrentModification"
        | "DeleteConflict" => Kind::Conflict,
        "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException" => Kind::RateLimited,
        "ServiceFailure" | "InternalFailure" | "InternalError" | "ServiceUnavailable" => {
            Kind::VendorFailed
        }
        _ => Kind::Refused,
    }
}

fn unread(call: &Call<'_>) -> VendorError {
    call.fault(Kind::BadAnswer, "the answer is not what IAM's and STS's documents say")
}

/// The admin credential where one is named, else the key itself.
fn signer<'a>(call: &Call<'a>, keys: Keys<'a>) -> Step<Keys<'a>> {
    call.ask.admin.as_ref().map_or(Ok(keys), |admin| Keys::of(call, admin))
}

/// Where STS is asked: `params.region`, else a field, else the first region of all.
fn region<'a>(call: &Call<'a>) -> Step<&'a str> {
    let said = call.param("region").or_else(|| field(call.key(), "region").and_then(text));
    let region = said.unwrap_or("us-east-1");
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match region.len() <= 32 && region.bytes().all(plain) {
        true => Ok(region),
        false => Err(call.not_configured("the region is no name like us-east-1")),
    }
}
