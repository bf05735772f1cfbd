//! The tidy test: the house rules that no compiler and no linter checks. The tables come first and
//! are the rules; each exception carries its reason. It reads the files that git knows or would
//! take, so a rule holds before the commit. It does not look inside macros' expansions.

// A helper of this test that fails has found the test broken: a panic is its report.
#![allow(clippy::expect_used)]

mod arrows;
mod source;
mod tidy;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use arrows::House;

/// Floors, lowest first: a file names only its own module and modules below. Modules of one floor
/// never name each other, save by the arrows listed.
const HOUSES: &[House<'static>] = &[
    House {
        dir: "crates/core/src/",
        floors: &[
            &["memory"],
            &["domain"],
            &["platform"],
            &["crypto"],
            &["store"],
            &["auditlog"],
            &["vault"],
        ],
        sideways: &[],
    },
    House {
        dir: "crates/scan/src/",
        floors: &[
            &["base64", "gram"],
            &["rule"],
            &["judge", "decode"],
            &["engine"],
            &["finding"],
            &["ignores", "source"],
            // A report tells what a source read, and what was ignored.
            &["report"],
        ],
        sideways: &[],
    },
    House {
        dir: "src/",
        floors: &[
            &[
                "intake",
                "launch",
                "mask",
                "openclaw",
                "programs",
                "rotate",
                "spend",
                "hardening",
                "alert",
            ],
            &["app"],
            &["cli", "daemon", "resolver"],
        ],
        // OpenClaw's files are one more place that keys are taken in from; the daemon is started from
        // the terminal, too.
        sideways: &[("openclaw", "intake"), ("cli", "daemon")],
    },
];

/// Which crate of the workspace may depend on which, by manifest.
const CRATES: &[(&str, &[&str])] = &[
    ("crates/core/Cargo.toml", &[]),
    // Adapters hand values over in the vault's own types.
    ("providers/Cargo.toml", &["clawvault-core"]),
    // Seeks any bytes in any bytes.
    ("crates/needles/Cargo.toml", &[]),
    // Token formats are the vendors'; the vault is out of its sight.
    ("crates/scan/Cargo.toml", &["clawvault-providers"]),
    // Messages become the vault's own types; values lie in its memory.
    ("proto/Cargo.toml", &["clawvault-core"]),
    // Runs beside OpenClaw: nothing but the protocol and the socket.
    ("crates/resolver/Cargo.toml", &["clawvault-core", "clawvault-proto"]),
    (
        "Cargo.toml",
        &[
            "clawvault-core",
            "clawvault-needles",
            "clawvault-proto",
            "clawvault-providers",
            "clawvault-resolver",
            "clawvault-scan",
        ],
    ),
];
const MEMBERS: &[&str] = &[
    "clawvault",
    "clawvault-core",
    "clawvault-needles",
    "clawvault-proto",
    "clawvault-providers",
    "clawvault-resolver",
    "clawvault-scan",
];

/// Folders of product code.
const PRODUCT: &[&str] = &[
    "src/",
    "crates/core/src/",
    "crates/needles/src/",
    "crates/resolver/src/",
    "crates/scan/src/",
    "proto/src/",
    "providers/src/",
];

/// Files that must be there for the rules to mean anything.
const ROOTS: &[&str] = &[
    "src/lib.rs",
    "crates/core/src/lib.rs",
    "crates/needles/src/lib.rs",
    "crates/resolver/src/lib.rs",
    "crates/scan/src/lib.rs",
    "proto/src/lib.rs",
    "providers/src/lib.rs",
];

/// A path, or a folder ending in `/`, that a rule spares, and why.
type Spared = &'static [(&'static str, &'static str)];

const MAY_READ_ENVIRONMENT: Spared = &[
    ("src/cli/", "the face to the terminal; everything below takes arguments"),
    ("src/main.rs", "the process starts here"),
    ("src/resolver.rs", "the process starts here"),
    ("crates/core/src/platform/failpoint.rs", "arms a point, in builds for tests alone"),
    ("src/app/doctor.rs", "splits the PATH it is given; reads nothing"),
    ("src/launch/command.rs", "splits the PATH it is given; reads nothing"),
];

const MAY_PRINT: Spared = &[
    ("src/cli/output.rs", "the one writer to the terminal"),
    ("src/main.rs", "nothing else runs yet when it speaks"),
];

const MAY_TOUCH_FILES: Spared = &[
    ("crates/core/src/platform/", "atomic writes and modes are decided here"),
    ("crates/core/src/auditlog/", "reads and writes handles that platform opened"),
    ("crates/core/src/vault/anchor.rs", "holds and writes a handle that platform opened"),
    ("crates/scan/src/source/", "reads trees and repositories of others; writes nothing"),
];

