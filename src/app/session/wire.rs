//! Requests as the daemon's messages, and back.

mod reply;
mod steps;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clawvault_core::crypto::{Digest, VaultKey};
use clawvault_core::domain::limits::MAX_VALUE;
use clawvault_core::domain::{
    Event, FieldName, Injection, Outcome, ProfileName, Program, SecretName, Value, Variable,
};
use clawvault_core::memory::LockedBytes;
use clawvault_core::platform::process::ProcessId;
use clawvault_core::vault::{Keep, Put, Want};
use clawvault_proto::convert::{self, Revealing};
use clawvault_proto::frame::{MAX_MESSAGE, PIECE};
use clawvault_proto::messages::{self as m, request::What};
use clawvault_proto::{Frame, FrameError};

use super::{GatewayAsk, Request};
use crate::app::{FromName, Query, RunAsk, SetOptions, Setting};
use crate::launch::Room;

pub use reply::{failure, frames};
pub(super) use reply::{gather, told};
use steps::{step_message, step_of};

/// A message with the values behind it.
pub(super) type Sent = (What, Vec<Value>);

/// What a peer asks for.
#[allow(clippy::large_enum_variant, reason = "one is taken apart as soon as it is read")]
pub enum Inbound {
    /// To open the vault with this key, of the slot of this recipient.
    Unlock(VaultKey, String),
    /// To close it.
    Lock,
    /// To be taken for the operator, because it has the key.
    Prove(VaultKey),
    /// How things stand.
    Status,
    /// The vault's header.
    Header,
    /// To work on the store, with this key.
    Borrow(VaultKey),
    /// To give the store back.
    GiveBack,
    /// Something of the vault.
    Use(Request),
    /// Values of an import; more of them follow.
    More(Vec<Put>),
    /// Records to keep; more of them follow.
    MoreToKeep(Vec<Keep>),
}

