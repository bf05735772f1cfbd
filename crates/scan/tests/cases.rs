//! Texts as people write them, in `cases/*.toml`, and what is found in each.
//!
//! A case is `text` with `finds`, the secrets in it; with an empty list, nothing may be found.
//! `name` is the path of the file, where that matters.

use std::fs;
use std::path::Path;

use clawvault_scan::engine::{Hit, Scanner, Text, What};
use clawvault_scan::rule::RuleSet;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Whether what is nobody's format may still be told as a secret of a name.
    #[serde(default)]
    generic: bool,
    #[serde(rename = "case")]
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    name: String,
    text: String,
    finds: Vec<String>,
}

fn case_finds_nothing(case: &Case) -> bool {
    case.finds.is_empty()
}

fn is_generic(rules: &RuleSet, hit: &Hit) -> bool {
    matches!(hit.what, What::Rule(number) if rules.rule(number).assigned.is_some())
}

#[test]
fn each_case_finds_what_it_says_and_nothing_else() {
    let rules = RuleSet::built_in();
    let scanner = Scanner { rules: &rules, known: None };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let (mut wrong, mut all) = (Vec::new(), 0);
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let file: File = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for case in &file.cases {
            all += 1;
            let text = Text { name: case.name.as_bytes(), bytes: case.text.as_bytes() };
            let mut hits = scanner.scan(text);
            hits.retain(|hit| {
                !(file.generic && case_finds_nothing(case) && is_generic(&rules, hit))
            });
            let told: Vec<String> =
                hits.iter().map(|hit| String::from_utf8_lossy(&hit.value).into_owned()).collect();
            let missed =
                case.finds.iter().filter(|secret| !told.iter().any(|told| told.contains(*secret)));
            let missed: Vec<&String> = missed.collect();
            if !missed.is_empty() || (case.finds.is_empty() && !told.is_empty()) {
                let file = path.file_name().unwrap().to_string_lossy().into_owned();
                wrong.push(format!("{file}: {:?}: missed {missed:?}, told {told:?}", case.text));
            }
        }
    }
    assert!(all > 0, "no cases");
    assert!(wrong.is_empty(), "{} of {all}:\n{}", wrong.len(), wrong.join("\n"));
}
