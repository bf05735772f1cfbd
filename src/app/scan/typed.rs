//! Histories of shells and other programs as a source, and how commands are taken out of each.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clawvault_scan::engine::Scanner;
use clawvault_scan::source::Outcome;
use clawvault_scan::source::typed::{self, Program};

use crate::app::plaintext::quoted;
use crate::app::{AppError, Code};

/// Scans the histories in these files.
pub(super) fn scan(scanner: &Scanner<'_>, files: &[PathBuf]) -> Result<Outcome, AppError> {
    if let Some(path) = files.iter().find(|path| !path.exists()) {
        let what = format!("there is no {}", path.display());
        return Err(AppError::new(Code::Missing, what, "Check the path."));
    }
    let mut all = Outcome::default();
    for path in files {
        let remedy = |program: Program, lines: RangeInclusive<usize>| remedy(program, path, &lines);
        all.add(typed::scan_file(scanner, path, &remedy));
    }
    Ok(all)
}

/// How the commands in these lines are taken out, and what keeps the next one out.
fn remedy(program: Program, path: &Path, lines: &RangeInclusive<usize>) -> String {
    let file = quoted(&path.display().to_string());
    let lines = match (lines.start(), lines.end()) {
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from},{to}"),
    };
    let delete = format!("LC_ALL=C sed -i {lines}d {file}");
    match program {
        Program::Bash => format!(
            "In bash, `history` says its number: `history -d NUMBER; history -w`; or end all shells \
             and `{delete}`. HISTCONTROL=ignorespace keeps out what begins with a blank."
        ),
        Program::Zsh => format!(
            "End other shells, then `{delete}`, and `fc -p {file}` in this one. `setopt \
             HIST_IGNORE_SPACE` keeps out what begins with a blank."
        ),
        Program::Fish => {
            "In fish: `history delete --contains WORDS`, then pick it. fish keeps out \
                          what begins with a blank."
                .to_owned()
        }
        Program::Python => without(&delete, program, "PYTHON_HISTORY=/dev/null keeps none"),
        Program::Psql => without(
            &delete,
            program,
            "`\\password` sets a password without a trace, `\\set HISTFILE /dev/null` keeps none",
        ),
        Program::Mysql => without(&delete, program, "MYSQL_HISTFILE=/dev/null keeps none"),
        Program::Sqlite => without(&delete, program, "SQLITE_HISTORY=/dev/null keeps none"),
        Program::Redis => without(
            &delete,
            program,
            "REDISCLI_AUTH hands the password over, REDISCLI_HISTFILE=/dev/null keeps none",
        ),
        Program::Node => without(&delete, program, "NODE_REPL_HISTORY='' keeps none"),
    }
}

fn without(delete: &str, program: Program, next: &str) -> String {
    format!("End {}, then `{delete}`; {next}.", program.name())
}
