//! Documents for containers: a Secret of Kubernetes, and the file that `docker run` reads.
//!
//! Both hand keys to programs, so what administers other keys is in neither. A value that a form
//! cannot carry refuses the document: half of one must not pass for a whole one.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clawvault_core::domain::{Revealed, Value};
use zeroize::Zeroizing;

use crate::app::{AppError, Code};

/// Most bytes of values that Kubernetes keeps in one Secret.
const MAX_SECRET: usize = 1024 * 1024;
/// Longest name of an object of Kubernetes (RFC 1123 subdomain).
const MAX_OBJECT_NAME: usize = 253;
/// Most bytes of a line, with its end, that docker reads.
const MAX_LINE: usize = 64 * 1024;

/// Values by the key or variable that they get.
type Pairs<'a> = BTreeMap<String, (&'a Revealed, &'a Value)>;

/// A `v1` Secret: a key for each variable, and `name.field` for each field that has none.
pub(super) fn k8s_secret(
    revealed: &[Revealed],
    name: &str,
) -> Result<Zeroizing<Vec<u8>>, AppError> {
    let mut pairs = variables(revealed)?;
    for one in revealed {
        for (field, value) in &one.fields {
            if one.info.injections.iter().any(|injection| injection.field == *field) {
                continue;
            }
            let key = format!("{}.{field}", one.info.name.as_str().replace('/', "."));
            add(&mut pairs, key, one, value)?;
        }
    }
    let total: usize = pairs.values().map(|(_, value)| value.len()).sum();
    if total > MAX_SECRET {
        let what =
            format!("the values are {total} bytes; Kubernetes takes {MAX_SECRET} in a Secret");
        return Err(AppError::new(Code::No, what, "Choose fewer of them with --only."));
    }
    // Quoted throughout: a plain NO, or base64 of digits alone, would not be text to YAML.
    let head = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"{name}\"\ntype: Opaque\ndata:{}\n",
        if pairs.is_empty() { " {}" } else { "" }
    );
    let encoded = |value: &Value| value.len().div_ceil(3) * 4;
    let line = |(key, (_, value)): (&String, &(_, &Value))| key.len() + encoded(value) + 9;
    let length = head.len() + pairs.iter().map(line).sum::<usize>();
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    out.extend_from_slice(head.as_bytes());
    for (key, (_, value)) in &pairs {
        out.extend_from_slice(format!("  \"{key}\": \"").as_bytes());
        let start = out.len();
        out.resize(start + encoded(value), 0);
        // Into a place of exactly its length, so it cannot fail.
        STANDARD.encode_slice(value.expose(), &mut out[start..]).ok();
        out.extend_from_slice(b"\"\n");
    }
    debug_assert_eq!(out.len(), length);
    Ok(out)
}

/// `NAME=value` lines as `docker run --env-file` reads them: a value is the rest of its line as
/// it stands, without quotes or escapes. The second part says what has no variable.
pub(super) fn docker_env(
    revealed: &[Revealed],
) -> Result<(Zeroizing<Vec<u8>>, Vec<String>), AppError> {
    let pairs = variables(revealed)?;
    let refused: Vec<String> = pairs
        .iter()
        .filter_map(|(variable, (one, value))| {
            let why = unfit_for_docker(variable, value)?;
            Some(format!("{} ({why})", one.info.name))
        })
        .collect();
    if !refused.is_empty() {
        let what = format!("docker reads no such values: {}", refused.join(", "));
        let advice = "Choose others with --only, and hand these over as files.";
        return Err(AppError::new(Code::No, what, advice));
    }
    let length = pairs.iter().map(|(variable, (_, value))| variable.len() + value.len() + 2).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    for (variable, (_, value)) in &pairs {
        out.extend_from_slice(variable.as_bytes());
        out.push(b'=');
        out.extend_from_slice(value.expose());
        out.push(b'\n');
    }
    debug_assert_eq!(out.len(), length);
    let bare = revealed.iter().filter(|one| one.info.injections.is_empty());
    let note =
        |one: &Revealed| format!("{} has no variable and is not in this document", one.info.name);
    Ok((out, bare.map(note).collect()))
}

fn unfit_for_docker(variable: &str, value: &Value) -> Option<&'static str> {
    let bytes = value.expose();
    if bytes.contains(&b'\n') {
        return Some("several lines");
    }
    if bytes.ends_with(b"\r") {
        return Some("a carriage return at its end");
    }
    if str::from_utf8(bytes).is_err() {
        return Some("not text");
    }
    (variable.len() + bytes.len() + 2 > MAX_LINE).then_some("too long")
}

fn variables(revealed: &[Revealed]) -> Result<Pairs<'_>, AppError> {
    let mut pairs = Pairs::new();
    for one in revealed {
        for injection in &one.info.injections {
            if let Some(value) = one.field(&injection.field) {
                add(&mut pairs, injection.variable.to_string(), one, value)?;
            }
        }
    }
    Ok(pairs)
}

fn add<'a>(
    pairs: &mut Pairs<'a>,
    key: String,
    one: &'a Revealed,
    value: &'a Value,
) -> Result<(), AppError> {
    let Some((other, _)) = pairs.get(&key) else {
        pairs.insert(key, (one, value));
        return Ok(());
    };
    let what = format!("{} and {} both want the key {key}", other.info.name, one.info.name);
    Err(AppError::new(Code::No, what, "Choose one of them with --only."))
}

