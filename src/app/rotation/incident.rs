//! What a revocation of every key came to, and its signed report.

use std::path::Path;

use clawvault_core::crypto::is_signed;
use clawvault_core::domain::{moment, unhex};

use super::report::Rest;
use super::revoke::Rested;
use crate::app::import::read_file;
use crate::app::session::{Request, Session};
use crate::app::{Access, App, AppError, Code};
use crate::rotate::Key;

/// What stands before the document that is signed, the key and the signature.
const BEFORE: [&str; 3] = ["{\"report\":", ",\"key\":\"ed25519:", "\",\"signature\":\""];
const END: &str = "\"}";

/// What came of it.
#[derive(Debug, Default)]
pub struct RevokedAll {
    /// True where it was rehearsed: no vendor was called.
    pub drill: bool,
    /// When it began, in milliseconds since 1970.
    pub began_ms: i64,
    /// Milliseconds until everything local was cut.
    pub cut_ms: u128,
    /// Milliseconds in all.
    pub total_ms: u128,
    /// One line for each secret, and its milliseconds.
    pub lines: Vec<Rested>,
    /// What was left alone, and why.
    pub left: Vec<(Key, &'static str)>,
    /// Gateways that were told to drop what was cut, and what came of it.
    pub gateways: Vec<(String, String)>,
    /// The report, one JSON document, with its signature.
    pub report: String,
    /// The public key that the report is signed by, in hex.
    pub signer: String,
}

/// Whose signature a report bears.
#[derive(Debug, Eq, PartialEq)]
pub struct Signed {
    /// The public key, in hex.
    pub signer: String,
    /// True where no byte of the report is another one since.
    pub sound: bool,
    /// The key that was expected, in hex.
    pub expected: String,
}

impl RevokedAll {
    /// True where any of them rests like that.
    pub fn any(&self, rest: Rest) -> bool {
        self.lines.iter().any(|(line, _)| line.rest == rest)
    }

    /// What is signed: one JSON document.
    pub(super) fn document(&self) -> String {
        let milliseconds = |ms: u128| u64::try_from(ms).unwrap_or(u64::MAX);
        let key = |(line, ms): &Rested| {
            serde_json::json!({
                "profile": line.profile.as_str(),
                "name": line.name.as_str(),
                "vendor": line.vendor,
                "rotation": line.id,
                "state": line.state,
                "result": line.rest.as_str(),
                "ms": milliseconds(*ms),
                "at": moment(self.began_ms.saturating_add_unsigned(milliseconds(*ms))),
                "note": line.note,
            })
        };
        let left = |((profile, name), why): &(Key, &str)| serde_json::json!({ "profile": profile.as_str(), "name": name.as_str(), "why": why });
        let gateway = |(name, result): &(String, String)| serde_json::json!({ "name": name, "result": result });
        let body = serde_json::json!({
            "drill": self.drill,
            "began": moment(self.began_ms),
            "cut_ms": milliseconds(self.cut_ms),
            "total_ms": milliseconds(self.total_ms),
            "keys": self.lines.iter().map(key).collect::<Vec<_>>(),
            "left": self.left.iter().map(left).collect::<Vec<_>>(),
            "gateways": self.gateways.iter().map(gateway).collect::<Vec<_>>(),
        });
        body.to_string()
    }

    /// Takes the vault's signature, public key and signature with a space between.
    pub(super) fn sign(&mut self, document: &str, signed: &str) -> Result<(), AppError> {
        let (signer, signature) = signed.split_once(' ').ok_or_else(|| {
            let advice = "Restart the daemon: it runs another clawvault than this one.";
            AppError::new(Code::Failed, "the report was not signed", advice)
        })?;
        let [before, key, end] = BEFORE;
        self.report = format!("{before}{document}{key}{signer}{end}{signature}{END}\n");
        self.signer = signer.to_owned();
        Ok(())
    }
}

impl App {
    /// Checks a report: by a public key, or, where none is given, by that of the vault.
    ///
    /// # Errors
    /// Where it cannot be read, is no report, or the vault stays closed.
    pub fn check_report(&self, file: &Path, key: Option<&str>) -> Result<Signed, AppError> {
        let bytes = read_file(file)?;
        let report = str::from_utf8(&bytes).unwrap_or_default();
        let (document, signer, signature) = parts(report).ok_or_else(|| {
            let advice = "Name a file that `revoke-all` wrote, as it was written.";
            AppError::new(Code::Usage, "that is no report of a revocation", advice)
        })?;
        let public = unhex::<32>(signer).unwrap_or_default();
        let bytes = unhex::<64>(signature).unwrap_or([0; 64]);
        let sound = is_signed(document.as_bytes(), &bytes, &public);
        let expected = match key {
            Some(key) => key.strip_prefix("ed25519:").unwrap_or(key).to_lowercase(),
            None => {
                let mut session: Session = self.session(Access::Read)?;
                session.ask(Request::ReportKey)?.text
            }
        };
        Ok(Signed { signer: signer.to_owned(), sound, expected })
    }
}

/// The document that was signed, the key and the signature, of a report's text.
pub fn parts(report: &str) -> Option<(&str, &str, &str)> {
    let [before, key, end] = BEFORE;
    let rest = report.trim_end().strip_prefix(before)?.strip_suffix(END)?;
    // What was signed may hold these words, too: the last ones are meant.
    let (document, rest) = rest.rsplit_once(key)?;
    let (signer, signature) = rest.split_once(end)?;
    Some((document, signer, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_comes_apart_as_it_was_put_together() {
        let mut all = RevokedAll::default();
        let inner = r#"{"note":"x\",\"key\":\"ed25519:y"}"#;
        all.sign(inner, "ab cd").unwrap();
        assert_eq!(parts(&all.report), Some((inner, "ab", "cd")));
        assert!(serde_json::from_str::<serde_json::Value>(&all.report).is_ok());
        for text in ["", "{}", "{\"report\":{}}"] {
            assert_eq!(parts(text), None);
        }
    }
}
