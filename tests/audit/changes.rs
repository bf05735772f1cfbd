//! What `--fix` changes and `--undo` takes back, on this very machine, with directories of our own in
//! the places of the system's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use super::skip_without;

/// Runs a script that sees `DIR/a/b` where the machine has `/a/b`.
fn within(folder: &Path, places: &[&str], script: &str) -> Option<Output> {
    let mut mounts = String::new();
    for place in places {
        mounts.push_str(&format!("mount --bind {}{place} {place}; ", folder.display()));
    }
    let script = format!("{mounts}{script}");
    let output = Command::new("unshare")
        .args(["--mount", "--", "sh", "-ec", &script])
        .env("CLAWVAULT_HOME", folder.join("vault"))
        .env("B", env!("CARGO_BIN_EXE_clawvault"))
        .output()
        .unwrap();
    if String::from_utf8_lossy(&output.stderr).contains("Operation not permitted") {
        println!("SKIP: no mounts of our own");
        return None;
    }
    Some(output)
}

#[test]
fn what_is_mended_can_be_taken_back() {
    let home = tempfile::tempdir().unwrap();
    let (local, systemd) = (home.path().join("usr/local"), home.path().join("etc/systemd"));
    fs::create_dir_all(local.join("bin")).unwrap();
    fs::create_dir_all(systemd.join("coredump.conf.d")).unwrap();
    fs::create_dir_all(home.path().join("etc/security")).unwrap();
    let tool = local.join("bin/tool");
    fs::write(&tool, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o777)).unwrap();
    let mode = || fs::metadata(&tool).unwrap().permissions().mode() & 0o777;
    let drop_in = systemd.join("coredump.conf.d/clawvault.conf");
    let places = ["/usr/local", "/etc/systemd", "/etc/security"];
    let only = "--only server.files.world-writable,server.disk.core-dumps";

    // Nobody can be asked, and nobody said yes.
    let Some(refused) = within(home.path(), &places, &format!("$B audit {only} --fix")) else {
        return;
    };
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
    assert_eq!(mode(), 0o777);

    let fixed = within(home.path(), &places, &format!("$B audit {only} --fix --yes")).unwrap();
    let told = String::from_utf8_lossy(&fixed.stderr);
    assert_eq!(fixed.status.code(), Some(0), "{told}{}", String::from_utf8_lossy(&fixed.stdout));
    assert!(
        told.contains("- 0777 /usr/local/bin/tool") && told.contains("+ Storage=none"),
        "{told}"
    );
    assert_eq!(mode(), 0o775);
    assert!(fs::read_to_string(&drop_in).unwrap().contains("Storage=none"));

    let undone = within(home.path(), &places, "$B audit --undo").unwrap();
    assert_eq!(undone.status.code(), Some(0), "{}", String::from_utf8_lossy(&undone.stderr));
    assert_eq!(mode(), 0o777);
    assert!(!drop_in.exists());
    let nothing = within(home.path(), &places, "$B audit --undo").unwrap();
    assert_eq!(nothing.status.code(), Some(4));
}

/// A person agrees, sshd agrees, and then the service cannot be reloaded: nothing is left of it.
#[test]
fn what_sshd_cannot_take_over_goes_back() {
    if skip_without("/usr/sbin/sshd") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let (ssh, root) = (home.path().join("etc/ssh"), home.path().join("root"));
    fs::create_dir_all(ssh.join("sshd_config.d")).unwrap();
    fs::create_dir_all(root.join(".ssh")).unwrap();
    let config = "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication yes\n";
    fs::write(ssh.join("sshd_config"), config).unwrap();
    let script = "mkdir -p /run/sshd; mount -t tmpfs none /usr/bin/../../run/systemd 2>/dev/null || true; \
        ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; \
        cp /etc/ssh/ssh_host_ed25519_key.pub ~/.ssh/authorized_keys; \
        printf 'y\\ny\\n' | python3 -c 'import pty,os,sys; pty.spawn([os.environ[\"B\"],\"audit\",\"--only\",\"server.ssh.password-login\",\"--fix\"])'; true";
    let Some(done) =
        within(home.path(), &["/etc/ssh", "/root"], &format!("export HOME=/root; {script}"))
    else {
        return;
    };
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(
        told.contains("+ PasswordAuthentication no"),
        "{told}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(told.contains("taken back: "), "{told}");
    assert_eq!(fs::read_dir(ssh.join("sshd_config.d")).unwrap().count(), 0);
}

#[test]
fn a_suppression_counts_until_its_day_and_is_told() {
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_clawvault"))
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("CLAWVAULT_HOME", home.path().join("vault"))
            .output()
            .unwrap()
    };
    assert!(run(&["init"]).status.success());
    let id = "operations.anomaly.files";
    for (until, kept) in [("2099-12-31", true), ("2020-01-01", false)] {
        let policy = home.path().join("policy.toml");
        let text = format!(
            "[audit.suppress.\"{id}\"]\nreason = \"built anew each night\"\nuntil = \"{until}\"\n"
        );
        fs::write(&policy, text).unwrap();
        let applied = run(&["policy", "apply", policy.to_str().unwrap(), "--yes"]);
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        let said = run(&["audit", "--only", id, "--json", "--no-openclaw"]);
        let document: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
        let check = &document["checks"][0];
        assert_eq!(check["status"], "warn");
        assert_eq!(
            check["suppressed"].as_str(),
            kept.then_some("built anew each night"),
            "{check:#}"
        );
    }
}
