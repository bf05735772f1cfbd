//! `link`: values into the vault, references into the configuration, the resolver where OpenClaw
//! accepts it, a grant for the gateway.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clawvault_core::domain::{Policy, ProfileName, SecretName};
use clawvault_core::platform::read::read_bounded;
use clawvault_core::platform::{Dir, HeldFile, PlatformError};

use crate::app::session::Request;
use crate::app::{
    Access, App, AppError, Code, ImportOptions, Imported, LinkPlan, OnDifference, Scrubbed, Source,
};
use crate::openclaw::exec;

/// Name of the resolver's file.
pub(super) const RESOLVER: &str = "clawvault-resolver";
/// Largest resolver, in bytes; one that is built for tests has 40 MiB.
pub(super) const MAX_RESOLVER: usize = 256 * 1024 * 1024;
/// OpenClaw takes a file that is its own user's and no other's to write.
const MODE: u32 = 0o700;

/// What to link.
pub struct LinkOptions {
    /// OpenClaw's own directory.
    pub home: PathBuf,
    /// Unit and environment files elsewhere that belong to it.
    pub extra: Vec<PathBuf>,
    /// What the policy calls the gateway, and the agent whose grant it has.
    pub gateway: ProfileName,
    /// The unit that may start it without an operator.
    pub unit: Option<String>,
    /// Profile of its secrets.
    pub profile: ProfileName,
    /// The program `clawvault-resolver` that belongs to this one.
    pub resolver: PathBuf,
    /// Makes new versions of values that differ from the vault's, instead of stopping.
    pub update: bool,
    /// Only takes out what came to a linked home since.
    pub scrub_only: bool,
    /// Changes nothing.
    pub dry_run: bool,
}

/// What linking does, before it is done.
pub struct Link {
    /// What was taken into the vault.
    pub imported: Imported,
    /// The files that change.
    pub plan: LinkPlan,
    /// Where the resolver goes.
    pub resolver: PathBuf,
    /// The provider, as the configuration is going to describe it.
    pub provider: serde_json::Value,
    /// The policy as it is going to be, where it changes.
    pub policy: Option<String>,
}

/// What linking did.
#[derive(Debug, Default)]
pub struct Linking {
    /// What became of the files.
    pub scrubbed: Scrubbed,
}

impl App {
    /// Where the resolver of this vault lies, for OpenClaw.
    pub fn resolver_path(&self) -> PathBuf {
        self.place.home.join("bin").join(RESOLVER)
    }

    /// Imports what the home holds and says what linking would change.
    ///
    /// # Errors
    /// Where the daemon holds the vault, the home or the policy stands in the way.
    pub fn prepare_link(&self, options: &LinkOptions) -> Result<Link, AppError> {
        self.refuse_while_served()?;
        let absolute = self.socket.is_absolute() && self.place.home.is_absolute();
        if !absolute || !options.home.is_absolute() {
            let advice = "Name them with a leading slash.";
            return Err(AppError::usage(
                "the home is named by a path that is not absolute",
                advice,
            ));
        }
        if !options.scrub_only {
            resolver_bytes(&options.resolver)?;
        }
        let source = Source::OpenClaw(options.home.clone(), options.extra.clone());
        let import = ImportOptions {
            profile: options.profile.clone(),
            on_difference: if options.update { OnDifference::Update } else { OnDifference::Stop },
            dry_run: options.dry_run,
            scrub: true,
            ..ImportOptions::default()
        };
        let imported = self.import(&source, &import)?;
        let resolver = self.resolver_path();
        let provider = exec::provider(&resolver, &self.resolver_arguments(&options.profile));
        let described = provider.to_string();
        let described = Some(described.as_str()).filter(|_| !options.scrub_only);
        let home = (options.home.as_path(), options.extra.as_slice());
        let plan = self.plan_link(home, &imported, &import, described)?;
        let policy = match options.scrub_only {
            true => None,
            false => self.policy_for(options, &plan.secrets)?,
        };
        Ok(Link { imported, plan, resolver, provider, policy })
    }

    fn resolver_arguments(&self, profile: &ProfileName) -> Vec<String> {
        let mut all = vec!["--socket".to_owned(), self.socket.to_string_lossy().into_owned()];
        if *profile != ProfileName::default() {
            all.extend(["--profile".to_owned(), profile.to_string()]);
        }
        all
    }

