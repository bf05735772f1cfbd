//! What dpkg and apt keep of packages: stanzas of `Name: value`, and versions in Debian's order
//! (deb-version(7)).

use std::cmp::Ordering;

/// One package of a list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Package<'t> {
    /// Its name.
    pub name: &'t str,
    /// Its version.
    pub version: &'t str,
    /// What dpkg has of it; empty in lists of what could be installed.
    pub status: &'t str,
}

/// The packages of a list, in its order. What has no name or no version is left out.
pub fn packages(text: &str) -> impl Iterator<Item = Package<'_>> {
    text.split("\n\n").filter_map(|stanza| {
        let mut found = Package::default();
        for line in stanza.lines() {
            match line.split_once(": ") {
                Some(("Package", name)) => found.name = name.trim(),
                Some(("Version", version)) => found.version = version.trim(),
                Some(("Status", status)) => found.status = status.trim(),
                _ => {}
            }
        }
        (!found.name.is_empty() && !found.version.is_empty()).then_some(found)
    })
}

/// Which of two versions is the newer one.
pub fn compare(one: &str, other: &str) -> Ordering {
    let ((epoch, upstream, revision), (epoch2, upstream2, revision2)) = (parts(one), parts(other));
    epoch
        .cmp(&epoch2)
        .then_with(|| part(upstream, upstream2))
        .then_with(|| part(revision, revision2))
}

fn parts(version: &str) -> (u64, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
    (epoch.parse().unwrap_or(0), upstream, revision)
}

/// Compares pieces that are no digits, and numbers, in turn.
fn part(one: &str, other: &str) -> Ordering {
    let (mut a, mut b) = (one.as_bytes(), other.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let words =
            (prefix(&mut a, |c| !c.is_ascii_digit()), prefix(&mut b, |c| !c.is_ascii_digit()));
        let ordered = word(words.0, words.1);
        if ordered != Ordering::Equal {
            return ordered;
        }
        let numbers =
            (prefix(&mut a, |c| c.is_ascii_digit()), prefix(&mut b, |c| c.is_ascii_digit()));
        let (x, y) = (bare(numbers.0), bare(numbers.1));
        let ordered = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
        if ordered != Ordering::Equal {
            return ordered;
        }
    }
    Ordering::Equal
}

/// Takes the bytes at the start that `is` says yes to.
fn prefix<'b>(bytes: &mut &'b [u8], is: impl Fn(&u8) -> bool) -> &'b [u8] {
    let end = bytes.iter().position(|c| !is(c)).unwrap_or(bytes.len());
    let (first, rest) = bytes.split_at(end);
    *bytes = rest;
    first
}

fn bare(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|c| **c == b'0').count();
    &number[zeros..]
}

/// A tilde comes before the end, letters before all else.
fn word(one: &[u8], other: &[u8]) -> Ordering {
    let weight = |c: Option<&u8>| match c {
        Some(b'~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => i32::from(*c),
        Some(c) => i32::from(*c) + 256,
    };
    let longest = one.len().max(other.len());
    (0..longest)
        .map(|at| weight(one.get(at)).cmp(&weight(other.get(at))))
        .find(|ordered| *ordered != Ordering::Equal)
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_debians_order() {
        // Each is older than the next.
        let all = [
            "1.0~beta1~svn1",
            "1.0~beta1",
            "1.0",
            "1.0-1",
            "1.0-1+deb12u1",
            "1.0-2",
            "1.0a",
            "1.0+b",
            "1.0.1",
            "1.10",
            "1:0.1",
        ];
        for pair in all.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(compare("0:1.02-0", "1.2"), Ordering::Equal);
    }

    #[test]
    fn stanzas_are_packages() {
        let text = "Package: a\nStatus: install ok installed\nVersion: 1\nDescription: x\n Package: b\n\nPackage: c\n\nVersion: 2\n";
        let all: Vec<Package<'_>> = packages(text).collect();
        assert_eq!(all, [Package { name: "a", version: "1", status: "install ok installed" }]);
    }
}
