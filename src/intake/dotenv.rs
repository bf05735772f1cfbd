//! Reads `.env` files.
//!
//! `NAME=value` lines with an optional `export `; values bare, in single quotes or backticks (as
//! they stand) or in double quotes (with the escapes `\n \r \t \" \\ \$`; any other backslash
//! stands for itself). Quoted values may span lines, whose ends are read as line feeds.
//! A comment begins with `#` at the start of a line, after a quoted value, or after a blank that
//! follows a bare one. `$X` and `${X}` are kept as they stand.

use super::cursor::Cursor;
use super::entries::Gatherer;
use super::{Document, Kind, ParseError, has_variable_form};

/// Reads all assignments; one line that is not understood refuses the whole document.
pub fn parse(bytes: &[u8]) -> Result<Document, ParseError> {
    let mut cursor = Cursor::new(bytes)?;
    let mut gatherer = Gatherer::default();
    while cursor.peek().is_some() {
        let start = cursor.at();
        cursor.skip_blanks();
        if cursor.at_line_end() || cursor.peek() == Some('#') {
            cursor.take_line();
            continue;
        }
        let line = cursor.line();
        let variable = assigned(&mut cursor)?;
        let before = cursor;
        let value = value(&mut cursor)?;
        gatherer
            .add(variable, line, start..cursor.at(), value)
            .map_err(|kind| before.error(kind))?;
    }
    Ok(gatherer.finish())
}

/// `[export ]NAME =`, the name of it.
fn assigned<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, ParseError> {
    let mut variable = name(cursor)?;
    cursor.skip_blanks();
    if variable == "export" && !cursor.at_line_end() && cursor.peek() != Some('=') {
        variable = name(cursor)?;
        cursor.skip_blanks();
    }
    if cursor.eat('=') { Ok(variable) } else { Err(cursor.error(Kind::MissingEquals)) }
}

fn name<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, ParseError> {
    let start = *cursor;
    let name = cursor.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
    if !has_variable_form(name) {
        return Err(start.error(Kind::VariableName));
    }
    match cursor.peek() {
        Some('=' | ' ' | '\t') => Ok(name),
        _ if cursor.at_line_end() => Ok(name),
        _ => Err(cursor.error(Kind::VariableName)),
    }
}

/// The value after `=`, up to and with the end of the line.
fn value(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, ParseError> {
    let mut quoted = *cursor;
    quoted.skip_blanks();
    let Some(quote @ ('\'' | '"' | '`')) = quoted.peek() else {
        return Ok(bare(cursor.take_line()).as_bytes().to_vec());
    };
    *cursor = quoted;
    let raw = quoted_text(cursor, quote)?;
    cursor.skip_blanks();
    if !cursor.at_line_end() && cursor.peek() != Some('#') {
        return Err(cursor.error(Kind::TextAfterQuote));
    }
    cursor.take_line();
    Ok(unescaped(raw, quote == '"'))
}

fn bare(line: &str) -> &str {
    let blank = [' ', '\t', '\r'];
    let comment = [" #", "\t#"].iter().filter_map(|start| line.find(start)).min();
    line[..comment.unwrap_or(line.len())].trim_matches(blank)
}

/// What stands between the quotes, as it stands.
fn quoted_text<'a>(cursor: &mut Cursor<'a>, quote: char) -> Result<&'a str, ParseError> {
    let open = *cursor;
    cursor.next();
    let start = cursor.at();
    loop {
        cursor.take_while(|c| c != quote && (c != '\\' || quote != '"'));
        let raw = cursor.since(start);
        match cursor.next() {
            None => return Err(open.error(Kind::UnclosedQuote)),
            Some('\\') if quote == '"' => {
                cursor.next();
            }
            Some(_) => return Ok(raw),
        }
    }
}

