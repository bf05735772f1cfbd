//! The environment that a program starts from, before secrets are added.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Which of the surrounding variables a program gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Base {
    /// Only those that say who, where and in which language.
    Clean,
    /// All but those that open a vault.
    Inherited,
}

/// Variables that a clean environment keeps.
const KEPT: &[&str] = &[
    "COLORTERM",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "PATH",
    "PWD",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
];

/// Variables that open a vault or lead to a credential: no child gets them.
fn opens_a_vault(name: &str) -> bool {
    name.starts_with("CLAWVAULT_") || name == "CREDENTIALS_DIRECTORY"
}

/// Picks from the surrounding variables.
pub fn base(
    all: impl IntoIterator<Item = (OsString, OsString)>,
    which: Base,
) -> BTreeMap<OsString, OsString> {
    let keep = |name: &OsString| {
        let name = name.to_string_lossy();
        let wanted =
            which == Base::Inherited || KEPT.contains(&name.as_ref()) || name.starts_with("LC_");
        wanted && !opens_a_vault(&name)
    };
    all.into_iter().filter(|(name, _)| keep(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_never_gets_what_opens_a_vault() {
        let all = ["PATH", "LC_ALL", "FOO", "CLAWVAULT_IDENTITY", "CREDENTIALS_DIRECTORY"];
        let all = || all.iter().map(|name| (OsString::from(name), OsString::from("x")));
        let names = |which| base(all(), which).into_keys().collect::<Vec<_>>();
        assert_eq!(names(Base::Inherited), ["FOO", "LC_ALL", "PATH"]);
        assert_eq!(names(Base::Clean), ["LC_ALL", "PATH"]);
    }
}
