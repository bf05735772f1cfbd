//! What a person is told when something does not work: one line what, one line what to do.

use clawvault_core::crypto::CryptoError;
use clawvault_core::domain::Outcome;
use clawvault_core::platform::PlatformError;
use clawvault_core::platform::read::ReadError;
use clawvault_core::vault::{BackupError, VaultError};

use crate::intake::ParseError;
use crate::launch::LaunchError;
use crate::openclaw::HomeError;

/// The exit codes; they are a contract.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Code {
    /// The answer is no.
    No = 1,
    /// The command was not understood.
    Usage = 2,
    /// Locked, or a rule forbids it.
    Denied = 3,
    /// There is no such thing.
    Missing = 4,
    /// The vault is damaged.
    Damaged = 5,
    /// A vendor refused or could not be reached.
    Vendor = 6,
    /// Any other failure.
    Failed = 7,
    /// `run`: clawvault refused or failed before the launch.
    NotLaunched = 125,
    /// `run`: the program cannot be run.
    NotRunnable = 126,
    /// `run`: there is no such program.
    NoProgram = 127,
}

/// How the vault says that another process was faster; the daemon hands on these very words.
const STALE: &str = "another process is rotating or revoking ";

/// A failure, in two lines and a code. Neither line ever holds anything of a value.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct AppError {
    /// The exit code.
    pub code: Code,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl AppError {
    /// Builds an error from its parts.
    pub fn new(code: Code, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { code, what: what.into(), advice: advice.into() }
    }

    /// A command that was not understood.
    pub fn usage(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(Code::Usage, what, advice)
    }

    /// True where another process made a step in the life of the same keys.
    pub fn is_stale(&self) -> bool {
        self.what.starts_with(STALE)
    }

    /// How the audit log names it: a rule forbade it, or it did not work.
    pub fn outcome(&self) -> Outcome {
        if self.code == Code::Denied { Outcome::Refused } else { Outcome::Failed }
    }

    /// The same failure of a `run`, before the launch.
    pub fn before_launch(self) -> Self {
        match self.code {
            Code::NoProgram | Code::NotRunnable => self,
            _ => Self { code: Code::NotLaunched, ..self },
        }
    }
}

impl From<VaultError> for AppError {
    fn from(error: VaultError) -> Self {
        let (code, advice) = match &error {
            VaultError::Backup(error) => backup(error),
            VaultError::Crypto(CryptoError::NoRandomness) => {
                (Code::Failed, "Try again once the machine has started completely.")
            }
            VaultError::Crypto(error) if key_advice(*error).is_some() => {
                (Code::Denied, key_advice(*error).unwrap_or_default())
            }
            VaultError::Crypto(_) => {
                (Code::Denied, "Name another key with --identity FILE or --passphrase-file FILE.")
            }
            VaultError::Damaged(_) => (
                Code::Damaged,
                "Run `clawvault doctor`: it says what is left and how to get the rest back.",
            ),
            VaultError::Exists(_) => {
                (Code::Failed, "Use it, or name another home with CLAWVAULT_HOME.")
            }
            VaultError::Limit(_) => (Code::Usage, "Nothing was changed."),
            VaultError::Locked(_) => (
                Code::Denied,
                "Name its key with --identity FILE, CLAWVAULT_IDENTITY or --passphrase-file FILE.",
            ),
            VaultError::Log(_) => (
                Code::Failed,
                "Make the vault's log directory writable, or free some space; nothing was changed.",
            ),
            VaultError::Newer(_) => (Code::Failed, "Use the newer clawvault that wrote it."),
            VaultError::NoVault(_) => (
                Code::Missing,
                "Make one with `clawvault init`, or name its home with CLAWVAULT_HOME.",
            ),
            VaultError::Stale(_) => {
                (Code::Failed, "`clawvault rotations` shows what is under way; try again later.")
            }
            VaultError::NoSuch(_) => (Code::Missing, "`clawvault list` shows what there is."),
            VaultError::Platform(error) => return platform(error),
            VaultError::Policy(_) => {
                (Code::Usage, "Nothing was changed; mend the document and apply it again.")
            }
            VaultError::RolledBack { .. } | VaultError::OldEpoch { .. } => (
                Code::Damaged,
                "Put the newer files back, or, if you restored an older copy on purpose, run \
                 `clawvault doctor --accept-rollback`.",
            ),
            VaultError::Uncleared(_) => {
                (Code::Failed, "Make it writable; any next command removes the rest.")
            }
            VaultError::Unanchored(_) => {
                (Code::Failed, "Free space there or make it writable; any next command mends it.")
            }
            _ => (
                Code::Failed,
                "Check that the disk has space and is writable; nothing was changed.",
            ),
        };
        Self::new(code, error.to_string(), advice)
    }
}

