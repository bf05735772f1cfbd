//! Tells a text that is a value from one that refers to environment variables.

use std::borrow::Cow;

/// What a text of the configuration says.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Text<'a> {
    /// A literal, its escapes `$${X}` resolved.
    Literal(Cow<'a, str>),
    /// Nothing but a reference to this variable.
    Reference(&'a str),
    /// Text around references to these variables.
    Mixed(Vec<&'a str>),
}

/// Reads `text`; `short` says that a bare `$X` is a reference too, as it is where keys belong.
pub(super) fn read(text: &str, short: bool) -> Text<'_> {
    if let Some(name) = text.strip_prefix('$').filter(|name| short && is_name(name)) {
        return Text::Reference(name);
    }
    let mut names = Vec::new();
    let mut escaped = false;
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let after = &rest[at + 2..];
        let length = after.find(|c: char| !is_name_character(c)).unwrap_or(after.len());
        let name = &after[..length];
        rest = &after[length..];
        if !is_name(name) || !rest.starts_with('}') {
            continue;
        }
        if text[..text.len() - after.len() - 2].ends_with('$') {
            escaped = true;
        } else {
            names.push(name);
        }
    }
    match names.as_slice() {
        [name] if text.len() == name.len() + "${}".len() => Text::Reference(name),
        [] if escaped => Text::Literal(Cow::Owned(text.replace("$${", "${"))),
        [] => Text::Literal(Cow::Borrowed(text)),
        _ => Text::Mixed(names),
    }
}

/// `[A-Z_][A-Z0-9_]*`, the names that OpenClaw substitutes.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| is_name_character(c) && !c.is_ascii_digit())
        && name.chars().all(is_name_character)
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_from_values() {
        assert_eq!(read("${A_1}", false), Text::Reference("A_1"));
        assert_eq!(read("$A_1", true), Text::Reference("A_1"));
        assert_eq!(read("$A_1", false), Text::Literal("$A_1".into()));
        assert_eq!(read("$${A}", true), Text::Literal("${A}".into()));
        assert_eq!(read("x ${A} ${B}", true), Text::Mixed(vec!["A", "B"]));
        assert_eq!(read("${A}${A}", true), Text::Mixed(vec!["A", "A"]));
        assert_eq!(read("$${A}${B}", true), Text::Mixed(vec!["B"]));
        for literal in ["${a}", "${}", "${1A}", "${A", "${A b}", "$", "$$", "", "$a", "pa$$w0rd"] {
            assert_eq!(read(literal, true), Text::Literal(literal.into()), "{literal}");
        }
    }
}
