//! The vault's values, as the scanner looks for them.

use clawvault_core::domain::{Revealed, Stage, Value};
use clawvault_needles::{Needles, SHORTEST};
use clawvault_providers::Catalog;
use clawvault_providers::manifest::{FormatEntry, Manifest};
use clawvault_scan::engine::{Known, KnownSecret, OnKnown};
use clawvault_scan::rule::grammar::RuleEntry;
use clawvault_scan::rule::token::Token;

use crate::app::session::{Reply, Request};
use crate::app::{Access, App, AppError};

/// Fields that say where or as whom a secret is used. They stand in many files, and are none.
const NO_SECRETS: [&str; 10] =
    ["region", "user", "host", "url", "endpoint", "email", "name", "port", "database", "account"];

/// Every value of a vault, of each version.
pub struct VaultValues {
    needles: Needles,
    revealed: Vec<Revealed>,
    /// For each needle, where its value is among the revealed ones, and what it is.
    told: Vec<(usize, usize, KnownSecret)>,
    /// How many values are too short to be sought.
    short: usize,
    digest: [u8; 32],
    /// Rules for the forms of keys in manifests of the vault's own.
    forms: Vec<RuleEntry>,
}

impl App {
    /// Opens all values of the vault, after logging it, for a scan. Asks nobody: what the keys do
    /// not open by themselves stays closed.
    pub fn values_to_seek(&self) -> Result<VaultValues, AppError> {
        let mut session = self.session(Access::Read)?;
        let forms = forms_of(&session.catalog()?);
        let Reply { revealed, text: vault, .. } = session.ask(Request::Values)?;
        // Other commands work while the scan runs.
        drop(session);
        VaultValues::new(&vault, revealed, forms)
    }

    /// Rules for the forms of keys in manifests of the vault's own. Opens no value, and asks nobody.
    pub(in crate::app) fn own_forms(&self) -> Result<Vec<RuleEntry>, AppError> {
        Ok(forms_of(&self.session(Access::Read)?.catalog()?))
    }
}

impl VaultValues {
    fn new(vault: &str, revealed: Vec<Revealed>, forms: Vec<RuleEntry>) -> Result<Self, AppError> {
        let (mut told, mut short) = (Vec::new(), 0);
        let mut digest = blake3::Hasher::new_derive_key("clawvault 2026-11-25 v1 values sought");
        digest.update(vault.as_bytes());
        for (at, secret) in revealed.iter().enumerate() {
            for (field_at, (field, value)) in secret.fields.iter().enumerate() {
                let several = secret.fields.len() > 1;
                if several && NO_SECRETS.iter().any(|word| field.as_str().contains(word)) {
                    continue;
                }
                if value.len() < SHORTEST {
                    short += 1;
                    continue;
                }
                let name = match several {
                    true => format!("{}#{field}", secret.info.name),
                    false => secret.info.name.to_string(),
                };
                let version = secret.info.version(secret.version);
                for part in [secret.info.profile.as_str(), &name] {
                    digest.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
                }
                // Made with a key of the vault: nobody else can try guesses of values with it.
                digest.update(&version.map_or([0; 16], |version| version.fingerprint));
                told.push((
                    at,
                    field_at,
                    KnownSecret {
                        name,
                        profile: secret.info.profile.to_string(),
                        version: u64::from(secret.version),
                        current: version.is_some_and(|v| v.stage == Stage::Current),
                    },
                ));
            }
        }
        // Of equal values the one that is in use is told.
        told.sort_by_key(|(.., known)| !known.current);
        let values: Vec<&[u8]> =
            told.iter().map(|(at, field, _)| bytes(&revealed[*at].fields[*field].1)).collect();
        let needles = Needles::new(&values).map_err(|_| {
            let what = "the vault holds more than a scan can look for at once";
            AppError::new(crate::app::Code::Failed, what, "Scan with --no-vault.")
        })?;
        Ok(Self { needles, revealed, told, short, digest: digest.finalize().into(), forms })
    }

    /// Rules for the forms of keys that manifests of the vault's own describe.
    pub(super) fn forms(&self) -> &[RuleEntry] {
        &self.forms
    }

    /// How many values are sought, in words.
    pub fn said(&self) -> String {
        let short = match self.short {
            0 => String::new(),
            count => format!(", {count} too short to be sought"),
        };
        let plural = if self.told.len() == 1 { "" } else { "s" };
        format!("{} value{plural} sought{short}", self.told.len())
    }
}

fn forms_of(catalog: &Catalog) -> Vec<RuleEntry> {
    let formats = catalog.own().iter().flat_map(|manifest| {
        manifest.formats.iter().map(move |format| token(manifest, format).rule())
    });
    formats.collect()
}

fn token<'a>(manifest: &'a Manifest, format: &'a FormatEntry) -> Token<'a> {
    let texts = |all: &'a [String]| all.iter().map(String::as_str).collect();
    Token {
        vendor: &manifest.id,
        name: &manifest.name,
        kind: &format.kind,
        description: &format.description,
        pattern: &format.pattern,
        keywords: texts(&format.keywords),
        context: format.context,
        examples: texts(&format.examples),
        counter_examples: texts(&format.counter_examples),
    }
}

impl Known for VaultValues {
    fn longest(&self) -> usize {
        self.needles.longest()
    }

    fn digest(&self) -> Option<[u8; 32]> {
        Some(self.digest)
    }

    fn find(&self, text: &[u8], each: &mut OnKnown<'_>) {
        let mut at = 0;
        while let Some(found) = self.needles.find(text, at) {
            let Some((secret, field, known)) = self.told.get(found.value) else { return };
            each(found.start..found.end, known, bytes(&self.revealed[*secret].fields[*field].1));
            at = found.end.max(at + 1);
        }
    }
}

fn bytes(value: &Value) -> &[u8] {
    value.expose()
}
