//! Signatures of AWS, version 4, made by AWS's own crate.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use clawvault_core::domain::Value;

use crate::adapter::Fields;
use crate::native::call::{Call, Step, field};
use crate::native::place::text;

/// The halves of an access key, and the token of a session.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    pub(super) id: &'a str,
    secret: &'a str,
    token: Option<&'a str>,
}

impl<'a> Keys<'a> {
    pub(super) fn of(call: &Call<'_>, fields: &'a Fields) -> Step<Self> {
        let half = |name: &str| {
            let missing = || call.not_configured(format!("no field `{name}`"));
            field(fields, name).and_then(text).ok_or_else(missing)
        };
        Ok(Self {
            id: half("access_key_id")?,
            secret: half("secret_access_key")?,
            token: field(fields, "session_token").and_then(text),
        })
    }

    /// Whether it ends by itself, and cannot be made or revoked as a key.
    pub(super) fn is_temporary(&self) -> bool {
        self.token.is_some() || self.id.starts_with("ASIA")
    }
}

/// Headers that sign a body to be posted to `url` with the headers `own`.
pub(super) fn headers(
    keys: Keys<'_>,
    (service, region): (&str, &str),
    url: &str,
    own: &[(&'static str, &'static str)],
    body: &[u8],
    now: SystemTime,
) -> Option<Vec<(String, Value)>> {
    let token = keys.token.map(str::to_owned);
    let identity = Credentials::new(keys.id, keys.secret, token, None, "clawvault").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .ok()?;
    let own = own.iter().copied();
    let request = SignableRequest::new("POST", url, own, SignableBody::Bytes(body)).ok()?;
    let (instructions, _) = sign(request, &params.into()).ok()?.into_parts();
    let header = |(name, value): (&str, &str)| {
        Some((name.to_owned(), Value::copy_of(value.as_bytes()).ok()?))
    };
    instructions.headers().map(header).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clawvault_core::domain::FieldName;

    use super::*;
    use crate::adapter::{Ask, Operation};

    /// The signature was computed by botocore 1.44.8 (`SigV4Auth`, 2015-08-30T12:36:00Z).
    #[test]
    fn a_signature_is_the_one_that_botocore_makes() {
        let field = |name: &str, text: &str| {
            (FieldName::parse(name).unwrap(), Value::copy_of(text.as_bytes()).unwrap())
        };
        let fields = vec![
            field("access_key_id", "AKIDEXAMPLE"),
            field("secret_access_key", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        ];
        let ask = Ask::default();
        let call = Call::new("aws", Operation::Validate, &ask);
        let keys = Keys::of(&call, &fields).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let form = b"Action=GetCallerIdentity&Version=2011-06-15";
        let url = "https://sts.us-east-1.amazonaws.com/";
        let own = [("content-type", crate::native::aws::FORM)];
        let headers = headers(keys, ("sts", "us-east-1"), url, &own, form, now).unwrap();
        let find = |name: &str| {
            let (_, value) = headers.iter().find(|(at, _)| at == name).unwrap();
            String::from_utf8(value.expose().to_vec()).unwrap()
        };
        assert_eq!(find("x-amz-date"), "20150830T123600Z");
        assert!(
            find("authorization").ends_with(
                "Signature=52a8540fea00e731072179f763577cbe2a45eac2c5d32fb4d785f3eefac88165"
            ),
            "{}",
            find("authorization")
        );
    }
}