/// Turns a request into messages; only an import is more than one.
pub(super) fn encode(request: Request) -> Result<Vec<Sent>, FrameError> {
    let mut body = Vec::new();
    let what = match request {
        Request::Get(want, one_field) => What::Get(m::Get {
            name: Some(m::Name::of(&want.profile, &want.name)),
            version: want.version.unwrap_or(0),
            one_field,
        }),
        Request::List(profile, removed) => {
            What::List(m::List { profile: profile.map(|p| p.to_string()), removed })
        }
        Request::Show(event, profile, name) => What::Show(m::Show {
            name: Some(m::Name::of(&profile, &name)),
            history: event == Event::History,
        }),
        Request::Set(setting, options) => {
            let put = set_as_put(setting, options);
            let m::Put { name, vendor, injections, fields, .. } =
                convert::put_message(&put, &mut body);
            let injections = injections.unwrap_or_default().all;
            What::Set(m::Set { name, vendor, injections, fields })
        }
        Request::Remove(profile, name, purge) => {
            What::Remove(m::Remove { name: Some(m::Name::of(&profile, &name)), purge })
        }
        Request::RollBack(profile, name, to) => What::RollBack(m::RollBack {
            name: Some(m::Name::of(&profile, &name)),
            version: to.unwrap_or(0),
        }),
        Request::PolicyShow => What::PolicyShow(m::Empty {}),
        Request::PolicyText => What::PolicyText(m::Empty {}),
        Request::PolicyApply(text) => {
            body = document(&text)?;
            What::PolicyApply(m::Empty {})
        }
        Request::Export(profile, only, without_admin) => What::Export(m::Export {
            profile: profile.to_string(),
            only: only.iter().map(ToString::to_string).collect(),
            without_admin,
        }),
        Request::Values => What::Values(m::Empty {}),
        Request::Verify(profile, only) => What::Verify(m::Verify {
            profile: profile.to_string(),
            only: only.iter().map(ToString::to_string).collect(),
        }),
        Request::Run(ask) => What::Run(run_message(ask)),
        Request::Resolve(profile, ids) => What::Resolve(m::Resolve {
            profile: profile.to_string(),
            ids: ids.into_iter().map(place_message).collect(),
        }),
        Request::Log(query, digests) => What::Log(m::Query {
            since_ms: query.since_ms,
            secret: query.secret.map(|name| name.to_string()),
            agent: query.agent.map(|name| name.to_string()),
            event: query.event,
            outcome: query.outcome.map(|outcome| outcome.to_string()),
            kept: query.kept.map(|(entries, hash)| m::Head { entries, hash: hash.0.to_vec() }),
            digests,
        }),
        Request::Backup(directory, name, replace) => What::Backup(m::Backup {
            directory: directory.into_os_string().into_vec(),
            name,
            replace,
        }),
        Request::Import(puts, commit) => return Ok(import_messages(&puts, commit)),
        Request::Health(ids) => What::Health(m::HealthQuery { ids }),
        Request::Kept(names) => What::Kept(m::KeptQuery { names }),
        Request::Keep(changes) => return Ok(keep_messages(changes)),
        Request::Lives(key) => What::Lives(m::LifeQuery {
            name: key.map(|(profile, name)| m::Name::of(&profile, &name)),
        }),
        Request::Steps(revoke, steps) => {
            let steps: Result<_, FrameError> =
                steps.into_iter().map(|step| step_message(step, &mut body)).collect();
            What::Steps(m::Steps { revoke, steps: steps? })
        }
        Request::Keys(revoke, wants) => What::Keys(m::Keys {
            revoke,
            wants: wants
                .iter()
                .map(|want| m::VersionOf {
                    name: Some(m::Name::of(&want.profile, &want.name)),
                    version: want.version.unwrap_or(0),
                })
                .collect(),
        }),
        Request::Attest(drill, text) => {
            body = document(&text)?;
            if drill { What::AttestDrill(m::Empty {}) } else { What::Attest(m::Empty {}) }
        }
        Request::ReportKey => What::ReportKey(m::Empty {}),
        Request::Gateway(GatewayAsk::Start(gateway, run)) => {
            What::GatewayStart(m::GatewayStart { gateway: gateway.to_string(), run })
        }
        Request::Gateway(GatewayAsk::Window(gateway, process, seconds)) => {
            let ProcessId { pid, started } = process;
            let gateway = gateway.to_string();
            What::GatewayWindow(m::GatewayWindow { gateway, pid, started, seconds })
        }
    };
    Ok(vec![(what, body)])
}

fn set_as_put(setting: Setting, options: SetOptions) -> Put {
    let pair = |(variable, field)| Injection { variable, field };
    Put {
        profile: setting.profile,
        name: setting.name,
        vendor: options.vendor,
        admin: false,
        injections: Some(options.variables.into_iter().map(pair).collect()),
        add: false,
        fields: setting.fields,
    }
}

fn import_messages(puts: &[Put], commit: bool) -> Vec<Sent> {
    let mut all = Vec::new();
    let (mut import, mut body, mut bytes) = (m::Import::default(), Vec::new(), 0);
    for put in puts {
        import.puts.push(convert::put_message(put, &mut body));
        // What a put's own names take is a bounded part of it.
        bytes += 4096 + put.fields.iter().map(|(_, value)| value.len()).sum::<usize>();
        if bytes > PIECE * 4 {
            let more = m::Import { more: true, commit, ..std::mem::take(&mut import) };
            all.push((What::Import(more), std::mem::take(&mut body)));
            bytes = 0;
        }
    }
    all.push((What::Import(m::Import { more: false, commit, ..import }), body));
    all
}

