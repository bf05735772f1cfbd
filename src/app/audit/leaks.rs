//! Secrets that lie in clear, by the scanner: OpenClaw's files, workspaces, histories, units,
//! environments of processes. For a limited time: an audit is no scan, and says so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clawvault_core::domain::Installation;
use clawvault_core::platform::{Bounds, EntryKind, Step};
use clawvault_scan::engine::{Scanner, Text};
use clawvault_scan::finding::Finding;
use clawvault_scan::report::printable;
use clawvault_scan::rule::{Confidence, RuleSet};
use clawvault_scan::source::tree::{self, TreeOptions};
use clawvault_scan::source::{Outcome, Progress, typed};

use super::host::System;
use crate::app::scan::load_rules_beside;
use crate::hardening::{Leak, LeakPlace, Leaks};

/// How long files are looked at, where there are many.
const TIME: Duration = Duration::from_millis(1000);
/// So many texts are looked at however long it takes.
const ALWAYS: u64 = 500;
/// Most leaks that are told.
const MAX_LEAKS: usize = 1000;
/// How far homes and workspaces are walked, and files that are scanned at a time.
const BOUNDS: Bounds = Bounds { entries: 400_000, depth: 32 };
const BATCH: usize = 256;
/// Directories of what others made.
const PASSED: &[&str] = &["cache", ".cache", "node_modules", ".git", "control-ui-assets"];
const MAX_ENVIRONMENT: usize = 2 * 1024 * 1024;
const MAX_PROCESSES: usize = 100_000;

const HISTORIES: &[&str] = &[
    ".bash_history",
    ".zsh_history",
    ".zhistory",
    ".histfile",
    ".ash_history",
    ".local/share/fish/fish_history",
    ".python_history",
    ".psql_history",
    ".mysql_history",
    ".sqlite_history",
    ".rediscli_history",
    ".node_repl_history",
];
const PROMPTS: &[&str] = &[
    "AGENTS.md",
    "SOUL.md",
    "IDENTITY.md",
    "USER.md",
    "TOOLS.md",
    "BOOTSTRAP.md",
    "HEARTBEAT.md",
    "MEMORY.md",
];

/// Stops a scan of many texts in time.
struct Budget {
    start: Instant,
    texts: AtomicU64,
    cut: AtomicBool,
}

impl Progress for Budget {
    fn done(&self, texts: u64, _bytes: u64) {
        self.texts.fetch_add(texts, Ordering::Relaxed);
    }

    fn expect(&self, _texts: u64) {}

    fn stop(&self) -> bool {
        self.start.elapsed() > TIME && self.texts.load(Ordering::Relaxed) > ALWAYS
    }
}

