//! Patterns of file names (glob(7)): `*`, `?`, `[a-z]`, `[!a-z]`.

/// Whether a name has the form of a pattern. Time is bounded by the product of their lengths.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last star stood, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let taken = match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('[') => set(&pattern[p..], name[n]),
            Some(c) if *c == name[n] => Some(1),
            _ => None,
        };
        match (taken, star) {
            (Some(width), _) => {
                p += width;
                n += 1;
            }
            (None, Some((at, from))) => {
                star = Some((at, from + 1));
                p = at + 1;
                n = from + 1;
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The width of the set at the start of a pattern, if it has the character.
fn set(pattern: &[char], c: char) -> Option<usize> {
    let not = matches!(pattern.get(1), Some('!' | '^'));
    let first = if not { 2 } else { 1 };
    // A bracket right at the start belongs to the set.
    let end = first + 1 + pattern.get(first + 1..)?.iter().position(|c| *c == ']')?;
    let inside = pattern.get(first..end)?;
    let (mut at, mut found) = (0, false);
    while let Some(low) = inside.get(at) {
        match (inside.get(at + 1), inside.get(at + 2)) {
            (Some('-'), Some(high)) => {
                found |= (*low..=*high).contains(&c);
                at += 3;
            }
            _ => {
                found |= *low == c;
                at += 1;
            }
        }
    }
    (found != not).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, name, is) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.bak", false),
            ("a*b*c", "axxbyyc", true),
            ("a?c", "abc", true),
            ("[a-c]x[!0-9]", "bxz", true),
            ("[a-c]x[!0-9]", "bx1", false),
            ("[", "[", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), is, "{pattern} {name}");
        }
    }
}
