//! Web servers by their configuration: which sites there are, how they are reached, what they guard.

use std::path::{Path, PathBuf};

use super::{Facts, once};
use crate::hardening::host::Unseen;
use crate::hardening::parsers::blocks::{self, Directive, Style};

/// One site of one server.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// `nginx`, `apache`, `caddy`.
    pub server: &'static str,
    /// Its names.
    pub names: Vec<String>,
    /// The ports it listens on, and whether with TLS.
    pub listens: Vec<(u16, bool)>,
    /// Whether it listens on loopback alone.
    pub is_local: bool,
    /// Its certificate.
    pub certificate: Option<PathBuf>,
    /// The versions of TLS it takes, as written; empty: the server's own.
    pub protocols: Vec<String>,
    /// The ciphers, as written.
    pub ciphers: Option<String>,
    /// Whether it sends everything to HTTPS.
    pub redirects: bool,
    /// The value of its Strict-Transport-Security.
    pub hsts: Option<String>,
    /// What it passes requests on to.
    pub passes_to: Vec<String>,
    /// Whether only some addresses are let in, or a certificate or password is asked for.
    pub is_guarded: bool,
    /// Whether the server sees to certificates, redirects and versions by itself.
    pub is_automatic: bool,
}

impl Site {
    /// `nginx: a.example`
    pub fn told(&self) -> String {
        let name = self.names.first().map_or("the default site", String::as_str);
        format!("{}: {name}", self.server)
    }

    /// Whether it listens with TLS anywhere.
    pub fn has_tls(&self) -> bool {
        self.is_automatic || self.listens.iter().any(|(_, tls)| *tls)
    }
}

/// Most levels of files that include each other.
const MAX_LEVELS: usize = 8;
/// Most files of one server.
const MAX_FILES: usize = 512;

impl Facts<'_> {
    /// The sites of all servers.
    pub fn sites(&self) -> Result<&[Site], Unseen> {
        once(&self.sites, || {
            let mut sites = Vec::new();
            let mut left = MAX_FILES;
            let nginx = self.included("/etc/nginx/nginx.conf", Style::Nginx, 0, &mut left)?;
            let http: Vec<&Directive> = nginx.iter().filter(|one| one.name == "http").collect();
            for outer in http {
                sites.extend(outer.below("server").map(|server| nginx_site(server, outer)));
            }
            for main in ["/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf"] {
                let all = self.included(main, Style::Apache, 0, &mut left)?;
                let outer = Directive { block: all, ..Directive::default() };
                sites.extend(outer.below("virtualhost").map(|host| apache_site(host, &outer)));
            }
            let caddy = self.included("/etc/caddy/Caddyfile", Style::Caddy, 0, &mut left)?;
            sites.extend(
                caddy
                    .iter()
                    .filter(|one| !one.name.is_empty() && !one.block.is_empty())
                    .map(caddy_site),
            );
            Ok(sites)
        })
        .map(Vec::as_slice)
    }

    /// A file's directives; those of the files it includes stand in the place of the include.
    fn included(
        &self,
        path: impl AsRef<Path>,
        style: Style,
        level: usize,
        left: &mut usize,
    ) -> Result<Vec<Directive>, Unseen> {
        let path = path.as_ref();
        if level > MAX_LEVELS || *left == 0 {
            return Ok(Vec::new());
        }
        *left -= 1;
        let Some(text) = self.text(path)? else { return Ok(Vec::new()) };
        let base = match style {
            Style::Nginx => Path::new("/etc/nginx"),
            Style::Caddy => Path::new("/etc/caddy"),
            Style::Apache if path.starts_with("/etc/httpd") => Path::new("/etc/httpd"),
            Style::Apache => Path::new("/etc/apache2"),
        };
        let all = blocks::parse(&text, style);
        self.expand(all, base, style, level, left)
    }

    fn expand(
        &self,
        all: Vec<Directive>,
        base: &Path,
        style: Style,
        level: usize,
        left: &mut usize,
    ) -> Result<Vec<Directive>, Unseen> {
        let mut out = Vec::new();
        for mut one in all {
            if ["include", "includeoptional", "import"].contains(&one.name.as_str()) {
                for pattern in &one.arguments {
                    for path in self.glob(&base.join(pattern))? {
                        out.extend(self.included(path, style, level + 1, left)?);
                    }
                }
            } else {
                one.block =
                    self.expand(std::mem::take(&mut one.block), base, style, level, left)?;
                out.push(one);
            }
        }
        Ok(out)
    }
}

