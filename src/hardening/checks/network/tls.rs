//! TLS wherever a listener leaves loopback: certificates, versions, ciphers.

use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::{Chain, Facts, Speaks};
use crate::hardening::host::Unseen;

const DAY: i64 = 86_400;
/// Days before its end at which a certificate should have been renewed: Let's Encrypt's tools do it
/// 30 days before.
const SOON: i64 = 14;

const MOZILLA: &str = "https://wiki.mozilla.org/Security/Server_Side_TLS";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "network.tls.listeners",
        severity: Severity::High,
        title: "What others can reach speaks TLS or SSH: keys and conversations pass there",
        fix: Fix::All(
            "put nginx or caddy with a certificate in front, and bind the service itself to 127.0.0.1",
        ),
        reference: MOZILLA,
        look: listeners,
    },
    Check {
        id: "network.tls.chain",
        severity: Severity::High,
        title: "Certificates are for the names they serve, with the chain that clients need",
        fix: Fix::All(
            "use certbot's fullchain.pem, not cert.pem; `certbot --nginx -d <name>` gets one",
        ),
        reference: "RFC 5280; openssl-verify(1)",
        look: chain,
    },
    Check {
        id: "network.tls.expiry",
        severity: Severity::High,
        title: "No certificate has ended or ends within two weeks",
        fix: Fix::All("certbot renew && systemctl reload nginx"),
        reference: "certbot(1)",
        look: expiry,
    },
    Check {
        id: "network.tls.renewal",
        severity: Severity::Medium,
        title: "Certificates renew themselves: they live for 90 days",
        fix: Fix::By {
            debian: "systemctl enable --now certbot.timer",
            rhel: "systemctl enable --now certbot-renew.timer",
        },
        reference: "certbot(1), https://github.com/acmesh-official/acme.sh",
        look: renewal,
    },
    Check {
        id: "network.tls.key",
        severity: Severity::Medium,
        title: "Certificates have keys and signatures that cannot be forged",
        fix: Fix::All("certbot renew --force-renewal --key-type ecdsa"),
        reference: MOZILLA,
        look: |facts| {
            with_chains(facts, |all| {
                let mut weak = Vec::new();
                for chain in all {
                    for one in &chain.certificates {
                        if one.key.is_weak() {
                            weak.push(format!(
                                "{}: {} has a key {:?}",
                                chain.source, one.name, one.key
                            ));
                        }
                        // The root's own signature counts for nobody.
                        if one.weak_digest
                            && !(one.is_self_signed() && chain.certificates.len() > 1)
                        {
                            weak.push(format!(
                                "{}: {} is signed by way of SHA-1 or MD5",
                                chain.source, one.name
                            ));
                        }
                    }
                }
                Outcome::none_of(&weak, format!("{} chains", all.len()))
            })
        },
    },
    Check {
        id: "network.tls.versions",
        severity: Severity::High,
        title: "TLS 1.0 and 1.1 are refused (RFC 8996)",
        fix: Fix::All(
            "nginx: ssl_protocols TLSv1.2 TLSv1.3; apache: SSLProtocol -all +TLSv1.2 +TLSv1.3; reload",
        ),
        reference: "RFC 8996",
        look: versions,
    },
    Check {
        id: "network.tls.ciphers",
        severity: Severity::High,
        title: "No broken cipher is taken: NULL, RC4, DES, 3DES, export, anonymous",
        fix: Fix::All(
            "nginx: ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305; reload",
        ),
        reference: MOZILLA,
        look: ciphers,
    },
];

