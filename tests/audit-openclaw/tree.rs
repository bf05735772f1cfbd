//! A host as data: `fixtures/hosts/*.toml`, made into files.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use tempfile::TempDir;

/// A host.
#[derive(Deserialize)]
pub(crate) struct Tree {
    /// Its name.
    #[serde(skip)]
    pub(crate) name: String,
    file: Vec<File>,
    #[serde(default)]
    links: BTreeMap<String, String>,
    /// What each check says of it.
    pub(crate) expected: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct File {
    path: String,
    mode: Option<u32>,
    #[serde(default)]
    days: u64,
    text: String,
}

/// Made-up values that the trees name in braces; no scanner finds one in this repository.
fn made_up() -> [(&'static str, String); 2] {
    let letters = |seed: u64, count: usize| -> String {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
            char::from(letters[usize::try_from(state >> 33).unwrap() % letters.len()])
        };
        (0..count).map(|_| next()).collect()
    };
    [("{token36}", token(&letters(7, 30))), ("{key48}", letters(11, 48))]
}

/// GitHub's tokens end in a checksum: CRC-32 of the rest, in base 62.
fn token(start: &str) -> String {
    let mut crc = u32::MAX;
    for byte in start.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let mut rest = !crc;
    let mut end = [b'0'; 6];
    for place in end.iter_mut().rev() {
        *place = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(rest % 62) as usize];
        rest /= 62;
    }
    format!("{start}{}", std::str::from_utf8(&end).unwrap())
}

/// A version of OpenClaw of this month.
fn version() -> String {
    let days = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() / 86_400;
    let (year, rest) = (1970 + days * 400 / 146_097, (days * 400 % 146_097) / 400);
    format!("{year}.{}.1", rest / 31 + 1)
}

impl Tree {
    /// Reads one.
    pub(crate) fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts").join(name).with_extension("toml");
        let tree: Self = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        Self { name: name.to_owned(), ..tree }
    }

    /// The values in it.
    pub(crate) fn values(&self) -> Vec<String> {
        made_up().map(|(_, value)| value).to_vec()
    }

    /// The text of a file.
    pub(crate) fn text(&self, path: &str) -> String {
        let file = self.file.iter().find(|file| file.path == path).expect("a file of the tree");
        filled(&file.text)
    }

    /// Makes its files.
    pub(crate) fn build(&self) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in &self.file {
            let path = root.path().join(&file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, filled(&file.text)).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(file.mode.unwrap_or(0o600))).unwrap();
            let time = SystemTime::now() - Duration::from_secs(file.days * 86_400);
            fs::File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
        }
        for (link, target) in &self.links {
            let path = root.path().join(link);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(target, path).unwrap();
        }
        // Closed where the tree has no file that is open.
        let home = root.path().join("home/claw/.openclaw");
        let open = self.file.iter().any(|file| file.path.contains(".openclaw/") && file.mode.is_some());
        let mode = if open { 0o755 } else { 0o700 };
        fs::set_permissions(home, fs::Permissions::from_mode(mode)).unwrap();
        root
    }
}

fn filled(text: &str) -> String {
    let text = text.replace("{version}", &version());
    made_up().iter().fold(text, |text, (name, value)| text.replace(name, value))
}
