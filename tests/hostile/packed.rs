//! Archives: images of containers are opened, in trees and in history; bombs go off in a corner.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{TOKEN, ended, git};
use crate::measured::scan;

/// Packs files of `directory` by the real tar.
fn tar(directory: &Path, flags: &str, archive: &str, files: &[&str]) {
    let mut tar = Command::new("tar");
    let done = tar.current_dir(directory).arg(flags).arg(archive).args(files);
    assert!(done.status().is_ok_and(|status| status.success()), "tar {archive}");
}

/// An image as `docker save` writes it: layers by their digests, one of them packed.
fn image(root: &Path) {
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::create_dir_all(root.join("blobs/sha256")).unwrap();
    fs::write(root.join("etc/app.env"), format!("MODE=1\nGITHUB_TOKEN={TOKEN}\n")).unwrap();
    fs::write(root.join("manifest.json"), "[{\"Layers\": [\"blobs/sha256/one\"]}]").unwrap();
    tar(root, "-czf", "blobs/sha256/one", &["etc"]);
    tar(root, "-cf", "blobs/sha256/two", &["etc/app.env"]);
    tar(root, "-cf", "image.tar", &["manifest.json", "blobs"]);
    for gone in ["etc", "blobs"] {
        fs::remove_dir_all(root.join(gone)).unwrap();
    }
    fs::remove_file(root.join("manifest.json")).unwrap();
}

/// Files and lines of what was found.
fn places(out: &[u8]) -> Vec<String> {
    let lines = std::str::from_utf8(out).unwrap().lines();
    let mut all: Vec<String> = lines
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|told| Some(format!("{}:{}", told["file"].as_str()?, told["line"])))
        .collect();
    all.sort();
    all
}

#[test]
fn layers_of_an_image_are_opened_in_a_tree_on_stdin_and_in_history() {
    let tree = TempDir::new().unwrap();
    let root = tree.path();
    image(root);
    let expected = |before: &str| {
        [1, 2].map(|layer| {
            let layer = if layer == 1 { "one!etc/app.env" } else { "two!etc/app.env" };
            format!("{before}image.tar!blobs/sha256/{layer}:2")
        })
    };
    let said = scan(root, &["--format", "jsonl", "."]);
    ended(&said, 1, "an image");
    assert_eq!(places(&said.out), expected(""));
    let mut stdin = Command::new(env!("CARGO_BIN_EXE_clawvault"));
    stdin.args(["scan", "--stdin", "--no-vault", "--format", "jsonl"]).env("HOME", root);
    stdin.stdin(fs::File::open(root.join("image.tar")).unwrap());
    let piped = places(&stdin.output().unwrap().stdout);
    assert_eq!(piped, expected("").map(|place| place.replace("image.tar", "stdin")));
    fs::create_dir(root.join("in")).unwrap();
    fs::rename(root.join("image.tar"), root.join("in/image.tar")).unwrap();
    git(root, &["init", "-q"]);
    git(root, &["add", "."]);
    let said = scan(root, &["--staged", "--format", "jsonl"]);
    ended(&said, 1, "a staged image");
    assert_eq!(places(&said.out), expected("in/"));
    git(root, &["commit", "-qm", "an image"]);
    git(root, &["rm", "-qr", "in"]);
    git(root, &["commit", "-qm", "none"]);
    git(root, &["gc", "-q"]);
    // The same secret at the same path is told once there.
    let said = scan(root, &["--history", "--format", "jsonl"]);
    ended(&said, 1, "an image in history");
    assert_eq!(places(&said.out), expected("in/")[..1]);
}

#[test]
fn bombs_are_told_and_what_stands_beside_them_is_found() {
    let tree = TempDir::new().unwrap();
    let root = tree.path();
    // Files of zeros in zips in a zip, ten gigabytes in all; and one that holds itself, nearly.
    let script = "
import io, sys, zipfile
def pack(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as made:
        for name, data in files:
            made.writestr(name, data)
    return out.getvalue()
zeros = pack([('zeros', bytes(64 << 20))])
layer = pack([(f'{number}.zip', zeros) for number in range(16)])
open('bomb.zip', 'wb').write(pack([(f'{number}.zip', layer) for number in range(10)]))
deep = b'text'
for _ in range(100):
    deep = pack([('in.zip', deep)])
open('deep.zip', 'wb').write(deep)
many = pack([(f'{number}', b'') for number in range(60000)])
open('many.zip', 'wb').write(many)
whole = pack([('a.env', sys.argv[1].encode())])
open('cut.zip', 'wb').write(whole[:-20])
";
    let token = format!("GITHUB_TOKEN={TOKEN}");
    let mut python = Command::new("python3");
    let made = python.current_dir(root).args(["-c", script, &token]).status();
    assert!(made.is_ok_and(|status| status.success()), "python3");
    fs::write(root.join("plain.env"), &token).unwrap();
    let said = scan(root, &["--format", "jsonl", "."]);
    ended(&said, 1, "bombs");
    assert!(places(&said.out).contains(&"plain.env:1".to_owned()));
    for told in ["unpack to too much", "in too many others"] {
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
}
