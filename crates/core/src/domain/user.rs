//! Users of the system as a person names them.

use serde::Deserialize;

use super::NameError;

/// Longest name of a user, in bytes (`LOGIN_NAME_MAX` of Linux).
const MAX_USER: usize = 256;

/// A user's name, or its number in digits.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(try_from = "String")]
pub struct User(String);

impl User {
    /// Reads a name: what useradd(8) takes, and domains and accounts that directories serve.
    ///
    /// # Errors
    /// Where it is empty, too long, or has blanks, slashes, colons or control characters.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let fits = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, ':' | '/' | ',');
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > MAX_USER {
            return Err(NameError::TooLong(MAX_USER));
        }
        match text.chars().position(|c| !fits(c)) {
            Some(at) => Err(NameError::Character(at + 1)),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The number, where it is one.
    pub fn number(&self) -> Option<u32> {
        self.0.parse().ok()
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for User {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}
