//! How the person at the terminal is logged in, as far as that can be told; in doubt over SSH.

use std::path::Path;

use clawvault_core::platform::process::{self, ProcessId};
use clawvault_core::platform::read::read_bounded;
use clawvault_providers::native::ssh::public;

use crate::app::rotation::Login;
use crate::cli::surroundings;

/// The server's processes; newer ones have `sshd-session`.
const SERVER: &str = "sshd";
/// Programs that keep a terminal for logins to come: what stands below them is below no login.
const KEEPERS: [&str; 6] = ["tmux", "screen", "SCREEN", "zellij", "dtach", "abduco"];
/// Most of what the server says of how somebody logged in, in bytes.
const MAX_TOLD: usize = 64 * 1024;

/// How the operator is logged in.
pub(super) fn login() -> Login {
    let above = process::chain(ProcessId::own());
    let names: Vec<String> =
        above.iter().filter_map(|kin| process::name(kin.process.pid)).collect();
    let any = |begin: &str| names.iter().any(|name| name.starts_with(begin));
    let kept = KEEPERS.iter().any(|keeper| any(keeper));
    let told = ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"];
    let told = told.iter().any(|name| surroundings::path(name).is_some());
    // What a terminal's keeper handed on may be of an earlier login.
    match surroundings::path("SSH_USER_AUTH").filter(|_| any(SERVER) && !kept) {
        Some(file) => keys_of(&file).map_or(Login::SshBySomeKey, Login::Ssh),
        None if any(SERVER) || any("mosh-server") || told => Login::SshBySomeKey,
        None if process::has_session(SERVER).unwrap_or(true) => Login::Perhaps,
        None => Login::Here,
    }
}

/// The keys that the server says somebody showed (`ExposeAuthInfo`); none where one of them is not told
/// plainly: a certificate's key may have a line of its own.
fn keys_of(file: &Path) -> Option<Vec<String>> {
    let text = read_bounded(file, MAX_TOLD).ok()?;
    keys_in(std::str::from_utf8(&text).ok()?)
}

fn keys_in(text: &str) -> Option<Vec<String>> {
    if text.trim().is_empty() {
        return None;
    }
    let keys = text.lines().filter_map(|line| line.strip_prefix("publickey "));
    keys.map(|key| public(key).filter(|_| !key.contains("-cert-"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUVThtWeUDqbIOKnGz6Dq4oi5YJzKO9RzT+c+MUoOBQ";

    #[test]
    fn only_what_the_server_says_plainly_is_taken() {
        assert_eq!(keys_in(&format!("publickey {KEY}\n")), Some(vec![KEY.to_owned()]));
        assert_eq!(keys_in("password\n"), Some(Vec::new()));
        for untold in ["", "publickey what\n", "publickey ssh-ed25519-cert-v01@openssh.com AAAA\n"]
        {
            assert_eq!(keys_in(untold), None, "{untold}");
        }
    }
}
