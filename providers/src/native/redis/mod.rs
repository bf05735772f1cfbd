//! A user's passwords in the access lists of Redis 6 and later, and Valkey: two are valid at once,
//! so one is added, proven, and the other one taken away.
//!
//! A password is added and removed by its SHA-256 digest, which is what the server keeps: the
//! password itself crosses the wire in `AUTH` alone, and no `MONITOR` sees it. Who adds is the
//! admin credential, or the user itself where its rights include `+acl`.
//!
//! A password has no name. So that one whose reply was lost can be told, a user is made beside it that
//! is off, may do nothing, holds the same digest, and is named by the rotation's label; it goes with the
//! password.
//!
//! Params: `user`, `host`, `port`, `tls` (`verify-full`, `disable`), `ca_file`; `persist = "no"` for
//! a server that keeps its access lists in memory alone; `end_sessions = "yes"` to cut, after a
//! revocation, all connections of the user: the server does not tell those of one password.

pub mod resp;

use clawvault_core::domain::{Value, hex};
use ring::digest::{SHA256, digest};

use super::call::{CONNECT, Call, Step, WORK};
use super::place::{Place, Protocol, named, with_login};
use super::socket::{Sealer, handshake_failed, open};
use crate::adapter::{
    Abilities, Adapter, Answer, Ask, Created, Identity, Kind, Listed, Operation, Revoked, Validity,
    VendorError,
};
use resp::{Broken, Connection, Reply};

/// Id of the vendor.
pub const VENDOR: &str = "redis";

const PROTOCOL: Protocol =
    Protocol { schemes: &[("redis", false), ("rediss", true)], port: 6379, user: Some("default") };
/// Begins the name of a mark, as it begins the labels of rotations.
const MARK: &str = "clawvault-";
/// Digits of a digest that name a password: enough to tell two, no help in guessing a long one.
const NAME_DIGITS: usize = 16;

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct Redis;

impl Adapter for Redis {
    fn abilities(&self) -> Abilities {
        Abilities::AUTOMATIC
    }

    fn validate<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Validity> {
        Box::pin(validate(Call::new(VENDOR, Operation::Validate, ask)))
    }

    fn create<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Created> {
        Box::pin(create(Call::new(VENDOR, Operation::Create, ask)))
    }

    fn revoke<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Revoked> {
        Box::pin(revoke(Call::new(VENDOR, Operation::Revoke, ask)))
    }

    fn list<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Vec<Listed>> {
        Box::pin(list(Call::new(VENDOR, Operation::List, ask)))
    }

    fn plan(&self, operation: Operation, ask: &Ask) -> Vec<String> {
        let call = Call::new(VENDOR, operation, ask);
        let (server, user) = named(&call, &PROTOCOL);
        let line = |command: &str| format!("{server}: {command}");
        match operation {
            Operation::Validate => vec![line(&format!("AUTH {user} (password)"))],
            Operation::Create => {
                vec![
                    line(&format!("ACL SETUSER {user} #(digest of a new password)")),
                    line("ACL SAVE"),
                ]
            }
            Operation::Revoke => {
                vec![
                    line(&format!("ACL SETUSER {user} !(digest of the password)")),
                    line("ACL SAVE"),
                ]
            }
            Operation::List => vec![line(&format!("ACL GETUSER {user}"))],
        }
    }
}

async fn validate(call: Call<'_>) -> Step<Validity> {
    let place = Place::of_key(&call, &PROTOCOL)?;
    let mut server = Server::reach(&call, &place).await?;
    match server.login(&place).await? {
        Reply::Error(words) => match first_word(&words) {
            "WRONGPASS" => Ok(Validity::Dead("WRONGPASS".to_owned())),
            other => Ok(Validity::Unknown(known(other).to_owned())),
        },
        _ => {
            let owner = Some(place.user.clone());
            Ok(Validity::Live(Identity {
                owner,
                key_id: Some(name_of(&place.password)),
                ..Identity::default()
            }))
        }
    }
}

