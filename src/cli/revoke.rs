//! `clawvault revoke` and `clawvault revoke-all`

mod login;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clawvault_core::domain::{ProfileName, SecretName};
use clawvault_core::platform::{Clock, Dir, SystemClock};

use super::surroundings::{self, Context};
use super::{arguments, output, prompt, rotate, time};
use crate::app::rotation::{Rest, RevocationPlan, RevokeOptions, RevokedAll};
use crate::app::{App, AppError, Code, full_name};
use table::Table;

/// Make the vendor refuse a key, and prove that it does
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault revoke openai/main
  clawvault revoke openai/main --version 3
  clawvault revoke openai/main --dry-run")]
pub(super) struct Args {
    /// Name of the secret
    name: String,
    #[command(flatten)]
    profile: arguments::Profile,
    /// Only this version; all that may be accepted where none is named
    #[arg(long, value_name = "N")]
    version: Option<u32>,
    /// Print every call, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

/// Revoke every key at every vendor at once; first of all nothing here hands them out any more
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault revoke-all --dry-run
  clawvault revoke-all
  clawvault revoke-all --yes --except telegram/bot
  clawvault revoke-all --drill            rehearsed, once a month: no vendor is called
  clawvault revoke-all --check REPORT     whether the report is as it was written
  clawvault rotate --all                  afterwards: fresh keys

Keys of machines and of databases stay unless --include infra is given; the key of a login over
SSH is never taken away from within it; where nothing tells which key that is, all keys of
vendor ssh stay and are named. It works while the daemon is locked or dead.")]
pub(super) struct AllArgs {
    /// Only these secrets
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "except")]
    only: Vec<String>,
    /// All but these secrets
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    except: Vec<String>,
    /// Only this profile
    #[arg(long, value_name = "P")]
    profile: Option<String>,
    /// Also what is left alone otherwise: `infra`, keys of machines and databases
    #[arg(long, value_name = "WHAT", value_parser = ["infra"])]
    include: Option<String>,
    /// Print every call, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Rehearse it: vendors are played on this machine, none is called, no key changes
    #[arg(long, conflicts_with = "dry_run")]
    drill: bool,
    /// Check the signature of a report, and do nothing
    #[arg(long, value_name = "REPORT", conflicts_with_all = ["dry_run", "drill", "only", "except", "report", "yes"])]
    check: Option<PathBuf>,
    /// The public key that the report has to be signed by [default: the vault's]
    #[arg(long, value_name = "KEY", requires = "check")]
    key: Option<String>,
    /// How many seconds vendors that do not answer are waited for; then the daemon goes on
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(..=3600))]
    wait: u32,
    /// Do not ask for the word
    #[arg(long)]
    yes: bool,
    /// Where the report is written [default: reports/ in the vault's home]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let name = arguments::name(&args.name)?;
    let profile = args.profile.or_default()?;
    let one = Some(((profile, name.clone()), args.version));
    let patience_ms = 60_000;
    let options = RevokeOptions { one, infra: true, patience_ms, ..RevokeOptions::default() };
    let app = context.app()?;
    if args.dry_run {
        show_plan(&app.plan_revocation(&options)?, args.json);
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !prompt::can_ask() {
        return Err(nobody_to_ask());
    }
    if !args.yes && !prompt::confirm(&format!("{name}: revoke it at its vendor?")) {
        return Err(AppError::new(Code::No, "nothing was revoked", "Answer y, or give --yes."));
    }
    let mut table = Table::new(args.json, false);
    let done = app.revoke(&options, &|names| gateways(context, names), &mut |row| table.tell(row));
    table.end();
    finish(&done?, args.json)
}

/// Tells running gateways, from a thread of its own.
fn gateways(context: &Context, names: &[ProfileName]) -> Vec<(String, String)> {
    match context.silent_app() {
        Ok(mut app) => {
            app.surroundings = surroundings::environment();
            app.drop_in_gateways(names)
        }
        Err(error) => names.iter().map(|name| (name.to_string(), error.what.clone())).collect(),
    }
}

