//! What the daemon does by itself while the vault is open: alerts on their way, vendors asked for
//! figures, the log looked at, monitors told that it lives, the host audited by the calendar.
//!
//! It asks for the vault through its own socket, by the very use cases that commands have, so there is
//! one way to do each thing. While the vault is locked nothing of it can be read: then the push
//! monitors hear nothing, which is the alert, and after long the receivers on this machine are told.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clawvault_core::platform::{Clock, SystemClock};

use super::shared::Shared;
use crate::app::{App, AuditAsk, Standby, audit_if_due};

/// How soon a message that waits is tried, or looked at, again.
const AGAIN: Duration = Duration::from_secs(5);
/// How often monitors are told that it lives.
const BEAT: Duration = Duration::from_secs(60);
/// How often the log is looked at, and vendors that are due are asked where the policy has limits.
const LOOK: Duration = Duration::from_secs(300);
/// How often it is looked whether an audit is due.
const AUDIT: Duration = Duration::from_secs(3600);

/// How long things are let be.
#[derive(Clone, Copy)]
pub(super) struct Rests {
    /// Whoever unlocks, before vendors are asked and the host is audited.
    pub(super) settle: Duration,
    /// A locked vault, before somebody is told of it.
    pub(super) locked_long: Duration,
}

/// Works until the keeper takes no job any more; woken when the vault is unlocked and when something is
/// put into it. Nothing that fails ends it: what is due stays due.
pub(super) fn work(
    make: &dyn Fn() -> App,
    own_openclaw: Option<&Path>,
    Rests { settle, locked_long }: Rests,
    shared: &Shared,
) {
    let app = &make();
    // Whoever unlocks is let alone at first.
    let soon = || Instant::now().checked_sub(LOOK.saturating_sub(settle));
    let (mut beat, mut look, mut check) = (None, soon(), soon());
    let mut audit_at = Instant::now() + settle;
    let (mut locked_ms, mut seen) = (Some(SystemClock.now_ms()), 0);
    let long_ms = i64::try_from(locked_long.as_millis()).unwrap_or(i64::MAX);
    let mut standby = Standby::default();
    let is_due = |last: &mut Option<Instant>, every: Duration| {
        let due = last.is_none_or(|last| last.elapsed() >= every);
        if due {
            *last = Some(Instant::now());
        }
        due
    };
    while !shared.is_stopped() {
        if !shared.is_unlocked() || shared.is_locking() {
            let since = *locked_ms.get_or_insert_with(|| SystemClock.now_ms());
            if SystemClock.now_ms() - since >= long_ms {
                standby.tell_locked(since);
            }
            (beat, look, check) = (None, soon(), soon());
            audit_at = Instant::now() + settle;
            seen = shared.sleep(LOOK.min(locked_long).max(Duration::from_secs(1)), seen);
            continue;
        }
        if let Some(since) = locked_ms.take()
            && SystemClock.now_ms() - since >= long_ms
        {
            app.tell_locked(since).ok();
        }
        if is_due(&mut beat, BEAT) {
            app.end_pauses().ok();
            standby = app.beat().unwrap_or_default();
        }
        if is_due(&mut look, LOOK) {
            app.watch().ok();
        }
        if is_due(&mut check, LOOK) && app.has_limits().unwrap_or(false) {
            app.check_spending(false).ok();
        }
        if Instant::now() >= audit_at {
            audit_at = Instant::now() + AUDIT;
            audit_if_due(app, ask(make(), own_openclaw.map(Path::to_owned))).ok();
        }
        let waits = app.deliver().is_ok_and(|delivered| delivered.waiting > 0);
        let rest = audit_at.saturating_duration_since(Instant::now());
        seen = shared.sleep(if waits { AGAIN } else { BEAT.min(rest) }, seen);
    }
}

/// This host, as its vault's user sees it. OpenClaw's own audit loads plugins and takes half a minute: a
/// process that has the vault starts no such thing by itself.
fn ask(vault: App, own_openclaw: Option<PathBuf>) -> AuditAsk {
    AuditAsk {
        root: None,
        only: Vec::new(),
        probes: true,
        state: Some(vault.place.state.clone()),
        vault: Some(vault),
        own_openclaw,
        openclaw: None,
    }
}
