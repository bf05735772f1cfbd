//! Sections of `name = value` lines: fail2ban, systemd units, pip, git, dnf.

/// One value and where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The section, as written; empty before the first one.
    pub section: String,
    /// The name, in small letters.
    pub name: String,
    /// The value, continued lines joined by a blank.
    pub value: String,
}

/// Reads the entries in their order. A line that begins with a blank goes on with the value before it
/// where `continues` says so, as in fail2ban.
pub fn parse(text: &str, continues: bool) -> Vec<Entry> {
    let (mut all, mut section): (Vec<Entry>, String) = (Vec::new(), String::new());
    for raw in text.lines() {
        let line = raw.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if continues
            && raw.starts_with([' ', '\t'])
            && let Some(last) = all.last_mut()
        {
            last.value.push(' ');
            last.value.push_str(line);
        } else if let Some(rest) = line.strip_prefix('[') {
            section = rest.split(']').next().unwrap_or_default().trim().to_owned();
        } else {
            // Git writes a name alone for true.
            let (name, value) = match continues {
                // Python's reader parts them by a colon too, and ends them at a comment.
                true => line.split(" ;").next().unwrap_or(line).split_once(['=', ':']),
                false => line.split_once('='),
            }
            .unwrap_or((line, "true"));
            all.push(Entry {
                section: section.clone(),
                name: name.trim().to_ascii_lowercase(),
                value: value.trim().to_owned(),
            });
        }
    }
    all
}

/// The last value of a name in a section, whose name may be written in any letters.
pub fn last<'a>(entries: &'a [Entry], section: &str, name: &str) -> Option<&'a str> {
    let of = |entry: &&Entry| entry.section.eq_ignore_ascii_case(section) && entry.name == name;
    entries.iter().rev().find(of).map(|entry| entry.value.as_str())
}

/// Whether a word means yes.
pub fn is_true(value: &str) -> bool {
    ["1", "yes", "true", "on"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_section_counts() {
        let all = parse("a=0\n[x]\na = 1\n  2\n# a=3\n[y]\na=4\n[X]\nA=5\nflag\n", true);
        assert_eq!(last(&all, "x", "a"), Some("5"));
        assert_eq!(last(&all, "y", "a"), Some("4"));
        assert_eq!(all[1].value, "1 2");
        assert!(is_true(last(&all, "x", "flag").unwrap()));
        assert_eq!(last(&all, "", "a"), Some("0"));
        let all = parse("[x]\nenabled : TRUE ; why\nport=a:b", true);
        assert!(is_true(last(&all, "x", "enabled").unwrap()));
        assert_eq!(last(&all, "x", "port"), Some("a:b"));
    }
}
