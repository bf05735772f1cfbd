//! Templates of a run: read before the vault is opened, granted as variables are, filled last.

use std::path::{Path, PathBuf};

use clawvault_core::domain::limits::MAX_DOCUMENT;
use clawvault_core::domain::{FieldName, Revealed, SecretName};
use clawvault_core::platform::PlatformError;
use clawvault_core::platform::process::effective_uid;
use clawvault_core::platform::read::read_bounded;

use super::value_of;
use crate::app::{App, AppError, Code};
use crate::launch::{LaunchError, Rendered, Runs, Template, TemplateError, memory_directory};

/// A template, and where it is rendered to.
#[derive(Clone, Debug)]
pub struct FromTemplate {
    /// The template.
    pub template: PathBuf,
    /// The file that is made of it: an absolute path.
    pub to: PathBuf,
}

/// A template that was read.
pub(super) struct Planned<'o> {
    from: &'o FromTemplate,
    template: Template,
}

/// Reads all templates.
pub(super) fn read(all: &[FromTemplate]) -> Result<Vec<Planned<'_>>, AppError> {
    all.iter().map(Planned::read).collect()
}

impl<'o> Planned<'o> {
    fn read(from: &'o FromTemplate) -> Result<Self, AppError> {
        // What names no file may be a value, pasted in the wrong place: it is not repeated.
        let text = read_bounded(&from.template, MAX_DOCUMENT).map_err(|error| {
            let what = PlatformError::read(Path::new("the named template"), error).to_string();
            AppError::new(Code::Missing, what, "Name a regular file that you may read: IN=OUT.")
        })?;
        let template = Template::parse(text).map_err(|error| refused(from, error))?;
        Ok(Self { from, template })
    }

    /// The secrets that it names, each with its field where one is named.
    pub(super) fn places(&self) -> impl Iterator<Item = (SecretName, Option<FieldName>)> {
        self.template.places().iter().map(|place| (place.name.clone(), place.field.clone()))
    }
}

impl App {
    /// Makes the files, empty; what ended runs left at their paths is removed first.
    pub(super) fn make_files(&self, all: &[Planned<'_>]) -> Result<Rendered, AppError> {
        let mut rendered = Rendered::default();
        if !all.is_empty() {
            Runs::open(&self.runtime_dir()?)?.sweep()?;
        }
        for planned in all {
            rendered.make(&planned.from.to).map_err(|error| self.not_written(error))?;
        }
        Ok(rendered)
    }

    /// Fills the files.
    pub(super) fn render(
        &self,
        all: &[Planned<'_>],
        fills: &[(usize, FieldName)],
        revealed: &[Revealed],
        rendered: &Rendered,
    ) -> Result<(), AppError> {
        let mut fills = fills.iter();
        for (at, Planned { from, template }) in all.iter().enumerate() {
            let ours = fills.by_ref().take(template.places().len());
            let values: Result<Vec<_>, AppError> =
                ours.map(|(at, field)| value_of(revealed, *at, field)).collect();
            let text = template.fill(&values?).map_err(|error| refused(from, error))?;
            rendered.fill(at, &text).map_err(|error| self.not_written(error))?;
        }
        Ok(())
    }

    fn not_written(&self, error: LaunchError) -> AppError {
        let advice = match &error {
            LaunchError::Exists(_) => {
                "Remove it or choose another path; only what an ended run rendered is replaced."
                    .to_owned()
            }
            LaunchError::NotInMemory(_)
            | LaunchError::NotAFile(_)
            | LaunchError::Platform(PlatformError::Untrusted { .. } | PlatformError::Io { .. }) => {
                match memory_directory(&self.runtime, effective_uid()) {
                    Ok(dir) => format!(
                        "Render it into a directory of your own in memory, such as {}.",
                        dir.path().display()
                    ),
                    Err(error) => return error.into(),
                }
            }
            _ => return error.into(),
        };
        AppError::new(Code::NotLaunched, error.to_string(), advice)
    }
}

fn refused(from: &FromTemplate, error: TemplateError) -> AppError {
    AppError::usage(
        format!("{}: {error}", from.template.display()),
        "Mend that place and run again; nothing was rendered.",
    )
}
