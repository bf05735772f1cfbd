//! The program `ssh`, run to log in: the one judge of whether a key is accepted.
//!
//! The private key is its stdin, a file in memory that has no name, so nothing is left of it after a
//! kill; `-n` keeps `ssh` from passing it on. The host is known by the one key that the policy pins.
//! Neither configuration nor agent of the user is asked. Of what `ssh` says on stderr only known
//! words are looked for.

use std::io::{Error, ErrorKind};
use std::process::Stdio;
use std::time::Duration;

use clawvault_core::domain::Value;
use clawvault_core::platform::memory_file;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::keys;
use crate::adapter::{Kind, VendorError};
use crate::native::call::{Call, Step};

const SSH: &str = "/usr/bin/ssh";
/// Longest time of one login, and of what is done in it.
const LIMIT: Duration = Duration::from_secs(30);
/// Most that is read of stderr, in bytes.
const MAX_WORDS: usize = 64 * 1024;
/// Most that is read of stdout, in bytes.
const MAX_OUTPUT: usize = 1024 * 1024;
/// What `ssh` says at the level VERBOSE once it is in.
const ENTERED: &str = "Authenticated to ";

/// Where to log in.
pub(super) struct Host {
    name: String,
    port: u16,
    user: String,
    /// `type base64`.
    key: String,
}

/// Whether the host let a key in.
pub(super) enum Login {
    Accepted,
    Refused,
}

impl Host {
    /// From `params.host`, `port`, `user` and `host_key`; `None` where no host is named.
    pub(super) fn of(call: &Call<'_>) -> Step<Option<Self>> {
        let Some(name) = call.param("host") else { return Ok(None) };
        let word = |text: &str| {
            !text.starts_with('-')
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte))
        };
        let user =
            call.param("user").ok_or_else(|| call.not_configured("params.user is missing"))?;
        if !word(name) || !word(user) {
            return Err(call.not_configured("params.host or params.user is no such name"));
        }
        let port = call.param("port").unwrap_or("22").parse();
        let key = call.param("host_key").and_then(keys::public);
        let pin = "params.host_key is missing or no key: \
                   it is a line of the host's /etc/ssh/ssh_host_ed25519_key.pub";
        Ok(Some(Self {
            name: name.to_owned(),
            port: port.map_err(|_| call.not_configured("params.port is no port"))?,
            user: user.to_owned(),
            key: key.ok_or_else(|| call.not_configured(pin))?,
        }))
    }

    /// Name of the login as a person would write it.
    pub(super) fn label(&self) -> String {
        format!("{}@{}:{}", self.user, self.name, self.port)
    }

    /// Logs in and does nothing there: no command of the key's line runs.
    pub(super) async fn login(&self, call: &Call<'_>, private: &Value) -> Step<Login> {
        let mut child = self.start(call, private, &["-N"])?;
        let words = timed(call, read_words(&mut child, true)).await?;
        child.kill().await.ok();
        match said(call, &words) {
            Ok(()) => Ok(Login::Accepted),
            Err(error) if error.kind == Kind::Unauthorized => Ok(Login::Refused),
            Err(error) => Err(error),
        }
    }

    /// Logs in, runs a command line of the host's shell and gives what it printed.
    pub(super) async fn run(&self, call: &Call<'_>, private: &Value, line: &str) -> Step<Vec<u8>> {
        let mut child = self.start(call, private, &["--", line])?;
        let outcome = timed(call, async {
            let output = tokio::spawn(read(child.stdout.take(), MAX_OUTPUT));
            let words = read_words(&mut child, false).await?;
            let output = output.await.map_err(Error::other)??;
            Ok((words, output, child.wait().await?))
        });
        let (words, output, status) = outcome.await?;
        said(call, &words)?;
        match status.code() {
            Some(0) => Ok(output),
            Some(code) => {
                Err(call.fault(Kind::Conflict, format!("the host's shell ended with {code}")))
            }
            None => Err(call.fault(Kind::Lost, "ssh was killed")),
        }
    }

    fn start(&self, call: &Call<'_>, private: &Value, last: &[&str]) -> Step<Child> {
        let known = format!("KnownHostsCommand=/bin/echo %H {}", self.key);
        let mut key = Zeroizing::new(private.expose().to_vec());
        if !key.ends_with(b"\n") {
            // ssh does not read it otherwise.
            key.push(b'\n');
        }
        let failed = |error: Error| {
            call.fault(Kind::NotConfigured, format!("{SSH} cannot be run ({})", error.kind()))
        };
        let mut command = Command::new(SSH);
        command.env_clear().env("LC_ALL", "C").args(["-F", "none", "-n", "-T", "-a", "-x"]);
        for option in [
            "BatchMode=yes",
            "ClearAllForwardings=yes",
            "ConnectTimeout=10",
            "ControlPath=none",
            "GlobalKnownHostsFile=none",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "LogLevel=VERBOSE",
            "PermitLocalCommand=no",
            "PreferredAuthentications=publickey",
            "StrictHostKeyChecking=yes",
            "UpdateHostKeys=no",
            "UserKnownHostsFile=none",
            &known,
        ] {
            command.args(["-o", option]);
        }
        command.args(["-i", "/dev/stdin", "-l", &self.user, "-p", &self.port.to_string()]);
        let (options, rest) = last.split_at(usize::from(last.first() == Some(&"-N")));
        command.args(options).arg(&self.name).args(rest);
        command
            .stdin(Stdio::from(memory_file(&key).map_err(failed)?))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)
    }
}

