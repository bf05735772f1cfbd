//! Asks vendors whether they accept keys: all at once, bounded for each vendor and in all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clawvault_core::domain::{
    AlertEvent, AlertKind, Policy, ProfileName, Revealed, SecretInfo, SecretName, Severity,
};
use clawvault_core::platform::{Clock, SystemClock};
use clawvault_core::vault::{Purpose, Vault, Want, Who};
use clawvault_providers::adapter::{Adapter, Ask, Identity, Kind, Validity};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::naming::{full_name, vendor_in};
use super::run::named;
use super::session::{Reply, Request};
use super::vendors::Vendors;
use super::{Access, App, AppError, Code};

/// Most questions at once to one vendor.
const AT_ONE_VENDOR: usize = 4;
/// Most questions at once.
const IN_ALL: usize = 256;
/// Longest that one key may take.
const LONGEST: Duration = Duration::from_secs(60);

/// A key to ask about.
#[derive(Debug)]
pub struct Asking {
    /// Id of the vendor.
    pub vendor: String,
    /// The question.
    pub ask: Ask,
}

/// What a vendor says of a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Accepted.
    Live(Identity),
    /// Refused as a key, and why.
    Dead(String),
    /// The vendor was asked, and it cannot be told; why.
    Unknown(String),
    /// There is no call that asks; why.
    NotAsked(String),
}

impl Verdict {
    /// The word for it; what nobody was asked about is unknown, too.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Live(_) => "live",
            Self::Dead(_) => "dead",
            Self::Unknown(_) | Self::NotAsked(_) => "unknown",
        }
    }
}

/// A secret whose vendor was asked.
#[derive(Debug)]
pub struct Verified {
    /// The secret.
    pub name: SecretName,
    /// Its profile.
    pub profile: ProfileName,
    /// The version that was asked about.
    pub version: u32,
    /// Id of its vendor.
    pub vendor: Option<String>,
    /// What the vendor says.
    pub verdict: Verdict,
}

impl App {
    /// Asks the vendors about the current versions of some secrets of a profile, or of all.
    ///
    /// # Errors
    /// Where one that is named is not there, or the vault stays closed.
    pub fn verify(
        &self,
        profile: &ProfileName,
        names: &[SecretName],
    ) -> Result<(Vec<Verified>, Vec<String>), AppError> {
        let mut session = self.session(Access::Read)?;
        let reply = session.ask(Request::Verify(profile.clone(), names.to_vec()))?;
        let warnings = session.warnings();
        // Other commands work while vendors think.
        drop(session);
        let policy = Policy::parse(&reply.text).map_err(|error| {
            AppError::new(
                Code::Failed,
                format!("the policy: {error}"),
                "Apply one that is in order.",
            )
        })?;
        let vendors = Vendors::new(&policy)?;
        let (verified, asking): (Vec<Verified>, Vec<_>) =
            chosen(&reply, &policy).into_iter().unzip();
        let verdicts = ask_all(&vendors, asking)?;
        let told = verified.into_iter().zip(verdicts);
        let told: Vec<_> = told.map(|(one, verdict)| Verified { verdict, ..one }).collect();
        if !policy.alerts.is_empty() {
            let dead: Vec<AlertEvent> = told.iter().filter_map(dead).collect();
            // The answer counts, and whoever asks again raises it again.
            self.raise(&dead).ok();
        }
        Ok((told, warnings))
    }
}

/// A key that is in use here and that its vendor refuses.
fn dead(one: &Verified) -> Option<AlertEvent> {
    let Verdict::Dead(why) = &one.verdict else { return None };
    let name = full_name(one.profile.as_str(), one.name.as_str());
    let (kind, which) = (AlertKind::KeyDead, one.version.to_string());
    let text = format!("{name}: its vendor refuses version {which}, which is in use: {why}");
    Some(AlertEvent::new(kind, Severity::Critical, SystemClock.now_ms(), name, &which, text))
}

/// Opens the secrets to ask about, and the admin credentials that the policy names for them.
pub(in crate::app) fn open(
    vault: &mut Vault,
    who: &Who,
    profile: &ProfileName,
    only: &[SecretName],
) -> Result<Reply, AppError> {
    let infos = if only.is_empty() {
        let in_profile = |info: &SecretInfo| info.profile == *profile && info.removed_ms.is_none();
        vault.secrets()?.into_iter().filter(in_profile).collect()
    } else {
        named(vault, profile, only)?
    };
    let (policy, text) = (vault.policy()?, vault.policy_text()?);
    let mut wanted: Vec<SecretName> = Vec::new();
    for info in &infos {
        let vendor = vendor_in(info, &policy);
        let admin = policy.rule(profile, &info.name, vendor.as_deref()).admin;
        wanted.extend(std::iter::once(info.name.clone()).chain(admin));
    }
    wanted.sort();
    wanted.dedup();
    let mut wants = Vec::new();
    for name in wanted {
        // An admin credential that is not there is missed where it is needed.
        let there = vault.secret(profile, &name)?.is_some_and(|info| info.removed_ms.is_none());
        if there {
            wants.push(Want { profile: profile.clone(), name, version: None });
        }
    }
    let revealed = vault.reveal(who, Purpose::Verify, &wants)?;
    Ok(Reply { revealed, infos, text, ..Reply::default() })
}

