//! The one client of all vendors over HTTP.
//!
//! It sends a request once, to the host it was given, and brings back a bounded answer. It follows
//! no redirect, takes no proxy from the environment, and speaks plain HTTP to the loopback only.
//! What holds a value is marked so that no library prints it, and lies in heap that the process
//! wipes as it is freed; what TLS and the kernel buffer is out of reach.

mod limits;

pub use limits::Limits;

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use zeroize::Zeroizing;

use crate::adapter::Kind;

/// Longest wait that a vendor may ask for, in seconds; a longer one is taken for this.
const MAX_RETRY_AFTER: u64 = 24 * 60 * 60;

/// A client; a clone shares its connections. Made and used within one tokio runtime.
#[derive(Clone, Debug)]
pub struct Client {
    inner: reqwest::Client,
    limits: Limits,
}

/// A request.
pub struct Call {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// Headers; those that hold values are marked as sensitive.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<Zeroizing<Vec<u8>>>,
}

/// An answer.
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, all of it.
    pub body: Zeroizing<Vec<u8>>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Failure {
    /// What kind of failure.
    pub kind: Kind,
    /// The status, where there was one.
    pub status: Option<u16>,
    /// What a person should know.
    pub detail: &'static str,
}

impl Client {
    /// A client with these limits.
    ///
    /// # Errors
    /// Where the system's certificates cannot be read.
    pub fn new(limits: Limits) -> Result<Self, Failure> {
        static PROVIDER: OnceLock<()> = OnceLock::new();
        PROVIDER.get_or_init(|| {
            // An error means that the process has one already.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let inner = reqwest::Client::builder()
            .user_agent(concat!("clawvault/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .http1_only()
            .connect_timeout(limits.connect)
            .read_timeout(limits.read)
            .timeout(limits.total)
            .pool_idle_timeout(Duration::from_secs(15))
            .pool_max_idle_per_host(4)
            .build()
            .map_err(|_| failure(Kind::Tls, "the system's certificates cannot be used"))?;
        Ok(Self { inner, limits })
    }

    /// Sends one request, once.
    ///
    /// # Errors
    /// Where no whole answer came. An answer of any status is none; a redirect is.
    pub async fn send(&self, call: Call) -> Result<Reply, Failure> {
        if !may_be_sent(&call.url) {
            let detail = "plain HTTP is spoken to this machine only; the request was not sent";
            return Err(failure(Kind::NotConfigured, detail));
        }
        let mut request = self.inner.request(call.method, call.url).headers(call.headers);
        if let Some(body) = call.body {
            // The library owns its copy; it is wiped as it is freed.
            request = request.body(body.to_vec());
        }
        let answer = request.send().await.map_err(|error| unsent(&error))?;
        let status = answer.status();
        let told = |kind, detail| Failure { kind, status: Some(status.as_u16()), detail };
        if status.is_redirection() {
            let detail = "the answer sends the request to another address, which is not followed";
            return Err(told(Kind::BadAnswer, detail));
        }
        let large = "the answer is larger than 10 MB";
        if answer.content_length().is_some_and(|length| length > self.limits.body as u64) {
            return Err(told(Kind::Unbounded, large));
        }
        let headers = answer.headers().clone();
        let body = read(answer, self.limits.body).await;
        let body = body.map_err(|cut| match cut {
            Cut::TooLarge => told(Kind::Unbounded, large),
            Cut::TooSlow => told(Kind::Unbounded, "the answer took too long"),
            Cut::Short => told(Kind::Lost, "the answer broke off"),
        })?;
        Ok(Reply { status, headers, body })
    }
}

impl Reply {
    /// Seconds to wait that the vendor named, as a number or a date.
    pub fn retry_after_s(&self) -> Option<u64> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let seconds = match text.parse() {
            Ok(seconds) => seconds,
            Err(_) => {
                let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_second();
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
                u64::try_from(date).ok()?.saturating_sub(now)
            }
        };
        Some(seconds.min(MAX_RETRY_AFTER))
    }

    /// Whether it is a page for people.
    pub fn is_page(&self) -> bool {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let said = kind.is_some_and(|kind| kind.trim_start().starts_with("text/html"));
        let start = self.body.trim_ascii_start();
        said || start.first() == Some(&b'<')
    }
}

/// Headers with one that no library prints.
pub fn sensitive(name: &str, text: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_bytes(text).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
}

/// https to anywhere, http to this machine: what the policy may give as a base URL.
pub fn may_be_sent(url: &Url) -> bool {
    url.scheme() == "https" || url.scheme() == "http" && is_loopback(url)
}

/// Whether an address is on this machine.
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

enum Cut {
    TooLarge,
    TooSlow,
    Short,
}

async fn read(mut answer: reqwest::Response, most: usize) -> Result<Zeroizing<Vec<u8>>, Cut> {
    let mut body = Zeroizing::new(Vec::new());
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > most => return Err(Cut::TooLarge),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) if error.is_timeout() => return Err(Cut::TooSlow),
            Err(_) => return Err(Cut::Short),
        }
    }
}

/// Why no answer began.
fn unsent(error: &reqwest::Error) -> Failure {
    let mut cause = error.source();
    while let Some(inner) = cause {
        let wrapped = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let is_tls = inner.is::<rustls::Error>()
            || wrapped.is_some_and(|deeper| deeper.is::<rustls::Error>());
        if is_tls {
            let detail = "no trusted TLS connection; the request was not sent";
            return failure(Kind::Tls, detail);
        }
        cause = inner.source();
    }
    if error.is_connect() {
        return failure(Kind::Unreachable, "no connection; the request was not sent");
    }
    if error.is_builder() {
        return failure(Kind::NotConfigured, "the request cannot be written; it was not sent");
    }
    failure(Kind::Lost, "no answer came; the request may have been carried out")
}

fn failure(kind: Kind, detail: &'static str) -> Failure {
    Failure { kind, status: None, detail }
}