/// Line ends become line feeds; with `escapes`, backslashes are resolved too.
fn unescaped(raw: &str, escapes: bool) -> Vec<u8> {
    // Of the right size at once: a vector that grows would leave copies behind.
    let mut value = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let resolved = match (byte, bytes.peek()) {
            (b'\r', Some(b'\n')) => Some(b'\n'),
            (b'\\', Some(next)) if escapes => match next {
                b'n' => Some(b'\n'),
                b'r' => Some(b'\r'),
                b't' => Some(b'\t'),
                b'"' | b'\\' | b'$' => Some(*next),
                _ => None,
            },
            _ => None,
        };
        if resolved.is_some() {
            bytes.next();
        }
        value.push(resolved.unwrap_or(byte));
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Note, NoteKind};
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let intake = parse(text.as_bytes()).unwrap().into_intake("test");
        let text = |found: &clawvault_core::domain::Found| {
            let value = String::from_utf8(found.value.expose().to_vec()).unwrap();
            (found.label.as_str().to_owned(), value)
        };
        intake.found.iter().map(text).collect()
    }

    fn one(text: &str) -> String {
        pairs(text).pop().map(|pair| pair.1).unwrap_or_default()
    }

    #[test]
    fn every_way_to_write_a_value() {
        for (text, value) in [
            ("A=plain", "plain"),
            ("\u{feff}A=plain\r\n", "plain"),
            ("  export \t A = spaced value \t", "spaced value"),
            ("A=value # comment", "value"),
            ("A=value\t# comment", "value"),
            ("A=val#ue", "val#ue"),
            ("A=#value", "#value"),
            ("A=a=b==", "a=b=="),
            ("A=${B}-$C", "${B}-$C"),
            ("A=back\\nslash", "back\\nslash"),
            ("A='it # is \\n \"' # comment", "it # is \\n \""),
            ("A=`it's \"both\"\nand two lines`", "it's \"both\"\nand two lines"),
            ("A=\"one\\ntwo\\t\\\"\\\\\\$X \\q\"#c", "one\ntwo\t\"\\$X \\q"),
            ("A=\"one\r\ntwo\"\r\n", "one\ntwo"),
            ("export=x", "x"),
            ("A=it's", "it's"),
        ] {
            assert_eq!(one(text), value, "{text:?}");
        }
    }

    #[test]
    fn empty_and_repeated_names_are_noted() {
        let document = parse(b"A=1\n# c\n\nB=\nC= # c\nA=\"2\"\n").unwrap();
        let note = |line, kind| Note { line: Some(line), kind };
        let expected =
            [note(4, NoteKind::Empty), note(5, NoteKind::Empty), note(1, NoteKind::Overridden(6))];
        assert_eq!(document.notes, expected);
        assert_eq!(document.entries.len(), 4);
        let intake = document.into_intake("f");
        assert_eq!(intake.found.len(), 1);
        assert_eq!(intake.found[0].value.expose(), b"2");
        assert_eq!(intake.found[0].line, Some(6));
    }

    #[test]
    fn a_span_covers_whole_lines() {
        let text = "\u{feff}# c\nexport A=\"x\ny\" # why\r\n  B=2";
        let document = parse(text.as_bytes()).unwrap();
        let spans: Vec<_> = document.entries.iter().map(|e| &text[e.span.clone()]).collect();
        assert_eq!(spans, ["export A=\"x\ny\" # why\r\n", "  B=2"]);
    }

    #[test]
    fn errors_say_where_and_what() {
        for (text, line, column, kind) in [
            ("A=1\nB=\"x", 2, 3, Kind::UnclosedQuote),
            ("A='x\n\n\n", 1, 3, Kind::UnclosedQuote),
            ("A=\"x\\\"", 1, 3, Kind::UnclosedQuote),
            ("A=\"x\" y", 1, 7, Kind::TextAfterQuote),
            ("A='é'y", 1, 6, Kind::TextAfterQuote),
            ("\n1A=x", 2, 1, Kind::VariableName),
            ("A-B=x", 1, 2, Kind::VariableName),
            ("export 1=x", 1, 8, Kind::VariableName),
            ("=x", 1, 1, Kind::VariableName),
            ("A", 1, 2, Kind::MissingEquals),
            ("export A", 1, 9, Kind::MissingEquals),
            ("A B=x", 1, 3, Kind::MissingEquals),
            ("A=x\nB=\0", 2, 3, Kind::Nul),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err(), ParseError { line, column, kind });
        }
        let error = parse(b"A=x\nB=\xff").unwrap_err();
        assert_eq!(error.to_string(), "line 2, column 3: not UTF-8 text");
    }

    /// The writer of the round trip: double quotes, everything special escaped.
    fn quoted(value: &str) -> String {
        let mut text = String::from("\"");
        for c in value.chars() {
            match c {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '"' | '\\' | '$' => text.extend(['\\', c]),
                _ => text.push(c),
            }
        }
        text + "\""
    }

    proptest! {
        #[test]
        fn what_a_writer_quotes_is_read_back(
            values in proptest::collection::vec("[^\0]{1,40}", 1..8),
        ) {
            let mut text = String::new();
            for (index, value) in values.iter().enumerate() {
                text += &format!("K{index}={}\n", quoted(value));
            }
            let read: Vec<_> = pairs(&text).into_iter().map(|pair| pair.1).collect();
            prop_assert_eq!(read, values);
        }

        #[test]
        fn no_input_makes_it_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            text in "[A-C=\"'`\\\\# \t\r\n$é]{0,80}",
        ) {
            let _ = parse(&bytes);
            if let Ok(document) = parse(text.as_bytes()) {
                for entry in &document.entries {
                    prop_assert!(text.get(entry.span.clone()).is_some());
                }
            }
        }
    }
}
