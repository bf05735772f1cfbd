//! Reads systemd's environment files and the `Environment=` settings of its unit files.
//!
//! As systemd.exec(5) and systemd.syntax(7) have it, with one difference: what systemd would drop
//! with a warning in its log (a quote that is never closed, an unknown escape) is an error here.
//! Specifiers other than `%%` are kept as they stand.

use std::ops::Range;

use clawvault_core::domain::limits::MAX_VALUE;
use zeroize::Zeroizing;

use super::cursor::Cursor;
use super::entries::Gatherer;
use super::{Document, Kind, NoteKind, ParseError, has_variable_form};

/// Reads a file that a unit names in `EnvironmentFile=`.
///
/// Lines that assign nothing, or not to a variable, are passed over and noted, as systemd does.
pub fn parse_environment_file(bytes: &[u8]) -> Result<Document, ParseError> {
    let mut cursor = Cursor::new(bytes)?;
    let mut gatherer = Gatherer::default();
    while cursor.peek().is_some() {
        let start = cursor.at();
        cursor.skip_blanks();
        if cursor.at_line_end() || matches!(cursor.peek(), Some('#' | ';')) {
            cursor.take_line();
            continue;
        }
        let line = cursor.line();
        let name = cursor.take_while(|c| c != '=' && c != '\n').trim_end();
        if !cursor.eat('=') {
            gatherer.note(line, NoteKind::NoAssignment);
            cursor.take_line();
            continue;
        }
        let before = cursor;
        let mut value = file_value(&mut cursor)?;
        if has_variable_form(name) {
            gatherer
                .add(name, line, start..cursor.at(), std::mem::take(&mut *value))
                .map_err(|kind| before.error(kind))?;
        } else {
            gatherer.note(line, NoteKind::VariableName);
        }
    }
    Ok(gatherer.finish())
}

/// Reads all `Environment=` settings of a unit file or of a drop-in.
///
/// An empty setting revokes those before it. The span of an entry is that of its one word.
pub fn parse_unit(bytes: &[u8]) -> Result<Document, ParseError> {
    read_unit(bytes).map(|(document, _)| document)
}

/// One `Environment=` setting of a unit file.
pub(super) struct Setting {
    /// All its lines, with the end of the last.
    pub(super) span: Range<usize>,
    /// Its words, whatever they say.
    pub(super) words: usize,
}

/// As [`parse_unit`], and the settings that its entries stand in.
pub(super) fn read_unit(bytes: &[u8]) -> Result<(Document, Vec<Setting>), ParseError> {
    let mut cursor = Cursor::new(bytes)?;
    let mut gatherer = Gatherer::default();
    let mut settings = Vec::new();
    while cursor.peek().is_some() {
        let start = cursor.at();
        cursor.skip_blanks();
        if matches!(cursor.peek(), Some('#' | ';')) {
            cursor.take_line();
            continue;
        }
        let line = cursor.line();
        let key = cursor.take_while(|c| c.is_ascii_alphanumeric());
        cursor.skip_blanks();
        if key == "Environment" && cursor.eat('=') {
            let words = words(&mut cursor, &mut gatherer)?;
            if words == 0 {
                gatherer.reset(line);
            }
            cursor.take_line();
            settings.push(Setting { span: start..cursor.at(), words });
            continue;
        }
        while next_logical(&mut cursor).is_some_and(|c| {
            if c == '\\' {
                next_logical(&mut cursor);
            }
            true
        }) {}
        cursor.take_line();
    }
    Ok((gatherer.finish(), settings))
}

/// The value of a line `NAME=value`, up to and with its end, which quotes may put lines below.
fn file_value(cursor: &mut Cursor<'_>) -> Result<Zeroizing<Vec<u8>>, ParseError> {
    let line = cursor.rest().find('\n').unwrap_or(cursor.rest().len());
    let mut value = Zeroizing::new(Vec::with_capacity(line.min(MAX_VALUE)));
    // Blanks at the end do not count, unless they were quoted or escaped.
    let mut kept = 0;
    // Only at the beginning, and right after a quoted part, can a quote begin.
    let mut beginning = true;
    loop {
        let place = *cursor;
        match cursor.next() {
            None | Some('\n') => break,
            Some(quote @ ('\'' | '"')) if beginning => {
                quoted(cursor, quote, &mut value).map_err(|kind| place.error(kind))?;
                kept = value.len();
                continue;
            }
            Some('\\') => {
                beginning = false;
                let line_end = cursor.rest().starts_with("\r\n");
                if line_end || cursor.peek() == Some('\n') {
                    cursor.take_line();
                } else if let Some(c) = cursor.next() {
                    push(&mut value, c);
                    kept = value.len();
                }
            }
            Some(c) if c.is_ascii_whitespace() => {
                if !beginning {
                    push(&mut value, c);
                }
            }
            Some(c) => {
                beginning = false;
                push(&mut value, c);
                kept = value.len();
            }
        }
    }
    value.truncate(kept);
    Ok(value)
}

