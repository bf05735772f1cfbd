//! Reads what stands between a name and its value, and the value.

use super::value::{Assigned, MAX_GAP};

/// Longest value, in bytes.
const MAX_VALUE: usize = super::super::SPAN;

/// What an `Authorization` header says before its token (RFC 9110, section 11.4), in lower case.
#[rustfmt::skip]
const SCHEMES: [&[u8]; 22] = [
    b"bearer ", b"basic ", b"token ", b"token token=", b"apikey ", b"api-key ", b"api_key ", b"key ", b"oauth ", b"jwt ",
    b"bot ", b"pat ", b"api-token ", b"apitoken ", b"accesskey ", b"client-id ", b"sso-key ", b"geniekey ",
    b"splunk ", b"zoho-oauthtoken ", b"deepl-auth-key ", b"klaviyo-api-key ",
];

/// Calls and marks that only pass on the string in them.
#[rustfmt::skip]
const AROUND: [&[u8]; 11] = [
    b"String::from(", b"new String(", b"Some(", b"SecretString::new(", b"SecretString::from(", b"SecretStr(", b"Secret::new(",
    b"Buffer.from(", b"[]byte(", b"!!str ", b"** ",
];

/// Types that begin with a sign.
const TYPES: [&[u8]; 4] = [b"&str", b"&'static str", b"&[u8]", b"&'static [u8]"];