/// Looks for them.
pub(super) fn leaks(system: &System, homes: &[Installation], users: &[PathBuf]) -> Leaks {
    let rules = rules(system);
    let scanner = Scanner { rules: &rules, known: None };
    let budget =
        Budget { start: Instant::now(), texts: AtomicU64::new(0), cut: AtomicBool::new(false) };
    // In a mounted tree no link is followed: an absolute one would lead to this machine's own files.
    let inside = |path: &Path| match system.is_live || system.tree.is_plain(path) {
        true => system.root.join(path.strip_prefix("/").unwrap_or(path)),
        false => PathBuf::new(),
    };
    let (mut leaks, mut seen) = (Leaks::default(), BTreeSet::new());
    let mut add = |outcome: Outcome, place: Option<LeakPlace>| {
        leaks.texts += outcome.summary.texts;
        for finding in outcome.findings {
            // What only looks like one would make every audit fail.
            let place = place.unwrap_or_else(|| kind(&finding, system, homes));
            let leak = leak(&finding, place, system);
            let known = !seen.insert((leak.at.clone(), leak.what.clone()));
            if finding.confidence >= Confidence::Medium && !known && leaks.found.len() < MAX_LEAKS {
                leaks.found.push(leak);
            }
        }
    };
    for user in users {
        for file in
            HISTORIES.iter().map(|name| inside(&user.join(name))).filter(|file| file.is_file())
        {
            add(typed::scan_file(&scanner, &file, &|_, _| String::new()), Some(LeakPlace::History));
        }
    }
    let units = units(system, homes).iter().map(|path| inside(path)).collect::<Vec<_>>();
    let options = TreeOptions { no_ignore: true, databases: false, except: &[] };
    add(tree::scan(&scanner, &units, &options, &budget), Some(LeakPlace::Unit));
    add(environments(system, &scanner), Some(LeakPlace::Environment));
    // What is few and matters comes first, whatever lies in the rest.
    let mut first: Vec<PathBuf> = Vec::new();
    for home in homes {
        for name in ["openclaw.json", ".env", "gateway.systemd.env", "node.systemd.env"] {
            first.push(inside(&home.home.join(name)));
        }
        let prompts = home.agents.iter().flat_map(|agent| &agent.prompts);
        first.extend(prompts.map(|prompt| inside(&prompt.file)));
    }
    first.retain(|path| path.is_file());
    add(tree::scan(&scanner, &first, &options, &budget), None);
    let mut batch = Vec::new();
    for top in tops(homes) {
        // A bounded list at a time: a home may hold a hundred thousand files.
        let walked = system.tree.walk(&top, BOUNDS, &mut |path, meta| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match meta.kind {
                EntryKind::Directory
                    if PASSED.contains(&name) || homes.iter().any(|home| home.home == path) =>
                {
                    Step::Past
                }
                EntryKind::File if name.ends_with(".sqlite") => Step::On,
                EntryKind::File => {
                    batch.push(inside(path));
                    if batch.len() == BATCH {
                        add(tree::scan(&scanner, &batch, &options, &budget), None);
                        batch.clear();
                    }
                    if budget.stop() { Step::Stop } else { Step::On }
                }
                _ => Step::On,
            }
        });
        if walked.is_ok_and(|walked| walked.cut) {
            budget.cut.store(true, Ordering::Relaxed);
        }
        add(tree::scan(&scanner, &batch, &options, &budget), None);
        batch.clear();
    }
    if budget.cut.load(Ordering::Relaxed) || budget.stop() {
        let entries: usize = homes.iter().map(|home| home.entries).sum();
        let texts = budget.texts.load(Ordering::Relaxed);
        leaks.cut = Some(format!(
            "{texts} of about {entries} files were looked at; `clawvault scan --openclaw` looks at all"
        ));
    }
    leaks.found.sort_by(|one, other| (one.place, &one.at).cmp(&(other.place, &other.at)));
    leaks
}

/// The built-in rules, and where the vault is open those for keys of its own manifests.
fn rules(system: &System) -> RuleSet {
    let vault = system.vault.as_ref().filter(|_| system.is_live);
    let forms = vault.and_then(|app| app.own_forms().ok()).unwrap_or_default();
    load_rules_beside(&forms, None).unwrap_or_else(|_| RuleSet::built_in())
}

/// The directories that are walked: homes, and workspaces elsewhere, none below another.
fn tops(homes: &[Installation]) -> Vec<PathBuf> {
    let mut tops: Vec<PathBuf> = homes.iter().map(|home| home.home.clone()).collect();
    for agent in homes.iter().flat_map(|home| &home.agents) {
        if !tops.iter().any(|top| agent.workspace.starts_with(top)) {
            tops.push(agent.workspace.clone());
        }
    }
    tops
}