/// Refuses what Kubernetes takes for no object's name.
pub(super) fn check_object_name(name: &str) -> Result<(), AppError> {
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() <= MAX_OBJECT_NAME && name.split('.').all(label) {
        return Ok(());
    }
    Err(AppError::usage(
        "Kubernetes takes no such name",
        "A name of an object looks like app-keys: a-z, 0-9, and inside it . -",
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clawvault_core::domain::{
        FieldName, Injection, ProfileName, SecretInfo, SecretName, Variable,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::intake::{Format, maps};

    fn revealed(name: &str, fields: &[(&str, Option<&str>, &[u8])]) -> Revealed {
        let field = |name: &str| FieldName::parse(name).unwrap();
        let injections = fields.iter().filter_map(|(name, variable, _)| {
            let variable = Variable::parse((*variable)?).unwrap();
            Some(Injection { variable, field: field(name) })
        });
        let info = SecretInfo {
            profile: ProfileName::default(),
            name: SecretName::parse(name).unwrap(),
            vendor: None,
            injections: injections.collect(),
            admin: false,
            created_ms: 0,
            removed_ms: None,
            versions: Vec::new(),
        };
        let value = |bytes: &[u8]| Value::new(bytes.to_vec()).unwrap();
        let fields = fields.iter().map(|(name, _, bytes)| (field(name), value(bytes)));
        Revealed { info, version: 1, fields: fields.collect() }
    }

    /// What docker makes of a file: lines, ends with or without a carriage return, the first `=`.
    fn read_by_docker(text: &str) -> Vec<(String, String)> {
        let pair = |line: &str| {
            let (name, value) = line.trim_start().split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        };
        text.lines().filter(|line| !line.starts_with('#')).map(pair).collect()
    }

    #[test]
    fn a_secret_has_a_key_for_every_field() {
        let all = [
            revealed("aws/main", &[("id", Some("AWS_ID"), b"123"), ("key", None, b"\xff\xfe")]),
            revealed("no", &[("value", Some("NO"), b"x")]),
        ];
        assert!(check_object_name("app.keys-1").is_ok());
        let text = k8s_secret(&all, "app.keys-1").unwrap();
        let expected = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"app.keys-1\"\n\
            type: Opaque\ndata:\n  \"AWS_ID\": \"MTIz\"\n  \"NO\": \"eA==\"\n  \
            \"aws.main.key\": \"//4=\"\n";
        assert_eq!(str::from_utf8(&text).unwrap(), expected);
        let none = k8s_secret(&[], "x").unwrap();
        assert!(none.ends_with(b"data: {}\n"));
    }

    #[test]
    fn what_cannot_be_carried_refuses_the_document() {
        let what = |result: Result<_, AppError>| match result {
            Err(error) => error.what,
            Ok(_) => panic!("not refused"),
        };
        let twice = [
            revealed("a", &[("value", Some("X"), b"1")]),
            revealed("b", &[("value", Some("X"), b"1")]),
        ];
        assert_eq!(what(docker_env(&twice).map(drop)), "a and b both want the key X");
        let keys = [revealed("a/b", &[("c", None, b"1")]), revealed("a.b", &[("c", None, b"1")])];
        assert!(what(k8s_secret(&keys, "x").map(drop)).ends_with("both want the key a.b.c"));
        let long = vec![b'x'; MAX_LINE - 3];
        let all = [
            revealed("lines", &[("value", Some("A"), b"1\n2")]),
            revealed("end", &[("value", Some("B"), b"1\r")]),
            revealed("bytes", &[("value", Some("C"), b"\xff")]),
            revealed("long", &[("value", Some("DD"), &long)]),
            revealed("fits", &[("value", Some("E"), &long)]),
        ];
        assert_eq!(
            what(docker_env(&all).map(drop)),
            "docker reads no such values: lines (several lines), end (a carriage return at its \
             end), bytes (not text), long (too long)"
        );
        let large = vec![b'x'; 250 * 1024];
        let field = |name| (name, None, large.as_slice());
        let large = [revealed("x", &["a", "b", "c", "d", "e"].map(field))];
        assert!(what(k8s_secret(&large, "x").map(drop)).contains("Kubernetes takes 1048576"));
        let too_long = "x".repeat(254);
        for name in ["", "A", "a_b", "-a", "a-", "a..b", "a.", too_long.as_str()] {
            assert!(check_object_name(name).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn both_documents_give_every_value_back(
            values in proptest::collection::vec(
                proptest::collection::vec(1..=u8::MAX, 1..80), 1..6,
            ),
            texts in proptest::collection::vec("[^\0\r\n]{1,60}", 1..6),
        ) {
            let bare = values.iter().enumerate().map(|(at, bytes)| {
                revealed(&format!("n{at}"), &[("value", None, bytes)])
            });
            let text = k8s_secret(&bare.collect::<Vec<_>>(), "x").unwrap();
            let tree = maps::parse(Format::Yaml, &text).unwrap();
            let data = tree.get("data").unwrap();
            for (at, bytes) in values.iter().enumerate() {
                let encoded = data.get(&format!("n{at}.value")).unwrap().text().unwrap();
                prop_assert_eq!(&STANDARD.decode(encoded).unwrap(), bytes);
            }
            let named: Vec<_> = texts.iter().enumerate().map(|(at, text)| {
                let variable = format!("V{at}");
                revealed(&format!("n{at}"), &[("value", Some(&variable), text.as_bytes())])
            }).collect();
            let (document, notes) = docker_env(&named).unwrap();
            prop_assert!(notes.is_empty());
            let read: BTreeSet<_> = read_by_docker(str::from_utf8(&document).unwrap()).into_iter().collect();
            let expected: BTreeSet<_> =
                texts.iter().enumerate().map(|(at, text)| (format!("V{at}"), text.clone())).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
