//! What a manifest claims, tried: patterns against their examples, paths against their grammar.

use regex::bytes::RegexBuilder;

use crate::manifest::Manifest;
use crate::recipe::check_paths;

/// Tries what the grammar alone does not show.
///
/// # Errors
/// What does not hold, in our words.
pub fn check(manifest: &Manifest) -> Result<(), String> {
    for (at, format) in manifest.formats.iter().enumerate() {
        let wrong = |what: &str| format!("format {}: {what}", at + 1);
        let pattern = format!(r"\A(?:{})\z", format.pattern);
        let regex = RegexBuilder::new(&pattern).unicode(false).size_limit(1 << 20).build();
        let regex = regex.map_err(|_| wrong("the pattern is no regular expression"))?;
        if !format.examples.iter().all(|example| regex.is_match(example.as_bytes())) {
            return Err(wrong("an example does not have the shape of the pattern"));
        }
        if format.counter_examples.iter().any(|example| regex.is_match(example.as_bytes())) {
            return Err(wrong("a counter-example has the shape of the pattern"));
        }
    }
    match manifest.interface() {
        Ok(Some(interface)) => check_paths(&interface),
        Ok(None) => Ok(()),
        Err(why) => Err(why.to_owned()),
    }
}
