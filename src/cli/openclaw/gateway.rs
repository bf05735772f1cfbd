//! `clawvault openclaw run`, `reload` and `kill`

use std::ffi::OsString;
use std::process::ExitCode;

use serde::Serialize;

use crate::app::{AppError, GatewayOptions, Reloaded, Way};
use crate::cli::surroundings::{self, Context};
use crate::cli::{arguments, output};
use crate::launch;

/// Start the gateway as one that the daemon answers
///
/// It gets no key in its environment. Its resolver is answered once, within five minutes of the
/// start, and after each `reload`; what its agents start gets nothing. As wrapper of OpenClaw's own
/// unit: `openclaw gateway install --wrapper FILE`, where FILE runs this command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  clawvault openclaw run -- openclaw gateway run")]
pub(super) struct RunArgs {
    /// What the policy calls the gateway [default: the only one]
    #[arg(long, value_name = "NAME")]
    gateway: Option<String>,
    /// The program and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CMD"
    )]
    command: Vec<OsString>,
}

/// Have a running gateway take the vault's values anew, without a restart
///
/// Over the gateway's own socket, else by `openclaw secrets reload`. It is done only where the
/// gateway got every value.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  clawvault set openai/main < new.txt && clawvault openclaw reload")]
pub(super) struct ReloadArgs {
    /// What the policy calls the gateway [default: the only one]
    #[arg(long, value_name = "NAME")]
    gateway: Option<String>,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

/// Cut a running gateway off from keys, without a restart
///
/// The secrets are hidden in the vault, as by `rm`, and the gateway is made to drop them: no request
/// carries them any more. `rollback NAME` and `openclaw reload` give them back. It revokes nothing at
/// the vendor.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  clawvault openclaw kill openai/main")]
pub(super) struct KillArgs {
    /// The secrets
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// What the policy calls the gateway [default: the only one]
    #[arg(long, value_name = "NAME")]
    gateway: Option<String>,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: RunArgs, context: &Context) -> Result<ExitCode, AppError> {
    let start = || {
        context.refuse_inherited_keys()?;
        let options = GatewayOptions {
            gateway: args.gateway.as_deref().map(arguments::profile).transpose()?,
            command: args.command,
            surroundings: surroundings::environment(),
            core_limit: context.core_limit,
        };
        context.app()?.prepare_gateway(options)
    };
    let ready = start().map_err(AppError::before_launch)?;
    Err(AppError::from(launch::replace(ready)).before_launch())
}

pub(super) fn reload(args: &ReloadArgs, context: &Context) -> Result<ExitCode, AppError> {
    let gateway = args.gateway.as_deref().map(arguments::profile).transpose()?;
    let app = context.telling_app()?;
    let reloaded = app.reload_gateway(gateway.as_ref())?;
    let lacks = app.unanswerable(gateway.as_ref())?.into_iter().map(|(path, id, state)| {
        format!("{path} refers to {id}, {}: the gateway has what it had there", state.as_str())
    });
    output::warnings(&lacks.collect::<Vec<_>>());
    if args.json {
        output::json(&Document::of(&reloaded));
    } else if reloaded.answered {
        output::talk(&format!("gateway {} took its values anew", reloaded.process.pid));
    } else {
        output::talk(&format!(
            "gateway {} reloaded without asking the vault: it refers to nothing there",
            reloaded.process.pid
        ));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn kill(args: &KillArgs, context: &Context) -> Result<ExitCode, AppError> {
    let gateway = args.gateway.as_deref().map(arguments::profile).transpose()?;
    let names: Vec<_> = args.names.iter().map(|n| arguments::name(n)).collect::<Result<_, _>>()?;
    let reloaded = context.telling_app()?.cut_off(gateway.as_ref(), &names)?;
    if args.json {
        output::json(&Document::of(&reloaded));
    } else {
        output::talk(&format!(
            "gateway {} dropped what it had; revoke the keys at the vendor",
            reloaded.process.pid
        ));
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Document {
    pid: u32,
    warnings: u64,
    answered: bool,
    by: &'static str,
}

impl Document {
    fn of(reloaded: &Reloaded) -> Self {
        Self {
            pid: reloaded.process.pid,
            warnings: reloaded.warnings,
            answered: reloaded.answered,
            by: match reloaded.way {
                Way::Socket => "socket",
                Way::Command => "command",
            },
        }
    }
}
