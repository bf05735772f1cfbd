//! How a call says who asks.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::header::HeaderMap;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use zeroize::Zeroizing;

use crate::http::sensitive;
use crate::manifest::recipes::Auth;
use crate::manifest::template::Template;

use super::fill::{Missing, Scope, as_it_is};

/// Seconds that a signed claim begins before now and ends after it: within GitHub's ten minutes.
const CLAIM_BEFORE_S: i64 = 60;
const CLAIM_AFTER_S: i64 = 480;
const CANNOT: &str = "the credential cannot stand in a header";

impl Scope<'_> {
    /// Adds the header of a way of auth: one of the manifest, else a bearer token.
    pub(super) fn authorize(
        &self,
        way: &str,
        auth: Option<&Auth>,
        headers: &mut HeaderMap,
    ) -> Result<(), Missing> {
        if way == "none" {
            return Ok(());
        }
        let bearer = |token: &str| Zeroizing::new(format!("Bearer {token}"));
        let (name, text) = match auth {
            Some(Auth::Header(name, value)) => (name.as_str(), self.needed(value)?),
            Some(Auth::Basic(user, password)) => {
                let pair = format!("{}:{}", *self.needed(user)?, *self.needed(password)?);
                let coded = Zeroizing::new(STANDARD.encode(Zeroizing::new(pair).as_bytes()));
                ("authorization", Zeroizing::new(format!("Basic {}", *coded)))
            }
            Some(Auth::JwtRs256(issuer, key)) => {
                let (issuer, key) = (self.needed(issuer)?, self.needed(key)?);
                ("authorization", bearer(&jwt(&issuer, &key, self.now_ms / 1000)?))
            }
            None => {
                let token = Template::parse(&format!("{{{way}.value}}")).map_err(str::to_owned)?;
                ("authorization", bearer(&self.needed(&token)?))
            }
        };
        let (name, value) = sensitive(name, text.as_bytes()).ok_or(CANNOT)?;
        headers.insert(name, value);
        Ok(())
    }

    /// A template that has to have something in it.
    fn needed(&self, template: &Template) -> Result<Zeroizing<String>, Missing> {
        self.text(template, as_it_is)?.ok_or_else(|| CANNOT.to_owned())
    }
}

/// A JSON Web Token (RFC 7519) that names its issuer, signed RS256.
fn jwt(issuer: &str, pem: &str, now_s: i64) -> Result<Zeroizing<String>, Missing> {
    let claims = serde_json::json!({
        "iat": now_s - CLAIM_BEFORE_S,
        "exp": now_s + CLAIM_AFTER_S,
        "iss": issuer,
    });
    let head = URL_SAFE_NO_PAD.encode(br#"{"alg":"RS256","typ":"JWT"}"#);
    let body = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let key = private_key(pem).ok_or("the private key is no RSA key in PEM form")?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), body.as_bytes(), &mut signature)
        .map_err(|_| "the private key does not sign")?;
    Ok(Zeroizing::new(format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

/// PKCS #1 (as GitHub hands it out) or PKCS #8.
fn private_key(pem: &str) -> Option<RsaKeyPair> {
    let lines = pem.lines().map(str::trim);
    let inner = lines.skip_while(|line| !line.starts_with("-----BEGIN")).skip(1);
    let inner = inner.take_while(|line| !line.starts_with("-----END"));
    let mut text = Zeroizing::new(String::with_capacity(pem.len()));
    inner.for_each(|line| text.push_str(line));
    let der = Zeroizing::new(STANDARD.decode(text.as_bytes()).ok()?);
    RsaKeyPair::from_der(&der).or_else(|_| RsaKeyPair::from_pkcs8(&der)).ok()
}
