//! Passwords of PostgreSQL roles.
//!
//! A role has one password. So, where `params.roles` names two roles of equal rights, they take
//! turns: the idle one gets a new password and `LOGIN`, is proven, and the other one loses both. The
//! label of the rotation is the idle role's comment, by which a lost reply is settled. Where no
//! two roles are named the password is replaced in place, which is `no-overlap`.
//!
//! A password goes to the server as a SCRAM-SHA-256 verifier, which we compute: no log of statements
//! holds it in clear. Two roles need an admin credential; a role may change its own password.
//!
//! Params: `user`, `host`, `port`, `database`, `tls` (`verify-full`, `disable`), `ca_file`, `roles`;
//! `end_sessions = "no"` to let sessions that a revoked role opened end by themselves.

mod refusal;
mod session;

use clawvault_core::domain::Value;
use postgres_protocol::escape::{escape_identifier, escape_literal};
use postgres_protocol::password::scram_sha_256;

use super::call::{Call, Step};
use super::place::{Place, Protocol, named, with_login};
use crate::adapter::{
    Abilities, Adapter, Answer, Ask, Created, Identity, Kind, Level, Listed, Operation, Revoked,
    Validity,
};
use session::{NoEntry, Session};

/// Id of the vendor.
pub const VENDOR: &str = "postgres";

const PROTOCOL: Protocol =
    Protocol { schemes: &[("postgres", false), ("postgresql", false)], port: 5432, user: None };

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct Postgres;

impl Adapter for Postgres {
    fn abilities(&self) -> Abilities {
        Abilities { most_keys: Some(2), ..Abilities::AUTOMATIC }
    }

    fn abilities_for(&self, ask: &Ask) -> Abilities {
        let call = Call::new(VENDOR, Operation::Create, ask);
        match call.param("roles") {
            Some(_) => self.abilities(),
            None => Abilities { level: Level::NoOverlap, most_keys: None, ..self.abilities() },
        }
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
        let line = |statement: String| vec![format!("{server}: {statement}")];
        let pair = call.param("roles");
        match operation {
            Operation::Validate => line(format!("log in as {user}")),
            Operation::List => line("SELECT rolname, rolcanlogin FROM pg_roles".to_owned()),
            Operation::Create => {
                let (role, login) = match pair {
                    Some(pair) => (format!("(the idle one of {pair})"), "LOGIN "),
                    None => (user, ""),
                };
                line(format!("ALTER ROLE {role} {login}PASSWORD (SCRAM-SHA-256 verifier)"))
            }
            Operation::Revoke => {
                let login = if pair.is_some() { "NOLOGIN " } else { "" };
                line(format!(
                    "log in as {user}; where that succeeds ALTER ROLE {user} {login}PASSWORD NULL, end its sessions"
                ))
            }
        }
    }
}

async fn validate(call: Call<'_>) -> Step<Validity> {
    let place = Place::of_key(&call, &PROTOCOL)?;
    let session = match Session::open(&call, &place).await {
        Ok(session) => session,
        Err(NoEntry::Refused(error)) => return refusal::validity(&call, &error),
        Err(NoEntry::Failed(error)) => return Err(error),
    };
    session.run("SELECT current_user").await?;
    let key_id = Some(place.user.clone());
    Ok(Validity::Live(Identity { owner: Some(place.user), key_id, ..Identity::default() }))
}

async fn create(call: Call<'_>) -> Step<Created> {
    let key = Place::of_key(&call, &PROTOCOL)?;
    let password = call.new_password()?;
    let Some(pair) = roles(&call)? else { return replace(call, key, &password).await };
    let idle = pair.idle(&call, &key.user)?;
    if call.ask.admin.is_none() {
        return Err(
            call.not_configured("two roles need an admin credential that may alter them both")
        );
    }
    let fields = with_login(&call, &PROTOCOL, idle, &password)?;
    let admin = Session::enter(&call, &Place::of_admin(&call, &PROTOCOL)?).await?;
    ready_for_use(&call, &admin, &key.user, idle).await?;
    let name = escape_identifier(idle);
    let label = escape_literal(&call.ask.label);
    let verifier = escape_literal(&scram_sha_256(password.expose()));
    admin
        .run(&format!(
            "BEGIN; COMMENT ON ROLE {name} IS {label}; ALTER ROLE {name} LOGIN PASSWORD {verifier}; COMMIT"
        ))
        .await?;
    Ok(Created { fields, key_id: Some(idle.to_owned()), expires_ms: None })
}

