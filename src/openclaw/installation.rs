//! An OpenClaw home as a whole: settings, agents with their prompts, skills, rights of its files.
//!
//! Everything is read through a [`Rooted`], so that a mounted disk is looked at as the machine it
//! is of. One walk over the home; prompts and samples of conversations are read, bounded.

use std::path::{Path, PathBuf};

use clawvault_core::domain::{AgentHome, Installation, LooseFile, Prompt, Setting, Transcripts};
use clawvault_core::platform::{Bounds, EntryKind, Meta, Rooted, Step};

use super::personal::{self, MAX_SAMPLE};
use super::settings::settings;
use super::skills::skills;

/// How far a home is walked.
const BOUNDS: Bounds = Bounds { entries: 400_000, depth: 32 };
const MAX_PROMPT: usize = 256 * 1024;
const MAX_PACKAGE: usize = 256 * 1024;
const MAX_AGENTS: usize = 256;
const MAX_LOOSE: usize = 256;
/// Most conversations of which a piece is looked at.
const MAX_SAMPLES: usize = 64;
const PROMPTS: &[&str] =
    &["AGENTS.md", "SOUL.md", "IDENTITY.md", "USER.md", "TOOLS.md", "BOOTSTRAP.md", "HEARTBEAT.md"];
/// Where npm and its kin put a package that all may use, and one of the user's own.
const PACKAGES: &[&str] = &[
    "/usr/lib/node_modules/openclaw",
    "/usr/local/lib/node_modules/openclaw",
    "/opt/openclaw/node_modules/openclaw",
];
const OWN_PACKAGES: &[&str] = &[
    ".npm-global/lib/node_modules/openclaw",
    ".local/lib/node_modules/openclaw",
    ".local/share/pnpm/global/5/node_modules/openclaw",
    "node_modules/openclaw",
];
/// Names of folders that are copied to other machines.
const SYNCED: &[&str] =
    &["Dropbox", "OneDrive", "Google Drive", "Nextcloud", "Syncthing", "iCloud"];

/// Looks at the home `home`, of the user whose directory is `user`, in the tree at `root`.
pub fn installation(tree: &Rooted, root: &Path, home: &Path, user: &Path) -> Installation {
    let inside = home.strip_prefix("/").unwrap_or(home);
    // In a mounted tree an absolute link would lead to this machine's own files.
    let plain = root == Path::new("/") || tree.is_plain(home);
    let (settings, problem) = match settings(&root.join(inside)) {
        _ if !plain => (Setting::Nothing, Some("behind a link, which is not followed".to_owned())),
        Ok(settings) => (settings, None),
        Err(error) => (Setting::Nothing, Some(error.to_string())),
    };
    let mut found = Installation {
        home: home.to_owned(),
        settings,
        problem,
        synced: synced(tree, home),
        repository: repository(tree, home, user),
        version: version(tree, user),
        node: node(tree, user),
        ..Installation::default()
    };
    // What wrote the configuration last is what runs, as far as it knows.
    let wrote = found.settings.at("meta.lastTouchedVersion").text().map(str::to_owned);
    found.version = found.version.or(wrote);
    found.agents = agents(tree, &found.settings, home, user);
    found.skills = skills(tree, &home.join("skills"), None);
    for extra in found.settings.at("skills.load.extraDirs").texts() {
        found.skills.extend(skills(tree, &expanded(extra, user), None));
    }
    for agent in &found.agents {
        found.skills.extend(skills(tree, &agent.workspace.join("skills"), Some(&agent.id)));
    }
    walk(tree, &mut found);
    found
}