/// A port, and whether an address is loopback's: `443`, `[::]:80`, `127.0.0.1:8080`.
fn address(text: &str) -> (Option<u16>, bool) {
    let text = text.rsplit_once("://").map_or(text, |(_, rest)| rest);
    let port = text.rsplit(':').next().and_then(|port| port.parse().ok());
    let local = ["127.", "localhost", "[::1]", "unix:"].iter().any(|start| text.starts_with(start));
    (port, local)
}

fn last<'d>(inner: &'d Directive, outer: &'d Directive, name: &str) -> Option<&'d Directive> {
    inner.own(name).or_else(|| outer.own(name))
}

fn nginx_site(server: &Directive, http: &Directive) -> Site {
    let listens: Vec<&Directive> = server.block.iter().filter(|one| one.name == "listen").collect();
    let parsed: Vec<(Option<u16>, bool)> = listens
        .iter()
        .map(|one| address(one.arguments.first().map_or("80", String::as_str)))
        .collect();
    let tls = |one: &Directive| one.arguments.iter().any(|word| word == "ssl" || word == "quic");
    let ports = listens.iter().zip(&parsed).map(|(one, (port, _))| (port.unwrap_or(80), tls(one)));
    let to_https = |one: &Directive| one.arguments.iter().any(|word| word.starts_with("https://"));
    let header = |one: &&Directive| {
        one.arguments
            .first()
            .is_some_and(|name| name.eq_ignore_ascii_case("strict-transport-security"))
    };
    let hsts = server
        .below("add_header")
        .find(header)
        .or_else(|| http.block.iter().filter(|one| one.name == "add_header").find(header));
    let denies =
        server.below("deny").any(|one| one.arguments.first().is_some_and(|who| who == "all"));
    let asks = ["auth_basic", "auth_request", "auth_jwt"]
        .iter()
        .any(|name| server.below(name).next().is_some())
        || server.own("ssl_verify_client").is_some_and(|one| one.arguments == ["on"]);
    Site {
        server: "nginx",
        names: server.own("server_name").map(|one| one.arguments.clone()).unwrap_or_default(),
        is_local: !parsed.is_empty() && parsed.iter().all(|(_, local)| *local),
        listens: if listens.is_empty() { vec![(80, false)] } else { ports.collect() },
        certificate: last(server, http, "ssl_certificate")
            .and_then(|one| one.arguments.first())
            .map(PathBuf::from),
        protocols: last(server, http, "ssl_protocols")
            .map(|one| one.arguments.clone())
            .unwrap_or_default(),
        ciphers: last(server, http, "ssl_ciphers").and_then(|one| one.arguments.first()).cloned(),
        redirects: server.below("return").any(to_https) || server.below("rewrite").any(to_https),
        hsts: hsts.and_then(|one| one.arguments.get(1)).cloned(),
        passes_to: server
            .below("proxy_pass")
            .filter_map(|one| one.arguments.first())
            .cloned()
            .collect(),
        is_guarded: denies || asks,
        is_automatic: false,
    }
}

