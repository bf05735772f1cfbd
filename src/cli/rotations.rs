//! `clawvault rotations`

use std::process::ExitCode;

use clap::Subcommand;
use clawvault_core::domain::{Life, Past, Rotation};
use serde::Serialize;

use super::surroundings::Context;
use super::{output, rotate, set, time};
use crate::app::AppError;
use crate::app::rotation::{Standing, has_one_field};

/// Show rotations and revocations that are under way, and go on with them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault rotations
  clawvault rotations resume 3f2a9c01 < key.txt    with a key that you made at the console
  clawvault rotations resume 3f2a9c01              once what stood in the way is done
  clawvault rotations abort 3f2a9c01               the old key stays what it is")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Those that are over, too
    #[arg(long)]
    past: bool,
    /// As one JSON document
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Go on; where a key is awaited it is read from stdin, or asked for
    Resume {
        /// Id of the rotation; all that wait where none is named
        id: Option<String>,
        /// Read a JSON object of fields
        #[arg(long)]
        fields: bool,
    },
    /// Give up; what was made is revoked, the old key stays what it is
    Abort {
        /// Id of the rotation
        id: String,
    },
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let app = context.telling_app()?;
    let json = args.json;
    let mut say = |line: &crate::app::rotation::Line| rotate::tell(line, json);
    let rotated = match &args.action {
        None => {
            show(&app.standings()?, args.past, json);
            return Ok(ExitCode::SUCCESS);
        }
        Some(Action::Resume { id: None, .. }) => app.resume_revocations(&mut say)?,
        Some(Action::Resume { id: Some(id), fields }) => {
            let mut read = |look: &crate::rotate::Look, guide: &str| {
                output::talk(guide);
                if !*fields && !has_one_field(look) {
                    return Err(AppError::usage(
                        "a key of this secret is more than one value",
                        "Give it as one JSON object of its fields, with --fields.",
                    ));
                }
                set::read_fields(look.life.name.as_str(), *fields)
            };
            app.resume_rotation(id, &mut read, &mut say)?
        }
        Some(Action::Abort { id }) => {
            let rotated = app.abort_rotation(id, &mut say)?;
            if rotated.lines.is_empty() && !json {
                output::talk("given up; nothing was made, and the key stays what it is");
            }
            return match rotated.lines.is_empty() {
                true => Ok(ExitCode::SUCCESS),
                false => rotate::end(&rotated, json).map(|_| ExitCode::SUCCESS),
            };
        }
    };
    rotate::end(&rotated, json)
}

fn show(standings: &[Standing], past: bool, json: bool) {
    let lives: Vec<&Life> = standings.iter().map(|standing| &standing.life).collect();
    if json {
        let open = lives.iter().filter_map(|life| Some(ShownOpen::of(life, life.open.as_ref()?)));
        let orphans = lives.iter().filter(|life| !life.orphans.is_empty()).map(|life| {
            serde_json::json!({
                "profile": life.profile.as_str(),
                "name": life.name.as_str(),
                "keys": life.orphans,
            })
        });
        let over = lives
            .iter()
            .filter(|_| past)
            .flat_map(|life| life.past.iter().map(move |one| ShownPast::of(life, one)));
        output::json(&serde_json::json!({
            "open": open.collect::<Vec<_>>(),
            "orphans": orphans.collect::<Vec<_>>(),
            "past": over.collect::<Vec<_>>(),
        }));
        return;
    }
    let mut rows = Vec::new();
    for (life, open) in lives.iter().filter_map(|life| Some((life, life.open.as_ref()?))) {
        let waits = match (open.needs_person, open.next_ms) {
            (true, _) => "a person has to act".to_owned(),
            (false, 0) => "it can go on".to_owned(),
            (false, ms) => format!("from {} on", time::moment(ms)),
        };
        rows.push(vec![
            open.id.clone(),
            life.name.to_string(),
            life.profile.to_string(),
            open.state.as_str().to_owned(),
            time::age(open.began_ms),
            waits,
            open.trouble.clone().unwrap_or_default(),
        ]);
    }
    if rows.is_empty() {
        output::talk("nothing is under way");
    }
    output::table(&rows);
    for life in lives.iter().filter(|life| !life.orphans.is_empty()) {
        output::talk(&format!(
            "{}: keys at the vendor that nobody holds, to be removed there: {}",
            life.name,
            life.orphans.join(", ")
        ));
    }
    let over = lives.iter().filter(|_| past).flat_map(|life| {
        life.past.iter().map(move |one| {
            vec![
                one.id.clone(),
                life.name.to_string(),
                life.profile.to_string(),
                one.state.as_str().to_owned(),
                time::moment(one.ended_ms),
                one.note.clone().unwrap_or_default(),
            ]
        })
    });
    output::table(&over.collect::<Vec<_>>());
}

#[derive(Serialize)]
struct ShownOpen<'a> {
    rotation: &'a str,
    profile: &'a str,
    name: &'a str,
    aim: clawvault_core::domain::Aim,
    state: &'a str,
    old: u32,
    new: Option<u32>,
    began: String,
    next: Option<String>,
    attempts: u32,
    needs_person: bool,
    trouble: Option<&'a str>,
}

impl<'a> ShownOpen<'a> {
    fn of(life: &'a Life, open: &'a Rotation) -> Self {
        Self {
            rotation: &open.id,
            profile: life.profile.as_str(),
            name: life.name.as_str(),
            aim: open.aim,
            state: open.state.as_str(),
            old: open.old,
            new: open.new,
            began: time::moment(open.began_ms),
            next: Some(open.next_ms).filter(|ms| *ms > 0).map(time::moment),
            attempts: open.attempts,
            needs_person: open.needs_person,
            trouble: open.trouble.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct ShownPast<'a> {
    rotation: &'a str,
    profile: &'a str,
    name: &'a str,
    aim: clawvault_core::domain::Aim,
    state: &'a str,
    old: u32,
    new: Option<u32>,
    began: String,
    ended: String,
    note: Option<&'a str>,
}

impl<'a> ShownPast<'a> {
    fn of(life: &'a Life, past: &'a Past) -> Self {
        Self {
            rotation: &past.id,
            profile: life.profile.as_str(),
            name: life.name.as_str(),
            aim: past.aim,
            state: past.state.as_str(),
            old: past.old,
            new: past.new,
            began: time::moment(past.began_ms),
            ended: time::moment(past.ended_ms),
            note: past.note.as_deref(),
        }
    }
}
