//! What every manifest has to keep to, and what the lookups promise.

use clawvault_core::domain::{FieldName, SecretName, Variable};
use clawvault_providers::{
    Format, Holds, MAX_TOKEN, Vendor, by_variable, find_in, find_in_packed, identify, variables_of,
    vendor, vendors,
};
use proptest::prelude::*;
use regex::bytes::RegexBuilder;

fn formats() -> impl Iterator<Item = (&'static Vendor, &'static Format)> {
    vendors().iter().flat_map(|vendor| vendor.formats.iter().map(move |format| (vendor, format)))
}

fn named(found: Option<(&Vendor, &Format)>) -> Option<(&'static str, &'static str)> {
    found.map(|(vendor, format)| (vendor.id, format.kind))
}

#[test]
fn every_pattern_fits_its_examples_and_no_counter_example() {
    for (vendor, format) in formats() {
        let place = format!("{} {}", vendor.id, format.kind);
        let pattern = format!(r"\A(?:{})\z", format.pattern);
        let regex = RegexBuilder::new(&pattern).unicode(false).build().expect(&place);
        for example in format.examples {
            assert!(example.len() <= MAX_TOKEN, "{place}");
            assert!(regex.is_match(example.as_bytes()), "{place}: {example}");
            assert!(!regex.is_match(format!("{example}\n").as_bytes()), "{place}");
        }
        for counter in format.counter_examples {
            assert!(!regex.is_match(counter.as_bytes()), "{place}: {counter}");
        }
        assert!(!regex.is_match(b""), "{place}");
    }
}

#[test]
fn every_example_is_known_for_what_it_is() {
    for (vendor, format) in formats() {
        for example in format.examples {
            let known = named(identify(example.as_bytes()));
            if format.context {
                assert_eq!(known, None, "{} {}: {example}", vendor.id, format.kind);
            } else {
                assert_eq!(known, Some((vendor.id, format.kind)), "{example}");
            }
        }
    }
}

#[test]
fn no_example_has_the_shape_of_another_format() {
    let plain = || formats().filter(|(_, format)| !format.context);
    for (vendor, format) in plain() {
        let pattern = format!(r"\A(?:{})\z", format.pattern);
        let regex = RegexBuilder::new(&pattern).unicode(false).build().expect(format.kind);
        for (other, theirs) in plain().filter(|(_, theirs)| !std::ptr::eq(*theirs, format)) {
            for example in theirs.examples {
                let (a, b) = (vendor.id, other.id);
                assert!(!regex.is_match(example.as_bytes()), "{a} claims {b}'s {example}");
            }
        }
    }
}

#[test]
fn every_name_is_one_that_the_vault_accepts() {
    for vendor in vendors() {
        for one in vendor.variables {
            assert!(Variable::parse(one.variable).is_ok(), "{}", one.variable);
            assert!(SecretName::parse(one.secret).is_ok(), "{}", one.secret);
            assert!(FieldName::parse(one.field).is_ok(), "{}", one.field);
        }
        for format in vendor.formats {
            assert!(SecretName::parse(format.secret).is_ok(), "{}", format.secret);
            assert!(FieldName::parse(format.field).is_ok(), "{}", format.field);
        }
    }
}

#[test]
fn a_format_fills_a_field_that_its_secret_has() {
    for (vendor, format) in formats() {
        let mut uses = variables_of(format.secret).peekable();
        let known = uses.peek().is_none() || uses.any(|one| one.field == format.field);
        assert!(known, "{} {}", vendor.id, format.kind);
    }
}

#[test]
fn every_variable_of_openclaw_is_known() {
    let listed = include_str!("openclaw-variables.txt");
    assert_eq!(listed.lines().count(), 105);
    for variable in listed.lines().chain(CHANNELS.split_whitespace()) {
        let (vendor, one) = by_variable(variable).expect(variable);
        assert_eq!(one.variable, variable);
        assert_eq!(one.secret.split('/').next(), Some(vendor.id));
    }
    assert!(by_variable("").is_none() && by_variable("EDITOR").is_none());
}

/// Variables of OpenClaw's channels and of its gateway.
const CHANNELS: &str = "TELEGRAM_BOT_TOKEN DISCORD_BOT_TOKEN DISCORD_CLIENT_SECRET SLACK_BOT_TOKEN
    SLACK_APP_TOKEN SLACK_SIGNING_SECRET SLACK_USER_TOKEN MATTERMOST_BOT_TOKEN MATTERMOST_URL
    MATRIX_ACCESS_TOKEN MATRIX_PASSWORD MATRIX_RECOVERY_KEY MSTEAMS_APP_ID MSTEAMS_APP_PASSWORD
    LINE_CHANNEL_ACCESS_TOKEN LINE_CHANNEL_SECRET ZALO_BOT_TOKEN QQBOT_APP_ID QQBOT_CLIENT_SECRET
    NOSTR_PRIVATE_KEY IRC_PASSWORD IRC_NICKSERV_PASSWORD NEXTCLOUD_TALK_BOT_SECRET
    NEXTCLOUD_TALK_API_PASSWORD SYNOLOGY_CHAT_TOKEN TWILIO_AUTH_TOKEN OPENCLAW_TWITCH_ACCESS_TOKEN
    CLICKCLACK_BOT_TOKEN BUZZ_PRIVATE_KEY OPENCLAW_GATEWAY_TOKEN OPENCLAW_GATEWAY_PASSWORD
    OPENAI_PROJECT_ID";

