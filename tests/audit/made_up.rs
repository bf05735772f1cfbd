//! Values that the trees name in braces: keys that are nobody's, a version of this month. No scanner
//! finds one of them in this repository.

use std::time::SystemTime;

/// Each name with its value.
pub(crate) fn values() -> [(&'static str, String); 2] {
    let letters = |seed: u64, count: usize| -> String {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
            char::from(letters[usize::try_from(state >> 33).unwrap() % letters.len()])
        };
        (0..count).map(|_| next()).collect()
    };
    [("{token36}", token(&letters(7, 30))), ("{key48}", letters(11, 48))]
}

/// GitHub's tokens end in a checksum: CRC-32 of the rest, in base 62.
fn token(start: &str) -> String {
    let mut crc = u32::MAX;
    for byte in start.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let mut rest = !crc;
    let mut end = [b'0'; 6];
    for place in end.iter_mut().rev() {
        *place =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(rest % 62) as usize];
        rest /= 62;
    }
    format!("{start}{}", std::str::from_utf8(&end).unwrap())
}

/// A version of OpenClaw of this month.
fn version() -> String {
    let days = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() / 86_400;
    let (year, rest) = (1970 + days * 400 / 146_097, (days * 400 % 146_097) / 400);
    format!("{year}.{}.1", rest / 31 + 1)
}

/// A text with the values in it.
pub(crate) fn filled(text: &str) -> String {
    let text = text.replace("{version}", &version());
    values().iter().fold(text, |text, (name, value)| text.replace(name, value))
}
