//! Users' own manifests of vendors: checked, and sealed in the vault's policy.

use clawvault_core::domain::{Policy, SecretInfo};
use clawvault_providers::manifest::Manifest;
use clawvault_providers::{by_variable, check, vendor};

use super::naming::full_name;
use super::session::{Request, Session};
use super::vendors::{built_in_hosts, host};
use super::{Access, App, AppError};

/// A manifest that is in the policy now.
pub struct ProviderAdded {
    /// Id of the vendor.
    pub id: String,
    /// Hosts that its keys are sent to.
    pub hosts: Vec<String>,
    /// True where it stands in the place of an earlier one.
    pub replaced: bool,
    /// Secrets of the vendor that were stored before, and are injected as nothing yet.
    pub without_variable: Vec<(String, String)>,
    /// The session, to be closed.
    pub session: Session,
}

/// Reads a manifest and tries what it claims.
///
/// # Errors
/// What is wrong with it, with line and column where there is one.
pub fn check_manifest(source: &str, text: &str) -> Result<Manifest, AppError> {
    let refused = |why: String| {
        AppError::usage(format!("{source}: {why}"), "Mend that place; nothing was changed.")
    };
    let manifest = Manifest::parse(text).map_err(|error| refused(error.to_string()))?;
    check(&manifest).map_err(refused)?;
    Ok(manifest)
}

impl App {
    /// Puts a manifest into the policy.
    ///
    /// # Errors
    /// Where it takes an id, a variable or a host of another vendor and may not.
    pub fn add_provider(
        &self,
        source: &str,
        text: &str,
        replace: bool,
    ) -> Result<ProviderAdded, AppError> {
        let manifest = check_manifest(source, text)?;
        let hosts = hosts_of(&manifest);
        if let Some(taken) = taken(&manifest, &hosts).filter(|_| !replace) {
            let advice = "Choose another, or give --replace if it is to stand in its place.";
            return Err(AppError::usage(format!("{source}: {taken}"), advice));
        }
        let mut session = self.session(Access::Write)?;
        let before = session.ask(Request::PolicyText)?.text;
        let replaced =
            Policy::parse(&before).is_ok_and(|policy| policy.manifests.contains_key(&manifest.id));
        if replaced && !replace {
            let what = format!("the policy has a manifest of {} already", manifest.id);
            return Err(AppError::usage(what, "Give --replace to put this one in its place."));
        }
        let after = with_manifest(&before, &manifest.id, text)?;
        session.ask(Request::PolicyApply(after))?;
        let infos = session.ask(Request::List(None, false))?.infos;
        let bare = |info: &&SecretInfo| {
            info.injections.is_empty() && info.name.vendor_part() == manifest.id
        };
        let usage = |info: &SecretInfo| {
            let mut uses = manifest.variables.iter();
            let one = uses.find(|one| {
                one.secret == info.name.as_str() && one.secret_value && !one.path && !one.admin
            })?;
            Some((full_name(info.profile.as_str(), info.name.as_str()), one.variable.clone()))
        };
        let without_variable = infos.iter().filter(bare).filter_map(usage).collect();
        Ok(ProviderAdded { id: manifest.id, hosts, replaced, without_variable, session })
    }
}

fn hosts_of(manifest: &Manifest) -> Vec<String> {
    let of_money = manifest.money.iter().flat_map(|money| &money.api);
    let apis = manifest.api.iter().chain(of_money);
    let urls = apis.flat_map(|api| std::iter::once(&api.base_url).chain(api.hosts.values()));
    urls.map(|url| host(url)).collect()
}

/// What of a manifest is a built-in vendor's.
fn taken(manifest: &Manifest, hosts: &[String]) -> Option<String> {
    if vendor(&manifest.id).is_some() {
        return Some(format!("{} is a built-in vendor", manifest.id));
    }
    for entry in &manifest.variables {
        if let Some((owner, _)) = by_variable(&entry.variable) {
            return Some(format!("{} is a variable of {}", entry.variable, owner.id));
        }
    }
    let built_in = built_in_hosts();
    let host = hosts.iter().find_map(|host| built_in.iter().find(|(one, _)| one == host));
    host.map(|(host, owner)| format!("{host} is a host of {owner}"))
}

/// The policy with a manifest in it, between two comments by which it is found again.
fn with_manifest(policy: &str, id: &str, text: &str) -> Result<String, AppError> {
    let wrong = || {
        let what = "the manifest cannot be put into the policy";
        AppError::usage(what, "Put it there by hand as [manifests.ID], with `policy apply`.")
    };
    let table: toml::Table = text.parse().map_err(|_| wrong())?;
    let inner = toml::Table::from_iter([(id.to_owned(), toml::Value::Table(table))]);
    let outer = toml::Table::from_iter([("manifests".to_owned(), toml::Value::Table(inner))]);
    let section = toml::to_string(&outer).map_err(|_| wrong())?;
    let (begin, end) = (format!("# begin of manifest {id}\n"), format!("# end of manifest {id}\n"));
    let mut kept = policy.to_owned();
    if let Some(from) = kept.find(&begin)
        && let Some(to) = kept[from..].find(&end)
    {
        kept.replace_range(from..from + to + end.len(), "");
    }
    if !kept.is_empty() && !kept.ends_with('\n') {
        kept.push('\n');
    }
    let after = format!("{kept}{begin}{}\n{end}", section.trim_end());
    let reads = Policy::check(&after).is_ok_and(|policy| policy.manifests.contains_key(id));
    if reads { Ok(after) } else { Err(wrong()) }
}
