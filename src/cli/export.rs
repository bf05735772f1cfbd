//! `clawvault export`

use std::process::ExitCode;

use super::surroundings::Context;
use super::{arguments, output};
use crate::app::{AppError, ExportFormat, ExportTo};

/// Write the values of a profile to stdout; this shows all of them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  clawvault export --format json > keys.json        (keep that file as you keep the keys)
  clawvault export --format k8s-secret --name app-keys | kubectl apply -f -
  docker run --env-file <(clawvault export --format docker-env) IMAGE      (in bash)")]
pub(super) struct Args {
    /// Form of the document
    #[arg(long, value_enum)]
    format: Format,
    #[command(flatten)]
    profile: arguments::Profile,
    /// Only these secrets
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Name of the Kubernetes Secret [default: clawvault]
    #[arg(long, value_name = "OBJECT")]
    name: Option<String>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// NAME='value' lines, one for each variable
    Dotenv,
    /// Secrets with their fields
    Json,
    /// A Kubernetes Secret: a key for each variable, NAME.FIELD for what has none
    K8sSecret,
    /// NAME=value lines for `docker run --env-file`, one for each variable
    DockerEnv,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, AppError> {
    let to = match (args.format, &args.name) {
        (Format::K8sSecret, name) => {
            ExportTo::K8sSecret(name.clone().unwrap_or_else(|| "clawvault".to_owned()))
        }
        (_, Some(_)) => {
            let what = "--name names a Kubernetes Secret";
            return Err(AppError::usage(what, "Leave it out, or add --format k8s-secret."));
        }
        (Format::DockerEnv, None) => ExportTo::DockerEnv,
        (Format::Dotenv, None) => ExportTo::Document(ExportFormat::Dotenv),
        (Format::Json, None) => ExportTo::Document(ExportFormat::Json),
    };
    let only: Result<Vec<_>, _> = args.only.iter().map(|text| arguments::name(text)).collect();
    let (document, notes) = context.app()?.export(&args.profile.or_default()?, &only?, &to)?;
    output::data(&document);
    output::warnings(&notes);
    Ok(ExitCode::SUCCESS)
}
