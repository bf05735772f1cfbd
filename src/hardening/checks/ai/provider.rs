//! What the providers of models do with what they are sent.

use std::collections::BTreeSet;

use super::super::gateway_home::{homes, settable};
use crate::hardening::check::{Check, Fix, Severity};
use crate::hardening::data::PROVIDERS;

/// Models that run on this machine, or one of your own.
const OWN: &[&str] = &["ollama", "lmstudio", "vllm", "sglang", "llama-server", "local"];

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ai.provider.data-policy",
        severity: Severity::Low,
        title: "It is known of each provider what it does with conversations, and none trains on them",
        fix: Fix::All(
            "read its terms for your plan; where you live with them, keep the finding in the policy with a reason",
        ),
        reference: "`docs` of clawvault: table of providers (src/hardening/data/providers.toml)",
        look: |facts| {
            homes(
                facts,
                "no provider in use trains on what it is sent, by its terms",
                |home, found| {
                    let mut used: BTreeSet<String> = BTreeSet::new();
                    for (name, provider) in home.settings.at("models.providers").entries() {
                        let url = provider.at("baseUrl").text().unwrap_or_default();
                        let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
                        if !local.iter().any(|start| url.starts_with(start)) {
                            used.insert(name.to_owned());
                        }
                    }
                    for agent in &home.agents {
                        let model = agent.settings.at("model");
                        let primary = model.text().or_else(|| model.at("primary").text());
                        let all = primary.into_iter().chain(model.at("fallbacks").texts());
                        let configured = |vendor: &str| {
                            home.settings.at("models.providers").child(vendor).is_set()
                        };
                        let vendors =
                            all.filter_map(|model| model.split_once('/')).map(|(vendor, _)| vendor);
                        used.extend(
                            vendors.filter(|vendor| !configured(vendor)).map(str::to_owned),
                        );
                    }
                    for vendor in used.iter().filter(|vendor| !OWN.contains(&vendor.as_str())) {
                        match PROVIDERS.get(vendor) {
                            Some(known) if known.trains == "no" => {}
                            Some(known) => {
                                found.warn(format!(
                                    "{vendor}: {} ({}, as of {})",
                                    known.note, known.source, known.known
                                ));
                            }
                            None => found.warn(format!("nothing is noted of {vendor}")),
                        }
                    }
                },
            )
        },
    },
    Check {
        id: "ai.provider.telemetry",
        severity: Severity::Info,
        title: "OpenClaw tells nobody how it is used, unless you agreed",
        fix: Fix::All("openclaw config set telemetry.enabled false"),
        reference: "https://docs.openclaw.ai/gateway/telemetry",
        look: |facts| {
            let outcome = homes(facts, "nothing is told, or you agreed", |home, found| {
                let telemetry = home.settings.at("telemetry");
                if telemetry.at("enabled").truth() == Some(true)
                    && !telemetry.at("consentedAt").is_set()
                {
                    found.warn("telemetry.enabled is true");
                }
            })?;
            Ok(settable(facts, outcome, "telemetry.enabled", "false"))
        },
    },
];
