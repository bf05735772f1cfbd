//! Doctor: looks at everything, says what is wrong and what to do; repairs what is safe.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clawvault_core::auditlog::Scope;
use clawvault_core::platform::{Clock, Dir, Private, SystemClock, process};
use clawvault_core::vault::{Note, Vault};

use super::context::IDENTITY_FILE;
use super::{Access, App, AppError, Code};

/// Below this, in bytes, a disk is as good as full.
const SCARCE: u64 = 16 * 1024 * 1024;
/// After so many days a backup of a vault that went on is old.
const OLD_BACKUP: i64 = 30;

/// How one check ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Diagnosis {
    /// As it should be.
    Good,
    /// Works, and should be looked at.
    Warn,
    /// Wrong.
    Bad,
}

/// One line of the doctor's report.
#[derive(Debug)]
pub struct Check {
    /// What was looked at.
    pub subject: &'static str,
    /// How it is.
    pub diagnosis: Diagnosis,
    /// What was seen, and what to do.
    pub finding: String,
}

impl Check {
    pub(super) fn good(subject: &'static str, finding: impl Into<String>) -> Self {
        Self { subject, diagnosis: Diagnosis::Good, finding: finding.into() }
    }

    pub(super) fn warn(subject: &'static str, finding: impl Into<String>) -> Self {
        Self { subject, diagnosis: Diagnosis::Warn, finding: finding.into() }
    }

    pub(super) fn bad(subject: &'static str, finding: impl Into<String>) -> Self {
        Self { subject, diagnosis: Diagnosis::Bad, finding: finding.into() }
    }
}

/// The doctor's report.
#[derive(Debug)]
pub struct Report {
    /// Every check.
    pub checks: Vec<Check>,
    /// Why the vault did not open, where it did not.
    pub closed: Option<Code>,
}

/// What the doctor may do besides looking.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Repair {
    /// Accept files that are older than the anchor.
    AcceptRollback,
    /// Nothing.
    No,
    /// Close rights, write damaged pieces anew, take a snapshot.
    Safe,
}

impl App {
    /// Examines the vault and its surroundings. `path` is the `PATH` to look for other programs
    /// of the same name in.
    pub fn doctor(&self, repair: Repair, path: Option<&std::ffi::OsStr>) -> Report {
        let mut checks = vec![self.check_home(repair), self.check_identity(), check_path(path)];
        let home = self.place.home.display().to_string();
        checks.extend(self.free_bytes().and_then(|free| check_space(&home, free)));
        let access = match repair {
            Repair::AcceptRollback => Access::AcceptRollback,
            Repair::No => Access::Read,
            Repair::Safe => Access::Write,
        };
        match self.open(access) {
            Ok(mut vault) => {
                vault.tend_log(&self.who());
                checks.extend(examine(vault, repair));
                Report { checks, closed: None }
            }
            Err(AppError { code, what, advice }) => {
                // "Run the doctor" was just done.
                let advice =
                    if advice.starts_with("Run `clawvault doctor`") { "" } else { &advice };
                checks.push(Check::bad("vault", format!("{what}. {advice}").trim_end()));
                checks.extend(self.ways_back(code));
                Report { checks, closed: Some(code) }
            }
        }
    }

    fn check_home(&self, repair: Repair) -> Check {
        let subject = "home";
        let shown = self.place.home.display();
        if repair == Repair::Safe
            && let Ok(dir) = Dir::open(&self.place.home, Private::Inspect)
            && Dir::open(&self.place.home, Private::Required).is_err()
        {
            return Check::warn(
                subject,
                match dir.make_private() {
                    Ok(()) => format!("{shown} was open to others and is closed now"),
                    Err(error) => error.to_string(),
                },
            );
        }
        match Dir::open(&self.place.home, Private::Required) {
            Ok(_) => Check::good(subject, shown.to_string()),
            Err(error) if error.is_missing() => Check::bad(subject, error.to_string()),
            Err(error) => {
                let next = "`clawvault doctor --repair` closes its rights";
                Check::bad(subject, format!("{error}; {next}"))
            }
        }
    }

    fn check_identity(&self) -> Check {
        let subject = "identity";
        let named = self.keys.identity.clone();
        let file = named.unwrap_or_else(|| self.place.home.join(IDENTITY_FILE));
        let Ok(metadata) = file.metadata() else {
            let finding =
                "no identity file; the vault opens with what --identity or a passphrase gives";
            return Check::good(subject, finding);
        };
        let file_shown = file.display();
        if metadata.permissions().mode() & 0o077 != 0 {
            return Check::bad(
                subject,
                format!("{file_shown} is open to others: `chmod 600 {file_shown}`"),
            );
        }
        if !file.starts_with(&self.place.home) {
            return Check::good(subject, file_shown.to_string());
        }
        Check::warn(
            subject,
            format!(
                "{file_shown} lies beside the vault: it protects a copied store or backup, not \
                 from whoever reads this home"
            ),
        )
    }

    fn free_bytes(&self) -> Option<u64> {
        Dir::open(&self.place.home, Private::Inspect).ok()?.free_space()
    }
}

/// A full disk refuses every change, and every value too: its log entry would not fit.
fn check_space(home: &str, free: u64) -> Option<Check> {
    (free < SCARCE).then(|| {
        let finding = format!(
            "{} KiB are free where {home} lies: without space for its log entry no value is handed \
             out and nothing is changed. Free some there (`df {home}`); remove nothing in the home \
             itself",
            free / 1024
        );
        Check::bad("space", finding)
    })
}

