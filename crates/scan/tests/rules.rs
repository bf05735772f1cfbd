//! Every rule is proved against its own examples, and every table row by keys made to its shape.

#![allow(clippy::unwrap_used)]

use clawvault_scan::engine::{Scanner, Text, What, prove};
use clawvault_scan::rule::grammar::{RuleEntry, RuleFile};
use clawvault_scan::rule::{Class, RuleSet, Shape};

/// Ids of the rules that find something in a text, and what they find.
fn found(rules: &RuleSet, text: &str) -> Vec<(String, String)> {
    let scanner = Scanner { rules, known: None };
    let hits = scanner.scan(Text { name: b"", bytes: text.as_bytes() });
    let told = |hit: clawvault_scan::engine::Hit| match hit.what {
        What::Rule(number) => {
            let value = String::from_utf8_lossy(&hit.value).into_owned();
            (rules.rule(number).id.to_string(), value)
        }
        What::Known(_) => unreachable!("nothing is known here"),
    };
    hits.into_iter().map(told).collect()
}

#[test]
fn every_rule_holds() {
    let broken = prove(&RuleSet::built_in());
    let told: Vec<String> =
        broken.iter().map(|one| format!("{}: {}", one.rule, one.what)).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn each_row_of_the_table_finds_keys_of_its_shape_and_of_no_other_length() {
    let rules = RuleSet::built_in();
    let mut wrong = Vec::new();
    for rule in rules.rules().filter(|rule| !rule.shapes.is_empty()) {
        for (keyword, shape) in
            rule.keywords.iter().flat_map(|k| rule.shapes.iter().map(move |s| (k, s)))
        {
            let key = key(*shape, usize::from(shape.least));
            let text = format!("{keyword}_token = '{key}'");
            if !found(&rules, &text).iter().any(|(_, value)| value.contains(&key)) {
                wrong.push(format!("{}: not found: {text}", rule.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A key of a shape, by a generator that is the same each time.
fn key(shape: Shape, length: usize) -> String {
    let letters: Vec<u8> =
        (b'0'..=b'z').filter(|b| b.is_ascii_alphanumeric() && shape.class.has(*b)).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ u64::from(shape.least);
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(letters[(state >> 33) as usize % letters.len()])
    };
    let text: String = (0..length).map(|_| next()).collect();
    match shape.class {
        Class::Uuid | Class::UuidLike => {
            [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..32]].join("-")
        }
        _ => text,
    }
}

/// A rule of a user's, with this pattern, keyword and counter-example.
fn extra(pattern: &str, keyword: &str, counter: &str) -> Vec<RuleEntry> {
    let text = format!(
        "[[rule]]\nid = 'acme-key'\nname = 'n'\ndescription = 'd'\nseverity = 'high'\nadvice = 'a'\n\
         pattern = '{pattern}'\nkeywords = ['{keyword}']\nexamples = ['acme_9Zk3Rw8Lm2Xt7Vb4Nd6P']\n\
         counter_examples = ['acme_9Zk3', '{counter}']\n"
    );
    RuleFile::parse(&text).unwrap().rules
}

#[test]
fn rules_of_users_are_looked_for_beside_the_built_in_ones_and_proved_with_them() {
    let text = "k = acme_7Yq5Tz1Hc8Wd3Kv6Jn2M, t = ghp_R8sKq2LwZx7VtB4nMd9PfGh3JcYu6E0aT5iX";
    let whole = "acme_[0-9A-Za-z]{20}";
    let rules = RuleSet::with_extra(extra(whole, "acme_", "acme")).unwrap();
    let ids: Vec<String> = found(&rules, text).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["acme-key", "github-personal-token"]);
    // A keyword that a built-in rule has, too, wakes both.
    let shared =
        RuleSet::with_extra(extra("ghp_x{9}|acme_[0-9A-Za-z]{20}", "ghp_", "acme")).unwrap();
    assert_eq!(found(&shared, text).len(), 1);
    let broken = |rules: &RuleSet| {
        let ours = prove(rules).into_iter().filter(|one| one.rule == "acme-key");
        ours.map(|one| one.what).collect::<Vec<_>>()
    };
    assert_eq!(broken(&rules), [""; 0]);
    assert_eq!(broken(&shared), ["does not find its example 1"]);
    let wide = RuleSet::with_extra(extra("acme_[0-9A-Za-z]+", "acme_", "acme")).unwrap();
    assert_eq!(broken(&wide), ["finds something in counter-example 1 of its own"]);
    for (entries, reason) in [
        (extra("acme_(", "acme_", "acme"), "its pattern does not compile, or is too large"),
        (
            extra("(?:x{999}){999}", "acme_", "acme"),
            "its pattern does not compile, or is too large",
        ),
        ([extra("a", "acme_", "b"), extra("a", "acme_", "b")].concat(), "another rule has its id"),
    ] {
        assert_eq!(RuleSet::with_extra(entries).unwrap_err().reason, reason);
    }
}
