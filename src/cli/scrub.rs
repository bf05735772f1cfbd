//! `clawvault import --scrub` and `--undo`: what goes is shown, then asked for, then done.

use std::process::ExitCode;

use serde::Serialize;

use super::surroundings::Context;
use super::{histories, output, prompt, time};
use crate::app::{
    App, AppError, Code, ImportOptions, Imported, Plaintext, PlannedFile, PutBack, Removal,
    ScrubPlan, Scrubbed, Source, Then,
};

/// What was asked for besides the import.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) history: bool,
    pub(super) yes: bool,
    pub(super) json: bool,
}

/// A plan, and what came of it; nothing where it was only shown or refused.
#[derive(Default)]
pub(super) struct Outcome {
    plan: ScrubPlan,
    scrubbed: Scrubbed,
}

/// Refuses what could not end well, before anything is imported.
pub(super) fn check(source: &Source, wanted: Wanted, dry_run: bool) -> Result<(), AppError> {
    let (what, advice) = match source {
        Source::File(_) | Source::OpenClaw(..) => ("", ""),
        Source::Environment(_) => (
            "an environment has nothing that could be scrubbed",
            "Import the file that sets its variables, with --scrub.",
        ),
        Source::Printed(_) | Source::Program(_) => (
            "what another keeper of secrets holds is not scrubbed",
            "Import it without --scrub, and remove it there with the keeper's own commands.",
        ),
    };
    if !what.is_empty() {
        return Err(AppError::usage(what, advice));
    }
    if !wanted.yes && !dry_run && !prompt::can_ask() {
        return Err(AppError::usage(
            "nobody can be asked whether to change the files",
            "Give --yes after reading what `--scrub --dry-run` shows.",
        ));
    }
    Ok(())
}

/// Scrubs what was just imported.
pub(super) fn after(
    app: &App,
    source: &Source,
    imported: &Imported,
    options: &ImportOptions,
    wanted: Wanted,
) -> Result<Outcome, AppError> {
    let histories = if wanted.history { histories::of_shells() } else { Vec::new() };
    let plan = app.plan_scrub(source, imported, options, &histories)?;
    if !wanted.json || !wanted.yes {
        show(&plan, options.dry_run);
    }
    if options.dry_run || plan.files.is_empty() {
        return Ok(Outcome { plan, ..Outcome::default() });
    }
    if !wanted.yes && !prompt::confirm("Change these files?") {
        return Err(AppError::new(
            Code::No,
            "the values are imported, and no file was changed",
            "Answer y, or give --yes.",
        ));
    }
    let scrubbed = app.scrub(&plan, &options.profile)?;
    output::warnings(&scrubbed.warnings);
    if !wanted.json {
        report(&scrubbed, &plan);
    }
    Ok(Outcome { plan, scrubbed })
}