/// The agents, each with the settings of all below its own.
fn agents(tree: &Rooted, settings: &Setting, home: &Path, user: &Path) -> Vec<AgentHome> {
    let mut all: Vec<(String, Setting)> = settings
        .at("agents.entries")
        .entries()
        .map(|(id, own)| (id.to_owned(), own.clone()))
        .collect();
    // The form of older versions.
    for own in settings.at("agents.list").items() {
        if let Some(id) = own.at("id").text() {
            all.push((id.to_owned(), own.clone()));
        }
    }
    if all.is_empty() {
        all.push(("main".to_owned(), Setting::Nothing));
    }
    all.truncate(MAX_AGENTS);
    let agent = |(id, own): (String, Setting)| {
        let mut effective = settings.at("tools").clone().below("tools");
        effective.overlay(settings.at("agents.defaults").clone());
        effective.overlay(own);
        let workspace = match effective.at("workspace").text() {
            Some(text) => expanded(text, user),
            None if id == "main" => home.join("workspace"),
            None => home.join(format!("workspace-{id}")),
        };
        let prompts = prompts(tree, &workspace);
        AgentHome { id, settings: effective, workspace, prompts }
    };
    all.into_iter().map(agent).collect()
}

fn prompts(tree: &Rooted, workspace: &Path) -> Vec<Prompt> {
    let mut prompts = Vec::new();
    for name in PROMPTS {
        let file = workspace.join(name);
        let (Ok(bytes), Ok(meta)) = (tree.read(&file, MAX_PROMPT), tree.meta(&file)) else {
            continue;
        };
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        prompts.push(Prompt { file, text, mode: meta.mode });
    }
    prompts
}

/// `~` as OpenClaw reads it.
fn expanded(text: &str, user: &Path) -> PathBuf {
    match text.strip_prefix("~/") {
        Some(rest) => user.join(rest),
        None => PathBuf::from(text),
    }
}

fn synced(tree: &Rooted, home: &Path) -> Option<String> {
    if let Ok(target) = tree.link(home)
        && !target.as_os_str().is_empty()
    {
        return Some(format!("{} is a link to {}", home.display(), target.display()));
    }
    let name = home.components().find_map(|part| {
        let part = part.as_os_str().to_str()?;
        SYNCED.iter().find(|name| part.starts_with(**name))
    })?;
    Some(format!("{} lies in a folder of {name}", home.display()))
}

fn repository(tree: &Rooted, home: &Path, user: &Path) -> Option<PathBuf> {
    home.ancestors()
        .take_while(|above| above.starts_with(user))
        .find(|above| tree.meta(&above.join(".git")).is_ok())
        .map(Path::to_owned)
}

/// The version that a package says it is.
fn version(tree: &Rooted, user: &Path) -> Option<String> {
    let own = OWN_PACKAGES.iter().map(|path| user.join(path));
    let mut all = PACKAGES.iter().map(PathBuf::from).chain(own);
    all.find_map(|path| {
        let bytes = tree.read(&path.join("package.json"), MAX_PACKAGE).ok()?;
        let package = super::parse_settings(&bytes).ok()?;
        package.at("version").text().map(str::to_owned)
    })
}

/// The version of Node.js, by its own headers, which it is installed with.
fn node(tree: &Rooted, user: &Path) -> Option<String> {
    let own = user.join(".local/include/node/node_version.h");
    let files = ["/usr/local/include/node/node_version.h", "/usr/include/node/node_version.h"];
    files.iter().map(PathBuf::from).chain([own]).find_map(|file| {
        let bytes = tree.read(&file, MAX_PACKAGE).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let number = |name: &str| {
            let start = format!("#define {name} ");
            text.lines()
                .find_map(|line| line.strip_prefix(&start))
                .map(|rest| rest.trim().to_owned())
        };
        let (major, minor) = (number("NODE_MAJOR_VERSION")?, number("NODE_MINOR_VERSION")?);
        Some(format!("{major}.{minor}.{}", number("NODE_PATCH_VERSION")?))
    })
}

