//! A value of the vault that lies where it must not be is told to the receivers of alerts.

use clawvault_core::domain::{AlertEvent, AlertKind, Severity};
use clawvault_core::platform::{Clock, SystemClock};
use clawvault_scan::finding::Finding;

use crate::app::{App, AppError, full_name};

/// Most leaks that one scan tells of.
const MAX_TOLD: usize = 64;
/// Longest path that is told, in characters.
const MAX_PATH: usize = 200;

impl App {
    /// Tells of those findings that are values of the vault; gives the number of new alerts. A value
    /// that was replaced matters less, for its vendor may still take it.
    ///
    /// # Errors
    /// Where the queue of alerts cannot be written.
    pub fn tell_leaks(&self, findings: &[Finding]) -> Result<usize, AppError> {
        let now_ms = SystemClock.now_ms();
        let event = |finding: &Finding| {
            let known = finding.known.as_ref()?;
            let severity = if known.current { Severity::Critical } else { Severity::Warning };
            let path = String::from_utf8_lossy(&finding.place.path);
            let path: String = path.chars().filter(|c| !c.is_control()).take(MAX_PATH).collect();
            let subject = full_name(&known.profile, &known.name);
            let text = format!(
                "{subject} version {} lies in the clear in {path}, line {}",
                known.version, finding.place.line
            );
            let which = format!("{} {path}", known.version);
            let kind = AlertKind::LeakFound;
            Some(AlertEvent::new(kind, severity, now_ms, subject, &which, text))
        };
        let events: Vec<AlertEvent> = findings.iter().filter_map(event).take(MAX_TOLD).collect();
        self.raise(&events)
    }
}
