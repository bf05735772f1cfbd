//! Names that a person types. Parsed once at the edge, valid ever after.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::limits::{MAX_LABEL, MAX_NAME, MAX_VARIABLE};

/// Why a name was refused. Never repeats the input: what was typed as a name may be a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name has no characters.
    #[error("the name is empty")]
    Empty,
    /// A character outside the allowed set, at this byte.
    #[error("character {0} of the name is not allowed")]
    Character(usize),
    /// `//`, a trailing `/`, or a part that is `.` or `..`.
    #[error("the name has an empty, `.` or `..` part")]
    Part,
    /// Longer than the bound.
    #[error("the name is longer than {0} bytes")]
    TooLong(usize),
}

fn check(text: &str, max: usize, inner: &[u8]) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > max {
        return Err(NameError::TooLong(max));
    }
    for (at, byte) in text.bytes().enumerate() {
        let plain = byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !plain && (at == 0 || !inner.contains(&byte)) {
            return Err(NameError::Character(at + 1));
        }
    }
    let bad_part = |part: &str| part.is_empty() || part == "." || part == "..";
    if text.split('/').any(bad_part) {
        return Err(NameError::Part);
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $max:expr, $inner:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks `text` against the grammar and bound of this kind of name.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check(text, $max, $inner)?;
                Ok(Self(text.to_owned()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl std::str::FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }
    };
}

name! {
    /// Name of a secret: `[a-z0-9][a-z0-9./-]*`, its first part the vendor's id where there is one.
    SecretName, MAX_NAME, b"./-"
}
name! {
    /// Name of a profile: `[a-z0-9][a-z0-9-]*`; `default` where none is given.
    ProfileName, MAX_LABEL, b"-"
}
name! {
    /// Name of one field of a version: `[a-z0-9][a-z0-9_-]*`; `value` where there is only one.
    FieldName, MAX_LABEL, b"_-"
}

impl SecretName {
    /// The part before the first `/`: the vendor's id, where the name follows the custom.
    pub fn vendor_part(&self) -> &str {
        self.0.split('/').next().unwrap_or(&self.0)
    }
}

impl Default for ProfileName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl Default for FieldName {
    fn default() -> Self {
        Self("value".to_owned())
    }
}

/// Why an environment variable was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VariableError {
    /// Not of the form `[A-Za-z_][A-Za-z0-9_]*`, or past its bound.
    #[error(
        "not the name of an environment variable ([A-Za-z_][A-Za-z0-9_]*, at most {MAX_VARIABLE} bytes)"
    )]
    Form,
    /// A variable that changes which code runs; a secret has no business there.
    #[error("this variable steers which code a process runs and is never set from a vault")]
    Steers,
}

/// Variables that steer loaders, interpreters and shells, or that clawvault itself reads.
const STEERING: &[&str] = &[
    "PATH",
    "HOME",
    "SHELL",
    "IFS",
    "ENV",
    "BASH_ENV",
    "BASHOPTS",
    "SHELLOPTS",
    "PS4",
    "PROMPT_COMMAND",
    "ZDOTDIR",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_EXTRA_CA_CERTS",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
    "PERL5LIB",
    "PERL5OPT",
    "PERL5DB",
    "RUBYOPT",
    "RUBYLIB",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "CLASSPATH",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_EXEC_PATH",
    "GIT_ASKPASS",
    "SSH_ASKPASS",
    "GIT_EDITOR",
    "GIT_PAGER",
    "GIT_PROXY_COMMAND",
    "GIT_EXTERNAL_DIFF",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "BROWSER",
    "GCONV_PATH",
    "LOCPATH",
    "NLSPATH",
    "HOSTALIASES",
    "RESOLV_HOST_CONF",
    "TZDIR",
    "TERMINFO",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "TMPDIR",
    "CREDENTIALS_DIRECTORY",
    "NOTIFY_SOCKET",
    "LUA_INIT",
    "LUA_PATH",
    "LUA_CPATH",
    "R_PROFILE",
    "DOTNET_STARTUP_HOOKS",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GLIBC_TUNABLES",
    "MALLOC_TRACE",
];

/// Whole families of such variables.
const STEERING_PREFIXES: &[&str] = &[
    "LD_",
    "DYLD_",
    "CLAWVAULT_",
    "GIT_CONFIG",
    "BASH_FUNC_",
    "PYTHON",
    "NPM_CONFIG_",
    "npm_config_",
];

/// Name of an environment variable that a secret may be injected under.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Variable(String);

impl Variable {
    /// Checks form and bound, and that the variable does not steer which code runs.
    pub fn parse(text: &str) -> Result<Self, VariableError> {
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        let rest = bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !first || !rest || text.len() > MAX_VARIABLE {
            return Err(VariableError::Form);
        }
        if STEERING.contains(&text) || STEERING_PREFIXES.iter().any(|p| text.starts_with(p)) {
            return Err(VariableError::Steers);
        }
        Ok(Self(text.to_owned()))
    }

    /// The variable's name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Variable> for String {
    fn from(variable: Variable) -> String {
        variable.0
    }
}

impl TryFrom<String> for Variable {
    type Error = VariableError;

    fn try_from(text: String) -> Result<Self, VariableError> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_names_follow_the_grammar() {
        for good in ["openai/main", "a", "0", "aws/prod.eu-1", "env/my-key"] {
            assert!(SecretName::parse(good).is_ok(), "{good}");
        }
        let long = "a".repeat(MAX_NAME + 1);
        for bad in ["", "/a", "a/", "a//b", "a/../b", "a/.", "A", "a_b", "-a", "é", &long] {
            assert!(SecretName::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(SecretName::parse("aB"), Err(NameError::Character(2)));
    }

    #[test]
    fn variables_that_steer_code_are_refused() {
        assert!(Variable::parse("OPENAI_API_KEY").is_ok());
        for steering in ["PATH", "LD_PRELOAD", "NODE_OPTIONS", "CLAWVAULT_IDENTITY", "BASH_ENV"] {
            assert_eq!(Variable::parse(steering), Err(VariableError::Steers), "{steering}");
        }
        for malformed in ["", "1A", "A-B", "A=B", "A B", "A\0"] {
            assert_eq!(Variable::parse(malformed), Err(VariableError::Form), "{malformed:?}");
        }
    }
}
