//! Restore: a vault from a backup, or the proof that one could be made.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clawvault_core::crypto::AGE_MAGIC;
use clawvault_core::crypto::slot::{Identity, Passphrase};
use clawvault_core::domain::{SecretInfo, hex};
use clawvault_core::platform::read::Directory;
use clawvault_core::platform::{Dir, PlatformError, Private, SystemClock, memory};
use clawvault_core::vault::{
    Backup, BackupError, Difference, IDENTITY_SUFFIX, Opener, Place, SlotKind, Vault, VaultError,
};

use super::backup::parent_of;
use super::context::{IDENTITY_FILE, MAX_IDENTITY, read_named};
use super::uninstall::remove_tree;
use super::{Access, App, AppError, Code};

/// The backup in the home of what a restore took the place of.
const KEPT: &str = "before-restore.age";

/// What is to be restored, and how.
#[derive(Debug)]
pub struct RestoreOptions {
    /// The backup.
    pub file: PathBuf,
    /// True to replace a vault that has seen more than the backup.
    pub older: bool,
}

/// What a backup held, and what became of it.
pub struct Restored {
    /// The backup without its values.
    pub secrets: Vec<SecretInfo>,
    /// When it was written, in milliseconds since 1970.
    pub written_ms: i64,
    /// Generation that the vault had then.
    pub generation: u64,
    /// Kind and public half of what opens the vault.
    pub slots: Vec<(SlotKind, String)>,
    /// The vault that stood there, where there was one.
    pub over: Option<Over>,
    /// The vault; `None` after a check.
    pub vault: Option<Vault>,
}

/// A vault that a backup took the place of.
pub struct Over {
    /// What is other now; `None` where the vault could not be read whole.
    pub difference: Option<Difference>,
    /// A backup of the vault as it was, where it could be read.
    pub kept: Option<PathBuf>,
    /// Kind and public half of what opened it.
    pub slots: Vec<(SlotKind, String)>,
}

impl Restored {
    fn of(backup: Backup, over: Option<Over>, vault: Option<Vault>) -> Self {
        Self {
            written_ms: backup.written_ms,
            generation: backup.generation,
            slots: backup.slots.into_iter().map(|slot| (slot.kind, slot.recipient)).collect(),
            secrets: backup.secrets.into_iter().map(|saved| saved.info).collect(),
            over,
            vault,
        }
    }
}

impl App {
    /// Restores a backup: into an empty home, or over a vault of the same id.
    pub fn restore(&self, options: &RestoreOptions) -> Result<Restored, AppError> {
        let (backup, _) = self.open_backup(&options.file)?;
        if self.has_vault() {
            let (over, vault) = self.restore_over(&backup, options.older)?;
            return Ok(Restored::of(backup, Some(over), Some(vault)));
        }
        let restored = Vault::restore(&self.place, &backup, &self.who(), Box::new(SystemClock));
        let vault = restored.map_err(|error| match error {
            VaultError::Damaged(what) => self.move_away(&what),
            other => other.into(),
        })?;
        Ok(Restored::of(backup, None, Some(vault)))
    }

    /// Opens a backup, rebuilds its vault in a directory of its own below `scratch`, opens that
    /// with the same key, and compares every value. Nothing else is touched.
    pub fn check_backup(&self, file: &Path, scratch: &Path) -> Result<Restored, AppError> {
        let (backup, identities) = self.open_backup(file)?;
        let scratch = Scratch::below(scratch)?;
        let place = Place { home: scratch.0.join("home"), state: scratch.0.join("state") };
        Vault::restore(&place, &backup, &self.who(), Box::new(SystemClock))?.close()?;
        let opener = Opener {
            key: None,
            identities,
            passphrase: &|| None,
            who: &self.who(),
            clock: Box::new(SystemClock),
            write: false,
            accept_rollback: false,
        };
        if !Vault::open(&place, opener)?.holds(&backup)? {
            let what = "a vault made of the backup does not hold what the backup holds";
            return Err(AppError::new(
                Code::Failed,
                what,
                "Nothing else was touched; report this.",
            ));
        }
        Ok(Restored::of(backup, None, None))
    }

