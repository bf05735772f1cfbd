//! Files that real firewalls and Fail2Ban take, or wrote, are read as those read them.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{checks, skip_without, unpack::unpack};

fn status(root: &Path, id: &str) -> (String, String) {
    let all = checks(&["--root", root.to_str().unwrap(), "--only", id]);
    assert_eq!(all.len(), 1);
    let text = |name: &str| all[0][name].as_str().unwrap().to_owned();
    (text("status"), text("evidence"))
}

/// Runs `script` where it may change the network and see /etc/ufw as its own.
fn apart(script: &str) -> Option<String> {
    let output = Command::new("unshare")
        .args(["--net", "--mount", "--", "sh", "-ec", script])
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    if !output.status.success() {
        println!(
            "SKIP: no network or mounts of our own: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        return None;
    }
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_rules_of_the_trees_are_rules_to_nft() {
    if skip_without("/usr/sbin/nft") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    unpack("debian-12-hardened", root.path());
    let file = root.path().join("etc/nftables.conf");
    let Some(listed) = apart(&format!("nft -f {0} && nft list ruleset", file.display())) else {
        return;
    };
    // As the kernel gives it back, it means the same to us.
    let written = fs::read_to_string(&file).unwrap();
    let (ours, real) = (
        clawvault::hardening::parsers::nft::parse(&written),
        clawvault::hardening::parsers::nft::parse(&listed),
    );
    assert_eq!((ours.input, ours.output), (real.input, real.output));
    let ports = |rules: &clawvault::hardening::parsers::iptables::Rules| {
        rules
            .open
            .iter()
            .map(|one| (one.ports.clone(), one.from.clone(), one.comment.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(ports(&ours), ports(&real));
    assert_eq!(ports(&ours)[0].0, "22022");
}

#[test]
fn what_iptables_saves_is_read() {
    if skip_without("/usr/sbin/iptables") {
        return;
    }
    let Some(saved) = apart(
        "iptables -P INPUT DROP; iptables -A INPUT -i lo -j ACCEPT; \
         iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT; \
         iptables -A INPUT -p tcp --dport 22022 -j ACCEPT; \
         iptables -A INPUT -s 10.8.0.0/24 -p tcp -m multiport --dports 80,443 -m comment --comment 'for now' -j ACCEPT; \
         iptables -S",
    ) else {
        return;
    };
    let rules = clawvault::hardening::parsers::iptables::parse(&saved);
    assert_eq!(rules.input, Some(clawvault::hardening::parsers::iptables::Policy::Deny));
    assert_eq!(rules.output, Some(clawvault::hardening::parsers::iptables::Policy::Accept));
    let told: Vec<String> = rules
        .open
        .iter()
        .map(|one| format!("{} {:?} {}", one.ports, one.from, one.comment))
        .collect();
    assert_eq!(told, ["22022 None ", "80,443 Some(\"10.8.0.0/24\") for now"]);
}

/// ufw itself writes its files, in a copy of its directory; it need not be on for that.
#[test]
fn what_ufw_writes_is_read() {
    if skip_without("/usr/sbin/ufw") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let out = root.path().display();
    let script = format!(
        "mkdir -p {out}/etc/default {out}/etc/ufw; mount -t tmpfs none /mnt; mkdir /mnt/ufw /mnt/default; \
         cp -a /etc/ufw/. /mnt/ufw/; cp -a /etc/default/. /mnt/default/; \
         mount --bind /mnt/ufw /etc/ufw; mount --bind /mnt/default /etc/default; \
         ufw default deny incoming >&2; ufw default allow outgoing >&2; ufw allow 22022/tcp >&2; \
         ufw allow 18789/tcp comment 'temp; remove' >&2; ufw allow from 10.8.0.0/24 to any port 3306 >&2; \
         sed -i 's/ENABLED=no/ENABLED=yes/' /etc/ufw/ufw.conf; \
         cp /etc/ufw/ufw.conf /etc/ufw/user.rules /etc/ufw/user6.rules {out}/etc/ufw/; cp /etc/default/ufw {out}/etc/default/"
    );
    if apart(&script).is_none() {
        return;
    }
    let (status_of, evidence) = status(root.path(), "server.firewall.default-deny");
    assert_eq!(status_of, "pass", "{evidence}");
    let (status_of, evidence) = status(root.path(), "server.firewall.open-ports");
    assert_eq!((status_of.as_str(), evidence.as_str()), ("fail", "18789, OpenClaw's gateway"));
    let (status_of, evidence) = status(root.path(), "server.firewall.stale-rules");
    assert_eq!((status_of.as_str(), evidence.as_str()), ("warn", "18789: \"temp; remove\""));
}

/// Fail2Ban's own files, and what it would do with them.
#[test]
fn fail2ban_sees_the_jails_that_we_see() {
    if skip_without("/usr/bin/fail2ban-client") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let copied = Command::new("cp")
        .args(["-aL", "/etc/fail2ban"])
        .arg(root.path().join("fail2ban"))
        .status();
    assert!(copied.unwrap().success());
    fs::create_dir_all(root.path().join("etc/ssh")).unwrap();
    fs::rename(root.path().join("fail2ban"), root.path().join("etc/fail2ban")).unwrap();
    fs::write(root.path().join("etc/ssh/sshd_config"), "").unwrap();
    let folder = root.path().join("etc/fail2ban");
    for (own, expected) in [
        ("", true),
        ("[sshd]\nenabled = false\n", false),
        ("[DEFAULT]\nenabled = false\n[sshd]\nenabled = true\n", true),
    ] {
        fs::write(folder.join("jail.local"), own).unwrap();
        let dumped =
            Command::new("fail2ban-client").arg("-c").arg(&folder).arg("-d").output().unwrap();
        let text = String::from_utf8_lossy(&dumped.stdout);
        let real = text.contains("['start', 'sshd']");
        assert_eq!(real, expected, "{own}: {text}{}", String::from_utf8_lossy(&dumped.stderr));
        let (status_of, evidence) = status(root.path(), "server.bans.sshd");
        assert_eq!(status_of == "pass", expected, "{own}: {evidence}");
    }
}
