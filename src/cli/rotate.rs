//! `clawvault rotate`

use std::process::ExitCode;

use clawvault_core::domain::FieldName;
use serde::Serialize;

use super::surroundings::Context;
use super::{arguments, output, prompt, set, time};
use crate::app::rotation::{Line, Planned, Rest, Rotated, Which};
use crate::app::{App, AppError, Code, full_name};

/// Replace keys at their vendors: made, proven, in use, and only then the old one is revoked
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault rotate openai/main              where no call makes a key, a terminal is asked for it
  clawvault rotate openai/main --dry-run    every call that it would make
  clawvault rotate --due                    what is due, and what waits to go on; for timers
  clawvault rotate --all                    all that need no person, after revoke-all say")]
pub(super) struct Args {
    /// Names of secrets
    #[arg(value_name = "NAME", required_unless_present_any = ["due", "all"])]
    names: Vec<String>,
    /// What is due by its schedule, and rotations that wait to go on
    #[arg(long, conflicts_with_all = ["names", "all"])]
    due: bool,
    /// Every secret that can be rotated without a person
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Print the plan, every call of it, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    profile: arguments::Profile,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let which = match (args.due, args.all) {
        (true, _) => Which::Due,
        (_, true) => Which::All,
        _ => {
            let names: Result<_, AppError> =
                args.names.iter().map(|n| arguments::name(n)).collect();
            Which::Named(args.profile.or_default()?, names?)
        }
    };
    let app = context.telling_app()?;
    if args.dry_run {
        let planned = app.plan_rotation(&which)?;
        show_plan(&planned, args.json);
        return Ok(ExitCode::SUCCESS);
    }
    let mut rotated = app.rotate(&which, &mut |line| tell(line, args.json))?;
    if matches!(which, Which::Named(..)) && !args.json && prompt::can_ask() {
        for line in &mut rotated.lines {
            by_hand(&app, line)?;
        }
    }
    end(&rotated, args.json)
}

/// Asks the person at the terminal for a key that no call makes, and again for each that the vendor
/// refuses; who types nothing gives it later.
fn by_hand(app: &App, line: &mut Line) -> Result<(), AppError> {
    while line.awaits_key {
        let Some(id) = line.id.clone() else { return Ok(()) };
        let name = full_name(line.profile.as_str(), line.name.as_str());
        let typed = prompt::value(&format!("New key of {name}, or nothing to give it later: "))?;
        if typed.trim_ascii().is_empty() {
            return Ok(());
        }
        let fields = vec![(FieldName::default(), set::value_of(typed)?)];
        let resumed = app
            .resume_rotation(&id, &mut |_, _| Ok(fields.clone()), &mut |line| tell(line, false))?;
        match resumed.lines.into_iter().next_back() {
            Some(now) => *line = now,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Prints what would be done.
pub(super) fn show_plan(planned: &[Planned], json: bool) {
    if json {
        let shown = |one: &Planned| {
            serde_json::json!({
                "profile": one.profile.as_str(),
                "name": one.name.as_str(),
                "vendor": one.vendor,
                "steps": one.steps,
            })
        };
        output::json(&planned.iter().map(shown).collect::<Vec<_>>());
        return;
    }
    if planned.is_empty() {
        output::talk("there is nothing to do");
    }
    let mut text = output::Stream::new();
    for one in planned {
        text.line(&format!("{}:", full_name(one.profile.as_str(), one.name.as_str())));
        for (number, step) in one.steps.iter().enumerate() {
            text.line(&format!("  {}. {step}", number + 1));
        }
    }
    text.finish();
}

/// Says where one secret came to rest.
pub(super) fn tell(line: &Line, json: bool) {
    if !json {
        output::talk(&sentence(line));
    }
}

/// Where one secret came to rest, in a sentence.
pub(super) fn sentence(line: &Line) -> String {
    let name = full_name(line.profile.as_str(), line.name.as_str());
    let id = line.id.as_deref().unwrap_or("-");
    let note = line.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    let when = line.next_ms.map(|ms| format!(" from {} on", time::moment(ms))).unwrap_or_default();
    match (line.rest, line.new) {
        (Rest::Done, Some(new)) => {
            format!("{name}: version {new} is in use, the vendor refuses the one before{note}")
        }
        (Rest::Done, None) => format!("{name}: revoked, the vendor refuses it{note}"),
        (Rest::Goes, Some(new)) => format!(
            "{name}: version {new} is in use; the old one is revoked{when} by the daemon, or by \
             `clawvault rotate --due` (rotation {id}){note}"
        ),
        (Rest::Goes, None) => format!("{name}: it goes on{when} (rotation {id}){note}"),
        (Rest::Retries, _) => format!("{name}: it is tried again{when} (rotation {id}){note}"),
        (Rest::Person, _) => format!("{name}: a person has to act (rotation {id}){note}"),
        (Rest::Failed, _) => format!("{name}: it ended at {}{note}", line.state),
    }
}

/// Prints what came of it, and says it by the exit code.
pub(super) fn end(rotated: &Rotated, json: bool) -> Result<ExitCode, AppError> {
    if json {
        output::json(&rotated.lines.iter().map(Shown::of).collect::<Vec<_>>());
    } else if rotated.lines.is_empty() {
        output::talk("there is nothing to do");
    }
    Ok(code(|rest| rotated.any(rest)))
}

/// 6 where a vendor stands in the way, 1 where a person has to act.
pub(super) fn code(any: impl Fn(Rest) -> bool) -> ExitCode {
    if any(Rest::Failed) || any(Rest::Retries) {
        ExitCode::from(Code::Vendor as u8)
    } else if any(Rest::Person) {
        ExitCode::from(Code::No as u8)
    } else {
        ExitCode::SUCCESS
    }
}

/// A line as `--json` shows it.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    profile: &'a str,
    name: &'a str,
    vendor: Option<&'a str>,
    rotation: Option<&'a str>,
    state: &'a str,
    result: &'a str,
    old: Option<u32>,
    new: Option<u32>,
    next: Option<String>,
    note: Option<&'a str>,
}

impl<'a> Shown<'a> {
    pub(super) fn of(line: &'a Line) -> Self {
        Self {
            profile: line.profile.as_str(),
            name: line.name.as_str(),
            vendor: line.vendor.as_deref(),
            rotation: line.id.as_deref(),
            state: &line.state,
            result: line.rest.as_str(),
            old: line.old,
            new: line.new,
            next: line.next_ms.map(time::moment),
            note: line.note.as_deref(),
        }
    }
}