/// What follows an opening quote, and the closing one.
fn quoted(cursor: &mut Cursor<'_>, quote: char, value: &mut Vec<u8>) -> Result<(), Kind> {
    loop {
        let c = cursor.next().ok_or(Kind::UnclosedQuote)?;
        if c == quote {
            return Ok(());
        }
        if c != '\\' || quote == '\'' {
            push(value, c);
            continue;
        }
        match cursor.next().ok_or(Kind::UnclosedQuote)? {
            '\n' => {}
            next @ ('"' | '\\' | '`' | '$') => push(value, next),
            next => {
                push(value, '\\');
                push(value, next);
            }
        }
    }
}

/// Reads the words of one setting; gives their number.
fn words(cursor: &mut Cursor<'_>, gatherer: &mut Gatherer) -> Result<usize, ParseError> {
    let mut count = 0;
    loop {
        let before = loop {
            let place = *cursor;
            match next_logical(cursor) {
                None => return Ok(count),
                Some(c) if c.is_ascii_whitespace() => {}
                Some(_) => break place,
            }
        };
        count += 1;
        *cursor = before;
        let word = word(cursor)?;
        let line = before.line();
        let Some(equals) = word.iter().position(|byte| *byte == b'=') else {
            gatherer.note(line, NoteKind::NoAssignment);
            continue;
        };
        let (name, value) = (&word[..equals], &word[equals + 1..]);
        match std::str::from_utf8(name) {
            Ok(name) if has_variable_form(name) => gatherer
                .add(name, line, before.at()..cursor.at(), without_doubled_percent(value))
                .map_err(|kind| before.error(kind))?,
            _ => gatherer.note(line, NoteKind::VariableName),
        }
    }
}

