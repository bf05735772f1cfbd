//! Entries as logs of the system take them: one datagram for each entry, names in clear.
//!
//! journald is spoken to by its native protocol. /dev/log gets the local form of RFC 3164 that
//! syslog(3) writes, without the time of day: its readers add that, and the entry's own time stands
//! in the text.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::limits::MAX_DATAGRAM;
use crate::domain::{Mirror, Outcome, moment};
use crate::platform::datagram;

use super::{Entry, Item};

/// Facility authpriv of syslog(3): its files are not for everyone.
const FACILITY: u8 = 10;

/// Where the logs of the system listen.
#[derive(Clone, Debug)]
pub struct Sockets {
    /// journald's native socket.
    pub journal: PathBuf,
    /// The socket of syslog.
    pub syslog: PathBuf,
}

impl Default for Sockets {
    fn default() -> Self {
        Self { journal: "/run/systemd/journal/socket".into(), syslog: "/dev/log".into() }
    }
}

impl Sockets {
    /// Sends an entry with its number in the log (0 where it is not in it), and never waits.
    pub fn send(&self, to: Mirror, number: u64, entry: &Entry) -> io::Result<()> {
        self.deliver(to, number, entry, None)
    }

    /// Sends an entry, and waits that long for a receiver who is busy.
    pub fn deliver(
        &self,
        to: Mirror,
        number: u64,
        entry: &Entry,
        patience: Option<Duration>,
    ) -> io::Result<()> {
        match to {
            Mirror::Journald => datagram::send(&self.journal, &journal(number, entry), patience),
            Mirror::Syslog => {
                datagram::send(&self.syslog, syslog(number, entry).as_bytes(), patience)
            }
        }
    }
}

