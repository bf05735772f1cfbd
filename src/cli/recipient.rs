//! `clawvault recipient`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use clawvault_core::crypto::slot::{MAX_WORK, MIN_WORK};
use serde::Serialize;

use super::surroundings::Context;
use super::{init, output, prompt, set, time};
use crate::app::{AppError, Code, Exposed, Listed, NewRecipients, passphrase_in};

/// Show, add or remove recipients: the keys that open the vault
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the recipients, and which of them opened the vault just now
    List {
        /// As one JSON document
        #[arg(long)]
        json: bool,
    },
    Add(Add),
    Rm(Rm),
}

/// Add recipients; the keys that open the vault already go on opening it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault recipient add age1…            a recipient, as `age-keygen -y` prints it
  clawvault recipient add ~/.ssh/id_ed25519.pub   an SSH key (builds with --features ssh)
  clawvault recipient add colleague.txt    of a file of recipients, or the public half of identities
  clawvault recipient add --recovery       a recovery key, printed on stdout once
  clawvault recipient add --passphrase     a passphrase, asked twice")]
struct Add {
    /// A recipient, or a file of recipients or identities
    #[arg(value_name = "RECIPIENT|FILE")]
    recipients: Vec<String>,
    /// Ask for a passphrase that opens the vault, too
    #[arg(long)]
    passphrase: bool,
    /// The same, from a file
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
    /// Work for the passphrase, as the logarithm of scrypt's N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(i64::from(MIN_WORK)..=i64::from(MAX_WORK)))]
    work_factor: Option<u8>,
    /// Make an identity that the desktop's keyring keeps (builds with --features keyring)
    #[arg(long)]
    keyring: bool,
    /// Make a recovery key; it is printed on stdout once and stored nowhere
    #[arg(long)]
    recovery: bool,
}

/// Remove a recipient: all others get new keys, and what it could read is listed
///
/// Its key opens copies of the vault from before, so the listed secrets have to be replaced at
/// their vendors.
#[derive(Debug, clap::Args)]
struct Rm {
    /// The recipient, or how it alone begins
    recipient: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct JsonRecipient<'a> {
    kind: &'a str,
    recipient: &'a str,
    added: String,
    opened: bool,
}

#[derive(Serialize)]
struct JsonRemoved<'a> {
    removed: &'a str,
    epoch: u32,
    secrets: Vec<JsonSecret<'a>>,
}

#[derive(Serialize)]
struct JsonSecret<'a> {
    profile: &'a str,
    name: &'a str,
    vendor: Option<&'a str>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    match &args.action {
        Action::List { json } => list(*json, context),
        Action::Add(args) => add(args, context),
        Action::Rm(args) => remove(args, context),
    }
}

fn list(json: bool, context: &Context) -> Result<ExitCode, AppError> {
    let (all, warnings) = context.app()?.recipients()?;
    output::warnings(&warnings);
    if json {
        let shown = all.iter().map(|one| JsonRecipient {
            kind: one.kind.as_str(),
            recipient: &one.recipient,
            added: time::moment(one.added_ms),
            opened: one.opened,
        });
        output::json(&shown.collect::<Vec<_>>());
        return Ok(ExitCode::SUCCESS);
    }
    let row = |one: &Listed| {
        let mark = if one.opened { "opened it now" } else { "" };
        let age = time::age(one.added_ms);
        vec![one.kind.as_str().to_owned(), one.recipient.clone(), age, mark.to_owned()]
    };
    output::table(&all.iter().map(row).collect::<Vec<_>>());
    Ok(ExitCode::SUCCESS)
}

fn add(args: &Add, context: &Context) -> Result<ExitCode, AppError> {
    let app = context.app()?;
    let new = new_recipients(args)?;
    let added = app.add_recipients(new)?;
    for recipient in &added.recipients {
        output::talk(&format!("added {recipient}"));
    }
    if let Some(key) = &added.recovery {
        output::talk(init::RECOVERY_KEY);
        output::data(format!("{}\n", **key).as_bytes());
    }
    if let Some(error) = added.no_snapshot {
        output::warnings(&[format!("no snapshot holds the new recipients yet: {error}")]);
    }
    set::finish(added.vault)
}

fn new_recipients(args: &Add) -> Result<NewRecipients, AppError> {
    let mut new = NewRecipients {
        work: args.work_factor,
        recovery: args.recovery,
        keyring: args.keyring,
        ..NewRecipients::default()
    };
    for text in &args.recipients {
        if text.starts_with("AGE-SECRET-KEY-") || text.starts_with("AGE-PLUGIN-") {
            return Err(AppError::usage(
                "that is an identity itself, and arguments are seen by others",
                "Put it into a file of yours alone, and name the file.",
            ));
        }
        if text.starts_with("age1") || text.starts_with("ssh-") {
            new.recipients.push(init::recipient(text)?);
        } else {
            new.files.push(PathBuf::from(text));
        }
    }
    new.passphrase = match &args.new_passphrase_file {
        Some(file) => Some(passphrase_in(file)?),
        None if args.passphrase => Some(init::new_passphrase("--new-passphrase-file")?),
        None => None,
    };
    if new.passphrase.as_ref().is_some_and(|passphrase| passphrase.is_empty()) {
        return Err(AppError::usage("the passphrase is empty", "Nothing was changed."));
    }
    let nothing = new.recipients.is_empty() && new.files.is_empty();
    if nothing && new.passphrase.is_none() && !new.recovery && !new.keyring {
        return Err(AppError::usage(
            "no recipient is named",
            "Name one, or a file of them, or give --passphrase or --recovery.",
        ));
    }
    Ok(new)
}

fn remove(args: &Rm, context: &Context) -> Result<ExitCode, AppError> {
    let app = context.app()?;
    let found = app.find_recipient(&args.recipient)?;
    let shown = format!("{} {}", found.kind.as_str(), found.recipient);
    if found.opened {
        output::warnings(&[format!(
            "{shown} is the one that opened the vault now; the next command needs another key"
        )]);
    }
    let question = format!("Remove {shown}, and give all others new keys?");
    if prompt::can_ask() && !args.yes && !prompt::confirm(&question) {
        return Err(AppError::new(Code::No, "nothing was removed", "Answer y, or give --yes."));
    }
    let removed = app.remove_recipient(&found.recipient)?;
    output::talk(&format!("removed {shown}; all others have new keys"));
    if args.json {
        let secrets = removed.exposed.iter().map(|one| JsonSecret {
            profile: one.profile.as_str(),
            name: one.name.as_str(),
            vendor: one.vendor.as_deref(),
        });
        output::json(&JsonRemoved {
            removed: &found.recipient,
            epoch: removed.vault.header().epoch,
            secrets: secrets.collect(),
        });
    } else {
        let row = |one: &Exposed| vec![one.name.to_string(), one.profile.to_string()];
        output::table(&removed.exposed.iter().map(row).collect::<Vec<_>>());
    }
    if !removed.exposed.is_empty() {
        output::talk(&format!(
            "It could read {} secrets until now, and copies of the vault from before still open \
             with it: replace each at its vendor.",
            removed.exposed.len()
        ));
    }
    set::finish(removed.vault)
}
