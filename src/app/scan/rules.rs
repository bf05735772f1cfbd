//! Rules that users bring, in a directory of TOML files.

use std::path::{Path, PathBuf};

use clawvault_core::platform::read::{Directory, ReadError, read_bounded};
use clawvault_scan::engine::{Broken, prove};
use clawvault_scan::rule::grammar::{MAX_RULE_FILE, RuleEntry, RuleFile};
use clawvault_scan::rule::{ExtraError, RuleSet};

use crate::app::{AppError, Code};

/// Most files in the directory.
const MAX_FILES: usize = 1_000;
/// What the id of a form ends with that stands beside a built-in one.
const OWN: &str = "-own";

/// The built-in rules, and those of the directory.
pub fn load_rules(directory: Option<&Path>) -> Result<RuleSet, AppError> {
    load_rules_beside(&[], directory)
}

/// The built-in rules, those for the forms of keys that a vault's own manifests describe, and those of the
/// directory. A form that takes the id of a rule, as that of a vendor in the place of a built-in one does,
/// gets another; one that cannot be looked for is left out: no scan fails of it.
pub(in crate::app) fn load_rules_beside(
    forms: &[RuleEntry],
    directory: Option<&Path>,
) -> Result<RuleSet, AppError> {
    if forms.is_empty() && directory.is_none() {
        return Ok(RuleSet::built_in());
    }
    let of_directory = directory.map(read).transpose()?.unwrap_or_default();
    let (paths, entries): (Vec<PathBuf>, Vec<RuleEntry>) = of_directory.into_iter().unzip();
    let mut forms = forms.to_vec();
    loop {
        let all = forms.iter().chain(&entries).cloned().collect();
        match RuleSet::with_extra(all) {
            Err(error) if error.rule < forms.len() => {
                let taken = &mut forms[error.rule];
                if taken.id.ends_with(OWN) || !RuleSet::built_in().has(&taken.id) {
                    forms.remove(error.rule);
                } else {
                    taken.id.push_str(OWN);
                }
            }
            made => return made.map_err(|error| refused(&error, forms.len(), &paths, &entries)),
        }
    }
}

/// What is wrong with a rule of the directory.
fn refused(error: &ExtraError, forms: usize, paths: &[PathBuf], entries: &[RuleEntry]) -> AppError {
    let at = error.rule.saturating_sub(forms);
    let place = paths.get(at).or(paths.first());
    let place = place.map_or_else(|| "the rules".to_owned(), |path| path.display().to_string());
    let id = entries.get(at).map(|entry| format!(" rule {}:", entry.id)).unwrap_or_default();
    wrong(&place, &format!("{id} {error}"))
}

/// Proves every rule against its examples, and against the counter-examples of all. Gives how many
/// there are, and what is wrong.
pub fn check_rules(directory: Option<&Path>) -> Result<(usize, Vec<Broken>), AppError> {
    let rules = load_rules(directory)?;
    Ok((rules.count(), prove(&rules)))
}

fn wrong(place: &str, reason: &str) -> AppError {
    let advice = "Mend that place; `clawvault scan rules check --rules DIR` checks it again.";
    AppError::usage(format!("{place}: {}", reason.trim_start()), advice)
}

/// Reads every `*.toml` in a directory, by name.
fn read(directory: &Path) -> Result<Vec<(PathBuf, RuleEntry)>, AppError> {
    let refused = |path: &Path, error: ReadError| {
        let code = if error == ReadError::Missing { Code::Missing } else { Code::Failed };
        let what = format!("{}: {error}", path.display());
        AppError::new(code, what, "Name a directory of rule files, *.toml, with --rules.")
    };
    let names = Directory::open(directory)
        .and_then(|open| open.list(Path::new(""), MAX_FILES))
        .map_err(|error| refused(directory, error))?;
    let is_toml = |name: &PathBuf| name.extension().is_some_and(|end| end == "toml");
    let mut rules = Vec::new();
    for name in names.into_iter().map(PathBuf::from).filter(is_toml) {
        let path = directory.join(name);
        let bytes = read_bounded(&path, MAX_RULE_FILE).map_err(|error| refused(&path, error))?;
        let wrong = |reason: &str| wrong(&path.display().to_string(), reason);
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("not UTF-8"))?;
        let file = RuleFile::parse(text).map_err(|error| wrong(&error.to_string()))?;
        rules.extend(file.rules.into_iter().map(|rule| (path.clone(), rule)));
    }
    if rules.is_empty() {
        let what = format!("{} holds no rule", directory.display());
        return Err(AppError::new(Code::Missing, what, "Put files *.toml with rules there."));
    }
    Ok(rules)
}