/// An entry as one line of text.
pub fn sentence(entry: &Entry) -> String {
    let actor = &entry.actor;
    let mut text = format!(
        "{} {} {} by {} (uid {}, pid {})",
        moment(entry.time_ms),
        entry.event,
        entry.outcome,
        actor.parent,
        actor.uid,
        actor.pid
    );
    // Writing to a String does not fail.
    if let Some(agent) = &entry.agent {
        write!(text, " agent {agent}").ok();
    }
    if let Some(run) = &entry.run {
        write!(text, " run {run}").ok();
    }
    if let Some(program) = &entry.program {
        write!(text, " program {}", program.path).ok();
    }
    for (at, item) in entry.items.iter().enumerate() {
        if text.len() > MAX_DATAGRAM / 8 {
            write!(text, " and {} more", entry.items.len() - at).ok();
            break;
        }
        write!(text, " {}", touched(item)).ok();
    }
    if entry.more > 0 {
        write!(text, " {} more times", entry.more).ok();
    }
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Name, profile where it is not the default one, version where there is one.
pub fn touched(item: &Item) -> String {
    let mut text = item.secret.clone();
    if item.profile != "default" {
        write!(text, "@{}", item.profile).ok();
    }
    if item.version > 0 {
        write!(text, " version {}", item.version).ok();
    }
    text
}

fn priority(entry: &Entry) -> u8 {
    match entry.outcome {
        Outcome::Ok => 6,
        Outcome::Refused | Outcome::Failed => 4,
    }
}

fn syslog(number: u64, entry: &Entry) -> String {
    let head = u32::from(FACILITY) * 8 + u32::from(priority(entry));
    let text = sentence(entry);
    format!("<{head}>clawvault[{}]: entry {number}: {text}", entry.actor.pid)
}

fn journal(number: u64, entry: &Entry) -> Vec<u8> {
    let actor = &entry.actor;
    let mut out = Vec::with_capacity(1024);
    let mut field = |name: &str, value: &str| put(&mut out, name, value);
    field("MESSAGE", &sentence(entry));
    field("PRIORITY", &priority(entry).to_string());
    field("SYSLOG_IDENTIFIER", "clawvault");
    field("SYSLOG_FACILITY", &FACILITY.to_string());
    field("CLAWVAULT_ENTRY", &number.to_string());
    field("CLAWVAULT_TIME", &moment(entry.time_ms));
    field("CLAWVAULT_EVENT", &entry.event);
    field("CLAWVAULT_OUTCOME", &entry.outcome.to_string());
    field("CLAWVAULT_UID", &actor.uid.to_string());
    field("CLAWVAULT_PID", &actor.pid.to_string());
    field("CLAWVAULT_EXECUTABLE", &actor.executable);
    field("CLAWVAULT_PARENT", &actor.parent);
    field("CLAWVAULT_PARENT_PID", &actor.parent_pid.to_string());
    field("CLAWVAULT_PARENT_EXECUTABLE", &actor.parent_executable);
    for (name, value) in [
        ("CLAWVAULT_RUN", entry.run.as_ref()),
        ("CLAWVAULT_AGENT", entry.agent.as_ref()),
        ("CLAWVAULT_PROGRAM", entry.program.as_ref().map(|program| &program.path)),
    ] {
        if let Some(value) = value {
            field(name, value);
        }
    }
    // A field may occur more than once: one for each secret.
    for item in &entry.items {
        if out.len() > MAX_DATAGRAM / 2 {
            break;
        }
        put(&mut out, "CLAWVAULT_SECRET", &item.secret);
        put(&mut out, "CLAWVAULT_PROFILE", &item.profile);
    }
    out
}

/// One field: `NAME=value`, or with a length where the value has lines.
fn put(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        out.push(b'\n');
        out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        out.push(b'=');
    }
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::super::form::tests::full;
    use super::*;

    #[test]
    fn an_entry_arrives_as_one_datagram_of_each_kind() {
        let temporary = tempfile::tempdir().unwrap();
        let place = |name: &str| temporary.path().join(name);
        let sockets = Sockets { journal: place("journal"), syslog: place("syslog") };
        assert!(sockets.send(Mirror::Journald, 1, &full()).is_err(), "nobody listens");
        let journal = UnixDatagram::bind(&sockets.journal).unwrap();
        let syslog = UnixDatagram::bind(&sockets.syslog).unwrap();
        let mut entry = full();
        entry.actor.parent = "two\nlines".to_owned();
        sockets.send(Mirror::Journald, 41, &entry).unwrap();
        sockets.send(Mirror::Syslog, 42, &entry).unwrap();
        let read = |from: &UnixDatagram| {
            let mut bytes = vec![0; MAX_DATAGRAM];
            let length = from.recv(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..length]).into_owned()
        };
        let fields = read(&journal);
        for field in [
            "PRIORITY=4\n",
            "SYSLOG_IDENTIFIER=clawvault\n",
            "CLAWVAULT_ENTRY=41\n",
            "CLAWVAULT_EVENT=run\n",
            "CLAWVAULT_PARENT\n\x09\0\0\0\0\0\0\0two\nlines\n",
            "CLAWVAULT_SECRET=openai/main\n",
            "CLAWVAULT_PROGRAM=/usr/bin/node\n",
        ] {
            assert!(fields.contains(field), "{field:?} in {fields:?}");
        }
        let line = "<84>clawvault[2]: entry 42: 2025-11-22T08:26:40Z run refused by two\u{fffd}lines \
                    (uid 1000, pid 2) agent support run 0011223344556677 program /usr/bin/node \
                    openai/main version 3 7 more times";
        assert_eq!(read(&syslog), line);
    }

    #[test]
    fn an_entry_of_very_many_secrets_fits() {
        let item = Item { profile: "p".repeat(64), secret: "s".repeat(128), version: u32::MAX };
        let entry = Entry { items: vec![item; 10_000], ..full() };
        assert!(journal(1, &entry).len() < MAX_DATAGRAM);
        assert!(syslog(1, &entry).len() < MAX_DATAGRAM);
        assert!(syslog(1, &entry).contains(" more"));
    }
}
