//! `clawvault alert`

use std::process::ExitCode;

use clap::Subcommand;
use clawvault_core::domain::moment;
use serde::Serialize;

use super::surroundings::Context;
use super::{arguments, output, time};
use crate::app::{AppError, Code, Delivered};

/// See what waits for the receivers of alerts, send it, or try whether alerts arrive
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault alert test                  a message to every receiver of the policy
  clawvault alert test phone --json
  clawvault alert list                  what has not arrived yet, and why
  clawvault alert send                  what is due, now

Receivers are sections [alerts.NAME] of the policy; their tokens are secrets of the vault.")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Send a test message to one receiver, or to all, past quiet hours and rates
    Test {
        /// Name of the receiver
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// As one JSON document
        #[arg(long)]
        json: bool,
    },
    /// List what waits: for whom, since when, and why the last try failed
    List {
        /// As one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Send what is due
    Send {
        /// As one JSON document
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
struct Shown {
    id: String,
    receiver: String,
    kind: &'static str,
    severity: &'static str,
    subject: String,
    text: String,
    time: String,
    tries: u16,
    next: String,
    failed: Option<String>,
}

#[derive(Serialize)]
struct ShownDelivery<'a> {
    receiver: &'a str,
    arrived: bool,
    failed: Option<&'a str>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let app = context.app()?;
    match &args.action {
        Action::Test { name, json } => {
            let name = name.as_deref().map(arguments::profile).transpose()?;
            report(&app.test_alerts(name.as_ref())?, *json)
        }
        Action::Send { json } => report(&app.deliver()?, *json),
        Action::List { json } => {
            let all = app.alerts()?;
            if *json {
                let shown = all.into_iter().map(|one| Shown {
                    id: one.event.id,
                    receiver: one.receiver,
                    kind: one.event.kind.as_str(),
                    severity: one.event.severity.as_str(),
                    subject: one.event.subject,
                    text: one.event.text,
                    time: moment(one.event.time_ms),
                    tries: one.tries,
                    next: moment(one.next_ms),
                    failed: Some(one.failed).filter(|why| !why.is_empty()),
                });
                output::json(&shown.collect::<Vec<_>>());
                return Ok(ExitCode::SUCCESS);
            }
            let row = |one: &crate::alert::Waiting| {
                let tried = match one.tries {
                    0 => String::new(),
                    tries => format!("{tries} tries: {}", one.failed),
                };
                let (age, text) = (time::age(one.event.time_ms), one.event.text.clone());
                let severity = one.event.severity.as_str().to_owned();
                vec![one.receiver.clone(), severity, age, text, tried]
            };
            output::table(&all.iter().map(row).collect::<Vec<_>>());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn report(delivered: &Delivered, json: bool) -> Result<ExitCode, AppError> {
    if json {
        let arrived = delivered.arrived.iter().map(|(receiver, _)| ShownDelivery {
            receiver,
            arrived: true,
            failed: None,
        });
        let failed = delivered.failed.iter().map(|(receiver, why)| ShownDelivery {
            receiver,
            arrived: false,
            failed: Some(why),
        });
        output::json(&arrived.chain(failed).collect::<Vec<_>>());
    } else {
        for (receiver, _) in &delivered.arrived {
            output::talk(&format!("{receiver}: arrived"));
        }
    }
    if delivered.waiting > 0 {
        output::talk(&format!("{} still wait", delivered.waiting));
    }
    match delivered.failed.as_slice() {
        [] => Ok(ExitCode::SUCCESS),
        [(receiver, why), rest @ ..] => {
            for (receiver, why) in rest {
                output::warnings(&[format!("{receiver}: {why}")]);
            }
            let what = format!("{receiver}: {why}");
            Err(AppError::new(
                Code::No,
                what,
                "Mend its section [alerts] of the policy, or its secret.",
            ))
        }
    }
}
