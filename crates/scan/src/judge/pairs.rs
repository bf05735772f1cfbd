//! How much a text reads like a language: by its pairs of letters.

/// The commonest pairs of letters in English text and in identifiers, by first letter.
const COMMON: [&[u8]; 26] = [
    b"bcdgilmnprstuvwy",
    b"aeilorsuy",
    b"acehiklortuy",
    b"adeiorsuy",
    b"acdefgilmnpqrstvwxy",
    b"aefiloru",
    b"aeghilnoru",
    b"aeioty",
    b"abcdefglmnoprstvz",
    b"aeosu",
    b"eins",
    b"adefikloptuvy",
    b"abeimopsu",
    b"acdefgikostuvy",
    b"abcdfgiklmnoprstuvwx",
    b"aehiloprstu",
    b"u",
    b"acdegiklmnorstuvy",
    b"acehiklmopqstuwy",
    b"acehilorstuwy",
    b"abcdeginlmprst",
    b"aeioy",
    b"aehinors",
    b"aceiptm",
    b"eops",
    b"aeioz",
];

/// Which share of the pairs of letters in `text` are common ones, and how many pairs there are.
pub(super) fn common(text: &[u8]) -> (f32, usize) {
    let (mut all, mut known) = (0_usize, 0_usize);
    for pair in text.windows(2) {
        let (one, two) = (pair[0].to_ascii_lowercase(), pair[1].to_ascii_lowercase());
        if one.is_ascii_lowercase() && two.is_ascii_lowercase() {
            all += 1;
            known += usize::from(COMMON[usize::from(one - b'a')].contains(&two));
        }
    }
    (if all == 0 { 0.0 } else { known as f32 / all as f32 }, all)
}
