//! Databases that the real SQLite made, in the states that it leaves them in, and broken ones.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use clawvault_scan::engine::Scanner;
use clawvault_scan::rule::RuleSet;
use clawvault_scan::source::tree::{self, TreeOptions};
use clawvault_scan::source::{Outcome, Silent, sqlite};
use tempfile::TempDir;

const PACKED: &str = "ghp_R8sKq2LwZx7VtB4nMd9PfGh3JcYu6E0aT5iX";

fn scan(directory: &Path) -> Outcome {
    let rules = RuleSet::built_in();
    let scanner = Scanner { rules: &rules, known: None };
    let options = TreeOptions { no_ignore: true, databases: true, except: &[] };
    tree::scan(&scanner, &[directory.to_owned()], &options, &Silent)
}

fn frame(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; zstd_safe::compress_bound(text.len())];
    let length = zstd_safe::compress(frame.as_mut_slice(), text, 3).unwrap();
    frame.truncate(length);
    frame
}

/// Databases, and what has to be found: values and places.
fn made() -> (TempDir, BTreeSet<(String, String)>) {
    let directory = tempfile::tempdir().unwrap();
    let event =
        format!("{{\"type\":\"message\",\"text\":\"{}{PACKED} \"}}", "so it is ".repeat(900));
    let input = tempfile::NamedTempFile::new().unwrap();
    input.as_file().write_all(&frame(event.as_bytes())).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sqlite/make.py");
    let made = Command::new("python3").arg(script).args([directory.path(), input.path()]).output();
    let made = made.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let lines = String::from_utf8(made.stdout).unwrap();
    let mut expected: BTreeSet<_> = lines
        .lines()
        .map(|line| line.split_once('\t').unwrap())
        .map(|(value, place)| (value.to_owned(), place.to_owned()))
        .collect();
    let place = "openclaw.db!transcript_events/event_zstd rowid 1".to_owned();
    expected.insert((PACKED.to_owned(), place));
    (directory, expected)
}

/// What tells that a directory is as it was.
fn state(directory: &Path) -> BTreeSet<(String, u64, SystemTime)> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let each = |entry: fs::DirEntry| {
        let known = entry.metadata().unwrap();
        (entry.file_name().into_string().unwrap(), known.len(), known.modified().unwrap())
    };
    entries.map(each).collect()
}

#[test]
fn every_row_and_what_was_deleted_is_found_once_and_nothing_is_touched() {
    let (directory, expected) = made();
    let before = state(directory.path());
    let outcome = scan(directory.path());
    assert_eq!(state(directory.path()), before);
    let root = directory.path().to_str().unwrap();
    let mut found = Vec::new();
    for finding in outcome.findings.iter().filter(|finding| !finding.rule.starts_with("generic")) {
        let place = String::from_utf8(finding.place.path.clone()).unwrap();
        let mut place = place.strip_prefix(root).unwrap()[1..].to_owned();
        // Numbers of pages, and of rows that have none, are SQLite's affair.
        for word in ["!page", "!frame", "/v row"] {
            if let Some(at) = place.find(word) {
                place.truncate(at + word.len());
            }
        }
        let gone = place.contains("!page") || place.contains("!frame");
        assert_eq!(finding.remarks.iter().any(|said| said.starts_with("No row")), gone, "{place}");
        found.push((String::from_utf8(finding.value.to_vec()).unwrap(), place));
    }
    let all: BTreeSet<_> = found.iter().cloned().collect();
    let missing: Vec<_> = expected.difference(&all).collect();
    let more: Vec<_> = all.difference(&expected).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing {missing:?}, more {more:?}");
    assert_eq!(found.len(), all.len(), "told twice");
    assert_eq!(outcome.summary.unreadable, []);
    assert!(outcome.summary.skipped.is_empty(), "{:?}", outcome.summary.skipped);
}

#[test]
fn broken_databases_are_told_and_read_as_far_as_they_go() {
    let (directory, _) = made();
    let whole = fs::read(directory.path().join("1024-UTF-8.db")).unwrap();
    let rules = RuleSet::built_in();
    let scanner = Scanner { rules: &rules, known: None };
    let read = |bytes: &[u8], wal: Option<&[u8]>| {
        let wal = wal.map(Cursor::new);
        sqlite::scan(&scanner, b"x", Cursor::new(bytes), wal, &Silent).unwrap()
    };
    let all = read(&whole, None).findings.len();
    assert!(all >= 31, "{all}");
    // A page size of 3, of 0; a root that leads to itself: told, and the bytes are read all the same.
    for (at, bytes) in [(16, [0, 3]), (16, [0, 0]), (100, [5, 0])] {
        let mut broken = whole.clone();
        broken[at..at + 2].copy_from_slice(&bytes);
        let outcome = read(&broken, None);
        assert_eq!(outcome.summary.unreadable.len(), 1, "{at}");
        assert!(outcome.findings.len() > all / 2, "{at}: {} of {all}", outcome.findings.len());
    }
    for length in [0, 16, 99, 100, 512, 1024, 1025, whole.len() / 2, whole.len() - 1] {
        read(&whole[..length], None);
    }
    // Any byte may be wrong: nothing panics, and nothing takes long.
    let log = fs::read(directory.path().join("log.db")).unwrap();
    let wal = fs::read(directory.path().join("log.db-wal")).unwrap();
    let start = Instant::now();
    let mut seed = 1_u64;
    for _ in 0..60 {
        let (mut log, mut wal, mut small) = (log.clone(), wal.clone(), whole[..8 << 10].to_vec());
        for bytes in [&mut log, &mut wal, &mut small] {
            for _ in 0..4 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let length = bytes.len().max(1);
                // The heads of files and pages matter most.
                let at =
                    (seed >> 33) as usize % if seed & 1 == 0 { length } else { length.min(1200) };
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = (seed >> 25) as u8;
                }
            }
        }
        read(&log, Some(&wal));
        read(&small, None);
    }
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn bombs_and_endless_files_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bombs.db");
    // 200 rows that would be 64 MiB each.
    let bomb = frame(&vec![b'a'; 64 << 20]);
    fs::write(directory.path().join("bomb"), &bomb).unwrap();
    let script = "import sqlite3, sys\n\
                  db = sqlite3.connect(sys.argv[1])\n\
                  frame = open(sys.argv[2], 'rb').read()\n\
                  db.execute('CREATE TABLE t (b BLOB)')\n\
                  db.executemany('INSERT INTO t VALUES (?)', [[frame]] * 200)\n\
                  db.commit()\n";
    let mut python = Command::new("python3");
    python.args(["-c", script]).args([&path, &directory.path().join("bomb")]);
    assert!(python.status().unwrap().success());
    fs::remove_file(directory.path().join("bomb")).unwrap();
    // A gigabyte of nothing behind a database.
    let sparse = directory.path().join("sparse.db");
    fs::copy(&path, &sparse).unwrap();
    File::options().write(true).open(&sparse).unwrap().set_len(1 << 30).unwrap();
    let start = Instant::now();
    let outcome = scan(directory.path());
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let told = outcome.summary.skipped.count("archives that unpack to too much");
    assert!(told >= 390, "{:?}", outcome.summary.skipped);
}