fn apache_site(host: &Directive, outer: &Directive) -> Site {
    let tls = last(host, outer, "sslengine")
        .is_some_and(|one| one.arguments.first().is_some_and(|on| on.eq_ignore_ascii_case("on")));
    let parsed: Vec<(Option<u16>, bool)> = host.arguments.iter().map(|one| address(one)).collect();
    let words =
        |name: &str| last(host, outer, name).map(|one| one.arguments.clone()).unwrap_or_default();
    let to_https = |one: &Directive| one.arguments.iter().any(|word| word.starts_with("https://"));
    let is_hsts = |one: &&Directive| {
        one.arguments.iter().any(|word| word.eq_ignore_ascii_case("strict-transport-security"))
    };
    let hsts = host
        .below("header")
        .find(is_hsts)
        .or_else(|| outer.block.iter().filter(|one| one.name == "header").find(is_hsts));
    let limits = |one: &Directive| {
        let first = one.arguments.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
        ["ip", "host", "user", "valid-user", "local", "group"].contains(&first.as_str())
    };
    let mut names = words("servername");
    names.extend(words("serveralias"));
    Site {
        server: "apache",
        names,
        is_local: !parsed.is_empty() && parsed.iter().all(|(_, local)| *local),
        listens: parsed.iter().map(|(port, _)| (port.unwrap_or(80), tls)).collect(),
        certificate: words("sslcertificatefile").first().map(PathBuf::from),
        protocols: words("sslprotocol"),
        ciphers: words("sslciphersuite").last().cloned(),
        redirects: ["redirect", "redirectmatch", "rewriterule"]
            .iter()
            .any(|name| host.below(name).any(to_https)),
        hsts: hsts.and_then(|one| one.arguments.last()).cloned(),
        passes_to: ["proxypass", "proxypassmatch"]
            .iter()
            .flat_map(|name| host.below(name))
            .filter_map(|one| one.arguments.last())
            .cloned()
            .collect(),
        is_guarded: host.below("require").any(limits),
        is_automatic: false,
    }
}

fn caddy_site(site: &Directive) -> Site {
    let mut names: Vec<String> = vec![site.name.trim_end_matches(',').to_owned()];
    names.extend(site.arguments.iter().map(|name| name.trim_end_matches(',').to_owned()));
    let plain =
        |name: &str| name.starts_with("http://") || name.ends_with(":80") || name.starts_with(':');
    let all_plain = names.iter().all(|name| plain(name)) && site.own("tls").is_none();
    let is_local = names.iter().all(|name| address(name).1);
    let tls = site.own("tls").map(|one| one.arguments.clone()).unwrap_or_default();
    let is_hsts = |one: &&Directive| {
        one.name.eq_ignore_ascii_case("strict-transport-security")
            || one
                .arguments
                .iter()
                .any(|word| word.eq_ignore_ascii_case("strict-transport-security"))
    };
    let header =
        site.below("header").flat_map(|one| std::iter::once(one).chain(&one.block)).find(is_hsts);
    Site {
        server: "caddy",
        listens: names
            .iter()
            .map(|name| (address(name).0.unwrap_or(if all_plain { 80 } else { 443 }), !all_plain))
            .collect(),
        is_local,
        certificate: tls.first().filter(|path| path.starts_with('/')).map(PathBuf::from),
        protocols: site
            .below("protocols")
            .next()
            .map(|one| one.arguments.clone())
            .unwrap_or_default(),
        ciphers: site.below("ciphers").next().map(|one| one.arguments.join(":")),
        redirects: !all_plain,
        hsts: header.and_then(|one| one.arguments.last()).cloned(),
        passes_to: site.below("reverse_proxy").flat_map(|one| one.arguments.clone()).collect(),
        is_guarded: ["basic_auth", "basicauth", "forward_auth"]
            .iter()
            .any(|name| site.below(name).next().is_some())
            || site.block.iter().chain(site.below("not")).any(|one| {
                one.name.starts_with('@') || one.arguments.iter().any(|word| word == "remote_ip")
            }),
        is_automatic: !all_plain,
        names,
    }
}
