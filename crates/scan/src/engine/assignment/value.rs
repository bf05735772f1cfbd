//! The value that is assigned to a name.

use std::ops::Range;

/// Longest value, in bytes.
const MAX_VALUE: usize = super::super::SPAN;
/// Most bytes between a name and its value.
pub(super) const MAX_GAP: usize = 64;

/// A value and how it is written.
#[derive(Debug)]
pub(super) struct Assigned {
    /// Where it lies, without quotes.
    pub(super) span: Range<usize>,
    /// Whether it stands in quotes.
    pub(super) quoted: bool,
    /// Whether nothing follows on its line that makes it a part of an expression or a sentence.
    pub(super) ends_well: bool,
}

/// The value behind the name; `None` where nothing is assigned.
pub(super) fn behind(text: &[u8], name: &Range<usize>) -> Option<Assigned> {
    let mut reader = Reader { text, at: name.end, end: text.len().min(name.end + MAX_GAP) };
    let flag = text[..name.start].ends_with(b"--") || text[name.clone()].starts_with(b"--");
    let closed = reader.close_name();
    let blanks = reader.blanks();
    if !reader.operator(closed, blanks > 0 || flag) {
        return None;
    }
    reader.value(true)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    end: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied().filter(|_| self.at < self.end)
    }

    fn eat(&mut self, literal: &[u8]) -> bool {
        let there = self.text[self.at.min(self.text.len())..].starts_with(literal);
        if there {
            self.at += literal.len();
        }
        there
    }

    fn blanks(&mut self) -> usize {
        let from = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        self.at - from
    }

    /// Goes over what closes a quoted or indexed name; true where a quote did.
    fn close_name(&mut self) -> bool {
        let from = self.at;
        while matches!(self.peek(), Some(b'\\' | b'"' | b'\'' | b'`' | b']' | b')' | b'*')) {
            self.at += 1;
        }
        self.eat(b"&quot;") || self.at > from
    }

    /// Goes over an operator; false where there is none.
    fn operator(&mut self, closed: bool, apart: bool) -> bool {
        const OPERATORS: [&[u8]; 17] = [
            b"===", b"||=", b"??=", b":=", b"=>", b"->", b"==", b"?=", b"+=", b"<-", b"<<", b": ",
            b"=", b":", b"(", b">", b"|",
        ];
        if OPERATORS.iter().any(|operator| self.eat(operator)) {
            self.blanks();
            return true;
        }
        if self.eat(b",") {
            self.blanks();
            return matches!(self.peek(), Some(b'"' | b'\'' | b'`' | b'\\')) || closed;
        }
        if self.eat(b" is ") || self.eat(b"is ") {
            return true;
        }
        apart
            && !closed
            && self
                .peek()
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'"' | b'\''))
    }

    fn value(&mut self, may_name_type: bool) -> Option<Assigned> {
        self.line_end();
        self.scheme();
        let mut escaped = self.eat(b"\\");
        if self.prefix() {
            escaped |= self.eat(b"\\");
        }
        let found = match self.peek()? {
            quote @ (b'"' | b'\'' | b'`') => self.quoted(quote, escaped),
            b'&' if self.eat(b"&quot;") => self.until(b"&quot;", true),
            b'[' | b'(' | b'{' => {
                self.at += 1;
                self.blanks();
                match self.peek()? {
                    quote @ (b'"' | b'\'') => self.quoted(quote, false),
                    _ => None,
                }
            }
            _ => self.unquoted(),
        }?;
        // `password: str = "…"`: a type stands where the value was looked for.
        if may_name_type && !found.quoted && found.span.len() <= 24 {
            let mut behind = Reader {
                text: self.text,
                at: found.span.end,
                end: self.text.len().min(found.span.end + MAX_GAP),
            };
            while matches!(behind.peek(), Some(b'?' | b'>' | b']')) {
                behind.at += 1;
            }
            behind.blanks();
            if behind.eat(b"=") && behind.peek() != Some(b'=') {
                behind.blanks();
                return behind.value(false);
            }
        }
        Some(found)
    }

    /// Goes over one line end, where the value stands on the next line.
    fn line_end(&mut self) {
        let from = self.at;
        self.blanks();
        while matches!(self.peek(), Some(b'\r' | b'\n' | b'|' | b'>' | b'-' | b' ' | b'\t'))
            && self.at < from + 40
        {
            self.at += 1;
        }
    }

    /// Goes over the scheme of an `Authorization` header.
    fn scheme(&mut self) {
        const SCHEMES: [&[u8]; 7] =
            [b"bearer ", b"basic ", b"token ", b"apikey ", b"api-key ", b"key ", b"token token="];
        let quote = usize::from(matches!(self.peek(), Some(b'"' | b'\'' | b'`')));
        let rest = &self.text[(self.at + quote).min(self.text.len())..];
        let said = |scheme: &&&[u8]| {
            rest.get(..scheme.len()).is_some_and(|found| found.eq_ignore_ascii_case(scheme))
        };
        if let Some(scheme) = SCHEMES.iter().filter(said).max_by_key(|scheme| scheme.len()) {
            self.at += quote + scheme.len();
            self.blanks();
        }
    }

    /// Goes over what may stand right before a quote: `b"`, `@"`, `f'`, `$'`, `new String("`.
    fn prefix(&mut self) -> bool {
        let quote = |at: usize| matches!(self.text.get(at), Some(b'"' | b'\'' | b'`' | b'\\'));
        match self.peek() {
            Some(b'b' | b'r' | b'u' | b'f' | b'B' | b'R' | b'L' | b'N' | b'@' | b'$')
                if quote(self.at + 1) =>
            {
                self.at += 1;
                true
            }
            _ => false,
        }
    }

    fn quoted(&mut self, quote: u8, escaped: bool) -> Option<Assigned> {
        let three = [quote; 3];
        if self.eat(&three) {
            return self.until(&three, true);
        }
        self.at += 1;
        match escaped {
            true => self.until(&[b'\\', quote], true),
            false => self.until(&[quote], true),
        }
    }

    /// The value up to `close`, on one line; behind a backslash it does not close.
    fn until(&mut self, close: &[u8], quoted: bool) -> Option<Assigned> {
        let rest = &self.text[self.at..self.text.len().min(self.at + MAX_VALUE)];
        let mut at = 0;
        while at < rest.len() {
            if rest[at..].starts_with(close) {
                let span = self.at..self.at + at;
                return (!span.is_empty()).then_some(Assigned { span, quoted, ends_well: true });
            }
            match rest[at] {
                b'\n' => return None,
                b'\\' if close.len() == 1 => at += 2,
                _ => at += 1,
            }
        }
        None
    }

    fn unquoted(&mut self) -> Option<Assigned> {
        let rest = &self.text[self.at..self.text.len().min(self.at + MAX_VALUE)];
        let ends = |byte: &u8| {
            byte.is_ascii_whitespace()
                || matches!(
                    byte,
                    b'"' | b'\'' | b'`' | b',' | b';' | b'<' | b'>' | b'&' | b'|' | b'\\'
                )
        };
        let mut length = rest.iter().position(ends).unwrap_or(rest.len());
        // Brackets that were opened outside the value close there.
        while length > 0
            && matches!(rest[length - 1], b')' | b']' | b'}')
            && !rest[..length].contains(&opening(rest[length - 1]))
        {
            length -= 1;
        }
        if length > 0 && matches!(rest[length - 1], b'.' | b':') {
            length -= 1;
        }
        let line = &self.text[self.at + length..];
        let line = &line[..line.len().min(MAX_GAP)];
        let line = &line[..line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len())];
        let after = line.trim_ascii_start();
        let ends_well = after.is_empty()
            || matches!(
                after[0],
                b'#' | b'"' | b'\'' | b'<' | b'&' | b',' | b';' | b'}' | b'\\' | b'|' | b'/' | b'-'
            );
        let span = self.at..self.at + length;
        (!span.is_empty()).then_some(Assigned { span, quoted: false, ends_well })
    }
}

fn opening(close: u8) -> u8 {
    match close {
        b')' => b'(',
        b']' => b'[',
        _ => b'{',
    }
}
