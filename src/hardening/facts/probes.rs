//! What the host's own listeners answer: asked from the host itself, each over a few connections.

use std::net::SocketAddr;

use super::{Facts, once};
use crate::hardening::host::Unseen;
use crate::hardening::parsers::tls::{self, Answer, Offer};
use crate::hardening::parsers::x509::{self, Certificate};

/// Most listeners that are asked.
const MAX: usize = 16;
/// Most bytes that an answer has.
const MAX_ANSWER: usize = 64 * 1024;

/// What a listener speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Speaks {
    /// TLS.
    Tls,
    /// SSH, which encrypts by itself.
    Ssh,
    /// HTTP in clear.
    Http,
    /// Something that says nothing to a stranger.
    Other,
}

/// A listener that others can reach, and what it said.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its program.
    pub told: String,
    /// What it speaks.
    pub speaks: Speaks,
    /// Old versions that it takes.
    pub old: Vec<&'static str>,
    /// The number of a weak cipher that it takes.
    pub weak: Option<u16>,
    /// Its certificates, where it shows them to TLS 1.2.
    pub certificates: Vec<Certificate>,
    /// The head of its answer to a request in clear.
    pub head: String,
}

impl Facts<'_> {
    /// The listeners that leave loopback; a tree has none, and so has an audit without probes.
    pub fn probes(&self) -> Result<&[Probe], Unseen> {
        once(&self.probes, || {
            let name = self.site_name();
            let open: Vec<_> = self.sockets()?.iter().filter(|one| one.leaves_loopback()).collect();
            let mut all = Vec::new();
            for socket in open.into_iter().take(MAX) {
                all.push(self.probe(
                    socket.listener.address,
                    socket.address(),
                    socket.told(),
                    name.as_deref(),
                )?);
            }
            Ok(all)
        })
        .map(Vec::as_slice)
    }

    fn probe(
        &self,
        address: SocketAddr,
        to: SocketAddr,
        told: String,
        name: Option<&str>,
    ) -> Result<Probe, Unseen> {
        let ask = |bytes: &[u8]| match self.host.exchange(to, bytes, MAX_ANSWER) {
            Err(Unseen::NotLive(what)) => Err(Unseen::NotLive(what)),
            // Who hangs up has nothing to say.
            heard => Ok(heard.unwrap_or_default()),
        };
        let heard = ask(&tls::hello(Offer::Tls12, name))?;
        let answer = tls::answer(&heard);
        let mut probe = Probe {
            address,
            told,
            speaks: Speaks::Other,
            old: Vec::new(),
            weak: None,
            certificates: Vec::new(),
            head: String::new(),
        };
        if answer == Answer::Other {
            let text = String::from_utf8_lossy(&heard);
            if text.starts_with("SSH-") {
                probe.speaks = Speaks::Ssh;
                return Ok(probe);
            }
            let host = name.unwrap_or("localhost");
            let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let heard = ask(request.as_bytes())?;
            let text = String::from_utf8_lossy(&heard);
            if text.starts_with("HTTP/") {
                probe.speaks = Speaks::Http;
                probe.head = text.split("\r\n\r\n").next().unwrap_or_default().to_owned();
            }
            return Ok(probe);
        }
        probe.speaks = Speaks::Tls;
        if let Answer::Takes { certificates, .. } = answer {
            probe.certificates = certificates.iter().filter_map(|one| x509::der(one)).collect();
        }
        for (offer, version, word) in
            [(Offer::Tls10, 0x0301, "TLS 1.0"), (Offer::Tls11, 0x0302, "TLS 1.1")]
        {
            if let Answer::Takes { version: taken, .. } =
                tls::answer(&ask(&tls::hello(offer, name))?)
                && taken == version
            {
                probe.old.push(word);
            }
        }
        if let Answer::Takes { cipher, .. } = tls::answer(&ask(&tls::hello(Offer::Weak, name))?) {
            probe.weak = Some(cipher);
        }
        Ok(probe)
    }

    /// The first name of a site, to ask for.
    fn site_name(&self) -> Option<String> {
        let sites = self.sites().ok()?;
        let names = sites.iter().filter(|site| site.has_tls()).flat_map(|site| &site.names);
        names
            .map(|name| name.trim_start_matches("https://"))
            .find(|name| name.contains('.') && !name.contains('*'))
            .map(str::to_owned)
    }
}
