//! Turns the built-in rules, and the token formats of the vendors, into static tables: a scan
//! parses nothing before its first keyword.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{Debug, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The search for keywords, shared with the library.
#[allow(dead_code, reason = "the library uses the rest")]
#[path = "src/gram.rs"]
pub mod gram;
/// The grammar, shared with the library.
#[allow(dead_code, reason = "the library uses the rest")]
#[path = "src/rule/grammar.rs"]
pub mod grammar;
/// The grammar of the table of shapes, shared with the library.
#[allow(dead_code, reason = "the library uses the rest")]
#[path = "src/rule/shapes.rs"]
pub mod shapes;
/// How a vendor's form of tokens becomes a rule, shared with the library.
#[path = "src/rule/token.rs"]
pub mod token;

use clawvault_providers::{Format, Vendor, vendors};
use gram::{Table, Word};
use grammar::{Confidence, RuleEntry, RuleFile, Severity};
use shapes::{Shape, ShapeEntry};
use token::{BEGIN, NEAR, Token};

/// The table of shapes, among the files of rules.
const SHAPES: &str = "keyword-shapes.toml";
/// Shortest run that is looked at, in bytes.
const MIN_RUN: usize = 16;

/// What decides, beside the tables, what is found: the engines, what is sought of a vault, and the
/// libraries that patterns and objects are read with.
const DECIDING: [&str; 4] = ["src", "../needles/src", "../../src/app/scan", "../../Cargo.lock"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=rules");
    for place in DECIDING {
        println!("cargo:rerun-if-changed={place}");
    }
    let mut rules: Vec<Entry> = Vec::new();
    let path = Path::new("rules").join(SHAPES);
    let text = fs::read_to_string(&path)?;
    let table = shapes::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let written = read_all(Path::new("rules"))?;
    for vendor in vendors() {
        for format in vendor.formats {
            let token = token(vendor, format);
            let rule = token.rule();
            // The table, or a rule of that name, knows more of what stands around such a token.
            let elsewhere =
                table.contains_key(vendor.id) || written.iter().any(|other| other.id == rule.id);
            if !(token.is_plain() && elsewhere) {
                rules.push(Entry::pattern(rule));
            }
        }
    }
    for rule in written {
        rules.push(Entry::pattern(rule));
    }
    for (id, entry) in &table {
        rules.push(of_shapes(id, entry));
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let mut tables = tables(&rules)?;
    let mut made = fnv(FNV_START, tables.as_bytes());
    for place in DECIDING {
        made = digest(Path::new(place), made)?;
    }
    writeln!(tables, "/// Tells what this build finds from what another one does.")?;
    writeln!(tables, "static BUILD: u128 = {made};")?;
    fs::write(out.join("rules.rs"), tables)?;
    Ok(())
}

/// Takes a file, or all below a directory by name, into a digest.
fn digest(place: &Path, mut digest_so_far: u128) -> io::Result<u128> {
    if !place.is_dir() {
        return Ok(fnv(digest_so_far, &fs::read(place)?));
    }
    let mut below: Vec<PathBuf> =
        fs::read_dir(place)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    below.sort();
    for path in below {
        digest_so_far = fnv(digest_so_far, path.as_os_str().as_encoded_bytes());
        digest_so_far = digest(&path, digest_so_far)?;
    }
    Ok(digest_so_far)
}

/// FNV-1a: nobody tries to make two sources of ours alike.
fn fnv(start: u128, bytes: &[u8]) -> u128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013B;
    bytes.iter().fold(start, |digest, byte| (digest ^ u128::from(*byte)).wrapping_mul(PRIME))
}

const FNV_START: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;

/// A rule, with the shapes that it looks for if it has no pattern.
struct Entry {
    rule: RuleEntry,
    shapes: Vec<Shape>,
}

impl Entry {
    fn pattern(rule: RuleEntry) -> Self {
        Self { rule, shapes: Vec::new() }
    }
}

