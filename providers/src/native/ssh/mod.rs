//! SSH keys of a login: a pair is made here, its public half gets a line in `authorized_keys` with
//! the options of the old key's line, `ssh` itself proves it, and the old line goes.
//!
//! The file is one of this machine (`params.authorized_keys`), or the host's, edited over a login
//! with the admin key, or with the key itself where none is named.
//!
//! Params: `host`, `port`, `user`, `host_key` (the host's own public key, pinned), `authorized_keys`,
//! `file` (the path on the host, `.ssh/authorized_keys` unless said); `session_key`, set by the
//! caller: public key of the operator's own session, which is never cut.

pub mod authorized;
mod file;
mod keys;

pub use keys::{public, public_of};
mod login;

use super::call::{Call, Step};
use crate::adapter::{
    Abilities, Adapter, Answer, Ask, Created, Identity, Kind, Listed, Operation, Revoked, Validity,
};
use authorized::{fingerprint, lines, successor};
use file::KeysFile;
use keys::Pair;
use login::{Host, Login};

/// Id of the vendor.
pub const VENDOR: &str = "ssh";

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct Ssh;

impl Adapter for Ssh {
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
        let login = Host::of(&call).ok().flatten().map(|host| host.label());
        let login = login.unwrap_or_else(|| "params.host".to_owned());
        let place = match call.param("authorized_keys") {
            Some(path) => path.to_owned(),
            None => format!("authorized_keys of {login}"),
        };
        vec![match operation {
            Operation::Validate => format!("ssh -N {login}"),
            Operation::Create => format!("make an ed25519 pair; append its line to {place}"),
            Operation::Revoke => format!("remove the key's line from {place}"),
            Operation::List => format!("read {place}"),
        }]
    }
}

async fn validate(call: Call<'_>) -> Step<Validity> {
    let Some(host) = Host::of(&call)? else {
        return Ok(Validity::Unknown("params.host names no login to try the key at".to_owned()));
    };
    let pair = Pair::of(&call, call.key())?;
    Ok(match host.login(&call, pair.private).await? {
        Login::Accepted => Validity::Live(Identity {
            owner: Some(host.label()),
            key_id: Some(fingerprint(pair.blob())),
            ..Identity::default()
        }),
        Login::Refused => Validity::Dead("publickey refused".to_owned()),
    })
}

async fn create(call: Call<'_>) -> Step<Created> {
    let pair = Pair::of(&call, call.key())?;
    let admin = admin(&call)?;
    let host = Host::of(&call)?;
    let file =
        KeysFile::of(&call, host.as_ref(), admin.as_ref().map_or(pair.private, |it| it.private))?;
    let label = &call.ask.label;
    if label.contains(['\n', '\r']) {
        return Err(call.not_configured("the label has more than one line"));
    }
    let (fields, public) = keys::make(&call)?;
    let text = file.read(&call).await?;
    let none = || {
        call.fault(
            Kind::NotFound,
            "the old key has no line in authorized_keys, whose options the new one could have",
        )
    };
    let line = successor(&text, pair.blob(), &public, label).ok_or_else(none)?;
    file.add(&call, &line).await?;
    Ok(Created { fields, key_id: Some(fingerprint(keys::blob(&public))), expires_ms: None })
}

async fn revoke(call: Call<'_>) -> Step<Revoked> {
    let pair = Pair::of(&call, call.key())?;
    let admin = admin(&call)?;
    let host = Host::of(&call)?;
    let file =
        KeysFile::of(&call, host.as_ref(), admin.as_ref().map_or(pair.private, |it| it.private))?;
    let text = match file.read(&call).await {
        // It speaks for itself and is refused: it is gone.
        Err(error) if admin.is_none() && error.kind == Kind::Unauthorized => {
            return Ok(Revoked::Done);
        }
        read => read?,
    };
    let own = fingerprint(pair.blob());
    let wanted = call.other_id(&own)?.unwrap_or(&own);
    let Some(line) = lines(&text).find(|line| line.fingerprint() == wanted) else {
        return Ok(Revoked::Done);
    };
    let blob = line.blob.to_owned();
    let session = call.param("session_key").and_then(public);
    let own = admin.as_ref().is_some_and(|admin| admin.blob() == blob);
    if own || session.is_some_and(|key| keys::blob(&key) == blob) {
        return Err(call.fault(
            Kind::Conflict,
            "it is the key of your own session, or of the admin: it stays",
        ));
    }
    let is_last = lines(&text).all(|line| line.blob == blob);
    if is_last && matches!(file, KeysFile::There(..)) {
        return Err(call.fault(
            Kind::Conflict,
            "it is the last key of that login: nobody could enter any more",
        ));
    }
    file.remove(&call, &blob).await?;
    Ok(Revoked::Done)
}

async fn list(call: Call<'_>) -> Step<Vec<Listed>> {
    let pair = Pair::of(&call, call.key())?;
    let admin = admin(&call)?;
    let host = Host::of(&call)?;
    let file =
        KeysFile::of(&call, host.as_ref(), admin.as_ref().map_or(pair.private, |it| it.private))?;
    let text = file.read(&call).await?;
    let named = |comment: &str| Some(comment.to_owned()).filter(|comment| !comment.is_empty());
    let listed = lines(&text).map(|line| Listed {
        key_id: line.fingerprint(),
        name: named(line.comment),
        created_ms: None,
        active: true,
        hint: None,
    });
    Ok(listed.collect())
}

fn admin<'a>(call: &Call<'a>) -> Step<Option<Pair<'a>>> {
    call.ask.admin.as_ref().map(|fields| Pair::of(call, fields)).transpose()
}