    fn restore_over(&self, backup: &Backup, older: bool) -> Result<(Over, Vault), AppError> {
        if self.header().is_some_and(|header| header.vault != backup.vault) {
            let home = self.place.home.clone();
            return Err(VaultError::from(BackupError::OtherVault(home)).into());
        }
        let mut vault = self.open(Access::Write).map_err(|error| match error.code {
            Code::Damaged => self.move_away(&error.what),
            _ => error,
        })?;
        if backup.generation < vault.generation() && !older {
            let (backup, vault) = (backup.generation, vault.generation());
            return Err(VaultError::from(BackupError::Older { backup, vault }).into());
        }
        let who = self.who();
        let home = Dir::open(&self.place.home, Private::Required)?;
        let kept = match vault.back_up(&who, &home, KEPT, true) {
            Ok(_) => Some(self.place.home.join(KEPT)),
            // What is damaged can neither be kept nor compared; it is replaced all the same.
            Err(VaultError::Damaged(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let slots = vault.header().slots.iter();
        let slots = slots.map(|slot| (slot.kind, slot.recipient.clone())).collect();
        let over = Over { difference: vault.difference(backup).ok(), kept, slots };
        vault.restore_over(&who, backup)?;
        self.note_new_keys();
        Ok((over, vault))
    }

    /// A vault that cannot be opened is not replaced where it lies: more may be left in it.
    fn move_away(&self, what: &str) -> AppError {
        let home = self.place.home.display();
        let key = match self.place.home.join(IDENTITY_FILE).exists() {
            true => format!(" --identity {home}.damaged/{IDENTITY_FILE}"),
            false => String::new(),
        };
        AppError::new(
            Code::Damaged,
            format!("{what}, so nothing is restored in {home}"),
            format!(
                "`clawvault doctor` says whether it can be repaired; else move it away, `mv {home} \
                 {home}.damaged`, and restore again with `clawvault restore{key} FILE`."
            ),
        )
    }

    /// Opens a backup with the keys at hand; with a passphrase, through the file beside it.
    fn open_backup(&self, file: &Path) -> Result<(Backup, Vec<Identity>), AppError> {
        let known = RefCell::new(None);
        let ask = || self.passphrase_once(&known);
        let named = self.keys.identity.as_deref();
        let identities = match named {
            Some(path) => match unlocked(path, &ask)? {
                Some(identity) => vec![identity],
                None => self.identities()?,
            },
            None => self.identities()?,
        };
        let refused = match try_open(file, &identities) {
            Ok(backup) => return Ok((backup, identities)),
            Err(error) => error,
        };
        if named.is_some() || !matches!(refused, VaultError::Backup(BackupError::NoKey)) {
            return Err(refused.into());
        }
        for beside in identity_files(file) {
            if let Some(identity) = unlocked(&beside, &ask)? {
                let identities = vec![identity];
                match try_open(file, &identities) {
                    Ok(backup) => return Ok((backup, identities)),
                    Err(VaultError::Backup(BackupError::NoKey)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Err(refused.into())
    }

    /// The passphrase of the named file, or asked for; asked for once.
    fn passphrase_once(
        &self,
        known: &RefCell<Option<Passphrase>>,
    ) -> Result<Option<Passphrase>, AppError> {
        if known.borrow().is_none() {
            let given = self.passphrase_from_file()?.or_else(|| (self.keys.prompt)());
            *known.borrow_mut() = given;
        }
        Ok(known.borrow().clone())
    }
}

fn try_open(file: &Path, identities: &[Identity]) -> Result<Backup, VaultError> {
    let fail = |error| PlatformError::io("open", Path::new("the backup"), error);
    let real = file.canonicalize().map_err(|error| match error.kind() {
        ErrorKind::NotFound => VaultError::from(BackupError::Missing),
        _ => fail(error).into(),
    })?;
    let refused = |error| PlatformError::read(&real, error);
    let parent = Directory::open(real.parent().unwrap_or(Path::new("/"))).map_err(refused)?;
    let opened = parent.file(Path::new(real.file_name().unwrap_or_default())).map_err(refused)?;
    let length = opened.metadata().map_err(fail)?.len();
    Ok(Backup::open(opened, length, identities)?)
}

/// The identity of a file that a passphrase locks; `None` for any other file, and where nobody
/// gives a passphrase.
fn unlocked(
    file: &Path,
    ask: &dyn Fn() -> Result<Option<Passphrase>, AppError>,
) -> Result<Option<Identity>, AppError> {
    let sealed = read_named(file, MAX_IDENTITY)?;
    if !sealed.starts_with(AGE_MAGIC) {
        return Ok(None);
    }
    let Some(passphrase) = ask()? else { return Ok(None) };
    Identity::unlock(&sealed, &passphrase).map(Some).map_err(|_| {
        AppError::new(
            Code::Denied,
            format!("the passphrase does not open {}", file.display()),
            "Try again with the passphrase that the vault had when the backup was made.",
        )
    })
}

/// The locked identities that `backup` wrote beside a backup.
fn identity_files(file: &Path) -> Vec<PathBuf> {
    let Ok((dir, name)) = parent_of(file) else { return Vec::new() };
    let names = dir.list().unwrap_or_default().into_iter().map(|found| found.name);
    let ours = names.filter(|found| found.starts_with(&name) && found.ends_with(IDENTITY_SUFFIX));
    ours.map(|found| dir.path().join(found)).collect()
}

/// A directory that goes when this does.
struct Scratch(PathBuf);

impl Scratch {
    fn below(parent: &Path) -> Result<Self, AppError> {
        let mut name = [0; 8];
        memory::random(&mut name).map_err(|_| {
            AppError::new(Code::Failed, "the system has no randomness to give", "Try again later.")
        })?;
        let path = parent.join(format!("clawvault-check-{}", hex(&name)));
        Dir::create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove_tree(&self.0, &mut Vec::new()).ok();
    }
}