/// The rule that one line of the table of shapes stands for.
fn of_shapes(id: &str, entry: &ShapeEntry) -> Entry {
    let (keywords, shapes) = entry.parts(id);
    let rule = RuleEntry {
        id: format!("{id}-key"),
        vendor: Some(entry.vendor(id)),
        name: format!("{id} key"),
        description: "Calls the service in its owner's name, at its owner's cost.".to_owned(),
        severity: Severity::High,
        advice: "Revoke it at the service and issue another one.".to_owned(),
        pattern: String::new(),
        assigned: None,
        keywords,
        ignore_case: true,
        before: 0,
        after: NEAR,
        context: entry.context(),
        entropy: 0.0,
        random: true,
        looks: None,
        checksum: None,
        files: Vec::new(),
        confidence: Confidence::Medium,
        examples: Vec::new(),
        counter_examples: Vec::new(),
    };
    Entry { rule, shapes: shapes.iter().filter_map(|shape| Shape::parse(shape)).collect() }
}

/// A vendor's format, as rules are made of one.
fn token<'a>(vendor: &'a Vendor, format: &'a Format) -> Token<'a> {
    Token {
        vendor: vendor.id,
        name: vendor.name,
        kind: format.kind,
        description: format.description,
        pattern: format.pattern,
        keywords: format.keywords.to_vec(),
        context: format.context,
        examples: format.examples.to_vec(),
        counter_examples: format.counter_examples.to_vec(),
    }
}

/// Reads every file of rules, sorted by its name.
fn read_all(folder: &Path) -> Result<Vec<RuleEntry>, Box<dyn Error>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| path.file_name().is_some_and(|name| name != SHAPES));
    paths.sort();
    let mut rules = Vec::new();
    for path in paths {
        let name = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| name(&error))?;
        rules.extend(RuleFile::parse(&text).map_err(|error| name(&error))?.rules);
    }
    Ok(rules)
}

/// Keywords, with the rules that each wakes, and whether each of these begins with it.
type Keywords = BTreeMap<(String, bool), (Vec<u16>, bool)>;

fn tables(rules: &[Entry]) -> Result<String, Box<dyn Error>> {
    let mut out = format!("static RULES: [Rule; {}] = [\n", rules.len());
    let (mut patterns, mut shapes) = (Keywords::new(), Keywords::new());
    let mut begins: Vec<([u8; BEGIN], u16)> = Vec::new();
    for (number, entry) in rules.iter().enumerate() {
        write_rule(&mut out, entry)?;
        let rule = &entry.rule;
        let by_word = if entry.shapes.is_empty() { &mut patterns } else { &mut shapes };
        for keyword in &rule.keywords {
            if let Some(begin) = begin(entry, keyword) {
                begins.push((begin, u16::try_from(number)?));
                continue;
            }
            let fold = rule.ignore_case;
            let text = if fold { keyword.to_ascii_lowercase() } else { keyword.clone() };
            let (rules, alone) = by_word.entry((text, fold)).or_insert((Vec::new(), true));
            rules.push(u16::try_from(number)?);
            let whole = !rule.pattern.contains("?P<secret>");
            *alone &= rule.before == 0 && rule.after == 0 && rule.assigned.is_none() && whole;
        }
    }
    out.push_str("];\n");
    array(&mut out, "BEGINS", "([u8; 2], u16)", &begins)?;
    write_words(&mut out, "PATTERN", patterns)?;
    write_words(&mut out, "SHAPE", shapes)?;
    Ok(out)
}

/// The first two bytes of a keyword that is looked for only where a run begins: one that is too
/// short to be looked for everywhere at little cost, and begins a key.
fn begin(entry: &Entry, keyword: &str) -> Option<[u8; BEGIN]> {
    let rule = &entry.rule;
    let in_run = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let key = rule.before == 0 && rule.after == 0 && rule.assigned.is_none() && !rule.ignore_case;
    let key = key && grammar::run_at_start(&rule.pattern) >= MIN_RUN && keyword.bytes().all(in_run);
    match keyword.as_bytes() {
        [first, second] if entry.shapes.is_empty() => Some([*first, *second]),
        [first, second, _] if entry.shapes.is_empty() && key => Some([*first, *second]),
        _ => None,
    }
}

