//! Where a server is and as whom one enters it: from the fields of a secret, from one URL that
//! holds them all, or from the policy's `params`.

use std::net::IpAddr;
use std::path::PathBuf;

use clawvault_core::domain::{FieldName, Value};
use zeroize::Zeroizing;

use super::call::{Call, Step, field, set};
use crate::adapter::Fields;

/// Names of a field that may hold a whole URL.
const WHOLE: [&str; 2] = ["url", "value"];
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// What differs between protocols.
pub(super) struct Protocol {
    /// Schemes of a URL; the second kind asks for TLS.
    pub(super) schemes: &'static [(&'static str, bool)],
    pub(super) port: u16,
    /// The user where none is named.
    pub(super) user: Option<&'static str>,
}

/// A server, and a login there.
#[derive(Clone)]
pub(super) struct Place {
    /// A name, an address, or the absolute path of a Unix socket (PostgreSQL: its directory).
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Value,
    pub(super) database: Option<String>,
    pub(super) tls: bool,
    /// Certificates to trust instead of the system's, in PEM.
    pub(super) ca_file: Option<PathBuf>,
}

impl Place {
    /// Where the key itself leads.
    pub(super) fn of_key(call: &Call<'_>, protocol: &Protocol) -> Step<Self> {
        Self::of(call, protocol, call.key(), None)
    }

    /// Where the admin credential leads, or, where none is named, the key: the server's own place is
    /// taken from the key where the credential does not say it.
    pub(super) fn of_admin(call: &Call<'_>, protocol: &Protocol) -> Step<Self> {
        let key = Self::of_key(call, protocol)?;
        match &call.ask.admin {
            Some(admin) => Self::of(call, protocol, admin, Some(&key)),
            None => Ok(key),
        }
    }

    fn of(call: &Call<'_>, protocol: &Protocol, fields: &Fields, key: Option<&Self>) -> Step<Self> {
        let url = whole(fields, protocol).map(|(_, url)| url);
        let url = url.as_ref();
        // What an admin credential does not say is never taken from params: they speak of the key.
        let said = |name: &str| {
            let written = field(fields, name).and_then(|value| text(value).map(str::to_owned));
            written.or_else(|| call.param(name).filter(|_| key.is_none()).map(str::to_owned))
        };
        let missing = |name: &str| {
            call.not_configured(format!("neither a field nor params.{name} says the {name}"))
        };
        let host = url.and_then(|url| url.host.clone()).or_else(|| said("host"));
        let host =
            host.or_else(|| key.map(|key| key.host.clone())).ok_or_else(|| missing("host"))?;
        let port = match url.and_then(|url| url.port.clone()).or_else(|| said("port")) {
            Some(port) => port.parse().map_err(|_| call.not_configured("the port is no number"))?,
            None => key.map_or(protocol.port, |key| key.port),
        };
        let user = url.and_then(|url| url.user.clone()).or_else(|| said("user"));
        let user =
            user.or_else(|| protocol.user.map(str::to_owned)).ok_or_else(|| missing("user"))?;
        let password = match url {
            Some(url) => url.password.clone(),
            None => field(fields, "password").or_else(|| field(fields, "value")).cloned(),
        };
        let no_password =
            || call.not_configured("no field `password`, `value` or `url` holds a password");
        let database = url.and_then(|url| url.database.clone()).or_else(|| said("database"));
        // Where the key asks for TLS, the admin credential is shown to that server over nothing less.
        let of_key = key.is_some_and(|key| key.tls && key.host == host);
        Ok(Self {
            tls: is_sealed(call, &host, of_key || url.is_some_and(|url| url.sealed))?,
            ca_file: call.param("ca_file").map(PathBuf::from),
            password: password.ok_or_else(no_password)?,
            database: database.or_else(|| key.and_then(|key| key.database.clone())),
            host,
            port,
            user,
        })
    }

