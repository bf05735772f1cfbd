//! Whether a text is a piece of a program and no value.

use super::pairs;

/// Whether `text` says where a value comes from, in whatever language: `${X}`, `{{ x }}`, `%s`,
/// `$(x)`, `<x>`, `process.env.X`.
pub fn is_reference(text: &[u8]) -> bool {
    const BEGIN: [&[u8]; 29] = [
        b"/*",
        b"${",
        b"{{",
        b"$(",
        b"#{",
        b"<",
        b"%(",
        b"%s",
        b"%{",
        b"@{",
        b"[[",
        b"process.env",
        b"os.environ",
        b"os.getenv",
        b"System.",
        b"ENV[",
        b"env.",
        b"secrets.",
        b"vault:",
        b"self.",
        b"this.",
        b"http://",
        b"https://",
        b"file:",
        b"arn:",
        b"aws:arn:",
        b"urn:",
        b"tag:",
        b"UUID=",
    ];
    const INSIDE: [&[u8]; 17] = [
        b"${", b"{{", b"}}", b"%s", b"<%", b"%>", b"://", b"$(", b"{0}", b"(?:", b"[0-9", b"[A-Z",
        b"[a-z", b"\\x", b"\\u", b"\\0", b"([\\w",
    ];
    let begins = BEGIN.iter().any(|begin| text.starts_with(begin));
    let variable = text.len() > 1
        && text[0] == b'$'
        && text[1..].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && text[1].is_ascii_alphabetic();
    let path = text[0] == b'/'
        && text.iter().filter(|byte| **byte == b'/').count() >= 2
        && !super::looks_random(text)
        || text.starts_with(b"./")
        || text.starts_with(b"../")
        || text.starts_with(b"~/");
    let whole = text[0] == b'{' && text.ends_with(b"}") || text[0] == b'%' && text.ends_with(b"%");
    let flag = matches!(text, [b'-', b'-', b'a'..=b'z', ..]) && !super::looks_random(text);
    begins
        || flag
        || variable
        || path
        || whole
        || is_route(text)
        || INSIDE.iter().any(|part| text.windows(part.len()).any(|found| found == *part))
}

/// Whether `text` is a path with places for names in it: `v1/users/{id}`.
fn is_route(text: &[u8]) -> bool {
    let open = text.iter().position(|byte| *byte == b'{');
    let place = open.and_then(|at| {
        let inside = &text[at + 1..];
        Some(&inside[..inside.iter().position(|byte| *byte == b'}')?])
    });
    text.contains(&b'/')
        && place.is_some_and(|name| name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_'))
}

/// Whether an unquoted text is an expression: a call, an index, a path of names, a name.
pub fn is_code(text: &[u8]) -> bool {
    let has = |bytes: &[u8]| text.iter().any(|byte| bytes.contains(byte));
    let name = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'.' | b'-' | b':' | b'?' | b'!' | b'&' | b'*')
    };
    if has(b"(){}[]") {
        return true;
    }
    // `!a.b`, `a.b=c`: what a program made short.
    let member = has(b".") && text.iter().any(u8::is_ascii_alphabetic);
    if is_member(text) || is_directive(text) || is_switch(text) || is_variable(text) {
        return true;
    }
    let assigns = text.iter().rev().skip_while(|byte| **byte == b'=').any(|byte| *byte == b'=');
    if is_number(text) || member && (text[0] == b'!' || assigns) {
        return true;
    }
    let (common, count) = pairs::common(text);
    // `m0nkey!`: a sign at the end is no piece of a name that has a digit in it.
    let called = text.ends_with(b"!") && text.iter().any(u8::is_ascii_digit);
    // Words joined by dots, dashes or capitals.
    !called
        && text.iter().all(name)
        && count >= 3
        && common > 0.75
        && text.iter().filter(|byte| byte.is_ascii_digit()).count() <= 1 + usize::from(has(b"."))
        || text.windows(2).any(|pair| {
            matches!(pair, b"::" | b"->" | b"==" | b"!=" | b"&&" | b"||" | b"??" | b"<=")
        }) && (!text.ends_with(b"==") || text.ends_with(b"==="))
}

/// Whether a text is a path to a member: `$user.Name`, `crypt.METHOD_SHA512`, `e.colors.blue400`,
/// `e.kind?`.
fn is_member(text: &[u8]) -> bool {
    let asked = text.ends_with(b"?");
    let text = text.strip_suffix(b"?").unwrap_or(text);
    let part = |part: &[u8]| {
        // Digits stand behind a name, and are few.
        let digits = part.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let part = &part[..part.len() - digits];
        let (common, count) = pairs::common(part);
        part.first().is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$'))
            && part.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$'))
            && digits <= 3
            && (count < 4 || common > 0.6)
    };
    let constant = |part: &[u8]| {
        part.contains(&b'_')
            && part.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
    };
    let parts = text.split(|byte| *byte == b'.').count();
    let last = text.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let sure = parts >= 3 || text.starts_with(b"$") || asked || constant(last);
    parts >= 2 && sure && text.split(|byte| *byte == b'.').all(part)
}

/// `#include`.
fn is_directive(text: &[u8]) -> bool {
    [&b"#include"[..], b"#define", b"#ifdef", b"#ifndef", b"#endif"].contains(&text)
}

/// `user1_pwd`: a variable.
fn is_variable(text: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_';
    let word = |part: &[u8]| [&b"pw"[..], b"pwd", b"pass", b"passwd", b"password"].contains(&part);
    text.contains(&b'_') && text.iter().all(plain) && text.split(|b| *b == b'_').any(word)
}

/// `required=True`: an argument that switches something.
fn is_switch(text: &[u8]) -> bool {
    const ENDS: [&[u8]; 6] = [b"=True", b"=False", b"=None", b"=true", b"=false", b"=null"];
    let name = ENDS.iter().find_map(|end| text.strip_suffix(*end));
    // `full-name=`: the next argument.
    let next = text.strip_suffix(b"=");
    if next.is_some_and(|name| name.iter().all(|b| b.is_ascii_lowercase() || b"_-".contains(b))) {
        return true;
    }
    name.is_some_and(|name| name.iter().all(|b| b.is_ascii_lowercase() || *b == b'_'))
}

/// Whether a text is a number as programs write it: `-0x1f`, `2150858926u32`.
fn is_number(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let hex = text.strip_prefix(b"0x").unwrap_or_default();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'_').count();
    let rest = &text[digits..];
    let suffix = rest.is_empty()
        || (rest.len() <= 5 && matches!(rest[0], b'u' | b'i' | b'f' | b'U' | b'L' | b'n' | b'.'));
    (!hex.is_empty() && hex.iter().all(u8::is_ascii_hexdigit) && hex.len() <= 16)
        || (digits > 0 && digits < 16 && suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_programs_are_told_and_passwords_are_not() {
        for code in [
            "$Module.Params.password_expired",
            "crypt.METHOD_SHA512",
            "e.colors.blue400",
            "e.dtype?",
            "s?.type===",
            "#include",
            "required=True",
        ] {
            assert!(is_code(code.as_bytes()), "{code}");
        }
        for value in ["?", "$", ".", "Summer.day2024", "hx9.Kq2z", "a.b.c9Xq7Lm2Vt", "#Winter19"] {
            assert!(!is_code(value.as_bytes()), "{value}");
        }
        assert!(is_reference(b"v1/objects/users/{}/password"));
        assert!(!is_reference(b"q9/Xv2{LmT7bRz4KwP"));
    }
}
