//! Where in a document its values stand, and the same document without some of them.
//!
//! An assignment is taken out whole, a text of a tree is replaced in place; all other bytes stay.
//! The outcome is read again: unless exactly what was asked for is gone and everything else means
//! what it meant, there is no outcome.

use std::ops::Range;

use clawvault_core::domain::{Label, Value};
use zeroize::Zeroizing;

use super::entries::{Document, NoteKind};
use super::spans::{self, TextSpan};
use super::systemd::{Setting, parse_environment_file, read_unit};
use super::{Format, Kind, ParseError, Tree, dotenv, maps};

/// Most places that are tried for one value of a YAML document.
const MAX_TRIES: usize = 64;

/// How a document is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// `NAME=value` lines of a `.env` file.
    Dotenv,
    /// A file that a unit names in `EnvironmentFile=`.
    EnvironmentFile,
    /// A unit file or drop-in.
    Unit,
    /// Maps and lists.
    Tree(Format),
}

impl From<Format> for Shape {
    fn from(format: Format) -> Self {
        if format == Format::Dotenv { Self::Dotenv } else { Self::Tree(format) }
    }
}

/// A value and where it stands.
#[derive(Debug)]
pub struct Spot {
    /// The variable, or the keys above the value joined by dots.
    pub path: String,
    /// The line, where the document has lines.
    pub line: Option<u32>,
    /// The value.
    pub value: Value,
    /// A later assignment of the same name takes its place.
    pub overridden: bool,
    /// Its bytes; none where only a search finds them.
    span: Option<Range<usize>>,
}

impl Spot {
    /// What an import calls it.
    pub fn label(&self) -> Label {
        maps::label_of(&self.path)
    }
}

/// A value cannot be taken out without changing something else.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it cannot be taken out without changing something else")]
pub struct Entangled;

/// All values of a document; empty ones are none.
pub fn spots(shape: Shape, bytes: &[u8]) -> Result<Vec<Spot>, ParseError> {
    match shape {
        Shape::Tree(format) => in_tree(format, bytes),
        _ => {
            let (document, _) = assignments(shape, bytes)?;
            let spot = |entry: super::Entry| {
                let (path, line, span) = (entry.variable, Some(entry.line), Some(entry.span));
                let overridden = entry.overridden;
                entry.value.map(|value| Spot { path, line, value, overridden, span })
            };
            Ok(document.entries.into_iter().filter_map(spot).collect())
        }
    }
}

/// The document without these of its spots. A text of a tree is replaced by the text beside it,
/// which must need no escape; an assignment disappears.
pub fn without(
    shape: Shape,
    bytes: &[u8],
    cuts: &[(&Spot, String)],
) -> Result<Zeroizing<Vec<u8>>, Entangled> {
    match shape {
        Shape::Tree(Format::Yaml) => yaml_without(bytes, cuts),
        Shape::Tree(format) => tree_without(format, bytes, cuts),
        _ => lines_without(shape, bytes, cuts),
    }
}

fn in_tree(format: Format, bytes: &[u8]) -> Result<Vec<Spot>, ParseError> {
    let tree = maps::parse(format, bytes)?;
    let fail = |kind| ParseError { line: 1, column: 1, kind };
    let mut found = Vec::new();
    let mut add = |path: &str, text: &str, span: Option<Range<usize>>| {
        // An empty text is no value, and one that no secret can be was never taken.
        if let Ok(value) = Value::new(text.as_bytes().to_vec()) {
            let path = path.to_owned();
            found.push(Spot { path, line: None, value, overridden: false, span });
        }
    };
    let mut known = Vec::new();
    tree.walk(&mut |path, text| {
        known.push((path.to_owned(), Zeroizing::new(text.to_owned())));
        Ok::<_, ParseError>(())
    })?;
    if format == Format::Yaml {
        known.iter().for_each(|(path, text)| add(path, text, None));
        return Ok(found);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| fail(Kind::NotUtf8))?;
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let spans = match format {
        Format::Toml => spans::of_toml(&text[start..]),
        _ => spans::of_json(format, &text[start..]),
    };
    let spans = spans.map_err(fail)?;
    if !agree(&spans, &mut known) {
        return Err(fail(Kind::Unplaced));
    }
    for TextSpan { path, text, span } in spans {
        add(&path, &text, Some(start + span.start..start + span.end));
    }
    Ok(found)
}

/// True where the places hold the very texts of the tree, no more and no fewer.
fn agree(spans: &[TextSpan], known: &mut [(String, Zeroizing<String>)]) -> bool {
    let mut placed: Vec<(&str, &str)> = Vec::with_capacity(spans.len());
    placed.extend(spans.iter().map(|s| (s.path.as_str(), s.text.as_str())));
    placed.sort_unstable();
    known
        .sort_unstable_by(|one, other| (&one.0, one.1.as_str()).cmp(&(&other.0, other.1.as_str())));
    placed.into_iter().eq(known.iter().map(|(path, text)| (path.as_str(), text.as_str())))
}

