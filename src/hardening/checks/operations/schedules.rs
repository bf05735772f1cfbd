//! What runs by itself, and how often: timers of systemd, crontabs.

use crate::hardening::facts::Facts;
use crate::hardening::host::Unseen;

/// Something that runs by itself.
pub(super) struct Scheduled {
    /// The file that says so.
    pub(super) place: String,
    /// What is run, with all that its unit says; scripts and configuration that it names are included.
    pub(super) text: String,
}

const CRON: &[&str] = &[
    "/etc/cron.d",
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/etc/cron.monthly",
    "/var/spool/cron/crontabs",
    "/var/spool/cron",
];
/// Most scripts and configurations that are read for what stands in them.
const MAX_NAMED: usize = 64;
/// Ends of the names of configurations.
const SETTINGS: &[&str] = &[".conf", ".env", ".yaml", ".yml", ".toml", ".cfg"];
/// Where programs look that are told of no configuration.
const BY_ITSELF: &[(&str, &[&str])] = &[
    ("borgmatic", &["/etc/borgmatic/config.yaml", "/root/.config/borgmatic/config.yaml"]),
    ("rsnapshot", &["/etc/rsnapshot.conf"]),
];

/// All of it, as far as it can be read; an error only where nothing can.
pub(super) fn schedules(facts: &Facts<'_>) -> Result<Vec<Scheduled>, Unseen> {
    let mut all = Vec::new();
    for directory in CRON {
        let Ok(files) = facts.entries(directory) else { continue };
        for file in files {
            if let Ok(Some(text)) = facts.text(&file) {
                all.push(Scheduled { place: file.display().to_string(), text: uncommented(&text) });
            }
        }
    }
    if let Some(text) = facts.text("/etc/crontab")? {
        all.push(Scheduled { place: "/etc/crontab".to_owned(), text: uncommented(&text) });
    }
    timers(facts, &mut all)?;
    let mut read = 0;
    for one in &mut all {
        for file in named(&one.text).into_iter().take(8) {
            if read == MAX_NAMED {
                break;
            }
            let settings = SETTINGS.iter().any(|end| file.ends_with(end));
            if let Ok(Some(text)) = facts.text(&file)
                && (settings || text.starts_with("#!"))
            {
                read += 1;
                one.text.push('\n');
                one.text.push_str(&uncommented(&text));
            }
        }
    }
    Ok(all)
}

/// The scripts and configurations that a text names, and those that its programs look for unnamed.
fn named(text: &str) -> Vec<String> {
    let words = text.split(|c: char| c.is_whitespace() || "\"'=;&|".contains(c));
    // systemd reads an optional file where `-` stands before its name.
    let paths = words.map(|word| word.strip_prefix('-').unwrap_or(word)).filter(|word| {
        let ends = [".sh"].iter().chain(SETTINGS).any(|end| word.ends_with(end));
        word.starts_with('/') && (ends || word.contains("/usr/local/"))
    });
    let unnamed = BY_ITSELF.iter().filter(|(program, _)| text.contains(program));
    let unnamed = unnamed.flat_map(|(_, places)| places.iter().copied());
    paths.chain(unnamed).map(str::to_owned).collect()
}

/// Timers that are on, with what their services say.
fn timers(facts: &Facts<'_>, all: &mut Vec<Scheduled>) -> Result<(), Unseen> {
    let mut places = vec![
        "/etc/systemd/system".to_owned(),
        "/usr/lib/systemd/system".to_owned(),
        "/etc/systemd/user".to_owned(),
    ];
    for home in facts.installations()? {
        let user = home.home.parent().unwrap_or(&home.home);
        places.push(user.join(".config/systemd/user").display().to_string());
    }
    for place in &places {
        let Ok(files) = facts.entries(format!("{place}/timers.target.wants")) else { continue };
        for file in files {
            let name = file
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let Some(stem) = name.strip_suffix(".timer") else { continue };
            let mut text = String::new();
            for unit in [name.clone(), format!("{stem}.service")] {
                for place in &places {
                    if let Ok(Some(more)) = facts.text(format!("{place}/{unit}")) {
                        text.push_str(&uncommented(&more));
                        break;
                    }
                }
                for place in &places {
                    let more = facts.drop_ins(format!("{place}/{unit}.d"), ".conf");
                    for (_, more) in more.unwrap_or_default() {
                        text.push('\n');
                        text.push_str(&uncommented(&more));
                    }
                }
            }
            all.push(Scheduled { place: file.display().to_string(), text });
        }
    }
    Ok(())
}

fn uncommented(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with(['#', ';']));
    lines.collect::<Vec<_>>().join("\n")
}
