//! What is found by looking only at what deltas bring is what whole scans find.

use std::cell::Cell;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::delta::{Stretch, apply};
use super::windows::{Scanned, Stretches};
use crate::engine::{Hit, Scanner, Text, What};
use crate::rule::RuleSet;
use crate::source::Silent;

/// Lines that secrets, their names, and what makes them none are cut out of.
const LINES: &[&str] = &[
    "-----BEGIN RSA PRIVATE KEY-----",
    "MIIEowIBAAKCAQEAtQ7Xn2vLb9TzK4mWc8RfY1hJd6PsG3eUa5oBi0NtQq9Xv2Lm",
    "-----END RSA PRIVATE KEY-----",
    "cGxhaW4gd29yZHMgb2YgYSBsaW5lIHRoYXQgc2F5IG5vdGhpbmcKcGxhaW4gd29yZHMgb2YgYSBsaW5lIHRoYXQgc2F5IG5vdGhpbmcKcGxhaW4gd29yZHMgb2YgYSBsaW5lIHRoYXQgc2F5IG5vdGhpbmcKcGxhaW4gd29yZHMgb2YgYSBsaW5lIHRoYXQgc2F5IG5vdGhpbmcKcGxhaW4gd29yZHMgb2YgYSBsaW5lIHRoYXQgc2F5IG5vdGhpbmcKcGxhaW4gd29yZHMgb2YgYSBsaW5lIHRoYXQgc2F5IG5vdGhpbmcKcGxhaW4gd29yZHMgb2YgYSBsaW5lIHRoYXQgc2F5IG5vdGhpbmcKcGxhaW4gd29yZHMgb2YgYSBsaW5lIHRoYXQgc2F5IG5vdGhpbmcKcGxhaW4gd29yZHMgb2YgYSBsaW5lIHRoYXQgc2F5IG5vdGhpbmcKcGxhaW4gd29yZHMgb2YgYSBsaW5lIHRoYXQgc2F5IG5vdGhpbmcKYXdzX2FjY2Vzc19rZXlfaWQgPSBBS0lBUTNFR1JaN1hLMldNNVRWQgo=",
    "  YXdzX2FjY2Vzc19rZXlfaWQgPSBBS0lBUTNFR1JaN1hLMldNNVRWQgpwbGFpbiB3\n  b3JkcyBvZiBhIGxpbmUKcGxhaW4gd29yZHMgb2YgYSBsaW5lCnBsYWluIHdvcmRz\n  IG9mIGEgbGluZQpwbGFpbiB3b3JkcyBvZiBhIGxpbmUKcGxhaW4gd29yZHMgb2Yg\n  YSBsaW5lCnBsYWluIHdvcmRzIG9mIGEgbGluZQpwbGFpbiB3b3JkcyBvZiBhIGxp\n  bmUKcGxhaW4gd29yZHMgb2YgYSBsaW5lCmF3c19hY2Nlc3Nfa2V5X2lkID0gQUtJ\n  QVEzRUdSWjdYSzJXTTVUVkIK",
    "    let total = items.iter().map(|item| item.price).sum::<u64>();",
    "ABYSSALE_API_KEY=q7Xn2vLb9TzK4mWc8RfY1hJd6PsG3eUa5oBi0NtQ",
    "password = \"Tr0ub4dor&3\"",
    "# the token of the service, see the docs",
    "xoxb-123456789012-9876543210987-NotARealKey0JustAnExampl",
    "github_pat = ghp_wJ8sK2mQ9xZr4TvB7nLc1DfG5hYp3RaE6uXo",
    "  \"api_key\": \"q9Xv2LmT7bRz4KwPd8Yc\",",
    "AKIAQ3EGRZ7XK2WM5TVB",
    "sha256: 7d88479b678ab85e45db85f3e8b6c5c36007519 73ca9929dffd743c4ffe6c1d",
    "postgres://app:S3cr3t-pw9@db.internal:5432/app",
    "data: YXdzX2FjY2Vzc19rZXlfaWQgPSBBS0lBUTNFR1JaN1hLMldNNVRWQgo=",
    "https://example.org/?next=%61%77%73%5F%61%63%63%65%73%73%5F%6B%65%79%5F%69%64%20%3D%20%41%4B%49%41%51%33%45%47%52%5A%37%58%4B%32%57%4D%35%54%56%42%0A&x=1",
    "6177735f6163636573735f6b65795f6964203d20414b494151334547525a37584b32574d355456420a",
    "run '\\x61\\x77\\x73\\x5f\\x61\\x63\\x63\\x65\\x73\\x73\\x5f\\x6b\\x65\\x79\\x5f\\x69\\x64\\x20\\x3d\\x20\\x41\\x4b\\x49\\x41\\x51\\x33\\x45\\x47\\x52\\x5a\\x37\\x58\\x4b\\x32\\x57\\x4d\\x35\\x54\\x56\\x42\\x0a'",
    "discord",
    "key",
    "acme = 'q7Xn2vLb9TzK4mWc8RfY1hJd6PsG'",
    "Authorization: Bearer 7Gq2xV9kLpZ4tRw8YcBn",
    "",
    "    }",
    "fn main() { println!(\"nothing to see in this line of the program\"); }",
];