fn assignments(shape: Shape, bytes: &[u8]) -> Result<(Document, Vec<Setting>), ParseError> {
    match shape {
        Shape::Unit => read_unit(bytes),
        Shape::EnvironmentFile => Ok((parse_environment_file(bytes)?, Vec::new())),
        _ => Ok((dotenv::parse(bytes)?, Vec::new())),
    }
}

fn lines_without(
    shape: Shape,
    bytes: &[u8],
    cuts: &[(&Spot, String)],
) -> Result<Zeroizing<Vec<u8>>, Entangled> {
    let (before, settings) = assignments(shape, bytes).map_err(|_| Entangled)?;
    let gone: Vec<Range<usize>> = cuts.iter().filter_map(|(spot, _)| spot.span.clone()).collect();
    let edits = match shape {
        Shape::Unit => unit_edits(bytes, &settings, &gone),
        _ => gone.iter().map(|span| (span.clone(), Vec::new())).collect(),
    };
    let result = edited(bytes, edits)?;
    let (after, _) = assignments(shape, &result).map_err(|_| Entangled)?;
    let stays = |entry: &&super::Entry| !gone.contains(&entry.span);
    let (kept, cut): (Vec<_>, Vec<_>) = before.entries.iter().partition(stays);
    let same = |(old, new): (&&super::Entry, &super::Entry)| {
        // An earlier assignment counts again once the later one is gone, and only then.
        let freed = cut.iter().any(|entry| entry.variable == old.variable);
        old.variable == new.variable
            && old.value == new.value
            && (freed || old.overridden == new.overridden)
    };
    let whole = cut.len() == cuts.len()
        && kept.len() == after.entries.len()
        && kept.iter().zip(&after.entries).all(same)
        && passed_over(&before) == passed_over(&after);
    if whole { Ok(result) } else { Err(Entangled) }
}

/// What a reader passed over that is no assignment.
fn passed_over(document: &Document) -> Vec<NoteKind> {
    let of_text = |kind: &NoteKind| !matches!(kind, NoteKind::Empty | NoteKind::Overridden(_));
    document.notes.iter().map(|note| note.kind).filter(of_text).collect()
}

/// Takes words out of settings. A setting that would have none left would revoke those above it,
/// so it goes with its last word; comments between its lines stay.
fn unit_edits(
    bytes: &[u8],
    settings: &[Setting],
    words: &[Range<usize>],
) -> Vec<(Range<usize>, Vec<u8>)> {
    let mut edits = Vec::new();
    for setting in settings {
        let inside = |word: &&Range<usize>| setting.span.contains(&word.start);
        let gone: Vec<&Range<usize>> = words.iter().filter(inside).collect();
        if !gone.is_empty() && gone.len() == setting.words {
            edits.push((setting.span.clone(), comments(&bytes[setting.span.clone()])));
        } else {
            let mut end = 0;
            for word in gone {
                let span = with_blanks(bytes, word);
                // The blanks between two words go once.
                let start = span.start.max(end);
                end = span.end;
                edits.push((start..end, Vec::new()));
            }
        }
    }
    edits
}

/// The comment lines of a setting that goes over several lines.
fn comments(setting: &[u8]) -> Vec<u8> {
    let is_comment = |line: &&[u8]| matches!(line.trim_ascii_start(), [b'#' | b';', ..]);
    setting
        .split_inclusive(|byte| *byte == b'\n')
        .skip(1)
        .filter(is_comment)
        .flatten()
        .copied()
        .collect()
}

/// A word with the blanks that would be left over: those behind it, at the end those before it.
fn with_blanks(bytes: &[u8], word: &Range<usize>) -> Range<usize> {
    let is_blank = |byte: &&u8| matches!(**byte, b' ' | b'\t');
    let behind = bytes[word.end..].iter().take_while(is_blank).count();
    let at_end = matches!(bytes.get(word.end + behind), None | Some(b'\n' | b'\r'));
    let before = bytes[..word.start].iter().rev().take_while(is_blank).count();
    match at_end {
        true => word.start - before..word.end,
        false => word.start..word.end + behind,
    }
}

fn tree_without(
    format: Format,
    bytes: &[u8],
    cuts: &[(&Spot, String)],
) -> Result<Zeroizing<Vec<u8>>, Entangled> {
    let edit = |(spot, with): &(&Spot, String)| {
        let span = spot.span.clone().ok_or(Entangled)?;
        Ok((span, format!("\"{with}\"").into_bytes()))
    };
    let edits = cuts.iter().map(edit).collect::<Result<_, _>>()?;
    let result = edited(bytes, edits)?;
    differs_by(format, bytes, &result, cuts).then_some(result).ok_or(Entangled)
}

