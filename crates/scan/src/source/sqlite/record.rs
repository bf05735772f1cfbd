//! Records: the values of one row.

use std::ops::Range;

use super::bytes::varint;

/// Most values of one record; a table has at most 32,767 columns.
const MAX_VALUES: usize = 32_768;

/// A value that may hold text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Text,
    Blob,
    /// A number, or nothing.
    Other,
}

/// A value of a record, and where in the record it lies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Value {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// The values of a record, as far as it goes: the last one may be cut short. Nothing where the
/// header makes no sense.
pub(super) fn values(record: &[u8]) -> Option<Vec<Value>> {
    parsed(record).map(|(values, _)| values)
}

/// The values of what is a whole record and nothing else.
pub(super) fn exact(record: &[u8]) -> Option<Vec<Value>> {
    parsed(record).filter(|(_, end)| *end == record.len()).map(|(values, _)| values)
}

/// The values, and where the last one ends.
fn parsed(record: &[u8]) -> Option<(Vec<Value>, usize)> {
    let (length, rest) = varint(record)?;
    let length = usize::try_from(length).ok()?;
    let begin = record.len() - rest.len();
    let mut header = record.get(begin..length)?;
    let mut at = length;
    let mut values = Vec::new();
    while !header.is_empty() {
        let (kind, rest) = varint(header)?;
        header = rest;
        if values.len() == MAX_VALUES {
            return None;
        }
        let size = size_of(kind)?;
        let end = at.checked_add(size)?;
        let kind = match kind {
            0..=11 => Kind::Other,
            text if text % 2 == 1 => Kind::Text,
            _ => Kind::Blob,
        };
        values.push(Value { kind, span: at.min(record.len())..end.min(record.len()) });
        at = end;
    }
    Some((values, at))
}

/// How long a value is, by its serial type.
pub(super) fn size_of(kind: u64) -> Option<usize> {
    Some(match kind {
        0 | 8 | 9 => 0,
        1..=4 => kind as usize,
        5 => 6,
        6 | 7 => 8,
        10 | 11 => return None,
        long => usize::try_from((long - 12) / 2).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_far_as_they_go() {
        // Header of 4 bytes: nothing, text of 3 bytes, blob of 2.
        let record = [4, 0, 19, 16, b'a', b'b', b'c', 1, 2];
        let value = |kind, span| Value { kind, span };
        let all = [value(Kind::Other, 4..4), value(Kind::Text, 4..7), value(Kind::Blob, 7..9)];
        assert_eq!(values(&record).unwrap(), all);
        assert_eq!(values(&record[..5]).unwrap()[1].span, 4..5);
        assert_eq!(values(&record[..3]), None);
        assert_eq!(values(&[2, 10]), None);
        assert_eq!(values(&[]), None);
    }
}