async fn create(call: Call<'_>) -> Step<Created> {
    let user = Place::of_key(&call, &PROTOCOL)?.user;
    let password = call.new_password()?;
    let fields = with_login(&call, &PROTOCOL, &user, &password)?;
    let mut server = Server::enter(&call).await?;
    let account = server.account(&user).await?;
    if account.takes_any_password {
        return Err(call.fault(
            Kind::Conflict,
            "the user is `nopass`: every password is accepted; give it one with ACL SETUSER",
        ));
    }
    let digest = digest_of(&password);
    let mark = Some(&call.ask.label).filter(|label| is_mark(label));
    if let Some(mark) = mark {
        server.mark(mark, &digest).await?;
    }
    server.change(&user, '#', &digest).await?;
    if let Err(error) = server.keep().await {
        server.change(&user, '!', &digest).await?;
        if let Some(mark) = mark {
            server.unmark(mark).await?;
        }
        return Err(error);
    }
    Ok(Created { fields, key_id: Some(name_of(&password)), expires_ms: None })
}

async fn revoke(call: Call<'_>) -> Step<Revoked> {
    let key = Place::of_key(&call, &PROTOCOL)?;
    let mut server = match Server::enter(&call).await {
        // It speaks for itself and is refused: it is gone.
        Err(error) if call.ask.admin.is_none() && error.kind == Kind::Unauthorized => {
            return Ok(Revoked::Done);
        }
        entered => entered?,
    };
    let account = server.account(&key.user).await?;
    let own = name_of(&key.password);
    let name = call.other_id(&own)?.unwrap_or(&own);
    if let Some(digest) = account.digests.iter().find(|digest| short(digest) == name) {
        server.change(&key.user, '!', digest).await?;
    }
    for mark in server.marks().await?.iter().filter(|mark| short(&mark.digest) == name) {
        server.unmark(&mark.name).await?;
    }
    // Also where it is gone already: the call before may have ended just here.
    server.keep().await?;
    if call.choice("end_sessions", &["no", "yes"])? == "yes" {
        server
            .command(&[b"CLIENT", b"KILL", b"USER", key.user.as_bytes(), b"SKIPME", b"yes"])
            .await?;
    }
    Ok(Revoked::Done)
}

async fn list(call: Call<'_>) -> Step<Vec<Listed>> {
    let user = Place::of_key(&call, &PROTOCOL)?.user;
    let mut server = Server::enter(&call).await?;
    let account = server.account(&user).await?;
    let marks = server.marks().await?;
    let name = |digest: &str| {
        marks.iter().find(|mark| mark.digest == digest).map(|mark| mark.name.clone())
    };
    let listed = |digest: String| Listed {
        key_id: short(&digest).to_owned(),
        name: name(&digest),
        created_ms: None,
        active: account.is_on,
        hint: None,
    };
    Ok(account.digests.into_iter().map(listed).collect())
}

/// What an access list says of a user.
struct Account {
    is_on: bool,
    takes_any_password: bool,
    digests: Vec<String>,
}

/// A user that is off and may do nothing, and whose only use is its name: the label that a password
/// was made with.
struct Mark {
    name: String,
    digest: String,
}

/// Whether a label may be a mark's name, and no other user is taken for one.
fn is_mark(label: &str) -> bool {
    label.starts_with(MARK)
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

impl Mark {
    /// From a line of `ACL LIST`: `user NAME off … #DIGEST …`.
    fn read(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let ["user", name, "off", rest @ ..] = words.as_slice() else { return None };
        let digest = rest.iter().find_map(|word| word.strip_prefix('#'))?;
        is_mark(name).then(|| Self { name: (*name).to_owned(), digest: digest.to_owned() })
    }
}

/// A connection, and what it is for.
struct Server<'a> {
    call: &'a Call<'a>,
    connection: Connection,
}

