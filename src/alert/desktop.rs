//! A notification on this desktop, by the program `notify-send`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clawvault_core::domain::Severity;

use super::Message;
use super::send::Unsent;

/// Longest that the program may take.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn send(message: &Message) -> Result<(), Unsent> {
    let urgency = match message.severity {
        Severity::Info => "low",
        Severity::Warning => "normal",
        Severity::Critical => "critical",
    };
    let mut command = Command::new("notify-send");
    command.args(["--app-name=clawvault", &format!("--urgency={urgency}"), "--"]);
    // The body may have marks, the title has none.
    command.args([&message.title, &super::web::escaped(&message.text)]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|_| "there is no program notify-send")?;
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(_)) | Err(_) => return Err("notify-send found no desktop".to_owned()),
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    child.kill().ok();
    child.wait().ok();
    Err("notify-send took too long".to_owned())
}
