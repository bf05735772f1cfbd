//! Rights of OpenClaw's files, and where they lie.

use super::super::gateway_home::everywhere;
use crate::hardening::check::{Check, Fix, Severity};
use crate::hardening::mend::{Change, Mend};

const REFERENCE: &str = "https://docs.openclaw.ai/gateway/security";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "application.files.modes",
        severity: Severity::High,
        title: "OpenClaw's home, configuration, credentials and conversations are closed to other users",
        fix: Fix::All("chmod -R go-rwx ~/.openclaw"),
        reference: REFERENCE,
        look: |facts| {
            let mut mends = Vec::new();
            let outcome = everywhere(facts, "nothing in it is open to others", |home, found| {
                for loose in &home.loose {
                    let closed = loose.mode & 0o700;
                    let what =
                        format!("{} has the mode {:03o}", loose.path.display(), loose.mode & 0o777);
                    if loose.sensitive || loose.mode & 0o002 != 0 {
                        found.fail(what);
                    } else {
                        found.warn(what);
                    }
                    mends.push(Change::Mode { path: loose.path.clone(), mode: closed });
                }
            })?;
            let Some(Change::Mode { path, .. }) = mends.first() else { return Ok(outcome) };
            let mut mend = Mend::mode(path, 0o700);
            mend.what = format!("close {} files and directories to other users", mends.len());
            mend.changes = mends;
            Ok(outcome.with_mend(mend))
        },
    },
    Check {
        id: "application.files.synced",
        severity: Severity::Medium,
        title: "OpenClaw's home is a directory of this machine: no link, and in no folder that is copied elsewhere",
        fix: Fix::All(
            "mv the directory to ~/.openclaw, and take it out of the synchronised folder",
        ),
        reference: REFERENCE,
        look: |facts| {
            everywhere(facts, "it lies on this machine alone", |home, found| {
                if let Some(why) = &home.synced {
                    found.fail(why);
                }
            })
        },
    },
    Check {
        id: "application.files.config",
        severity: Severity::Medium,
        title: "OpenClaw's configuration can be read, and so be checked",
        fix: Fix::All("openclaw config validate names the place"),
        reference: "https://docs.openclaw.ai/gateway/configuration",
        look: |facts| {
            everywhere(facts, "it can be read", |home, found| {
                if let Some(why) = &home.problem {
                    found.fail(why);
                }
            })
        },
    },
];
