//! Users (passwd(5), shadow(5)).

use super::{Facts, once};
use crate::hardening::host::Unseen;
use crate::hardening::parsers::accounts::{self, Password};

/// A line of `/etc/passwd`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its first group.
    pub gid: u32,
    /// Its home directory.
    pub home: String,
    /// What it logs in to.
    pub shell: String,
    /// Whether the password field of passwd itself is empty.
    pub is_open: bool,
}

impl User {
    /// Whether somebody can log in as it and work: no shell that only says no.
    pub fn can_log_in(&self) -> bool {
        let end = self.shell.rsplit('/').next().unwrap_or_default();
        !["nologin", "false", "sync", "shutdown", "halt"].contains(&end)
    }
}

impl Facts<'_> {
    /// The users that the host's files list.
    pub fn users(&self) -> Result<&[User], Unseen> {
        once(&self.users, || {
            let text = self.text("/etc/passwd")?.unwrap_or_default();
            Ok(accounts::users(&text))
        })
        .map(Vec::as_slice)
    }

    /// Names, and what their password is; only root may read it.
    pub fn passwords(&self) -> Result<Vec<(String, Password)>, Unseen> {
        let text = self.text("/etc/shadow")?.unwrap_or_default();
        Ok(accounts::passwords(&text))
    }

    /// Homes that are looked into: of root and of who can log in, and of each service user below
    /// `/home`, `/srv`, `/opt`, `/var/lib`; each once.
    pub fn user_homes(&self) -> Result<Vec<&User>, Unseen> {
        let mut seen = std::collections::BTreeSet::new();
        let below = ["/home/", "/srv/", "/opt/", "/var/lib/"];
        let users = self.users()?.iter().filter(|user| {
            user.uid == 0
                || (user.can_log_in() && user.home.len() > 1)
                || below.iter().any(|start| user.home.starts_with(start))
        });
        Ok(users.filter(|user| seen.insert(user.home.clone())).take(256).collect())
    }
}
