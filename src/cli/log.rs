//! `clawvault log`

use std::process::ExitCode;

use clap::ValueEnum;
use clawvault_core::auditlog::{Digests, Entry, Item, Read, Sockets, Verdict, touched};
use clawvault_core::crypto::Digest;
use clawvault_core::domain::{FileIdentity, Mirror, Outcome, hex, unhex};
use serde::Serialize;

use super::surroundings::Context;
use super::{arguments, output, time};
use crate::app::{AppError, Code, Destination, Query};

/// Show the audit log: who did what, never a value
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault log --since 2h
  clawvault log --secret openai/main --json
  clawvault log --outcome refused
  clawvault log --verify
  clawvault log --head                              keep this line elsewhere
  clawvault log --export journald --since 1d        names of secrets are in clear there")]
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
    /// Entries of this event, as the second column names it
    #[arg(long, value_name = "WORD")]
    event: Option<String>,
    /// Entries that ended like this
    #[arg(long, value_name = "O")]
    outcome: Option<Ended>,
    /// Check the chain from the first entry to the last
    #[arg(long, conflicts_with_all = ["since", "secret", "agent", "event", "outcome", "head", "export"])]
    verify: bool,
    /// With --verify: a line that --head printed earlier must be part of the chain
    #[arg(long, value_name = "\"N HASH\"", requires = "verify")]
    against: Option<String>,
    /// Print where the chain stands: number of entries and its hash
    #[arg(long, conflicts_with_all = ["since", "secret", "agent", "event", "outcome", "export"])]
    head: bool,
    /// Send the entries to a log of the system, names of secrets in clear
    #[arg(long, value_name = "LOG", conflicts_with = "json")]
    export: Option<Target>,
    /// As JSON Lines, one for each secret of an entry
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Ended {
    Ok,
    Refused,
    Failed,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Target {
    Journald,
    Syslog,
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
    program: Option<JsonProgram<'a>>,
    entry: u64,
    proven: bool,
    late: bool,
    more: u32,
    removed: Option<JsonRemoved>,
}

#[derive(Serialize)]
struct JsonActor<'a> {
    uid: u32,
    pid: u32,
    executable: &'a str,
    executable_sha256: Option<String>,
    parent: &'a str,
    parent_pid: Option<u32>,
    parent_executable: Option<&'a str>,
    parent_executable_sha256: Option<String>,
}

#[derive(Serialize)]
struct JsonProgram<'a> {
    path: &'a str,
    sha256: Option<String>,
}

#[derive(Serialize)]
struct JsonRemoved {
    first: u64,
    last: u64,
    head: String,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let query = query(args)?;
    let app = context.app()?;
    let mut out = output::Stream::new();
    let (verdict, warnings) = if let Some(target) = args.export {
        let mirror = match target {
            Target::Journald => Mirror::Journald,
            Target::Syslog => Mirror::Syslog,
        };
        let to = Destination { mirror, sockets: Sockets::default() };
        let (count, verdict, warnings) = app.export_log(&query, &to)?;
        output::talk(&format!("{count} entries sent"));
        (verdict, warnings)
    } else {
        let silent = args.head || args.verify;
        app.log(&query, args.json, &mut |read, entry, digests| {
            silent || print(&mut out, &query, args.json, (read, entry), digests)
        })?
    };
    if args.head {
        out.line(&format!("{} {}", verdict.entries, hex(&verdict.head.0)));
    }
    out.finish();
    output::warnings(&warnings);
    judge(&verdict, args.verify)
}

fn query(args: &Args) -> Result<Query, AppError> {
    Ok(Query {
        since_ms: args.since.as_deref().map(time::since).transpose()?,
        secret: args.secret.as_deref().map(arguments::name).transpose()?,
        agent: args.agent.as_deref().map(arguments::profile).transpose()?,
        event: args.event.clone(),
        outcome: args.outcome.map(|outcome| match outcome {
            Ended::Ok => Outcome::Ok,
            Ended::Refused => Outcome::Refused,
            Ended::Failed => Outcome::Failed,
        }),
        kept: args.against.as_deref().map(head).transpose()?,
    })
}

