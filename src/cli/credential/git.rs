//! git's protocol (git-credential(1)): `key=value` lines in, `username` and `password` out.

use std::process::ExitCode;

use clawvault_core::domain::ProfileName;
use zeroize::Zeroizing;

use super::{Act, MAX_SAID, forget, keep, login, secret_for, value};
use crate::app::{App, AppError};
use crate::cli::surroundings::Context;
use crate::cli::{output, prompt};

/// What git says to a user name that nobody named: the one that code hosts take beside a token.
const USERNAME: &str = "x-access-token";

pub(super) fn run(
    act: Act,
    profile: &ProfileName,
    context: &Context,
) -> Result<ExitCode, AppError> {
    let said = prompt::stdin(MAX_SAID)?;
    let said = str::from_utf8(&said).map_err(|_| {
        AppError::usage("stdin is no text", "git calls this; see `git help credentials`.")
    })?;
    let of = |key: &str| {
        let pairs = said.lines().filter_map(|line| line.split_once('='));
        pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).last()
    };
    // Other protocols have no passwords, or are none of our business.
    let is_web = matches!(of("protocol"), Some("https" | "http"));
    let Some(host) = of("host").filter(|host| !host.is_empty() && is_web) else {
        return Ok(ExitCode::SUCCESS);
    };
    let name = secret_for("git", host)?;
    let app = context.silent_app()?;
    match act {
        Act::Get => get(&app, profile, &name, of("username"))?,
        Act::Store => {
            if let (Some(username), Some(password)) = (of("username"), of("password")) {
                let fields = vec![("password", value(password)?), ("username", value(username)?)];
                keep(&app, (profile, name), fields)?;
            }
        }
        Act::Erase => {
            // Only what was refused is forgotten: a newer one may be there already.
            let refused = of("password");
            let kept = login(&app, profile, &name)?;
            if kept
                .is_some_and(|kept| refused.is_none_or(|r| r.as_bytes() == kept.password.expose()))
            {
                forget(&app, profile, &name)?;
            }
        }
        Act::List => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn get(
    app: &App,
    profile: &ProfileName,
    name: &clawvault_core::domain::SecretName,
    asked: Option<&str>,
) -> Result<(), AppError> {
    let Some(found) = login(app, profile, name)? else { return Ok(()) };
    let username = match (found.username.as_deref(), asked) {
        // git wants another user's: that one is not here.
        (Some(known), Some(asked)) if known != asked => return Ok(()),
        (Some(known), _) => known,
        (None, asked) => asked.unwrap_or(USERNAME),
    };
    let Ok(password) = str::from_utf8(found.password.expose()) else { return Ok(()) };
    if username.contains('\n') || password.contains('\n') {
        let advice = "git has no way to take it; keep it without a line break.";
        return Err(AppError::usage(format!("{name} has several lines"), advice));
    }
    let size = username.len() + password.len() + 24;
    let mut out = Zeroizing::new(Vec::with_capacity(size));
    for part in ["username=", username, "\npassword=", password, "\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    output::data(&out);
    Ok(())
}
