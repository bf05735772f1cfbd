//! Who listens, by way of procfs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use super::{Facts, files, once};
use crate::hardening::host::Unseen;
use crate::hardening::parsers::sockets::{self, Listener};

/// Most processes, and open files of one, that are looked through for the owners of sockets.
const MAX_PROCESSES: usize = 4096;
const MAX_OPEN: usize = 4096;
/// Largest table of sockets, in bytes.
const MAX_TABLE: usize = 8 << 20;

/// A listening socket and whose it is.
#[derive(Clone, Debug)]
pub struct Socket {
    /// The socket.
    pub listener: Listener,
    /// The program that holds it; none where it may not be seen.
    pub program: Option<String>,
}

impl Socket {
    /// Whether others than this machine can reach it.
    pub fn leaves_loopback(&self) -> bool {
        !self.listener.address.ip().is_loopback()
    }

    /// `nginx (uid 33) on 0.0.0.0:443`
    pub fn told(&self) -> String {
        let program = self.program.as_deref().unwrap_or("a program that is not ours to see");
        format!("{program} (uid {}) on {}", self.listener.uid, self.listener.address)
    }

    /// Where this machine itself reaches it.
    pub fn address(&self) -> std::net::SocketAddr {
        let mut address = self.listener.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
                IpAddr::V6(_) => IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
            });
        }
        address
    }
}

impl Facts<'_> {
    /// The TCP sockets that listen; a tree has none to tell of.
    pub fn sockets(&self) -> Result<&[Socket], Unseen> {
        once(&self.sockets, || {
            if !self.host.is_live() {
                return Err(Unseen::NotLive("who listens"));
            }
            let mut listeners = Vec::new();
            for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
                let text = files::present(self.host.read(Path::new(table), MAX_TABLE))?;
                let text = text.unwrap_or_default();
                listeners.extend(sockets::parse(&String::from_utf8_lossy(&text)));
            }
            listeners.sort_by_key(|one| (one.address.port(), one.address.ip()));
            listeners.dedup_by_key(|one| one.address);
            let wanted = listeners.iter().map(|one| one.inode).collect();
            let mut owners = self.owners(&wanted);
            let socket =
                |listener: Listener| Socket { listener, program: owners.remove(&listener.inode) };
            Ok(listeners.into_iter().map(socket).collect())
        })
        .map(Vec::as_slice)
    }

    /// The programs that hold these sockets.
    fn owners(&self, wanted: &std::collections::BTreeSet<u64>) -> BTreeMap<u64, String> {
        let mut owners = BTreeMap::new();
        for pid in self.processes() {
            let Ok(open) = self.host.list(&Path::new("/proc").join(&pid).join("fd"), MAX_OPEN)
            else {
                continue;
            };
            for fd in open {
                let path = Path::new("/proc").join(&pid).join("fd").join(fd);
                let Ok(target) = self.host.link(&path) else { continue };
                let text = target.to_string_lossy();
                let inode = text.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
                if let Some(inode) = inode.and_then(|text| text.parse().ok())
                    && wanted.contains(&inode)
                {
                    let name = self.host.read(&Path::new("/proc").join(&pid).join("comm"), 64);
                    let name = String::from_utf8_lossy(&name.unwrap_or_default()).trim().to_owned();
                    owners.entry(inode).or_insert(name);
                }
            }
            if owners.len() == wanted.len() {
                break;
            }
        }
        owners
    }

    /// The numbers of the processes that live; none in a tree.
    pub fn processes(&self) -> Vec<String> {
        if !self.host.is_live() {
            return Vec::new();
        }
        let names = self.host.list(Path::new("/proc"), 1 << 16).unwrap_or_default();
        let numbers = names.into_iter().filter_map(|name| {
            let name = name.to_str()?.to_owned();
            name.bytes().all(|b| b.is_ascii_digit()).then_some(name)
        });
        numbers.take(MAX_PROCESSES).collect()
    }
}
