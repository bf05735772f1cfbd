//! Figures out of an answer, digit for digit: JSON is read without making numbers of its numbers.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Deepest path.
const MAX_STEPS: usize = 12;

/// A piece of a JSON text.
pub(super) type Piece<'a> = &'a RawValue;

/// The whole of a text, if it is JSON.
pub(super) fn whole(bytes: &[u8]) -> Option<Piece<'_>> {
    serde_json::from_slice(bytes).ok()
}

/// Everything at a path of members and `[*]`, in order.
pub(super) fn all<'a>(piece: Piece<'a>, path: &str) -> Vec<Piece<'a>> {
    let mut found = vec![piece];
    for (at, step) in steps(path).enumerate() {
        if at >= MAX_STEPS {
            return Vec::new();
        }
        found = found.into_iter().flat_map(|piece| taken(piece, step)).collect();
    }
    found
}

/// The text or number at a path, as it was written; none for what is neither, or not there.
pub(super) fn text(piece: Piece<'_>, path: &str) -> Option<String> {
    let found = all(piece, path);
    let raw = found.first()?.get();
    match raw.bytes().next()? {
        b'"' => serde_json::from_str(raw).ok(),
        b'-' | b'0'..=b'9' | b't' | b'f' => Some(raw.to_owned()),
        _ => None,
    }
}

/// Members and `[*]` of a path that begins with `$`.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').flat_map(|part| {
        let (name, stars) = part.split_once('[').map_or((part, ""), |(name, rest)| (name, rest));
        let name = Some(name).filter(|name| !name.is_empty() && *name != "$");
        let stars = stars.matches('*').map(|_| "*");
        name.into_iter().chain(stars)
    })
}

fn taken<'a>(piece: Piece<'a>, step: &str) -> Vec<Piece<'a>> {
    let raw = piece.get();
    match (step, raw.as_bytes().first()) {
        ("*", Some(b'[')) => serde_json::from_str(raw).unwrap_or_default(),
        (name, Some(b'{')) => {
            let members: Option<BTreeMap<String, Piece<'a>>> = serde_json::from_str(raw).ok();
            members.and_then(|mut members| members.remove(name)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let body = br#"{"data":[{"r":[{"a":0.06000000000000001,"k":"x"},{"a":1e-7}]},{"r":[]},{"r":[{"a":"12.3400","k":null}]}]}"#;
        let body = whole(body).unwrap();
        let rows = all(body, "$.data[*].r[*]");
        let amounts: Vec<_> = rows.iter().map(|row| text(row, "$.a").unwrap()).collect();
        assert_eq!(amounts, ["0.06000000000000001", "1e-7", "12.3400"]);
        assert_eq!(text(rows[0], "$.k").as_deref(), Some("x"));
        assert_eq!(text(rows[2], "$.k"), None);
        assert!(all(body, "$.data.r").is_empty() && all(body, "$.data[*].r[*].a[*]").is_empty());
        assert_eq!(all(body, "$").len(), 1);
    }
}