/// One word up to the blank behind it, quotes removed and escapes resolved.
fn word(cursor: &mut Cursor<'_>) -> Result<Zeroizing<Vec<u8>>, ParseError> {
    // Only as far as the word can reach: a line of many words is not walked again for each.
    let blank = cursor.rest().find(|c: char| c.is_ascii_whitespace());
    let length = blank.unwrap_or(cursor.rest().len());
    let mut word = Zeroizing::new(Vec::with_capacity(length.min(MAX_VALUE)));
    let mut open: Option<(char, Cursor<'_>)> = None;
    loop {
        let place = *cursor;
        let Some(c) = next_logical(cursor) else {
            return match open {
                Some((_, quote)) => Err(quote.error(Kind::UnclosedQuote)),
                None => Ok(word),
            };
        };
        match (c, open) {
            ('\\', _) => escape(cursor, &mut word).map_err(|kind| place.error(kind))?,
            (_, Some((quote, _))) if c == quote => open = None,
            ('\'' | '"', None) => open = Some((c, place)),
            (_, None) if c.is_ascii_whitespace() => {
                *cursor = place;
                return Ok(word);
            }
            _ => push(&mut word, c),
        }
    }
}

/// Resolves what follows a backslash.
fn escape(cursor: &mut Cursor<'_>, word: &mut Vec<u8>) -> Result<(), Kind> {
    let octal = cursor.rest().get(..3).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let (digits, radix, is_byte) = match cursor.peek().ok_or(Kind::Escape)? {
        'x' => (cursor.rest().get(1..3), 16, true),
        'u' => (cursor.rest().get(1..5), 16, false),
        'U' => (cursor.rest().get(1..9), 16, false),
        '0'..='9' => (octal, 8, true),
        simple => {
            cursor.next();
            let byte = match simple {
                'a' => 0x07,
                'b' => 0x08,
                'f' => 0x0c,
                'n' => b'\n',
                'r' => b'\r',
                't' => b'\t',
                'v' => 0x0b,
                's' => b' ',
                '\\' => b'\\',
                '"' => b'"',
                '\'' => b'\'',
                _ => return Err(Kind::Escape),
            };
            word.push(byte);
            return Ok(());
        }
    };
    let digits = digits.filter(|text| !text.starts_with('+')).ok_or(Kind::Escape)?;
    let number = u32::from_str_radix(digits, radix).map_err(|_| Kind::Escape)?;
    let length = digits.len() + usize::from(radix == 16);
    for _ in 0..length {
        cursor.next();
    }
    match (number, is_byte) {
        (0, _) => return Err(Kind::Nul),
        (_, true) => word.push(u8::try_from(number).map_err(|_| Kind::Escape)?),
        (_, false) => push(word, char::from_u32(number).ok_or(Kind::Escape)?),
    }
    Ok(())
}

/// The next character of a setting that a backslash may continue on the next line.
///
/// Comment lines in between are passed over. None at the end, which is not stepped over.
fn next_logical(cursor: &mut Cursor<'_>) -> Option<char> {
    if cursor.at_line_end() {
        return None;
    }
    let rest = cursor.rest();
    if !rest.starts_with("\\\n") && !rest.starts_with("\\\r\n") {
        return cursor.next();
    }
    cursor.take_line();
    loop {
        let mut ahead = *cursor;
        ahead.skip_blanks();
        if !matches!(ahead.peek(), Some('#' | ';')) {
            return Some(' ');
        }
        cursor.take_line();
    }
}

fn without_doubled_percent(value: &[u8]) -> Vec<u8> {
    let mut single = Vec::with_capacity(value.len());
    let mut bytes = value.iter().peekable();
    while let Some(byte) = bytes.next() {
        if *byte == b'%' {
            bytes.next_if_eq(&&b'%');
        }
        single.push(*byte);
    }
    single
}

fn push(value: &mut Vec<u8>, c: char) {
    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use clawvault_core::domain::Label;
    use proptest::prelude::*;

    use super::super::Note;
    use super::*;

    fn pairs(document: Document) -> Vec<(String, Vec<u8>)> {
        let pair = |found: clawvault_core::domain::Found| match found.label {
            Label::Variable(name) => (name, found.value.expose().to_vec()),
            Label::Path(_) => unreachable!(),
        };
        document.into_intake("test").found.into_iter().map(pair).collect()
    }

    #[test]
    fn values_of_an_environment_file() {
        for (text, value) in [
            ("A=plain\r\n", "plain"),
            ("  A = in the  middle \t", "in the  middle"),
            ("A=x # no comment", "x # no comment"),
            ("A=it's", "it's"),
            ("A=a\\ \\\\b\\'", "a \\b'"),
            ("A=one\\\ntwo", "onetwo"),
            ("A='one\ntwo \\n' ", "one\ntwo \\n"),
            ("A=\"one\\\ntwo \\$\\`\\\"\\\\ \\n\"", "onetwo $`\"\\ \\n"),
            ("A='one' \"two\" three ", "onetwothree"),
            ("# c\n; c\n\nA=x", "x"),
        ] {
            let document = parse_environment_file(text.as_bytes()).unwrap();
            assert_eq!(pairs(document), [("A".to_owned(), value.into())], "{text:?}");
        }
    }

    #[test]
    fn what_systemd_passes_over_is_noted() {
        let document = parse_environment_file(b"stray\nexport A=x\nB=\nC=1\nC=2").unwrap();
        let kinds: Vec<_> = document.notes.iter().map(|note: &Note| note.kind).collect();
        let expected = [
            NoteKind::NoAssignment,
            NoteKind::VariableName,
            NoteKind::Empty,
            NoteKind::Overridden(5),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(pairs(document), [("C".to_owned(), b"2".to_vec())]);
        let error = parse_environment_file(b"A=1\nB='x\n").unwrap_err();
        assert_eq!(error, ParseError { line: 2, column: 3, kind: Kind::UnclosedQuote });
    }

    #[test]
    fn words_of_a_unit() {
        let unit = "[Service]\nExecStart=/bin/true \\\n  Environment=NOT=this\n\
            Environment=A=1 \"B=two words\" C='x y' \\\n# between\n  'D=4%%5%h' plain\n\
            Environment = E=\\x41\\101\\u00e9\\s\\\"\\\\\n";
        let document = parse_unit(unit.as_bytes()).unwrap();
        assert_eq!(document.notes, [Note { line: Some(6), kind: NoteKind::NoAssignment }]);
        let spans: Vec<_> = document.entries.iter().map(|e| &unit[e.span.clone()]).collect();
        assert_eq!(spans[..3], ["A=1", "\"B=two words\"", "C='x y'"]);
        let values: Vec<_> = pairs(document).into_iter().map(|pair| pair.1).collect();
        let expected: [&[u8]; 5] = [b"1", b"two words", b"x y", b"4%5%h", "AAé \"\\".as_bytes()];
        assert_eq!(values, expected);
    }

    #[test]
    fn an_empty_setting_revokes_the_earlier_ones() {
        let document = parse_unit(b"Environment=A=1\nEnvironment=\nEnvironment=B=2").unwrap();
        assert!(document.entries[0].overridden);
        assert_eq!(pairs(document), [("B".to_owned(), b"2".to_vec())]);
    }

    #[test]
    fn unit_errors_say_where() {
        for (text, column, kind) in [
            ("Environment=A=\"x", 15, Kind::UnclosedQuote),
            ("Environment=A=\\q", 15, Kind::Escape),
            ("Environment=A=\\x4", 15, Kind::Escape),
            ("Environment=A=\\x+4", 15, Kind::Escape),
            ("Environment=A=\\x00", 15, Kind::Nul),
            ("Environment=A=\\ud800", 15, Kind::Escape),
            ("Environment=A=\\777", 15, Kind::Escape),
        ] {
            let expected = ParseError { line: 1, column, kind };
            assert_eq!(parse_unit(text.as_bytes()).unwrap_err(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_input_makes_them_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            text in "(Environment=)?[ABx0=\"'\\\\#; \r\n%é]{0,80}",
        ) {
            for input in [&bytes, text.as_bytes()] {
                let _ = parse_environment_file(input);
                if let Ok(document) = parse_unit(input) {
                    for entry in document.entries {
                        prop_assert!(entry.span.end <= input.len());
                    }
                }
            }
        }
    }
}
