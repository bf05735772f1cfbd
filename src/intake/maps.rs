//! Reads JSON, JSON5, YAML and TOML documents of names and values.
//!
//! A text whose key has the form of a variable, at the top or under a top-level `env`, is that
//! variable; any other text is a path, keys joined by dots and list items counted from 0. Numbers
//! and truth values are no secrets. A key that stands twice in a map refuses the document.

use std::path::Path;

use clawvault_core::domain::limits::{MAX_DEPTH, MAX_IMPORT};
use clawvault_core::domain::{Found, Label, NestingFault, Value, ValueError, check_toml_nesting};
use serde::Deserialize;
use serde::de::DeserializeSeed;
use zeroize::Zeroizing;

use super::cursor::{checked, place};
use super::tree::{Builder, MAX_NODES};
use super::{Intake, Kind, Note, NoteKind, ParseError, Tree, dotenv, has_variable_form};

/// Most anchors, and most aliases, of a YAML document.
const MAX_ALIASES: usize = 1_000;
/// Most YAML events that aliases may repeat.
const MAX_REPLAYED: usize = 100_000;

/// A format of documents that hold names and values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// `NAME=value` lines.
    Dotenv,
    /// JSON, strictly.
    Json,
    /// JSON with comments, trailing commas, bare keys and single quotes.
    Json5,
    /// TOML.
    Toml,
    /// One YAML document.
    Yaml,
}

impl Format {
    /// The format that the file's name says.
    pub fn by_name(path: &Path) -> Option<Self> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name == ".env" || name.starts_with(".env.") {
            return Some(Self::Dotenv);
        }
        match path.extension().and_then(|extension| extension.to_str())? {
            "env" => Some(Self::Dotenv),
            "json" => Some(Self::Json),
            "json5" => Some(Self::Json5),
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }

    /// The format that the file's name says; else the first that its bytes are valid in.
    ///
    /// Bytes that are valid in none are called dotenv, whose error then says why.
    pub fn of(path: &Path, bytes: &[u8]) -> Self {
        if let Some(format) = Self::by_name(path) {
            return format;
        }
        let valid = |format: &Self| match format {
            Self::Dotenv => dotenv::parse(bytes).is_ok(),
            _ => parse(*format, bytes).is_ok_and(|tree| matches!(tree, Tree::Map(_))),
        };
        let all = [Self::Dotenv, Self::Json, Self::Json5, Self::Toml, Self::Yaml];
        all.into_iter().find(valid).unwrap_or(Self::Dotenv)
    }
}

/// Reads a document of maps and lists; [`Format::Dotenv`] yields a map of its last assignments.
pub fn parse(format: Format, bytes: &[u8]) -> Result<Tree, ParseError> {
    let text = checked(bytes)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let builder = Builder::default();
    let parsed = match format {
        Format::Dotenv => return dotenv_tree(bytes),
        Format::Json => json(text, &builder),
        Format::Json5 => json5(text, &builder),
        Format::Toml => toml(text, &builder),
        Format::Yaml => yaml(text, &builder),
    };
    // A bound that the builder noticed says more than the library's error about it.
    parsed.map_err(|error| ParseError { kind: builder.fault().unwrap_or(error.kind), ..error })
}

/// Reads JSON documents that follow one another, as a program prints them that is asked for
/// several things in turn. The bounds hold for all of them together.
pub fn parse_sequence(bytes: &[u8]) -> Result<Vec<Tree>, ParseError> {
    let text = checked(bytes)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let builder = Builder::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut trees = Vec::new();
    loop {
        let tree = builder.seed().deserialize(&mut deserializer).map_err(|error| {
            let kind = builder.fault().unwrap_or(Kind::Syntax("JSON"));
            at(error.line(), error.column(), kind)
        })?;
        trees.push(tree);
        if deserializer.end().is_ok() {
            return Ok(trees);
        }
    }
}

impl Tree {
    /// The texts of the document as values; `source` is the name they are reported under.
    pub fn into_intake(self, source: &str) -> Result<Intake, ParseError> {
        let fail = |kind| ParseError { line: 1, column: 1, kind };
        if !matches!(self, Self::Map(_)) {
            return Err(fail(Kind::NotAMap));
        }
        let mut intake = Intake::default();
        self.walk(&mut |path, text| {
            if intake.found.len() == MAX_IMPORT {
                return Err(fail(Kind::TooMany));
            }
            let label = label_of(path);
            match Value::copy_of(text.as_bytes()) {
                Ok(value) => {
                    intake.found.push(Found {
                        source: source.to_owned(),
                        line: None,
                        label,
                        value,
                    });
                }
                Err(ValueError::Empty) => {
                    intake.notes.push(Note { line: None, kind: NoteKind::Empty });
                }
                Err(_) => intake.notes.push(Note { line: None, kind: NoteKind::Unfit }),
            }
            Ok(())
        })?;
        Ok(intake)
    }

