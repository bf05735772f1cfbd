//! What the fuzz targets share. Each target is one file in `src/bin/`; a broken promise panics,
//! and libFuzzer keeps the input that broke it.

use std::fmt::Display;
use std::sync::LazyLock;

use clawvault::intake::{Document, ParseError, Tree};
use clawvault_core::crypto::{Keys, VaultKey};

/// Keys that are the same in every run, so that seeds stay sound.
pub static KEYS: LazyLock<Keys> = LazyLock::new(|| VaultKey::from_slot(&mut [7; 32]).derive());

/// Asserts that a place lies in the document or right behind its end; both count from 1.
pub fn assert_inside(bytes: &[u8], line: usize, column: usize) {
    let lines = bytes.split(|byte| *byte == b'\n');
    let Some(text) = line.checked_sub(1).and_then(|above| lines.clone().nth(above)) else {
        panic!("line {line} of {}", lines.count());
    };
    // In characters; what is not text counts more of them than it has bytes at no place.
    let characters = String::from_utf8_lossy(text).chars().count();
    assert!((1..=characters + 1).contains(&column), "column {column} of {characters}");
}

/// Asserts what every refusal of our own readers keeps to.
pub fn assert_refusal(bytes: &[u8], error: &ParseError) {
    assert_inside(bytes, error.line as usize, error.column as usize);
    assert_short(error);
}

/// Asserts the same of a refusal that a library placed: its formats know more ends of lines, and
/// libraries differ in what a column counts.
pub fn assert_library_refusal(bytes: &[u8], error: &ParseError) {
    let ends = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r' | 0xe2 | 0xc2)).count();
    assert!((1..=ends + 1).contains(&(error.line as usize)), "line {} of {ends}", error.line);
    let columns = 1..=bytes.len() + 1;
    assert!(columns.contains(&(error.column as usize)), "column {}", error.column);
    assert_short(error);
}

/// Asserts that a message is one line for a person; it has no room for a piece of the input.
pub fn assert_short(message: &impl Display) {
    let message = message.to_string();
    assert!(message.len() < 200 && !message.contains('\n'), "{} bytes", message.len());
}

/// Asserts what the spans, lines and values of every document of assignments keep to.
pub fn assert_document(bytes: &[u8], document: &Document) {
    let mut end = 0;
    for entry in &document.entries {
        assert!(entry.span.start >= end && entry.span.end <= bytes.len(), "{:?}", entry.span);
        assert!(!entry.span.is_empty(), "{:?}", entry.span);
        let above = bytes[..entry.span.start].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(entry.line as usize, above + 1);
        if let Some(value) = &entry.value {
            assert!(!value.expose().contains(&0) && value.len() <= bytes.len());
        }
        end = entry.span.end;
    }
}

/// The document without the spans of its entries, which is how a file is scrubbed.
pub fn scrubbed(bytes: &[u8], document: &Document) -> Vec<u8> {
    let mut rest = Vec::new();
    let mut end = 0;
    for entry in &document.entries {
        rest.extend_from_slice(&bytes[end..entry.span.start]);
        end = entry.span.end;
    }
    rest.extend_from_slice(&bytes[end..]);
    rest
}

/// Every text of a tree with its path, in order.
pub fn texts(tree: &Tree) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let walked: Result<(), ()> = tree.walk(&mut |path, text| {
        all.push((path.to_owned(), text.to_owned()));
        Ok(())
    });
    walked.expect("the visitor fails at nothing");
    all
}

/// The tree as JSON; what is no text, list or map becomes `null`.
pub fn to_json(tree: &Tree) -> serde_json::Value {
    match tree {
        Tree::Text(text) => text.as_str().into(),
        Tree::List(list) => list.iter().map(to_json).collect(),
        Tree::Map(map) => map.iter().map(|(key, node)| (key.clone(), to_json(node))).collect(),
        Tree::Truth(_) | Tree::Whole(_) | Tree::Other => serde_json::Value::Null,
    }
}

/// Levels of lists and maps, one inside the other.
pub fn depth(tree: &Tree) -> usize {
    match tree {
        Tree::List(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Tree::Map(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Tree::Text(_) | Tree::Truth(_) | Tree::Whole(_) | Tree::Other => 0,
    }
}