fn keep_messages(changes: Vec<Keep>) -> Vec<Sent> {
    let (mut all, mut keep, mut bytes) = (Vec::new(), m::Keep::default(), 0);
    for change in changes {
        bytes += 512 + change.now.len();
        if bytes > MAX_MESSAGE / 2 && !keep.records.is_empty() {
            let more = m::Keep { more: true, ..std::mem::take(&mut keep) };
            all.push((What::Keep(more), Vec::new()));
            bytes = 512 + change.now.len();
        }
        let Keep { name, was, now } = change;
        keep.records.push(m::Kept { name, was: was.to_vec(), bytes: now });
    }
    all.push((What::Keep(keep), Vec::new()));
    all
}

fn keep_of(kept: m::Kept) -> Result<Keep, FrameError> {
    Ok(Keep { name: kept.name, was: check(kept.was.try_into())?, now: kept.bytes })
}

fn document(text: &str) -> Result<Vec<Value>, FrameError> {
    let pieces = text.as_bytes().chunks(MAX_VALUE);
    pieces.map(|piece| Value::copy_of(piece).map_err(|_| FrameError::Malformed)).collect()
}

fn place_message((name, field): (SecretName, Option<FieldName>)) -> m::Place {
    let field = field.map(|field| field.to_string());
    m::Place { variable: String::new(), secret: name.to_string(), field }
}

fn from_message(from: FromName) -> m::Place {
    m::Place { variable: from.variable.to_string(), ..place_message((from.name, from.field)) }
}

fn run_message(ask: RunAsk) -> m::Run {
    let variable = |(name, length): (OsString, usize)| m::Variable {
        name: name.into_vec(),
        bytes: length as u64,
    };
    let room = m::Room {
        max: ask.room.max as u64,
        arguments: ask.room.arguments as u64,
        variables: ask.room.variables.into_iter().map(variable).collect(),
    };
    m::Run {
        run: ask.run,
        program: ask.program.path,
        file: ask.program.file.as_ref().map(Into::into),
        profile: ask.profile.map(|profile| profile.to_string()),
        agent: ask.agent.map(|agent| agent.to_string()),
        only: ask.only.iter().map(ToString::to_string).collect(),
        env: ask.env.into_iter().map(from_message).collect(),
        files: ask.files.into_iter().map(from_message).collect(),
        places: ask.places.into_iter().map(place_message).collect(),
        room: Some(room),
        beside: ask.beside,
    }
}

fn check<T, E>(parsed: Result<T, E>) -> Result<T, FrameError> {
    parsed.map_err(|_| FrameError::Malformed)
}

