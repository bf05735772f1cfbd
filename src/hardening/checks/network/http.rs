//! HTTP in clear leads to HTTPS, and browsers remember it.

use crate::hardening::check::{Check, Fix, Outcome, Severity, listed};
use crate::hardening::facts::{Facts, Site, Speaks};
use crate::hardening::host::Unseen;

/// Least seconds that browsers are to remember: half a year.
const MIN_AGE: u64 = 15_768_000;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "network.http.redirect",
        severity: Severity::Medium,
        title: "Every request in clear is sent to HTTPS, and nothing else is served there",
        fix: Fix::All(
            "nginx: server { listen 80; server_name <name>; return 301 https://$host$request_uri; }",
        ),
        reference: "https://nginx.org/en/docs/http/ngx_http_rewrite_module.html#return",
        look: redirect,
    },
    Check {
        id: "network.http.hsts",
        severity: Severity::Low,
        title: "Browsers are told to come by HTTPS alone for half a year or more",
        fix: Fix::All(
            "nginx: add_header Strict-Transport-Security \"max-age=31536000\" always; in the TLS server",
        ),
        reference: "RFC 6797",
        look: |facts| {
            let sites: Vec<&Site> =
                open(facts)?.into_iter().filter(|site| site.has_tls()).collect();
            if sites.is_empty() {
                return Ok(Outcome::na("no site with TLS that others reach"));
            }
            let age = |value: &str| {
                let value = value.to_ascii_lowercase().replace([' ', '"'], "");
                let (_, rest) = value.split_once("max-age=")?;
                rest.split(';').next()?.parse::<u64>().ok()
            };
            let mut missing = Vec::new();
            for site in &sites {
                match site.hsts.as_deref().map(age) {
                    None => missing.push(format!("{} sends none", site.told())),
                    Some(Some(age)) if age >= MIN_AGE => {}
                    Some(_) => missing.push(format!("{}: max-age is short", site.told())),
                }
            }
            Ok(Outcome::none_of(&missing, format!("{} sites send it", sites.len())))
        },
    },
];

fn open<'f>(facts: &'f Facts<'_>) -> Result<Vec<&'f Site>, Unseen> {
    Ok(facts.sites()?.iter().filter(|site| !site.is_local).collect())
}

fn redirect(facts: &Facts<'_>) -> Result<Outcome, Unseen> {
    let sites = open(facts)?;
    let in_clear = |site: &&&Site| site.listens.iter().any(|(_, tls)| !tls) && !site.is_automatic;
    let clear: Vec<&&Site> = sites.iter().filter(in_clear).collect();
    let mut serving: Vec<String> = clear
        .iter()
        .filter(|site| !site.redirects)
        .map(|site| format!("{} serves in clear", site.told()))
        .collect();
    let mut asked = 0;
    for probe in facts.probes().unwrap_or_default().iter().filter(|one| one.speaks == Speaks::Http)
    {
        asked += 1;
        let head = probe.head.to_ascii_lowercase();
        let leads = head.contains("\nlocation: https://") || head.starts_with("http/1.1 4");
        if !leads {
            let first = probe.head.lines().next().unwrap_or_default();
            serving.push(format!("{} answers {first}", probe.told));
        }
    }
    if sites.is_empty() && asked == 0 {
        return Ok(Outcome::na("no web server that others reach"));
    }
    if serving.is_empty() {
        return Ok(Outcome::pass(format!("{} sites in clear, all lead to HTTPS", clear.len())));
    }
    Ok(Outcome::fail(listed(&serving)))
}
