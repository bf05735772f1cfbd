//! Which module names which: reads the paths in a file's code and judges them by the floors.
//! Macros are read as plain code; a path that only a macro's expansion holds is not seen.

use super::source::{self, Token};

/// One crate's floors.
pub(crate) struct House<'a> {
    /// The folder of its sources, ending in `/`.
    pub(crate) dir: &'a str,
    /// Modules floor by floor, lowest first.
    pub(crate) floors: &'a [&'a [&'a str]],
    /// Arrows allowed between modules of one floor, as (from, to).
    pub(crate) sideways: &'a [(&'a str, &'a str)],
}

/// One path found in code.
#[derive(Debug, PartialEq)]
pub(crate) struct Named {
    /// The line of its last word, from 1.
    pub(crate) line: usize,
    /// Its words; the last may be `*`.
    pub(crate) words: Vec<String>,
    /// Whether ` as ` gives it another name.
    pub(crate) renamed: bool,
    /// The inline modules around it, outermost first.
    pub(crate) inside: Vec<String>,
}

/// Lists the arrows of `text` that the house forbids, as (line, what is wrong). `file` is relative
/// to the house's folder.
pub(crate) fn forbidden(house: &House<'_>, file: &str, text: &str) -> Vec<(usize, String)> {
    let module = module_of(file);
    let Some(from) = module.first() else { return Vec::new() };
    if house.floor(from).is_none() {
        return vec![(1, format!("`{from}` stands on no floor"))];
    }
    paths(&source::code(text))
        .iter()
        .filter(|named| named.words[0] != "std")
        .filter_map(|named| {
            let target = resolve(&module, named)?;
            house.judge(from, &target, named.renamed).map(|wrong| (named.line, wrong))
        })
        .collect()
}

/// Lists every path in cleaned `code` that starts with `crate`, `self`, `super` or `std`.
pub(crate) fn paths(code: &str) -> Vec<Named> {
    let tokens = source::tokens(code);
    let text = |at: usize| tokens.get(at).map_or("", |t: &Token| t.text.as_str());
    let (mut found, mut modules, mut depth, mut at) = (Vec::new(), Vec::new(), 0_usize, 0);
    while at < tokens.len() {
        match text(at) {
            "mod" if text(at + 2) == "{" => modules.push((text(at + 1).to_string(), depth)),
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                modules.pop_if(|(_, outer)| *outer == depth);
            }
            "crate" | "self" | "super" | "std" if !continues(&tokens, at) => {
                let start = found.len();
                at = read_tree(&tokens, at, &[], &mut found);
                for named in &mut found[start..] {
                    named.inside = modules.iter().map(|(name, _)| name.clone()).collect();
                }
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

impl House<'_> {
    fn floor(&self, module: &str) -> Option<usize> {
        self.floors.iter().position(|floor| floor.contains(&module))
    }

    fn judge(&self, from: &str, target: &[String], renamed: bool) -> Option<String> {
        let Some(to) = target.first() else {
            return renamed.then(|| format!("`{from}` gives the crate another name"));
        };
        if to == "*" {
            return Some(format!("`{from}` takes in everything at the crate's root"));
        }
        if to == from {
            return None;
        }
        match (self.floor(from)?, self.floor(to)) {
            (_, None) => Some(format!("`{from}` names `{to}`, which stands on no floor")),
            (low, Some(high)) if low < high => Some(format!("`{from}` -> `{to}` runs up")),
            (one, Some(same)) if one == same && !self.sideways.contains(&(from, to.as_str())) => {
                Some(format!("`{from}` -> `{to}` runs sideways"))
            }
            _ => None,
        }
    }
}

/// The module that a file holds: `a/b.rs` and `a/b/mod.rs` are `a::b`, the crate's root is empty.
fn module_of(file: &str) -> Vec<String> {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let mut words: Vec<String> = stem.split('/').map(String::from).collect();
    if words.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        words.pop();
    }
    words
}

/// The path from the crate's root; none where `super` leaves the crate.
fn resolve(module: &[String], named: &Named) -> Option<Vec<String>> {
    let mut at: Vec<String> = module.iter().chain(&named.inside).cloned().collect();
    for (index, word) in named.words.iter().enumerate() {
        match (index, word.as_str()) {
            (0, "crate") => at.clear(),
            (_, "self") => {}
            (_, "super") => drop(at.pop()?),
            _ => at.push(word.clone()),
        }
    }
    Some(at)
}

/// Whether the word at `at` is the middle of a longer path (`a::crate`, `<T>::self`).
fn continues(tokens: &[Token], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).map(|index| &tokens[index]);
    before(1).is_some_and(|t| t.text == "::")
        && before(2).is_some_and(|t| (t.is_word() && t.text != "use") || t.text == ">")
}