/// Reads what a peer sent.
///
/// # Errors
/// Where something in it is not what it has to be.
pub fn decode_request(frame: &Frame) -> Result<Inbound, FrameError> {
    let request: m::Request = frame.decode()?;
    let mut values = Revealing::of(&frame.body);
    let version = |number: u32| Some(number).filter(|number| *number > 0);
    let key = |body: &LockedBytes| VaultKey::from_locked(body).ok_or(FrameError::Malformed);
    let request = match request.what.ok_or(FrameError::Malformed)? {
        What::Unlock(unlock) => return Ok(Inbound::Unlock(key(&frame.body)?, unlock.opened_by)),
        What::Prove(_) => return Ok(Inbound::Prove(key(&frame.body)?)),
        What::Borrow(_) => return Ok(Inbound::Borrow(key(&frame.body)?)),
        What::GiveBack(_) => return Ok(Inbound::GiveBack),
        What::Header(_) => return Ok(Inbound::Header),
        What::Lock(_) => return Ok(Inbound::Lock),
        What::Status(_) => return Ok(Inbound::Status),
        What::Import(import) => {
            let puts: Result<_, FrameError> =
                import.puts.into_iter().map(|put| convert::put(put, &mut values)).collect();
            values.end()?;
            let puts = puts?;
            return Ok(match import.more {
                true => Inbound::More(puts),
                false => Inbound::Use(Request::Import(puts, import.commit)),
            });
        }
        What::Set(set) => {
            let m::Set { name, vendor, injections, fields } = set;
            let injections = Some(m::Injections { all: injections });
            let put = m::Put { name, vendor, injections, fields, ..m::Put::default() };
            let put = convert::put(put, &mut values)?;
            values.end()?;
            let pair = |i: Injection| (i.variable, i.field);
            let variables = put.injections.unwrap_or_default().into_iter().map(pair).collect();
            let setting = Setting { profile: put.profile, name: put.name, fields: put.fields };
            return Ok(Inbound::Use(Request::Set(
                setting,
                SetOptions { vendor: put.vendor, variables, doubts: false },
            )));
        }
        What::Steps(steps) => {
            let m::Steps { revoke, steps } = steps;
            let steps: Result<_, FrameError> =
                steps.into_iter().map(|step| step_of(step, &mut values)).collect();
            values.end()?;
            return Ok(Inbound::Use(Request::Steps(revoke, steps?)));
        }
        What::ReportKey(_) => Request::ReportKey,
        drill_or_not @ (What::Attest(_) | What::AttestDrill(_)) => {
            let drill = matches!(drill_or_not, What::AttestDrill(_));
            let text = check(str::from_utf8(&frame.body))?.to_owned();
            return Ok(Inbound::Use(Request::Attest(drill, text)));
        }
        What::PolicyApply(_) => {
            let text = check(str::from_utf8(&frame.body))?.to_owned();
            return Ok(Inbound::Use(Request::PolicyApply(text)));
        }
        What::Get(get) => {
            let (profile, name) = convert::name(get.name)?;
            Request::Get(Want { profile, name, version: version(get.version) }, get.one_field)
        }
        What::List(list) => Request::List(profile(list.profile)?, list.removed),
        What::Show(show) => {
            let (profile, name) = convert::name(show.name)?;
            Request::Show(if show.history { Event::History } else { Event::Show }, profile, name)
        }
        What::Remove(remove) => {
            let (profile, name) = convert::name(remove.name)?;
            Request::Remove(profile, name, remove.purge)
        }
        What::RollBack(back) => {
            let (profile, name) = convert::name(back.name)?;
            Request::RollBack(profile, name, version(back.version))
        }
        What::PolicyShow(_) => Request::PolicyShow,
        What::PolicyText(_) => Request::PolicyText,
        What::Export(export) => Request::Export(
            check(ProfileName::parse(&export.profile))?,
            convert::names(&export.only)?,
            export.without_admin,
        ),
        What::Values(_) => Request::Values,
        What::Verify(verify) => Request::Verify(
            check(ProfileName::parse(&verify.profile))?,
            convert::names(&verify.only)?,
        ),
        What::Run(run) => Request::Run(run_ask(run)?),
        What::Resolve(resolve) => {
            let ids: Result<_, FrameError> = resolve.ids.into_iter().map(place).collect();
            Request::Resolve(check(ProfileName::parse(&resolve.profile))?, ids?)
        }
        What::Log(query) => {
            let digests = query.digests;
            Request::Log(query_of(query)?, digests)
        }
        What::Backup(backup) => {
            let directory = OsString::from_vec(backup.directory).into();
            Request::Backup(directory, backup.name, backup.replace)
        }
        What::Health(health) => Request::Health(health.ids),
        What::Kept(query) => Request::Kept(query.names),
        What::Keep(keep) => {
            let records: Result<_, FrameError> = keep.records.into_iter().map(keep_of).collect();
            return Ok(match keep.more {
                true => Inbound::MoreToKeep(records?),
                false => Inbound::Use(Request::Keep(records?)),
            });
        }
        What::Lives(query) => {
            Request::Lives(query.name.map(|name| convert::name(Some(name))).transpose()?)
        }
        What::Keys(keys) => {
            let want = |of: m::VersionOf| {
                let (profile, name) = convert::name(of.name)?;
                Ok(Want { profile, name, version: version(of.version) })
            };
            let wants: Result<_, FrameError> = keys.wants.into_iter().map(want).collect();
            Request::Keys(keys.revoke, wants?)
        }
        What::GatewayStart(start) => {
            let gateway = check(ProfileName::parse(&start.gateway))?;
            if !is_run_name(&start.run) {
                return Err(FrameError::Malformed);
            }
            Request::Gateway(GatewayAsk::Start(gateway, start.run))
        }
        What::GatewayWindow(window) => Request::Gateway(GatewayAsk::Window(
            check(ProfileName::parse(&window.gateway))?,
            ProcessId { pid: window.pid, started: window.started },
            window.seconds,
        )),
    };
    if frame.body.is_empty() { Ok(Inbound::Use(request)) } else { Err(FrameError::Malformed) }
}

