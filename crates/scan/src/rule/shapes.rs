//! The grammar of `keyword-shapes.toml`: vendors whose keys have a plain shape that says nothing
//! by itself, and are told by the vendor's name near by. Shared with the build script.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::grammar::{GrammarError, line_of};

/// The table: for each vendor, by id, what to look for.
pub type ShapeFile = BTreeMap<String, ShapeEntry>;

/// One line of the table.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum ShapeEntry {
    /// Shapes alone: the vendor's id is the keyword.
    Shapes(Vec<String>),
    /// With keywords of its own.
    Full(FullEntry),
}

/// A line with keywords of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullEntry {
    /// Either of them has to stand near by, in either case.
    pub keywords: Vec<String>,
    /// Shapes of its keys.
    pub shapes: Vec<String>,
    /// Whether the name is an everyday word, so that a key word has to stand near by too.
    #[serde(default)]
    pub everyday: bool,
    /// The vendor's id, where it is not the line's.
    pub vendor: Option<String>,
}

/// What stands near keys: an everyday word needs one of them beside it.
pub const KEY_WORDS: [&str; 12] = [
    "key",
    "token",
    "secret",
    "auth",
    "api",
    "bearer",
    "pass",
    "password",
    "passwd",
    "credential",
    "access",
    "authorization",
];

impl ShapeEntry {
    /// What has to stand near by, and the shapes, of the vendor with this id.
    pub fn parts(&self, id: &str) -> (Vec<String>, &[String]) {
        match self {
            Self::Shapes(shapes) => (vec![id.to_owned()], shapes),
            Self::Full(full) => (full.keywords.clone(), &full.shapes),
        }
    }

    /// The vendor of the line with this id.
    pub fn vendor(&self, id: &str) -> String {
        match self {
            Self::Full(FullEntry { vendor: Some(vendor), .. }) => vendor.clone(),
            _ => id.to_owned(),
        }
    }

    /// The words of which one has to stand near by besides the name; none: the name is enough.
    pub fn context(&self) -> Vec<String> {
        match self {
            Self::Full(FullEntry { everyday: true, .. }) => KEY_WORDS.map(str::to_owned).to_vec(),
            _ => Vec::new(),
        }
    }
}

/// Which bytes a key is made of, and how many of them, in bytes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Shape {
    /// Which bytes.
    pub class: Class,
    /// Fewest.
    pub least: u16,
    /// Most.
    pub most: u16,
}

/// Kinds of bytes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Class {
    /// `0-9`
    Digits,
    /// `0-9a-f`
    Hex,
    /// `0-9A-F`
    HexUpper,
    /// `0-9a-z`
    Lower,
    /// `0-9A-Z`
    Upper,
    /// `0-9A-Za-z`
    Alnum,
    /// `0-9A-Za-z_-`
    Word,
    /// `0-9A-Za-z+/=_-`
    Base64,
    /// Eight, four, four, four and twelve digits of base 16, of either case.
    Uuid,
    /// The same, of any letters and digits.
    UuidLike,
}

/// Fewest bytes of a shape: what is shorter is found by chance.
pub const MIN_SHAPE: u16 = 16;

impl Class {
    const NAMES: [(&'static str, Self); 10] = [
        ("digits", Self::Digits),
        ("hex", Self::Hex),
        ("hexupper", Self::HexUpper),
        ("lower", Self::Lower),
        ("upper", Self::Upper),
        ("alnum", Self::Alnum),
        ("word", Self::Word),
        ("base64", Self::Base64),
        ("uuid", Self::Uuid),
        ("uuidlike", Self::UuidLike),
    ];

    /// Whether a byte is one of this kind.
    pub fn has(self, byte: u8) -> bool {
        match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::HexUpper => matches!(byte, b'0'..=b'9' | b'A'..=b'F'),
            Self::Lower => matches!(byte, b'0'..=b'9' | b'a'..=b'z'),
            Self::Upper => matches!(byte, b'0'..=b'9' | b'A'..=b'Z'),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Base64 => {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'=')
            }
            Self::Uuid => byte.is_ascii_hexdigit() || byte == b'-',
            Self::UuidLike => byte.is_ascii_alphanumeric() || byte == b'-',
        }
    }
}

impl Shape {
    /// Reads `hex32`, `alnum20..40` or `uuid`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
        // `base64` ends in digits of its own.
        let split = if text.starts_with("base64") { "base64".len() } else { digits };
        let (name, length) = text.split_at_checked(split)?;
        let class = Class::NAMES.iter().find(|(known, _)| *known == name)?.1;
        let (least, most) = match length.split_once("..") {
            _ if matches!(class, Class::Uuid | Class::UuidLike) && length.is_empty() => (36, 36),
            Some((least, most)) => (least.parse().ok()?, most.parse().ok()?),
            None => (length.parse().ok()?, length.parse().ok()?),
        };
        (MIN_SHAPE <= least && least <= most && most <= 384).then_some(Self { class, least, most })
    }
}

/// Reads the table and checks every line of it.
pub fn parse(text: &str) -> Result<ShapeFile, GrammarError> {
    let wrong = |line, reason| GrammarError { rule: 0, line, reason };
    let file: ShapeFile = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| line_of(text, span.start));
        wrong(line, "not a table of shapes, or of keywords and shapes")
    })?;
    for (id, entry) in &file {
        let line = text.lines().position(|line| line.starts_with(id.as_str())).map(|at| at + 1);
        let (keywords, shapes) = entry.parts(id);
        if keywords.is_empty() || keywords.iter().any(|word| word.len() < 3 || !word.is_ascii()) {
            return Err(wrong(line, "a keyword is missing, shorter than 3 bytes or not ASCII"));
        }
        if shapes.is_empty() || shapes.iter().any(|shape| Shape::parse(shape).is_none()) {
            return Err(wrong(line, "a shape is not a class and a length of at least 16"));
        }
    }
    Ok(file)
}
