//! Where shells and other programs keep what was typed, in this user's surroundings.

use std::path::PathBuf;

use super::surroundings;

/// Where shells keep it: the variable that says so, if there is one, and the places below it or below
/// the user's home.
const SHELLS: &[Place] = &[
    Place { variable: Some("HISTFILE"), below: "", home: ".bash_history" },
    Place { variable: Some("ZDOTDIR"), below: ".zsh_history", home: ".zsh_history" },
    Place { variable: None, below: "", home: ".zhistory" },
    Place { variable: None, below: "", home: ".histfile" },
    Place {
        variable: Some("XDG_DATA_HOME"),
        below: "fish/fish_history",
        home: ".local/share/fish/fish_history",
    },
];

/// Where other programs keep it.
const OTHERS: &[Place] = &[
    Place { variable: Some("PYTHON_HISTORY"), below: "", home: ".python_history" },
    Place { variable: Some("PSQL_HISTORY"), below: "", home: ".psql_history" },
    Place { variable: Some("MYSQL_HISTFILE"), below: "", home: ".mysql_history" },
    Place { variable: None, below: "", home: ".mariadb_history" },
    Place { variable: Some("SQLITE_HISTORY"), below: "", home: ".sqlite_history" },
    Place { variable: Some("REDISCLI_HISTFILE"), below: "", home: ".rediscli_history" },
    Place { variable: Some("NODE_REPL_HISTORY"), below: "", home: ".node_repl_history" },
];

struct Place {
    variable: Option<&'static str>,
    /// The file below the directory that the variable names; empty where it names the file.
    below: &'static str,
    home: &'static str,
}

/// The histories of this user's shells, whether they exist or not.
pub(super) fn of_shells() -> Vec<PathBuf> {
    paths(SHELLS)
}

/// The histories of all programs of this user that exist.
pub(super) fn all() -> Vec<PathBuf> {
    let mut all = paths(SHELLS);
    all.extend(paths(OTHERS));
    all.retain(|path| path.is_file());
    all
}

fn paths(places: &[Place]) -> Vec<PathBuf> {
    let home = surroundings::user_home();
    let each = |place: &Place| {
        let named = place.variable.and_then(surroundings::path);
        let named = named.map(|path| match place.below {
            "" => path,
            below => path.join(below),
        });
        let usual = home.as_ref().map(|home| home.join(place.home));
        named.into_iter().chain(usual).collect::<Vec<_>>()
    };
    let mut all: Vec<PathBuf> = places.iter().flat_map(each).collect();
    all.sort();
    all.dedup();
    all
}
