//! The rows of all tables, each value a text.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Read, Seek};

use super::btree::Walk;
use super::pages::Encoding;
use super::record::{self, Kind, Value};
use super::schema::{Table, Tree};
use super::{MIN_VALUE, Outcome, Reader, hash};

/// Names of columns that name the value beside them.
const NAMES: &[&[u8]] = &[b"name", b"key", b"variable", b"entry_key"];
/// Names of columns that such a name is the name of.
const VALUES: &[&[u8]] = &[b"value", b"secret"];
/// What is in names of columns that hold secrets.
const SECRET: &[&str] =
    &["token", "secret", "passw", "passphrase", "api_key", "apikey", "credential"];
/// How names end that only speak of secrets.
const ABOUT: &[&str] =
    &["_id", "_hash", "_key", "_type", "_kind", "_at", "_suffix", "_name", "_ref"];
/// Longest name of a value, in bytes.
const MAX_NAME: usize = 128;

/// Scans every row, and learns what pages are good for.
pub(super) fn scan<R: Read + Seek>(
    reader: &mut Reader<'_>,
    walk: &mut Walk<'_, R>,
) -> io::Result<()> {
    let encoding = walk.pages.encoding;
    let own = Table {
        name: b"sqlite_schema".to_vec(),
        columns: [&b"type"[..], b"name", b"tbl_name", b"rootpage", b"sql"]
            .map(<[u8]>::to_vec)
            .into(),
    };
    let mut trees = Vec::new();
    let mut row = Rows { table: &own, encoding, number: 0 };
    walk.tree(1, &mut |rowid, record| {
        trees.extend(tree(record, encoding));
        row.scan(reader, rowid, record)
    })?;
    for Tree { root, table } in &trees {
        match table {
            Some(table) => {
                let mut rows = Rows { table, encoding, number: 0 };
                walk.tree(*root, &mut |rowid, record| rows.scan(reader, rowid, record))?;
            }
            // Its entries are copies of what rows hold.
            None => walk.tree(*root, &mut |_, _| !reader.progress.stop())?,
        }
    }
    Ok(())
}

/// The tree that a row of the schema tells of; nothing where it tells of none.
fn tree(record: &[u8], encoding: Encoding) -> Option<Tree> {
    let values = record::values(record)?;
    let text = |at: usize| {
        let value = values.get(at).filter(|value| value.kind == Kind::Text)?;
        Some(decoded(&record[value.span.clone()], encoding))
    };
    let root = record[values.get(3)?.span.clone()].iter();
    let root = root.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let root = u32::try_from(root).ok().filter(|root| *root > 1)?;
    let table = match &*text(0)? {
        b"table" => Some(Table::of(&text(1)?, &text(4).unwrap_or_default())),
        b"index" => None,
        _ => return None,
    };
    Some(Tree { root, table })
}

/// The rows of one table.
struct Rows<'a> {
    table: &'a Table,
    encoding: Encoding,
    /// How many were read.
    number: u64,
}

impl Rows<'_> {
    /// Scans a row; false where the scan shall stop.
    fn scan(&mut self, reader: &mut Reader<'_>, rowid: Option<i64>, record: &[u8]) -> bool {
        self.number += 1;
        // What makes no sense as a record is one value.
        let values = record::values(record)
            .unwrap_or_else(|| vec![Value { kind: Kind::Blob, span: 0..record.len() }]);
        let mut told = HashSet::new();
        let worth = |value: &Value| value.kind != Kind::Other && value.span.len() >= MIN_VALUE;
        for (at, value) in values.iter().enumerate().filter(|(_, value)| worth(value)) {
            let bytes = &record[value.span.clone()];
            let text = match value.kind {
                Kind::Text => decoded(bytes, self.encoding),
                _ => Cow::Borrowed(bytes),
            };
            let prefix = match value.kind {
                Kind::Text => self.prefix(at, &values, record, &text),
                _ => Vec::new(),
            };
            let place = self.place(reader.name, at, rowid);
            let Outcome { mut findings, summary } = reader.value(&place, &prefix, &text);
            reader.outcome.summary.skipped.extend(summary.skipped);
            // A document may hold one secret many times: its row is told once.
            findings.retain(|finding| told.insert(hash(finding)));
            reader.take(findings);
        }
        !reader.progress.stop()
    }

    fn place(&self, name: &[u8], column: usize, rowid: Option<i64>) -> Vec<u8> {
        let row = match rowid {
            Some(rowid) => format!(" rowid {rowid}"),
            None => format!(" row {}", self.number),
        };
        let column = self.table.column(column);
        [name, b"!", &self.table.name, b"/", &column, row.as_bytes()].concat()
    }

    /// What a plain value is the value of: `table kind NAME = ` by the name that stands beside it,
    /// `table column = ` where the column is called like a secret. Documents speak for themselves.
    fn prefix(&self, at: usize, values: &[Value], record: &[u8], text: &[u8]) -> Vec<u8> {
        let begin = text.trim_ascii_start().first();
        if text.contains(&b'\n') || matches!(begin, Some(b'{' | b'[')) {
            return Vec::new();
        }
        let called = |number: usize, names: &[&[u8]]| {
            let column = self.table.columns.get(number);
            column.is_some_and(|column| names.iter().any(|name| column.eq_ignore_ascii_case(name)))
        };
        let beside = |names: &[&[u8]]| {
            let number = (0..values.len()).find(|number| called(*number, names))?;
            let text = decoded(&record[values[number].span.clone()], self.encoding);
            let plain = text.len() <= MAX_NAME && text.iter().all(u8::is_ascii_graphic);
            (plain && !text.is_empty()).then(|| text.into_owned())
        };
        let named = called(at, VALUES).then(|| beside(NAMES)).flatten();
        let (kind, name) = match named {
            Some(name) => (beside(&[b"kind"]), name),
            None => (None, self.table.column(at)),
        };
        if kind.is_none() && !is_secret(&name) {
            return Vec::new();
        }
        let parts = [Some(self.table.name.clone()), kind, Some(name), Some(b"= ".to_vec())];
        parts.into_iter().flatten().collect::<Vec<_>>().join(&b' ')
    }
}

/// Whether a name is one of a secret.
fn is_secret(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    SECRET.iter().any(|word| name.contains(word)) && !ABOUT.iter().any(|end| name.ends_with(end))
}

/// A text as UTF-8.
fn decoded(text: &[u8], encoding: Encoding) -> Cow<'_, [u8]> {
    let unit = match encoding {
        Encoding::Utf8 => return Cow::Borrowed(text),
        Encoding::Utf16Le => u16::from_le_bytes,
        Encoding::Utf16Be => u16::from_be_bytes,
    };
    let units = text.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String =
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Cow::Owned(text.into_bytes())
}