impl<'a> Server<'a> {
    async fn reach(call: &'a Call<'a>, place: &Place) -> Step<Self> {
        let socket = open(call, place, &place.host).await?;
        if !place.tls {
            return Ok(Self { call, connection: Connection::new(socket) });
        }
        let sealer = Sealer::new(call, place)?;
        let sealed = call.within(CONNECT, Kind::Unreachable, async {
            sealer.seal(socket).await.map_err(|error| handshake_failed(call, &error))
        });
        Ok(Self { call, connection: Connection::new(sealed.await?) })
    }

    /// As the admin credential, or as the key itself where none is named.
    async fn enter(call: &'a Call<'a>) -> Step<Self> {
        let place = Place::of_admin(call, &PROTOCOL)?;
        let mut server = Self::reach(call, &place).await?;
        match server.login(&place).await? {
            Reply::Error(words) => Err(server.refused(&words)),
            _ => Ok(server),
        }
    }

    async fn login(&mut self, place: &Place) -> Step<Reply> {
        self.raw(&[b"AUTH", place.user.as_bytes(), place.password.expose()]).await
    }

    async fn account(&mut self, user: &str) -> Step<Account> {
        match self.command(&[b"ACL", b"GETUSER", user.as_bytes()]).await? {
            Reply::Array(parts) => Account::read(parts),
            Reply::Nil => return Err(self.call.fault(Kind::NotFound, "no such user")),
            _ => None,
        }
        .ok_or_else(|| self.call.fault(Kind::BadAnswer, "ACL GETUSER told no passwords"))
    }

    async fn change(&mut self, user: &str, sign: char, digest: &str) -> Step<()> {
        let rule = format!("{sign}{digest}");
        match self.raw(&[b"ACL", b"SETUSER", user.as_bytes(), rule.as_bytes()]).await? {
            Reply::Error(words) if sign == '!' && words.contains("does not exist") => Ok(()),
            Reply::Error(words) => Err(self.refused(&words)),
            _ => Ok(()),
        }
    }

    async fn mark(&mut self, label: &str, digest: &str) -> Step<()> {
        let rule = format!("#{digest}");
        let rules: [&[u8]; 3] = [b"reset", b"off", rule.as_bytes()];
        let command = [[b"ACL".as_slice(), b"SETUSER", label.as_bytes()], rules].concat();
        self.command(&command).await.map(drop)
    }

    async fn unmark(&mut self, name: &str) -> Step<()> {
        // Who may not remove users leaves it: it opens nothing.
        self.raw(&[b"ACL", b"DELUSER", name.as_bytes()]).await.map(drop)
    }

    /// The marks; none where the right to list users is lacking.
    async fn marks(&mut self) -> Step<Vec<Mark>> {
        let Reply::Array(lines) = self.raw(&[b"ACL", b"LIST"]).await? else {
            return Ok(Vec::new());
        };
        let lines = texts(Reply::Array(lines)).unwrap_or_default();
        Ok(lines.iter().filter_map(|line| Mark::read(line)).collect())
    }

    /// Makes the change outlive the server: in its file of access lists, else in its configuration.
    async fn keep(&mut self) -> Step<()> {
        if self.call.choice("persist", &["yes", "no"])? == "no" {
            return Ok(());
        }
        let Reply::Error(words) = self.raw(&[b"ACL", b"SAVE"]).await? else { return Ok(()) };
        if !words.contains("not configured to use an ACL file") {
            return Err(self.refused(&words));
        }
        match self.raw(&[b"CONFIG", b"REWRITE"]).await? {
            Reply::Error(_) => Err(self.call.not_configured(
                "the server keeps its access lists in memory alone, so a restart would bring the old password back: \
                 set `aclfile`, or params.persist = \"no\"",
            )),
            _ => Ok(()),
        }
    }

    async fn command(&mut self, command: &[&[u8]]) -> Step<Reply> {
        match self.raw(command).await? {
            Reply::Error(words) => Err(self.refused(&words)),
            reply => Ok(reply),
        }
    }

