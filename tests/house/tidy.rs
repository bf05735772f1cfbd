//! The house rules that one file can keep or break by itself. Each rule takes a file's text and
//! lists (line, what is wrong); which files a rule concerns stands in `main.rs`.

use super::{arrows, source};

pub(crate) type Wrong = Vec<(usize, String)>;

/// A file is at most this many lines.
pub(crate) const MAX_LINES: usize = 500;

/// Rules for all Rust: size, no test that is never run, nothing unfinished, no `unsafe`.
pub(crate) fn any_rust(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        wrong.push((MAX_LINES + 1, format!("{lines} lines, more than {MAX_LINES}")));
    }
    let tokens = source::tokens(&source::code(text));
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).map_or("", |t| t.text.as_str());
        let before = at.checked_sub(1).map_or("", |index| tokens[index].text.as_str());
        let found = match token.text.as_str() {
            "unsafe" => true,
            "todo" | "unimplemented" | "dbg" => next == "!",
            "ignore" => before == "[",
            _ => false,
        };
        if found {
            wrong.push((token.line, format!("`{}`", token.text)));
        }
    }
    wrong
}

/// A product file says first what it promises.
pub(crate) fn module_comment(text: &str) -> Wrong {
    let begins = text.starts_with("//!");
    if begins { Wrong::new() } else { vec![(1, "does not begin with `//!`".to_string())] }
}

/// Uses of the module `std::<name>` in product code; what is computed by the compiler
/// (`std::env::consts`) is none.
pub(crate) fn standard_module(text: &str, name: &str) -> Wrong {
    let product = source::without_tests(&source::code(text));
    let word = |named: &arrows::Named, at: usize| named.words.get(at).cloned().unwrap_or_default();
    arrows::paths(&product)
        .into_iter()
        .filter(|named| named.words[0] == "std")
        .filter(|named| match word(named, 1).as_str() {
            "" => named.renamed,
            "*" => true,
            second => second == name && word(named, 2) != "consts",
        })
        .map(|named| (named.line, format!("`{}`", named.words.join("::"))))
        .collect()
}

/// Printing macros in product code.
pub(crate) fn prints(text: &str) -> Wrong {
    pairs(text, |one, two| two == "!" && ["print", "println", "eprint", "eprintln"].contains(&one))
}

/// Places in product code where a value leaves its wrapping.
pub(crate) fn exposes(text: &str) -> Wrong {
    let opens = ["expose", "expose_mut", "expose_secret", "expose_secret_mut"];
    // Defining the method is not using it.
    let tokens = source::tokens(&source::without_tests(&source::code(text)));
    tokens
        .windows(3)
        .filter(|t| t[0].text != "fn" && opens.contains(&t[1].text.as_str()) && t[2].text == "(")
        .map(|t| (t[1].line, format!("`{}`", t[1].text)))
        .collect()
}

/// Types that derive `Debug` over bytes that no wrapper keeps silent: what is printed may be a value.
pub(crate) fn debugs_bytes(text: &str) -> Wrong {
    const LOUD: &[&str] = &["Zeroizing", "OsString", "SecretString", "Vec < u8", "[ u8 ]"];
    let tokens = source::tokens(&source::without_tests(&source::code(text)));
    let starts = tokens.iter().enumerate().filter(|(_, t)| t.text == "derive").map(|(at, _)| at);
    let mut wrong = Wrong::new();
    for at in starts {
        let rest = &tokens[at..];
        let Some(end) = rest.iter().position(|t| t.text == "struct" || t.text == "enum") else {
            continue;
        };
        let body = rest[end..].iter().position(|t| t.text == "}" || t.text == ";");
        let words = |part: &[source::Token]| {
            part.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(" ")
        };
        let derives = rest[..end].iter().any(|t| t.text == "Debug");
        let body = words(&rest[end..end + body.unwrap_or(rest.len() - end)]);
        if derives && LOUD.iter().any(|word| body.contains(word)) {
            wrong.push((rest[end].line, "derives `Debug` over bytes".to_string()));
        }
    }
    wrong
}

/// Names of the failpoints that a text passes.
pub(crate) fn failpoints(text: &str) -> Vec<String> {
    let calls = text.match_indices("failpoint::hit").map(|(at, _)| &text[at..]);
    let name = |call: &str| Some(call.split_once("(\"")?.1.split_once('"')?.0.to_string());
    calls.filter_map(name).collect()
}

/// Blanks at the end of lines.
pub(crate) fn trailing_blanks(text: &str) -> Wrong {
    text.split('\n')
        .enumerate()
        .filter(|(_, line)| line.ends_with([' ', '\t', '\r']))
        .map(|(index, _)| (index + 1, "blank at the end of the line".to_string()))
        .collect()
}

/// Words that must not occur; lines that `allowed` accepts are passed over.
pub(crate) fn contains(text: &str, words: &[String], allowed: impl Fn(&str) -> bool) -> Wrong {
    let mut wrong = Wrong::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !allowed(line)) {
        for word in words.iter().filter(|word| line.contains(word.as_str())) {
            wrong.push((index + 1, format!("`{word}`")));
        }
    }
    wrong
}

/// A vendor's manifest is named after its id.
pub(crate) fn vendor_id(stem: &str, text: &str) -> Wrong {
    let id = top_level(text, "id");
    let same = id.as_deref() == Some(stem);
    if same { Wrong::new() } else { vec![(1, format!("its id is {id:?}, not {stem:?}"))] }
}