#[test]
fn lookups_find_each_vendor_variable_and_secret() {
    assert!(vendors().is_sorted_by_key(|vendor| vendor.id));
    for one in vendors() {
        assert!(vendor(one.id).is_some_and(|found| std::ptr::eq(found, one)));
        for variable in one.variables {
            let (owner, found) = by_variable(variable.variable).unwrap();
            assert!(std::ptr::eq(owner, one) && std::ptr::eq(found, variable));
        }
    }
    assert!(vendor("nobody").is_none());
    let names = |secret| variables_of(secret).map(|one| one.variable).collect::<Vec<_>>();
    assert_eq!(names("google/main"), ["GEMINI_API_KEY", "GOOGLE_API_KEY"]);
    assert_eq!(names("aws/main").len(), 3, "regions fill nothing");
    assert!(names("openai/work").is_empty() && names("nobody/main").is_empty());
}

#[test]
fn variables_say_what_they_hold() {
    let of = |variable| by_variable(variable).unwrap().1;
    assert!(of("OPENAI_ADMIN_KEY").admin && !of("OPENAI_API_KEY").admin);
    assert_eq!(of("GOOGLE_APPLICATION_CREDENTIALS").holds, Holds::PathToSecret);
    assert_eq!(of("SPEECH_REGION").holds, Holds::Setting);
    assert_eq!(of("AWS_SECRET_ACCESS_KEY").field, "secret_access_key");
    assert_eq!(of("OPENAI_API_KEY").field, "value");
}

fn spots(bytes: &[u8], packed: bool) -> Vec<(usize, usize, &'static str)> {
    let found = if packed { find_in_packed(bytes) } else { find_in(bytes) };
    found.into_iter().map(|one| (one.range.start, one.range.end, one.format.kind)).collect()
}

#[test]
fn every_example_is_found_in_other_text() {
    for (_, format) in formats().filter(|(_, format)| !format.context) {
        for example in format.examples {
            let expected = vec![(5, 5 + example.len(), format.kind)];
            for text in [format!("key=\"{example}\" and"), format!("\0\0\0\0\0{example}\0\x01")] {
                assert_eq!(spots(text.as_bytes(), false), expected, "{text}");
                assert_eq!(spots(text.as_bytes(), true), expected, "{text}");
            }
        }
    }
}

#[test]
fn a_glued_token_is_found_only_where_texts_are_packed() {
    let token = example("github", "personal-token").unwrap();
    for glued in
        [format!("x{token} "), format!(" {token}x"), format!(" {token}_"), format!("-{token}")]
    {
        assert!(spots(glued.as_bytes(), false).is_empty(), "{glued}");
        assert_eq!(spots(glued.as_bytes(), true).len(), 1, "{glued}");
    }
    // As SQLite lays out a row of (name, value, kind).
    let row = format!("GITHUB_TOKEN{token}api_key");
    assert_eq!(spots(row.as_bytes(), true), [(12, 12 + token.len(), "personal-token")]);
    let escaped = format!(r#"{{"text":"see\n{token}\n"}}"#);
    assert_eq!(spots(escaped.as_bytes(), false).len(), 1);
    let weak = example("twilio", "account-sid").unwrap();
    assert!(spots(format!("x{weak}").as_bytes(), true).is_empty());
}

#[test]
fn many_tokens_are_found_in_order_and_once() {
    let tokens: Vec<&str> = formats()
        .filter(|(_, format)| !format.context)
        .flat_map(|(_, format)| format.examples.iter().copied())
        .collect();
    let text = tokens.join(&format!(" {} ", "filler ".repeat(MAX_TOKEN / 3)));
    let found = find_in(text.as_bytes());
    assert_eq!(found.len(), tokens.len());
    for (one, token) in found.iter().zip(tokens) {
        assert_eq!(&text[one.range.clone()], token);
    }
}

fn example(id: &str, kind: &str) -> Option<&'static str> {
    let format = vendor(id)?.formats.iter().find(|format| format.kind == kind)?;
    format.examples.first().copied()
}

/// A keyword among random bytes: gets past the search for literals.
fn near_token() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&str> = formats().flat_map(|(_, format)| format.keywords).copied().collect();
    let random = || prop::collection::vec(any::<u8>(), 0..200);
    (random(), prop::sample::select(words), random())
        .prop_map(|(before, word, after)| [before, word.as_bytes().to_vec(), after].concat())
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2 * MAX_TOKEN)) {
        identify(&bytes);
        find_in(&bytes);
        find_in_packed(&bytes);
    }

    #[test]
    fn ranges_are_ordered_apart_and_inside(bytes in near_token()) {
        identify(&bytes);
        for found in [find_in(&bytes), find_in_packed(&bytes)] {
            let mut end = 0;
            for one in found {
                prop_assert!(one.range.start >= end && one.range.end <= bytes.len());
                end = one.range.end;
                prop_assert!(identify(&bytes[one.range]).is_some());
            }
        }
    }
}
