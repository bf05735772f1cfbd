//! The firewalls of a host: which is on, what it lets in.

use std::path::{Path, PathBuf};

use super::{Facts, once};
use crate::hardening::host::Unseen;
use crate::hardening::parsers::iptables::{Opening, Policy, Rules};
use crate::hardening::parsers::{assignments, firewalld, iptables, nft, ufw};

/// Most files of nftables that are read.
const MOST_FILES: usize = 256;

/// A firewall.
#[derive(Clone, Debug)]
pub struct Firewall {
    /// `ufw`, `firewalld`, `nftables`, `iptables`.
    pub kind: &'static str,
    /// Whether it is switched on at boot, or on now.
    pub is_on: bool,
    /// What it does.
    pub rules: Rules,
    /// Whether it leaves IPv6 alone.
    pub leaves_ipv6: bool,
    /// What says so.
    pub source: String,
}

impl Firewall {
    /// Ways in from anywhere.
    pub fn open_to_all(&self) -> impl Iterator<Item = &Opening> {
        self.rules.open.iter().filter(|opening| opening.from.is_none())
    }
}

impl Facts<'_> {
    /// The firewalls that are installed or configured; those that are on come first.
    pub fn firewalls(&self) -> Result<&[Firewall], Unseen> {
        once(&self.firewalls, || {
            let mut all = Vec::new();
            all.extend(self.ufw()?);
            all.extend(self.firewalld()?);
            all.extend(self.nftables()?);
            all.extend(self.iptables()?);
            // What root is told of the kernel's own tables is what happens.
            all.extend(self.kernel_tables());
            all.sort_by_key(|one| !one.is_on);
            Ok(all)
        })
        .map(Vec::as_slice)
    }

    /// The firewall that is on.
    pub fn firewall(&self) -> Result<Option<&Firewall>, Unseen> {
        Ok(self.firewalls()?.iter().find(|one| one.is_on))
    }

    fn ufw(&self) -> Result<Option<Firewall>, Unseen> {
        let Some(conf) = self.text("/etc/ufw/ufw.conf")? else { return Ok(None) };
        let is = |name: &str, file: &str| {
            let fields = assignments::parse(file);
            fields.get(name).map(|value| value.to_ascii_lowercase()).unwrap_or_default()
        };
        let defaults = self.text("/etc/default/ufw")?.unwrap_or_default();
        let policy = |name: &str| match is(name, &defaults).as_str() {
            "accept" => Some(Policy::Accept),
            "drop" | "reject" => Some(Policy::Deny),
            _ => None,
        };
        let mut open = ufw::openings(&self.text("/etc/ufw/user.rules")?.unwrap_or_default());
        let user6 = ufw::openings(&self.text("/etc/ufw/user6.rules")?.unwrap_or_default());
        open.extend(user6.into_iter().filter(|one| !open.contains(one)).collect::<Vec<_>>());
        Ok(Some(Firewall {
            kind: "ufw",
            is_on: is("ENABLED", &conf) == "yes",
            rules: Rules {
                input: policy("DEFAULT_INPUT_POLICY"),
                output: policy("DEFAULT_OUTPUT_POLICY"),
                open,
            },
            leaves_ipv6: is("IPV6", &defaults) == "no",
            source: "/etc/ufw, /etc/default/ufw".to_owned(),
        }))
    }

    fn firewalld(&self) -> Result<Option<Firewall>, Unseen> {
        if !self.exists("/usr/sbin/firewalld")? && !self.exists("/etc/firewalld/firewalld.conf")? {
            return Ok(None);
        }
        let conf = self.text("/etc/firewalld/firewalld.conf")?.unwrap_or_default();
        let fields = assignments::parse(&conf);
        let zone = fields.get("DefaultZone").map_or("public", String::as_str);
        let mut zones = Vec::new();
        for directory in ["/etc/firewalld/zones", "/usr/lib/firewalld/zones"] {
            zones
                .extend(self.text(format!("{directory}/{zone}.xml"))?.filter(|_| zones.is_empty()));
        }
        let mut rules =
            zones.first().map_or_else(|| firewalld::shipped(zone), |text| firewalld::parse(text));
        for (path, text) in self.drop_ins("/etc/firewalld/zones", ".xml")? {
            if path.file_stem().is_some_and(|name| name != zone) && firewalld::has_card(&text) {
                let card = firewalld::parse(&text);
                rules.open.extend(card.open);
                if card.input == Some(Policy::Accept) {
                    rules.input = card.input;
                }
            }
        }
        // Its policies aside, it lets everything out.
        rules.output = Some(Policy::Accept);
        for (_, text) in self.drop_ins("/etc/firewalld/policies", ".xml")? {
            if firewalld::denies_outgoing(&text) {
                rules.output = Some(Policy::Deny);
            }
        }
        Ok(Some(Firewall {
            kind: "firewalld",
            is_on: self.is_enabled("firewalld.service")?,
            rules,
            leaves_ipv6: false,
            source: format!("firewalld's zone {zone}"),
        }))
    }

    fn nftables(&self) -> Result<Option<Firewall>, Unseen> {
        let mut texts = Vec::new();
        let mut paths: Vec<PathBuf> =
            ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"].map(PathBuf::from).to_vec();
        paths.extend(self.glob(Path::new("/etc/nftables.d/*.nft"))?);
        // The list grows by what its files include.
        let mut at = 0;
        while let Some(path) = paths.get(at).filter(|_| at < MOST_FILES).cloned() {
            at += 1;
            let Some(text) = self.text(&path)? else { continue };
            for pattern in nft::included(&text) {
                let found = self.glob(Path::new(&pattern))?;
                paths.extend(
                    found.into_iter().filter(|one| !paths.contains(one)).collect::<Vec<_>>(),
                );
            }
            texts.push(text);
        }
        let text = texts.iter().map(|text| text.as_ref()).collect::<Vec<_>>().join("\n");
        if text.is_empty() {
            return Ok(None);
        }
        let is_on = self.is_enabled("nftables.service")?;
        let leaves_ipv6 = !text.contains("inet") && !text.contains("ip6");
        let source = "/etc/nftables.conf".to_owned();
        Ok(Some(Firewall {
            kind: "nftables",
            is_on,
            rules: nft::parse(&text),
            leaves_ipv6,
            source,
        }))
    }

    fn iptables(&self) -> Result<Option<Firewall>, Unseen> {
        let places = [
            ("/etc/iptables/rules.v4", "/etc/iptables/rules.v6", "netfilter-persistent.service"),
            ("/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables", "iptables.service"),
        ];
        for (path, path6, unit) in places {
            if let Some(text) = self.text(path)? {
                let rules6 = self.text(path6)?.map(|text| iptables::parse(&text));
                let rules = iptables::parse(&text);
                return Ok(Some(Firewall {
                    kind: "iptables",
                    is_on: self.is_enabled(unit)?,
                    leaves_ipv6: rules6.is_none_or(|six| six.input != rules.input),
                    rules,
                    source: path.to_owned(),
                }));
            }
        }
        Ok(None)
    }

    /// The kernel's tables, where root may list them.
    fn kernel_tables(&self) -> Option<Firewall> {
        if !self.host.is_live() || !self.host.is_root() {
            return None;
        }
        let ruleset = self.host.run("/usr/sbin/nft", &["list", "ruleset"]).ok();
        let nft = ruleset.filter(|one| one.code == Some(0)).map(|one| nft::parse(&one.text));
        let saved = |program| {
            let printed = self.host.run(program, &["-S"]).ok()?;
            (printed.code == Some(0)).then(|| iptables::parse(&printed.text))
        };
        let four = saved("/usr/sbin/iptables");
        let denies = |rules: &Option<Rules>| {
            rules.as_ref().is_some_and(|rules| rules.input == Some(Policy::Deny))
        };
        if denies(&nft) {
            let source = "nft list ruleset".to_owned();
            let rules = nft.unwrap_or_default();
            return Some(Firewall {
                kind: "nftables",
                is_on: true,
                rules,
                leaves_ipv6: false,
                source,
            });
        }
        denies(&four).then(|| {
            let leaves_ipv6 = !denies(&saved("/usr/sbin/ip6tables"));
            let (rules, source) = (four.unwrap_or_default(), "iptables -S".to_owned());
            Firewall { kind: "iptables", is_on: true, rules, leaves_ipv6, source }
        })
    }
}
