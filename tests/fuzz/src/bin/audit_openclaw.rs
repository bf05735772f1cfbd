//! What the audit reads of OpenClaw and beside it: settings, skills, conversations, logs and what
//! configures them. The first byte names the reader.
#![no_main]

use clawvault::hardening::parsers::{auth_log, connections, logrotate, rsyslog};
use clawvault::openclaw::{count_personal, judge_skill, parse_settings};
use clawvault_core::domain::Skill;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [reader, bytes @ ..] = bytes else { return };
    let text = String::from_utf8_lossy(bytes);
    match reader % 7 {
        0 => {
            let Ok(settings) = parse_settings(bytes) else { return };
            let mut again = settings.clone();
            again.overlay(settings.clone());
            assert_eq!(again, settings, "laid over itself, it is another");
            settings.visit(&mut |path, _| assert!(path.len() <= 1 << 16));
        }
        1 => {
            let mut skill = Skill::default();
            judge_skill(&text, "SKILL.md", &mut skill);
            assert!(skill.risks.len() <= 16 && skill.unpinned.len() <= 16);
        }
        2 => {
            let mut kinds = Vec::new();
            count_personal(&text, &mut kinds);
            assert!(kinds.iter().all(|(_, count)| *count <= text.len()));
        }
        3 => {
            let tries = auth_log::tries(&text);
            assert!(tries.values().all(|one| one.failed + one.broken_in <= text.lines().count() as u32));
        }
        4 => {
            for rule in logrotate::rules(&text) {
                rule.covers("/var/log/openclaw/gateway.log");
            }
        }
        5 => assert!(rsyslog::targets(&text).len() <= text.lines().count()),
        _ => assert!(connections::connections(&text).len() <= text.lines().count()),
    }
});
