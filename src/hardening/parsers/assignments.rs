//! `NAME=value` lines, quoted as a shell would: os-release, `/etc/default`, sysctl.

use std::collections::BTreeMap;

/// Reads the assignments; the last of one name wins. Blanks around `=` are taken (sysctl has them).
pub fn parse(text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else { continue };
        let name = name.trim().trim_start_matches("export ").trim_start_matches('-').trim();
        all.insert(name.to_owned(), unquoted(value.trim()));
    }
    all
}

/// The text between quotes, or up to a comment.
fn unquoted(value: &str) -> String {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or_default().to_owned();
        }
    }
    value.split(" #").next().unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts() {
        let all = parse("# a=1\nA=1\nexport A=\"2 3\" # x\nkernel.a = 1\nB='x\nC=y # z\n=");
        assert_eq!(all["A"], "2 3");
        assert_eq!(all["kernel.a"], "1");
        assert_eq!((all["B"].as_str(), all["C"].as_str()), ("x", "y"));
    }
}
