//! Asks vendors about what a scan found: each value once, and no more than a bound of them.

use std::collections::BTreeMap;

use clawvault_core::domain::{FieldName, Value};
use clawvault_providers::adapter::Ask;
use clawvault_scan::finding::Finding;

use crate::app::vendors::Vendors;
use crate::app::verify::{Asking, ask_all};
use crate::app::{AppError, Verdict};

/// Most values that one scan asks about.
const MAX_ASKED: usize = 500;

/// Asks about the findings whose vendor is known; gives what a person should know of it.
///
/// # Errors
/// Where the system gives no sockets to ask with.
pub fn verify_findings(
    findings: &mut [Finding],
    vendors: &Vendors,
) -> Result<Option<String>, AppError> {
    let mut places: BTreeMap<(String, Vec<u8>), Vec<usize>> = BTreeMap::new();
    for (at, finding) in findings.iter().enumerate() {
        if let Some(vendor) = vendor_of(vendors, finding) {
            places.entry((vendor, finding.value.to_vec())).or_default().push(at);
        }
    }
    let more = places.len().saturating_sub(MAX_ASKED);
    let asked: Vec<_> = places.into_iter().take(MAX_ASKED).collect();
    let questions =
        asked.iter().map(|((vendor, value), _)| question(vendors, vendor, value)).collect();
    let verdicts = ask_all(vendors, questions)?;
    for ((_, places), verdict) in asked.into_iter().zip(verdicts) {
        if matches!(verdict, Verdict::NotAsked(_)) {
            continue;
        }
        for at in places {
            findings[at].verified = Some(verdict.word());
        }
    }
    let note =
        format!("{more} values more than {MAX_ASKED} were found; no vendor was asked about them");
    Ok((more > 0).then_some(note))
}

fn vendor_of(vendors: &Vendors, finding: &Finding) -> Option<String> {
    let named = finding.vendor.as_deref().map(str::to_owned);
    let by_shape = || {
        let kind = vendors.catalog().identify(&finding.value)?;
        Some(kind.vendor.to_owned())
    };
    let by_name = || Some(finding.known.as_ref()?.name.split('/').next()?.to_owned());
    named.or_else(by_shape).or_else(by_name)
}

fn question(vendors: &Vendors, vendor: &str, value: &[u8]) -> Option<Asking> {
    let field = vendors.catalog().identify(value).map_or("value", |kind| kind.field);
    let field = FieldName::parse(field).ok()?;
    let key = vec![(field, Value::copy_of(value).ok()?)];
    Some(Asking { vendor: vendor.to_owned(), ask: Ask { key, ..Ask::default() } })
}