async fn timed<T>(call: &Call<'_>, work: impl Future<Output = std::io::Result<T>>) -> Step<T> {
    let late =
        call.fault(Kind::Lost, format!("ssh was not done after {} seconds", LIMIT.as_secs()));
    let broken = |error: Error| call.fault(Kind::Lost, format!("ssh: {}", error.kind()));
    tokio::time::timeout(LIMIT, work).await.map_err(|_| late)?.map_err(broken)
}

/// What `ssh` says, to its end or until it is in.
async fn read_words(child: &mut Child, until_in: bool) -> std::io::Result<String> {
    let Some(mut stderr) = child.stderr.take() else { return Ok(String::new()) };
    let mut words = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stderr.read(&mut chunk).await?;
        words.extend_from_slice(&chunk[..count.min(MAX_WORDS.saturating_sub(words.len()))]);
        let text = String::from_utf8_lossy(&words);
        if count == 0 || until_in && is_in(&text) {
            return Ok(text.into_owned());
        }
    }
}

async fn read(stdout: Option<impl AsyncRead + Unpin>, max: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stdout) = stdout {
        stdout.take(max as u64 + 1).read_to_end(&mut bytes).await?;
    }
    if bytes.len() > max { Err(ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

fn is_in(words: &str) -> bool {
    words.lines().any(|line| line.starts_with(ENTERED))
}

/// What the words mean, where it is not that the key was let in.
fn said(call: &Call<'_>, words: &str) -> Result<(), VendorError> {
    const MEANINGS: [(&str, Kind, &str); 8] = [
        ("Load key ", Kind::NotConfigured, "ssh cannot read the private key"),
        (
            "Host key verification failed",
            Kind::Tls,
            "the host has another key than params.host_key",
        ),
        ("Permission denied", Kind::Unauthorized, "the host refused the key"),
        ("Too many authentication failures", Kind::RateLimited, "the host ended the login"),
        ("Could not resolve hostname", Kind::Unreachable, "the host's name is not known"),
        ("Connection closed by", Kind::VendorFailed, "the host ended the connection"),
        ("Connection reset by", Kind::VendorFailed, "the host ended the connection"),
        ("onnect", Kind::Unreachable, "the host cannot be reached"),
    ];
    if is_in(words) {
        return Ok(());
    }
    let found = MEANINGS.iter().find(|(text, _, _)| words.contains(text));
    Err(match found {
        Some((_, kind, detail)) => call.fault(*kind, *detail),
        None => call.fault(Kind::BadAnswer, "ssh ended without a word that is known here"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::{Ask, Operation};

    #[test]
    fn only_a_refused_key_is_a_dead_one() {
        let ask = Ask::default();
        let call = Call::new("ssh", Operation::Validate, &ask);
        let kind = |words: &str| said(&call, words).err().map(|error| error.kind);
        assert_eq!(kind("banner\nAuthenticated to h ([h]:22) using \"publickey\".\n"), None);
        let denied = "u@h: Permission denied (publickey).";
        assert_eq!(kind(denied), Some(Kind::Unauthorized));
        assert_eq!(
            kind(&format!("Load key \"/dev/stdin\": invalid format\n{denied}")),
            Some(Kind::NotConfigured)
        );
        assert_eq!(kind("Host key verification failed."), Some(Kind::Tls));
        assert_eq!(
            kind("ssh: connect to host h port 22: Connection refused"),
            Some(Kind::Unreachable)
        );
        assert_eq!(
            kind("kex_exchange_identification: Connection closed by remote host"),
            Some(Kind::VendorFailed)
        );
        assert_eq!(kind("secret words"), Some(Kind::BadAnswer));
    }
}