/// YAML has no spans: each value is sought as it stands, and a place counts if the document without
/// it reads as it should.
fn yaml_without(bytes: &[u8], cuts: &[(&Spot, String)]) -> Result<Zeroizing<Vec<u8>>, Entangled> {
    let mut result = Zeroizing::new(bytes.to_vec());
    for cut in cuts {
        let (spot, with) = cut;
        let value = spot.value.expose();
        let places = result.windows(value.len()).enumerate();
        let places = places.filter(|(_, window)| *window == value).map(|(at, _)| at);
        let attempt = |at: usize| {
            let span = with_quotes(&result, at..at + value.len());
            let next = edited(&result, vec![(span, format!("\"{with}\"").into_bytes())]).ok()?;
            let one = std::slice::from_ref(cut);
            differs_by(Format::Yaml, &result, &next, one).then_some(next)
        };
        let places: Vec<usize> = places.take(MAX_TRIES).collect();
        let next = places.into_iter().find_map(attempt).ok_or(Entangled)?;
        result = next;
    }
    Ok(result)
}

fn with_quotes(bytes: &[u8], span: Range<usize>) -> Range<usize> {
    let before = span.start.checked_sub(1).and_then(|at| bytes.get(at));
    match (before, bytes.get(span.end)) {
        (Some(one @ (b'"' | b'\'')), Some(other)) if one == other => span.start - 1..span.end + 1,
        _ => span,
    }
}

/// True where both documents are the same but for the cuts, each of which is done once.
fn differs_by(format: Format, old: &[u8], new: &[u8], cuts: &[(&Spot, String)]) -> bool {
    let (Ok(old), Ok(new)) = (maps::parse(format, old), maps::parse(format, new)) else {
        return false;
    };
    let mut open: Vec<&(&Spot, String)> = cuts.iter().collect();
    let mut allowed = |path: &str, was: &str, is: &str| {
        let fits = |(spot, with): &&(&Spot, String)| {
            spot.path == path && spot.value.expose() == was.as_bytes() && with == is
        };
        let at = open.iter().position(fits);
        at.map(|at| open.swap_remove(at)).is_some()
    };
    let same = same_but(&old, &new, &mut String::new(), &mut allowed);
    // One that is replaced by itself leaves no difference.
    same && open.iter().all(|(spot, with)| spot.value.expose() == with.as_bytes())
}

/// Compares two trees; each text that differs must be `allowed`.
fn same_but(
    old: &Tree,
    new: &Tree,
    path: &mut String,
    allowed: &mut impl FnMut(&str, &str, &str) -> bool,
) -> bool {
    let length = path.len();
    let mut step = |path: &mut String, key: &str, old: &Tree, new: &Tree| {
        if length > 0 {
            path.push('.');
        }
        path.push_str(key);
        let same = same_but(old, new, path, allowed);
        path.truncate(length);
        same
    };
    match (old, new) {
        (Tree::Text(was), Tree::Text(is)) => was == is || allowed(path, was, is),
        (Tree::List(old), Tree::List(new)) => {
            let pairs = old.iter().zip(new).enumerate();
            old.len() == new.len()
                && pairs.into_iter().all(|(at, (a, b))| step(path, &at.to_string(), a, b))
        }
        (Tree::Map(old), Tree::Map(new)) => {
            let mut pairs = old.iter().zip(new);
            old.len() == new.len() && pairs.all(|((k, a), (l, b))| k == l && step(path, k, a, b))
        }
        (old, new) => old == new,
    }
}

/// The bytes with pieces replaced, in one buffer of its exact size.
pub(super) fn edited(
    bytes: &[u8],
    mut edits: Vec<(Range<usize>, Vec<u8>)>,
) -> Result<Zeroizing<Vec<u8>>, Entangled> {
    edits.sort_by_key(|(span, _)| span.start);
    let apart = edits.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start);
    let inside = edits.last().is_none_or(|(span, _)| span.end <= bytes.len());
    if !apart || !inside {
        return Err(Entangled);
    }
    let gone: usize = edits.iter().map(|(span, _)| span.len()).sum();
    let come: usize = edits.iter().map(|(_, with)| with.len()).sum();
    let mut result = Zeroizing::new(Vec::with_capacity(bytes.len() - gone + come));
    let mut at = 0;
    for (span, with) in edits {
        result.extend_from_slice(&bytes[at..span.start]);
        result.extend_from_slice(&with);
        at = span.end;
    }
    result.extend_from_slice(&bytes[at..]);
    Ok(result)
}

#[cfg(test)]
mod tests;
