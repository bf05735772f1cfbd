//! Properties of the whole: what comes out of a stream is what a plain search over everything
//! gives, however the stream was cut.

use std::convert::Infallible;
use std::sync::Arc;

use proptest::prelude::*;

use crate::{Needles, Piece, SHORTEST, Stream, forms};

/// Every value by the plainest way: at each place each form is tried.
fn plainly(values: &[Vec<u8>], text: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    for (number, value) in values.iter().enumerate().filter(|(_, v)| v.len() >= SHORTEST) {
        all.extend(forms::of(value).into_iter().map(|form| (form, number)));
    }
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let here = all.iter().filter(|(form, _)| text[at..].starts_with(form));
        // Of equal forms the first value's.
        match here.max_by_key(|(form, number)| (form.len(), std::cmp::Reverse(*number))) {
            Some((form, number)) => {
                mark(*number, &mut out);
                at += form.len();
            }
            None => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    out
}

fn mark(number: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("<{number}>").as_bytes());
}

fn put(piece: Piece<'_>, out: &mut Vec<u8>) -> Result<(), Infallible> {
    match piece {
        Piece::Plain(bytes) => out.extend_from_slice(bytes),
        Piece::Value(number) => mark(number, out),
    }
    Ok(())
}

fn needles(values: &[Vec<u8>]) -> Arc<Needles> {
    let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    Arc::new(Needles::new(&values).unwrap())
}

/// Feeds the text cut at these places; nothing that goes out may be missing what must not wait.
fn in_pieces(needles: &Arc<Needles>, text: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut stream = Stream::new(Arc::clone(needles));
    let mut out = Vec::new();
    let mut at = 0;
    for cut in cuts.iter().copied().chain([text.len()]) {
        let piece = &text[at..cut.max(at)];
        stream.room()[..piece.len()].copy_from_slice(piece);
        let Ok(()) = stream.advance(piece.len(), |piece| put(piece, &mut out));
        at += piece.len();
    }
    let Ok(()) = stream.finish(|piece| put(piece, &mut out));
    out
}

/// Values of few letters, so that they overlap, nest and repeat; most of them in range.
fn values(alphabet: &'static [u8]) -> impl Strategy<Value = Vec<Vec<u8>>> {
    let value = prop::collection::vec(prop::sample::select(alphabet), 6..24);
    prop::collection::vec(value, 1..6)
}