/// Reads the bytes behind a name.
pub(super) struct Reader<'a> {
    /// The text.
    pub(super) text: &'a [u8],
    /// Where it stands.
    pub(super) at: usize,
    /// Where it has to find the value, at the latest.
    pub(super) end: usize,
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

    /// Goes over blanks; how many there were.
    pub(super) fn blanks(&mut self) -> usize {
        let from = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        self.at - from
    }

    /// Goes over what closes a quoted or indexed name; true where a quote did.
    pub(super) fn close_name(&mut self) -> bool {
        let from = self.at;
        while matches!(self.peek(), Some(b'\\' | b'"' | b'\'' | b'`' | b'[' | b']' | b')' | b'*')) {
            self.at += 1;
        }
        self.eat(b"&quot;") || self.at > from
    }

    /// Goes over an operator; false where there is none.
    pub(super) fn operator(&mut self, closed: bool, apart: bool) -> bool {
        if closed && self.attribute() || self.pair(closed) {
            return true;
        }
        const OPERATORS: [&[u8]; 19] = [
            b"===", b":::=", b"::=", b"||=", b"??=", b":=", b"=>", b"->", b"==", b"?=", b"+=",
            b"<-", b"<<", b": ", b"=", b":", b"(", b">", b"|",
        ];
        if OPERATORS.iter().any(|operator| self.eat(operator)) {
            self.blanks();
            return true;
        }
        if self.eat(b",") {
            self.blanks();
            return self.peek().is_some();
        }
        if self.eat(b" is ") || self.eat(b"is ") || self.eat(b"is: ") {
            return true;
        }
        apart
            && !closed
            && self
                .peek()
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'"' | b'\''))
    }

    /// Goes over what says that the value follows, where the name is a value itself:
    /// `name="password" value="…"`, `variable "password" { default = "…"`, `"password": {"value": "…"`.
    fn attribute(&mut self) -> bool {
        const BETWEEN: [&[u8]; 8] = [
            b"value=",
            b"android:value=",
            b"value =",
            b"Value=",
            b": {\"value\": ",
            b": { \"value\": ",
            b":{\"value\":",
            b"[] =",
        ];
        if BETWEEN.iter().any(|between| self.eat(between)) {
            return true;
        }
        let from = self.at;
        if self.eat(b"{") {
            while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
                self.at += 1;
            }
            if self.eat(b"default") {
                self.blanks();
                if self.eat(b"=") {
                    return true;
                }
            }
        }
        self.at = from;
        false
    }

    /// Goes over what stands between a name and its value where both are values of a list or of a
    /// document: `name: NAME`, then `value: …` on the next line; `"key": "NAME", "value": "…"`;
    /// `<key>NAME</key>`, then `<string>…`.
    fn pair(&mut self, closed: bool) -> bool {
        let from = self.at;
        let listed = self.eat(b"</key>");
        if listed || closed && self.eat(b",") || self.peek() == Some(b'\n') {
            while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
                self.at += 1;
            }
            if listed && self.eat(b"<string>") {
                return true;
            }
            let quote = self.eat(b"\"");
            let named = !listed && (self.eat(b"value") || self.eat(b"Value"));
            if named && (!quote || self.eat(b"\"")) && (self.eat(b":") || self.eat(b"=")) {
                self.blanks();
                return true;
            }
        }
        self.at = from;
        false
    }

    /// The value; where a type may stand for it, behind that.
    pub(super) fn value(&mut self, may_name_type: bool) -> Option<Assigned> {
        let name_end = self.at;
        self.line_end();
        let same_line = !self.text[name_end..self.at].contains(&b'\n');
        if let Some(quote) = self.scheme() {
            return self.until(&[quote], true);
        }
        if self.eat(b"<![CDATA[") {
            return self.until(b"]]>", true);
        }
        // `KEY: &str = "…"`.
        if may_name_type && TYPES.iter().any(|name| self.eat(name)) {
            self.blanks();
            return self.eat(b"=").then(|| self.blanks()).and_then(|_| self.value(false));
        }
        for around in AROUND {
            if self.eat(around) {
                break;
            }
        }
        let mut escaped = self.eat(b"\\");
        if self.prefix() {
            escaped |= self.eat(b"\\");
        }
        let found = match self.peek()? {
            quote @ (b'"' | b'\'' | b'`') => self.quoted(quote, escaped),
            b'&' if self.eat(b"&quot;") => self.until(b"&quot;", true),
            b'[' | b'(' | b'{' => {
                self.at += 1;
                self.line_end();
                match self.peek()? {
                    // `{"one": …` is a name, not a value.
                    quote @ (b'"' | b'\'') => self.quoted(quote, false).filter(|found| {
                        let after = &self.text[found.span.end..];
                        !matches!(after, [_, b':', ..])
                    }),
                    _ => None,
                }
            }
            _ => self.unquoted(),
        }?;
        // `password: str = "…"`: a type stands where the value was looked for.
        if may_name_type && same_line && !found.quoted && found.span.len() <= 24 {
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

    /// Goes over the scheme of an `Authorization` header; the quote that was opened before it, if one
    /// was and closes on the line.
    fn scheme(&mut self) -> Option<u8> {
        let quote = usize::from(matches!(self.peek(), Some(b'"' | b'\'' | b'`')));
        let rest = &self.text[(self.at + quote).min(self.text.len())..];
        let said = |scheme: &&&[u8]| {
            rest.get(..scheme.len()).is_some_and(|found| found.eq_ignore_ascii_case(scheme))
        };
        let scheme = SCHEMES.iter().filter(said).max_by_key(|scheme| scheme.len())?;
        let quote = (quote > 0).then(|| self.text[self.at]);
        self.at += usize::from(quote.is_some()) + scheme.len();
        self.blanks();
        let rest = &self.text[self.at..self.text.len().min(self.at + MAX_VALUE)];
        let token = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"-._~+/=".contains(byte);
        let end = rest.iter().position(token)?;
        quote.filter(|quote| rest[end] == *quote)
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
                return (!span.is_empty()).then_some(Assigned {
                    span,
                    quoted,
                    ends_well: true,
                    setting: false,
                });
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
        // `0c8de56f...` is elided, and no sentence ends there.
        let value = &rest[..length];
        if matches!(value, [.., b'.' | b':']) && !value.ends_with(b"..") {
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
        (!span.is_empty()).then_some(Assigned { span, quoted: false, ends_well, setting: false })
    }
}

fn opening(close: u8) -> u8 {
    match close {
        b')' => b'(',
        b']' => b'[',
        _ => b'{',
    }
}