/// The secrets that were chosen, each with its question.
fn chosen(reply: &Reply, policy: &Policy) -> Vec<(Verified, Option<Asking>)> {
    let opened = |profile: &ProfileName, name: &SecretName| -> Option<&Revealed> {
        reply.revealed.iter().find(|one| one.info.profile == *profile && one.info.name == *name)
    };
    let one = |info: &SecretInfo| {
        let revealed = opened(&info.profile, &info.name)?;
        let vendor = vendor_in(info, policy);
        let rule = policy.rule(&info.profile, &info.name, vendor.as_deref());
        let admin = rule.admin.and_then(|name| opened(&info.profile, &name));
        let asking = vendor.clone().map(|vendor| Asking {
            vendor,
            ask: Ask {
                secret: info.name.to_string(),
                key: revealed.fields.clone(),
                admin: admin.map(|admin| admin.fields.clone()),
                params: rule.params,
                ..Ask::default()
            },
        });
        let verified = Verified {
            name: info.name.clone(),
            profile: info.profile.clone(),
            version: revealed.version,
            vendor,
            verdict: Verdict::NotAsked("no vendor is known for it".to_owned()),
        };
        Some((verified, asking))
    };
    reply.infos.iter().filter_map(one).collect()
}

/// A vendor's adapter, and how many may ask it at once.
type Counter = (Arc<dyn Adapter>, Arc<Semaphore>);

/// Asks about each key once; the verdicts come in the order of the questions.
///
/// # Errors
/// Where the system gives no threads or sockets to ask with.
pub fn ask_all(
    vendors: &Vendors,
    questions: Vec<Option<Asking>>,
) -> Result<Vec<Verdict>, AppError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        AppError::new(Code::Failed, format!("vendors cannot be asked: {error}"), "Try again.")
    })?;
    let mut adapters: BTreeMap<String, Option<Counter>> = BTreeMap::new();
    let not_asked = "the vendor has no call that asks whether a key is accepted";
    let mut verdicts: Vec<Verdict> =
        questions.iter().map(|_| Verdict::NotAsked(not_asked.to_owned())).collect();
    runtime.block_on(async {
        let all = Arc::new(Semaphore::new(IN_ALL));
        let mut running = JoinSet::new();
        for (at, asking) in questions.into_iter().enumerate() {
            let Some(Asking { vendor, ask }) = asking else {
                verdicts[at] = Verdict::NotAsked("no vendor is known for it".to_owned());
                continue;
            };
            let known = adapters.entry(vendor).or_insert_with_key(|vendor| {
                let adapter: Arc<dyn Adapter> = vendors.adapter(vendor)?.into();
                Some((adapter, Arc::new(Semaphore::new(AT_ONE_VENDOR))))
            });
            let Some((adapter, door)) = known.clone() else { continue };
            if adapter.abilities_for(&ask).validate {
                let all = Arc::clone(&all);
                running.spawn(async move {
                    let mine = door.acquire_owned().await;
                    let one = all.acquire_owned().await;
                    let verdict = verdict(adapter.as_ref(), &ask).await;
                    drop((mine, one));
                    (at, verdict)
                });
            }
        }
        while let Some(done) = running.join_next().await {
            if let Ok((at, verdict)) = done {
                verdicts[at] = verdict;
            }
        }
    });
    Ok(verdicts)
}

async fn verdict(adapter: &dyn Adapter, ask: &Ask) -> Verdict {
    match timeout(LONGEST, adapter.validate(ask)).await {
        Ok(Ok(Validity::Live(identity))) => Verdict::Live(identity),
        Ok(Ok(Validity::Dead(why))) => Verdict::Dead(why),
        Ok(Ok(Validity::Unknown(why))) => Verdict::Unknown(why),
        Ok(Err(error)) if error.kind == Kind::NotOffered => Verdict::NotAsked(error.detail),
        Ok(Err(error)) => Verdict::Unknown(error.told()),
        Err(_) => Verdict::Unknown("the vendor took too long".to_owned()),
    }
}