/// A member takes over the workspace's lints.
pub(crate) fn inherits_lints(manifest: &str) -> Wrong {
    let inherits = section(manifest, "lints").any(|line| line.replace(' ', "") == "workspace=true");
    if inherits { Wrong::new() } else { vec![(1, "lacks `[lints] workspace = true`".to_string())] }
}

/// The workspace's crates that a manifest depends on, in any of its tables.
pub(crate) fn workspace_dependencies(manifest: &str, members: &[&str]) -> Vec<String> {
    let key = |line: &str| {
        let key: String = line.chars().take_while(|c| !" .=".contains(*c)).collect();
        key.trim_matches('"').to_string()
    };
    let mut used = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_matches(['[', ']']);
            inside = header.ends_with("dependencies") && !header.starts_with("workspace");
            let table = header.split_once("dependencies.").map_or("", |(_, name)| name);
            used.extend(members.contains(&table).then(|| table.to_string()));
        } else if inside && members.contains(&key(line).as_str()) {
            used.push(key(line));
        }
    }
    used
}

fn section<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let header = format!("[{name}]");
    text.lines()
        .map(str::trim)
        .skip_while(move |line| *line != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
}

fn top_level(text: &str, key: &str) -> Option<String> {
    let mut top = text.lines().map(str::trim).take_while(|line| !line.starts_with('['));
    let (_, value) =
        top.find_map(|line| line.split_once('=').filter(|(name, _)| name.trim() == key))?;
    value.trim().strip_prefix('"')?.split('"').next().map(String::from)
}

fn pairs(text: &str, found: impl Fn(&str, &str) -> bool) -> Wrong {
    let tokens = source::tokens(&source::without_tests(&source::code(text)));
    tokens
        .windows(2)
        .filter(|t| found(&t[0].text, &t[1].text))
        .map(|t| (t[0].line, format!("`{}`", t[0].text)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(wrong: &Wrong) -> Vec<usize> {
        wrong.iter().map(|(line, _)| *line).collect()
    }

    #[test]
    fn unfinished_and_unsafe_code_is_found() {
        let text = "fn a() { todo!() }\n#[ignore = \"slow\"]\nunsafe fn b() {}\n// unsafe, todo!()\n\
                    fn c() { \"unimplemented!()\"; dbg!(1) }\nlet ignore = [1];";
        assert_eq!(lines(&any_rust(text)), [1, 2, 3, 5]);
        assert_eq!(lines(&any_rust(&"\n".repeat(MAX_LINES + 1))), [MAX_LINES + 1]);
        assert_eq!(any_rust(&"\n".repeat(MAX_LINES)), []);
    }

    #[test]
    fn standard_modules_are_found_however_they_are_named() {
        for text in [
            "use std::env;",
            "use std::{io, env::{var, args}};",
            "fn f() { std::env::args(); }",
            "use ::std::env;",
            "use std::*;",
            "use std as s;",
        ] {
            assert!(!standard_module(text, "env").is_empty(), "{text}");
        }
        for text in [
            "const A: &str = env!(\"A\");",
            "use std::env::consts::OS;",
            "#[cfg(test)]\nmod tests { use std::env; }",
            "use std::fs;",
        ] {
            assert_eq!(standard_module(text, "env"), [], "{text}");
        }
    }

    #[test]
    fn prints_and_exposures_are_found_outside_tests() {
        let text = "println!();\nv.expose();\nv.expose_secret();\nfn expose(&self) {}\nV::expose(v);\n\
                    #[cfg(test)]\nmod tests { fn f() { print!(); v.expose() } }";
        assert_eq!(lines(&prints(text)), [1]);
        assert_eq!(lines(&exposes(text)), [2, 3, 5]);
    }

    #[test]
    fn failpoints_are_found_by_their_calls() {
        let text = "failpoint::hit(\"a.b\")?; x.and_then(|()| failpoint::hit_io(\"c\"))";
        assert_eq!(failpoints(text), ["a.b", "c"]);
    }

    #[test]
    fn text_rules_find_their_lines() {
        assert_eq!(lines(&trailing_blanks("a\nb \nc\t\nd\r\n")), [2, 3, 4]);
        let words = ["bad".to_string()];
        assert_eq!(
            lines(&contains("bad\ngood\nso bad it is allowed", &words, |l| l.contains("allowed"))),
            [1]
        );
        assert_eq!(lines(&module_comment("// not yet\n")), [1]);
    }

    #[test]
    fn manifests_are_read() {
        assert_eq!(vendor_id("openai", "# c\nid = \"openai\"\n[a]\nid = \"other\""), []);
        assert_eq!(lines(&vendor_id("openai", "[a]\nid = \"openai\"")), [1]);
        assert_eq!(inherits_lints("[package]\n[lints]\nworkspace = true\n"), []);
        assert_eq!(lines(&inherits_lints("[lints.rust]\n[dependencies.a]\nworkspace = true")), [1]);
        let manifest = "[workspace.dependencies]\nx = 1\n[dev-dependencies]\nx.workspace = true\n[dependencies.y]\n";
        assert_eq!(workspace_dependencies(manifest, &["x", "y", "z"]), ["x", "y"]);
        assert!(workspace_dependencies("[features]\nx = []", &["x"]).is_empty());
    }
}
