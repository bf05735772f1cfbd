//! `clawvault credential`: the vault as a helper of git, Docker and the AWS tools, each in its own
//! protocol.

mod aws;
mod docker;
mod git;

use std::process::ExitCode;

use clap::Subcommand;
use clawvault_core::domain::{FieldName, ProfileName, Revealed, SecretName, Value};
use clawvault_core::vault::Want;

use super::arguments;
use super::surroundings::Context;
use crate::app::{App, AppError, Code, SetOptions, Setting};

/// Most that a tool says on stdin, in bytes.
const MAX_SAID: usize = 64 * 1024;
/// Name by which Docker calls us: a link to this program of that name.
pub(super) const DOCKER: &str = "docker-credential-clawvault";

/// Answer git, Docker or the AWS tools with credentials from the vault
///
/// git: `git config --global credential.helper '!clawvault credential git'`. Docker: a link
/// `docker-credential-clawvault` to this program on the PATH, and "credsStore": "clawvault" in
/// ~/.docker/config.json. AWS: `credential_process = clawvault credential aws aws/main` in
/// ~/.aws/config. Claude Code: "apiKeyHelper": "clawvault get anthropic/main" in its settings.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  git config --global credential.helper '!clawvault credential git'
  ln -s \"$(command -v clawvault)\" ~/.local/bin/docker-credential-clawvault
  clawvault credential aws aws/main")]
pub(super) struct Args {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(Debug, Subcommand)]
enum Tool {
    /// git's credential helper (gitcredentials(7)): secrets git/HOST
    Git {
        /// What git asks for
        #[arg(value_enum)]
        act: Act,
        #[command(flatten)]
        profile: arguments::Profile,
    },
    /// Docker's credential helper: secrets docker/SERVER
    Docker {
        /// What Docker asks for
        #[arg(value_enum)]
        act: Act,
        #[command(flatten)]
        profile: arguments::Profile,
    },
    /// credential_process of the AWS tools: the fields access_key_id and secret_access_key
    Aws {
        /// Name of the secret
        name: String,
        #[command(flatten)]
        profile: arguments::Profile,
    },
}

/// What is asked of a helper.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Act {
    /// A credential
    Get,
    /// To keep one
    Store,
    /// To forget one
    Erase,
    /// Which there are (Docker)
    List,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    match &args.tool {
        Tool::Git { act, profile } => git::run(*act, &profile.or_default()?, context),
        Tool::Docker { act, profile } => docker::run(*act, &profile.or_default()?, context),
        Tool::Aws { name, profile } => {
            aws::run(&arguments::name(name)?, &profile.or_default()?, context)
        }
    }
}

/// The arguments of a call by Docker, as those of `credential docker`.
pub(super) fn of_docker(
    arguments: impl Iterator<Item = std::ffi::OsString>,
) -> Vec<std::ffi::OsString> {
    let own = ["clawvault", "credential", "docker"].map(Into::into);
    own.into_iter().chain(arguments.skip(1)).collect()
}

/// A credential of one tool.
struct Login {
    username: Option<String>,
    password: Value,
}

/// The name of the secret for a host or server: what a name may not hold becomes `-`.
fn secret_for(tool: &str, host: &str) -> Result<SecretName, AppError> {
    let mut name = format!("{tool}/");
    for c in host.chars() {
        let c = c.to_ascii_lowercase();
        let plain = c.is_ascii_alphanumeric() || (c == '.' && !name.ends_with(['.', '/', '-']));
        match plain {
            true => name.push(c),
            false if name.ends_with(['-', '/', '.']) => {}
            false => name.push('-'),
        }
    }
    SecretName::parse(name.trim_end_matches(['-', '.'])).map_err(|_| {
        AppError::usage("the host cannot be a name", "Names are made of a-z, 0-9 and . / -")
    })
}

/// The credential that a secret holds: its fields username and password, or the only value.
fn login(app: &App, profile: &ProfileName, name: &SecretName) -> Result<Option<Login>, AppError> {
    let want = Want { profile: profile.clone(), name: name.clone(), version: None };
    let revealed = match app.get(&want, false) {
        Ok((revealed, _)) => revealed,
        Err(error) if error.code == Code::Missing => return Ok(None),
        Err(error) => return Err(error),
    };
    let text = |field: &str| {
        let value = field_of(&revealed, field)?;
        str::from_utf8(value.expose()).ok().map(str::to_owned)
    };
    let password = field_of(&revealed, "password").or(match revealed.fields.as_slice() {
        [(_, only)] => Some(only),
        _ => None,
    });
    Ok(password.map(|password| Login { username: text("username"), password: password.clone() }))
}

fn field_of<'a>(revealed: &'a Revealed, field: &str) -> Option<&'a Value> {
    revealed.fields.iter().find(|(name, _)| name.as_str() == field).map(|(_, value)| value)
}

/// Keeps a credential, unless just this one is kept.
fn keep(
    app: &App,
    (profile, name): (&ProfileName, SecretName),
    fields: Vec<(&str, Value)>,
) -> Result<(), AppError> {
    let named = |(field, value): (&str, Value)| Ok((arguments::field(field)?, value));
    let fields: Vec<(FieldName, Value)> =
        fields.into_iter().map(named).collect::<Result<_, AppError>>()?;
    let setting = Setting { profile: profile.clone(), name, fields };
    let (session, ..) = app.set(setting, SetOptions::default())?;
    session.close()?;
    Ok(())
}

/// Forgets a credential; one that is not there is forgotten.
fn forget(app: &App, profile: &ProfileName, name: &SecretName) -> Result<(), AppError> {
    match app.remove(profile, name, false) {
        Ok((session, _)) => Ok(session.close()?),
        Err(error) if error.code == Code::Missing => Ok(()),
        Err(error) => Err(error),
    }
}

fn value(text: &str) -> Result<Value, AppError> {
    Value::copy_of(text.as_bytes())
        .map_err(|error| AppError::usage(error.to_string(), "Nothing was kept."))
}
