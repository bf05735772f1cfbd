//! The command line: one file for each subcommand, its arguments on top.
//!
//! Only here are the terminal, the environment and the arguments of the process touched.

mod arguments;
mod audit;
mod backup;
mod completions;
mod daemon;
mod doctor;
mod export;
mod get;
mod histories;
mod history;
mod hook;
mod import;
mod init;
mod list;
mod log;
mod man;
mod openclaw;
mod output;
mod policy;
mod prompt;
mod quickstart;
mod recipient;
mod rekey;
mod resolve;
mod restore;
mod revoke;
mod rm;
mod rollback;
mod rotate;
mod rotations;
mod run;
mod scan;
mod scrub;
mod set;
mod show;
mod status;
mod surroundings;
mod time;
mod uninstall;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use clawvault_core::memory;
use clawvault_core::platform::{guard, process};

use crate::app::{AppError, Code};
use crate::mask::SESSION;
use surroundings::Context;

/// Keeps the API keys of a machine that runs AI agents: sealed, injected at launch, accounted for.
#[derive(Debug, Parser)]
#[command(name = "clawvault", version, after_help = EXAMPLES, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    keys: Keys,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  clawvault init                               make a vault
  clawvault import .env                        take the keys of a dotenv file in
  clawvault run -- openclaw gateway            launch a program with them
  clawvault set openai/main < key.txt          store a new value
  clawvault run --only openai/main -- env      hand over one key only
  clawvault scan                               find leaked keys in the tree below here

Exit codes: 0 done, 1 the answer is no, 2 usage, 3 locked or denied, 4 no such thing,
5 damaged vault, 6 vendor, 7 any other failure; `run` gives the program's own.
The home is $CLAWVAULT_HOME, else $XDG_DATA_HOME/clawvault.";

/// What opens the vault.
#[derive(Debug, clap::Args)]
struct Keys {
    /// Identity file that opens the vault [env: CLAWVAULT_IDENTITY]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Keys")]
    identity: Option<std::path::PathBuf>,
    /// File that holds the passphrase
    #[arg(long, global = true, value_name = "FILE", help_heading = "Keys")]
    passphrase_file: Option<std::path::PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Audit(audit::Args),
    Init(init::Args),
    Quickstart(quickstart::Args),
    Set(set::Args),
    Get(get::Args),
    List(list::Args),
    Show(show::Args),
    Rm(rm::Args),
    History(history::Args),
    Hook(hook::Args),
    Rollback(rollback::Args),
    Import(import::Args),
    Export(export::Args),
    Run(run::Args),
    Scan(scan::Args),
    Policy(policy::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Rotate(rotate::Args),
    Rotations(rotations::Args),
    Revoke(revoke::Args),
    RevokeAll(revoke::AllArgs),
    Log(log::Args),
    Recipient(recipient::Args),
    Rekey(rekey::Args),
    Daemon(daemon::Args),
    Unlock(daemon::UnlockArgs),
    Lock(daemon::LockArgs),
    Status(status::Args),
    Resolve(resolve::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Man(man::Args),
    #[command(name = "openclaw")]
    OpenClaw(openclaw::Args),
    Uninstall(uninstall::Args),
}

/// The commands that scripts and launches call all day. Parsing only these spares building the
/// arguments of all others, which takes longer than opening the vault's header.
#[derive(Debug, Parser)]
#[command(name = "clawvault", version, disable_help_subcommand = true)]
struct Frequent {
    #[command(flatten)]
    keys: Keys,
    #[command(subcommand)]
    command: FrequentCommand,
}

#[derive(Debug, Subcommand)]
enum FrequentCommand {
    Get(get::Args),
    Resolve(resolve::Args),
    Run(run::Args),
    Scan(scan::Args),
    Set(set::Args),
}

/// Parses the arguments of the process.
fn parse() -> Result<(Keys, Command), clap::Error> {
    let first = std::env::args_os().nth(1);
    if first.is_some_and(|name| {
        ["get", "resolve", "run", "scan", "set"].iter().any(|frequent| name == *frequent)
    }) {
        let Frequent { keys, command } = Frequent::try_parse()?;
        let command = match command {
            FrequentCommand::Get(args) => Command::Get(args),
            FrequentCommand::Resolve(args) => Command::Resolve(args),
            FrequentCommand::Run(args) => Command::Run(args),
            FrequentCommand::Scan(args) => Command::Scan(args),
            FrequentCommand::Set(args) => Command::Set(args),
        };
        return Ok((keys, command));
    }
    Cli::try_parse().map(|cli| (cli.keys, cli.command))
}

/// Runs the command that the process was started with, and leaves nothing of what it knew.
pub fn main() -> ExitCode {
    let code = run_command();
    memory::wipe_stack::<{ memory::DEEPEST }>();
    code
}

fn run_command() -> ExitCode {
    let (core_limit, hardened) = process::harden();
    std::panic::set_hook(Box::new(|_| {
        // What panicked may have been reading a value: its message is not shown. A panic that
        // the store guards against becomes an error with words of its own.
        if !guard::is_guarded() {
            output::talk("clawvault: an invariant of the program did not hold");
            output::talk("hint: nothing is half written; please report the command that led here");
        }
    }));
    if std::env::args_os().next().is_some_and(|name| name == SESSION) {
        return end(|| run::lead(core_limit));
    }
    let (keys, command) = match parse() {
        Ok(parsed) => parsed,
        Err(error) => return arguments::explain(&error),
    };
    let context = Context { keys: keys.into(), core_limit };
    if !hardened {
        output::talk("clawvault: the system refused to make this process undumpable");
    }
    end(|| dispatch(command, &context))
}

/// Does the work and says what failed; the exit code of the process.
fn end(work: impl FnOnce() -> Result<ExitCode, AppError>) -> ExitCode {
    let outcome = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(outcome) => outcome,
        Err(_) => return ExitCode::from(Code::Failed as u8),
    };
    match outcome.and_then(|code| output::lost().map_or(Ok(code), Err)) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            ExitCode::from(error.code as u8)
        }
    }
}

