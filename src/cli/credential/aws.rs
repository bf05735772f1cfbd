//! `credential_process` of the AWS tools: one JSON object of version 1 on stdout.

use std::process::ExitCode;

use clawvault_core::domain::{ProfileName, SecretName, json_text};
use clawvault_core::vault::Want;
use zeroize::Zeroizing;

use super::field_of;
use crate::app::{AppError, Code};
use crate::cli::output;
use crate::cli::surroundings::Context;

/// Fields of the secret, their names in the document, and whether there must be one.
const FIELDS: &[(&str, &str, bool)] = &[
    ("access_key_id", "AccessKeyId", true),
    ("secret_access_key", "SecretAccessKey", true),
    ("session_token", "SessionToken", false),
];

pub(super) fn run(
    name: &SecretName,
    profile: &ProfileName,
    context: &Context,
) -> Result<ExitCode, AppError> {
    let want = Want { profile: profile.clone(), name: name.clone(), version: None };
    let (revealed, warnings) = context.silent_app()?.get(&want, false)?;
    output::warnings(&warnings);
    let length: usize = revealed.fields.iter().map(|(_, value)| value.len() * 6 + 64).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(length + 64));
    out.extend_from_slice(b"{\"Version\":1");
    for (field, key, needed) in FIELDS {
        let value = field_of(&revealed, field).and_then(|v| str::from_utf8(v.expose()).ok());
        match value {
            Some(text) => {
                out.extend_from_slice(b",\"");
                out.extend_from_slice(key.as_bytes());
                out.extend_from_slice(b"\":");
                json_text(text, &mut out);
            }
            None if *needed => {
                let what = format!("{name} has no field {field}");
                let advice = "`clawvault set NAME --fields` stores several fields of one secret.";
                return Err(AppError::new(Code::Missing, what, advice));
            }
            None => {}
        }
    }
    out.extend_from_slice(b"}\n");
    output::data(&out);
    Ok(ExitCode::SUCCESS)
}
