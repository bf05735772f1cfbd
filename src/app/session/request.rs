//! What can be asked of an open vault, and what comes back.

use std::path::PathBuf;

use clawvault_core::auditlog::Verdict;
use clawvault_core::domain::{
    Agent, Event, FieldName, Life, ProfileName, Revealed, SecretInfo, SecretName, Variable,
};
use clawvault_core::platform::process::ProcessId;
use clawvault_core::vault::{Keep, Kept, Note, Put, Step, Stored, Taken, Vault, Want};

use crate::app::{Query, RunAsk, SetOptions, Setting};

/// One thing that is asked.
#[derive(Debug)]
pub enum Request {
    /// One secret's fields; nothing is opened where one field is asked for and there are several.
    Get(Want, bool),
    /// Secrets of a profile, or of all; those that were removed, or the others.
    List(Option<ProfileName>, bool),
    /// One secret without its values, and what it is looked at for.
    Show(Event, ProfileName, SecretName),
    /// A value to store.
    Set(Setting, SetOptions),
    /// Hides a secret, or removes it for good.
    Remove(ProfileName, SecretName, bool),
    /// Makes an earlier version current.
    RollBack(ProfileName, SecretName, Option<u32>),
    /// The policy's text, to be shown.
    PolicyShow,
    /// The policy's text, to be compared.
    PolicyText,
    /// A new policy.
    PolicyApply(String),
    /// All secrets of a profile or some, with or without those that administer others.
    Export(ProfileName, Vec<SecretName>, bool),
    /// Every value of every version.
    Values,
    /// Secrets of a profile, or some of them, to ask their vendors about, with the admin credentials
    /// that the policy names for them; the policy's text comes with them.
    Verify(ProfileName, Vec<SecretName>),
    /// Values for a program.
    Run(RunAsk),
    /// Values for OpenClaw's resolver; what there is not is left out.
    Resolve(ProfileName, Vec<(SecretName, Option<FieldName>)>),
    /// Entries of the log, with the digests of executables or without.
    Log(Query, bool),
    /// A backup into a directory, under a name; whether one that is there is replaced.
    Backup(PathBuf, String, bool),
    /// Values of an import, to be stored or only thought through.
    Import(Vec<Put>, bool),
    /// What the vault tells of itself, and the secrets of these blinded ids.
    Health(Vec<String>),
    /// Records that features keep, by name; as many of the first ones as one answer holds.
    Kept(Vec<String>),
    /// Records to keep, all or none.
    Keep(Vec<Keep>),
    /// What is known of the keys of one secret, or of all: secrets, lives, and the policy's text.
    Lives(Option<(ProfileName, SecretName)>),
    /// Steps of rotations (or, if true, of revocations), all or none.
    Steps(bool, Vec<Step>),
    /// Fields of versions for their vendors: to rotate, or, if true, to revoke.
    Keys(bool, Vec<Want>),
    /// The signature of a report of a revocation or, if true, of the rehearsal of one.
    Attest(bool, String),
    /// The public half of the key that signs reports, in hex.
    ReportKey,
    /// Something about a gateway of OpenClaw; of those only a daemon knows.
    Gateway(GatewayAsk),
}

/// What is said of a gateway.
#[derive(Clone, Debug)]
pub enum GatewayAsk {
    /// The asking process is about to become it, in the run of this name.
    Start(ProfileName, String),
    /// For so many seconds the gateway, which is this process, may ask once; for none no more.
    Window(ProfileName, ProcessId, u32),
}

