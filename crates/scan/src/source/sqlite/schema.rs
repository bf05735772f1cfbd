//! What a database says of itself: its tables, and how their columns are called.

use std::collections::HashMap;

/// Longest statement that is read, in bytes.
const MAX_SQL: usize = 1 << 20;
/// Longest name that is kept, in bytes.
const MAX_NAME: usize = 200;

/// A tree of the database.
pub(super) struct Tree {
    /// The page that it begins with.
    pub(super) root: u32,
    /// What its records are; `None` for an index.
    pub(super) table: Option<Table>,
}

/// A table.
pub(super) struct Table {
    pub(super) name: Vec<u8>,
    /// Names of the values in its records, in their order.
    pub(super) columns: Vec<Vec<u8>>,
}

impl Table {
    /// The table that a statement makes.
    pub(super) fn of(name: &[u8], sql: &[u8]) -> Self {
        let name = name[..name.len().min(MAX_NAME)].to_vec();
        let columns = if sql.len() <= MAX_SQL { columns(sql) } else { Vec::new() };
        Self { name, columns }
    }

    /// What a value is called.
    pub(super) fn column(&self, number: usize) -> Vec<u8> {
        match self.columns.get(number) {
            Some(name) => name.clone(),
            None => format!("column {}", number + 1).into_bytes(),
        }
    }
}

/// A word of a statement.
#[derive(Clone, Eq, PartialEq)]
enum Word {
    /// A bare word.
    Bare(Vec<u8>),
    /// What stands in quotes.
    Quoted(Vec<u8>),
    Sign(u8),
}

impl Word {
    fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Bare(word) if word.eq_ignore_ascii_case(keyword.as_bytes()))
    }

    fn name(&self) -> Option<Vec<u8>> {
        match self {
            Self::Bare(name) | Self::Quoted(name) => {
                Some(name[..name.len().min(MAX_NAME)].to_vec())
            }
            Self::Sign(_) => None,
        }
    }
}

/// The columns of a record of the table that `sql` makes, in the order that they are stored in.
fn columns(sql: &[u8]) -> Vec<Vec<u8>> {
    let words = words(sql);
    let Some(open) = words.iter().position(|word| *word == Word::Sign(b'(')) else {
        return Vec::new();
    };
    let (mut parts, mut depth, mut end) = (vec![Vec::new()], 0, words.len());
    for (at, word) in words.iter().enumerate().skip(open + 1) {
        match word {
            Word::Sign(b')') if depth == 0 => {
                end = at;
                break;
            }
            Word::Sign(b',') if depth == 0 => {
                parts.push(Vec::new());
                continue;
            }
            Word::Sign(b'(') => depth += 1,
            Word::Sign(b')') => depth -= 1,
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(word.clone());
        }
    }
    let (mut names, mut keys) = (Vec::new(), Vec::new());
    for part in &parts {
        let Some(first) = part.first() else { continue };
        if is_constraint(first) {
            keys.extend(key_columns(part));
        } else if let Some(name) = first.name() {
            if part.windows(2).any(|pair| pair[0].is("primary") && pair[1].is("key")) {
                keys.push(name.clone());
            }
            if !is_computed(part) {
                names.push(name);
            }
        }
    }
    let tail = words.get(end..).unwrap_or_default();
    if tail.windows(2).any(|pair| pair[0].is("without") && pair[1].is("rowid")) {
        names = keys_first(names, &keys);
    }
    names
}

/// A part that makes no column.
fn is_constraint(first: &Word) -> bool {
    ["constraint", "primary", "unique", "check", "foreign"].iter().any(|word| first.is(word))
}

/// A column that is made when it is read, and not stored.
fn is_computed(part: &[Word]) -> bool {
    let made = part.windows(2).any(|pair| pair[0].is("as") && pair[1] == Word::Sign(b'('));
    made && !part.iter().any(|word| word.is("stored"))
}