    /// Does what was prepared: the resolver, the policy, then the files.
    ///
    /// # Errors
    /// Where one of them fails; what was done before stays, and the same command goes on from there.
    pub fn link(&self, link: &Link, options: &LinkOptions) -> Result<Linking, AppError> {
        if !options.scrub_only {
            self.install_resolver(&options.resolver)?;
        }
        if let Some(policy) = &link.policy {
            let mut session = self.session(Access::Write)?;
            session.ask(Request::PolicyApply(policy.clone()))?;
            session.close()?;
        }
        if link.plan.scrub.is_empty() {
            return Ok(Linking::default());
        }
        Ok(Linking { scrubbed: self.scrub(&link.plan.scrub, &options.profile)? })
    }

    /// Puts the resolver where OpenClaw accepts it, unless this very one is there.
    pub(super) fn install_resolver(&self, from: &Path) -> Result<(), AppError> {
        let bytes = resolver_bytes(from)?;
        let dir = Dir::create(&self.place.home)?.create_dir("bin")?;
        let path = dir.path().join(RESOLVER);
        match HeldFile::open(dir.path(), Path::new(RESOLVER), MAX_RESOLVER) {
            Ok(held) if held.bytes() == bytes.as_slice() && held.mode() == MODE => Ok(()),
            Ok(held) => Ok(held.replace(&bytes, MODE)?),
            Err(error) if error.is_missing() => Ok(HeldFile::create(&path, &bytes, MODE)?),
            Err(error) => Err(error.into()),
        }
    }

    /// The policy with this gateway and its grant; none where it has both.
    fn policy_for(
        &self,
        options: &LinkOptions,
        secrets: &BTreeSet<SecretName>,
    ) -> Result<Option<String>, AppError> {
        let text = self.session(Access::Read)?.ask(Request::PolicyText)?.text;
        let policy = Policy::parse(&text).map_err(|error| {
            let advice = "Mend it with `clawvault policy apply`.";
            AppError::new(Code::Damaged, error.to_string(), advice)
        })?;
        let (name, profile) = (&options.gateway, &options.profile);
        let home = options.home.to_string_lossy();
        let mut added = String::new();
        match policy.gateways.get(name) {
            Some(known) if known.home != home => {
                let what = format!("gateway {name} of the policy is that of another home");
                return Err(AppError::new(Code::No, what, "Name this one with --gateway NAME."));
            }
            Some(known) => {
                let agent = policy.agents.get(&known.agent);
                let beyond = secrets
                    .iter()
                    .filter(|secret| agent.is_none_or(|agent| !agent.may_have(profile, secret)));
                let beyond: Vec<&str> = beyond.map(|secret| secret.as_str()).collect();
                if !beyond.is_empty() {
                    return Err(not_granted(&known.agent, &beyond));
                }
                return Ok(None);
            }
            None => {
                added.push_str(&format!("\n[gateways.{name}]\nagent = \"{name}\"\n"));
                added.push_str(&format!("home = {}\n", toml::Value::from(home.as_ref())));
                if let Some(unit) = &options.unit {
                    added.push_str(&format!("unit = {}\n", toml::Value::from(unit.as_str())));
                }
            }
        }
        match policy.agents.get(name) {
            Some(agent) => {
                let beyond = secrets.iter().filter(|secret| !agent.may_have(profile, secret));
                let beyond: Vec<&str> = beyond.map(|secret| secret.as_str()).collect();
                if !beyond.is_empty() {
                    return Err(not_granted(name, &beyond));
                }
            }
            None => {
                let names: Vec<String> = secrets.iter().map(|s| format!("\"{s}\"")).collect();
                added.push_str(&format!("\n[agents.{name}]\nsecrets = [{}]\n", names.join(", ")));
                if *profile != ProfileName::default() {
                    added.push_str(&format!("profile = \"{profile}\"\n"));
                }
            }
        }
        Ok(Some(format!("{}{added}", text.trim_end()).trim_start().to_owned()))
    }
}

fn not_granted(agent: &ProfileName, secrets: &[&str]) -> AppError {
    AppError::new(
        Code::No,
        format!("the policy does not grant agent {agent} {}", secrets.join(", ")),
        format!("Add them to [agents.{agent}] with `clawvault policy apply`, then link again."),
    )
}

/// The program of ours that OpenClaw is going to run.
pub(super) fn resolver_bytes(from: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, AppError> {
    read_bounded(from, MAX_RESOLVER).map_err(|error| {
        AppError::new(
            Code::Missing,
            PlatformError::read(from, error).to_string(),
            "The program clawvault-resolver belongs beside clawvault: install both.",
        )
    })
}
