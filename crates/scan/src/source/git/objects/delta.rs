//! Deltas: how one object is made out of another (git's `pack-format`, "Deltified representation").

use std::ops::Range;

/// A stretch of an object that is made by a delta.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Stretch {
    /// Where it lies in the new object.
    pub(super) to: Range<usize>,
    /// Where it was copied from; `None` where it is new.
    pub(super) from: Option<usize>,
}

/// Makes the object that `delta` says out of `base`; at most `max` bytes. Copies that go on where
/// the last one ended are one stretch. `None` where the delta is damaged.
pub(super) fn apply(base: &[u8], delta: &[u8], max: usize) -> Option<(Vec<u8>, Vec<Stretch>)> {
    let mut rest = delta;
    if size(&mut rest)? != base.len() {
        return None;
    }
    let length = size(&mut rest)?;
    // What the delta only promises takes no memory.
    if length > max || promised(rest)? != length {
        return None;
    }
    let (mut made, mut stretches) = (Vec::with_capacity(length), Vec::<Stretch>::new());
    while let Some((code, tail)) = rest.split_first() {
        rest = tail;
        let start = made.len();
        let from = match *code {
            0 => return None,
            code if code & 0x80 == 0 => {
                made.extend_from_slice(rest.get(..usize::from(code))?);
                rest = &rest[usize::from(code)..];
                None
            }
            code => {
                let from = number(&mut rest, code, 4)?;
                let count = count(&mut rest, code)?;
                made.extend_from_slice(base.get(from..from.checked_add(count)?)?);
                Some(from)
            }
        };
        push(&mut stretches, Stretch { to: start..made.len(), from });
    }
    Some((made, stretches))
}

/// How many bytes the instructions make.
fn promised(mut rest: &[u8]) -> Option<usize> {
    let mut total = 0_usize;
    while let Some((code, tail)) = rest.split_first() {
        rest = tail;
        total = total.checked_add(match *code {
            0 => return None,
            code if code & 0x80 == 0 => {
                rest = rest.get(usize::from(code)..)?;
                usize::from(code)
            }
            code => {
                number(&mut rest, code, 4)?;
                count(&mut rest, code)?
            }
        })?;
    }
    Some(total)
}

/// How many bytes a copy takes.
fn count(rest: &mut &[u8], code: u8) -> Option<usize> {
    match number(rest, code >> 4, 3)? {
        0 => Some(0x1_0000),
        count => Some(count),
    }
}

/// Adds a stretch, to the last one where it goes on.
fn push(stretches: &mut Vec<Stretch>, next: Stretch) {
    if let Some(last) = stretches.last_mut() {
        let goes_on = match (last.from, next.from) {
            (Some(last_from), Some(from)) => last_from + last.to.len() == from,
            (None, None) => true,
            _ => false,
        };
        if goes_on {
            last.to.end = next.to.end;
            return;
        }
    }
    stretches.push(next);
}

/// A size: seven bits in each byte, the lowest first.
fn size(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
    None
}

/// A number of which `bits` say which of its `bytes` bytes follow, the lowest first.
fn number(rest: &mut &[u8], bits: u8, bytes: u32) -> Option<usize> {
    let mut value = 0_usize;
    for at in 0..bytes {
        if bits >> at & 1 == 1 {
            let (byte, tail) = rest.split_first()?;
            *rest = tail;
            value |= usize::from(*byte) << (8 * at);
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_and_inserts_make_the_object() {
        // 9 bytes out of 6: copy 0..3, insert "XY", copy 3..6, "Z".
        let delta = [6, 9, 0x90, 3, 2, b'X', b'Y', 0x91, 3, 3, 1, b'Z'];
        let (made, stretches) = apply(b"abcdef", &delta, 100).unwrap();
        assert_eq!(made, b"abcXYdefZ");
        let from: Vec<_> = stretches.iter().map(|stretch| stretch.from).collect();
        assert_eq!(from, [Some(0), None, Some(3), None]);
        assert_eq!(stretches[2].to, 5..8);
    }

    #[test]
    fn copies_that_go_on_are_one() {
        let delta = [6, 6, 0x90, 3, 0x91, 3, 3];
        let (_, stretches) = apply(b"abcdef", &delta, 100).unwrap();
        assert_eq!(stretches, [Stretch { to: 0..6, from: Some(0) }]);
    }

    #[test]
    fn damaged_deltas_make_nothing() {
        for delta in [
            &[6, 9, 0x90, 3][..],
            &[5, 3, 0x90, 3],
            &[6, 3, 0],
            &[6, 3, 0x91, 5, 3],
            &[6, 3, 4, b'a'],
            &[6, 2, 3, b'a', b'b', b'c'],
            &[0x80; 12],
            &[],
        ] {
            assert_eq!(apply(b"abcdef", delta, 100), None);
        }
        assert_eq!(apply(b"abcdef", &[6, 9, 0x90, 3, 6, 1, 2, 3, 4, 5, 6], 8), None);
    }
}
