//! The configuration as settings: included files laid over each other, credentials hidden.

use std::path::Path;

use clawvault_core::crypto::digest;
use clawvault_core::domain::{Hidden, Setting};
use clawvault_core::platform::read::Directory;

use super::config::{is_include, join, load};
use super::credentials::{is_credential, is_credential_variable, variable_at};
use super::references::{Text, read};
use super::{HomeError, config};
use crate::intake::{ParseError, Tree};

/// Reads the configuration below `home`; no settings where there is none.
pub fn settings(home: &Path) -> Result<Setting, HomeError> {
    let directory =
        Directory::open(home).map_err(|error| HomeError::Read { file: home.to_owned(), error })?;
    let mut all = Setting::Nothing;
    for layer in load(home, &directory)? {
        all.overlay(of_tree(&layer.tree, &mut layer.prefix.clone()).below(&layer.prefix));
    }
    Ok(all)
}

/// One document of JSON5 as settings.
pub fn parse_settings(bytes: &[u8]) -> Result<Setting, ParseError> {
    Ok(of_tree(&config::parse(bytes)?, &mut String::new()))
}

fn of_tree(node: &Tree, path: &mut String) -> Setting {
    let length = path.len();
    let mut below = |key: &str, child: &Tree| {
        join(path, key);
        let setting = of_tree(child, path);
        path.truncate(length);
        setting
    };
    match node {
        Tree::Map(map) => Setting::Map(
            map.iter()
                .filter(|(key, _)| !is_include(key))
                .map(|(key, child)| (key.clone(), below(key, child)))
                .collect(),
        ),
        Tree::List(list) => {
            let items = list.iter().enumerate();
            Setting::List(items.map(|(at, child)| below(&at.to_string(), child)).collect())
        }
        Tree::Text(text) => of_text(text, path),
        Tree::Truth(truth) => Setting::Truth(*truth),
        Tree::Whole(number) => Setting::Whole(*number),
        Tree::Other => Setting::Nothing,
    }
}

/// A text, hidden where it may be a secret: what is only referred to is none.
fn of_text(text: &str, path: &str) -> Setting {
    let secret = is_credential(path) || variable_at(path).is_some_and(is_credential_variable);
    match read(text, secret) {
        Text::Literal(literal) if secret && !literal.is_empty() => {
            let bytes = literal.as_bytes();
            let mut mark = [0; 16];
            mark.copy_from_slice(&digest(&[b"setting", bytes]).0[..16]);
            Setting::Hidden(Hidden::of(bytes, mark))
        }
        _ => Setting::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_joined_and_credentials_hidden() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
        write(
            "openclaw.json",
            "{gateway: {$include: 'gateway.json5', port: 1}, channels: {telegram: {botToken: '${T}'}}}",
        );
        write("gateway.json5", "{auth: {token: 'hunter2hunter2'}, port: 2, bind: 'lan'}");
        let settings = settings(home.path()).unwrap();
        assert_eq!(settings.at("gateway.port").whole(), Some(1));
        assert_eq!(settings.at("gateway.bind").text(), Some("lan"));
        assert_eq!(settings.at("channels.telegram.botToken").text(), Some("${T}"));
        let hidden = settings.at("gateway.auth.token").hidden().unwrap();
        assert_eq!(hidden.bytes, 14);
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
