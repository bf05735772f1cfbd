//! The file `authorized_keys` that is edited: of this machine, or of the host, over a login.

use std::path::Path;

use clawvault_core::domain::Value;
use clawvault_core::platform::HeldFile;

use super::authorized::{with, without};
use super::login::Host;
use crate::adapter::Kind;
use crate::native::call::{Call, Step};

/// Largest file, in bytes.
const MAX_FILE: usize = 1024 * 1024;
/// Where the file lies in the home of the host's user.
const USUAL: &str = ".ssh/authorized_keys";
/// Ends what a script printed: a forced command prints no such thing.
const DONE: &str = "clawvault-done\n";

/// The file, and the way to it.
pub(super) enum KeysFile<'a> {
    Here(&'a Path),
    There(&'a Host, &'a Value),
}

impl<'a> KeysFile<'a> {
    /// Of this machine where `params.authorized_keys` names one, else of the host: entered with
    /// `private`.
    pub(super) fn of(call: &Call<'a>, host: Option<&'a Host>, private: &'a Value) -> Step<Self> {
        match (call.param("authorized_keys"), host) {
            (Some(path), _) if Path::new(path).is_absolute() => Ok(Self::Here(Path::new(path))),
            (Some(_), _) => Err(call.not_configured("params.authorized_keys is no absolute path")),
            (None, Some(host)) => Ok(Self::There(host, private)),
            (None, None) => Err(call.not_configured(
                "neither params.authorized_keys (a file of this machine) nor params.host (a login) is there",
            )),
        }
    }

    pub(super) async fn read(&self, call: &Call<'_>) -> Step<String> {
        let bytes = match self {
            Self::Here(path) => held(call, path)?.bytes().to_vec(),
            Self::There(host, private) => {
                script(call, host, private, "cat \"$f\" && printf %s", &[DONE]).await?
            }
        };
        let not_text = |_| call.fault(Kind::BadAnswer, "authorized_keys is not UTF-8");
        String::from_utf8(bytes).map_err(not_text)
    }

    /// Adds a line at the end.
    pub(super) async fn add(&self, call: &Call<'_>, line: &str) -> Step<()> {
        match self {
            Self::Here(path) => {
                let held = held(call, path)?;
                let text = text_of(call, &held)?;
                replace(call, &held, &with(text, line))
            }
            Self::There(host, private) => {
                let edit = "{ sed -e '$a\\' \"$o\" && printf '%s\\n' \"$1\"; } > \"$n\"";
                edit_there(call, host, private, edit, line).await
            }
        }
    }

    /// Removes the lines of a key; where there is none nothing is done.
    pub(super) async fn remove(&self, call: &Call<'_>, blob: &str) -> Step<()> {
        match self {
            Self::Here(path) => {
                let held = held(call, path)?;
                match without(text_of(call, &held)?, blob) {
                    Some(text) => replace(call, &held, &text),
                    None => Ok(()),
                }
            }
            Self::There(host, private) => {
                // grep's 1 says that no line is left.
                let edit = "{ grep -vF -e \" $1\" \"$o\" > \"$n\" || [ $? -eq 1 ]; }";
                edit_there(call, host, private, edit, blob).await
            }
        }
    }
}

fn held(call: &Call<'_>, path: &Path) -> Step<HeldFile> {
    HeldFile::open_absolute(path, MAX_FILE)
        .map_err(|error| call.not_configured(format!("authorized_keys: {error}")))
}

fn text_of<'a>(call: &Call<'_>, held: &'a HeldFile) -> Step<&'a str> {
    let not_text = |_| call.fault(Kind::BadAnswer, "authorized_keys is not UTF-8");
    std::str::from_utf8(held.bytes()).map_err(not_text)
}

fn replace(call: &Call<'_>, held: &HeldFile, text: &str) -> Step<()> {
    held.replace(text.as_bytes(), held.mode())
        .map_err(|error| call.fault(Kind::Conflict, format!("authorized_keys: {error}")))
}

/// A copy with the file's rights is edited and renamed into its place, unless the file changed
/// meanwhile.
async fn edit_there(
    call: &Call<'_>,
    host: &Host,
    private: &Value,
    edit: &str,
    argument: &str,
) -> Step<()> {
    let line = format!(
        "[ -f \"$f\" ] && [ ! -L \"$f\" ] && o=$(mktemp \"$f.XXXXXX\") && n=$(mktemp \"$f.XXXXXX\") && \
         trap 'rm -f \"$o\" \"$n\"' EXIT && cp -p \"$f\" \"$o\" && cp -p \"$f\" \"$n\" && {edit} && \
         cmp -s \"$f\" \"$o\" && mv \"$n\" \"$f\" && printf %s \"$2\""
    );
    script(call, host, private, &line, &[argument, DONE]).await.map(drop)
}

/// Runs a script of the POSIX shell, in which `$f` is the file; it prints the mark at its end.
async fn script(
    call: &Call<'_>,
    host: &Host,
    private: &Value,
    script: &str,
    arguments: &[&str],
) -> Step<Vec<u8>> {
    let file = call.param("file").unwrap_or(USUAL);
    // A script without arguments of its own ends in the mark itself.
    let tail = if arguments == [DONE] { " \"$1\"" } else { "" };
    let script = format!("umask 077; cd && f=$0 && {script}{tail}");
    let words = [script.as_str(), file].into_iter().chain(arguments.iter().copied());
    let words: Vec<String> = words.map(quoted).collect();
    let output = host.run(call, private, &format!("exec sh -c {}", words.join(" "))).await?;
    match output.strip_suffix(DONE.as_bytes()) {
        Some(output) => Ok(output.to_vec()),
        None => Err(call.fault(
            Kind::Conflict,
            "the host did not run what was asked: a forced command, or no POSIX shell",
        )),
    }
}

/// One word for any shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