/// Reads values of an import on their own; for tests of the decoder.
///
/// # Errors
/// Where something does not check.
pub fn decode_puts(frame: &Frame) -> Result<Vec<Put>, FrameError> {
    match decode_request(frame)? {
        Inbound::More(puts) | Inbound::Use(Request::Import(puts, _)) => Ok(puts),
        _ => Err(FrameError::Malformed),
    }
}

fn profile(text: Option<String>) -> Result<Option<ProfileName>, FrameError> {
    text.map(|text| check(ProfileName::parse(&text))).transpose()
}

fn place(place: m::Place) -> Result<(SecretName, Option<FieldName>), FrameError> {
    let field = place.field.map(|field| check(FieldName::parse(&field))).transpose()?;
    Ok((check(SecretName::parse(&place.secret))?, field))
}

fn from_name(from: m::Place) -> Result<FromName, FrameError> {
    let variable = check(Variable::parse(&from.variable))?;
    let (name, field) = place(from)?;
    Ok(FromName { variable, name, field })
}

fn run_ask(run: m::Run) -> Result<RunAsk, FrameError> {
    let room = run.room.unwrap_or_default();
    let size = |number: u64| check(usize::try_from(number));
    let variable = |v: m::Variable| Ok((OsStr::from_bytes(&v.name).to_owned(), size(v.bytes)?));
    let variables: Result<_, FrameError> = room.variables.into_iter().map(variable).collect();
    let all = |all: Vec<m::Place>| all.into_iter().map(from_name).collect::<Result<Vec<_>, _>>();
    let places: Result<_, FrameError> = run.places.into_iter().map(place).collect();
    if !is_run_name(&run.run) || run.program.len() > 4096 {
        return Err(FrameError::Malformed);
    }
    Ok(RunAsk {
        run: run.run,
        program: Program { path: run.program, file: run.file.as_ref().map(Into::into) },
        profile: profile(run.profile)?,
        agent: profile(run.agent)?,
        only: convert::names(&run.only)?,
        env: all(run.env)?,
        files: all(run.files)?,
        places: places?,
        beside: run.beside,
        room: Room {
            max: size(room.max)?,
            arguments: size(room.arguments)?,
            variables: variables?,
        },
    })
}

/// It names a run in the log and in a file's name: ours are sixteen digits.
fn is_run_name(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn query_of(query: m::Query) -> Result<Query, FrameError> {
    let outcomes = [Outcome::Ok, Outcome::Refused, Outcome::Failed];
    let outcome = |text: String| {
        let found = outcomes.into_iter().find(|outcome| outcome.to_string() == text);
        found.ok_or(FrameError::Malformed)
    };
    let kept = |head: m::Head| Ok((head.entries, Digest(check(head.hash.try_into())?)));
    Ok(Query {
        since_ms: query.since_ms,
        secret: query.secret.map(|text| check(SecretName::parse(&text))).transpose()?,
        agent: profile(query.agent)?,
        event: query.event,
        outcome: query.outcome.map(outcome).transpose()?,
        kept: query.kept.map(kept).transpose()?,
    })
}
