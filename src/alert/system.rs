//! Logs of the system: one datagram a message.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clawvault_core::auditlog::Sockets;
use clawvault_core::domain::Severity;
use clawvault_core::platform::datagram;

use super::Message;
use super::send::Unsent;

/// Longest wait for one who is busy.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(2));
/// Facility authpriv of syslog(3), as the audit log's own mirror has it.
const FACILITY: u8 = 10;

/// Sends it by journald's native protocol; `to` is its socket, where it is not the usual one.
pub(super) fn journal(to: Option<&str>, message: &Message) -> Result<(), Unsent> {
    let text = one_line(message);
    let fields = [
        ("MESSAGE", text.as_str()),
        ("PRIORITY", priority(message.severity)),
        ("SYSLOG_IDENTIFIER", "clawvault"),
        ("CLAWVAULT_ALERT_ID", &message.id),
    ];
    let entry: String = fields.iter().map(|(name, text)| format!("{name}={text}\n")).collect();
    deliver(to, &Sockets::default().journal, entry.as_bytes())
}

/// Sends it as syslog(3) does; `to` is its socket, where it is not the usual one.
pub(super) fn syslog(to: Option<&str>, message: &Message) -> Result<(), Unsent> {
    let level: u8 = priority(message.severity).parse().unwrap_or(6);
    let head = u32::from(FACILITY) * 8 + u32::from(level);
    let entry = format!("<{head}>clawvault: alert {}: {}", message.id, one_line(message));
    deliver(to, &Sockets::default().syslog, entry.as_bytes())
}

fn deliver(to: Option<&str>, usual: &Path, bytes: &[u8]) -> Result<(), Unsent> {
    let socket = to.map_or_else(|| usual.to_owned(), PathBuf::from);
    let sent = datagram::send(&socket, bytes, PATIENCE);
    sent.map_err(|error| format!("the log of the system does not listen: {}", error.kind()))
}

fn one_line(message: &Message) -> String {
    let text = format!("{}: {}", message.title, message.text);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn priority(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "6",
        Severity::Warning => "4",
        Severity::Critical => "2",
    }
}
