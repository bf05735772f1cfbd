//! What a command works with: places, keys, who asks.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clawvault_core::crypto::VaultKey;
use clawvault_core::crypto::slot::{Identity, Passphrase, Recipient};
use clawvault_core::memory;
use clawvault_core::platform::read::{ReadError, read_bounded};
use clawvault_core::platform::{Dir, PlatformError, Private, SystemClock};
use clawvault_core::vault::{Opener, Place, SlotKind, Vault, VaultError, Who};

use super::error::key_advice;
use super::session::{Loan, Remote};
use super::{AppError, Code, keyring};

/// File of the identity in the vault's home.
pub(super) const IDENTITY_FILE: &str = "identity.txt";
pub(super) const MAX_IDENTITY: usize = 64 * 1024;
const MAX_PASSPHRASE: usize = 4 * 1024;

/// Where the key comes from.
pub struct KeySource {
    /// An identity file that was named.
    pub identity: Option<PathBuf>,
    /// A file that holds the passphrase.
    pub passphrase_file: Option<PathBuf>,
    /// Asks a person; `None` where nobody can be asked.
    pub prompt: Box<dyn Fn() -> Option<Passphrase>>,
}

/// What is opened for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Nothing in the store changes.
    Read,
    /// Something may change.
    Write,
    /// As `Write`, and files older than the anchor are accepted.
    AcceptRollback,
}

/// Places, keys and actor of one command.
pub struct App {
    /// Where the vault lies.
    pub place: Place,
    /// Where records of runs are kept.
    pub runtime: PathBuf,
    /// The daemon's socket.
    pub socket: PathBuf,
    /// True where that is not the vault in `place`, but one that a daemon of the system has.
    pub elsewhere: bool,
    /// Where the key comes from.
    pub keys: KeySource,
    /// The variables that OpenClaw's own command gets, should a gateway's socket not be understood.
    pub surroundings: Vec<(OsString, OsString)>,
    /// The store, borrowed from a daemon, until this is dropped.
    pub(super) loan: RefCell<Option<Loan>>,
    /// A daemon that was reached already, for the next who asks for one.
    pub(super) reached: RefCell<Option<Remote>>,
}

impl App {
    /// What a command works with.
    pub fn new(place: Place, runtime: PathBuf, socket: PathBuf, keys: KeySource) -> Self {
        let (loan, reached) = (RefCell::new(None), RefCell::new(None));
        let surroundings = Vec::new();
        Self { place, runtime, socket, elsewhere: false, keys, surroundings, loan, reached }
    }

    /// Opens the vault in this process, for what works on the store itself; a daemon that holds it
    /// lends it to whoever has the key and may ask.
    pub fn open(&self, access: Access) -> Result<Vault, AppError> {
        self.borrow_store()?;
        self.open_local(access, &self.who())
    }

    /// Opens the vault in this process on behalf of `who`.
    pub(super) fn open_local(&self, access: Access, who: &Who) -> Result<Vault, AppError> {
        self.open_by(access, who, Vault::open)
    }

    /// Opens a key slot, and not the vault.
    pub(super) fn unlock_key(&self) -> Result<(VaultKey, String), AppError> {
        if self.elsewhere {
            let header = self.header_elsewhere()?;
            let open = |_: &Place, opener: Opener<'_>| Vault::unlock_header(&header, &opener);
            return self.open_by(Access::Read, &self.who(), open);
        }
        self.open_by(Access::Read, &self.who(), |place, opener| Vault::unlock(place, &opener))
    }

    /// Opens the vault for writing, and gives its key, too: for one who adds a key slot.
    pub(super) fn open_with_key(&self) -> Result<(Vault, VaultKey), AppError> {
        self.borrow_store()?;
        self.open_by(Access::Write, &self.who(), Vault::open_with_key)
    }

    /// Opens the vault here for writing on behalf of `who`, and gives its key, too, for one who opens
    /// it again and again.
    pub(super) fn open_to_work(&self, who: &Who) -> Result<(Vault, VaultKey), AppError> {
        self.open_by(Access::Write, who, Vault::open_with_key)
    }

