//! After a scrub the value lies nowhere in clear, in no form; after the undo, where it was.

use std::path::PathBuf;

use crate::canary::{self, Canary};
use crate::scratch::Scratch;
use crate::search;

#[test]
fn after_a_scrub_the_value_lies_nowhere() {
    for seed in canary::seeds() {
        println!("seed {seed}");
        let (scratch, canary) = (Scratch::new(), Canary::new(seed));
        scratch.call(&["init"], b"").succeeded();
        let v = canary.text();
        let slashed = v.replace('/', "\\/");
        let escaped: String = v.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
        let key = |value: &str| {
            format!("{{\"models\":{{\"providers\":{{\"openai\":{{\"apiKey\":\"{value}\"}}}}}}}}")
        };
        for (name, text) in [
            ("one.env", format!("# keys\nexport ONE_KEY=\"{v}\"\nONE_KEY='{v}'\n")),
            ("two.json", format!("{{\"TWO_KEY\": \"{slashed}\", \"n\": 1}}")),
            ("three.json5", format!("{{THREE_KEY: '{escaped}', /* n */}}")),
            ("four.toml", format!("FOUR_KEY = '{v}' # n\n")),
            ("five.yaml", format!("FIVE_KEY: \"{v}\" # n\n")),
            ("oc/openclaw.json", key(v)),
            ("oc/openclaw.json.bak", key(&slashed)),
            ("oc/openclaw.json.rejected.1", format!("{{\"{v}\"")),
            ("oc/.env", format!("OPENAI_API_KEY={v}\n")),
            ("oc/gateway.systemd.env", format!("OPENAI_API_KEY='{v}'\n")),
            ("oc/.env.bak", format!("OPENAI_API_KEY={v}\n")),
            ("history", format!("ls\ncurl -H 'X: {v}' \\\n there\ncd\n")),
        ] {
            scratch.write(name, text.as_bytes());
        }
        let before = holding(&scratch, &canary);
        assert_eq!(before.len(), 12, "the search finds what it can: {before:?}");
        let history = [("HISTFILE".to_owned(), scratch.path("work/history").display().to_string())];
        for source in
            ["one.env", "two.json", "three.json5", "four.toml", "five.yaml", "--openclaw oc"]
        {
            let words = format!("import {source} --scrub --history --yes");
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            let said = scratch.call_with(&words, b"", &history);
            assert!(canary.find(&said.stdout).is_empty() && canary.find(&said.stderr).is_empty());
            said.succeeded();
        }
        assert_eq!(holding(&scratch, &canary), Vec::<PathBuf>::new());
        for _ in 0..6 {
            scratch.call(&["import", "--undo"], b"").succeeded();
        }
        assert_eq!(holding(&scratch, &canary), before);
    }
}

/// Files of the whole tree that hold the value in some form.
fn holding(scratch: &Scratch, canary: &Canary) -> Vec<PathBuf> {
    let mut files = search::all_files(scratch);
    files.retain(|file| {
        let bytes = std::fs::read(file).unwrap_or_default();
        // What is written in hex, with a mark before each byte, is the same value.
        let plain: Vec<u8> = String::from_utf8_lossy(&bytes).replace("\\x", "").into_bytes();
        !canary.find(&bytes).is_empty() || !canary.find(&plain).is_empty()
    });
    files.sort();
    files
}
