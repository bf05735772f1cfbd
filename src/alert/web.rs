//! Receivers that take a message by HTTP: each with the request that its documents name.

use std::time::{SystemTime, UNIX_EPOCH};

use clawvault_core::domain::{Channel, Receiver, Severity, Value, hex};
use clawvault_providers::http::{Call, Client, HeaderMap, Limits, Method, Url, sensitive};
use ring::hmac;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::Message;
use super::send::{PATIENCE, Unsent};

/// Largest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

type Parts = (Zeroizing<String>, Vec<(&'static str, Zeroizing<String>)>, Option<Vec<u8>>);

pub(super) fn send(
    receiver: &Receiver,
    token: Option<&Value>,
    message: &Message,
) -> Result<(), Unsent> {
    let token = token.map(text_of).transpose()?;
    let (address, headers, body) = request(receiver, token.as_ref(), message)?;
    let method = if body.is_some() { Method::POST } else { Method::GET };
    let answer = exchange(method, &address, headers, body)?;
    match receiver.kind {
        // Telegram says what became of it in the body.
        Channel::Telegram if answer.get("ok") != Some(&Json::Bool(true)) => {
            Err("Telegram did not take it".to_owned())
        }
        _ => Ok(()),
    }
}

pub(super) fn beat(address: Option<&Value>) -> Result<(), Unsent> {
    let address = address.map(text_of).transpose()?.ok_or("its secret is missing")?;
    let base = address.split('?').next().unwrap_or_default();
    let address = Zeroizing::new(format!("{base}?status=up&msg=OK"));
    let answer = exchange(Method::GET, &address, Vec::new(), None)?;
    match answer.get("ok") {
        Some(Json::Bool(false)) => Err("Uptime Kuma knows no such monitor".to_owned()),
        _ => Ok(()),
    }
}

fn request(
    receiver: &Receiver,
    token: Option<&Zeroizing<String>>,
    message: &Message,
) -> Result<Parts, Unsent> {
    let to = || Zeroizing::new(receiver.to.clone().unwrap_or_default());
    let secret = || token.cloned().ok_or_else(|| "its secret is missing".to_owned());
    let json = |document: Json| Some(document.to_string().into_bytes());
    let text = format!("{}\n{}", message.title, message.text);
    let mut headers = Vec::new();
    let plain = |text: &str| Zeroizing::new(text.to_owned());
    let (address, body) = match receiver.kind {
        Channel::Webhook => {
            if let Some(token) = token {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let now = now.as_secs().to_string();
                headers.push(("x-clawvault-signature", sign(token, &now, &message.json)));
                headers.push(("x-clawvault-timestamp", plain(&now)));
            }
            headers.push(("x-clawvault-id", plain(&message.id)));
            (to(), Some(message.json.clone().into_bytes()))
        }
        Channel::Ntfy => {
            let priority = match message.severity {
                Severity::Info => "3",
                Severity::Warning => "4",
                Severity::Critical => "5",
            };
            headers.push(("title", plain(&message.title)));
            headers.push(("priority", plain(priority)));
            if let Some(token) = token {
                headers.push(("authorization", Zeroizing::new(format!("Bearer {}", **token))));
            }
            (to(), Some(message.text.clone().into_bytes()))
        }
        // Slack reads these three as marks: what an event names is no mention and no link.
        Channel::Slack => (secret()?, json(json!({ "text": escaped(&text) }))),
        Channel::Discord => {
            let no_one: [&str; 0] = [];
            let document = json!({ "content": text, "allowed_mentions": { "parse": no_one } });
            (secret()?, json(document))
        }
        Channel::Telegram => {
            let base = receiver.to.as_deref().unwrap_or("https://api.telegram.org");
            let token = secret()?;
            let address = format!("{}/bot{}/sendMessage", base.trim_end_matches('/'), *token);
            let document = json!({ "chat_id": receiver.chat, "text": text });
            (Zeroizing::new(address), json(document))
        }
        _ => return Err("it is not reached by HTTP".to_owned()),
    };
    if receiver.kind != Channel::Ntfy {
        headers.push(("content-type", plain("application/json")));
    }
    Ok((address, headers, body))
}

/// Text that has no marks, for those who read `<` and `&` as such.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `v1=` and HMAC-SHA-256 over the time, a point and the body, in hexadecimal digits.
fn sign(token: &str, now: &str, body: &str) -> Zeroizing<String> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for part in [now, ".", body] {
        context.update(part.as_bytes());
    }
    Zeroizing::new(format!("v1={}", hex(context.sign().as_ref())))
}

/// Sends one request on a runtime of its own; what came back, where it is JSON.
fn exchange(
    method: Method,
    address: &str,
    headers: Vec<(&'static str, Zeroizing<String>)>,
    body: Option<Vec<u8>>,
) -> Result<Json, Unsent> {
    let url = Url::parse(address).map_err(|_| "its address is malformed")?;
    let mut all = HeaderMap::new();
    for (name, text) in headers {
        let (name, value) =
            sensitive(name, text.as_bytes()).ok_or("a header cannot hold its text")?;
        all.insert(name, value);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime can be made: {}", error.kind()))?;
    let limits = Limits { total: PATIENCE, body: MAX_ANSWER, ..Limits::default() };
    let call = Call { method, url, headers: all, body: body.map(Zeroizing::new) };
    let reply = runtime.block_on(async {
        let client = Client::new(limits).map_err(|failure| failure.detail.to_owned())?;
        client.send(call).await.map_err(|failure| failure.detail.to_owned())
    })?;
    match reply.status.as_u16() {
        200..=299 => Ok(serde_json::from_slice(&reply.body).unwrap_or(Json::Null)),
        status => Err(format!("it answered HTTP {status}")),
    }
}

fn text_of(token: &Value) -> Result<Zeroizing<String>, Unsent> {
    let text = str::from_utf8(token.expose()).map_err(|_| "its secret is no text")?;
    Ok(Zeroizing::new(text.trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_rfc_4231() {
        // Test case 2 of the RFC, its text cut where ours has the point.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let tag = hmac::sign(&key, b"what do ya want for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(tag.as_ref()), expected);
        let whole = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"k"), b"17.{}");
        assert_eq!(*sign("k", "17", "{}"), format!("v1={}", hex(whole.as_ref())));
    }
}
