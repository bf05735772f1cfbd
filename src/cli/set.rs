//! `clawvault set`

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use base64::Engine as _;
use clawvault_core::domain::limits::{MAX_FIELDS, MAX_VALUE};
use clawvault_core::domain::{FieldName, Value, ValueError};
use clawvault_core::memory::LockedBytes;
use clawvault_core::platform::memory;
use clawvault_core::vault::PutOutcome;
use zeroize::Zeroizing;

use super::surroundings::Context;
use super::{arguments, output, prompt};
use crate::app::session::Session;
use crate::app::{AppError, Code, SetOptions, Setting};
use crate::intake::{self, Format, Tree};

/// Store a value as a new version
///
/// The value comes from stdin, or from a prompt without echo; never from an argument.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault set openai/main                         asks for the value
  clawvault set openai/main < key.txt               takes it from a file
  clawvault set env/session --generate --env SESSION_SECRET
  printf '{\"access_key_id\":\"…\",\"secret_access_key\":\"…\"}' | clawvault set aws/main --fields")]
pub(super) struct Args {
    /// Name of the secret, as in openai/main
    name: String,
    /// Not taken: a value on the command line is seen by others
    #[arg(hide = true)]
    value: Vec<std::ffi::OsString>,
    #[command(flatten)]
    profile: arguments::Profile,
    /// Id of the vendor, where the name does not begin with it
    #[arg(long, value_name = "V")]
    vendor: Option<String>,
    /// Variable to inject it as (VAR, or VAR#FIELD); replaces those it has
    #[arg(long, value_name = "VAR")]
    env: Vec<String>,
    /// Read a JSON object of fields instead of one value
    #[arg(long, conflicts_with = "generate")]
    fields: bool,
    /// Make up a random value of 256 bits
    #[arg(long)]
    generate: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    if !args.value.is_empty() {
        return Err(AppError::usage(
            "a value is never taken from the command line: other processes and the shell's history see it",
            "Pipe it in, or leave it out and be asked; change a key that you typed here.",
        ));
    }
    let name = arguments::name(&args.name)?;
    let profile = args.profile.or_default()?;
    let variables: Result<Vec<_>, AppError> = args.env.iter().map(|text| variable(text)).collect();
    let (vendor, variables) = (args.vendor.clone(), variables?);
    let options = SetOptions { vendor, variables, doubts: !args.generate };
    let fields = if args.generate {
        vec![(FieldName::default(), generated()?)]
    } else {
        read_fields(name.as_str(), args.fields)?
    };
    let (vault, stored, doubts) = context.app()?.set(Setting { profile, name, fields }, options)?;
    output::warnings(&doubts);
    let version = stored.version;
    output::talk(&match stored.outcome {
        PutOutcome::Unchanged => format!("unchanged {} version {version}", stored.name),
        PutOutcome::Relabelled => format!("stored {} version {version}, same value", stored.name),
        _ => format!("stored {} version {version}", stored.name),
    });
    finish(vault)
}

/// Reads a value, or a JSON object of fields, from stdin; on a terminal a person is asked.
pub(super) fn read_fields(name: &str, object: bool) -> Result<Vec<(FieldName, Value)>, AppError> {
    match object {
        true => parse_fields(&read(name, MAX_FIELDS * MAX_VALUE)?),
        false => Ok(vec![(FieldName::default(), one_value(name)?)]),
    }
}

/// Snapshots and closes; the change is durable already, so a failure here is only told.
pub(super) fn finish(vault: impl Into<Session>) -> Result<ExitCode, AppError> {
    let session = vault.into();
    output::warnings(&session.warnings());
    if let Err(error) = session.close() {
        output::warnings(&[format!(
            "the store was not put in order for the next command: {error}"
        )]);
    }
    Ok(ExitCode::SUCCESS)
}

fn variable(text: &str) -> Result<(clawvault_core::domain::Variable, FieldName), AppError> {
    match text.split_once('#') {
        Some((variable, field)) => Ok((arguments::variable(variable)?, arguments::field(field)?)),
        None => Ok((arguments::variable(text)?, FieldName::default())),
    }
}

fn read(name: &str, max: usize) -> Result<LockedBytes, AppError> {
    if std::io::stdin().is_terminal() {
        return prompt::value(&format!("Value of {name}: "));
    }
    prompt::stdin(max)
}

/// One value, without the newline that an editor or `echo` put behind it.
fn one_value(name: &str) -> Result<Value, AppError> {
    value_of(read(name, MAX_VALUE + 2)?)
}

/// The value in what was read, without a newline behind it.
pub(super) fn value_of(bytes: LockedBytes) -> Result<Value, AppError> {
    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let length = text.strip_suffix(b"\r").unwrap_or(text).len();
    Value::within(&Arc::new(bytes), 0..length).map_err(refused)
}

fn refused(error: ValueError) -> AppError {
    let advice = match error {
        ValueError::Empty => "Nothing was changed; pipe a value in, or type one.",
        ValueError::Nul => "Nothing was changed; encode it first, as base64 say.",
        _ => "Nothing was changed; a value that large belongs into a file of its own.",
    };
    AppError::new(Code::Usage, error.to_string(), advice)
}

fn parse_fields(bytes: &[u8]) -> Result<Vec<(FieldName, Value)>, AppError> {
    let tree = intake::maps::parse(Format::Json, bytes)
        .map_err(|error| AppError::document("stdin", &error))?;
    let not_fields = || {
        AppError::usage("stdin is not a JSON object of texts", "Write {\"field\": \"value\", …}.")
    };
    let Tree::Map(entries) = &tree else { return Err(not_fields()) };
    if entries.is_empty() || entries.len() > MAX_FIELDS {
        return Err(not_fields());
    }
    let pair = |(name, tree): (&String, &Tree)| {
        let text = tree.text().ok_or_else(not_fields)?;
        let value = Value::copy_of(text.as_bytes()).map_err(refused)?;
        Ok((arguments::field(name)?, value))
    };
    entries.iter().map(pair).collect()
}

fn generated() -> Result<Value, AppError> {
    let mut bytes = Zeroizing::new([0; 32]);
    memory::random(&mut *bytes).map_err(|_| {
        AppError::new(Code::Failed, "the system has no randomness to give", "Try again later.")
    })?;
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(*bytes);
    Value::new(text.into_bytes()).map_err(refused)
}
