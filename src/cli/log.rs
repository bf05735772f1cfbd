//! `clawvault log`

use std::process::ExitCode;

use clawvault_core::auditlog::{Entry, Item, Read};
use clawvault_core::crypto::Digest;
use clawvault_core::domain::hex;
use serde::Serialize;

use super::surroundings::Context;
use super::{arguments, output, time};
use crate::app::{Access, AppError, Code};

/// Show the audit log: who did what, never a value
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault log --since 2h
  clawvault log --secret openai/main --json
  clawvault log --verify
  clawvault log --head                              keep this line elsewhere")]
pub(super) struct Args {
    /// Entries since then: 2h, 7d, 2026-11-22, or RFC 3339
    #[arg(long, value_name = "T")]
    since: Option<String>,
    /// Entries that touch this secret
    #[arg(long, value_name = "N")]
    secret: Option<String>,
    /// Entries of this agent
    #[arg(long, value_name = "A")]
    agent: Option<String>,
    /// Check the chain from the first entry to the last
    #[arg(long, conflicts_with_all = ["since", "secret", "agent", "head"])]
    verify: bool,
    /// With --verify: a line that --head printed earlier must be part of the chain
    #[arg(long, value_name = "\"N HASH\"", requires = "verify")]
    against: Option<String>,
    /// Print where the chain stands: number of entries and its hash
    #[arg(long, conflicts_with_all = ["since", "secret", "agent"])]
    head: bool,
    /// As JSON Lines, one for each secret of an entry
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct JsonLine<'a> {
    time: String,
    event: &'a str,
    outcome: String,
    actor: JsonActor<'a>,
    profile: Option<&'a str>,
    secret: Option<&'a str>,
    version: Option<u32>,
    run: Option<&'a str>,
    agent: Option<&'a str>,
    entry: u64,
    proven: bool,
}

#[derive(Serialize)]
struct JsonActor<'a> {
    uid: u32,
    pid: u32,
    executable: &'a str,
    parent: &'a str,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let since = args.since.as_deref().map(time::since).transpose()?;
    let secret = args.secret.as_deref().map(arguments::name).transpose()?;
    let agent = args.agent.as_deref().map(arguments::profile).transpose()?;
    let kept = args.against.as_deref().map(head).transpose()?;
    let vault = context.app()?.open(Access::Read)?;
    output::warnings(&vault.warnings());
    let wanted = |entry: &Entry| {
        since.is_none_or(|since| entry.time_ms >= since)
            && agent.as_ref().is_none_or(|a| entry.agent.as_deref() == Some(a.as_str()))
    };
    let touches = |item: &Item| secret.as_ref().is_none_or(|secret| item.secret == secret.as_str());
    let mut text = String::new();
    let verdict = vault.verify_log(kept, &mut |read| {
        let Some(entry) = read.entry.as_ref().filter(|entry| wanted(entry)) else { return };
        let items: Vec<&Item> = entry.items.iter().filter(|item| touches(item)).collect();
        if secret.is_some() && items.is_empty() {
            return;
        }
        let items: Vec<Option<&Item>> =
            if items.is_empty() { vec![None] } else { items.into_iter().map(Some).collect() };
        for item in items {
            text.push_str(&if args.json { json(read, entry, item) } else { line(entry, item) });
            text.push('\n');
        }
    })?;
    let head = hex(&verdict.head.0);
    if args.head {
        output::data(format!("{} {head}\n", verdict.entries).as_bytes());
    } else if args.verify {
        if verdict.broken.is_none() {
            output::talk(&format!(
                "{} entries, the chain holds; {} written while the vault was locked",
                verdict.entries, verdict.unproven
            ));
        }
    } else {
        output::data(text.as_bytes());
    }
    match verdict.broken {
        None => Ok(ExitCode::SUCCESS),
        Some((entry, what)) => Err(AppError::new(
            if args.verify { Code::No } else { Code::Damaged },
            format!("the audit log is not in order at entry {entry}: {what}"),
            "Entries before it are sound; a head kept elsewhere (--against) tells whether they are all.",
        )),
    }
}

/// Reads a line that `--head` printed.
fn head(text: &str) -> Result<(u64, Digest), AppError> {
    let parse = || {
        let (count, hash) = text.trim().split_once(' ')?;
        let mut digest = [0; 32];
        let (digits, rest) = hash.as_bytes().as_chunks::<2>();
        if digits.len() != digest.len() || !rest.is_empty() {
            return None;
        }
        for (byte, digits) in digest.iter_mut().zip(digits) {
            *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some((count.parse().ok()?, Digest(digest)))
    };
    let advice = "Give the line as `clawvault log --head` printed it, in quotes.";
    parse().ok_or_else(|| AppError::usage("that is no head of an audit log", advice))
}

fn line(entry: &Entry, item: Option<&Item>) -> String {
    let touched = item.map(|item| match item.version {
        0 => format!(" {}", shown(item)),
        version => format!(" {} version {version}", shown(item)),
    });
    let run = entry.run.as_ref().map(|run| format!(" run {run}"));
    let agent = entry.agent.as_ref().map(|agent| format!(" agent {agent}"));
    format!(
        "{} {} {} by {} (uid {}, pid {}){}{}{}",
        time::moment(entry.time_ms),
        entry.event,
        entry.outcome,
        entry.actor.parent,
        entry.actor.uid,
        entry.actor.pid,
        agent.unwrap_or_default(),
        run.unwrap_or_default(),
        touched.unwrap_or_default(),
    )
}

fn shown(item: &Item) -> String {
    if item.profile == "default" {
        item.secret.clone()
    } else {
        format!("{}@{}", item.secret, item.profile)
    }
}

fn json(read: &Read, entry: &Entry, item: Option<&Item>) -> String {
    let actor = JsonActor {
        uid: entry.actor.uid,
        pid: entry.actor.pid,
        executable: &entry.actor.executable,
        parent: &entry.actor.parent,
    };
    let line = JsonLine {
        time: time::moment(entry.time_ms),
        event: &entry.event,
        outcome: entry.outcome.to_string(),
        actor,
        profile: item.map(|item| item.profile.as_str()),
        secret: item.map(|item| item.secret.as_str()),
        version: item.map(|item| item.version).filter(|version| *version > 0),
        run: entry.run.as_deref(),
        agent: entry.agent.as_deref(),
        entry: read.number,
        proven: read.proven,
    };
    serde_json::to_string(&line).unwrap_or_default()
}
