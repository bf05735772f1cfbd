//! `clawvault list`

use std::process::ExitCode;

use clawvault_core::domain::SecretInfo;
use serde::Serialize;

use super::surroundings::Context;
use super::{arguments, output, time};
use crate::app::AppError;

/// List the secrets: names, variables, ages; never values
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    profile: arguments::Profile,
    /// Those that were removed and not purged
    #[arg(long)]
    removed: bool,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

/// A secret as `--json` shows it.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    profile: &'a str,
    name: &'a str,
    vendor: Option<&'a str>,
    variables: Vec<&'a str>,
    admin: bool,
    created: String,
    removed: Option<String>,
    version: Option<u32>,
    versions: Vec<ShownVersion<'a>>,
}

#[derive(Serialize)]
struct ShownVersion<'a> {
    version: u32,
    stage: &'a str,
    created: String,
    fields: Vec<&'a str>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(info: &'a SecretInfo) -> Self {
        let version = |v: &'a clawvault_core::domain::VersionInfo| ShownVersion {
            version: v.number,
            stage: v.stage.as_str(),
            created: time::moment(v.created_ms),
            fields: v.fields.iter().map(|(name, _)| name.as_str()).collect(),
        };
        Self {
            profile: info.profile.as_str(),
            name: info.name.as_str(),
            vendor: info.vendor.as_deref(),
            variables: info.injections.iter().map(|i| i.variable.as_str()).collect(),
            admin: info.admin,
            created: time::moment(info.created_ms),
            removed: info.removed_ms.map(time::moment),
            version: info.current().map(|v| v.number),
            versions: info.versions.iter().map(version).collect(),
        }
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let profile = args.profile.named()?;
    let (all, warnings) = context.app()?.list(profile.as_ref(), args.removed)?;
    output::warnings(&warnings);
    if args.json {
        let shown: Vec<Shown<'_>> = all.iter().map(Shown::new).collect();
        output::json(&shown);
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = Vec::with_capacity(all.len() + 1);
    if output::is_terminal() && !all.is_empty() {
        rows.push(["NAME", "PROFILE", "VERSION", "AGE", "VARIABLES"].map(str::to_owned).to_vec());
    }
    rows.extend(all.iter().map(row));
    output::table(&rows);
    Ok(ExitCode::SUCCESS)
}

fn row(info: &SecretInfo) -> Vec<String> {
    let current = info.current();
    let variables: Vec<&str> = info.injections.iter().map(|i| i.variable.as_str()).collect();
    let mut variables = variables.join(",");
    if info.admin {
        variables.push_str(" (admin, never injected)");
    }
    vec![
        info.name.to_string(),
        info.profile.to_string(),
        current.map(|v| v.number.to_string()).unwrap_or_default(),
        current.map(|v| time::age(v.created_ms)).unwrap_or_default(),
        variables,
    ]
}
