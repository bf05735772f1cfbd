//! Turns the built-in rules, and the token formats of the vendors, into bytes and static tables: a scan
//! parses nothing before its first keyword.

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
/// What a rule is to a scan, shared with the library.
#[path = "src/rule/record.rs"]
pub mod record;
/// The grammar of the table of shapes, shared with the library.
#[allow(dead_code, reason = "the library uses the rest")]
#[path = "src/rule/shapes.rs"]
pub mod shapes;
/// How a vendor's form of tokens becomes a rule, shared with the library.
#[path = "src/rule/token.rs"]
pub mod token;

use clawvault_providers::{Format, Vendor, vendors};
use gram::Gathered;
use grammar::{Confidence, Least, RuleEntry, RuleFile, Severity};
use record::Rule;
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
    let mut rules: Vec<Rule> = Vec::new();
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
                rules.push(Rule::of(rule));
            }
        }
    }
    for rule in written {
        rules.push(Rule::of(rule));
    }
    for (id, entry) in &table {
        rules.push(of_shapes(id, entry));
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let (mut tables, bytes) = tables(&rules)?;
    let mut made = fnv(fnv(FNV_START, tables.as_bytes()), &bytes);
    for place in DECIDING {
        made = digest(Path::new(place), made)?;
    }
    writeln!(tables, "/// Tells what this build finds from what another one does.")?;
    writeln!(tables, "static BUILD: u128 = {made};")?;
    fs::write(out.join("rules.bin"), bytes)?;
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

/// The rule that one line of the table of shapes stands for.
fn of_shapes(id: &str, entry: &ShapeEntry) -> Rule {
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
    let shapes = shapes.iter().filter_map(|shape| Shape::parse(shape)).collect();
    Rule { shapes, ..Rule::of(rule) }
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

/// The tables, as source, and the rules, as bytes.
fn tables(rules: &[Rule]) -> Result<(String, Vec<u8>), Box<dyn Error>> {
    let (mut patterns, mut shapes) = (Gathered::default(), Gathered::default());
    let mut begins: Vec<([u8; BEGIN], u16)> = Vec::new();
    let (mut bytes, mut places): (Vec<u8>, Vec<u32>) = (Vec::new(), Vec::new());
    for (number, rule) in (0..).zip(rules) {
        places.push(u32::try_from(bytes.len())?);
        bytes.extend(postcard::to_stdvec(rule)?);
        let by_word = if rule.shapes.is_empty() { &mut patterns } else { &mut shapes };
        for keyword in &rule.keywords {
            match begin(rule, keyword) {
                Some(begin) => begins.push((begin, number)),
                None => by_word.add(keyword, rule.ignore_case, number, rule.is_alone()),
            }
        }
    }
    let mut out = String::new();
    writeln!(
        out,
        "static RULES: &[u8] = include_bytes!(concat!(env!(\"OUT_DIR\"), \"/rules.bin\"));"
    )?;
    array(&mut out, "PLACES", "u32", &places)?;
    let unnamed = (0_u16..).zip(rules).find(|(_, rule)| rule.assigned == Some(Least::Unnamed));
    let unnamed = unnamed.map(|(number, _)| number);
    writeln!(out, "static UNNAMED: Option<u16> = {unnamed:?};")?;
    let of_files = (0..).zip(rules).filter(|(_, rule)| !rule.files.is_empty());
    let of_files: Vec<u16> = of_files.map(|(number, _)| number).collect();
    array(&mut out, "OF_FILES", "u16", &of_files)?;
    array(&mut out, "BEGINS", "([u8; 2], u16)", &begins)?;
    write_words(&mut out, "PATTERN", &patterns)?;
    write_words(&mut out, "SHAPE", &shapes)?;
    Ok((out, bytes))
}

/// The first two bytes of a keyword that is looked for only where a run begins: one that is too
/// short to be looked for everywhere at little cost, and begins a key.
fn begin(rule: &Rule, keyword: &str) -> Option<[u8; BEGIN]> {
    let in_run = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let key = rule.begins_with_keyword() && rule.assigned.is_none() && !rule.ignore_case;
    let key = key && grammar::run_at_start(&rule.pattern) >= MIN_RUN && keyword.bytes().all(in_run);
    match keyword.as_bytes() {
        [first, second] if rule.shapes.is_empty() => Some([*first, *second]),
        [first, second, _] if rule.shapes.is_empty() && key => Some([*first, *second]),
        _ => None,
    }
}

/// Writes keywords and the table that finds them.
fn write_words(out: &mut String, name: &str, keywords: &Gathered) -> Result<(), Box<dyn Error>> {
    let (words, table) =
        keywords.tables().ok_or("more keywords than can be numbered, or too long ones")?;
    writeln!(out, "static {name}_TEXTS: &str = {:?};", words.texts)?;
    array(out, &format!("{name}_RULES"), "u16", &words.rules)?;
    array(out, &format!("{name}_PLACES"), "Place", &words.places)?;
    array(out, &format!("{name}_BITS"), "u64", &table.bits)?;
    array(out, &format!("{name}_STARTS"), "u16", &table.starts)?;
    array(out, &format!("{name}_ENTRIES"), "Entry", &table.entries)?;
    Ok(())
}

fn array<T: Debug>(out: &mut String, name: &str, kind: &str, all: &[T]) -> std::fmt::Result {
    writeln!(out, "static {name}: [{kind}; {}] = {all:?};", all.len())
}