const MAY_EXPOSE: Spared = &[
    ("crates/core/src/memory/bytes.rs", "the wrapping itself: where the bytes lie"),
    ("crates/core/src/domain/value.rs", "the wrapping itself: length, equality, copy"),
    ("crates/core/src/crypto/slot.rs", "age's own wrapping, into ours; whether nothing was typed"),
    ("crates/core/src/vault/backup/document.rs", "into the encrypted backup that was asked for"),
    ("crates/core/src/vault/change.rs", "the keyed fingerprint of new fields"),
    ("crates/core/src/vault/codec.rs", "into the buffer that is sealed next"),
    ("proto/src/frame.rs", "onto the socket, for a peer that may have it"),
    ("src/alert/", "into the message to its receiver, as its right to send one"),
    ("src/app/export.rs", "into the document that was asked for"),
    ("crates/resolver/src/protocol.rs", "into the answer that was asked for"),
    ("src/app/scan/known.rs", "into the tables that find it in what may have leaked"),
    ("src/app/export/container.rs", "into the document that was asked for"),
    ("src/app/foreign.rs", "whether dotenvx left a value encrypted"),
    ("src/app/import.rs", "whether a value has the form of a token"),
    ("src/app/naming.rs", "whether a value has the form of a token"),
    ("src/app/plaintext.rs", "whether a value has several lines"),
    ("src/app/run.rs", "into the environment of the program"),
    ("src/app/scrub/keeper.rs", "to know it again where it lies in clear"),
    ("src/app/scrub/plan.rs", "to look for it in files that are to lose it"),
    ("src/cli/get.rs", "onto stdout, as asked"),
    ("src/cli/credential.rs", "the user name beside a password"),
    ("src/cli/credential/", "onto stdout, for the tool that asked"),
    ("src/openclaw/rpc.rs", "onto the gateway's socket, which asks for it"),
    ("src/app/openclaw/unlink.rs", "back into the configuration, as asked"),
    ("src/app/scrub/link.rs", "to know it again where it lies in clear"),
    ("src/intake/history.rs", "to look for it in what was typed"),
    ("src/intake/maps.rs", "a document's own tree, on its way to values"),
    ("src/intake/spots.rs", "to compare a document with the one that has lost it"),
    ("src/launch/files.rs", "into the secret file in memory"),
    ("src/launch/template.rs", "into the text that is rendered next"),
    ("src/mask/supervise.rs", "to look for it in the program's output"),
    ("src/rotate/sink.rs", "into the file that the policy names"),
    ("src/openclaw/documents.rs", "whether the text of a document is a credential"),
    ("src/openclaw/leftovers.rs", "to look for copies of it in old files"),
    ("src/openclaw/search.rs", "to look for copies of it in databases"),
    (
        "providers/src/recipe/fill.rs",
        "into the request to its vendor; whether an answer repeats it",
    ),
    ("providers/src/recipe/finding.rs", "for the id that lies in it, or whether a hint shows it"),
    ("providers/src/recipe/mod.rs", "whether it has the form of a token"),
    ("providers/src/native/aws/mod.rs", "into the headers that sign a request"),
    (
        "providers/src/native/place.rs",
        "taken apart where it is a URL; put together again with a new password",
    ),
    ("providers/src/native/postgres/mod.rs", "into the verifier that the server keeps"),
    ("providers/src/native/postgres/session.rs", "into the login that was asked for"),
    ("providers/src/native/redis/mod.rs", "into the login that was asked for, and into its digest"),
    ("providers/src/native/script/document.rs", "into the document for the user's own program"),
    ("providers/src/native/script/webhook.rs", "into the signature of what is sent"),
    ("providers/src/native/ssh/keys.rs", "to tell the public half of a private key"),
    ("providers/src/native/ssh/login.rs", "into a file in memory that ssh reads"),
];

const MAY_DEBUG_BYTES: Spared = &[
    ("crates/core/src/domain/scrub.rs", "the path of a file, as bytes"),
    ("crates/core/src/vault/kept.rs", "what features keep; no value is among it"),
    ("src/cli/", "arguments as they were typed: a value among them is refused, and seen already"),
    ("src/hardening/parsers/x509.rs", "names in certificates, which are public"),
    ("src/hardening/parsers/tls.rs", "certificates, which are public"),
    ("src/launch/size.rs", "names of variables, beside lengths"),
    ("providers/src/native/redis/resp.rs", "what Redis answers: digests of passwords, never one"),
    ("src/launch/supervise.rs", "arguments of a run, in which no value may stand"),
    ("crates/core/src/store/mod.rs", "sealed bytes, on their way to the store"),
    ("crates/core/src/store/snapshot.rs", "sealed bytes, and a header"),
    ("crates/needles/src/stream.rs", "output of a program in which no value was found"),
];

/// Texts that are not ours to change: exact bytes of others, and what a compiler made.
const FOREIGN: &[&str] =
    &["LICENSE-", "THIRD-PARTY", "fixtures/", "tests/fuzz/corpus/", "proto/src/messages.rs"];

/// Hosts and folders that mean something only where this was written, in pieces so that this file
/// keeps the rule too.
const LOCAL: &[&[&str]] = &[
    &["crates", ".io"],
    &["npmjs", ".org"],
    &["npmjs", ".com"],
    &["pypi", ".org"],
    &["pythonhosted", ".org"],
    &["debian", ".org"],
    &["/work", "/"],
    &["/root", "/"],
];