/// What to do about a kind of key that does not work here.
pub(super) fn key_advice(error: CryptoError) -> Option<&'static str> {
    Some(match error {
        CryptoError::NoPlugin => "Put its age-plugin-… on the PATH.",
        CryptoError::NoRecipient => "Name the recipient that the plugin showed with it.",
        CryptoError::NotBuilt => {
            "Build one with `--features ssh` or `--features plugin`, or name another key."
        }
        CryptoError::Plugin => {
            "Ask the plugin itself; nothing that needs a person reaches it here."
        }
        CryptoError::Protected => {
            "Name a copy in memory without one: `ssh-keygen -p -N '' -f COPY`; or another key."
        }
        _ => return None,
    })
}

fn backup(error: &BackupError) -> (Code, &'static str) {
    match error {
        BackupError::Damaged(_) => {
            (Code::Damaged, "Take another copy of it, or an older backup; nothing was changed.")
        }
        BackupError::Exists => {
            (Code::Usage, "Name another file, or replace that one with --force.")
        }
        BackupError::Foreign(_) => {
            (Code::Usage, "Name a file that `clawvault backup` wrote; nothing was changed.")
        }
        BackupError::Missing => (Code::Missing, "Check its path; nothing was changed."),
        BackupError::Newer(_) => {
            (Code::Failed, "Use the newer clawvault that wrote it; nothing was changed.")
        }
        BackupError::NoKey => (
            Code::Denied,
            "Name a key of that time with --identity FILE: an identity, a recovery key, or the \
             backup's .identity file with its passphrase.",
        ),
        BackupError::Older { .. } => (
            Code::Usage,
            "What came after it would be gone: give --older if that is meant. Nothing was changed.",
        ),
        BackupError::OtherVault(_) => (
            Code::Failed,
            "Name an empty home with CLAWVAULT_HOME, or move that vault away; nothing was changed.",
        ),
        _ => (Code::Failed, "Check rights and the medium it lies on; nothing was changed."),
    }
}

fn platform(error: &PlatformError) -> AppError {
    let (code, advice) = match error {
        PlatformError::Busy { .. } => {
            (Code::Failed, "Wait until it is done, then try again.".to_owned())
        }
        PlatformError::Untrusted { path, why } if why.contains("open to other") => (
            Code::Denied,
            format!("Close it with `chmod go= {}`, if only you used it so far.", path.display()),
        ),
        PlatformError::Untrusted { .. } => {
            (Code::Denied, "Put the vault's own file or directory back in its place.".to_owned())
        }
        PlatformError::TooLarge { .. } => {
            (Code::Damaged, "Run `clawvault doctor`: nothing we write grows like that.".to_owned())
        }
        _ => (Code::Failed, "Check rights and free space there; nothing was changed.".to_owned()),
    };
    AppError::new(code, error.to_string(), advice)
}

impl From<PlatformError> for AppError {
    fn from(error: PlatformError) -> Self {
        platform(&error)
    }
}

impl From<LaunchError> for AppError {
    fn from(error: LaunchError) -> Self {
        let (code, advice) = match &error {
            LaunchError::NotFound(_) => (Code::NoProgram, "Check its name and PATH."),
            LaunchError::NotRunnable(_) => (Code::NotRunnable, "Check that it is executable."),
            LaunchError::VariableTooLong { .. } => {
                (Code::NotLaunched, "Hand it over as a file: --file VAR=NAME.")
            }
            LaunchError::TooLarge { .. } => (
                Code::NotLaunched,
                "Choose fewer secrets with --only or --as, or hand some over with --file.",
            ),
            LaunchError::Exists(_) | LaunchError::NotAFile(_) | LaunchError::NotInMemory(_) => {
                (Code::NotLaunched, "Choose another path.")
            }
            LaunchError::NoMemoryDirectory => {
                (Code::NotLaunched, "Set XDG_RUNTIME_DIR to a private directory on a tmpfs.")
            }
            LaunchError::Platform(error) => return platform(error),
        };
        Self::new(code, error.to_string(), advice)
    }
}

impl From<HomeError> for AppError {
    fn from(error: HomeError) -> Self {
        let code = match &error {
            HomeError::Read { error: ReadError::Missing, .. } => Code::Missing,
            HomeError::Read { .. } => Code::Failed,
            _ => Code::Usage,
        };
        let advice = "Mend that file and import again; nothing was changed.";
        Self::new(code, error.to_string(), advice)
    }
}

impl AppError {
    /// A document that cannot be read as what it is.
    pub fn document(source: &str, error: &ParseError) -> Self {
        let advice = "Mend that place and try again; nothing was changed.";
        Self::usage(format!("{source}: {error}"), advice)
    }
}