    fn open_by<T>(
        &self,
        access: Access,
        who: &Who,
        open: impl FnOnce(&Place, Opener<'_>) -> Result<T, VaultError>,
    ) -> Result<T, AppError> {
        let identities = self.identities()?;
        let passphrase = self.passphrase_from_file()?;
        let ask = || passphrase.clone().or_else(|| (self.keys.prompt)());
        let opener = Opener {
            key: None,
            identities,
            passphrase: &ask,
            who,
            clock: Box::new(SystemClock),
            write: access != Access::Read,
            accept_rollback: access == Access::AcceptRollback,
        };
        Ok(open(&self.place, opener)?)
    }

    /// The runtime directory, made where it does not exist.
    pub fn runtime_dir(&self) -> Result<Dir, AppError> {
        Ok(Dir::create(&self.runtime)?)
    }

    /// Identities from the named file, else from the home.
    pub(super) fn identities(&self) -> Result<Vec<Identity>, AppError> {
        if let Some(path) = &self.keys.identity {
            return identities_in(path);
        }
        if self.keys.passphrase_file.is_some() {
            return Ok(Vec::new());
        }
        let home = match Dir::open(&self.place.home, Private::Required) {
            Ok(home) => home,
            // What is wrong with the home, the vault itself says better.
            Err(_) => return Ok(Vec::new()),
        };
        match home.read(IDENTITY_FILE, MAX_IDENTITY)? {
            Some(text) => parse(&home.path().join(IDENTITY_FILE), &text),
            None => self.identities_of_keyring(),
        }
    }

    /// Identities from the desktop's keyring, where the vault has one there.
    fn identities_of_keyring(&self) -> Result<Vec<Identity>, AppError> {
        // A build without it asks nothing, and reads no header for it.
        let header = if keyring::IS_BUILT_IN { self.header() } else { None };
        let Some(header) = header.filter(|h| h.slots.iter().any(|s| s.kind == SlotKind::Keyring))
        else {
            return Ok(Vec::new());
        };
        match keyring::load(&header.vault) {
            Ok(text) => parse(Path::new("the keyring"), &text),
            // The passphrase is left.
            Err(_) if header.has_passphrase() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The passphrase from the named file, without its last newline.
    pub fn passphrase_from_file(&self) -> Result<Option<Passphrase>, AppError> {
        self.keys.passphrase_file.as_deref().map(passphrase_in).transpose()
    }
}

/// The passphrase in a file that a person named, without its last newline.
pub fn passphrase_in(path: &Path) -> Result<Passphrase, AppError> {
    let text = read_named(path, MAX_PASSPHRASE)?;
    let text = str::from_utf8(&text).map_err(|_| {
        let what = format!("{} is not text", path.display());
        AppError::new(Code::Denied, what, "The file holds the passphrase and nothing else.")
    })?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Passphrase::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

/// Reads the recipients of a file that a person named; of identities the public half.
pub(super) fn recipients_in(path: &Path) -> Result<Vec<Recipient>, AppError> {
    Recipient::parse_file(&read_named(path, MAX_IDENTITY)?).map_err(|error| {
        match key_advice(error) {
            Some(advice) => AppError::new(Code::Denied, error.to_string(), advice),
            None => AppError::usage(
                "the named file holds no recipient",
                "A file of recipients, or of identities, has one a line and nothing else.",
            ),
        }
    })
}

/// Reads the identities of a file that a person named.
pub(super) fn identities_in(path: &Path) -> Result<Vec<Identity>, AppError> {
    parse(path, &read_named(path, MAX_IDENTITY)?)
}

fn parse(path: &Path, text: &[u8]) -> Result<Vec<Identity>, AppError> {
    let identities = Identity::parse_file(text);
    // What the parser left on the stack would stay there as long as the vault is open.
    memory::wipe_stack::<{ 8 * 1024 }>();
    identities.map_err(|error| match key_advice(error) {
        Some(advice) => AppError::new(Code::Denied, error.to_string(), advice),
        None => AppError::new(
            Code::Denied,
            format!("{} holds no identity", path.display()),
            "An identity file has lines that begin with AGE-SECRET-KEY-1.",
        ),
    })
}

/// Reads a file that a person named: links on the way are theirs to choose.
pub(super) fn read_named(path: &Path, max: usize) -> Result<zeroize::Zeroizing<Vec<u8>>, AppError> {
    let refused = |what: String| {
        AppError::new(
            Code::Denied,
            what,
            "Name a readable file with --identity or --passphrase-file.",
        )
    };
    // What names no file may be the key itself, pasted in the wrong place: it is not repeated.
    let real = path.canonicalize().map_err(|error| {
        let path = Path::new("the named key file");
        refused(PlatformError::io("open", path, error).to_string())
    })?;
    read_bounded(&real, max)
        .map_err(|error: ReadError| refused(PlatformError::read(path, error).to_string()))
}
