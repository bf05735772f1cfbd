//! Places where a key is in use and has to be told of a new one.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clawvault_core::domain::{FieldName, ProfileName, SecretName, Sha256};
use clawvault_core::platform::{Dir, Private, executable};
use clawvault_providers::adapter::Fields;

/// A script that takes longer is ended.
const PATIENCE: Duration = Duration::from_secs(60);
/// Largest script, in bytes.

/// What a sink is told.
#[derive(Clone, Debug)]
pub struct Notice {
    /// First half of the secret's key.
    pub profile: ProfileName,
    /// Second half.
    pub name: SecretName,
    /// The version that is current now.
    pub version: u32,
    /// The one that was current before.
    pub before: u32,
    /// The fields of the version that is current now.
    pub fields: Fields,
}

/// Why a sink does not use the new key; our own words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SinkError(String);

impl SinkError {
    /// Which sink, and what is wrong.
    pub fn new(sink: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self(format!("{sink}: {what}"))
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One place. It may be told the same more than once.
pub trait Sink: Send {
    /// How a person knows it.
    fn name(&self) -> String;

    /// Brings it to the version that is current now; it returns once that is in use there.
    ///
    /// # Errors
    /// Where it does not use it: the old key is made current again.
    fn tell(&self, notice: &Notice) -> Result<(), SinkError>;
}

/// A file with one field in it, 0600, replaced whole.
#[derive(Debug)]
pub struct FileSink {
    /// Its absolute path.
    pub path: PathBuf,
    /// The field; the only one where none is named.
    pub field: Option<FieldName>,
}

impl Sink for FileSink {
    fn name(&self) -> String {
        format!("file {}", self.path.display())
    }

    fn tell(&self, notice: &Notice) -> Result<(), SinkError> {
        let fail = |what: &dyn fmt::Display| SinkError::new(self.name(), what);
        let value = match (&self.field, notice.fields.as_slice()) {
            (None, [(_, only)]) => only,
            (None, _) => return Err(fail(&"the policy names no field, and there are several")),
            (Some(field), fields) => {
                let found = fields.iter().find(|(name, _)| name == field);
                &found.ok_or_else(|| fail(&"there is no such field"))?.1
            }
        };
        let (Some(parent), Some(name)) =
            (self.path.parent(), self.path.file_name().and_then(|name| name.to_str()))
        else {
            return Err(fail(&"its path names no file"));
        };
        let dir = Dir::open(parent, Private::Inspect).map_err(|error| fail(&error))?;
        dir.replace(name, value.expose()).map_err(|error| fail(&error))
    }
}

/// A script that is told the secret's name, and fetches the value itself if it wants it.
#[derive(Debug)]
pub struct HookSink {
    /// Its absolute path.
    pub path: PathBuf,
    /// What it must hold.
    pub sha256: Sha256,
}

impl Sink for HookSink {
    fn name(&self) -> String {
        format!("hook {}", self.path.display())
    }

    fn tell(&self, notice: &Notice) -> Result<(), SinkError> {
        let fail = |what: &str| SinkError::new(self.name(), what);
        executable::is_pinned(&self.path, &self.sha256.0).map_err(fail)?;
        let mut command = Command::new(&self.path);
        command.arg(notice.name.as_str()).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir("/");
        command.env("CLAWVAULT_SECRET", notice.name.as_str());
        command.env("CLAWVAULT_PROFILE", notice.profile.as_str());
        command.env("CLAWVAULT_VERSION", notice.version.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|_| fail("it cannot be started"))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(fail(&format!("it ended with {status}"))),
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                _ => {
                    child.kill().ok();
                    child.wait().ok();
                    return Err(fail("it took longer than a minute"));
                }
            }
        }
    }
}
