//! How a gateway is reached, as its configuration says.

use std::path::Path;

use clawvault_core::domain::Value;
use clawvault_core::platform::read::Directory;

use super::HomeError;
use super::config::{self, Layer};
use super::exec::PROVIDER;
use super::references::{Text, read};
use crate::intake::Tree;

/// The port where none is named.
const PORT: u16 = 18789;

/// Where a gateway listens and what it asks for.
#[derive(Debug)]
pub struct Gateway {
    /// Its port at the loopback address.
    pub port: u16,
    /// True where it speaks TLS.
    pub tls: bool,
    /// What it wants to be shown.
    pub wants: Wants,
}

/// What a gateway wants to be shown.
#[derive(Debug)]
pub enum Wants {
    /// Nothing.
    Nothing,
    /// This token.
    Token(Kept),
    /// This password.
    Password(Kept),
}

/// Where a credential of the gateway is kept.
#[derive(Debug)]
pub enum Kept {
    /// In the configuration itself.
    Here(Value),
    /// In this variable of the gateway.
    Variable(String),
    /// In the vault, under this id.
    Vault(String),
    /// Where we cannot look.
    Elsewhere,
}

/// Reads how the gateway of a home is reached.
///
/// # Errors
/// Where the configuration cannot be read.
pub fn gateway(home: &Path) -> Result<Gateway, HomeError> {
    let directory =
        Directory::open(home).map_err(|error| HomeError::Read { file: home.to_owned(), error })?;
    let layers = config::load(home, &directory)?;
    let at = |path: &[&str]| find(&layers, path);
    let port = match at(&["gateway", "port"]) {
        Some(Tree::Whole(port)) => u16::try_from(*port).unwrap_or(PORT),
        _ => PORT,
    };
    let tls = at(&["gateway", "tls", "enabled"]) == Some(&Tree::Truth(true));
    let token = at(&["gateway", "auth", "token"]);
    let password = at(&["gateway", "auth", "password"]);
    let wants = match at(&["gateway", "auth", "mode"]).and_then(Tree::text) {
        Some("none") => Wants::Nothing,
        Some("password") => Wants::Password(kept(password, "OPENCLAW_GATEWAY_PASSWORD")),
        None if token.is_none() && password.is_some() => {
            Wants::Password(kept(password, "OPENCLAW_GATEWAY_PASSWORD"))
        }
        _ => Wants::Token(kept(token, "OPENCLAW_GATEWAY_TOKEN")),
    };
    Ok(Gateway { port, tls, wants })
}

/// What the last layer that says something says of a place.
fn find<'a>(layers: &'a [Layer], path: &[&str]) -> Option<&'a Tree> {
    layers.iter().rev().find_map(|layer| {
        let mut rest = path.iter();
        if !layer.prefix.is_empty() {
            layer.prefix.split('.').all(|key| rest.next() == Some(&key)).then_some(())?;
        }
        rest.try_fold(&layer.tree, |tree, key| tree.get(key))
    })
}

fn kept(node: Option<&Tree>, usual: &str) -> Kept {
    let Some(node) = node else { return Kept::Variable(usual.to_owned()) };
    if let Some(text) = node.text() {
        return match read(text, true) {
            Text::Reference(name) => Kept::Variable(name.to_owned()),
            Text::Literal(text) => {
                Value::copy_of(text.as_bytes()).map_or(Kept::Elsewhere, Kept::Here)
            }
            Text::Mixed(_) => Kept::Elsewhere,
        };
    }
    let text = |key: &str| node.get(key).and_then(Tree::text);
    match (text("source"), text("provider"), text("id")) {
        (Some("exec"), Some(PROVIDER), Some(id)) => Kept::Vault(id.to_owned()),
        (Some("env"), _, Some(name)) => Kept::Variable(name.to_owned()),
        _ => Kept::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_described_by_its_configuration() {
        let home = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            std::fs::write(home.path().join("openclaw.json"), text).unwrap();
            let found = gateway(home.path()).unwrap();
            (found.port, found.tls, format!("{:?}", found.wants))
        };
        let usual = "Token(Variable(\"OPENCLAW_GATEWAY_TOKEN\"))";
        assert_eq!(read("{}"), (18789, false, usual.to_owned()));
        let (port, tls, wants) = read(
            "{gateway: {port: 1234, tls: {enabled: true}, auth: {mode: 'token', token: {source: \
             'exec', provider: 'clawvault', id: 'a/b'}}}}",
        );
        assert_eq!((port, tls, wants.as_str()), (1234, true, "Token(Vault(\"a/b\"))"));
        let wants = |auth: &str| read(&format!("{{gateway: {{auth: {auth}}}}}")).2;
        assert_eq!(wants("{mode: 'none', token: 'x'}"), "Nothing");
        assert!(wants("{password: 'secret-1'}").starts_with("Password(Here("));
        assert!(!wants("{password: 'secret-1'}").contains("secret-1"));
        assert_eq!(wants("{token: '${T}'}"), "Token(Variable(\"T\"))");
        assert_eq!(wants("{token: {source: 'file', provider: 'f', id: 'x'}}"), "Token(Elsewhere)");
    }
}
