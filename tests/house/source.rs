//! Reads Rust source just well enough for the house rules: code without comments and literals,
//! without its unit tests, and as tokens with lines. It is no parser: it never judges whether a
//! source compiles, which the compiler has done by the time this test runs.

/// Copies `text`, with the insides of comments, strings and characters blanked; lines stay put.
pub(crate) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Copies cleaned `code`, with every block `#[cfg(test)] mod … { … }` blanked.
pub(crate) fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = code.to_string();
    let mut from = 0;
    while let Some(found) = out[from..].find(MARK) {
        let start = from + found;
        from = start + MARK.len();
        let rest = &out[from..];
        let Some(open) = rest.find(['{', ';']) else { break };
        let is_module = rest[..open].split_whitespace().next() == Some("mod");
        if !is_module || rest.as_bytes()[open] == b';' {
            continue;
        }
        let end = from + block_end(rest, open);
        let blank: String =
            out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        from = start + blank.len();
        out.replace_range(start..end, &blank);
    }
    out
}

/// One word or sign of cleaned code, with its line counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Token {
    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// Splits cleaned code into words, `::` and single signs.
pub(crate) fn tokens(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if is_word_char(first) {
                rest.find(|c| !is_word_char(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push(Token { line: index + 1, text: rest[..length].to_string() });
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The end of the comment or literal that starts at `at`; `at` itself where none does.
fn literal_end(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    match chars[at] {
        '/' if next == Some('/') => line_end(chars, at),
        '/' if next == Some('*') => comment_end(chars, at),
        '"' => string_end(chars, at, '"'),
        '\'' if next == Some('\\') || chars.get(at + 2) == Some(&'\'') => {
            string_end(chars, at, '\'')
        }
        'r' if at == 0 || !is_word_char(chars[at - 1]) || is_byte_prefix(chars, at - 1) => {
            raw_end(chars, at)
        }
        _ => at,
    }
}

fn is_byte_prefix(chars: &[char], at: usize) -> bool {
    matches!(chars[at], 'b' | 'c') && (at == 0 || !is_word_char(chars[at - 1]))
}

fn line_end(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |n| at + n)
}

fn comment_end(chars: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], start: usize, quote: char) -> usize {
    let mut at = start + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn raw_end(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return start;
    }
    let closes = |at: usize| {
        chars[at] == '"' && chars[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    (open + 1..chars.len()).find(|at| closes(*at)).map_or(chars.len(), |at| at + 1 + hashes)
}

/// The offset just past the brace that closes the one at `open`.
fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (offset, sign) in code[open..].char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + offset + 1;
        }
    }
    code.len()
}

#[test]
fn comments_and_literals_are_no_code() {
    let source = "a /* b /* c */ d */ \"e \\\" f\" r#\"g \" h\"# br\"i\" '\\'' 'j' k<'l> // m\nn";
    let words: Vec<String> =
        tokens(&code(source)).into_iter().filter(Token::is_word).map(|t| t.text).collect();
    assert_eq!(words, ["a", "b", "k", "l", "n"].map(String::from));
}

#[test]
fn unit_tests_are_blanked_and_lines_stay() {
    let source =
        "#[cfg(test)]\nmod late;\nfn a() {}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\nfn c() {}\n";
    let product = without_tests(source);
    assert!(product.contains("late") && product.contains("fn a"), "{product}");
    assert!(!product.contains("fn b"), "{product}");
    assert_eq!(product.lines().nth(7), Some("fn c() {}"));
}