    async fn raw(&mut self, command: &[&[u8]]) -> Step<Reply> {
        let call = self.call;
        call.within(WORK, Kind::Lost, async {
            self.connection.ask(command).await.map_err(|broken| match broken {
                Broken::Ended => call.fault(Kind::Lost, "the connection ended before the reply"),
                Broken::NoReply => {
                    call.fault(Kind::BadAnswer, "the reply is not RESP2, or past a bound")
                }
            })
        })
        .await
    }

    fn refused(&self, words: &str) -> VendorError {
        let kind = match first_word(words) {
            "WRONGPASS" | "NOAUTH" => Kind::Unauthorized,
            "NOPERM" => Kind::Forbidden,
            "LOADING" | "BUSY" | "MASTERDOWN" | "TRYAGAIN" => Kind::VendorFailed,
            _ => Kind::Conflict,
        };
        self.call.fault(kind, format!("the server answered {}", known(first_word(words))))
    }
}

impl Account {
    /// Names and contents in turn; `flags` and `passwords` among them.
    fn read(parts: Vec<Reply>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let (mut flags, mut digests) = (None, None);
        while let (Some(Reply::Text(name)), Some(content)) = (parts.next(), parts.next()) {
            match name.as_slice() {
                b"flags" => flags = Some(texts(content)?),
                b"passwords" => digests = Some(texts(content)?),
                _ => {}
            }
        }
        let flags = flags?;
        let has = |flag: &str| flags.iter().any(|at| at == flag);
        Some(Self { is_on: has("on"), takes_any_password: has("nopass"), digests: digests? })
    }
}

fn texts(reply: Reply) -> Option<Vec<String>> {
    let Reply::Array(elements) = reply else { return None };
    let text = |element| match element {
        Reply::Text(bytes) => String::from_utf8(bytes).ok(),
        _ => None,
    };
    elements.into_iter().map(text).collect()
}

fn digest_of(password: &Value) -> String {
    hex(digest(&SHA256, password.expose()).as_ref())
}

fn name_of(password: &Value) -> String {
    short(&digest_of(password)).to_owned()
}

fn short(digest: &str) -> &str {
    digest.get(..NAME_DIGITS).unwrap_or(digest)
}

/// The kind of an error: its first word.
fn first_word(words: &str) -> &str {
    words.split(' ').next().unwrap_or_default()
}

/// The kind of an error, if it is one: a server's words may repeat what it was sent.
fn known(word: &str) -> &str {
    const KINDS: [&str; 11] = [
        "WRONGPASS",
        "NOAUTH",
        "NOPERM",
        "LOADING",
        "BUSY",
        "MASTERDOWN",
        "TRYAGAIN",
        "READONLY",
        "NOREPLICAS",
        "MISCONF",
        "DENIED",
    ];
    KINDS.into_iter().find(|kind| *kind == word).unwrap_or("ERR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_whatever_else_the_server_tells() {
        let texts = |texts: &[&str]| {
            Reply::Array(texts.iter().map(|text| Reply::Text(text.as_bytes().to_vec())).collect())
        };
        let name = |text: &str| Reply::Text(text.as_bytes().to_vec());
        let account = Account::read(vec![
            name("flags"),
            texts(&["on", "nopass"]),
            name("passwords"),
            texts(&["ab", "cd"]),
            name("selectors"),
            Reply::Nil,
        ])
        .unwrap();
        assert!(account.is_on && account.takes_any_password);
        assert_eq!(account.digests, ["ab", "cd"]);
        assert!(Account::read(vec![name("flags"), texts(&[])]).is_none());
        assert!(Account::read(vec![name("flags"), Reply::Nil]).is_none());
        assert_eq!(known(first_word("SECRET-echoed here")), "ERR");
        let mark =
            Mark::read("user clawvault-x-1 off sanitize-payload #ab resetchannels -@all").unwrap();
        assert_eq!((mark.name.as_str(), mark.digest.as_str()), ("clawvault-x-1", "ab"));
        // Another's user is no mark, and neither is one that may come in.
        assert!(Mark::read("user app off #ab").is_none());
        assert!(Mark::read("user clawvault-x-1 on #ab").is_none());
    }
}