/// The first lines that make a rule look far, which takes whole texts.
const FAR: usize = 5;

/// A text of lines, with gaps of plain ones that are longer than what rules see.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => text_of(FAR), 1 => text_of(0)]
}

fn text_of(first: usize) -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        1 => (first..LINES.len()).prop_map(|at| LINES[at].to_owned()),
        1 => (1..40_usize).prop_map(|count| "    plain words of a line that says nothing\n".repeat(count)),
    ];
    prop::collection::vec(line, 1..60).prop_map(|lines| lines.join("\n").into_bytes())
}

/// How a text is changed: copied stretches of it, and new bytes.
#[derive(Clone, Debug)]
enum Edit {
    Copy(prop::sample::Index, prop::sample::Index),
    Insert(Vec<u8>),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let insert = prop_oneof![
        (0..LINES.len(), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(
            |(line, from, to)| {
                let line = LINES[line].as_bytes();
                let (from, to) = (from.index(line.len() + 1), to.index(line.len() + 1));
                line[from.min(to)..from.max(to)].to_vec()
            }
        ),
        Just(b"\n".to_vec()),
        Just(b"token=".to_vec()),
    ];
    let edit = prop_oneof![
        (any::<prop::sample::Index>(), any::<prop::sample::Index>())
            .prop_map(|(a, b)| Edit::Copy(a, b)),
        insert.prop_map(Edit::Insert),
    ];
    prop::collection::vec(edit, 1..6)
}

/// What edits make of a text, and the stretches that say so. Half of the edits leave the rest of the
/// text in place, as real ones do.
fn change(base: &[u8], edits: &[Edit]) -> (Vec<u8>, Vec<Stretch>) {
    let (mut made, mut stretches) = (Vec::new(), Vec::new());
    let mut add = |bytes: &[u8], from: Option<usize>| {
        if !bytes.is_empty() {
            stretches.push(Stretch { to: made.len()..made.len() + bytes.len(), from });
            made.extend_from_slice(bytes);
        }
    };
    let mut at = 0;
    for edit in edits {
        match edit {
            Edit::Copy(one, two) => {
                let (one, two) = (one.index(base.len() + 1), two.index(base.len() + 1));
                let from = one.min(two);
                if from >= at {
                    add(&base[at..from], Some(at));
                }
                add(&base[from..one.max(two)], Some(from));
                at = one.max(two);
            }
            Edit::Insert(bytes) => add(bytes, None),
        }
    }
    add(&base[at..], Some(at));
    (made, stretches)
}

fn told(scanner: &Scanner<'_>, hits: &[Hit]) -> Vec<(String, std::ops::Range<usize>)> {
    let name = |hit: &Hit| match &hit.what {
        What::Rule(number) => scanner.rules.rule(*number).id.to_string(),
        What::Known(known) => known.name.clone(),
    };
    hits.iter().map(|hit| (name(hit), hit.span.clone())).collect()
}

#[test]
fn what_deltas_bring_is_found_as_in_whole_scans() {
    let rules = RuleSet::built_in();
    let scanner = Scanner { rules: &rules, known: None };
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("CLAWVAULT_TEST_SEED").unwrap_or(7);
    let chains = number("CLAWVAULT_TEST_TRIALS").unwrap_or(6_000) as u32;
    println!("seed {seed}, {chains} chains of deltas");
    let runner = |cases| {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed.to_le_bytes(); 4].concat());
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        TestRunner::new_with_rng(config, rng)
    };
    let chain = (text(), prop::collection::vec(edits(), 1..4));
    let (windows, secrets) = (Cell::new(0_u64), Cell::new(0_u64));
    runner(chains)
        .run(&chain, |(base, chain)| {
            let mut scanned = Scanned::whole(&scanner, base);
            for edits in &chain {
                let (made, stretches) = change(&scanned.bytes, edits);
                let whole = scanner.scan(Text { name: b"", bytes: &made });
                scanned = scanned.child(&scanner, made, &stretches);
                let by_delta = scanner.settle(scanned.raw.clone()).0;
                prop_assert_eq!(told(&scanner, &by_delta), told(&scanner, &whole));
            }
            Ok(())
        })
        .unwrap();
    // The test would mean nothing if no secret were there, or every text were taken whole.
    runner(1_000)
        .run(&(text(), edits()), |(base, edits)| {
            let scanned = Scanned::whole(&scanner, base);
            secrets.set(secrets.get() + scanned.raw.len() as u64);
            let (made, delta) = change(&scanned.bytes, &edits);
            let base = scanned.bytes.len();
            let stretches = Stretches { delta: &delta, base, made: made.len() };
            let some = stretches.windows(&made).is_some();
            windows.set(windows.get() + u64::from(!scanned.far && some));
            Ok(())
        })
        .unwrap();
    let (windows, secrets) = (windows.get(), secrets.get());
    assert!(secrets > 1_000 && windows > 100, "{secrets} secrets, {windows} with windows");
}

