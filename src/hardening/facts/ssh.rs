//! How sshd would treat a login: as itself says it where root may ask, else from its files.

use std::path::Path;

use super::{Facts, once};
use crate::hardening::host::Unseen;
use crate::hardening::parsers::ini;
use crate::hardening::parsers::sshd::{self, Config};

const MAIN: &str = "/etc/ssh/sshd_config";

/// The configuration, and who said so.
#[derive(Clone, Debug)]
pub struct Sshd {
    /// What counts.
    pub config: Config,
    /// `sshd -T`, or the files.
    pub source: &'static str,
    /// Ports at which systemd listens in its place, by drop-ins of `ssh.socket`; none where sshd's own
    /// configuration says it.
    pub socket_ports: Vec<String>,
}

impl Sshd {
    fn new(config: Config, source: &'static str) -> Self {
        Self { config, source, socket_ports: Vec::new() }
    }
}

impl Facts<'_> {
    /// The SSH server's configuration; `None` where there is no such server.
    pub fn sshd(&self) -> Result<Option<&Sshd>, Unseen> {
        once(&self.sshd, || self.read_sshd()).map(Option::as_ref)
    }

    fn read_sshd(&self) -> Result<Option<Sshd>, Unseen> {
        let there = self.exists("/usr/sbin/sshd")? || self.exists(MAIN)?;
        if !there {
            return Ok(None);
        }
        let Some(text) = self.text(MAIN)? else {
            return Ok(Some(Sshd::new(Config::default(), "sshd's own defaults")));
        };
        let mut config = sshd::parse(&text, &mut |pattern| {
            let pattern = Path::new("/etc/ssh").join(pattern);
            let found = self.glob(&pattern).unwrap_or_default();
            found.iter().filter_map(|path| Some(self.text(path).ok()??.to_string())).collect()
        });
        let mut source = "sshd_config";
        // What it says for everybody is better known to itself; for whom it differs, its files say.
        if self.host.is_live()
            && self.host.is_root()
            && let Ok(printed) = self.host.run("/usr/sbin/sshd", &["-T"])
            && printed.code == Some(0)
        {
            config.global = sshd::effective(&printed.text).global;
            source = "sshd -T";
        }
        let socket_ports = self.ssh_socket_ports()?;
        Ok(Some(Sshd { socket_ports, ..Sshd::new(config, source) }))
    }

    /// `ListenStream` of the drop-ins of an enabled `ssh.socket` (systemd.socket(5)); an empty one
    /// takes back those before it. Ubuntu starts sshd by it.
    fn ssh_socket_ports(&self) -> Result<Vec<String>, Unseen> {
        let mut ports: Vec<String> = Vec::new();
        if self.entries("/etc/systemd/system/sockets.target.wants")?.iter().all(|path| {
            !path.file_name().is_some_and(|name| name == "ssh.socket" || name == "sshd.socket")
        }) {
            return Ok(ports);
        }
        for unit in ["ssh.socket", "sshd.socket"] {
            for (_, text) in self.drop_ins(format!("/etc/systemd/system/{unit}.d"), ".conf")? {
                for entry in ini::parse(&text, false) {
                    match (entry.name.as_str(), entry.value.rsplit(':').next()) {
                        ("listenstream", Some("")) => ports.clear(),
                        ("listenstream", Some(port)) => ports.push(port.to_owned()),
                        _ => {}
                    }
                }
            }
        }
        ports.dedup();
        Ok(ports)
    }
}
