//! Arguments: names parsed without echoing them, and refusals that repeat nothing that was typed.
//!
//! What stands where a name should may be a value that was pasted, so neither clap's own messages
//! nor ours show it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clawvault_core::domain::{FieldName, ProfileName, SecretName, Variable};

use super::output;
use crate::app::{AppError, Code, FromName, FromTemplate};

/// Which profile a command works in.
#[derive(Debug, clap::Args)]
pub(super) struct Profile {
    /// Profile of the secret [default: default]
    #[arg(long, value_name = "P")]
    profile: Option<String>,
}

impl Profile {
    /// The profile that was named, where one was.
    pub(super) fn named(&self) -> Result<Option<ProfileName>, AppError> {
        self.profile.as_deref().map(profile).transpose()
    }

    /// The profile that was named, else `default`.
    pub(super) fn or_default(&self) -> Result<ProfileName, AppError> {
        Ok(self.named()?.unwrap_or_default())
    }
}

/// Reads a secret's name.
pub(super) fn name(text: &str) -> Result<SecretName, AppError> {
    SecretName::parse(text).map_err(|error| {
        AppError::usage(
            error.to_string(),
            "A name looks like openai/main: a-z, 0-9, and inside it . / -",
        )
    })
}

/// Reads a profile's or agent's name.
pub(super) fn profile(text: &str) -> Result<ProfileName, AppError> {
    ProfileName::parse(text).map_err(|error| {
        AppError::usage(
            error.to_string(),
            "A profile or agent looks like prod: a-z, 0-9, and inside it -",
        )
    })
}

/// Reads a field's name.
pub(super) fn field(text: &str) -> Result<FieldName, AppError> {
    FieldName::parse(text).map_err(|error| {
        AppError::usage(
            error.to_string(),
            "A field looks like access_key_id: a-z, 0-9, and inside it _ -",
        )
    })
}

/// Reads the name of an environment variable.
pub(super) fn variable(text: &str) -> Result<Variable, AppError> {
    Variable::parse(text).map_err(|error| {
        AppError::usage(error.to_string(), "A variable looks like OPENAI_API_KEY.")
    })
}

/// Splits `NAME#FIELD`.
pub(super) fn name_and_field(text: &str) -> Result<(SecretName, Option<FieldName>), AppError> {
    match text.split_once('#') {
        Some((before, after)) => Ok((name(before)?, Some(field(after)?))),
        None => Ok((name(text)?, None)),
    }
}

/// Splits `VAR=NAME` or `VAR=NAME#FIELD`.
pub(super) fn from_name(text: &str) -> Result<FromName, AppError> {
    let (before, after) = text.split_once('=').ok_or_else(|| {
        AppError::usage("`=` is missing", "Write VAR=NAME, as in OPENAI_API_KEY=openai/work.")
    })?;
    let (name, field) = name_and_field(after)?;
    Ok(FromName { variable: variable(before)?, name, field })
}

/// Splits `IN=OUT`; OUT becomes absolute.
pub(super) fn template(text: &OsStr) -> Result<FromTemplate, AppError> {
    let bytes = text.as_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=').unwrap_or(0);
    let (template, to) = (&bytes[..at], &bytes[(at + 1).min(bytes.len())..]);
    let to = std::path::absolute(OsStr::from_bytes(to));
    match (template, to) {
        ([_, ..], Ok(to)) => Ok(FromTemplate { template: OsStr::from_bytes(template).into(), to }),
        _ => {
            let advice = "Write IN=OUT, as in app.toml.in=$XDG_RUNTIME_DIR/app.toml.";
            Err(AppError::usage("a template, `=` or a path is missing", advice))
        }
    }
}

/// Says what is wrong with the arguments; help and version go to stdout as they are.
pub(super) fn explain(error: &clap::Error) -> ExitCode {
    use clap::error::{ContextKind, ContextValue};
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        output::data(error.render().to_string().as_bytes());
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        output::talk(error.render().to_string().trim_end());
        return ExitCode::from(Code::Usage as u8);
    }
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    // Of what was typed only the name of a flag is repeated.
    let flag = |text: String| {
        let name = text.split(['=', ' ']).next().unwrap_or_default().to_owned();
        let plain =
            name.starts_with("--") && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        plain.then_some(name)
    };
    let argument = context(ContextKind::InvalidArg);
    let what = match error.kind() {
        ErrorKind::UnknownArgument => match argument.and_then(flag) {
            Some(flag) => format!("there is no option {flag} here"),
            None => "there is an argument too many".to_owned(),
        },
        ErrorKind::InvalidSubcommand => "there is no such command".to_owned(),
        ErrorKind::MissingRequiredArgument => {
            format!("something is missing: {}", argument.unwrap_or_default())
        }
        ErrorKind::ArgumentConflict => {
            format!("{} does not go with the other options", argument.unwrap_or_default())
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let valid = context(ContextKind::ValidValue).unwrap_or_default();
            let valid =
                if valid.is_empty() { String::new() } else { format!(": choose from {valid}") };
            format!("the value for {} is not one it takes{valid}", argument.unwrap_or_default())
        }
        _ => "the command was not understood".to_owned(),
    };
    let error = AppError::usage(
        what,
        "`clawvault --help`, or `clawvault COMMAND --help`, shows what there is.",
    );
    // The codes of `run` are the program's own, so a refusal of ours has one that it keeps apart.
    let is_run = std::env::args_os().nth(1).is_some_and(|command| command == "run");
    let error = if is_run { error.before_launch() } else { error };
    output::error(&error);
    ExitCode::from(error.code as u8)
}