impl Outcome {
    /// How the command ends: it failed where a file could not be changed, and the answer is no where
    /// nothing could be taken out although something lies there.
    pub(super) fn end(&self, dry_run: bool) -> Result<ExitCode, AppError> {
        let Self { plan, scrubbed } = self;
        if !scrubbed.failed.is_empty() {
            let what = format!("not changed: {}", scrubbed.failed.join("; "));
            let advice = "Remove what stands in the way, and give the same command again.";
            return Err(AppError::new(Code::Failed, what, advice));
        }
        if plan.files.is_empty() && !plan.left.is_empty() && !dry_run {
            return Err(AppError::new(
                Code::No,
                "the values are imported, and no file could be changed",
                "Take them out by hand, as said above.",
            ));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The same for a program.
    pub(super) fn document(&self) -> JsonScrub<'_> {
        let changed = |file: &PlannedFile| self.scrubbed.done.contains(&file.shown);
        let files = self.plan.files.iter().map(|file| JsonFile {
            file: &file.shown,
            changed: changed(file),
            removed: file.removals.iter().map(json_removal).collect(),
        });
        JsonScrub {
            id: Some(self.scrubbed.id).filter(|id| *id > 0),
            files: files.collect(),
            left: self.plan.left.iter().map(json_left).collect(),
            forgotten: &self.scrubbed.forgotten,
        }
    }
}

pub(super) fn show(plan: &ScrubPlan, dry_run: bool) {
    if !plan.files.is_empty() {
        output::talk(if dry_run { "These would go:" } else { "These go:" });
    }
    for file in &plan.files {
        for Removal { line, what, secrets, then } in &file.removals {
            let place = line.map_or_else(|| file.shown.clone(), |n| format!("{}:{n}", file.shown));
            let names: Vec<&str> = secrets.iter().map(|name| name.as_str()).collect();
            let names = names.join(", ");
            output::talk(&match then {
                Then::Gone => format!("  {place} {what} ({names})"),
                Then::Text(text) => format!("  {place} {what} ({names}), which becomes \"{text}\""),
                Then::Reference(id) => {
                    format!("  {place} {what}, which becomes a reference to {id}")
                }
                Then::FileGone => format!("  {place} as a whole ({names})"),
            });
        }
    }
    if !plan.left.is_empty() {
        output::talk("These stay in clear; each with why, or what removes it:");
    }
    for Plaintext { place, what, remedy } in &plan.left {
        output::talk(&format!("  {place} {what}: {remedy}"));
    }
    output::warnings(&plan.warnings);
}

fn report(scrubbed: &Scrubbed, plan: &ScrubPlan) {
    let Scrubbed { id, done, forgotten, .. } = scrubbed;
    let is_done = |file: &&PlannedFile| done.contains(&file.shown);
    let places: usize = plan.files.iter().filter(is_done).map(|file| file.removals.len()).sum();
    if !done.is_empty() {
        output::talk(&format!(
            "scrubbed {} in {}; `clawvault import --undo {id}` puts back what was there",
            count(places, "place"),
            count(done.len(), "file")
        ));
    }
    if !forgotten.is_empty() {
        let numbers: Vec<String> = forgotten.iter().map(ToString::to_string).collect();
        output::talk(&format!(
            "scrub {} cannot be undone any more: there is no room for so many",
            numbers.join(", ")
        ));
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Lists the scrubs that can be undone, or undoes one.
pub(super) fn undo(
    id: Option<u32>,
    list: bool,
    json: bool,
    context: &Context,
) -> Result<ExitCode, AppError> {
    let app = context.app()?;
    if list {
        return self::list(&app, json);
    }
    let undone = app.undo_scrub(id)?;
    output::warnings(&undone.warnings);
    let refused: Vec<&str> = undone.files.iter().filter_map(|(_, outcome)| why(outcome)).collect();
    if json {
        let files = undone.files.iter().map(|(path, outcome)| JsonPutBack {
            file: path.display().to_string(),
            refused: why(outcome),
        });
        output::json(&JsonUndone { id: undone.id, files: files.collect() });
    } else {
        for (path, _) in undone.files.iter().filter(|(_, outcome)| *outcome == PutBack::Done) {
            output::talk(&format!("put back {}", path.display()));
        }
    }
    if refused.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let advice = format!(
        "Take away what stands there now, and give `clawvault import --undo {}` again.",
        undone.id
    );
    let failed = undone.files.iter().any(|(_, outcome)| matches!(outcome, PutBack::Failed(_)));
    let code = if failed { Code::Failed } else { Code::No };
    Err(AppError::new(code, format!("not put back: {}", refused.join("; ")), advice))
}

fn list(app: &App, json: bool) -> Result<ExitCode, AppError> {
    let scrubs = app.scrubs()?;
    if json {
        let listed = scrubs.iter().map(|info| JsonListed {
            id: info.id,
            time: time::moment(info.time_ms),
            files: info.files.iter().map(|file| file.path().display().to_string()).collect(),
            secrets: info.secrets.iter().map(|(_, name)| name.as_str()).collect(),
        });
        output::json(&listed.collect::<Vec<_>>());
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = Vec::new();
    for info in &scrubs {
        for file in &info.files {
            let path = file.path().display().to_string();
            rows.push(vec![info.id.to_string(), time::moment(info.time_ms), path]);
        }
    }
    output::table(&rows);
    Ok(ExitCode::SUCCESS)
}

fn why(outcome: &PutBack) -> Option<&str> {
    match outcome {
        PutBack::Done => None,
        PutBack::Refused(why) | PutBack::Failed(why) => Some(why),
    }
}

/// What a scrub did, or would do.
#[derive(Serialize)]
pub(super) struct JsonScrub<'a> {
    id: Option<u32>,
    files: Vec<JsonFile<'a>>,
    left: Vec<JsonLeft<'a>>,
    forgotten: &'a [u32],
}

#[derive(Serialize)]
struct JsonFile<'a> {
    file: &'a str,
    changed: bool,
    removed: Vec<JsonRemoval<'a>>,
}

#[derive(Serialize)]
struct JsonRemoval<'a> {
    line: Option<u32>,
    what: &'a str,
    secrets: Vec<&'a str>,
    becomes: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonLeft<'a> {
    place: &'a str,
    what: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct JsonUndone<'a> {
    id: u32,
    files: Vec<JsonPutBack<'a>>,
}

#[derive(Serialize)]
struct JsonPutBack<'a> {
    file: String,
    refused: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonListed<'a> {
    id: u32,
    time: String,
    files: Vec<String>,
    secrets: Vec<&'a str>,
}

fn json_removal(removal: &Removal) -> JsonRemoval<'_> {
    JsonRemoval {
        line: removal.line,
        what: &removal.what,
        secrets: removal.secrets.iter().map(|name| name.as_str()).collect(),
        becomes: match &removal.then {
            Then::Text(text) => Some(text),
            Then::Reference(id) => Some(id),
            Then::Gone | Then::FileGone => None,
        },
    }
}

fn json_left(left: &Plaintext) -> JsonLeft<'_> {
    JsonLeft { place: &left.place, what: &left.what, why: &left.remedy }
}
