//! What a real sshd makes of a configuration, and what our reader does: the same, for everybody.

use std::fs;
use std::path::Path;
use std::process::Command;

use clawvault::hardening::parsers::sshd;

use super::skip_without;

/// Keywords whose values are compared, and values that they can have.
const KEYWORDS: &[(&str, &[&str])] = &[
    ("PasswordAuthentication", &["yes", "no"]),
    ("KbdInteractiveAuthentication", &["yes", "no"]),
    ("ChallengeResponseAuthentication", &["yes", "no"]),
    ("PubkeyAuthentication", &["yes", "no"]),
    (
        "PermitRootLogin",
        &["yes", "no", "prohibit-password", "without-password", "forced-commands-only"],
    ),
    ("PermitEmptyPasswords", &["yes", "no"]),
    ("Port", &["22", "2222", "22022"]),
    ("ClientAliveInterval", &["0", "300", "5m", "1h30m", "90s"]),
    ("ClientAliveCountMax", &["0", "2", "9"]),
    ("MaxAuthTries", &["2", "6", "20"]),
    ("X11Forwarding", &["yes", "no"]),
    ("UsePAM", &["yes", "no"]),
    ("AllowUsers", &["admin", "\"admin\" claw", "a b c"]),
    ("AllowGroups", &["ssh", "ssh wheel"]),
    ("Ciphers", &["aes256-ctr", "aes128-gcm@openssh.com,aes256-ctr"]),
    ("MACs", &["hmac-sha2-256"]),
    ("LoginGraceTime", &["30", "2m"]),
];
/// What is compared: as `sshd -T` names it.
const COMPARED: &[&str] = &[
    "passwordauthentication",
    "kbdinteractiveauthentication",
    "pubkeyauthentication",
    "permitrootlogin",
    "permitemptypasswords",
    "clientaliveinterval",
    "clientalivecountmax",
    "maxauthtries",
    "x11forwarding",
    "usepam",
    "logingracetime",
];
const LISTS: &[&str] = &["port", "allowusers", "allowgroups"];

/// Numbers that are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }

    fn line(&mut self) -> String {
        let (keyword, values) = KEYWORDS[self.below(KEYWORDS.len())];
        let value = values[self.below(values.len())];
        let keyword = if self.below(4) == 0 { keyword.to_uppercase() } else { keyword.to_owned() };
        let between = [" ", "  ", "\t", "=", " = "][self.below(5)];
        let after = ["", "", " # as it was", "  "][self.below(4)];
        format!("{keyword}{between}{value}{after}\n")
    }

    /// Lines, and now and then a block for some, which holds what a block may hold.
    fn file(&mut self, includes: &[&str]) -> String {
        let mut text = String::new();
        for _ in 0..self.below(9) {
            match self.below(6) {
                0 if !includes.is_empty() => {
                    text.push_str(&format!("Include {}\n", includes[self.below(includes.len())]));
                }
                1 => text.push_str("# PasswordAuthentication no\n\n"),
                _ => text.push_str(&self.line()),
            }
        }
        if self.below(2) == 0 {
            text.push_str(
                "Match User nobody-of-this-name\n  X11Forwarding yes\n  PermitRootLogin yes\n",
            );
            if !includes.is_empty() && self.below(2) == 0 {
                text.push_str("  Include in-match.conf\n");
            }
        }
        if self.below(3) == 0 {
            text.push_str("Match all\n  MaxAuthTries 3\n  PasswordAuthentication no\n");
        }
        text
    }
}

#[test]
fn our_reader_says_what_sshd_says() {
    if skip_without("/usr/sbin/sshd") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let key = home.path().join("key");
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.unwrap().success());
    // sshd wants it, and the container may not have it.
    fs::create_dir_all("/run/sshd").ok();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let (mut compared, mut refused) = (0, 0);
    for round in 0..60 {
        let folder = home.path().join(format!("{round}"));
        fs::create_dir_all(folder.join("d")).unwrap();
        // What a block may hold is less than what a file may.
        fs::write(folder.join("in-match.conf"), "X11Forwarding no\nMaxAuthTries 9\n").unwrap();
        for name in ["d/10-a.conf", "d/20-b.conf", "d/.hidden.conf", "d/30-c.off"] {
            fs::write(folder.join(name), numbers.file(&[])).unwrap();
        }
        let pattern = format!("{}/d/*.conf", folder.display());
        let text = numbers
            .file(&[&pattern, "/nowhere/*.conf"])
            .replace("in-match.conf", &folder.join("in-match.conf").display().to_string());
        let main = folder.join("sshd_config");
        fs::write(&main, &text).unwrap();
        let printed = Command::new("/usr/sbin/sshd")
            .arg("-T")
            .arg("-f")
            .arg(&main)
            .arg("-h")
            .arg(&key)
            .output()
            .unwrap();
        if !printed.status.success() {
            refused += 1;
            continue;
        }
        compared += 1;
        let real = sshd::effective(&String::from_utf8_lossy(&printed.stdout));
        let ours = sshd::parse(&text, &mut |pattern| expand(Path::new(pattern)));
        for keyword in COMPARED {
            assert_eq!(
                ours.value(keyword),
                real.value(keyword),
                "{keyword} in {}:\n{text}",
                folder.display()
            );
        }
        for keyword in LISTS {
            let real = real.all(keyword);
            let ours = ours.all(keyword);
            let default: &[String] = if *keyword == "port" { &["22".to_owned()] } else { &[] };
            let ours = if ours.is_empty() { default } else { ours };
            let sorted = |all: &[String]| {
                let mut all = all.to_vec();
                all.sort();
                all
            };
            assert_eq!(sorted(ours), sorted(real), "{keyword} in {}:\n{text}", folder.display());
        }
    }
    assert!(compared > 25, "{compared} compared, {refused} refused");
}

fn expand(pattern: &Path) -> Vec<String> {
    if !pattern.to_string_lossy().contains('*') {
        return fs::read_to_string(pattern).into_iter().collect();
    }
    let Ok(entries) = fs::read_dir(pattern.parent().unwrap()) else { return Vec::new() };
    let name = pattern.file_name().unwrap().to_string_lossy().into_owned();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let matching = paths.into_iter().filter(|path| {
        let own = path.file_name().unwrap().to_string_lossy();
        !own.starts_with('.') && clawvault::hardening::parsers::glob::matches(&name, &own)
    });
    matching.map(|path| fs::read_to_string(path).unwrap()).collect()
}