pub(super) fn run_all(args: &AllArgs, context: &Context) -> Result<ExitCode, AppError> {
    let names = |all: &[String]| -> Result<Vec<SecretName>, AppError> {
        all.iter().map(|name| arguments::name(name)).collect()
    };
    let options = RevokeOptions {
        one: None,
        only: names(&args.only)?,
        except: names(&args.except)?,
        profile: args.profile.as_deref().map(arguments::profile).transpose()?,
        infra: args.include.is_some(),
        login: login::login(),
        patience_ms: i64::from(args.wait) * 1000,
    };
    let app = context.app()?;
    if let Some(report) = &args.check {
        return check(&app, report, args.key.as_deref(), args.json);
    }
    if args.dry_run {
        show_plan(&app.plan_revocation(&options)?, args.json);
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !args.drill {
        if !prompt::can_ask() {
            return Err(nobody_to_ask());
        }
        let word = prompt::line("Every key stops working at its vendor. Type revoke to go on: ");
        if word.as_deref() != Some("revoke") {
            return Err(AppError::new(
                Code::No,
                "nothing was revoked",
                "Type revoke, or give --yes.",
            ));
        }
    }
    let mut table = Table::new(args.json, args.drill);
    let done = match args.drill {
        true => app.drill(&options, &mut |row| table.tell(row)),
        false => {
            app.revoke(&options, &|names| gateways(context, names), &mut |row| table.tell(row))
        }
    };
    table.end();
    let done = done?;
    let written = write_report(&done, args.report.as_deref(), &app.place.home);
    let code = finish(&done, args.json)?;
    // What was done is told first: a full disk must not hide it.
    written.map(|()| code)
}

/// Prints what would be done; what would be left alone is named beside it.
fn show_plan(plan: &RevocationPlan, json: bool) {
    rotate::show_plan(&plan.planned, json);
    tell_left(&plan.left);
}

fn tell_left(left: &[((ProfileName, SecretName), &'static str)]) {
    for ((profile, name), why) in left {
        let name = full_name(profile.as_str(), name.as_str());
        output::talk(&format!("left alone: {name}: {why}"));
    }
}

/// Says whether a report is as it was written, and whose it is.
fn check(
    app: &App,
    report: &std::path::Path,
    key: Option<&str>,
    json: bool,
) -> Result<ExitCode, AppError> {
    let signed = app.check_report(report, key)?;
    let good = signed.sound && signed.signer == signed.expected;
    if json {
        output::json(&serde_json::json!({
            "sound": signed.sound,
            "signer": format!("ed25519:{}", signed.signer),
            "expected": format!("ed25519:{}", signed.expected),
        }));
    } else if good {
        output::talk(&format!("as it was written, signed by ed25519:{}", signed.signer));
    }
    match (signed.sound, good) {
        (true, true) => Ok(ExitCode::SUCCESS),
        (true, false) => {
            let what = format!("the report is signed by another key: ed25519:{}", signed.signer);
            let advice = "After a rekey the vault has a new one; compare with a key you noted.";
            Err(AppError::new(Code::No, what, advice))
        }
        (false, _) => {
            let advice = "`clawvault log --json` tells what was revoked, and cannot be altered.";
            Err(AppError::new(Code::No, "the report is not as it was written", advice))
        }
    }
}

fn nobody_to_ask() -> AppError {
    AppError::usage("nobody can be asked whether to revoke", "Give --yes to revoke without asking.")
}

fn finish(done: &RevokedAll, json: bool) -> Result<ExitCode, AppError> {
    if json {
        output::data(done.report.as_bytes());
    } else {
        let people = done.lines.iter().filter(|(line, _)| line.rest == Rest::Person);
        for (number, (line, _)) in people.enumerate() {
            if number == 0 {
                output::talk("What a person has to do:");
            }
            let note = line.note.as_deref().unwrap_or_default();
            output::talk(&format!("{:>3}. {}: {note}", number + 1, line.name));
        }
        for (name, what) in &done.gateways {
            output::talk(&format!("gateway {name}: {what}"));
        }
        tell_left(&done.left);
        if done.any(Rest::Retries) {
            output::talk(
                "Vendors that could not be reached are tried again by the daemon, by `clawvault \
                 rotations resume`, and by `clawvault rotate --due`.",
            );
        }
        let proven = done.lines.iter().filter(|(line, _)| line.rest == Rest::Done).count();
        let (count, ms) = (done.lines.len(), done.total_ms);
        output::talk(&match done.drill {
            true => format!(
                "a drill: no vendor was called, no key changed; {proven} of {count} would be \
                 refused by their vendors without a person ({ms} ms, vendors that answer in 200 ms)"
            ),
            false => format!(
                "{proven} of {count} are refused by their vendors; cut in {} ms, {ms} ms in all",
                done.cut_ms
            ),
        });
    }
    // That a person would have to act is what a drill is there to tell.
    Ok(rotate::code(|rest| done.any(rest) && !(done.drill && rest == Rest::Person)))
}

fn write_report(
    done: &RevokedAll,
    named: Option<&std::path::Path>,
    home: &std::path::Path,
) -> Result<(), AppError> {
    let now = time::moment(SystemClock.now_ms()).replace(':', "");
    let kind = if done.drill { "drill" } else { "revoke" };
    let default = home.join("reports").join(format!("{kind}-{now}.json"));
    let path = named.unwrap_or(&default);
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
    else {
        return Err(AppError::usage("the report's path names no file", "Name a file."));
    };
    let parent = if parent.as_os_str().is_empty() { std::path::Path::new(".") } else { parent };
    let dir = match named {
        Some(_) => Dir::open(parent, clawvault_core::platform::Private::Inspect)?,
        None => Dir::create(parent)?,
    };
    dir.replace(name, done.report.as_bytes())?;
    output::talk(&format!("report: {}, signed by ed25519:{}", path.display(), done.signer));
    Ok(())
}