/// The columns in `PRIMARY KEY (…)`.
fn key_columns(part: &[Word]) -> Vec<Vec<u8>> {
    let Some(key) = part.windows(2).position(|pair| pair[0].is("primary") && pair[1].is("key"))
    else {
        return Vec::new();
    };
    let Some(open) = part[key..].iter().position(|word| *word == Word::Sign(b'(')) else {
        return Vec::new();
    };
    let inside = part[key + open + 1..].split(|word| *word == Word::Sign(b','));
    inside.filter_map(|column| column.first()?.name()).collect()
}

/// Without row ids, the columns of the key are stored before all others.
fn keys_first(names: Vec<Vec<u8>>, keys: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut ranks: HashMap<Vec<u8>, usize> = HashMap::new();
    for key in keys {
        let next = ranks.len();
        ranks.entry(key.to_ascii_lowercase()).or_insert(next);
    }
    let mut names = names;
    names.sort_by_key(|name| ranks.get(&name.to_ascii_lowercase()).copied().unwrap_or(usize::MAX));
    names
}

fn words(sql: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(byte) = sql.get(at) {
        let rest = &sql[at..];
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        at += match byte {
            b'-' if rest.starts_with(b"--") => until(rest, b"\n"),
            b'/' if rest.starts_with(b"/*") => 2 + until(&rest[2..], b"*/"),
            b'\'' | b'"' | b'`' | b'[' => {
                let (text, length) = quoted(rest);
                words.push(Word::Quoted(text));
                length
            }
            byte if plain(byte) => {
                let length = rest.iter().take_while(|byte| plain(byte)).count();
                words.push(Word::Bare(rest[..length].to_vec()));
                length
            }
            byte if byte.is_ascii_whitespace() => 1,
            byte => {
                words.push(Word::Sign(*byte));
                1
            }
        };
    }
    words
}

/// What stands in the quotes that a text begins with, and where they end.
fn quoted(text: &[u8]) -> (Vec<u8>, usize) {
    let close = if text[0] == b'[' { b']' } else { text[0] };
    let (mut inside, mut at) = (Vec::new(), 1);
    while let Some(byte) = text.get(at) {
        at += 1;
        if *byte == close {
            if close == b']' || text.get(at) != Some(&close) {
                break;
            }
            at += 1;
        }
        inside.push(*byte);
    }
    (inside, at)
}

fn until(text: &[u8], end: &[u8]) -> usize {
    bstr::ByteSlice::find(text, end).map_or(text.len(), |at| at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_called_as_the_statement_calls_them() {
        for (sql, expected) in [
            ("CREATE TABLE t (a TEXT, b BLOB)", "a b"),
            (
                "create table if not exists \"t\"(\"a \"\"b\" TEXT, [c d], `e` INT, 'f')",
                "a \"b|c d|e|f",
            ),
            (
                "CREATE TABLE t (a TEXT CHECK (a IN ('x, y', ')')), -- note, (\n b /* , c */ INT, \
                 PRIMARY KEY (a), CHECK (a > b), FOREIGN KEY (a) REFERENCES u(v)) STRICT",
                "a b",
            ),
            (
                "CREATE TABLE t (a, b, c, d, PRIMARY KEY (\"C\", a)) WITHOUT ROWID, STRICT",
                "c a b d",
            ),
            ("CREATE TABLE t(a, b INTEGER PRIMARY KEY) without rowid", "b a"),
            ("CREATE TABLE t(a, b AS (a + 1), c GENERATED ALWAYS AS (a) STORED, d)", "a c d"),
            ("CREATE VIRTUAL TABLE t USING fts5", ""),
            ("CREATE TABLE t (a", "a"),
            ("CREATE TABLE t (", ""),
        ] {
            let separator = if expected.contains('|') { "|" } else { " " };
            let found = columns(sql.as_bytes());
            let found: Vec<_> = found.iter().map(|name| String::from_utf8_lossy(name)).collect();
            assert_eq!(found.join(separator), expected, "{sql}");
        }
    }
}
