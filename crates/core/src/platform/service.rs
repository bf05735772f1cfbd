//! What the kernel tells of services: which unit a process leads, which process listens at a port.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::process::{ProcessId, effective_uid, kinship};

/// Most processes of a unit that are compared.
const MOST: usize = 65_536;
/// State of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// The unit of the service manager that this process leads: it is the oldest one in the unit's
/// control group. A process that the unit's program started is younger and leads none.
pub fn unit_led_by(process: ProcessId) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{}/cgroup", process.pid)).ok()?;
    let group = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    let unit = group.rsplit('/').next().filter(|name| name.ends_with(".service"))?;
    // Where the groups of the second version stand alone, and where they stand beside the first.
    let mut of_group = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        .into_iter()
        .map(|root| fs::read_to_string(format!("{root}{group}/cgroup.procs")));
    let members = of_group.find_map(Result::ok)?;
    let mut others = members.lines().take(MOST).filter_map(|pid| pid.parse::<u32>().ok());
    let own = kinship(process.pid).filter(|kin| kin.process == process)?;
    let oldest = others.all(|pid| {
        let other = kinship(pid).map(|kin| kin.process);
        pid == process.pid || other.is_none_or(|other| other.started > own.process.started)
    });
    oldest.then(|| unit.to_owned())
}

/// This user's process that listens at a port of the loopback address, or of all addresses.
pub fn listener(port: u16) -> Option<ProcessId> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let sockets: Vec<String> = tables.iter().flatten().flat_map(|t| sockets(t, port)).collect();
    if sockets.is_empty() {
        return None;
    }
    let ours = |entry: &fs::DirEntry| entry.metadata().is_ok_and(|m| m.uid() == effective_uid());
    let entries = fs::read_dir("/proc").ok()?.flatten().filter(ours);
    let mut pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holds = |pid: &u32| {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut targets = open.filter_map(|entry| fs::read_link(entry.path()).ok());
        targets.any(|target| sockets.iter().any(|socket| target.as_os_str() == socket.as_str()))
    };
    Some(ProcessId::of(pids.find(holds)?)).filter(|process| process.is_alive())
}

/// The sockets that listen at a port, as links of descriptors name them.
fn sockets(table: &str, port: u16) -> Vec<String> {
    let end = format!(":{port:04X}");
    let row = |line: &str| {
        let row: Vec<&str> = line.split_ascii_whitespace().collect();
        let listens = row.get(3) == Some(&LISTEN) && row.get(1)?.ends_with(&end);
        listens.then(|| Some(format!("socket:[{}]", row.get(9)?))).flatten()
    };
    table.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_by_its_port() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(super::listener(port), Some(ProcessId::own()));
        drop(listener);
        assert_eq!(super::listener(port), None);
    }

    #[test]
    fn nobody_leads_a_unit_that_it_is_not_in() {
        assert_eq!(unit_led_by(ProcessId { pid: u32::MAX, started: 1 }), None);
        assert_eq!(unit_led_by(ProcessId { started: 1, ..ProcessId::own() }), None);
    }
}