fn examine(mut vault: Vault, repair: Repair) -> Vec<Check> {
    let mut checks: Vec<Check> =
        vault.warnings().into_iter().map(|finding| Check::warn("vault", finding)).collect();
    checks.push(check_store(&vault));
    let leftovers = vault.leftovers();
    if repair != Repair::No {
        checks.push(match vault.mend().and_then(|()| vault.clear_leftovers()) {
            Ok(()) => Check::good("repair", "the store is written anew and a snapshot is taken"),
            Err(error) => Check::bad("repair", error.to_string()),
        });
    } else if !leftovers.is_empty() {
        let finding = format!(
            "interrupted commands left {}; nothing needs them, `clawvault doctor --repair` removes \
             them",
            leftovers.join(", ")
        );
        checks.push(Check::warn("leftovers", finding));
    }
    checks.push(check_log(&vault));
    let now_ms = SystemClock.now_ms();
    checks.push(check_backup(vault.last_backup(), vault.generation(), now_ms));
    checks
}

fn check_store(vault: &Vault) -> Check {
    match vault.check() {
        Ok((records, 0)) => Check::good("store", format!("{records} records, every one authentic")),
        Ok((records, lent)) => Check::warn(
            "store",
            format!(
                "{lent} of {records} pieces are damaged and are read from elsewhere; \
                 `clawvault doctor --repair` writes them anew"
            ),
        ),
        Err(error) => Check::bad(
            "store",
            format!(
                "{error}, and no snapshot has it as it was. The other secrets can be read by name \
                 (`clawvault get NAME`); `clawvault restore FILE --older` puts a backup in the \
                 place of all"
            ),
        ),
    }
}

fn check_log(vault: &Vault) -> Check {
    let subject = "audit log";
    match vault.verify_log(Scope::default(), &mut |_| true) {
        Ok(verdict) => match verdict.broken {
            None => Check::good(
                subject,
                format!("{} entries, the chain holds", verdict.entries - verdict.removed),
            ),
            Some((entry, what)) => Check::bad(
                subject,
                format!(
                    "at entry {entry}: {what}. What stands before it is proven, what was logged \
                     there is not known any more. The secrets are not touched by it; `clawvault \
                     log` shows the rest, `clawvault doctor --accept-rollback` goes on from here"
                ),
            ),
        },
        Err(error) => Check::bad(subject, error.to_string()),
    }
}

fn check_backup(note: Option<Note>, generation: u64, now_ms: i64) -> Check {
    let Some(note) = note else {
        let finding = "none was made: `clawvault backup FILE` makes one, to be kept on another \
                       machine, apart from a key that opens it";
        return Check::warn("backup", finding);
    };
    let days = (now_ms - note.time_ms) / 86_400_000;
    let age = match days {
        ..=0 => "made today".to_owned(),
        1 => "made yesterday".to_owned(),
        _ => format!("made {days} days ago"),
    };
    let changes = generation.saturating_sub(note.generation);
    let finding = match changes {
        0 => format!("{age}, nothing changed since"),
        1 => format!("{age}, 1 change since"),
        _ => format!("{age}, {changes} changes since"),
    };
    if days > OLD_BACKUP && changes > 0 {
        return Check::warn(
            "backup",
            format!("{finding}: `clawvault backup FILE` makes a new one"),
        );
    }
    Check::good("backup", finding)
}

/// Another program of our name: unrelated tools share it.
fn check_path(path: Option<&std::ffi::OsStr>) -> Check {
    let subject = "PATH";
    let own = process::executable().and_then(|own| own.canonicalize().ok());
    let others = path.into_iter().flat_map(std::env::split_paths);
    let others: Vec<PathBuf> = others
        .map(|dir| dir.join("clawvault"))
        .filter(|file| file.is_file() && file.canonicalize().ok() != own)
        .collect();
    match others.first() {
        None => Check::good(subject, "no other clawvault"),
        Some(other) => {
            let other = Path::display(other);
            Check::warn(
                subject,
                format!("{other} is another program of this name; it is not this one"),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_backup_of_a_vault_that_went_on_is_a_warning() {
        const DAY: i64 = 86_400_000;
        let check = |days: i64, changes: u64| {
            let note = Note { time_ms: 0, generation: 5 };
            let Check { diagnosis, finding, .. } =
                check_backup(Some(note), 5 + changes, days * DAY);
            (diagnosis, finding)
        };
        let good = |text: &str| (Diagnosis::Good, text.to_owned());
        assert_eq!(check(0, 0), good("made today, nothing changed since"));
        assert_eq!(check(-9, 1), good("made today, 1 change since"));
        assert_eq!(check(1, 2), good("made yesterday, 2 changes since"));
        assert_eq!(check(400, 0), good("made 400 days ago, nothing changed since"));
        let (diagnosis, finding) = check(31, 2);
        assert_eq!(diagnosis, Diagnosis::Warn);
        assert_eq!(
            finding,
            "made 31 days ago, 2 changes since: `clawvault backup FILE` makes a new one"
        );
        assert_eq!(check_backup(None, 5, 0).diagnosis, Diagnosis::Warn);
    }

    #[test]
    fn a_disk_that_is_as_good_as_full_is_said() {
        assert!(check_space("/home/x", SCARCE).is_none());
        let check = check_space("/home/x", 4096).unwrap();
        assert_eq!(check.diagnosis, Diagnosis::Bad);
        assert!(
            check.finding.starts_with("4 KiB are free where /home/x lies"),
            "{}",
            check.finding
        );
    }
}