/// The idle role is there, nobody uses it, and it has the rights of the one in use.
async fn ready_for_use(call: &Call<'_>, admin: &Session<'_>, user: &str, idle: &str) -> Step<()> {
    let (user, name) = (escape_literal(user), escape_literal(idle));
    let rows = admin
        .run(&format!(
            "SELECT (SELECT count(*) FROM pg_stat_activity WHERE usename = r.rolname), \
             NOT EXISTS (SELECT roleid FROM pg_auth_members m JOIN pg_roles u ON u.oid = m.member \
             WHERE u.rolname = {user} EXCEPT SELECT roleid FROM pg_auth_members WHERE member = r.oid) \
             FROM pg_roles r WHERE rolname = {name}"
        ))
        .await?;
    match rows.first().map(Vec::as_slice) {
        Some([Some(sessions), Some(equal)]) if sessions == "0" && equal == "t" => Ok(()),
        Some([Some(sessions), _]) if sessions != "0" => Err(call.fault(
            Kind::Conflict,
            format!("the idle role has {sessions} sessions: something still uses it"),
        )),
        Some(_) => Err(call.not_configured(
            "the idle role is not a member of all roles that the other one is a member of: GRANT them",
        )),
        None => Err(call.not_configured("the idle role does not exist: CREATE ROLE it, with the rights of the other one")),
    }
}

/// Replaces the password in place: the old one is refused from here on.
async fn replace(call: Call<'_>, key: Place, password: &Value) -> Step<Created> {
    if !call.ask.no_overlap_allowed {
        return Err(call.not_configured(
            "without params.roles (two roles that take turns) the password is replaced in place, \
             and the policy does not allow that",
        ));
    }
    let fields = with_login(&call, &PROTOCOL, &key.user, password)?;
    let admin = Session::enter(&call, &Place::of_admin(&call, &PROTOCOL)?).await?;
    let name = escape_identifier(&key.user);
    let verifier = escape_literal(&scram_sha_256(password.expose()));
    admin.run(&format!("ALTER ROLE {name} PASSWORD {verifier}")).await?;
    Ok(Created { fields, key_id: Some(key.user), expires_ms: None })
}

async fn revoke(call: Call<'_>) -> Step<Revoked> {
    let key = Place::of_key(&call, &PROTOCOL)?;
    let pair = roles(&call)?;
    let role = match (call.other_id(&key.user)?, &pair) {
        // The idle role, made ready by a rotation whose reply was lost.
        (Some(id), Some(pair)) if pair.has(id) => id.to_owned(),
        (Some(_), _) => {
            return Err(call.fault(Kind::NotFound, "the key's id is none of params.roles"));
        }
        // A later version may have the same role, with a password that must go on working.
        (None, _) => match Session::open(&call, &key).await {
            Ok(_) => key.user.clone(),
            Err(NoEntry::Refused(error)) => {
                return match refusal::validity(&call, &error)? {
                    Validity::Dead(_) => Ok(Revoked::Done),
                    _ => Err(refusal::fault(&call, &error)),
                };
            }
            Err(NoEntry::Failed(error)) => return Err(error),
        },
    };
    let admin = Session::enter(&call, &Place::of_admin(&call, &PROTOCOL)?).await?;
    let name = escape_identifier(&role);
    let login = if pair.is_some() { "NOLOGIN " } else { "" };
    admin.run(&format!("ALTER ROLE {name} {login}PASSWORD NULL")).await?;
    if call.choice("end_sessions", &["yes", "no"])? == "yes" {
        let role = escape_literal(&role);
        admin
            .run(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE usename = {role} AND pid <> pg_backend_pid()"
            ))
            .await?;
    }
    Ok(Revoked::Done)
}

async fn list(call: Call<'_>) -> Step<Vec<Listed>> {
    let key = Place::of_key(&call, &PROTOCOL)?;
    let session = Session::enter(&call, &Place::of_admin(&call, &PROTOCOL)?).await?;
    let names = roles(&call)?.map_or_else(|| vec![key.user], |pair| pair.0.into());
    let names: Vec<String> = names.iter().map(|name| escape_literal(name)).collect();
    let rows = session
        .run(&format!(
            "SELECT rolname, rolcanlogin, shobj_description(oid, 'pg_authid') FROM pg_roles \
             WHERE rolname IN ({}) ORDER BY rolname",
            names.join(", ")
        ))
        .await?;
    let listed = |row: Vec<Option<String>>| {
        let [key_id, active, name] = <[Option<String>; 3]>::try_from(row).ok()?;
        let active = active.as_deref() == Some("t");
        Some(Listed { key_id: key_id?, name, created_ms: None, active, hint: None })
    };
    Ok(rows.into_iter().filter_map(listed).collect())
}

/// Two roles that take turns.
struct Pair([String; 2]);

impl Pair {
    fn has(&self, role: &str) -> bool {
        self.0.iter().any(|name| name == role)
    }

    /// The one that is not in use.
    fn idle(&self, call: &Call<'_>, user: &str) -> Step<&str> {
        match &self.0 {
            [one, other] if one == user => Ok(other),
            [one, other] if other == user => Ok(one),
            _ => Err(call.not_configured("the key's user is none of params.roles")),
        }
    }
}

fn roles(call: &Call<'_>) -> Step<Option<Pair>> {
    let Some(text) = call.param("roles") else { return Ok(None) };
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    match names.as_slice() {
        [one, other] if !one.is_empty() && !other.is_empty() && one != other => {
            Ok(Some(Pair([(*one).to_owned(), (*other).to_owned()])))
        }
        _ => Err(call.not_configured("params.roles names two roles, as in \"app_a, app_b\"")),
    }
}
