//! `clawvault init`

use std::process::ExitCode;

use clawvault_core::crypto::CryptoError;
use clawvault_core::crypto::slot::{MAX_WORK, MIN_WORK, Passphrase, Recipient};
use clawvault_core::vault::VaultError;

use super::surroundings::Context;
use super::{output, prompt};
use crate::app::init::{InitOptions, Made};
use crate::app::{App, AppError, Code};

/// Make a vault
///
/// Without options it writes an identity file into the vault's home; on a terminal it asks.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault init                                    identity file in the vault's home
  clawvault init --passphrase --recovery            passphrase, and a recovery key shown once
  clawvault init --identity ~/.keys/vault.txt       identity file elsewhere; made if missing")]
pub(super) struct Args {
    /// Ask for a passphrase that opens the vault (or take it from --passphrase-file)
    #[arg(long)]
    passphrase: bool,
    /// age recipient that may open the vault; may be given several times
    #[arg(long, value_name = "AGE1…")]
    recipient: Vec<String>,
    /// Make a recovery key too; it is printed on stdout once and stored nowhere
    #[arg(long)]
    recovery: bool,
    /// Work for the passphrase, as the logarithm of scrypt's N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(i64::from(MIN_WORK)..=i64::from(MAX_WORK)))]
    work_factor: Option<u8>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let app = context.app()?;
    let asks = !args.passphrase
        && args.recipient.is_empty()
        && !args.recovery
        && app.keys.identity.is_none()
        && app.keys.passphrase_file.is_none()
        && prompt::can_ask();
    app.refuse_existing()?;
    let options = if asks { questions()? } else { from_arguments(args, &app)? };
    let made = app.init(options)?;
    report(&app, made)
}

const FILE_OPTION: &str = "--passphrase-file";

/// What stands before a recovery key.
pub(super) const RECOVERY_KEY: &str =
    "Recovery key, shown once and stored nowhere; keep it away from this machine:";

/// Reads a recipient.
pub(super) fn recipient(text: &str) -> Result<Recipient, AppError> {
    Recipient::parse(text).map_err(|error| match error {
        CryptoError::Malformed => {
            AppError::usage("that is no age recipient", "A recipient begins with age1.")
        }
        other => VaultError::from(other).into(),
    })
}

/// Says what was made and what it does not protect from; shows the recovery key once.
pub(super) fn report(app: &App, made: Made) -> Result<ExitCode, AppError> {
    output::talk(&format!("made a vault in {}", app.place.home.display()));
    if let Some(file) = &made.identity {
        output::talk(&format!("its key is {}", file.display()));
        output::talk(
            "It protects copies of the vault without that file. It does not protect from whoever \
             can read it: other programs of this user, and an agent that runs as this user.",
        );
    }
    match &made.recovery {
        Some(key) => {
            output::talk(RECOVERY_KEY);
            output::data(format!("{}\n", **key).as_bytes());
        }
        None => output::talk(
            "There is no recovery key (`clawvault recipient add --recovery` makes one): keep a copy of \
             the key elsewhere.",
        ),
    }
    super::set::finish(made.vault)
}

fn from_arguments(args: &Args, app: &App) -> Result<InitOptions, AppError> {
    let recipients = args.recipient.iter().map(|text| recipient(text)).collect::<Result<_, _>>()?;
    let passphrase = match app.passphrase_from_file()? {
        Some(passphrase) => Some(passphrase),
        None if args.passphrase => Some(new_passphrase(FILE_OPTION)?),
        None => None,
    };
    if passphrase.as_ref().is_some_and(Passphrase::is_empty) {
        return Err(AppError::usage("the passphrase is empty", "Nothing was made."));
    }
    Ok(InitOptions {
        passphrase,
        work: args.work_factor,
        identity: app.keys.identity.clone(),
        recipients,
        recovery: args.recovery,
    })
}

pub(super) fn questions() -> Result<InitOptions, AppError> {
    output::talk("How shall the vault open?");
    output::talk("  1  with an identity file in its home: programs of this user can open it");
    output::talk("  2  with a passphrase that you type");
    let answer = prompt::line("Choose 1 or 2 [1]: ").unwrap_or_default();
    let passphrase = match answer.as_str() {
        "" | "1" => None,
        "2" => Some(new_passphrase(FILE_OPTION)?),
        _ => return Err(AppError::usage("the answer was neither 1 nor 2", "Nothing was made.")),
    };
    let recovery = prompt::confirm("Make a recovery key, shown once, to be kept elsewhere?");
    Ok(InitOptions { passphrase, recovery, ..InitOptions::default() })
}

/// Asks twice for a new passphrase; where nobody can be asked, `option` names a file of it.
pub(super) fn new_passphrase(option: &str) -> Result<Passphrase, AppError> {
    let ask = |question| {
        prompt::passphrase(question).ok_or_else(|| {
            AppError::new(
                Code::Usage,
                "nobody can be asked for a passphrase here",
                format!("Name a file that holds it with {option}."),
            )
        })
    };
    let first = ask("New passphrase: ")?;
    let second = ask("The same again: ")?;
    if !first.is_same(&second) {
        return Err(AppError::usage("the two passphrases differ", "Nothing was made."));
    }
    Ok(first)
}
