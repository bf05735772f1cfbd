//! Processes of OpenClaw, and whom they speak to (proc(5)).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::Facts;
use crate::hardening::host::Unseen;
use crate::hardening::parsers::connections::{Connection, connections};

/// Most processes, and descriptors of one, that are looked at.
const MAX_PROCESSES: usize = 100_000;
const MAX_DESCRIPTORS: usize = 4096;
/// Largest table of connections, in bytes.
const MAX_TABLE: usize = 16 * 1024 * 1024;

impl Facts<'_> {
    /// Numbers of the processes that call themselves OpenClaw.
    pub fn gateways(&self) -> Result<Vec<u32>, Unseen> {
        if !self.host.is_live() {
            return Err(Unseen::NotLive("processes"));
        }
        let mut all = Vec::new();
        for name in self.host.list(Path::new("/proc"), MAX_PROCESSES)? {
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            // It may have ended since.
            let comm = self.host.read(Path::new(&format!("/proc/{pid}/comm")), 64);
            if comm.is_ok_and(|comm| comm.starts_with(b"openclaw")) {
                all.push(pid);
            }
        }
        Ok(all)
    }

    /// Connections of OpenClaw's processes to other machines.
    pub fn gateway_connections(&self) -> Result<Vec<Connection>, Unseen> {
        let mut sockets = BTreeSet::new();
        for pid in self.gateways()? {
            let directory = format!("/proc/{pid}/fd");
            for name in self.host.list(Path::new(&directory), MAX_DESCRIPTORS)? {
                let link = self.host.link(&Path::new(&directory).join(name));
                let text = link.map(|link| link.display().to_string()).unwrap_or_default();
                let number = text.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
                sockets.extend(number.and_then(|number| number.parse::<u64>().ok()));
            }
        }
        let mut all = Vec::new();
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            let bytes = self.host.read(Path::new(table), MAX_TABLE).unwrap_or_default();
            all.extend(connections(&String::from_utf8_lossy(&bytes)));
        }
        all.retain(|one| sockets.contains(&one.inode) && !is_own(one.address));
        Ok(all)
    }
}

/// Whether an address is of this machine.
fn is_own(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address == Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(address) => {
            let mapped = address.to_ipv4_mapped().is_some_and(|inner| inner.is_loopback());
            mapped || address.is_loopback() || address == Ipv6Addr::UNSPECIFIED
        }
    }
}
