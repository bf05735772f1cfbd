//! The certificates that servers of the host use, as files.

use std::path::{Path, PathBuf};

use super::{Facts, once};
use crate::hardening::host::Unseen;
use crate::hardening::parsers::x509::{self, Certificate};

/// A chain of certificates, and who uses it.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The file, or the listener that showed it.
    pub source: String,
    /// Names under which the server answers, where its configuration says.
    pub names: Vec<String>,
    /// Its own certificate first.
    pub certificates: Vec<Certificate>,
}

impl Facts<'_> {
    /// The chains that web servers, certbot and OpenClaw's gateway name, and what listeners showed.
    pub fn chains(&self) -> Result<&[Chain], Unseen> {
        once(&self.chains, || {
            let mut wanted: Vec<(PathBuf, Vec<String>)> = Vec::new();
            for site in self.sites()? {
                let names = site
                    .names
                    .iter()
                    .filter(|name| name.contains('.') && !name.contains('*'))
                    .cloned();
                wanted.extend(site.certificate.clone().map(|path| (path, names.collect())));
            }
            for path in
                self.glob(Path::new("/etc/letsencrypt/live/*/fullchain.pem")).unwrap_or_default()
            {
                wanted.push((path, Vec::new()));
            }
            for home in self.openclaw()? {
                let Some(Ok(config)) = &home.config else { continue };
                let path = config.pointer("/gateway/tls/certPath").and_then(|path| path.as_str());
                wanted.extend(path.map(|path| (PathBuf::from(path), Vec::new())));
            }
            let mut all: Vec<Chain> = Vec::new();
            for (path, names) in wanted {
                let source = path.display().to_string();
                if let Some(known) = all.iter_mut().find(|one| one.source == source) {
                    known.names.extend(names);
                    continue;
                }
                let text = self.text(&path)?;
                let certificates = text.map(|text| x509::pem(&text)).unwrap_or_default();
                all.push(Chain { source, names, certificates });
            }
            for probe in self.probes().unwrap_or_default() {
                if !probe.certificates.is_empty() {
                    let (source, certificates) =
                        (probe.address.to_string(), probe.certificates.clone());
                    all.push(Chain { source, names: Vec::new(), certificates });
                }
            }
            Ok(all)
        })
        .map(Vec::as_slice)
    }
}