/// What came of it; most of it is empty.
#[derive(Debug, Default)]
pub struct Reply {
    /// Secrets without values.
    pub infos: Vec<SecretInfo>,
    /// Secrets with values.
    pub revealed: Vec<Revealed>,
    /// What is known of the secrets' keys.
    pub lives: Vec<Life>,
    /// What became of puts.
    pub stored: Vec<Stored>,
    /// A version.
    pub version: u32,
    /// Numbers of scrubs that can not be undone any more.
    pub scrubs: Vec<u32>,
    /// A document; beside every value of every version, the vault's id.
    pub text: String,
    /// What a check of the log says.
    pub verdict: Option<Verdict>,
    /// What a launch needs besides values.
    pub launched: Option<Launched>,
    /// Blinded ids of the secrets whose current version is another one now; stays where it was done.
    pub changed: Vec<String>,
    /// What a backup took.
    pub taken: Option<Taken>,
    /// What the vault tells of itself.
    pub health: Option<Health>,
    /// Records that features keep.
    pub kept: Vec<Kept>,
    /// Whether records were written; they are not where one had changed meanwhile.
    pub was_kept: bool,
    /// True where a gateway was answered in the window that was closed.
    pub answered: bool,
    /// The agent of a gateway; it is for the daemon, and leaves it in no message.
    pub agent: Option<ProfileName>,
    /// What a person should know about the answer.
    pub notes: Vec<String>,
}

/// What a launch needs besides values.
#[derive(Clone, Debug, Default)]
pub struct Launched {
    /// Id of the vault.
    pub vault: String,
    /// The program's variables.
    pub slots: Vec<LaunchSlot>,
    /// For each place of the templates, which of the revealed secrets fills it, and its field.
    pub fills: Vec<(usize, FieldName)>,
    /// Blinded id and version of every secret.
    pub holds: Vec<(String, u32)>,
    /// Proves to a later daemon of this vault what the process was given; empty where nothing can.
    pub proof: String,
}

/// One variable of a program.
#[derive(Clone, Debug)]
pub struct LaunchSlot {
    /// The variable.
    pub variable: Variable,
    /// Which of the revealed secrets fills it.
    pub at: usize,
    /// Its field.
    pub field: FieldName,
    /// True where the variable gets the path of a file.
    pub as_file: bool,
}

/// What an open vault tells of itself.
#[derive(Clone, Debug)]
pub struct Health {
    /// Its id.
    pub vault: String,
    /// Commits since it was made.
    pub generation: u64,
    /// Secrets that are not removed.
    pub secrets: u64,
    /// Entries of the audit log.
    pub log_entries: u64,
    /// The last backup.
    pub backup: Option<Note>,
    /// False where keys may be swapped out.
    pub keys_locked: bool,
    /// Blinded id and name of the secrets that were asked for.
    pub names: Vec<(String, String)>,
}

/// What somebody may ask for.
#[derive(Clone, Debug)]
pub enum Authority {
    /// Everything.
    Operator,
    /// What its run was given, and nothing else.
    Run(RunGrant),
    /// What the policy grants its user.
    Agent(AgentGrant),
    /// Values for OpenClaw, as far as the grant of this agent goes, and nothing else.
    Gateway(ProfileName),
    /// To become the gateway that this unit of the service manager starts, and nothing else.
    Unit(String),
}

/// An agent that is known by its user.
#[derive(Clone, Debug)]
pub struct AgentGrant {
    /// Its name in the policy.
    pub name: String,
    /// What it may have.
    pub grant: Agent,
}

/// What a run was given.
#[derive(Clone, Debug)]
pub struct RunGrant {
    /// Name of the run.
    pub run: String,
    /// The agent whose grant it has, where it has one.
    pub agent: Option<String>,
    /// Blinded ids of the secrets.
    pub holds: Vec<String>,
}

impl Authority {
    /// True where the values of this secret may be had.
    pub fn covers(&self, vault: &Vault, profile: &ProfileName, name: &SecretName) -> bool {
        match self {
            Self::Operator => true,
            Self::Run(grant) => grant.holds.contains(&vault.blinded(profile, name)),
            Self::Agent(agent) => agent.grant.may_have(profile, name),
            Self::Gateway(agent) => {
                let policy = vault.policy().ok();
                let grant = policy.as_ref().and_then(|policy| policy.agents.get(agent));
                grant.is_some_and(|grant| grant.may_have(profile, name))
            }
            Self::Unit(_) => false,
        }
    }
}
