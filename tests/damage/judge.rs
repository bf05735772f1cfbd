//! Reads a damaged vault and says how that ended.

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Output;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clawvault::app::{Access, Code};
use clawvault_core::auditlog::Scope;
use clawvault_core::platform::guard;

use super::read::{read_everything, wrong_single_answers};
use super::world::{World, app, export};

/// A reader that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(1);

/// How a sample ended.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Class {
    /// Every answer right, and nothing said.
    Intact,
    /// Every answer right, and what was wrong is said.
    Repaired,
    /// An error, and no wrong answer.
    Refused,
    /// A wrong, older or missing answer without an error.
    Silent,
    /// A panic that reached the caller.
    Panic,
    /// An answer that took too long.
    Slow,
    /// Errors, exit codes or repairs that break what is promised of them.
    Broken,
}

impl Class {
    pub(crate) const ALL: [Self; 7] = [
        Self::Intact,
        Self::Repaired,
        Self::Refused,
        Self::Silent,
        Self::Panic,
        Self::Slow,
        Self::Broken,
    ];

    pub(crate) fn is_failure(self) -> bool {
        self >= Self::Silent
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}").to_uppercase())
    }
}

/// A class, and what was said or is wrong.
pub(crate) type Verdict = (Class, String);

/// Panics of the engine that became errors.
pub(crate) static GUARDED_PANICS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Where the sample under way panicked; `None` outside of samples.
    static PANICKED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Opens and reads the vault as it lies there. `mend` opens it for writing, mends it and demands
/// that it is in order afterwards.
pub(crate) fn judge(world: &World, is_log: bool, mend: bool) -> Verdict {
    quiet_panics();
    PANICKED.set(Some(String::new()));
    let start = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| read(world, is_log, mend)));
    let took = start.elapsed();
    let place = PANICKED.take().unwrap_or_default();
    match outcome {
        Err(_) => (Class::Panic, place),
        Ok((class, said)) if took > PATIENCE && !class.is_failure() => {
            (Class::Slow, format!("{took:?}: {said}"))
        }
        Ok(verdict) => verdict,
    }
}

fn read(world: &World, is_log: bool, mend: bool) -> Verdict {
    let app = app(&world.home);
    let access = if mend { Access::Write } else { Access::Read };
    let (everything, mut vault) = match read_everything(&app, access) {
        Ok(read) => read,
        Err(error) => {
            if !matches!(error.code, Code::Denied | Code::Damaged | Code::Failed) {
                return (Class::Silent, format!("{:?}: {error}", error.code));
            }
            return match wrong_single_answers(&app, &world.expected) {
                Some(wrong) => (Class::Silent, wrong),
                None => (Class::Refused, format!("{:?}: {error}", error.code)),
            };
        }
    };
    if everything != world.expected {
        return (Class::Silent, format!("another answer; said: {:?}", vault.warnings()));
    }
    let mut said = vault.warnings();
    if is_log
        && let Some((entry, what)) =
            vault.verify_log(Scope::default(), &mut |_| true).unwrap().broken
    {
        said.push(format!("log, entry {entry}: {what}"));
    }
    if mend {
        let mended = vault.mend().and_then(|()| vault.close());
        if let Err(error) = mended {
            return (Class::Broken, format!("cannot be mended: {error}; said: {said:?}"));
        }
        match read_everything(&app, Access::Read) {
            Ok((again, _)) if again != world.expected => {
                return (Class::Silent, "another answer after mending".to_owned());
            }
            Ok((_, vault)) if vault.warnings().is_empty() => {}
            Ok((_, vault)) => {
                return (Class::Broken, format!("still said once mended: {:?}", vault.warnings()));
            }
            Err(error) => return (Class::Broken, format!("refused once mended: {error}")),
        }
    }
    let class = if said.is_empty() { Class::Intact } else { Class::Repaired };
    (class, said.join(" "))
}

/// Runs the real `export` on the damaged vault; gives what it did wrong.
pub(crate) fn wrong_exports(world: &World) -> Option<Verdict> {
    let wrong = |(profile, expected): &(&str, Vec<u8>)| {
        let out = export(&world.home, profile);
        let class = wrong_export(&out, expected)?;
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        Some((class, format!("export of {profile}: {:?}: {text}", out.status)))
    };
    world.exports.iter().find_map(wrong)
}

fn wrong_export(out: &Output, expected: &[u8]) -> Option<Class> {
    let text = String::from_utf8_lossy(&out.stderr);
    if text.contains("invariant") || text.contains("panicked") {
        return Some(Class::Panic);
    }
    match out.status.code() {
        Some(0) => (out.stdout != expected).then_some(Class::Silent),
        Some(3 | 5 | 7) => {
            let mut lines = text.lines();
            let shaped = lines.next().is_some_and(|line| line.starts_with("clawvault: "))
                && lines.next().is_some_and(|line| line.starts_with("hint: "))
                && lines.next().is_none();
            (!shaped || !out.stdout.is_empty()).then_some(Class::Broken)
        }
        // Nothing that was stored may be called absent.
        Some(4) => Some(Class::Silent),
        _ => Some(Class::Broken),
    }
}

/// Keeps panics of samples off the terminal, and notes where they were.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if guard::is_guarded() {
                GUARDED_PANICS.fetch_add(1, Ordering::Relaxed);
                return;
            }
            let noted = PANICKED.with_borrow_mut(|place| {
                place.as_mut().map(|place| *place = info.to_string()).is_some()
            });
            if !noted {
                usual(info);
            }
        }));
    });
}