    /// Name of the server as a person would write it.
    pub(super) fn server(&self) -> String {
        match self.is_local_socket() {
            true => self.host.clone(),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    pub(super) fn is_local_socket(&self) -> bool {
        self.host.starts_with('/')
    }
}

/// The server and the user as a plan names them: it is made without the key's fields.
pub(super) fn named(call: &Call<'_>, protocol: &Protocol) -> (String, String) {
    if let Ok(place) = Place::of_key(call, protocol) {
        return (place.server(), place.user);
    }
    let server = call.param("host").unwrap_or("the key's server").to_owned();
    (server, call.param("user").unwrap_or("(the key's user)").to_owned())
}

/// The fields of the key with another login, in the shape that they have.
pub(super) fn with_login(
    call: &Call<'_>,
    protocol: &Protocol,
    user: &str,
    password: &Value,
) -> Step<Fields> {
    let mut fields = call.key().clone();
    let name = |text: &str| FieldName::parse(text).unwrap_or_default();
    if let Some((at, url)) = whole(&fields, protocol) {
        let password = percent_encoded(password.expose());
        let user = percent_encoded(user.as_bytes());
        let login = [user.as_slice(), b":", password.as_slice(), b"@"].concat();
        let url = [url.before.as_bytes(), login.as_slice(), url.after.as_bytes()].concat();
        set(&mut fields, name(at), call.value(url)?);
        return Ok(fields);
    }
    let at = if field(&fields, "password").is_some() { "password" } else { "value" };
    set(&mut fields, name(at), password.clone());
    let said = field(&fields, "user").and_then(text).or_else(|| call.param("user"));
    if said.or(protocol.user) != Some(user) {
        set(&mut fields, name("user"), call.value(user.as_bytes().to_vec())?);
    }
    Ok(fields)
}

/// A URL taken apart. What stands before and after the login is kept to the byte.
struct Url<'a> {
    before: &'a str,
    after: &'a str,
    sealed: bool,
    user: Option<String>,
    password: Option<Value>,
    host: Option<String>,
    port: Option<String>,
    database: Option<String>,
}

fn whole<'a>(fields: &'a Fields, protocol: &Protocol) -> Option<(&'static str, Url<'a>)> {
    WHOLE.into_iter().find_map(|name| {
        let url = Url::parse(text(field(fields, name)?)?, protocol)?;
        Some((name, url))
    })
}

impl<'a> Url<'a> {
    /// `scheme://[user[:password]@]host[:port][/database][?more]`; `None` where it is no such thing.
    fn parse(text: &'a str, protocol: &Protocol) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (_, sealed) = protocol.schemes.iter().find(|(name, _)| *name == scheme)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (login, address) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (host, port) = match address.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => {
                address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port)))
            }
        };
        let sealed = *sealed || asks_for_tls(path);
        let database =
            path.strip_prefix('/').map(|path| path.split(['?', '#']).next().unwrap_or(""));
        let word = |text: &str| String::from_utf8(percent_decoded(text)?.to_vec()).ok();
        let filled = |text: &str| word(text).filter(|text| !text.is_empty());
        let password = match password {
            "" => None,
            password => Some(Value::copy_of(&percent_decoded(password)?).ok()?),
        };
        Some(Self {
            before: text.get(..scheme.len() + 3)?,
            after: text.get(text.len() - address.len() - path.len()..)?,
            sealed,
            user: filled(user),
            password,
            host: filled(host),
            port: port.filter(|port| !port.is_empty()).map(str::to_owned),
            database: database.and_then(filled),
        })
    }
}

/// True where the options of a URL of libpq ask for TLS. Less than that is not taken from it: a server
/// elsewhere is spoken to over TLS, and its certificate looked at, unless the policy says otherwise.
fn asks_for_tls(path: &str) -> bool {
    let options = path.split('#').next().and_then(|path| path.split_once('?'));
    let asks = |option: &str| {
        let mode = option.strip_prefix("sslmode=");
        mode.is_some_and(|mode| ["require", "verify-ca", "verify-full"].contains(&mode))
    };
    options.is_some_and(|(_, options)| options.split('&').any(asks))
}

/// Whether TLS is spoken: always, but to this machine, or where the policy says otherwise.
fn is_sealed(call: &Call<'_>, host: &str, asked: bool) -> Step<bool> {
    let bare = host.parse::<IpAddr>();
    let here =
        host.starts_with('/') || host == "localhost" || bare.is_ok_and(|ip| ip.is_loopback());
    match call.choice("tls", &["", "verify-full", "disable"])? {
        "verify-full" => Ok(true),
        "disable" if asked => {
            Err(call.not_configured("the URL asks for TLS, params.tls forbids it"))
        }
        "disable" => Ok(false),
        _ => Ok(asked || !here),
    }
}

