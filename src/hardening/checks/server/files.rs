//! What others may write or read that makes them root.

use std::path::{Path, PathBuf};

use clawvault_core::platform::{Bounds, EntryKind, Step};

use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::mend::Mend;

/// Where programs and settings lie that root uses, and how deep is looked.
const TRUSTED: &[(&str, usize)] = &[
    ("/etc", 6),
    ("/usr/local", 4),
    ("/opt", 3),
    ("/usr/bin", 1),
    ("/usr/sbin", 1),
    ("/usr/lib/systemd", 3),
    ("/boot", 2),
];
/// Most entries that are looked at below one of them.
const MAX_ENTRIES: usize = 20_000;
/// The bit that lets everybody write, and the one that keeps them from each other's files.
const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Files that only root, or root and a group, may read.
const CLOSED: &[(&str, u32)] = &[
    ("/etc/shadow", 0o640),
    ("/etc/gshadow", 0o640),
    ("/etc/shadow-", 0o640),
    ("/etc/sudoers", 0o440),
    ("/etc/passwd", 0o644),
    ("/etc/group", 0o644),
    ("/etc/crontab", 0o644),
    ("/etc/ssh/sshd_config", 0o644),
];

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "server.files.world-writable",
        severity: Severity::High,
        title: "Nobody else can write what root runs or obeys",
        fix: Fix::All("chmod o-w <path>"),
        reference: "find / -xdev -perm -0002 -not -type l",
        look: world_writable,
    },
    Check {
        id: "server.files.rights",
        severity: Severity::High,
        title: "Passwords and rules of the system are closed to others",
        fix: Fix::All("chmod 640 /etc/shadow /etc/gshadow; chmod 440 /etc/sudoers"),
        reference: "shadow(5), sudoers(5)",
        look: |facts| {
            let (mut wrong, mut mend, mut seen) = (Vec::new(), None, 0);
            for (path, most) in CLOSED {
                let Some(meta) = facts.meta(path)? else { continue };
                seen += 1;
                if meta.mode & !most & 0o777 != 0 {
                    wrong.push(format!("{path} has mode {:o}", meta.mode));
                    mend.get_or_insert_with(|| Mend::mode(*path, meta.mode & most));
                }
            }
            let outcome = Outcome::none_of(&wrong, format!("{seen} files, none too open"));
            Ok(match mend {
                Some(mend) => outcome.with_mend(mend),
                None => outcome,
            })
        },
    },
];

fn world_writable(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let (mut found, mut first, mut entries, mut unread) = (Vec::new(), None, 0, 0);
    for (top, depth) in TRUSTED {
        let bounds = Bounds { entries: MAX_ENTRIES, depth: *depth };
        let walked = facts.host.walk(Path::new(top), bounds, &mut |path, meta| {
            let plain = matches!(meta.kind, EntryKind::File | EntryKind::Directory);
            let shared = meta.kind == EntryKind::Directory && meta.mode & STICKY != 0;
            if plain && !shared && meta.mode & OTHERS_WRITE != 0 {
                found.push(path.display().to_string());
                first.get_or_insert_with(|| (PathBuf::from(path), meta.mode));
            }
            Step::On
        });
        match walked {
            Ok(walked) => {
                entries += walked.entries;
                unread += walked.unread;
            }
            Err(Unseen::Missing(_)) => {}
            Err(unseen) => return Err(unseen),
        }
    }
    let Some((path, mode)) = first else {
        let told = format!("{entries} entries below /etc, /usr/local, /opt and where programs lie");
        return Ok(match unread {
            0 => Outcome::pass(told),
            unread => Outcome::pass(format!("{told}; {unread} directories need root")),
        });
    };
    let fix = format!("chmod o-w {}", path.display());
    let mend = Mend::mode(path, mode & !OTHERS_WRITE);
    Ok(Outcome::fail(listed(&found)).with_fix(fix).with_mend(mend))
}
