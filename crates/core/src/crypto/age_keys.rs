//! The kinds of age keys that a slot can be for: age's own, and where the build has them SSH keys
//! (feature `ssh`) and those of age plugins (feature `plugin`).
//!
//! A plugin is a program `age-plugin-NAME` on the PATH that speaks over its stdin and stdout. It is
//! asked nothing that would need a person: this floor has no terminal.

use std::fmt;

use age::x25519;

#[cfg(feature = "plugin")]
use age::{NoCallbacks, plugin};
#[cfg(feature = "plugin")]
use std::rc::Rc;

use super::CryptoError;

const PLUGIN_IDENTITY: &str = "AGE-PLUGIN-";

/// A key that opens.
pub(super) enum SecretHalf {
    Age(x25519::Identity),
    #[cfg(feature = "ssh")]
    Ssh(Box<(age::ssh::Identity, age::ssh::Recipient)>),
    #[cfg(feature = "plugin")]
    Plugin(Box<(plugin::IdentityPluginV1<NoCallbacks>, plugin::Identity)>),
}

impl SecretHalf {
    /// Finds the keys in the text of a file: an SSH key fills it, others have a line each.
    pub(super) fn parse_file(text: &str) -> Result<Vec<Self>, CryptoError> {
        if text.trim_start().starts_with("-----BEGIN ") {
            return Ok(vec![parse_ssh(text)?]);
        }
        let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        let keys: Vec<Self> = lines.map(Self::parse).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(CryptoError::Malformed) } else { Ok(keys) }
    }

    fn parse(line: &str) -> Result<Self, CryptoError> {
        if line.starts_with(PLUGIN_IDENTITY) {
            return parse_plugin(line);
        }
        line.parse().map(Self::Age).map_err(|_| CryptoError::Malformed)
    }

    /// The same key, as the library takes it.
    pub(super) fn as_age(&self) -> &dyn age::Identity {
        match self {
            Self::Age(key) => key,
            #[cfg(feature = "ssh")]
            Self::Ssh(key) => &key.0,
            #[cfg(feature = "plugin")]
            Self::Plugin(key) => &key.0,
        }
    }

    /// The public half. That of a plugin's key cannot be written down: the plugin alone knows it.
    pub(super) fn public(&self) -> PublicHalf {
        match self {
            Self::Age(key) => PublicHalf::Age(key.to_public()),
            #[cfg(feature = "ssh")]
            Self::Ssh(key) => PublicHalf::Ssh(key.1.clone()),
            #[cfg(feature = "plugin")]
            Self::Plugin(_) => PublicHalf::Plugin(None, String::new()),
        }
    }

    /// How the recipient of the key's own slot begins: whole, where the key tells it.
    pub(super) fn label(&self) -> String {
        match self {
            #[cfg(feature = "plugin")]
            Self::Plugin(key) => format!("age1{}1", key.1.plugin()),
            _ => self.public().to_string(),
        }
    }
}

/// A build without the feature for a kind of key says so.
#[cfg(not(feature = "ssh"))]
fn parse_ssh(_: &str) -> Result<SecretHalf, CryptoError> {
    Err(CryptoError::NotBuilt)
}

#[cfg(not(feature = "ssh"))]
fn parse_ssh_recipient(_: &str) -> Result<PublicHalf, CryptoError> {
    Err(CryptoError::NotBuilt)
}

#[cfg(not(feature = "plugin"))]
fn parse_plugin(_: &str) -> Result<SecretHalf, CryptoError> {
    Err(CryptoError::NotBuilt)
}

#[cfg(not(feature = "plugin"))]
fn parse_plugin_recipient(_: &str) -> Result<PublicHalf, CryptoError> {
    Err(CryptoError::NotBuilt)
}

#[cfg(feature = "ssh")]
fn parse_ssh(text: &str) -> Result<SecretHalf, CryptoError> {
    use age::ssh::Identity;
    let key = Identity::from_buffer(text.as_bytes(), None).map_err(|_| CryptoError::Malformed)?;
    if matches!(key, Identity::Encrypted(_)) {
        return Err(CryptoError::Protected);
    }
    let public = key.clone().try_into().map_err(|_| CryptoError::Malformed)?;
    Ok(SecretHalf::Ssh(Box::new((key, public))))
}

#[cfg(feature = "ssh")]
fn parse_ssh_recipient(text: &str) -> Result<PublicHalf, CryptoError> {
    text.parse().map(PublicHalf::Ssh).map_err(|_| CryptoError::Malformed)
}

#[cfg(feature = "plugin")]
fn parse_plugin(line: &str) -> Result<SecretHalf, CryptoError> {
    let key: plugin::Identity = line.parse().map_err(|_| CryptoError::Malformed)?;
    let own = std::slice::from_ref(&key);
    let opener = plugin::IdentityPluginV1::new(key.plugin(), own, NoCallbacks);
    Ok(SecretHalf::Plugin(Box::new((opener.map_err(|_| CryptoError::NoPlugin)?, key))))
}

#[cfg(feature = "plugin")]
fn parse_plugin_recipient(text: &str) -> Result<PublicHalf, CryptoError> {
    let key: plugin::Recipient = text.parse().map_err(|_| CryptoError::Malformed)?;
    let own = std::slice::from_ref(&key);
    let sealer = plugin::RecipientPluginV1::new(key.plugin(), own, &[], NoCallbacks);
    let sealer = sealer.map_err(|_| CryptoError::NoPlugin)?;
    Ok(PublicHalf::Plugin(Some(Rc::new(sealer)), text.to_owned()))
}

/// A key that seals.
#[derive(Clone)]
pub(super) enum PublicHalf {
    Age(x25519::Recipient),
    #[cfg(feature = "ssh")]
    Ssh(age::ssh::Recipient),
    #[cfg(feature = "plugin")]
    Plugin(Option<Rc<plugin::RecipientPluginV1<NoCallbacks>>>, String),
}

impl PublicHalf {
    /// Reads a recipient.
    pub(super) fn parse(text: &str) -> Result<Self, CryptoError> {
        if text.starts_with("ssh-") {
            return parse_ssh_recipient(text);
        }
        if let Ok(key) = text.parse() {
            return Ok(Self::Age(key));
        }
        // After age's own `age1`, a plugin's recipient has the plugin's name and another 1.
        match text.strip_prefix("age1").is_some_and(|rest| rest.contains('1')) {
            true => parse_plugin_recipient(text),
            false => Err(CryptoError::Malformed),
        }
    }

    /// True where a program of somebody else does the work, whose failures are its own.
    pub(super) fn is_plugin(&self) -> bool {
        match self {
            #[cfg(feature = "plugin")]
            Self::Plugin(..) => true,
            _ => false,
        }
    }

    /// The same key, as the library takes it; none where only a plugin knows it.
    pub(super) fn as_age(&self) -> Option<&dyn age::Recipient> {
        match self {
            Self::Age(key) => Some(key),
            #[cfg(feature = "ssh")]
            Self::Ssh(key) => Some(key),
            #[cfg(feature = "plugin")]
            Self::Plugin(key, _) => key.as_ref().map(|key| &**key as &dyn age::Recipient),
        }
    }
}

impl fmt::Display for PublicHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Age(key) => key.fmt(f),
            #[cfg(feature = "ssh")]
            Self::Ssh(key) => key.fmt(f),
            #[cfg(feature = "plugin")]
            Self::Plugin(_, text) => f.write_str(text),
        }
    }
}
