//! `clawvault verify`

use std::process::ExitCode;

use serde::Serialize;

use super::surroundings::Context;
use super::{arguments, output, time};
use crate::app::{AppError, Code, Verdict, Verified};

/// Ask vendors whether they accept your keys, whose they are and what they may do
///
/// Exit codes: 0 all live, 1 one is dead, 6 a vendor cannot be reached or does not say.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault verify                        all secrets of the profile
  clawvault verify openai/main --json
  clawvault verify --profile prod")]
pub(super) struct Args {
    /// Names of secrets [default: all of the profile]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    profile: arguments::Profile,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    keys: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    profile: &'a str,
    version: u32,
    vendor: Option<&'a str>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scopes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    /// Whether the vendor was asked.
    asked: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let names: Result<Vec<_>, _> = args.names.iter().map(|name| arguments::name(name)).collect();
    let (verified, warnings) = context.app()?.verify(&args.profile.or_default()?, &names?)?;
    output::warnings(&warnings);
    let shown: Vec<Shown<'_>> = verified.iter().map(Shown::new).collect();
    if args.json {
        output::json(&Document { keys: shown });
    } else {
        let mut rows = Vec::new();
        for one in &shown {
            let about = [one.owner.map(str::to_owned), one.about(), one.reason.map(str::to_owned)];
            let about: Vec<String> = about.into_iter().flatten().collect();
            rows.push(vec![one.name.to_owned(), one.verdict.to_owned(), about.join("; ")]);
        }
        output::table(&rows);
    }
    Ok(code(&verified, !args.names.is_empty()))
}

/// One dead key outweighs what is unknown; what no vendor can be asked about counts where it was
/// named.
fn code(verified: &[Verified], named: bool) -> ExitCode {
    let any = |is: fn(&Verdict) -> bool| verified.iter().any(|one| is(&one.verdict));
    if any(|verdict| matches!(verdict, Verdict::Dead(_))) {
        return ExitCode::from(Code::No as u8);
    }
    let unasked = named && any(|verdict| matches!(verdict, Verdict::NotAsked(_)));
    match unasked || any(|verdict| matches!(verdict, Verdict::Unknown(_))) {
        true => ExitCode::from(Code::Vendor as u8),
        false => ExitCode::SUCCESS,
    }
}

impl<'a> Shown<'a> {
    fn new(one: &'a Verified) -> Self {
        let (identity, reason) = match &one.verdict {
            Verdict::Live(identity) => (Some(identity), None),
            Verdict::Dead(why) | Verdict::Unknown(why) | Verdict::NotAsked(why) => {
                (None, Some(why.as_str()))
            }
        };
        Self {
            name: one.name.as_str(),
            profile: one.profile.as_str(),
            version: one.version,
            vendor: one.vendor.as_deref(),
            verdict: one.verdict.word(),
            reason,
            owner: identity.and_then(|identity| identity.owner.as_deref()),
            scopes: identity.map(|identity| identity.scopes.as_slice()).unwrap_or_default(),
            expires: identity.and_then(|identity| identity.expires_ms).map(time::moment),
            asked: !matches!(one.verdict, Verdict::NotAsked(_)),
        }
    }

    /// What it may do, and until when.
    fn about(&self) -> Option<String> {
        let scopes = (!self.scopes.is_empty()).then(|| self.scopes.join(" "));
        let until = self.expires.as_ref().map(|end| format!("until {end}"));
        let parts: Vec<String> = scopes.into_iter().chain(until).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
