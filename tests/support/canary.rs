//! A random value, and every form in which it could come to light.

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const PIECE: usize = 8;

/// 32 random characters, and what finds them.
pub(crate) struct Canary {
    text: String,
    forms: Vec<(String, Vec<u8>)>,
    finder: AhoCorasick,
}

/// The seeds to try: `CLAWVAULT_TEST_SEED` and as many after it as `CLAWVAULT_TEST_TRIALS` says.
pub(crate) fn seeds() -> impl Iterator<Item = u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let now = || std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let first = number("CLAWVAULT_TEST_SEED").unwrap_or_else(now);
    let trials = number("CLAWVAULT_TEST_TRIALS").unwrap_or(1);
    (0..trials).map(move |trial| first.wrapping_add(trial))
}

impl Canary {
    pub(crate) fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut letter = || LETTERS[(next(&mut state) % LETTERS.len() as u64) as usize] as char;
        let mut part = |length: usize| (0..length).map(|_| letter()).collect::<String>();
        // The characters between are those that URLs, JSON and base64 treat in their own ways.
        let text = format!("Z{}/{}+{}={}", part(9), part(7), part(7), part(5));
        assert_eq!(text.len(), 32);
        let forms = forms(&text);
        let finder = AhoCorasick::new(forms.iter().map(|(_, bytes)| bytes)).unwrap();
        Self { text, forms, finder }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Every form with its name.
    #[allow(dead_code, reason = "each test uses a part of it")]
    pub(crate) fn forms(&self) -> &[(String, Vec<u8>)] {
        &self.forms
    }

    /// Names of the forms that occur in `bytes`.
    #[allow(dead_code, reason = "each test uses a part of it")]
    pub(crate) fn find(&self, bytes: &[u8]) -> Vec<String> {
        let found = self.finder.find_overlapping_iter(bytes);
        let mut names: Vec<String> =
            found.map(|hit| self.forms[hit.pattern().as_usize()].0.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// splitmix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn forms(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut forms: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>| forms.push((name.to_owned(), bytes));
    let all = text.as_bytes();
    // Pieces of eight cover every longer excerpt that keeps the text as it is: of 15 bytes in a
    // row one lies whole among them.
    for at in (0..=all.len() - PIECE).step_by(PIECE) {
        let piece = &text[at..at + PIECE];
        add("a piece", piece.as_bytes().to_vec());
        add("a piece in lower case", piece.to_lowercase().into_bytes());
        add("a piece in upper case", piece.to_uppercase().into_bytes());
        add("a piece reversed", piece.bytes().rev().collect());
        let hex = |format: fn(u8) -> String| piece.bytes().map(format).collect::<String>();
        add("hex", hex(|byte| format!("{byte:02x}")).into_bytes());
        add("HEX", hex(|byte| format!("{byte:02X}")).into_bytes());
        add("bytes as a list", list(piece, ", "));
        add("bytes as a short list", list(piece, ","));
        add("JSON escapes", hex(|byte| format!("\\u{byte:04x}")).into_bytes());
        add("percent signs throughout", hex(|byte| format!("%{byte:02X}")).into_bytes());
        add("UTF-16LE", piece.encode_utf16().flat_map(u16::to_le_bytes).collect());
        add("UTF-16BE", piece.encode_utf16().flat_map(u16::to_be_bytes).collect());
    }
    let escaped = text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    add("URL-encoded", escaped.into_bytes());
    add("escaped slashes", text.replace('/', "\\/").into_bytes());
    add("a name made of it", text.to_lowercase().replace(['+', '/', '='], "-").into_bytes());
    for offset in 0..3 {
        let padded = [&[0; 2][..offset], all].concat();
        for (name, engine) in [("base64", &STANDARD), ("base64url", &URL_SAFE)] {
            let encoded = engine.encode(&padded);
            // The ends depend on what stands beside it: take whole groups from the middle.
            let middle = &encoded.as_bytes()[4..encoded.len() - 4];
            add(&format!("{name} at {offset}"), middle[..16].to_vec());
            add(&format!("{name} at {offset}"), middle[middle.len() - 16..].to_vec());
        }
    }
    forms
}

fn list(piece: &str, between: &str) -> Vec<u8> {
    let numbers: Vec<String> = piece.bytes().map(|byte| byte.to_string()).collect();
    numbers.join(between).into_bytes()
}

#[test]
fn every_form_is_found() {
    let canary = Canary::new(1);
    let text = canary.text();
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let reversed: String = text.chars().rev().collect();
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [
        format!("key={text};").into_bytes(),
        text.as_bytes()[..8].to_vec(),
        text.as_bytes()[16..].to_vec(),
        hex.into_bytes(),
        reversed.into_bytes(),
        wide,
        STANDARD.encode(format!("ab{text}c")).into_bytes(),
        URL_SAFE.encode(format!("{{\"a\":\"{text}\"}}")).into_bytes(),
        format!("{:?}", text.as_bytes()).into_bytes(),
    ] {
        assert!(!canary.find(&bytes).is_empty(), "{}", String::from_utf8_lossy(&bytes));
    }
    assert!(canary.find(b"nothing of it is here").is_empty());
}
