//! `clawvault revoke` and `clawvault revoke-all`

use std::path::PathBuf;
use std::process::ExitCode;

use clawvault_core::domain::SecretName;
use clawvault_core::platform::{Clock, Dir, SystemClock};

use super::surroundings::Context;
use super::{arguments, output, prompt, rotate, time};
use crate::app::rotation::{Rest, RevokeOptions, RevokedAll, Row};
use crate::app::{AppError, Code};

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
  clawvault rotate --all                  afterwards: fresh keys

Keys of machines and of databases stay unless --include infra is given; the key of a login over
SSH is never taken away from within it. It works while the daemon is locked or dead.")]
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
    let options = RevokeOptions { one, infra: true, ..RevokeOptions::default() };
    let app = context.app()?;
    if args.dry_run {
        rotate::show_plan(&app.plan_revocation(&options)?, args.json);
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !prompt::can_ask() {
        return Err(nobody_to_ask());
    }
    if !args.yes && !prompt::confirm(&format!("{name}: revoke it at its vendor?")) {
        return Err(AppError::new(Code::No, "nothing was revoked", "Answer y, or give --yes."));
    }
    let done = app.revoke(&options, &mut |row| tell(row, args.json))?;
    finish(&done, args.json)
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
        over_ssh: super::surroundings::path("SSH_CONNECTION").is_some(),
    };
    let app = context.app()?;
    if args.dry_run {
        rotate::show_plan(&app.plan_revocation(&options)?, args.json);
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes {
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
    let done = app.revoke(&options, &mut |row| tell(row, args.json))?;
    write_report(&done, args.report.as_deref(), &app.place.home)?;
    finish(&done, args.json)
}

fn nobody_to_ask() -> AppError {
    AppError::usage("nobody can be asked whether to revoke", "Give --yes to revoke without asking.")
}

/// One line for each key as it comes to rest.
fn tell(row: &Row<'_>, json: bool) {
    match row {
        _ if json => {}
        Row::Cut(count, ms) => output::talk(&format!(
            "{count} secrets are handed out to nobody any more ({ms} ms); now their vendors"
        )),
        Row::Rest(line, ms) => {
            let vendor = line.vendor.as_deref().unwrap_or("-");
            output::talk(&format!("{ms:>7} ms  {vendor}  {}", rotate::sentence(line)));
        }
    }
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
        for ((_, name), why) in &done.left {
            output::talk(&format!("left alone: {name}: {why}"));
        }
        if done.any(Rest::Retries) {
            output::talk(
                "Vendors that could not be reached are tried again by the daemon, by `clawvault \
                 rotations resume`, and by `clawvault rotate --due`.",
            );
        }
        let proven = done.lines.iter().filter(|(line, _)| line.rest == Rest::Done).count();
        output::talk(&format!(
            "{proven} of {} are refused by their vendors; cut in {} ms, {} ms in all",
            done.lines.len(),
            done.cut_ms,
            done.total_ms
        ));
    }
    Ok(rotate::code(|rest| done.any(rest)))
}

fn write_report(
    done: &RevokedAll,
    named: Option<&std::path::Path>,
    home: &std::path::Path,
) -> Result<(), AppError> {
    let now = time::moment(SystemClock.now_ms()).replace(':', "");
    let default = home.join("reports").join(format!("revoke-{now}.json"));
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
    output::talk(&format!("report: {}", path.display()));
    Ok(())
}