fn listeners(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let mut clear = Vec::new();
    // By their configurations, which say it of a tree, too.
    for home in facts.openclaw()? {
        let Some(Ok(config)) = &home.config else { continue };
        let bind =
            config.pointer("/gateway/bind").and_then(|one| one.as_str()).unwrap_or("loopback");
        let tls =
            config.pointer("/gateway/tls/enabled").and_then(|one| one.as_bool()) == Some(true);
        // A tailnet encrypts by itself.
        if !tls && ["lan", "custom"].contains(&bind) {
            clear.push(format!(
                "{}: gateway.bind is {bind}, gateway.tls is off",
                home.path.display()
            ));
        }
    }
    let sites: Vec<_> = facts.sites()?.iter().filter(|site| !site.is_local).collect();
    let plain = |site: &&&crate::hardening::Site| !site.has_tls() && !site.redirects;
    clear.extend(sites.iter().filter(plain).map(|site| format!("{} has no TLS", site.told())));
    let mut asked = 0;
    match facts.probes() {
        Ok(probes) => {
            asked = probes.len();
            let is_clear = |head: &str| !head.to_ascii_lowercase().contains("\nlocation: https://");
            for probe in probes {
                if probe.speaks == Speaks::Http && is_clear(&probe.head) {
                    clear.push(format!("{} speaks HTTP in clear", probe.told));
                }
            }
        }
        // What the files say is enough of a tree.
        Err(Unseen::NotLive(_)) => {}
        Err(unseen) => return Err(unseen),
    }
    if clear.is_empty() && sites.is_empty() && asked == 0 {
        return Ok(Outcome::na("nothing that leaves loopback is to be seen"));
    }
    Ok(Outcome::none_of(&clear, format!("{} sites, {asked} listeners asked", sites.len())))
}

fn with_chains(
    facts: &Facts<'_>,
    look: impl FnOnce(&[Chain]) -> Outcome,
) -> Result<Outcome, Unseen> {
    let all = facts.chains()?;
    Ok(if all.is_empty() { Outcome::na("no certificate is in use") } else { look(all) })
}

fn chain(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    with_chains(facts, |all| {
        let mut wrong = Vec::new();
        for chain in all {
            let Some(own) = chain.certificates.first() else {
                wrong.push(format!("{} has no certificate", chain.source));
                continue;
            };
            if own.is_self_signed() {
                wrong.push(format!("{}: {} vouches for itself", chain.source, own.name));
                continue;
            }
            let pairs = chain.certificates.iter().zip(chain.certificates.iter().skip(1));
            if chain.certificates.len() == 1 {
                wrong.push(format!(
                    "{}: the certificate that signed {} is missing",
                    chain.source, own.name
                ));
            } else if pairs.into_iter().any(|(one, next)| one.issuer != next.subject) {
                wrong.push(format!("{}: the certificates are of no one chain", chain.source));
            }
            let foreign = chain.names.iter().filter(|name| !own.is_for(name));
            wrong.extend(foreign.map(|name| format!("{} is not for {name}", chain.source)));
        }
        Outcome::none_of(&wrong, format!("{} chains are whole and for their names", all.len()))
    })
}

fn expiry(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let now = facts.host.now();
    with_chains(facts, |all| {
        let (mut ended, mut soon, mut next) = (Vec::new(), Vec::new(), i64::MAX);
        for chain in all {
            for one in &chain.certificates {
                let days = (one.ends - now).div_euclid(DAY);
                if one.ends < now {
                    ended.push(format!("{}: {} ended {} days ago", chain.source, one.name, -days));
                } else if one.begins > now {
                    ended.push(format!("{}: {} is not valid yet", chain.source, one.name));
                } else if days < SOON {
                    soon.push(format!("{}: {} ends in {days} days", chain.source, one.name));
                }
                next = next.min(days);
            }
        }
        match (ended.is_empty(), soon.is_empty()) {
            (false, _) => Outcome::fail(listed(&ended)),
            (true, false) => Outcome::warn(listed(&soon)),
            (true, true) => Outcome::pass(format!("the next one ends in {next} days")),
        }
    })
}

fn renewal(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    if facts.sites()?.iter().any(|site| site.is_automatic) {
        return Ok(Outcome::pass("caddy renews by itself"));
    }
    if facts.chains()?.is_empty() {
        return Ok(Outcome::na("no certificate is in use"));
    }
    for unit in [
        "certbot.timer",
        "certbot-renew.timer",
        "snap.certbot.renew.timer",
        "lego.timer",
        "acme.timer",
    ] {
        if facts.is_enabled(unit)? {
            return Ok(Outcome::pass(format!("{unit} is enabled")));
        }
    }
    let mut tables = vec!["/etc/crontab".into()];
    for directory in [
        "/etc/cron.d",
        "/var/spool/cron",
        "/var/spool/cron/crontabs",
        "/etc/cron.daily",
        "/etc/cron.weekly",
    ] {
        tables.extend(facts.entries(directory).unwrap_or_default());
    }
    for path in tables {
        let Ok(Some(text)) = facts.text(&path) else { continue };
        let runs = |line: &str| {
            let line = line.trim();
            !line.starts_with('#')
                && ["certbot", "acme.sh", "lego ", "dehydrated"]
                    .iter()
                    .any(|tool| line.contains(tool))
        };
        // Debian's own job for certbot stands aside where systemd runs, and its timer does it.
        let stands_aside = text.contains("-d /run/systemd/system");
        if text.lines().any(runs) && !stands_aside {
            return Ok(Outcome::pass(format!("{} renews", path.display())));
        }
    }
    Ok(Outcome::fail("neither a timer nor a cron job renews certificates"))
}

