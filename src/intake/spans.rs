//! Where the texts of a JSON, JSON5 or TOML document stand.
//!
//! The document was read before, by the parser that judges it; nothing here judges again. Keys are
//! resolved by that same parser, so that the two cannot mean different places.

use std::ops::Range;

use clawvault_core::domain::limits::MAX_IMPORT;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::{Format, Kind, Tree, maps};

/// A text and where it stands.
pub(super) struct TextSpan {
    /// The keys above it, joined by dots.
    pub(super) path: String,
    /// What it says.
    pub(super) text: Zeroizing<String>,
    /// The bytes of the document that write it, quotes and all.
    pub(super) span: Range<usize>,
}

/// The texts of a JSON or JSON5 document, in its order.
pub(super) fn of_json(format: Format, text: &str) -> Result<Vec<TextSpan>, Kind> {
    let mut scanner = Scanner { format, text, at: 0, above: Vec::new(), path: String::new() };
    let mut found = Vec::new();
    while let Some(token) = scanner.token() {
        scanner.take(token, &mut found)?;
    }
    Ok(found)
}

/// A member of a map, an item of a list, or the whole document.
pub(super) struct Member {
    /// The keys above it and its own, joined by dots; empty for the whole document.
    pub(super) path: String,
    /// Where its key begins, or where there is none its value.
    pub(super) whole: usize,
    /// The bytes that write its value.
    pub(super) value: Range<usize>,
    /// Behind its opening brace, if it is a map.
    pub(super) inside: Option<usize>,
    /// True for a map or list with nothing in it.
    pub(super) is_empty: bool,
}

/// All members of a JSON or JSON5 document, in the order of their ends.
pub(super) fn members(format: Format, text: &str) -> Result<Vec<Member>, Kind> {
    let mut scanner = Scanner { format, text, at: 0, above: Vec::new(), path: String::new() };
    let (mut members, mut texts) = (Vec::new(), Vec::new());
    // For each open bracket: its path, where its key and it begin, and what was there before it.
    let mut open: Vec<(String, usize, usize, bool, usize)> = Vec::new();
    let mut key = None;
    while let Some(token) = scanner.token() {
        let is_key = matches!(scanner.above.last(), Some(Frame::Map { key: false, .. }));
        let (path, end) = (scanner.path.clone(), scanner.at);
        scanner.take(token, &mut texts)?;
        texts.clear();
        if members.len() > MAX_IMPORT {
            return Err(Kind::TooMany);
        }
        match token {
            Token::Quoted(start, _) | Token::Bare(start, _) if is_key => key = Some(start),
            Token::Quoted(start, end) | Token::Bare(start, end) => members.push(Member {
                path,
                whole: key.take().unwrap_or(start),
                value: start..end,
                inside: None,
                is_empty: false,
            }),
            Token::Open(bracket) => {
                let start = end - 1;
                let whole = key.take().unwrap_or(start);
                open.push((path, whole, start, bracket == '{', members.len()));
            }
            Token::Close => {
                let Some((path, whole, start, is_map, before)) = open.pop() else { continue };
                let inside = is_map.then_some(start + 1);
                let is_empty = members.len() == before;
                members.push(Member { path, whole, value: start..end, inside, is_empty });
            }
            Token::Comma => {}
        }
    }
    Ok(members)
}

/// The texts of a TOML document, sorted by their keys.
pub(super) fn of_toml(text: &str) -> Result<Vec<TextSpan>, Kind> {
    let table = DeTable::parse(text).map_err(|_| Kind::Syntax("TOML"))?;
    let mut found = Vec::new();
    in_table(table.get_ref(), &mut String::new(), &mut found)?;
    Ok(found)
}

fn in_table(table: &DeTable<'_>, path: &mut String, found: &mut Vec<TextSpan>) -> Result<(), Kind> {
    let length = path.len();
    for (key, value) in table {
        join(path, key.get_ref());
        in_value(value.get_ref(), value.span(), path, found)?;
        path.truncate(length);
    }
    Ok(())
}