pub(super) fn text(value: &Value) -> Option<&str> {
    std::str::from_utf8(value.expose()).ok()
}

fn percent_decoded(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = rest else { return None };
        rest = after;
        let digit =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(digit(*high)? << 4 | digit(*low)?);
    }
    Some(bytes)
}

pub(super) fn percent_encoded(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(bytes.len() * 3));
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(*byte),
            _ => text.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::{Ask, Operation};

    const PROTOCOL: Protocol = Protocol {
        schemes: &[("redis", false), ("rediss", true)],
        port: 6379,
        user: Some("default"),
    };

    fn ask(fields: &[(&str, &str)], params: &[(&str, &str)]) -> Ask {
        let field = |(name, text): &(&str, &str)| {
            (FieldName::parse(name).unwrap(), Value::copy_of(text.as_bytes()).unwrap())
        };
        let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        Ask {
            key: fields.iter().map(field).collect(),
            params: params.iter().map(own).collect(),
            ..Ask::default()
        }
    }

    fn place(ask: &Ask) -> Step<Place> {
        Place::of_key(&Call::new("redis", Operation::Validate, ask), &PROTOCOL)
    }

    #[test]
    fn a_url_is_taken_apart_and_put_together_again() {
        let asked = ask(&[("value", "rediss://a%40b:p%3Aq@[::1]:7/2?x=@y")], &[]);
        let at = place(&asked).unwrap();
        assert_eq!((at.host.as_str(), at.port, at.user.as_str(), at.tls), ("::1", 7, "a@b", true));
        assert_eq!((at.password.expose(), at.database.as_deref()), (&b"p:q"[..], Some("2")));
        let call = Call::new("redis", Operation::Create, &asked);
        let new = Value::copy_of(b"n/w").unwrap();
        let fields = with_login(&call, &PROTOCOL, "a@b", &new).unwrap();
        assert_eq!(fields.len(), 1);
        assert_eq!(fields[0].1.expose(), b"rediss://a%40b:n%2Fw@[::1]:7/2?x=@y");
        // No login in it, no host: nothing is made up.
        assert!(
            place(&ask(&[("url", "redis://h/")], &[])).err().unwrap().detail.contains("password")
        );
        assert!(
            place(&ask(&[("url", "redis://:p@/")], &[])).err().unwrap().detail.contains("host")
        );
        assert!(place(&ask(&[("url", "redis://:p%4@h/")], &[])).is_err());
    }

    #[test]
    fn fields_come_before_params_and_keep_their_shape() {
        let asked = ask(&[("value", "p")], &[("host", "db"), ("user", "u"), ("tls", "disable")]);
        let at = place(&asked).unwrap();
        assert_eq!((at.server().as_str(), at.user.as_str(), at.tls), ("db:6379", "u", false));
        let call = Call::new("redis", Operation::Create, &asked);
        let new = Value::copy_of(b"n").unwrap();
        let names = |user: &str| -> Vec<String> {
            let fields = with_login(&call, &PROTOCOL, user, &new).unwrap();
            fields.into_iter().map(|(name, _)| name.into()).collect()
        };
        assert_eq!(names("u"), ["value"]);
        assert_eq!(names("v"), ["value", "user"]);
        assert!(place(&ask(&[("value", "p")], &[("host", "db"), ("tls", "maybe")])).is_err());
        assert!(place(&ask(&[("value", "p")], &[("host", "db")])).unwrap().tls);
        assert!(!place(&ask(&[("value", "p")], &[("host", "127.0.0.1")])).unwrap().tls);
    }

    #[test]
    fn an_admin_is_looked_for_where_the_key_leads() {
        let mut asked = ask(&[("password", "p")], &[("host", "db"), ("user", "u"), ("port", "9")]);
        asked.admin = Some(ask(&[("user", "root"), ("password", "q")], &[]).key);
        let call = Call::new("redis", Operation::Create, &asked);
        let at = Place::of_admin(&call, &PROTOCOL).unwrap();
        assert_eq!((at.server().as_str(), at.user.as_str()), ("db:9", "root"));
        asked.admin = Some(ask(&[("password", "q")], &[]).key);
        let call = Call::new("redis", Operation::Create, &asked);
        assert_eq!(Place::of_admin(&call, &PROTOCOL).unwrap().user, "default");
    }
}
