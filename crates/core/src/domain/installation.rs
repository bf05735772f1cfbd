//! What is known of one installation of an agent gateway: settings, agents, skills, files. No secret.

use std::path::PathBuf;

use super::Setting;

/// One home of OpenClaw, and what belongs to it. Paths are as the host itself names them.
#[derive(Clone, Debug, Default)]
pub struct Installation {
    /// Its state directory.
    pub home: PathBuf,
    /// The configuration with the files it includes.
    pub settings: Setting,
    /// Why the configuration could not be read, where it could not; then there are no settings.
    pub problem: Option<String>,
    /// Its agents, the default one first; at least one.
    pub agents: Vec<AgentHome>,
    /// Skills that were installed; those that came with the program are not among them.
    pub skills: Vec<Skill>,
    /// Files and directories that others may read or write.
    pub loose: Vec<LooseFile>,
    /// Conversations that are kept.
    pub transcripts: Transcripts,
    /// The program's version, where a package of it was found.
    pub version: Option<String>,
    /// The version of Node.js that runs it, where one was found.
    pub node: Option<String>,
    /// The directory above it, or itself, that a git repository is in.
    pub repository: Option<PathBuf>,
    /// Why its directory is not only here: a link, a folder that is synchronised elsewhere.
    pub synced: Option<String>,
    /// Files and directories below the home.
    pub entries: usize,
    /// True where there are more than were looked at.
    pub cut: bool,
}

/// One agent.
#[derive(Clone, Debug, Default)]
pub struct AgentHome {
    /// Its id.
    pub id: String,
    /// Its settings: those for all agents, with its own over them.
    pub settings: Setting,
    /// Its workspace.
    pub workspace: PathBuf,
    /// Its system prompts.
    pub prompts: Vec<Prompt>,
}

/// A file that becomes a part of the system prompt.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// The file.
    pub file: PathBuf,
    /// What it says, in lower case.
    pub text: String,
    /// Its rights.
    pub mode: u32,
}

/// A skill that was installed.
#[derive(Clone, Debug, Default)]
pub struct Skill {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub directory: PathBuf,
    /// The agent in whose workspace it lies; none where all agents have it.
    pub agent: Option<String>,
    /// The registry that it came from; none where nothing tells.
    pub registry: Option<String>,
    /// The version that was installed.
    pub version: Option<String>,
    /// Whether its text is still the one that was installed; none where nothing tells.
    pub intact: Option<bool>,
    /// When it was last written, in seconds since 1970-01-01 UTC.
    pub modified: i64,
    /// Packages that it fetches without a version.
    pub unpinned: Vec<String>,
    /// What in it is risky, and where: `hides its text (SKILL.md)`.
    pub risks: Vec<String>,
    /// What it makes use of: `network`, `shell`.
    pub uses: Vec<&'static str>,
}

/// A file or directory that others may read or write.
#[derive(Clone, Debug, Default)]
pub struct LooseFile {
    /// The path.
    pub path: PathBuf,
    /// Its rights.
    pub mode: u32,
    /// Whether it is a directory.
    pub directory: bool,
    /// True for what holds secrets or conversations.
    pub sensitive: bool,
}

/// Conversations that are kept.
#[derive(Clone, Debug, Default)]
pub struct Transcripts {
    /// How many files.
    pub files: usize,
    /// Bytes in all.
    pub bytes: u64,
    /// When the oldest was last written, in seconds since 1970-01-01 UTC.
    pub oldest: Option<i64>,
    /// Kinds of personal data found in those looked at, with their number.
    pub personal: Vec<(&'static str, usize)>,
    /// How many were looked at.
    pub looked_at: usize,
}