/// Writes keywords and the table that finds them.
fn write_words(out: &mut String, name: &str, keywords: Keywords) -> Result<(), Box<dyn Error>> {
    writeln!(out, "static {name}_WORDS: [Word; {}] = [", keywords.len())?;
    let mut words = Vec::new();
    for ((text, ignore_case), (rules, alone)) in keywords {
        let quoted = text_of(&text);
        let alone = alone && text.starts_with(|first: char| first.is_ascii_alphanumeric());
        write!(out, "Word {{ text: {quoted}, ignore_case: {ignore_case}, alone: {alone}, ")?;
        writeln!(out, "rules: Cow::Borrowed(&{rules:?}) }},")?;
        words.push(Word { text: text.into(), ignore_case, alone, rules: rules.into() });
    }
    out.push_str("];\n");
    let table = Table::build(&words).ok_or("more keywords than the table can number")?;
    array(out, &format!("{name}_BITS"), "u64", &table.bits)?;
    array(out, &format!("{name}_STARTS"), "u16", &table.starts)?;
    array(out, &format!("{name}_ENTRIES"), "Entry", &table.entries)?;
    Ok(())
}

fn array<T: Debug>(out: &mut String, name: &str, kind: &str, all: &[T]) -> std::fmt::Result {
    writeln!(out, "static {name}: [{kind}; {}] = {all:?};", all.len())
}

fn write_rule(out: &mut String, entry: &Entry) -> std::fmt::Result {
    let Entry { rule, shapes } = entry;
    let vendor = rule
        .vendor
        .as_ref()
        .map_or("None".to_owned(), |vendor| format!("Some({})", text_of(vendor)));
    write!(out, "Rule {{ id: {}, vendor: {vendor}, ", text_of(&rule.id))?;
    write!(out, "name: {}, description: {}, ", text_of(&rule.name), text_of(&rule.description))?;
    write!(out, "severity: Severity::{:?}, advice: {}, ", rule.severity, text_of(&rule.advice))?;
    write!(out, "pattern: {}, ignore_case: {}, ", text_of(&rule.pattern), rule.ignore_case)?;
    write!(out, "before: {}, after: {}, ", rule.before, rule.after)?;
    let checksum =
        rule.checksum.map_or("None".to_owned(), |sum| format!("Some(Checksum::{sum:?})"));
    let (reach, least) = (grammar::reach(&rule.pattern), grammar::least(&rule.pattern));
    write!(out, "reach: {reach}, least: {least}, ")?;
    let least = |least: Option<grammar::Least>| {
        least.map_or("None".to_owned(), |least| format!("Some(Least::{least:?})"))
    };
    write!(out, "assigned: {}, looks: {}, ", least(rule.assigned), least(rule.looks))?;
    write!(out, "entropy: {:?}, random: {}, checksum: {checksum}, ", rule.entropy, rule.random)?;
    write!(out, "confidence: Confidence::{:?}, ", rule.confidence)?;
    write!(out, "shapes: Cow::Borrowed(&[")?;
    for Shape { class, least, most } in shapes {
        write!(out, "Shape {{ class: Class::{class:?}, least: {least}, most: {most} }}, ")?;
    }
    write!(out, "]), ")?;
    for (field, texts) in [
        ("keywords", &rule.keywords),
        ("context", &rule.context),
        ("files", &rule.files),
        ("examples", &rule.examples),
        ("counter_examples", &rule.counter_examples),
    ] {
        let texts: Vec<String> = texts.iter().map(|text| text_of(text)).collect();
        write!(out, "{field}: Cow::Borrowed(&[{}]), ", texts.join(", "))?;
    }
    writeln!(out, "}},")
}

fn text_of(text: &str) -> String {
    format!("Cow::Borrowed({text:?})")
}