#[test]
fn packs_that_git_makes_hold_what_their_blobs_hold() {
    let rules = RuleSet::built_in();
    let scanner = Scanner { rules: &rules, known: None };
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q", "--bare"], None);
    let mut runner = TestRunner::new_with_rng(
        Config { failure_persistence: None, ..Config::default() },
        TestRng::from_seed(RngAlgorithm::ChaCha, &[9; 32]),
    );
    let mut stream = Vec::new();
    for _ in 0..60 {
        let mut bytes = text().new_tree(&mut runner).unwrap().current();
        for _ in 0..20 {
            let edits = edits().new_tree(&mut runner).unwrap().current();
            bytes = change(&bytes, &edits).0;
            bytes.truncate(60_000);
            let mut head = String::new();
            write!(head, "blob\ndata {}\n", bytes.len()).unwrap();
            stream.extend_from_slice(head.as_bytes());
            stream.extend_from_slice(&bytes);
            stream.push(b'\n');
        }
    }
    git(folder.path(), &["fast-import", "--quiet"], Some(&stream));
    git(folder.path(), &["repack", "-adfq", "--keep-unreachable", "--depth=20"], None);
    let repo = gix::open_opts(folder.path(), gix::open::Options::isolated()).unwrap();
    let found =
        super::scan(&repo, super::Stock::open(&repo), &scanner, None, None, &Silent).unwrap();
    let mut by_pack: Vec<_> =
        found.hits.iter().map(|(id, hits)| (*id, told(&scanner, hits))).collect();
    by_pack.sort_by_key(|(id, _)| *id);
    let mut whole = Vec::new();
    for id in repo.objects.iter().unwrap().map(Result::unwrap) {
        let bytes = repo.find_object(id).unwrap().detach().data;
        let hits = scanner.scan(Text { name: b"", bytes: &bytes });
        if !hits.is_empty() {
            whole.push((id, told(&scanner, &hits)));
        }
    }
    whole.sort_by_key(|(id, _)| *id);
    whole.dedup();
    assert!(whole.len() > 300, "only {} blobs hold secrets", whole.len());
    assert_eq!(by_pack, whole);
}

#[test]
fn deltas_in_a_circle_and_without_a_base_are_told() {
    // A delta makes nothing of a base of another length.
    assert!(apply(b"abc", &[4, 1, 1, b'x'], 10).is_none());
    // A copy of 64 KiB is written as none, and a promise of more than there is takes no memory.
    assert!(apply(b"abc", &[3, 0x80, 0x80, 0x04, 0x80], 1 << 20).is_none());
}

fn git(folder: &Path, arguments: &[&str], input: Option<&[u8]>) {
    use std::io::Write as _;
    let mut child = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.unwrap_or_default()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success(), "git {arguments:?}");
}
