//! What each form says of a finding and of a scan, as data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Report;
use super::masks::{masked, printable};
use crate::engine::KnownSecret;
use crate::finding::{Commit, Finding, History};
use crate::rule::{Confidence, Severity};
use crate::source::Skipped;

/// A finding, without its value.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    pub(super) rule: &'a str,
    pub(super) name: &'a str,
    pub(super) vendor: Option<&'a str>,
    pub(super) severity: &'static str,
    pub(super) confidence: &'static str,
    pub(super) description: &'a str,
    pub(super) advice: &'a str,
    pub(super) fingerprint: &'a str,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) secret: String,
    pub(super) checksum_failed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verified: Option<&'static str>,
    /// How it is encoded, the outermost first.
    pub(super) encoded: Vec<&'static str>,
    pub(super) known: Option<Known<'a>>,
    pub(super) history: Option<Past>,
    /// What its source has to say of the place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) place: Vec<String>,
}

/// The value of a vault that it is.
#[derive(Serialize)]
pub(super) struct Known<'a> {
    pub(super) name: &'a str,
    pub(super) profile: &'a str,
    pub(super) version: u64,
    pub(super) current: bool,
    pub(super) replace: String,
}

/// Where in history it lies.
#[derive(Serialize)]
pub(super) struct Past {
    pub(super) blob: Option<String>,
    /// Whether the head of a branch has it; `None` where nobody looked.
    pub(super) in_head: Option<bool>,
    pub(super) paths: Vec<String>,
    pub(super) first: Option<Authored>,
    pub(super) last: Option<Authored>,
}

/// A commit.
#[derive(Serialize)]
pub(super) struct Authored {
    pub(super) commit: String,
    pub(super) author: String,
    pub(super) time: String,
}

/// What was scanned.
#[derive(Serialize)]
pub(super) struct Scanned<'a> {
    pub(super) source: &'a str,
    pub(super) findings: usize,
    pub(super) texts: u64,
    pub(super) bytes: u64,
    pub(super) commits: u64,
    pub(super) remembered: u64,
    pub(super) seconds: f64,
    pub(super) skipped: &'a Skipped,
    pub(super) missing: u64,
    pub(super) unreadable: Vec<Unreadable>,
    pub(super) vault: &'a str,
    pub(super) ignored: BTreeMap<&'a str, u64>,
    pub(super) left_out: u64,
}

/// What could not be read.
#[derive(Serialize)]
pub(super) struct Unreadable {
    pub(super) what: String,
    pub(super) why: String,
}

impl<'a> Told<'a> {
    pub(super) fn of(finding: &'a Finding) -> Self {
        Self {
            rule: &finding.rule,
            name: &finding.name,
            vendor: finding.vendor.as_deref(),
            severity: severity(finding.severity),
            confidence: confidence(finding.confidence),
            description: &finding.description,
            advice: &finding.advice,
            fingerprint: &finding.fingerprint,
            file: printable(&finding.place.path),
            line: finding.place.line,
            column: finding.place.column,
            secret: masked(&finding.value),
            checksum_failed: finding.checksum_failed,
            verified: finding.verified,
            encoded: finding.codecs.iter().map(|codec| codec.name()).collect(),
            known: finding.known.as_ref().map(Known::of),
            history: finding.history.as_ref().map(Past::of),
            place: finding.remarks.iter().map(|remark| printable(remark.as_bytes())).collect(),
        }
    }

    /// What else is to be said of it, in sentences.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some(known) = &self.known {
            let still = if known.current { "still current" } else { "not in use any more" };
            remarks.push(format!(
                "This is {} of your vault, version {}, {still}; `{}` replaces it.",
                known.name, known.version, known.replace
            ));
        }
        if !self.encoded.is_empty() {
            remarks.push(format!("It stands there as {}.", self.encoded.join(" of ")));
        }
        if self.checksum_failed {
            remarks.push("Its checksum is wrong: it may be made up, or mistyped.".to_owned());
        }
        remarks.extend(self.verified.map(|word| match word {
            "live" => "Its vendor accepts it: it is live.".to_owned(),
            "dead" => "Its vendor refuses it: it is dead.".to_owned(),
            _ => "Whether its vendor accepts it is not known.".to_owned(),
        }));
        remarks.extend(self.place.iter().cloned());
        remarks.extend(self.history.iter().flat_map(Past::remarks));
        remarks
    }
}

impl<'a> Known<'a> {
    fn of(known: &'a KnownSecret) -> Self {
        let KnownSecret { name, profile, version, current } = known;
        let secret = name.split('#').next().unwrap_or_default();
        let mut replace = format!("clawvault set {secret}");
        if profile != "default" {
            replace.push_str(&format!(" --profile {profile}"));
        }
        Self { name, profile, version: *version, current: *current, replace }
    }
}

impl Past {
    fn of(history: &History) -> Self {
        // A scan of a range of commits looks at no heads.
        let known = !history.blob.is_empty();
        Self {
            in_head: (known || history.in_head).then_some(history.in_head),
            blob: Some(history.blob.clone()).filter(|blob| !blob.is_empty()),
            paths: history.paths.iter().map(|path| printable(path)).collect(),
            first: history.first.as_ref().map(Authored::of),
            last: history.last.as_ref().map(Authored::of),
        }
    }

    fn remarks(&self) -> Vec<String> {
        let head = self.in_head.map(|in_head| match in_head {
            true => "The head of a branch still has it.",
            false => "No head of a branch has it any more; history does.",
        });
        let mut remarks: Vec<String> = head.into_iter().map(str::to_owned).collect();
        for (word, commit) in [("First", &self.first), ("Last", &self.last)] {
            if let Some(Authored { commit, author, time }) = commit {
                remarks.push(format!("{word} commit {commit} of {time} by {author}."));
            }
        }
        if self.paths.len() > 1 {
            remarks.push(format!("Paths: {}.", self.paths.join(", ")));
        }
        remarks.extend(self.blob.iter().map(|blob| format!("Blob {blob}.")));
        remarks
    }
}

impl Authored {
    fn of(commit: &Commit) -> Self {
        Self {
            commit: printable(commit.id.as_bytes()),
            author: printable(commit.author.as_bytes()),
            // A time that no calendar has is told as it is.
            time: Timestamp::from_second(commit.time)
                .map_or_else(|_| commit.time.to_string(), |time| time.to_string()),
        }
    }
}

impl<'a> Scanned<'a> {
    pub(super) fn of(report: Report<'a>) -> Self {
        let Report { findings, summary, about } = report;
        let unreadable = |(what, why): &(String, String)| Unreadable {
            what: printable(what.as_bytes()),
            why: printable(why.as_bytes()),
        };
        let ignored = about.ignored.iter().map(|(by, count)| (by.as_str(), *count));
        Self {
            source: &about.source,
            findings: findings.len(),
            texts: summary.texts,
            bytes: summary.bytes,
            commits: summary.commits,
            remembered: summary.remembered,
            seconds: (about.seconds * 1000.0).round() / 1000.0,
            skipped: &summary.skipped,
            missing: summary.missing,
            unreadable: summary.unreadable.iter().map(unreadable).collect(),
            vault: &about.vault,
            ignored: ignored.collect(),
            left_out: about.left_out,
        }
    }
}

/// The word for how bad it is.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

/// The word for how sure it is.
pub fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    }
}