fn versions(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let mut old = Vec::new();
    let sites: Vec<_> = facts.sites()?.iter().filter(|site| site.has_tls()).collect();
    for site in &sites {
        let is_old = |word: &&String| {
            let word = word.trim_start_matches('+').to_ascii_lowercase();
            ["sslv2", "sslv3", "tlsv1", "tlsv1.0", "tlsv1.1", "tls1.0", "tls1.1", "all"]
                .contains(&word.as_str())
        };
        // `all -TLSv1 -TLSv1.1` of Apache takes them away again.
        let away = |name: &str| site.protocols.iter().any(|word| word.eq_ignore_ascii_case(name));
        let taken_away = away("-tlsv1") && away("-tlsv1.1");
        if site.protocols.iter().any(|word| is_old(&word)) && !taken_away {
            old.push(format!("{} takes {}", site.told(), site.protocols.join(" ")));
        }
    }
    let probes = facts.probes().unwrap_or_default();
    let speaking: Vec<_> = probes.iter().filter(|one| one.speaks == Speaks::Tls).collect();
    let taking = speaking.iter().filter(|one| !one.old.is_empty());
    old.extend(taking.map(|one| format!("{} takes {}", one.told, one.old.join(", "))));
    if sites.is_empty() && speaking.is_empty() {
        return Ok(Outcome::na("nothing speaks TLS"));
    }
    Ok(Outcome::none_of(&old, format!("{} sites, {} listeners asked", sites.len(), speaking.len())))
}

fn ciphers(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    const BROKEN: &[&str] = &[
        "null",
        "rc4",
        "des",
        "3des",
        "exp",
        "export",
        "adh",
        "aecdh",
        "anon",
        "anull",
        "enull",
        "md5",
        "low",
        "all",
        "complementofall",
    ];
    let mut weak = Vec::new();
    let sites: Vec<_> = facts.sites()?.iter().filter(|site| site.has_tls()).collect();
    for site in &sites {
        let list = site.ciphers.as_deref().unwrap_or_default().to_ascii_lowercase();
        // `!RC4` keeps it out; a list may begin with `ALL` and take the rest away again.
        let taken: Vec<&str> =
            list.split([':', ',', ' ']).filter(|one| !one.starts_with(['!', '-'])).collect();
        let out: Vec<&str> =
            list.split([':', ',', ' ']).filter_map(|one| one.strip_prefix('!')).collect();
        let is_broken = |one: &&str| {
            let pieces: Vec<&str> = one.trim_start_matches('+').split(['-', '+']).collect();
            let bad = |piece: &&str| BROKEN.contains(piece) && !out.contains(piece);
            let all =
                pieces.first().is_some_and(|first| ["all", "complementofall"].contains(first));
            if all {
                !(out.contains(&"anull") && out.contains(&"rc4"))
            } else {
                pieces.iter().any(bad)
            }
        };
        let broken: Vec<&str> = taken.into_iter().filter(|one| is_broken(one)).collect();
        if !broken.is_empty() {
            weak.push(format!("{} takes {}", site.told(), broken.join(" ")));
        }
    }
    let probes = facts.probes().unwrap_or_default();
    let speaking: Vec<_> = probes.iter().filter(|one| one.speaks == Speaks::Tls).collect();
    for probe in &speaking {
        weak.extend(probe.weak.map(|number| format!("{} takes cipher 0x{number:04x}", probe.told)));
    }
    if sites.is_empty() && speaking.is_empty() {
        return Ok(Outcome::na("nothing speaks TLS"));
    }
    Ok(Outcome::none_of(
        &weak,
        format!("{} sites, {} listeners asked", sites.len(), speaking.len()),
    ))
}
