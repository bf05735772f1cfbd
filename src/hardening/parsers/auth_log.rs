//! What sshd writes of logins, by address.

use std::collections::BTreeMap;

/// Logins from one address.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tries {
    /// That failed.
    pub failed: u32,
    /// That went well with a password, after at least one had failed.
    pub broken_in: u32,
}

/// Most addresses that are told apart; all others are counted together.
const MAX_ADDRESSES: usize = 10_000;

/// Counts logins by address, in the order of the lines.
pub fn tries(text: &str) -> BTreeMap<String, Tries> {
    let mut all: BTreeMap<String, Tries> = BTreeMap::new();
    for line in text.lines().filter(|line| line.contains("ssh")) {
        let failed = [
            "Failed password",
            "Invalid user",
            "authentication failure",
            "maximum authentication attempts",
        ];
        let failed = failed.iter().any(|word| line.contains(word));
        let accepted = line.contains("Accepted password");
        if !failed && !accepted {
            continue;
        }
        let Some(address) = address(line) else { continue };
        let full = all.len() >= MAX_ADDRESSES && !all.contains_key(address);
        let one = all.entry(if full { "others" } else { address }.to_owned()).or_default();
        if failed {
            one.failed += 1;
        } else if one.failed > 0 {
            one.broken_in += 1;
        }
    }
    all
}

/// The address of a line: after ` from `, or `rhost=`.
fn address(line: &str) -> Option<&str> {
    // The last one: what was typed as a name stands before it.
    let (_, after) = line.rsplit_once(" from ").or_else(|| line.rsplit_once("rhost="))?;
    let word = after.split_whitespace().next()?;
    word.chars().all(|c| c.is_ascii_hexdigit() || c == '.' || c == ':').then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_that_went_well_is_seen() {
        let text = "Nov 1 a sshd[1]: Failed password for root from 203.0.113.9 port 1 ssh2\n\
            Nov 1 a sshd[1]: Failed password for invalid user x from 203.0.113.9 port 1 ssh2\n\
            Nov 1 a sshd[2]: Accepted password for root from 203.0.113.9 port 1 ssh2\n\
            Nov 1 a sshd[3]: Accepted publickey for a from 192.0.2.1 port 1 ssh2\n";
        let all = tries(text);
        assert_eq!(all["203.0.113.9"], Tries { failed: 2, broken_in: 1 });
        assert_eq!(all.len(), 1);
    }
}