/// Prints an entry, one line for each wanted secret; false once nobody reads.
fn print(
    out: &mut output::Stream,
    query: &Query,
    as_json: bool,
    (read, entry): (&Read, &Entry),
    digests: &mut Digests,
) -> bool {
    let mut line = |item: Option<&Item>| {
        out.line(&if as_json { json(read, entry, item, digests) } else { line(entry, item) })
    };
    if entry.items.is_empty() {
        return line(None);
    }
    entry.items.iter().filter(|item| query.touches(item)).all(|item| line(Some(item)))
}

fn judge(verdict: &Verdict, verify: bool) -> Result<ExitCode, AppError> {
    if let Some((entry, what)) = verdict.broken {
        return Err(AppError::new(
            if verify { Code::No } else { Code::Damaged },
            format!("the audit log is not in order at entry {entry}: {what}"),
            "Entries before it are sound; a head kept elsewhere (--against) tells whether they are all.",
        ));
    }
    if verify {
        output::talk(&format!(
            "{} entries, the chain holds; {} written while the vault was locked, or late",
            verdict.entries - verdict.removed,
            verdict.unproven
        ));
        if verdict.removed > 0 {
            output::talk(&format!("{} older ones were removed by retention", verdict.removed));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a line that `--head` printed.
fn head(text: &str) -> Result<(u64, Digest), AppError> {
    let parse = || {
        let (count, hash) = text.trim().split_once(' ')?;
        Some((count.parse().ok()?, Digest(unhex(hash)?)))
    };
    let advice = "Give the line as `clawvault log --head` printed it, in quotes.";
    parse().ok_or_else(|| AppError::usage("that is no head of an audit log", advice))
}

fn line(entry: &Entry, item: Option<&Item>) -> String {
    let agent = entry.agent.as_ref().map(|agent| format!(" agent {agent}"));
    let run = entry.run.as_ref().map(|run| format!(" run {run}"));
    let touched = item.map(|item| format!(" {}", touched(item)));
    let more = (entry.more > 0).then(|| format!(" {} more times", entry.more));
    let removed = entry.removed.map(|r| format!(" entries {} to {}", r.first, r.last));
    format!(
        "{} {} {} by {} (uid {}, pid {}){}{}{}{}{}{}",
        time::moment(entry.time_ms),
        entry.event,
        entry.outcome,
        entry.actor.parent,
        entry.actor.uid,
        entry.actor.pid,
        agent.unwrap_or_default(),
        run.unwrap_or_default(),
        touched.unwrap_or_default(),
        more.unwrap_or_default(),
        removed.unwrap_or_default(),
        if entry.late { " (late)" } else { "" },
    )
}

fn json(read: &Read, entry: &Entry, item: Option<&Item>, digests: &mut Digests) -> String {
    let mut digest = |path: &str, file: &Option<FileIdentity>| {
        file.as_ref().and_then(|file| digests.of(path, file)).map(|digest| hex(&digest))
    };
    let actor = &entry.actor;
    let has_parent = actor.parent_pid > 0;
    let actor = JsonActor {
        uid: actor.uid,
        pid: actor.pid,
        executable: &actor.executable,
        executable_sha256: digest(&actor.executable, &actor.file),
        parent: &actor.parent,
        parent_pid: Some(actor.parent_pid).filter(|_| has_parent),
        parent_executable: Some(actor.parent_executable.as_str()).filter(|_| has_parent),
        parent_executable_sha256: digest(&actor.parent_executable, &actor.parent_file),
    };
    let program = entry.program.as_ref().map(|program| JsonProgram {
        path: &program.path,
        sha256: digest(&program.path, &program.file),
    });
    let removed =
        entry.removed.map(|r| JsonRemoved { first: r.first, last: r.last, head: hex(&r.head.0) });
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
        program,
        entry: read.number,
        proven: read.proven,
        late: entry.late,
        more: entry.more,
        removed,
    };
    serde_json::to_string(&line).unwrap_or_default()
}