fn in_value(
    value: &DeValue<'_>,
    span: Range<usize>,
    path: &mut String,
    found: &mut Vec<TextSpan>,
) -> Result<(), Kind> {
    match value {
        DeValue::String(text) => {
            let text = Zeroizing::new(text.clone().into_owned());
            add(found, TextSpan { path: path.clone(), text, span })
        }
        DeValue::Table(table) => in_table(table, path, found),
        DeValue::Array(list) => {
            let length = path.len();
            for (index, item) in list.iter().enumerate() {
                join(path, &index.to_string());
                in_value(item.get_ref(), item.span(), path, found)?;
                path.truncate(length);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A piece of JSON5 that counts, and where it ends.
#[derive(Clone, Copy)]
enum Token {
    Open(char),
    Close,
    Comma,
    /// A text in quotes.
    Quoted(usize, usize),
    /// A bare key, a number or a word.
    Bare(usize, usize),
}

/// What the scanner stands in: how long the path above it is, and its own part of the path.
enum Frame {
    Map { above: usize, key: bool },
    List { above: usize, index: usize },
}

struct Scanner<'a> {
    format: Format,
    text: &'a str,
    at: usize,
    above: Vec<Frame>,
    path: String,
}

impl Scanner<'_> {
    fn take(&mut self, token: Token, found: &mut Vec<TextSpan>) -> Result<(), Kind> {
        let is_key = matches!(self.above.last(), Some(Frame::Map { key: false, .. }));
        match token {
            Token::Quoted(start, end) | Token::Bare(start, end) if is_key => {
                let key = self.key(start..end)?;
                join(&mut self.path, &key);
                if let Some(Frame::Map { key, .. }) = self.above.last_mut() {
                    *key = true;
                }
                Ok(())
            }
            Token::Quoted(start, end) => {
                let (path, text) = (self.path.clone(), self.text_of(start..end)?);
                add(found, TextSpan { path, text, span: start..end })
            }
            Token::Bare(..) => Ok(()),
            Token::Open(bracket) => {
                let above = self.path.len();
                if bracket == '{' {
                    self.above.push(Frame::Map { above, key: false });
                } else {
                    self.above.push(Frame::List { above, index: 0 });
                    join(&mut self.path, "0");
                }
                Ok(())
            }
            Token::Close => {
                if let Some(Frame::Map { above, .. } | Frame::List { above, .. }) = self.above.pop()
                {
                    self.path.truncate(above);
                }
                Ok(())
            }
            Token::Comma => {
                match self.above.last_mut() {
                    Some(Frame::Map { above, key }) => {
                        self.path.truncate(*above);
                        *key = false;
                    }
                    Some(Frame::List { above, index }) => {
                        *index += 1;
                        self.path.truncate(*above);
                        let index = index.to_string();
                        join(&mut self.path, &index);
                    }
                    None => {}
                }
                Ok(())
            }
        }
    }

    /// The key that a token writes.
    fn key(&self, span: Range<usize>) -> Result<String, Kind> {
        let token = self.text.get(span).unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '-' | ' ');
        let quoted = token.starts_with(['"', '\'']);
        let inner = if quoted { within_quotes(token) } else { token };
        if inner.chars().all(plain) {
            return Ok(inner.to_owned());
        }
        match maps::parse(self.format, format!("{{{token}:0}}").as_bytes()) {
            Ok(Tree::Map(map)) if map.len() == 1 => map.into_keys().next().ok_or(Kind::NotAMap),
            _ => Err(Kind::Syntax("JSON5")),
        }
    }

    /// What a text in quotes says.
    fn text_of(&self, span: Range<usize>) -> Result<Zeroizing<String>, Kind> {
        let token = self.text.get(span).unwrap_or_default();
        let inner = within_quotes(token);
        if !inner.contains('\\') {
            return Ok(Zeroizing::new(inner.to_owned()));
        }
        // Of its exact size: a text that grows would leave copies behind.
        let mut document = Zeroizing::new(String::with_capacity(token.len() + 2));
        document.extend(["[", token, "]"]);
        match maps::parse(self.format, document.as_bytes()) {
            Ok(Tree::List(mut list)) if list.len() == 1 => match list.pop() {
                Some(Tree::Text(text)) => Ok(text),
                _ => Err(Kind::Syntax("JSON5")),
            },
            _ => Err(Kind::Syntax("JSON5")),
        }
    }

    fn token(&mut self) -> Option<Token> {
        loop {
            let start = self.at;
            let c = self.next()?;
            return Some(match c {
                '{' | '[' => Token::Open(c),
                '}' | ']' => Token::Close,
                ',' => Token::Comma,
                '"' | '\'' => {
                    self.skip_to_quote(c);
                    Token::Quoted(start, self.at)
                }
                '/' => {
                    self.skip_comment();
                    continue;
                }
                c if c == ':' || is_blank(c) => continue,
                _ => {
                    self.skip_word();
                    Token::Bare(start, self.at)
                }
            });
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.text[self.at..].chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn skip_to_quote(&mut self, quote: char) {
        while let Some(c) = self.next() {
            match c {
                '\\' => drop(self.next()),
                c if c == quote => return,
                _ => {}
            }
        }
    }

    fn skip_word(&mut self) {
        let ends = |c: char| is_blank(c) || "{}[],:/\"'".contains(c);
        let rest = &self.text[self.at..];
        self.at += rest.find(ends).unwrap_or(rest.len());
    }

    fn skip_comment(&mut self) {
        let rest = &self.text[self.at..];
        let length = match rest.strip_prefix('*') {
            Some(inside) => inside.find("*/").map(|end| end + 3),
            None => rest.find(['\n', '\r', '\u{2028}', '\u{2029}']),
        };
        self.at += length.unwrap_or(rest.len());
    }
}

fn within_quotes(token: &str) -> &str {
    token.get(1..token.len().saturating_sub(1)).unwrap_or_default()
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

fn join(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}

fn add(found: &mut Vec<TextSpan>, text: TextSpan) -> Result<(), Kind> {
    if found.len() == MAX_IMPORT {
        return Err(Kind::TooMany);
    }
    found.push(text);
    Ok(())
}