    /// Shows every text with its path, keys joined by dots; stops at the first error.
    pub fn walk<E>(&self, show: &mut impl FnMut(&str, &str) -> Result<(), E>) -> Result<(), E> {
        self.walk_below(&mut String::new(), show)
    }

    fn walk_below<E>(
        &self,
        path: &mut String,
        show: &mut impl FnMut(&str, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        let length = path.len();
        let mut step = |path: &mut String, key: &str, node: &Self| {
            if length > 0 {
                path.push('.');
            }
            path.push_str(key);
            let result = node.walk_below(path, show);
            path.truncate(length);
            result
        };
        match self {
            Self::Text(text) => show(path, text),
            Self::List(list) => list
                .iter()
                .enumerate()
                .try_for_each(|(index, node)| step(path, &index.to_string(), node)),
            Self::Map(map) => map.iter().try_for_each(|(key, node)| step(path, key, node)),
            Self::Truth(_) | Self::Whole(_) | Self::Other => Ok(()),
        }
    }
}

/// What a text at `path` is called.
pub(super) fn label_of(path: &str) -> Label {
    match path.strip_prefix("env.").unwrap_or(path) {
        name if has_variable_form(name) => Label::Variable(name.to_owned()),
        _ => Label::Path(path.to_owned()),
    }
}

fn dotenv_tree(bytes: &[u8]) -> Result<Tree, ParseError> {
    let intake = dotenv::parse(bytes)?.into_intake("");
    let text = |value: &Value| Zeroizing::new(String::from_utf8_lossy(value.expose()).into_owned());
    let pair = |found: Found| (found.label.as_str().to_owned(), Tree::Text(text(&found.value)));
    Ok(Tree::Map(intake.found.into_iter().map(pair).collect()))
}

fn json(text: &str, builder: &Builder) -> Result<Tree, ParseError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = builder
        .seed()
        .deserialize(&mut deserializer)
        .and_then(|tree| deserializer.end().map(|()| tree));
    parsed.map_err(|error| at(error.line(), error.column(), Kind::Syntax("JSON")))
}

fn json5(text: &str, builder: &Builder) -> Result<Tree, ParseError> {
    let mut deserializer = json5::Deserializer::from_str(text);
    let parsed = builder.seed().deserialize(&mut deserializer);
    let placed = |error: &json5::Error| match error.position() {
        Some(found) => at(found.line + 1, found.column + 1, Kind::Syntax("JSON5")),
        None => place(text, Kind::Syntax("JSON5")),
    };
    let tree = parsed.map_err(|error| placed(&error))?;
    // Only at the end of the text is there no value to ask for.
    match Option::<()>::deserialize(&mut deserializer) {
        Err(error) if error.code() == Some(json5::ErrorCode::EofParsingValue) => Ok(tree),
        Err(error) => Err(placed(&error)),
        Ok(_) => Err(place(text, Kind::Syntax("JSON5"))),
    }
}

fn toml(text: &str, builder: &Builder) -> Result<Tree, ParseError> {
    // The library builds a tree of its own before the builder can count.
    if text.bytes().filter(|byte| matches!(byte, b',' | b'=' | b'[')).count() > MAX_NODES {
        return Err(at(1, 1, Kind::TooMany));
    }
    check_toml_nesting(text).map_err(|(at, fault)| {
        let kind = match fault {
            NestingFault::TooDeep => Kind::TooDeep,
            NestingFault::Unmatched => Kind::Syntax("TOML"),
        };
        place(text.get(..at).unwrap_or_default(), kind)
    })?;
    let placed = |error: toml::de::Error| {
        let kind = match error.message() {
            message if message.contains("duplicate key") => Kind::DuplicateKey,
            _ => Kind::Syntax("TOML"),
        };
        let start = error.span().map_or(0, |span| span.start);
        place(text.get(..start).unwrap_or_default(), kind)
    };
    let deserializer = toml::Deserializer::parse(text).map_err(placed)?;
    builder.seed().deserialize(deserializer).map_err(placed)
}