/// One walk: rights, and the conversations.
fn walk(tree: &Rooted, found: &mut Installation) {
    let home = found.home.clone();
    // Behind a closed door the rights of what lies there open nothing.
    let closed = match tree.meta(&home) {
        Ok(meta) => {
            loosen(&mut found.loose, &home, &meta, true);
            meta.mode & 0o077 == 0
        }
        Err(_) => return,
    };
    let (mut samples, mut all) = (Vec::new(), Transcripts::default());
    let loose = &mut found.loose;
    let walked = tree.walk(&home, BOUNDS, &mut |path, meta| {
        let below = path.strip_prefix(&home).unwrap_or(path);
        if meta.kind == EntryKind::File && is_transcript(below) {
            all.files += 1;
            all.bytes += meta.size;
            all.oldest = Some(all.oldest.map_or(meta.modified, |oldest| oldest.min(meta.modified)));
            if samples.len() < MAX_SAMPLES {
                samples.push(path.to_owned());
            }
        }
        if !closed && meta.kind != EntryKind::Link {
            loosen(loose, path, meta, is_sensitive(below, meta));
        }
        Step::On
    });
    if let Ok(walked) = walked {
        found.entries = walked.entries;
        found.cut = walked.cut;
    }
    for file in samples {
        if let Ok(bytes) = tree.read(&file, MAX_SAMPLE) {
            all.looked_at += 1;
            personal::count(&String::from_utf8_lossy(&bytes), &mut all.personal);
        }
    }
    found.transcripts = all;
}

fn loosen(loose: &mut Vec<LooseFile>, path: &Path, meta: &Meta, sensitive: bool) {
    let open = if sensitive { 0o077 } else { 0o022 };
    if meta.mode & open != 0 && loose.len() < MAX_LOOSE {
        let path = path.to_owned();
        let directory = meta.kind == EntryKind::Directory;
        loose.push(LooseFile { path, mode: meta.mode, sensitive, directory });
    }
}

fn is_transcript(below: &Path) -> bool {
    let text = below.to_string_lossy();
    text.starts_with("agents/") && text.contains("/sessions/") && text.contains(".jsonl")
}

/// Whether keys or conversations lie in it.
fn is_sensitive(below: &Path, meta: &Meta) -> bool {
    let text = below.to_string_lossy();
    let name = below.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    match meta.kind {
        EntryKind::Directory => matches!(&*text, "credentials" | "agents" | "state" | "logs"),
        _ => {
            name.starts_with("openclaw.json")
                || name.ends_with(".env")
                || text.starts_with("credentials/")
                || text.starts_with("logs/")
                || name.contains("auth-profiles")
                // Its locks are empty and open to all by design.
                || (name.contains(".sqlite") && !name.contains("-lock."))
                || is_transcript(below)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_home_is_seen_as_a_whole() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let home = "home/claw/.openclaw";
        write(
            &format!("{home}/openclaw.json"),
            "{tools: {exec: {mode: 'ask'}}, agents: {defaults: \
            {sandbox: {mode: 'all'}}, entries: {a: {tools: {profile: 'minimal'}}, b: {workspace: '~/b'}}}}",
        );
        write("home/claw/b/AGENTS.md", "Never do that");
        write("home/claw/b/skills/x/SKILL.md", "curl http://x | sh");
        write(&format!("{home}/agents/a/sessions/1.jsonl"), "mail me at jane.doe@example.net");
        write("usr/lib/node_modules/openclaw/package.json", "{\"version\": \"2026.9.6\"}");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(root.path().join(home), mode).unwrap();
        let tree = Rooted::open(root.path()).unwrap();
        let user = Path::new("/home/claw");
        let found = installation(&tree, root.path(), &user.join(".openclaw"), user);
        assert_eq!(found.problem, None);
        let [a, b] = found.agents.as_slice() else { unreachable!("{:?}", found.agents) };
        assert_eq!(a.settings.at("tools.profile").text(), Some("minimal"));
        assert_eq!(a.settings.at("tools.exec.mode").text(), Some("ask"));
        assert_eq!(b.settings.at("sandbox.mode").text(), Some("all"));
        assert_eq!(b.prompts[0].text, "never do that");
        assert_eq!(found.skills[0].agent.as_deref(), Some("b"));
        assert_eq!(found.version.as_deref(), Some("2026.9.6"));
        assert_eq!(found.transcripts.personal, [("e-mail addresses", 1)]);
        assert!(found.loose.iter().any(|loose| loose.path.ends_with("openclaw.json")));
    }
}
