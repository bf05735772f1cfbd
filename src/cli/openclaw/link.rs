//! `clawvault openclaw link`, `unlink` and `scrub`: what changes is shown, then asked for, then done.

use std::process::ExitCode;

use clawvault_core::domain::ProfileName;
use clawvault_core::platform::{Clock, SystemClock};

use super::{Home, own_resolver};
use crate::app::{App, AppError, Code, Link, LinkOptions, Scrubbed};
use crate::cli::surroundings::Context;
use crate::cli::{arguments, output, prompt, scrub as scrubbing, time};
use crate::openclaw::exec;

/// Give OpenClaw its keys by references to the vault, and take them out of its files
///
/// The keys are imported; where they stood in the configuration there is a reference afterwards, and
/// old copies, environment files and units lose them. The files as they were are kept in the vault:
/// `clawvault import --undo` puts them back, `unlink` writes the values in. One gateway has one grant
/// for all its agents; several gateways have several.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault openclaw link --dry-run
  clawvault openclaw link --yes
  clawvault openclaw link --home ~/.openclaw-work --gateway work --profile work
  clawvault openclaw link --plan > plan.json      then: openclaw secrets apply --from plan.json")]
pub(super) struct Args {
    #[command(flatten)]
    home: Home,
    /// What the policy calls the gateway and its agent
    #[arg(long, value_name = "NAME", default_value = "openclaw")]
    gateway: String,
    /// The unit that may start the gateway by itself [default: OpenClaw's own, where there is one]
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    #[command(flatten)]
    profile: arguments::Profile,
    /// Print a plan for `openclaw secrets apply`, and change none of OpenClaw's files
    #[arg(long)]
    plan: bool,
    /// Make new versions of values that differ from the vault's, instead of stopping
    #[arg(long)]
    update: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Say what would happen and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Take out what came to a linked home since: old copies, environment files, units
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  clawvault openclaw scrub --dry-run")]
pub(super) struct ScrubArgs {
    #[command(flatten)]
    home: Home,
    #[command(flatten)]
    profile: arguments::Profile,
    /// Make new versions of values that differ from the vault's, instead of stopping
    #[arg(long)]
    update: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Say what would happen and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Write the values back into OpenClaw's configuration, and take our provider out
///
/// They lie there in clear afterwards. What a scrub took out elsewhere comes back by
/// `clawvault import --undo`; grant and gateway go by `clawvault policy apply`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  clawvault openclaw unlink --yes")]
pub(super) struct UnlinkArgs {
    #[command(flatten)]
    home: Home,
    #[command(flatten)]
    profile: arguments::Profile,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

const UNIT: &str = "openclaw-gateway.service";

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let (home, extra) = args.home.find()?;
    let has_unit = extra.iter().any(|file| file.ends_with(UNIT));
    let options = LinkOptions {
        home,
        extra,
        gateway: arguments::profile(&args.gateway)?,
        unit: args.unit.clone().or_else(|| has_unit.then(|| UNIT.to_owned())),
        profile: args.profile.or_default()?,
        resolver: own_resolver(),
        update: args.update,
        scrub_only: false,
        dry_run: args.dry_run,
    };
    refuse_silence(args.yes, args.dry_run)?;
    let app = context.app()?;
    let link = app.prepare_link(&options)?;
    if args.plan {
        return print_plan(&app, link, &options);
    }
    show(&link, &options);
    if args.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    ask(args.yes, "Change these files?")?;
    let linking = app.link(&link, &options)?;
    report(&linking.scrubbed)?;
    output::talk(&format!(
        "linked; start the gateway with `clawvault openclaw run --gateway {} -- openclaw gateway \
         run`, beside an unlocked `clawvault daemon`",
        options.gateway
    ));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn scrub(args: &ScrubArgs, context: &Context) -> Result<ExitCode, AppError> {
    let (home, extra) = args.home.find()?;
    let options = LinkOptions {
        home,
        extra,
        gateway: ProfileName::default(),
        unit: None,
        profile: args.profile.or_default()?,
        resolver: own_resolver(),
        update: args.update,
        scrub_only: true,
        dry_run: args.dry_run,
    };
    refuse_silence(args.yes, args.dry_run)?;
    let app = context.app()?;
    let link = app.prepare_link(&options)?;
    show(&link, &options);
    if args.dry_run || link.plan.scrub.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    ask(args.yes, "Change these files?")?;
    report(&app.link(&link, &options)?.scrubbed)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn unlink(args: &UnlinkArgs, context: &Context) -> Result<ExitCode, AppError> {
    let (home, _) = args.home.find()?;
    refuse_silence(args.yes, false)?;
    ask(args.yes, "Write the values into OpenClaw's configuration, in clear?")?;
    let unlinked = context.app()?.unlink(&home, &args.profile.or_default()?)?;
    output::warnings(&unlinked.warnings);
    for file in &unlinked.files {
        output::talk(&format!("changed {}", file.display()));
    }
    output::talk(&format!(
        "unlinked: {} references are values again, in clear; `clawvault import --undo` puts other \
         files back",
        unlinked.references
    ));
    Ok(ExitCode::SUCCESS)
}

/// Refuses what would have to ask while nobody is there.
fn refuse_silence(yes: bool, dry_run: bool) -> Result<(), AppError> {
    if yes || dry_run || prompt::can_ask() {
        return Ok(());
    }
    Err(AppError::usage(
        "nobody can be asked whether to change the files",
        "Give --yes after reading what --dry-run shows.",
    ))
}

fn ask(yes: bool, question: &str) -> Result<(), AppError> {
    if yes || prompt::confirm(question) {
        return Ok(());
    }
    let what = "no file was changed";
    Err(AppError::new(Code::No, what, "Answer y, or give --yes."))
}

fn show(link: &Link, options: &LinkOptions) {
    output::warnings(&link.imported.warnings);
    for note in &link.imported.notes {
        output::talk(&format!("not taken: {note}"));
    }
    scrubbing::show(&link.plan.scrub, options.dry_run);
    if options.scrub_only {
        return;
    }
    output::talk(&format!("resolver: {}", link.resolver.display()));
    let secrets: Vec<&str> = link.plan.secrets.iter().map(|name| name.as_str()).collect();
    let gets = if secrets.is_empty() { "nothing yet".to_owned() } else { secrets.join(", ") };
    output::talk(&format!("gateway {} and all its agents get: {gets}", options.gateway));
    if link.policy.is_some() {
        output::talk("the policy gets this gateway and its grant");
    }
}

fn report(scrubbed: &Scrubbed) -> Result<(), AppError> {
    output::warnings(&scrubbed.warnings);
    if !scrubbed.done.is_empty() {
        output::talk(&format!(
            "changed {}; `clawvault import --undo {}` puts back what was there",
            scrubbed.done.join(", "),
            scrubbed.id
        ));
    }
    if scrubbed.failed.is_empty() {
        return Ok(());
    }
    let what = format!("not changed: {}", scrubbed.failed.join("; "));
    let advice = "Remove what stands in the way, and give the same command again.";
    Err(AppError::new(Code::Failed, what, advice))
}

/// Installs resolver and grant, and leaves OpenClaw's files to OpenClaw.
fn print_plan(app: &App, mut link: Link, options: &LinkOptions) -> Result<ExitCode, AppError> {
    let generated = time::moment(SystemClock.now_ms());
    let text = exec::plan(&link.provider, &link.plan.targets, &generated);
    if !options.dry_run {
        link.plan.scrub.files.clear();
        app.link(&link, options)?;
        output::talk(
            "unlock a daemon, then: openclaw secrets apply --from FILE --allow-exec; then: \
             clawvault openclaw scrub",
        );
    }
    output::data(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}
