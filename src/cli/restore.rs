//! `clawvault restore`

use std::path::PathBuf;
use std::process::ExitCode;

use clawvault_core::domain::{ProfileName, SecretName};
use serde::Serialize;

use super::surroundings::{self, Context};
use super::{output, set, time};
use crate::app::{AppError, Over, RestoreOptions, Restored};

/// Make the vault of a backup, in an empty home or in the place of what it became since
///
/// It opens with the keys that it had, and gets a new vault key. With --check nothing but a scratch
/// directory is touched.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault restore vault.age --check                          proves that it could be restored
  clawvault restore vault.age --identity recovery-key.txt      with the recovery key
  clawvault restore vault.age --passphrase-file FILE           through vault.age.identity beside it")]
pub(super) struct Args {
    /// The backup
    file: PathBuf,
    /// Open it, rebuild the vault in a scratch place, read every value back; touch nothing else
    #[arg(long, conflicts_with = "older")]
    check: bool,
    /// Replace a vault that has seen more than the backup: later changes are gone
    #[arg(long)]
    older: bool,
    /// What was restored, as one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    checked_only: bool,
    written: String,
    backup_generation: u64,
    generation: Option<u64>,
    secrets: usize,
    versions: usize,
    slots: Vec<Slot<'a>>,
    added: Option<Vec<Name<'a>>>,
    changed: Option<Vec<Name<'a>>>,
    gone: Option<Vec<Name<'a>>>,
    policy_changed: Option<bool>,
}

#[derive(Serialize)]
struct Slot<'a> {
    kind: &'a str,
    recipient: &'a str,
}

#[derive(Serialize)]
struct Name<'a> {
    profile: &'a ProfileName,
    name: &'a SecretName,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let app = context.app()?;
    let restored = if args.check {
        app.check_backup(&args.file, &surroundings::temporary())?
    } else {
        app.restore(&RestoreOptions { file: args.file.clone(), older: args.older })?
    };
    if args.json {
        output::json(&document(&restored));
    }
    tell(&restored);
    match restored.vault {
        Some(vault) => set::finish(vault),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn tell(restored: &Restored) {
    let held = format!(
        "{} secrets ({} versions) of generation {}, written {}",
        restored.secrets.len(),
        versions(restored),
        restored.generation,
        time::moment(restored.written_ms)
    );
    let Some(vault) = &restored.vault else {
        output::talk(&format!("the backup is sound: {held}"));
        output::talk(
            "A vault was made of it, opened, compared and removed; nothing else was touched.",
        );
        return;
    };
    output::talk(&format!("restored {held}; the vault is at generation {}", vault.generation()));
    if let Some(Over { difference: Some(difference), .. }) = &restored.over {
        let (added, changed, gone) =
            (difference.added.len(), difference.changed.len(), difference.gone.len());
        let policy = if difference.policy { ", the policy is another" } else { "" };
        output::talk(&format!("{added} added, {changed} changed, {gone} gone{policy}"));
    }
    match &restored.over {
        Some(Over { kept: Some(kept), .. }) => output::talk(&format!(
            "The vault as it was is kept as a backup, {}; remove it when it is not needed.",
            kept.display()
        )),
        Some(Over { kept: None, .. }) => {
            output::talk("The vault as it was could not be read whole, and is gone.");
        }
        None => {}
    }
    tell_keys(restored);
}

/// A restore brings back what opened the vault then: one that was removed since is said.
fn tell_keys(restored: &Restored) {
    let before = restored.over.as_ref().map(|over| &over.slots);
    for slot @ (kind, recipient) in &restored.slots {
        let kind = kind.as_str();
        match before {
            Some(before) if !before.contains(slot) => {
                output::talk(&format!(
                    "it opens again with: {kind} {recipient}, which it did not before"
                ));
            }
            _ => output::talk(&format!("it opens with: {kind} {recipient}")),
        }
    }
    for (kind, recipient) in before.into_iter().flatten().filter(|s| !restored.slots.contains(s)) {
        output::talk(&format!("it opens no more with: {} {recipient}", kind.as_str()));
    }
}

fn versions(restored: &Restored) -> usize {
    restored.secrets.iter().map(|info| info.versions.len()).sum()
}

fn document(restored: &Restored) -> Document<'_> {
    fn names(all: &[(ProfileName, SecretName)]) -> Vec<Name<'_>> {
        all.iter().map(|(profile, name)| Name { profile, name }).collect()
    }
    let difference = restored.over.as_ref().and_then(|over| over.difference.as_ref());
    let slots = restored.slots.iter();
    let slots = slots.map(|(kind, recipient)| Slot { kind: kind.as_str(), recipient });
    Document {
        checked_only: restored.vault.is_none(),
        written: time::moment(restored.written_ms),
        backup_generation: restored.generation,
        generation: restored.vault.as_ref().map(clawvault_core::vault::Vault::generation),
        secrets: restored.secrets.len(),
        versions: versions(restored),
        slots: slots.collect(),
        added: difference.map(|d| names(&d.added)),
        changed: difference.map(|d| names(&d.changed)),
        gone: difference.map(|d| names(&d.gone)),
        policy_changed: difference.map(|d| d.policy),
    }
}
