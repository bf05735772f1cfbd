//! Values sought in a stream: all at once as each alone, and however the stream is cut.
#![no_main]

use std::cmp::Reverse;
use std::convert::Infallible;
use std::sync::Arc;

use clawvault_needles::{Needles, Piece, Stream};
use libfuzzer_sys::fuzz_target;

/// In the text, these bytes stand for the first values.
const STANDS_FOR: u8 = 0xf0;

fuzz_target!(|bytes: &[u8]| {
    let Some((values, cut, text)) = case(bytes) else { return };
    let all = Arc::new(Needles::new(&values).expect("they are small"));
    let alone: Vec<_> = values.iter().map(|v| Needles::new(&[v]).expect("it is small")).collect();
    let (mut whole, mut at) = (Vec::new(), 0);
    loop {
        let found = all.find(&text, at);
        let each = alone.iter().enumerate().filter_map(|(number, one)| {
            let found = one.find(&text, at)?;
            Some((found.start, Reverse(found.end), number))
        });
        let best = each.min();
        assert_eq!(found.map(|f| (f.start, Reverse(f.end), f.value)), best);
        let plain = values.iter().filter_map(|v| text[at..].windows(v.len()).position(|w| w == *v));
        if let Some(first) = plain.min() {
            assert!(found.is_some_and(|found| found.start <= at + first));
        }
        let Some(found) = found else { break };
        whole.extend_from_slice(&text[at..found.start]);
        whole.push(STANDS_FOR | found.value as u8);
        at = found.end;
    }
    whole.extend_from_slice(&text[at..]);
    assert_eq!(in_pieces(&all, &text, cut), whole);
});

/// Some values, a number that says where to cut, and a text in which values stand.
fn case(bytes: &[u8]) -> Option<(Vec<&[u8]>, u8, Vec<u8>)> {
    let (&[count, cut], mut rest) = bytes.split_first_chunk()?;
    let mut values = Vec::new();
    for _ in 0..=count % 4 {
        let (length, behind) = rest.split_first()?;
        let (value, behind) = behind.split_at_checked(8 + usize::from(length % 24))?;
        values.push(value);
        rest = behind;
    }
    let mut text = Vec::new();
    for byte in rest {
        let number = usize::from(byte.wrapping_sub(STANDS_FOR));
        match values.get(number) {
            Some(value) => text.extend_from_slice(value),
            None => text.push(*byte),
        }
    }
    Some((values, cut, text))
}

fn in_pieces(needles: &Arc<Needles>, text: &[u8], cut: u8) -> Vec<u8> {
    let mut stream = Stream::new(Arc::clone(needles));
    let mut out = Vec::new();
    let mut put = |piece: Piece<'_>| -> Result<(), Infallible> {
        match piece {
            Piece::Plain(bytes) => out.extend_from_slice(bytes),
            Piece::Value(number) => out.push(STANDS_FOR | number as u8),
        }
        Ok(())
    };
    for piece in text.chunks(1 + usize::from(cut)) {
        stream.room()[..piece.len()].copy_from_slice(piece);
        let Ok(()) = stream.advance(piece.len(), &mut put);
    }
    let Ok(()) = stream.finish(&mut put);
    out
}
