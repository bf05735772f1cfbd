//! What is encoded is found, and at its place.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flate2::write::GzEncoder;
use std::io::Write as _;

use crate::decode;
use crate::engine::{Scanner, Text};
use crate::rule::RuleSet;

/// A key of the right form, that nobody has.
const KEY: &str = "AKIAQ3EGRZ7XK2WM5TVB";

fn document() -> String {
    format!("region = eu-central-1\naws_access_key_id = {KEY}\noutput = json\n")
}

/// What is found in a text: the value, what stands at its place, and how it is encoded.
fn found(text: &[u8]) -> Vec<(String, String, String)> {
    let rules = RuleSet::built_in();
    let scanner = Scanner { rules: &rules, known: None };
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let hits = scanner.scan(Text { name: b"", bytes: text }).into_iter();
    hits.map(|hit| {
        let codecs: Vec<_> = hit.codecs.iter().map(|codec| codec.name()).collect();
        (told(&hit.value), told(&text[hit.span.clone()]), codecs.join(" "))
    })
    .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn each_encoding_is_undone() {
    let plain = document();
    let bytes = plain.as_bytes();
    let lines: Vec<String> = STANDARD
        .encode(plain.repeat(3))
        .as_bytes()
        .chunks(76)
        .map(|line| format!("    {}", String::from_utf8_lossy(line)))
        .collect();
    let utf16: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let percent: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    let escapes: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    let long: String = bytes.iter().map(|byte| format!("\\u{byte:04x}")).collect();
    let twice = STANDARD.encode(STANDARD.encode(gzip(bytes)));
    for (text, codecs) in [
        (format!("data: {}\n", STANDARD.encode(bytes)), "base64"),
        (format!("x = '{}'", URL_SAFE_NO_PAD.encode(bytes)), "base64"),
        (format!("https://e.org/path/{}", URL_SAFE_NO_PAD.encode(bytes)), "base64"),
        (format!("data: |\n{}\nend: 1\n", lines.join("\n")), "base64"),
        (format!("powershell -enc {}", STANDARD.encode(utf16)), "base64 UTF-16"),
        (format!("release: {twice}"), "base64 base64 gzip"),
        (format!("body = 0x{}", hex(bytes)), "hex"),
        (format!("https://e.org/?next={percent}"), "percent-encoding"),
        (format!("shell = \"{escapes}\""), "escapes"),
        (format!("{{\"a\": \"{long}\"}}"), "escapes"),
    ] {
        let found = found(text.as_bytes());
        assert!(!found.is_empty(), "nothing in {text}");
        assert_eq!((&*found[0].0, &*found[0].2), (KEY, codecs), "{text}");
    }
}

#[test]
fn the_place_is_that_of_the_key() {
    let plain = document();
    let start = plain.find(KEY).unwrap();
    let text = hex(plain.as_bytes());
    assert_eq!(found(text.as_bytes())[0].1, hex(KEY.as_bytes()));
    let text = STANDARD.encode(plain.as_bytes());
    let place = &text[start * 4 / 3..((start + KEY.len()) * 4).div_ceil(3)];
    assert_eq!(found(text.as_bytes())[0].1, place);
    let text = format!("https://e.org/?token%3D{KEY}%26b");
    assert_eq!(found(text.as_bytes())[0].1, KEY);
}

#[test]
fn what_is_random_is_no_text() {
    for text in [
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "crates/scan/src/source/git/objects/windows_of_deltas_1",
        "integrity sha512-q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8SNFZ4kA==",
    ] {
        let run = 0..text.len();
        assert!(decode::around(text.as_bytes(), &run, 0).is_none(), "{text}");
    }
}

#[test]
fn nested_and_hostile_blocks_take_linear_time() {
    let mut text = document();
    for _ in 0..12 {
        text = STANDARD.encode(text);
    }
    // Deeper than it is looked.
    assert!(found(text.as_bytes()).is_empty());
    let time = |text: &[u8]| {
        let start = std::time::Instant::now();
        found(text);
        start.elapsed().as_secs_f64()
    };
    for piece in ["%41", "\\x41", "\\u0041", "YWFhYWFhYWFh/", "YWFhYWFh\n", "61"] {
        let half = piece.repeat((1 << 20) / piece.len());
        let (one, two) = (time(half.as_bytes()), time(half.repeat(2).as_bytes()));
        assert!(two < one * 4.0 + 0.5, "{piece}: {one} s, then {two} s");
    }
}
