//! `clawvault list`

use std::process::ExitCode;

use clawvault_core::domain::SecretInfo;
use clawvault_core::platform::{Clock, SystemClock};
use serde::Serialize;

use super::surroundings::Context;
use super::{arguments, output, time};
use crate::app::AppError;
use crate::app::rotation::{Due, Standing};

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
    /// When it is to be rotated next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_rotation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overdue_days: Option<i64>,
    /// The version in use was revoked, and is handed out to nobody.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    revoked: bool,
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
            next_rotation: None,
            overdue_days: None,
            revoked: false,
        }
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let profile = args.profile.named()?;
    let listed = context.app()?.list(profile.as_ref(), args.removed)?;
    let (all, standings, warnings) = (listed.infos, listed.standings, listed.warnings);
    output::warnings(&warnings);
    if args.json {
        let shown: Vec<Shown<'_>> = all
            .iter()
            .map(|info| {
                let standing = standing_of(&standings, info);
                let due = standing.and_then(|standing| standing.due.as_ref());
                let over = |due: &Due| (SystemClock.now_ms() - due.at_ms) / 86_400_000;
                Shown {
                    next_rotation: due.map(|due| time::moment(due.at_ms)),
                    overdue_days: due.filter(|due| due.is_due).map(over),
                    revoked: standing.is_some_and(is_revoked),
                    ..Shown::new(info)
                }
            })
            .collect();
        output::json(&shown);
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = Vec::with_capacity(all.len() + 1);
    if output::is_terminal() && !all.is_empty() {
        let head = ["NAME", "PROFILE", "VERSION", "AGE", "VARIABLES", "ROTATION"];
        rows.push(head.map(str::to_owned).to_vec());
    }
    rows.extend(all.iter().map(|info| row(info, standing_of(&standings, info))));
    output::table(&rows);
    Ok(ExitCode::SUCCESS)
}

fn standing_of<'a>(standings: &'a [Standing], info: &SecretInfo) -> Option<&'a Standing> {
    let is = |standing: &&Standing| {
        standing.info.profile == info.profile && standing.info.name == info.name
    };
    standings.iter().find(is)
}

/// Whether the version in use was revoked.
fn is_revoked(standing: &Standing) -> bool {
    let current = standing.info.current().map(|version| version.number);
    current.is_some_and(|number| standing.life.blocked.contains(&number))
}

/// Whether it was revoked, else when it is rotated next: `due` where that is over, else in how many days.
fn rotation(standing: &Standing) -> String {
    if is_revoked(standing) {
        return "revoked".to_owned();
    }
    standing.due.as_ref().map(next).unwrap_or_default()
}

fn next(due: &Due) -> String {
    let days = (due.at_ms - SystemClock.now_ms()) / 86_400_000;
    match (due.is_due, days) {
        (true, 0) => "due".to_owned(),
        (true, days) => format!("due for {}d", -days),
        (false, 0) => "today".to_owned(),
        (false, days) => format!("in {days}d"),
    }
}

fn row(info: &SecretInfo, standing: Option<&Standing>) -> Vec<String> {
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
        // A pipe gets the columns that it always got.
        standing.filter(|_| output::is_terminal()).map(rotation).unwrap_or_default(),
    ]
}
