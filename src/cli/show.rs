//! `clawvault show`

use std::process::ExitCode;

use clawvault_core::domain::Event;

use super::list::Shown;
use super::surroundings::Context;
use super::{arguments, output, time};
use crate::app::AppError;

/// Show one secret: versions, stages, ages, variables; never its value
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the secret
    name: String,
    #[command(flatten)]
    profile: arguments::Profile,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let name = arguments::name(&args.name)?;
    let (info, warnings) = context.app()?.show(Event::Show, &args.profile.or_default()?, &name)?;
    output::warnings(&warnings);
    if args.json {
        output::json(&Shown::new(&info));
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![
        vec!["name".to_owned(), info.name.to_string()],
        vec!["profile".to_owned(), info.profile.to_string()],
        vec!["vendor".to_owned(), info.vendor.clone().unwrap_or_else(|| "-".to_owned())],
        vec!["created".to_owned(), time::moment(info.created_ms)],
    ];
    for injection in &info.injections {
        let shown = format!("{} = field {}", injection.variable, injection.field);
        rows.push(vec!["variable".to_owned(), shown]);
    }
    if info.admin {
        rows.push(vec!["admin".to_owned(), "never injected".to_owned()]);
    }
    if let Some(removed) = info.removed_ms {
        rows.push(vec!["removed".to_owned(), time::moment(removed)]);
    }
    for version in info.versions.iter().rev() {
        let fields: Vec<String> = version
            .fields
            .iter()
            .map(|(name, length)| format!("{name} ({length} bytes)"))
            .collect();
        let shown = format!(
            "{} {}, {}, {}",
            version.number,
            version.stage.as_str(),
            time::age(version.created_ms),
            fields.join(", ")
        );
        rows.push(vec!["version".to_owned(), shown]);
    }
    output::table(&rows);
    Ok(ExitCode::SUCCESS)
}
