//! Lines of `authorized_keys` (sshd(8)): `[options] type base64-key [comment]`. What is not a key of
//! such a form is kept as it is. A key is told by its base64 text, which has one form.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::digest::{SHA256, digest};

/// First words of a key's type; certificates and keys in hardware among them.
const TYPES: [&str; 4] = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];

/// A line that holds a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Line<'a> {
    /// Options, as they stand there; empty where there are none.
    pub options: &'a str,
    /// The key in base64.
    pub blob: &'a str,
    /// What follows.
    pub comment: &'a str,
}

impl<'a> Line<'a> {
    /// Reads one line; `None` where it holds no key.
    pub fn parse(line: &'a str) -> Option<Self> {
        let line = line.trim_matches([' ', '\t', '\r']);
        if line.starts_with('#') {
            return None;
        }
        let (first, rest) = word(line);
        let (options, kind, rest) = match is_type(first) {
            true => ("", first, rest),
            false => {
                let (second, rest) = word(rest);
                (first, second, rest)
            }
        };
        let (blob, comment) = word(rest);
        let is_key = is_type(kind) && !blob.is_empty() && STANDARD.decode(blob).is_ok();
        is_key.then_some(Self { options, blob, comment })
    }

    /// The key's fingerprint, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        fingerprint(self.blob)
    }
}

/// SHA-256 of a key in base64, as `ssh-keygen -l` shows it.
pub(super) fn fingerprint(blob: &str) -> String {
    let bytes = STANDARD.decode(blob).unwrap_or_default();
    format!("SHA256:{}", STANDARD_NO_PAD.encode(digest(&SHA256, &bytes)))
}

/// The keys of a file, in order.
pub fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.split('\n').filter_map(Line::parse)
}

/// A line for `public` (`type base64`) with the options of the key `old`; `None` where it has no line.
pub fn successor(text: &str, old: &str, public: &str, comment: &str) -> Option<String> {
    let line = lines(text).find(|line| line.blob == old)?;
    let between = if line.options.is_empty() { "" } else { " " };
    Some(format!("{}{between}{public} {comment}", line.options))
}

/// The file with one more line at its end.
pub fn with(text: &str, line: &str) -> String {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}{line}\n")
}

/// The file without the lines of a key; `None` where it has none.
pub fn without(text: &str, blob: &str) -> Option<String> {
    let is_other = |line: &&str| Line::parse(line).is_none_or(|line| line.blob != blob);
    let kept: String = text.split_inclusive('\n').filter(is_other).collect();
    (kept.len() < text.len()).then_some(kept)
}

fn is_type(word: &str) -> bool {
    TYPES.iter().any(|start| word.starts_with(start))
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-@.".contains(&byte))
}

/// The first word, in which blanks between quotes count as letters, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches([' ', '\t']);
    let (mut quoted, mut escaped) = (false, false);
    let end = text.bytes().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b' ' | b'\t' if !quoted => return true,
            _ => {}
        }
        false
    });
    let (first, rest) = text.split_at(end.unwrap_or(text.len()));
    (first, rest.trim_start_matches([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "# ssh-ed25519 QUJD no key\n\
        ssh-ed25519 QUJD one two\n\
        from=\"10.0.0.0/8\",command=\"echo \\\"a b\\\" # c\" \tssh-rsa QUJE\r\n\
        restrict,pty ssh-ed25519 QUJD twice\n\
        nonsense\n\
        sk-ssh-ed25519@openssh.com QUJF";

    #[test]
    fn lines_are_told_as_sshd_tells_them() {
        let found: Vec<Line<'_>> = lines(TEXT).collect();
        let blobs: Vec<&str> = found.iter().map(|line| line.blob).collect();
        assert_eq!(blobs, ["QUJD", "QUJE", "QUJD", "QUJF"]);
        assert_eq!(found[1].options, "from=\"10.0.0.0/8\",command=\"echo \\\"a b\\\" # c\"");
        assert_eq!((found[0].comment, found[3].comment), ("one two", ""));
        assert!(found[0].fingerprint().starts_with("SHA256:"));
    }

    #[test]
    fn a_successor_has_the_options_and_a_removal_takes_all_lines() {
        let line = successor(TEXT, "QUJE", "ssh-ed25519 QUJH", "label").unwrap();
        assert!(line.starts_with("from=") && line.ends_with("# c\" ssh-ed25519 QUJH label"));
        assert_eq!(successor(TEXT, "QUJZ", "ssh-ed25519 QUJH", "label"), None);
        let longer = with(TEXT, &line);
        assert!(longer.starts_with(TEXT) && longer.ends_with(" label\n"));
        let shorter = without(&longer, "QUJD").unwrap();
        assert!(lines(&shorter).all(|line| line.blob != "QUJD"));
        assert!(
            shorter.starts_with("# ssh-ed25519 QUJD no key\nfrom=") && shorter.contains("nonsense")
        );
        assert_eq!(without(&shorter, "QUJD"), None);
    }

    proptest! {
        #[test]
        fn what_is_added_is_found_and_removed_again(text in "([ -~]{0,40}\n){0,8}") {
            let line = "restrict ssh-ed25519 QUJX label";
            let longer = with(&text, line);
            prop_assert_eq!(lines(&longer).last().map(|line| line.blob), Some("QUJX"));
            prop_assert_eq!(without(&longer, "QUJX").unwrap(), text);
        }
    }
}
