//! Backups: there is one, elsewhere, encrypted, and it was restored to see that it can be.

use super::schedules::{Scheduled, schedules};
use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;

const DAY: i64 = 86_400;
/// Oldest that the vault's backup may be, and the last restore of one, in days.
const BACKUP_DAYS: i64 = 31;
const DRILL_DAYS: i64 = 100;

/// A program that makes backups, and whether it encrypts them by itself.
const PROGRAMS: &[(&str, bool)] = &[
    ("restic", true),
    ("borg", true),
    ("borgmatic", true),
    ("kopia", true),
    ("duplicity", true),
    ("duply", true),
    ("tarsnap", true),
    ("clawvault backup", true),
    ("rclone", false),
    ("rsync", false),
    ("rsnapshot", false),
    ("openclaw backup", false),
    ("timeshift", false),
    ("snapper", false),
    ("bacula", false),
    ("veeam", false),
    ("tar ", false),
];
/// What encrypts the output of a program that does not.
const ENCRYPTERS: &[&str] = &["age ", "gpg", "openssl enc", "crypt:", "cryptsetup"];
/// What stands in the name of a place that is another machine.
const ELSEWHERE: &[&str] = &[
    "s3:", "b2:", "sftp:", "rest:", "ssh://", "azure:", "gs:", "swift:", "rclone:", "s3://",
    "tarsnap", "crypt:", "remote:",
];

/// Programs that run by themselves and make backups of OpenClaw, or of all.
fn made(facts: &Facts<'_>) -> Result<Vec<(Scheduled, bool)>, Unseen> {
    let all = schedules(facts)?.into_iter().filter_map(|one| {
        let text = one.text.to_lowercase();
        let words = |program: &str| {
            text.match_indices(program).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                let after = text[at + program.len()..].chars().next();
                let apart = |c: Option<char>| {
                    c.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
                };
                apart(before) && (program.ends_with(' ') || apart(after))
            })
        };
        let mut programs = PROGRAMS.iter().filter(|(program, _)| words(program)).peekable();
        programs.peek()?;
        let wide =
            ["openclaw", ".openclaw", "/home", " / ", "/root", "/srv", "borgmatic", "clawvault"];
        if !wide.iter().any(|word| text.contains(word)) {
            return None;
        }
        let encrypted = programs.any(|(_, encrypts)| *encrypts)
            || ENCRYPTERS.iter().any(|word| text.contains(word));
        Some((one, encrypted))
    });
    Ok(all.collect())
}

/// Whether the text of a job names another machine.
fn is_elsewhere(text: &str) -> bool {
    let host = |word: &str| {
        let (before, after) = word.split_once(':').unwrap_or_default();
        before.contains('@') && !after.is_empty()
    };
    ELSEWHERE.iter().any(|word| text.contains(word)) || text.split_whitespace().any(host)
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "operations.backup.vault",
        severity: Severity::High,
        title: "There is a backup of the vault, and it is not old",
        fix: Fix::All("clawvault backup FILE, on another disk"),
        reference: "clawvault backup --help",
        look: |facts| {
            let vault = facts.vault()?;
            let Some((time, place)) = &vault.backup else {
                return Ok(Outcome::fail("the vault knows of no backup"));
            };
            let days = (facts.host.now() - time) / DAY;
            let told = format!("{days} days old: {place}");
            Ok(Outcome::judge(days <= BACKUP_DAYS, told))
        },
    },
    Check {
        id: "operations.backup.openclaw",
        severity: Severity::Medium,
        title: "OpenClaw's configuration, agents and skills are backed up by a job",
        fix: Fix::All(
            "openclaw backup enable --every 24h, or restic with a timer; then copy it elsewhere",
        ),
        reference: "https://docs.openclaw.ai/cli/backup",
        look: |facts| {
            if facts.installations()?.is_empty() {
                return Ok(Outcome::na("no OpenClaw home was found"));
            }
            let jobs: Vec<String> = made(facts)?.into_iter().map(|(job, _)| job.place).collect();
            Ok(match jobs.is_empty() {
                true => Outcome::fail("no timer and no crontab makes one"),
                false => Outcome::pass(listed(&jobs)),
            })
        },
    },
    Check {
        id: "operations.backup.elsewhere",
        severity: Severity::Medium,
        title: "Backups go to another machine: a disk that dies takes its own along",
        fix: Fix::All(
            "restic init --repo sftp:<user>@<host>:/backup, and that repository in the job",
        ),
        reference: "restic(1)",
        look: |facts| {
            let jobs = made(facts)?;
            if jobs.is_empty() {
                return Ok(Outcome::na("no job makes backups"));
            }
            let mut elsewhere =
                jobs.iter().filter(|(job, _)| is_elsewhere(&job.text.to_lowercase()));
            Ok(match elsewhere.next() {
                Some((job, _)) => Outcome::pass(format!("{} names another machine", job.place)),
                None => Outcome::warn("no job names another machine"),
            })
        },
    },
    Check {
        id: "operations.backup.encrypted",
        severity: Severity::High,
        title: "Backups are encrypted: they hold keys and conversations",
        fix: Fix::All("pipe it through age -r <recipient>, or use restic or borg"),
        reference: "age(1)",
        look: |facts| {
            let jobs = made(facts)?;
            if jobs.is_empty() {
                return Ok(Outcome::na("no job makes backups"));
            }
            let open: Vec<String> = jobs
                .iter()
                .filter(|(_, encrypted)| !encrypted)
                .map(|(job, _)| format!("{} encrypts nothing", job.place))
                .collect();
            Ok(Outcome::none_of(&open, "every job encrypts"))
        },
    },
    Check {
        id: "operations.backup.restored",
        severity: Severity::Medium,
        title: "A backup was restored lately, to see that it can be",
        fix: Fix::All("clawvault restore FILE --check, with the recovery key"),
        reference: "clawvault restore --help",
        look: |facts| {
            let vault = facts.vault()?;
            let last =
                vault.last("drill").max(vault.last("restore-check")).max(vault.last("restore"));
            Ok(match last.map(|last| (facts.host.now() - last) / DAY) {
                Some(days) if days <= DRILL_DAYS => Outcome::pass(format!("{days} days ago")),
                Some(days) => Outcome::fail(format!("last {days} days ago")),
                None => Outcome::warn("the log knows of none"),
            })
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_are_told_from_directories() {
        for text in
            ["restic -r sftp:b@h:/x", "rsync -a /home backup@h:/x", "RESTIC_REPOSITORY=s3:x"]
        {
            assert!(is_elsewhere(&text.to_lowercase()), "{text}");
        }
        for text in ["restic -r /backup", "ExecStart=/usr/bin/tar czf /backup/x.tgz /home", "a:b"] {
            assert!(!is_elsewhere(text), "{text}");
        }
    }
}