#[test]
fn arrows_run_down() {
    let mut report = Report::default();
    for house in HOUSES {
        for file in files().iter().filter(|file| is_rust(&file.path)) {
            if let Some(inside) = file.path.strip_prefix(house.dir) {
                report.add(&file.path, arrows::forbidden(house, inside, &file.text));
            }
        }
    }
    report.finish();
}

#[test]
fn crates_depend_downward() {
    let mut report = Report::default();
    for file in files().iter().filter(|file| is_member(&file.path)) {
        let known = CRATES.iter().find(|(path, _)| *path == file.path);
        let allowed = known.map_or(&[] as &[&str], |(_, allowed)| allowed);
        if known.is_none() {
            report.add(&file.path, vec![(1, "a crate that CRATES does not list".to_string())]);
        }
        for used in tidy::workspace_dependencies(&file.text, MEMBERS) {
            if !allowed.contains(&used.as_str()) {
                report.add(&file.path, vec![(1, format!("depends on `{used}`"))]);
            }
        }
        report.add(&file.path, tidy::inherits_lints(&file.text));
    }
    report.finish();
}

#[test]
fn rust_is_tidy() {
    let mut report = Report::default();
    for file in files().iter().filter(|file| is_rust(&file.path)) {
        let product = PRODUCT.iter().any(|dir| file.path.starts_with(dir));
        report.add(&file.path, tidy::any_rust(&file.text));
        if product {
            report.add(&file.path, tidy::module_comment(&file.text));
        }
        if !product || file.path.ends_with("/tests.rs") || file.path.contains("/tests/") {
            continue;
        }
        let mut unless = |spared: Spared, rule: fn(&str) -> tidy::Wrong| {
            if !is_spared(spared, &file.path) {
                report.add(&file.path, rule(&file.text));
            }
        };
        unless(MAY_READ_ENVIRONMENT, |text| tidy::standard_module(text, "env"));
        unless(MAY_TOUCH_FILES, |text| tidy::standard_module(text, "fs"));
        unless(MAY_PRINT, tidy::prints);
        unless(MAY_EXPOSE, tidy::exposes);
        unless(MAY_DEBUG_BYTES, tidy::debugs_bytes);
    }
    report.finish();
}

#[test]
fn texts_are_tidy() {
    let local: Vec<String> = LOCAL.iter().map(|pieces| pieces.concat()).collect();
    let mut report = Report::default();
    for file in files() {
        if FOREIGN.iter().any(|start| file.path.starts_with(start)) {
            continue;
        }
        // Cargo's own name of an index is no host that we reach.
        let lock = file.path.ends_with("Cargo.lock");
        let allowed = |line: &str| lock && line.contains("registry+");
        report.add(&file.path, tidy::trailing_blanks(&file.text));
        report.add(&file.path, tidy::contains(&file.text, &local, allowed));
        let vendor = file.path.strip_prefix("providers/vendors/");
        if let Some(stem) = vendor.and_then(|name| name.strip_suffix(".toml")) {
            report.add(&file.path, tidy::vendor_id(stem, &file.text));
        }
    }
    report.finish();
}

#[test]
fn every_failpoint_is_in_the_table_and_at_one_place() {
    let mut called = Vec::new();
    for file in files().iter().filter(|file| is_rust(&file.path)) {
        if PRODUCT.iter().any(|dir| file.path.starts_with(dir)) {
            called.extend(tidy::failpoints(&file.text));
        }
    }
    called.sort();
    assert_eq!(called, clawvault_core::platform::failpoint::POINTS);
}

#[test]
fn the_tables_name_what_is_there() {
    let files = files();
    let there = |start: &str| files.iter().any(|file| file.path.starts_with(start));
    let roots = ROOTS.iter().chain(CRATES.iter().map(|(manifest, _)| manifest));
    let missing: Vec<&&str> = roots.filter(|path| !there(path)).collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
}

struct File {
    path: String,
    text: String,
}

/// Every text file that git tracks or would add. A file deleted but not yet committed is none.
fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .expect("git lists the files");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).expect("file names are UTF-8");
    names
        .split_terminator('\0')
        .filter_map(|path| {
            let text = std::fs::read_to_string(root.join(path)).ok()?;
            Some(File { path: path.to_string(), text })
        })
        .collect()
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs") && !FOREIGN.iter().any(|start| path.starts_with(start))
}

fn is_member(path: &str) -> bool {
    path.ends_with("Cargo.toml") && !path.starts_with("tests/fuzz/")
}

fn is_spared(spared: Spared, path: &str) -> bool {
    spared
        .iter()
        .any(|(start, _)| path == *start || (start.ends_with('/') && path.starts_with(start)))
}

/// What is wrong, one `file:line: what` a line.
#[derive(Default)]
struct Report(String);

impl Report {
    fn add(&mut self, path: &str, wrong: tidy::Wrong) {
        for (line, what) in wrong {
            writeln!(self.0, "{path}:{line}: {what}").expect("a string takes it");
        }
    }

    fn finish(self) {
        assert!(self.0.is_empty(), "house rules broken:\n{}", self.0);
    }
}