/// A text of pieces of forms, whole ones, and anything.
fn text(values: &[Vec<u8>]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let forms: Vec<Vec<u8>> =
        values.iter().flat_map(|value| forms::of(value)).map(|form| form.to_vec()).collect();
    let part = (prop::sample::select(forms), any::<(u8, u8)>(), 0..4_u8, any::<[u8; 3]>());
    let part = part.prop_map(|(form, (from, to), kind, other)| {
        let (from, to) = (usize::from(from) % form.len(), usize::from(to) % form.len());
        match kind {
            0 => form[from.min(to)..=from.max(to)].to_vec(),
            1 => other.to_vec(),
            _ => form,
        }
    });
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

fn case(alphabet: &'static [u8]) -> impl Strategy<Value = (Vec<Vec<u8>>, Vec<u8>, Vec<usize>)> {
    values(alphabet).prop_flat_map(|values| {
        let values: Vec<Vec<u8>> = values.into_iter().map(pad).collect();
        let cuts = prop::collection::vec(0..400_usize, 0..12);
        (Just(values.clone()), text(&values), cuts)
    })
}

/// Values too short stay in the set one time in many only.
fn pad(value: Vec<u8>) -> Vec<u8> {
    if value.len() == 6 { value } else { value.into_iter().cycle().take(24).collect() }
}

fn agrees(values: &[Vec<u8>], text: &[u8], cuts: Vec<usize>) -> Result<(), TestCaseError> {
    let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
    cuts.sort_unstable();
    let needles = needles(values);
    prop_assert_eq!(in_pieces(&needles, text, &cuts), plainly(values, text));
    Ok(())
}

proptest! {
    #[test]
    fn a_stream_is_a_plain_search((values, text, cuts) in case(b"ab")) {
        agrees(&values, &text, cuts)?;
    }

    #[test]
    fn also_of_what_encoders_change((values, text, cuts) in case(b"\"/\n\\ +%k\xc3\xa9")) {
        agrees(&values, &text, cuts)?;
    }

    #[test]
    fn also_of_any_bytes(
        value in prop::collection::vec(any::<u8>(), 8..40),
        around in prop::collection::vec(any::<u8>(), 0..300),
        cut in 0..340_usize,
    ) {
        let text = [&around[..around.len() / 2], &value, &around[around.len() / 2..]].concat();
        agrees(&[value], &text, vec![cut])?;
    }
}

#[test]
fn every_cut_of_every_form_and_byte_by_byte() {
    let values = vec![b"sk-\"a/b c+d\n~\xe9".to_vec(), b"sk-\"a/b ".to_vec()];
    let needles = needles(&values);
    for form in forms::of(&values[0]) {
        let text = [b"say ", form.as_slice(), b" and ", form.as_slice(), b"!"].concat();
        let whole = plainly(&values, &text);
        for one in 0..text.len() {
            assert_eq!(in_pieces(&needles, &text, &[one]), whole);
            assert_eq!(in_pieces(&needles, &text, &[one, one.min(text.len() - 2) + 1]), whole);
        }
        let all: Vec<usize> = (0..text.len()).collect();
        assert_eq!(in_pieces(&needles, &text, &all), whole);
    }
}

#[test]
fn only_what_may_begin_a_value_waits() {
    let needles = needles(&[b"secret-value".to_vec()]);
    let mut stream = Stream::new(needles);
    let mut out = Vec::new();
    for (text, gone) in [
        ("Password: ", "Password: "),
        ("the sec", "Password: the "),
        ("ond", "Password: the second"),
        (" secret-valu", "Password: the second "),
    ] {
        stream.room()[..text.len()].copy_from_slice(text.as_bytes());
        let Ok(()) = stream.advance(text.len(), |piece| put(piece, &mut out));
        assert_eq!(String::from_utf8_lossy(&out), gone);
    }
    let Ok(()) = stream.finish(|piece| put(piece, &mut out));
    assert_eq!(out, b"Password: the second secret-valu");
}

#[test]
fn what_was_shown_is_no_more_than_its_bound_and_the_rest_is_replaced() {
    let needles = needles(&[b"secret-value".to_vec()]);
    let mut stream = Stream::new(needles);
    let mut out = Vec::new();
    for byte in b"s!secret-value!se" {
        stream.room()[0] = *byte;
        let Ok(()) = stream.advance(1, |piece| put(piece, &mut out));
        let Ok(()) = stream.show(2, |piece| put(piece, &mut out));
        assert!(!stream.waits(2));
    }
    assert_eq!(String::from_utf8_lossy(&out), "s!se<0>!se");
    let Ok(()) = stream.finish(|piece| put(piece, &mut out));
    assert_eq!(String::from_utf8_lossy(&out), "s!se<0>!se");
}

#[test]
fn a_thousand_values_are_found_each_by_its_number() {
    let values: Vec<Vec<u8>> = (0..1000_u32)
        .map(|n| format!("sk-{:08x}{n}", n.wrapping_mul(0x9e37_79b1)).into())
        .collect();
    let needles = needles(&values);
    let text = values.join(&b" | "[..]);
    let expected: Vec<String> = (0..1000).map(|n| format!("<{n}>")).collect();
    let cuts: Vec<usize> = (0..text.len()).step_by(97).collect();
    let out = in_pieces(&needles, &text, &cuts);
    assert_eq!(String::from_utf8_lossy(&out), expected.join(" | "));
}