/// Units of OpenClaw and the host's own, with what gives them an environment.
fn units(system: &System, homes: &[Installation]) -> Vec<PathBuf> {
    let mut directories = vec![PathBuf::from("/etc/systemd/system")];
    for home in homes {
        let user = home.home.parent().unwrap_or(&home.home);
        directories.push(user.join(".config/systemd/user"));
        directories.push(user.join(".config/environment.d"));
        directories.push(user.join(".config/openclaw"));
    }
    let mut files = vec![PathBuf::from("/etc/environment")];
    for directory in directories {
        for name in system.tree.list(&directory, 4096).unwrap_or_default() {
            let path = directory.join(&name);
            let text = name.to_string_lossy().into_owned();
            if text.ends_with(".service") || text.ends_with(".env") || text.ends_with(".conf") {
                files.push(path);
            } else if text.ends_with(".service.d") {
                let drops = system.tree.list(&path, 256).unwrap_or_default();
                files.extend(drops.into_iter().map(|drop| path.join(drop)));
            }
        }
    }
    // Through the root, so that no link leads out of it.
    let regular =
        |path: &PathBuf| system.tree.meta(path).is_ok() && system.tree.link(path).is_err();
    files.into_iter().filter(regular).collect()
}

/// Environments of OpenClaw's processes, as far as they can be read.
fn environments(system: &System, scanner: &Scanner<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    if !system.is_live {
        return outcome;
    }
    for name in system.tree.list(Path::new("/proc"), MAX_PROCESSES).unwrap_or_default() {
        let Some(pid) = name.to_str().filter(|name| name.bytes().all(|b| b.is_ascii_digit()))
        else {
            continue;
        };
        let comm =
            system.tree.read(Path::new(&format!("/proc/{pid}/comm")), 64).unwrap_or_default();
        if !comm.starts_with(b"openclaw") {
            continue;
        }
        let file = format!("/proc/{pid}/environ");
        let Ok(bytes) = system.tree.read(Path::new(&file), MAX_ENVIRONMENT) else { continue };
        let bytes = zeroize::Zeroizing::new(bytes);
        let lines: zeroize::Zeroizing<Vec<u8>> = zeroize::Zeroizing::new(
            bytes.iter().map(|byte| if *byte == 0 { b'\n' } else { *byte }).collect(),
        );
        let text = Text { name: file.as_bytes(), bytes: &lines };
        outcome.findings.extend(Finding::all(scanner.rules, text, scanner.scan(text)));
        outcome.summary.texts += 1;
    }
    outcome
}

/// What the place of a finding is, by its path.
fn kind(finding: &Finding, system: &System, homes: &[Installation]) -> LeakPlace {
    let path = shown(finding, system);
    let path = Path::new(path.split('!').next().unwrap_or_default());
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let workspaces = || homes.iter().flat_map(|home| &home.agents).map(|agent| &agent.workspace);
    if PROMPTS.contains(&&*name) && workspaces().any(|workspace| path.parent() == Some(workspace)) {
        return LeakPlace::Prompt;
    }
    // A workspace in a home is one; a home in a workspace is a home.
    let home = homes.iter().map(|home| &home.home).find(|home| path.starts_with(home));
    let Some(home) = home else { return LeakPlace::Code };
    let inner =
        workspaces().any(|workspace| workspace.starts_with(home) && path.starts_with(workspace));
    let below = path.strip_prefix(home).unwrap_or(path).to_string_lossy();
    match () {
        () if inner || below.starts_with("skills/") => LeakPlace::Code,
        () if name.starts_with("openclaw.json.") || name.ends_with(".bak") => LeakPlace::OldCopy,
        () if below.contains("/sessions/")
            || below.starts_with("logs/")
            || name.ends_with(".log") =>
        {
            LeakPlace::Transcript
        }
        () => LeakPlace::Config,
    }
}

/// The path of a finding as the audited host names it.
fn shown(finding: &Finding, system: &System) -> String {
    let text = printable(&finding.place.path);
    let root = system.root.to_string_lossy();
    let root = root.trim_end_matches('/');
    text.strip_prefix(root).map_or(text.clone(), str::to_owned)
}

fn leak(finding: &Finding, place: LeakPlace, system: &System) -> Leak {
    let path = shown(finding, system);
    let at = match finding.place.line {
        0 => path,
        line => format!("{path}:{line}"),
    };
    Leak { place, at, what: finding.name.clone().into_owned() }
}
