//! Doctor: looks at everything, says what is wrong and what to do; repairs what is safe.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clawvault_core::auditlog::Scope;
use clawvault_core::platform::{Dir, Private, process};
use clawvault_core::vault::Vault;

use super::context::IDENTITY_FILE;
use super::{Access, App, AppError, Code};

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
        let access = match repair {
            Repair::AcceptRollback => Access::AcceptRollback,
            Repair::No => Access::Read,
            Repair::Safe => Access::Write,
        };
        match self.open(access) {
            Ok(mut vault) => {
                vault.tend_log(&self.who());
                checks.extend(examine(vault, repair));
            }
            Err(AppError { code, what, advice }) => {
                // "Run the doctor" was just done.
                let advice =
                    if advice.starts_with("Run `clawvault doctor`") { "" } else { &advice };
                let finding = format!("{what}. {advice}").trim_end().to_owned();
                checks.push(Check { subject: "vault", diagnosis: Diagnosis::Bad, finding });
                if code != Code::Missing {
                    checks.extend(self.ways_back());
                }
                return Report { checks, closed: Some(code) };
            }
        }
        Report { checks, closed: None }
    }

    fn check_home(&self, repair: Repair) -> Check {
        let subject = "home";
        let shown = self.place.home.display();
        if repair == Repair::Safe
            && let Ok(dir) = Dir::open(&self.place.home, Private::Inspect)
            && Dir::open(&self.place.home, Private::Required).is_err()
        {
            let closed = dir.make_private();
            let finding = match closed {
                Ok(()) => format!("{shown} was open to others and is closed now"),
                Err(error) => error.to_string(),
            };
            return Check { subject, diagnosis: Diagnosis::Warn, finding };
        }
        match Dir::open(&self.place.home, Private::Required) {
            Ok(_) => Check { subject, diagnosis: Diagnosis::Good, finding: shown.to_string() },
            Err(error) if error.is_missing() => {
                Check { subject, diagnosis: Diagnosis::Bad, finding: error.to_string() }
            }
            Err(error) => {
                let finding = format!("{error}; `clawvault doctor --repair` closes its rights");
                Check { subject, diagnosis: Diagnosis::Bad, finding }
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
            return Check { subject, diagnosis: Diagnosis::Good, finding: finding.to_owned() };
        };
        if metadata.permissions().mode() & 0o077 != 0 {
            let finding = format!("{0} is open to others: `chmod 600 {0}`", file.display());
            return Check { subject, diagnosis: Diagnosis::Bad, finding };
        }
        let beside = file.starts_with(&self.place.home);
        let finding = if beside {
            format!(
                "{} lies beside the vault: it protects a copied store or backup, not from whoever \
                 reads this home",
                file.display()
            )
        } else {
            file.display().to_string()
        };
        let diagnosis = if beside { Diagnosis::Warn } else { Diagnosis::Good };
        Check { subject, diagnosis, finding }
    }

    /// What is left where the vault does not open.
    fn ways_back(&self) -> Vec<Check> {
        let snapshots = self.place.home.join("snapshots");
        let count =
            Dir::open(&snapshots, Private::Inspect).and_then(|d| d.list()).map_or(0, |l| l.len());
        let finding = format!(
            "{count} in {}. A store that cannot be read is rebuilt from a snapshot by itself when \
             nothing acknowledged is missing in it; `clawvault doctor --accept-rollback` goes back \
             to the newest sound one all the same, and later changes are gone. A lost identity is \
             replaced by the recovery key: `clawvault --identity RECOVERY-FILE list`",
            snapshots.display()
        );
        vec![Check { subject: "snapshots", diagnosis: Diagnosis::Warn, finding }]
    }
}

fn examine(mut vault: Vault, repair: Repair) -> Vec<Check> {
    let mut checks = Vec::new();
    for finding in vault.warnings() {
        checks.push(Check { subject: "vault", diagnosis: Diagnosis::Warn, finding });
    }
    checks.push(match vault.check() {
        Ok((records, 0)) => {
            let finding = format!("{records} records, every one authentic");
            Check { subject: "store", diagnosis: Diagnosis::Good, finding }
        }
        Ok((records, lent)) => Check {
            subject: "store",
            diagnosis: Diagnosis::Warn,
            finding: format!(
                "{lent} of {records} pieces are damaged and are read from a snapshot; \
                 `clawvault doctor --repair` writes them anew"
            ),
        },
        Err(error) => {
            let finding = format!("{error}; restore a backup, or a copy of the whole home");
            Check { subject: "store", diagnosis: Diagnosis::Bad, finding }
        }
    });
    if repair != Repair::No {
        let done = vault.mend();
        let (diagnosis, finding) = match done {
            Ok(()) => {
                (Diagnosis::Good, "the store is written anew and a snapshot is taken".to_owned())
            }
            Err(error) => (Diagnosis::Bad, error.to_string()),
        };
        checks.push(Check { subject: "repair", diagnosis, finding });
    }
    checks.push(match vault.verify_log(Scope::default(), &mut |_| true) {
        Ok(verdict) => match verdict.broken {
            None => {
                let kept = verdict.entries - verdict.removed;
                let finding = format!("{kept} entries, the chain holds");
                Check { subject: "audit log", diagnosis: Diagnosis::Good, finding }
            }
            Some((entry, what)) => {
                let finding = format!("at entry {entry}: {what}");
                Check { subject: "audit log", diagnosis: Diagnosis::Bad, finding }
            }
        },
        Err(error) => {
            Check { subject: "audit log", diagnosis: Diagnosis::Bad, finding: error.to_string() }
        }
    });
    checks
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
        None => {
            Check { subject, diagnosis: Diagnosis::Good, finding: "no other clawvault".to_owned() }
        }
        Some(other) => {
            let finding = format!(
                "{} is another program of this name; it is not this one",
                Path::display(other)
            );
            Check { subject, diagnosis: Diagnosis::Warn, finding }
        }
    }
}