fn yaml(text: &str, builder: &Builder) -> Result<Tree, ParseError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 3 * MAX_NODES,
            max_nodes: MAX_NODES,
            max_depth: MAX_DEPTH + 1,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ALIASES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_REPLAYED,
            max_replay_stack_depth: 8,
        },
        // A snippet is a piece of the document.
        with_snippet: false,
    };
    serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
        builder.seed().deserialize(deserializer)
    })
    .map_err(|error| {
        let (line, column) = error.location().map_or((1, 1), |l| (l.line(), l.column()));
        let position = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        at(position(line), position(column), yaml_kind(error.without_snippet()))
    })
}

fn yaml_kind(error: &serde_saphyr::Error) -> Kind {
    use serde_saphyr::Error as E;
    use serde_saphyr::budget::BudgetBreach as Breach;

    match error {
        E::DuplicateMappingKey { .. } => Kind::DuplicateKey,
        E::Budget { breach: Breach::Depth { .. }, .. } => Kind::TooDeep,
        E::Budget { breach: Breach::Nodes { .. } | Breach::Events { .. }, .. } => Kind::TooMany,
        E::Budget { breach: Breach::Aliases { .. } | Breach::Anchors { .. }, .. }
        | E::Budget { breach: Breach::AliasAnchorRatio { .. }, .. }
        | E::AliasReplayCounterOverflow { .. }
        | E::AliasReplayLimitExceeded { .. }
        | E::AliasExpansionLimitExceeded { .. }
        | E::AliasReplayStackDepthExceeded { .. }
        | E::AliasError { .. }
        | E::RecursiveReferencesRequireWeakTypes { .. } => Kind::Aliases,
        E::Budget { .. } => Kind::TooMany,
        _ => Kind::Syntax("YAML"),
    }
}

