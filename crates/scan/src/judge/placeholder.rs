//! Whether a text only stands where a secret shall come.

/// Words of placeholders. In a long random text they mean nothing, so they count only where they are
/// much of it.
const WORDS: [&[u8]; 47] = [
    b"example",
    b"changeme",
    b"change_me",
    b"change-me",
    b"placeholder",
    b"redacted",
    b"dummy",
    b"sample",
    b"insert",
    b"replace",
    b"todo",
    b"fixme",
    b"xxxx",
    b"your",
    b"here",
    b"password",
    b"passwd",
    b"secret",
    b"token",
    b"apikey",
    b"api_key",
    b"api-key",
    b"test",
    b"fake",
    b"mock",
    b"none",
    b"null",
    b"undefined",
    b"string",
    b"value",
    b"foobar",
    b"hidden",
    b"masked",
    b"censored",
    b"removed",
    b"encrypted",
    b"default",
    b"asdf",
    b"qwerty",
    b"lorem",
    b"notreal",
    b"not-a-real",
    b"not_a_real",
    b"my-",
    b"my_",
    b"some",
    b"enter",
];

/// What everybody has: the value of RFC 6455, section 1.3, and the hashes of nothing.
const PUBLISHED: [&[u8]; 4] = [
    b"258eafa5-e914-47da-95ca-c5ab0dc85b11",
    b"d41d8cd98f00b204e9800998ecf8427e",
    b"da39a3ee5e6b4b0d3255bfef95601890afd80709",
    b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
];

/// Whether `text` is one of the keys that documents show: they end so, or are blacked out, and no
/// vendor issues them.
pub fn is_example(text: &[u8]) -> bool {
    [&b"EXAMPLE"[..], b"EXAMPLEKEY", b"EXAMPLETOKEN"].iter().any(|end| text.ends_with(end))
        || is_blacked_out(text)
}

/// Whether stretches of `x` or `*` are half of a text or more, or one is long.
fn is_blacked_out(text: &[u8]) -> bool {
    let stretches = text.chunk_by(|one, two| one == two);
    let black = stretches.filter(|part| part.len() > 7 && matches!(part[0], b'x' | b'X' | b'*'));
    let (all, longest) =
        black.fold((0, 0), |(all, longest), part| (all + part.len(), longest.max(part.len())));
    all * 2 >= text.len().max(1) || longest >= 16
}

/// Whether `text` is a placeholder.
pub fn is_placeholder(text: &[u8]) -> bool {
    // No such word comes about by chance.
    if text.windows(7).any(|part| part == b"EXAMPLE") {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    let elided = lower.windows(3).any(|part| part == b"...");
    if lower.ends_with(b"example") || elided || PUBLISHED.contains(&lower.as_slice()) {
        return true;
    }
    let dull = |byte: &u8| b"*x.-_#?0 ".contains(&byte.to_ascii_lowercase());
    if lower.is_empty() || lower.iter().all(dull) || repeats(&lower) || mask(&lower) {
        return true;
    }
    // An alphabet, in which a key may have all of them.
    let alphabet = text.len() > 32 && longest_sequence(&lower) >= 16;
    alphabet || is_spelled_out(&lower) || in_order(&lower) * 3 >= lower.len() * 2
}

/// Whether words that stand for a secret are at least half of `text`.
pub fn is_spelled_out(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut words = 0;
    for word in WORDS {
        let mut rest = &lower[..];
        while let Some(at) = rest.windows(word.len()).position(|found| found == word) {
            words += word.len();
            rest = &rest[at + word.len()..];
        }
    }
    let signs = lower.iter().filter(|byte| !byte.is_ascii_alphanumeric()).count();
    words * 2 >= lower.len().saturating_sub(signs).max(1)
}

/// Whether most of `text` is one stretch of the alphabet or of the digits.
pub fn is_sequence(text: &[u8]) -> bool {
    longest_sequence(text) * 4 >= text.len() * 3
}

/// How long the longest stretch of the alphabet or of the digits is.
fn longest_sequence(text: &[u8]) -> usize {
    let (mut longest, mut length) = (1, 1);
    for pair in text.windows(2) {
        let next = match pair[0] {
            b'9' => matches!(pair[1], b'0' | b'a' | b'A'),
            b'z' | b'Z' => matches!(pair[1], b'0' | b'1' | b'a' | b'A'),
            byte => byte.is_ascii_alphanumeric() && pair[1] == byte + 1,
        };
        length = if next { length + 1 } else { 1 };
        longest = longest.max(length);
    }
    longest
}

/// Whether one character, or the same few, make all of it.
fn repeats(text: &[u8]) -> bool {
    let mut seen = [0_usize; 256];
    text.iter().for_each(|byte| seen[usize::from(*byte)] += 1);
    let most = seen.iter().max().copied().unwrap_or(0);
    let distinct = seen.iter().filter(|count| **count > 0).count();
    most * 10 >= text.len() * 7 || (text.len() >= 16 && distinct <= 3)
}

/// Whether a stretch of it is blacked out.
fn mask(text: &[u8]) -> bool {
    [&b"****"[..], b"xxxxx", b"....", b"\xe2\x80\xa6", b"____", b"-----"]
        .iter()
        .any(|black| text.windows(black.len()).any(|found| found == *black))
}

/// How many characters follow their neighbour in the alphabet, among the digits or on a keyboard.
fn in_order(text: &[u8]) -> usize {
    const ROWS: [&[u8]; 3] = [b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"];
    let next = |pair: &&[u8]| {
        let (one, two) = (pair[0], pair[1]);
        let row = ROWS.iter().any(|row| row.windows(2).any(|keys| keys == *pair));
        row || (two == one.wrapping_add(1) && two.is_ascii_alphanumeric()) || pair == b"90"
    };
    let count = text.windows(2).filter(next).count();
    if count == 0 { 0 } else { count + 1 }
}
