//! Docker's protocol (github.com/docker/docker-credential-helpers): a server, or a JSON object, on
//! stdin; a JSON object on stdout.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clawvault_core::domain::{ProfileName, json_text};
use clawvault_core::vault::Want;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Act, MAX_SAID, field_of, forget, keep, login, secret_for, value};
use crate::app::{App, AppError};
use crate::cli::surroundings::Context;
use crate::cli::{output, prompt};

/// The very words by which Docker knows that there is none.
const NONE: &[u8] = b"credentials not found in native keychain\n";
/// The first part of the secrets' names.
const TOOL: &str = "docker";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stored {
    #[serde(rename = "ServerURL")]
    server: String,
    username: String,
    secret: String,
}

pub(super) fn run(
    act: Act,
    profile: &ProfileName,
    context: &Context,
) -> Result<ExitCode, AppError> {
    let app = context.silent_app()?;
    if matches!(act, Act::List) {
        return list(&app, profile);
    }
    let said = prompt::stdin(MAX_SAID)?;
    let not_said = || AppError::usage("stdin is not what Docker says", "Docker calls this.");
    if matches!(act, Act::Store) {
        let stored: Stored = serde_json::from_slice(&said).map_err(|_| not_said())?;
        let fields = vec![
            ("password", value(&stored.secret)?),
            ("server", value(&stored.server)?),
            ("username", value(&stored.username)?),
        ];
        keep(&app, (profile, secret_for(TOOL, host_of(&stored.server))?), fields)?;
        return Ok(ExitCode::SUCCESS);
    }
    let server = str::from_utf8(&said).map_err(|_| not_said())?.trim();
    let name = secret_for(TOOL, host_of(server))?;
    if matches!(act, Act::Erase) {
        forget(&app, profile, &name)?;
        return Ok(ExitCode::SUCCESS);
    }
    let found = login(&app, profile, &name)?;
    let secret = found.as_ref().and_then(|found| str::from_utf8(found.password.expose()).ok());
    let (Some(found), Some(secret)) = (&found, secret) else {
        output::data(NONE);
        return Ok(ExitCode::from(1));
    };
    let username = found.username.as_deref().unwrap_or_default();
    let size = (server.len() + username.len() + secret.len()) * 6 + 64;
    let mut out = Zeroizing::new(Vec::with_capacity(size));
    for (key, text) in
        [("{\"ServerURL\":", server), (",\"Username\":", username), (",\"Secret\":", secret)]
    {
        out.extend_from_slice(key.as_bytes());
        json_text(text, &mut out);
    }
    out.extend_from_slice(b"}\n");
    output::data(&out);
    Ok(ExitCode::SUCCESS)
}

/// Every server, and its user.
fn list(app: &App, profile: &ProfileName) -> Result<ExitCode, AppError> {
    let mut all = BTreeMap::new();
    for info in app.list(Some(profile), false)?.infos {
        if !info.name.as_str().starts_with("docker/") {
            continue;
        }
        let want = Want { profile: profile.clone(), name: info.name, version: None };
        let (revealed, _) = app.get(&want, false)?;
        let text = |field: &str| {
            let value = field_of(&revealed, field)?;
            str::from_utf8(value.expose()).ok().map(str::to_owned)
        };
        if let (Some(server), Some(username)) = (text("server"), text("username")) {
            all.insert(server, username);
        }
    }
    output::json(&all);
    Ok(ExitCode::SUCCESS)
}

/// A server without its protocol.
fn host_of(server: &str) -> &str {
    server.split_once("://").map_or(server, |(_, rest)| rest)
}