fn at(line: usize, column: usize, kind: Kind) -> ParseError {
    let bounded = |number: usize| u32::try_from(number.max(1)).unwrap_or(u32::MAX);
    ParseError { line: bounded(line), column: bounded(column), kind }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(format: Format, text: &str) -> Vec<(Label, String)> {
        let pair =
            |found: Found| (found.label, String::from_utf8(found.value.expose().to_vec()).unwrap());
        let intake = crate::intake::read(format, text.as_bytes(), "test").unwrap();
        intake.found.into_iter().map(pair).collect()
    }

    fn kind(format: Format, text: &str) -> Kind {
        parse(format, text.as_bytes()).unwrap_err().kind
    }

    #[test]
    fn the_same_document_in_four_formats() {
        let variable = |name: &str| Label::Variable(name.to_owned());
        let path = |name: &str| Label::Path(name.to_owned());
        let expected = [
            (variable("A_KEY"), "one".to_owned()),
            (variable("B_KEY"), "two".to_owned()),
            (path("list.1"), "three".to_owned()),
            (path("list.2.deep-key"), "four".to_owned()),
        ];
        let json = r#"{"A_KEY":"one","env":{"B_KEY":"two"},"list":[1,"three",{"deep-key":"four"}],
            "no":false,"n":null,"f":1.5,"empty":""}"#;
        let json5 = "// c\n{A_KEY:'one', env:{B_KEY:'two',}, list:[+1,'three',{'deep-key':\"four\"}],} /**/";
        let toml = "A_KEY = 'one'\ndate = 2026-01-01\nlist = [1, 'three', {deep-key = 'four'}]\n\
            [env]\nB_KEY = \"two\"\n";
        let yaml = "A_KEY: one\nenv: {B_KEY: \"two\"}\nlist:\n- 1\n- three\n- deep-key: four\n\
            t: true\nn: ~\n";
        assert_eq!(labels(Format::Json, json), expected);
        assert_eq!(labels(Format::Json5, json5), expected);
        assert_eq!(labels(Format::Json5, json), expected);
        assert_eq!(labels(Format::Toml, toml), expected);
        assert_eq!(labels(Format::Yaml, yaml), expected);
        assert_eq!(labels(Format::Json, &format!("\u{feff}{json}")), expected);
    }

    #[test]
    fn errors_name_place_and_kind_only() {
        for (format, text, line, column, kind) in [
            (Format::Json, "{\n\"SECRET\": x}", 2, 11, Kind::Syntax("JSON")),
            (Format::Json, "{} {}", 1, 4, Kind::Syntax("JSON")),
            (Format::Json5, "{\n a: SECRET}", 2, 5, Kind::Syntax("JSON5")),
            (Format::Json5, "{} {a:", 1, 4, Kind::Syntax("JSON5")),
            (Format::Json5, "{} /* x", 1, 8, Kind::Syntax("JSON5")),
            (Format::Toml, "a = 1\nb = SECRET", 2, 5, Kind::Syntax("TOML")),
            (Format::Yaml, "a: 1\nb: [SECRET", 1, 1, Kind::Syntax("YAML")),
        ] {
            let error = parse(format, text.as_bytes()).unwrap_err();
            assert_eq!(error.kind, kind, "{text}");
            assert!(!error.to_string().contains("SECRET"), "{error}");
            if format != Format::Yaml && !text.starts_with("{} {a") {
                assert_eq!((error.line, error.column), (line, column), "{text}");
            }
        }
        assert_eq!(kind(Format::Json, "{\"a\":1,\"a\":2}"), Kind::DuplicateKey);
        assert_eq!(kind(Format::Json5, "{a:1,a:2}"), Kind::DuplicateKey);
        assert_eq!(kind(Format::Toml, "a=1\na=2"), Kind::DuplicateKey);
        assert_eq!(kind(Format::Yaml, "a: 1\na: 2"), Kind::DuplicateKey);
        let list = parse(Format::Json, b"[]").unwrap().into_intake("").unwrap_err();
        assert_eq!(list.kind, Kind::NotAMap);
    }

    #[test]
    fn depth_and_size_are_bounded() {
        for depth in [MAX_DEPTH + 1, 1_000_000] {
            let nested = "[".repeat(depth) + &"]".repeat(depth);
            assert_eq!(kind(Format::Json, &nested), Kind::TooDeep);
            assert_eq!(kind(Format::Json5, &nested), Kind::TooDeep);
            assert!(parse(Format::Yaml, nested.as_bytes()).is_err());
            assert!(parse(Format::Toml, format!("a={nested}").as_bytes()).is_err());
            // What follows a document is bounded, too.
            assert!(parse(Format::Json5, format!("{{}} {nested}").as_bytes()).is_err());
        }
        let allowed = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
        assert!(parse(Format::Json5, allowed.as_bytes()).is_ok());
        let dotted = format!("a = {{ {} = 1 }}", ["k"; 79].join("."));
        assert_eq!(kind(Format::Toml, &dotted), Kind::TooDeep);
        let both = format!("{} = {{", ["k"; 79].join(".")).repeat(78) + &"}".repeat(78);
        assert_eq!(kind(Format::Toml, &both), Kind::TooDeep);
        let many = format!("[{}1]", "1,".repeat(MAX_NODES));
        assert_eq!(kind(Format::Json, &many), Kind::TooMany);
        assert_eq!(kind(Format::Toml, &format!("a={many}")), Kind::TooMany);
        assert_eq!(
            kind(Format::Json, &format!("{{\"{}\":1}}", "k".repeat(1100))),
            Kind::PathTooLong
        );
    }

    #[test]
    fn yaml_aliases_cannot_multiply() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let before = level - 1;
            bomb +=
                &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 9].join(","));
        }
        assert_eq!(kind(Format::Yaml, &bomb), Kind::Aliases);
        let long = format!("a: &a {}\nb: [{}]", "x".repeat(200_000), vec!["*a"; 90].join(","));
        assert_eq!(kind(Format::Yaml, &long), Kind::Aliases);
        assert!(parse(Format::Yaml, b"a: &a [*a]").is_err());
        let plain = labels(Format::Yaml, "a: &a {K: v}\nb: *a");
        assert_eq!(plain.len(), 2);
    }

    #[test]
    fn the_format_is_seen_by_name_or_by_trying() {
        for (path, text, format) in [
            ("x/.env.local", "{}", Format::Dotenv),
            ("prod.env", "", Format::Dotenv),
            ("a.yml", "", Format::Yaml),
            ("a.toml", "", Format::Toml),
            ("a", "A=1", Format::Dotenv),
            ("a", "{\"A\": 1}", Format::Json),
            ("a", "{A: 1,}", Format::Json5),
            ("a", "[x]\nA=1", Format::Toml),
            ("a", "A: 1", Format::Yaml),
            ("a", "neither", Format::Dotenv),
        ] {
            assert_eq!(Format::of(Path::new(path), text.as_bytes()), format, "{path} {text}");
        }
    }

    proptest! {
        #[test]
        fn no_input_makes_them_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            text in "[\\[\\]{}:,'\"a=1&*#\\-\\\\. \n\t/é]{0,80}",
        ) {
            let formats =
                [Format::Dotenv, Format::Json, Format::Json5, Format::Toml, Format::Yaml];
            for format in formats {
                for input in [&bytes, text.as_bytes()] {
                    let _ = crate::intake::read(format, input, "test");
                }
            }
        }
    }
}