fn dispatch(command: Command, context: &Context) -> Result<ExitCode, AppError> {
    match command {
        Command::Audit(args) => audit::run(&args, context),
        Command::Backup(args) => backup::run(&args, context),
        Command::Completions(args) => completions::run(&args),
        Command::Daemon(args) => daemon::run(&args, context),
        Command::Doctor(args) => doctor::run(&args, context),
        Command::Export(args) => export::run(&args, context),
        Command::Get(args) => get::run(&args, context),
        Command::History(args) => history::run(&args, context),
        Command::Hook(args) => hook::run(&args),
        Command::Import(args) => import::run(&args, context),
        Command::Init(args) => init::run(&args, context),
        Command::List(args) => list::run(&args, context),
        Command::Lock(args) => daemon::lock(&args, context),
        Command::Log(args) => log::run(&args, context),
        Command::Man(args) => man::run(&args),
        Command::OpenClaw(args) => openclaw::run(args, context),
        Command::Policy(args) => policy::run(&args, context),
        Command::Quickstart(args) => quickstart::run(args, context),
        Command::Recipient(args) => recipient::run(&args, context),
        Command::Rekey(args) => rekey::run(&args, context),
        Command::Resolve(args) => resolve::run(&args, context),
        Command::Restore(args) => restore::run(&args, context),
        Command::Revoke(args) => revoke::run(&args, context),
        Command::RevokeAll(args) => revoke::run_all(&args, context),
        Command::Rm(args) => rm::run(&args, context),
        Command::Rollback(args) => rollback::run(&args, context),
        Command::Rotate(args) => rotate::run(&args, context),
        Command::Rotations(args) => rotations::run(&args, context),
        Command::Run(args) => run::run(args, context),
        Command::Scan(args) => scan::run(args, context),
        Command::Set(args) => set::run(&args, context),
        Command::Show(args) => show::run(&args, context),
        Command::Status(args) => status::run(&args, context),
        Command::Unlock(args) => daemon::unlock(&args, context),
        Command::Uninstall(args) => uninstall::run(&args, context),
    }
}