/// Reads one path or use tree that starts at `at` below `stem`; returns where it ends.
fn read_tree(tokens: &[Token], mut at: usize, stem: &[String], found: &mut Vec<Named>) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |t| t.text.as_str());
    let mut words = stem.to_vec();
    let line = tokens[at].line;
    loop {
        if text(at) == "{" {
            at += 1;
            while at < tokens.len() && text(at) != "}" {
                at = if text(at) == "," { at + 1 } else { read_tree(tokens, at, &words, found) };
            }
            return at + 1;
        }
        let known = text(at) == "*" || tokens.get(at).is_some_and(Token::is_word);
        if known {
            words.push(text(at).to_string());
            at += 1;
        }
        if known && text(at) == "::" {
            at += 1;
            continue;
        }
        let renamed = text(at) == "as";
        found.push(Named { line, words, renamed, inside: Vec::new() });
        // Inside braces neither a new name nor an unknown sign is a path of its own.
        return if renamed && !stem.is_empty() { at + 2 } else { at + usize::from(!known) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUSE: House<'_> = House {
        dir: "src/",
        floors: &[&["low"], &["left", "right"], &["top"]],
        sideways: &[("left", "right")],
    };

    fn wrong(file: &str, text: &str) -> Vec<(usize, String)> {
        forbidden(&HOUSE, file, text)
    }

    #[test]
    fn arrows_down_and_inside_are_free() {
        let text = "use crate::low::{a, b::{self, c}};\nuse super::other;\nfn f() { crate::left::g(); self::h(self.x) }\n\
                    pub(crate) fn i() {}\npub(super) fn j() {}\nfn k(x: low::top::T) -> std::io::Result<()> {}";
        assert_eq!(wrong("left/a.rs", text), []);
        assert_eq!(wrong("left/mod.rs", "mod tests { use super::*; }"), []);
        assert_eq!(wrong("lib.rs", "pub mod top; use crate::top::*;"), []);
    }

    #[test]
    fn an_arrow_up_is_named_with_its_line() {
        let up = |line| vec![(line, "`low` -> `top` runs up".to_string())];
        assert_eq!(wrong("low.rs", "// crate::top\n\nuse crate::top::T;"), up(3));
        assert_eq!(wrong("low.rs", "fn f() {\n    crate::top::g::<u8>()\n}"), up(2));
        assert_eq!(wrong("low.rs", "#[cfg(test)]\nmod tests {\n use crate::top::T;\n}"), up(3));
        assert_eq!(wrong("low.rs", "macro_rules! m { () => { $crate::top::f() } }"), up(1));
    }

    #[test]
    fn nested_use_braces_are_read_to_the_bottom() {
        let text =
            "use crate::{\n  low::{x, y as z},\n  {left::q, top::{r, s}},\n};\nuse crate::low::w;";
        let names: Vec<String> = wrong("low/a.rs", text).into_iter().map(|(_, w)| w).collect();
        assert_eq!(
            names,
            ["`low` -> `left` runs up", "`low` -> `top` runs up", "`low` -> `top` runs up"]
                .map(String::from)
        );
    }

    #[test]
    fn super_is_followed_out_of_the_module() {
        assert_eq!(wrong("low/a/b.rs", "use super::super::super::top::T;").len(), 1);
        assert_eq!(wrong("low/a/b.rs", "use super::super::top::T;"), []);
        assert_eq!(wrong("low/a.rs", "use super::{super::top::T, c};").len(), 1);
        assert_eq!(wrong("low/mod.rs", "mod tests { use super::super::top; }").len(), 1);
        assert_eq!(wrong("low/mod.rs", "mod a { fn f() {} }\nuse super::top;").len(), 1);
    }

    #[test]
    fn sideways_only_where_declared() {
        assert_eq!(wrong("left/a.rs", "use crate::right::R;"), []);
        assert_eq!(
            wrong("right.rs", "use crate::left::L;"),
            [(1, "`right` -> `left` runs sideways".to_string())]
        );
    }

    #[test]
    fn no_way_around_the_floors() {
        for text in ["use crate as c;", "use crate::*;", "use super::*;", "use crate::Thing;"] {
            assert_eq!(wrong("low.rs", text).len(), 1, "{text}");
        }
        assert_eq!(wrong("shed.rs", "").len(), 1);
    }
}
