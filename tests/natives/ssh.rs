//! Keys of a real OpenSSH server, proven by the real client.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use clawvault_providers::adapter::{Adapter, Ask, Fields, Kind, Revoked, Validity};
use clawvault_providers::native::ssh::Ssh;
use tempfile::TempDir;

use crate::load::{Connect, Load, Worker};
use crate::server::{Server, find, is_root};
use crate::{ask, field, fields, is_dead, is_live, orphaned, rotate, rotate_under_load, run};

/// Logins are slow; more clients would only wait for the processor.
const CLIENTS: usize = 2;

struct Host {
    server: Server,
    user: String,
}

impl Host {
    /// A server that knows one key, `key`, beside what the file holds already.
    fn start() -> Self {
        let home = TempDir::new().unwrap();
        let at = |name: &str| home.path().join(name);
        for name in ["host", "key", "other"] {
            let made = Command::new(find("ssh-keygen", &[]))
                .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
                .arg(at(name))
                .status();
            assert!(made.unwrap().success());
        }
        let [key, other] =
            ["key.pub", "other.pub"].map(|name| fs::read_to_string(at(name)).unwrap());
        let options = "no-pty,environment=\"A=b c # d\"";
        fs::write(at("authorized_keys"), format!("# ours\n{options} {key}{other}")).unwrap();
        if is_root() {
            // As the system does when it starts the service.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let server = Server::start(home, |home, port| {
            // The usual exchange, proof against quantum computers, takes most of a login's time.
            let config = format!(
                "KexAlgorithms curve25519-sha256\nPort {port}\nListenAddress 127.0.0.1\nHostKey {0}/host\nAuthorizedKeysFile {0}/authorized_keys\n\
                 StrictModes no\nExposeAuthInfo yes\nUsePAM no\nPidFile none\nPasswordAuthentication no\n\
                 KbdInteractiveAuthentication no\nMaxStartups 100\nMaxAuthTries 20\n",
                home.display()
            );
            fs::write(home.join("config"), config).unwrap();
            let mut command = Command::new(find("sshd", &[]));
            command.args(["-D", "-e", "-f"]).arg(home.join("config"));
            command
        });
        Self { server, user: String::from_utf8(user).unwrap().trim().to_owned() }
    }

    fn home(&self) -> &Path {
        self.server.home.path()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.home().join(name)).unwrap()
    }

    fn key(&self, name: &str) -> Fields {
        fields(&[("private_key", &self.read(name))])
    }

    /// The key `key`, of a file of this machine.
    fn ask(&self) -> Ask {
        let path = self.home().join("authorized_keys");
        let mut ask = self.ask_there();
        ask.params.insert("authorized_keys".to_owned(), path.to_str().unwrap().to_owned());
        ask.params.remove("file");
        ask
    }

    /// The same, of a file that is edited over a login.
    fn ask_there(&self) -> Ask {
        let path = self.home().join("authorized_keys");
        let (port, host_key) = (self.server.port.to_string(), self.read("host.pub"));
        ask(
            self.key("key"),
            &[
                ("host", "127.0.0.1"),
                ("port", &port),
                ("user", &self.user),
                ("host_key", &host_key),
                ("file", path.to_str().unwrap()),
            ],
        )
    }

    /// A client that logs in and runs a command.
    fn clients(&self) -> Connect {
        let (port, user, home) =
            (self.server.port.to_string(), self.user.clone(), self.home().to_owned());
        let known = format!("[127.0.0.1]:{port} {}", self.read("host.pub"));
        fs::write(home.join("known"), known).unwrap();
        Arc::new(move |key| {
            let file = tempfile::NamedTempFile::new_in(&home).unwrap();
            fs::write(file.path(), field(key, "private_key")).unwrap();
            let (port, user, home) = (port.clone(), user.clone(), home.clone());
            let work = move || {
                let known = format!("UserKnownHostsFile={}", home.join("known").display());
                let said = Command::new("ssh")
                    .args(["-F", "none", "-n", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"])
                    .args(["-o", "IdentityAgent=none", "-o", &known, "-p", &port, "-l", &user])
                    .arg("-i")
                    .arg(file.path())
                    .args(["127.0.0.1", "echo in"])
                    .stdin(Stdio::null())
                    .output()
                    .unwrap();
                match said.stdout.as_slice() {
                    b"in\n" => Ok(()),
                    _ => Err(String::from_utf8_lossy(&said.stderr).into_owned()),
                }
            };
            Ok(Box::new(work) as Worker)
        })
    }
}

#[test]
fn a_key_of_this_machine_is_replaced_and_no_login_fails() {
    let host = Host::start();
    let first = host.ask();
    let load = Load::start(CLIENTS, &first.key, &host.clients());
    rotate_under_load(&Ssh, first, load);
    let file = host.read("authorized_keys");
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!(lines.len(), 3, "{file}");
    assert_eq!((lines[0], lines[1]), ("# ours", host.read("other.pub").trim()));
    assert!(lines[2].starts_with("no-pty,environment=\"A=b c # d\" ssh-ed25519 "), "{file}");
    assert!(lines[2].ends_with(" clawvault-rotation-100"), "{file}");
}

#[test]
fn a_file_of_the_host_is_edited_over_a_login() {
    let host = Host::start();
    let alone = host.ask_there();
    let admin = Ask { admin: Some(host.key("other")), ..alone.clone() };
    let load = Load::start(1, &alone.key, &host.clients());
    run(async {
        let by_itself = rotate(&Ssh, &alone, "it's by itself", &load).await;
        let key = Ask { admin: admin.admin.clone(), ..by_itself };
        let by_admin = rotate(&Ssh, &key, "by the admin", &load).await;
        let file = host.read("authorized_keys");
        assert!(
            file.starts_with("# ours\nssh-ed25519 ") && file.ends_with("by the admin\n"),
            "{file}"
        );
        assert_eq!(file.lines().count(), 3, "{file}");
        // The reply is lost: the label tells which it is, and the key beside it removes it.
        let alone = Ask { admin: None, ..by_admin.clone() };
        let lost = Ask { label: "clawvault-x-1".to_owned(), ..alone.clone() };
        let lost = Ssh.create(&lost).await.unwrap();
        let listed = Ssh.list(&alone).await.unwrap();
        let orphan =
            listed.iter().find(|key| key.name.as_deref() == Some("clawvault-x-1")).unwrap();
        assert_eq!(Ssh.revoke(&orphaned(&alone, &orphan.key_id)).await.unwrap(), Revoked::Done);
        assert!(is_dead(&Ssh.validate(&Ask { key: lost.fields, ..alone.clone() }).await.unwrap()));
        assert_eq!(host.read("authorized_keys"), file);
        // Nobody is locked out: not the admin, not the last key, not the operator's own session.
        let other = Ask { key: host.key("other"), key_id: None, ..by_admin.clone() };
        assert_eq!(Ssh.revoke(&other).await.unwrap_err().kind, Kind::Conflict);
        let mut session = Ask { admin: None, ..by_admin.clone() };
        let public = file.lines().last().unwrap().split_once("d\" ").unwrap().1;
        session.params.insert("session_key".to_owned(), public.to_owned());
        assert_eq!(Ssh.revoke(&session).await.unwrap_err().kind, Kind::Conflict);
        assert_eq!(Ssh.revoke(&Ask { admin: None, ..other }).await.unwrap(), Revoked::Done);
        let last = Ask { admin: None, ..by_admin.clone() };
        assert_eq!(Ssh.revoke(&last).await.unwrap_err().kind, Kind::Conflict);
        assert!(is_live(&Ssh.validate(&last).await.unwrap()));
    });
    assert_eq!(load.stop().1, 0);
    let left: Vec<_> =
        fs::read_dir(host.home()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !left.iter().any(|name| name.to_string_lossy().starts_with("authorized_keys.")),
        "{left:?}"
    );
}

#[test]
fn only_a_key_that_the_right_host_refuses_is_dead() {
    let host = Host::start();
    let asked = host.ask();
    run(async {
        let with = |name: &str, text: &str| {
            let mut ask = asked.clone();
            ask.params.insert(name.to_owned(), text.to_owned());
            ask
        };
        let kind = async |ask: Ask| Ssh.validate(&ask).await.unwrap_err().kind;
        assert_eq!(kind(with("host_key", &host.read("other.pub"))).await, Kind::Tls);
        assert_eq!(kind(with("port", "1")).await, Kind::Unreachable);
        assert_eq!(kind(with("host_key", "nonsense")).await, Kind::NotConfigured);
        assert_eq!(kind(with("host", "-oProxyCommand=x")).await, Kind::NotConfigured);
        let nonsense = Ask { key: fields(&[("value", "nonsense")]), ..asked.clone() };
        assert_eq!(kind(nonsense).await, Kind::NotConfigured);
        let unread = fields(&[("value", "nonsense"), ("public_key", &host.read("key.pub"))]);
        assert_eq!(kind(Ask { key: unread, ..asked.clone() }).await, Kind::NotConfigured);
        let nowhere = Ask { params: Default::default(), ..asked.clone() };
        assert!(matches!(Ssh.validate(&nowhere).await.unwrap(), Validity::Unknown(_)));
        let stranger = Ask { key: host.key("host"), ..asked.clone() };
        assert!(is_dead(&Ssh.validate(&stranger).await.unwrap()));
        assert_eq!(Ssh.create(&stranger).await.unwrap_err().kind, Kind::NotFound);
        // A value that lost its last line break, as `set` takes it, is a key all the same.
        let cut = Ask { key: fields(&[("value", host.read("key").trim())]), ..asked.clone() };
        assert!(is_live(&Ssh.validate(&cut).await.unwrap()));
    });
}

/// What a shell says that somebody got with the key `key`.
fn over_ssh(host: &Host, command: &str) -> String {
    let home = host.home();
    let known = format!("[127.0.0.1]:{} {}", host.server.port, host.read("host.pub"));
    fs::write(home.join("known"), known).unwrap();
    let said = Command::new("ssh")
        .args(["-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o"])
        .arg(format!("UserKnownHostsFile={}", home.join("known").display()))
        .arg("-i")
        .arg(home.join("key"))
        .args(["-p", &host.server.port.to_string(), &format!("{}@127.0.0.1", host.user), command])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    format!("{}{}", text(said.stdout), text(said.stderr))
}

/// Whoever revokes everything over SSH keeps the key of that very login: it is told from the others where
/// the server says which one it was, and where nothing says it, all of them stay.
#[test]
fn the_key_of_the_operators_own_login_stays() {
    let host = Host::start();
    let vault = crate::engine::Vault::new();
    let path = host.home().join("authorized_keys");
    for name in ["key", "other"] {
        let key = serde_json::json!({ "private_key": host.read(name) });
        vault.set(&format!("ssh/{name}"), &key);
    }
    vault.policy(&format!(
        "[secrets.\"ssh/*\"]\nparams = {{ authorized_keys = \"{}\", host = \"127.0.0.1\", port = \"{}\", \
         user = \"{}\", host_key = \"{}\" }}\n",
        path.display(),
        host.server.port,
        host.user,
        host.read("host.pub").trim(),
    ));
    let all = vault.line("revoke-all --include infra --yes");
    // sudo and the like drop what the server told; a terminal's keeper is below no login at all.
    let mark = host.home().join("done");
    let script = host.home().join("script");
    fs::write(&script, format!("{all} >{0}.new 2>&1; mv {0}.new {0}", mark.display())).unwrap();
    let waits = format!(
        "env -i PATH=/usr/bin:/bin setsid -f sh {}; while [ ! -e {1} ]; do sleep 0.1; done; cat {1}",
        script.display(),
        mark.display()
    );
    for (command, why) in [
        (format!("unset SSH_USER_AUTH; {all}"), "nothing tells which key"),
        (format!("exec env -i PATH=/usr/bin:/bin sh -c '{all}'"), "nothing tells which key"),
        (waits, "nothing tells whether it is you"),
    ] {
        let said = over_ssh(&host, &command);
        for name in ["ssh/key", "ssh/other"] {
            let left = |line: &str| line.starts_with("left alone: ") && line.contains(name);
            let line = said.lines().find(|line| left(line)).unwrap_or_default();
            assert!(line.contains(why), "{command}: {said}");
        }
    }
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);

    let said = over_ssh(&host, &all);
    assert!(said.contains("left alone: ssh/key: it is the key of this very login"), "{said}");
    assert!(said.contains("1 of 1 are refused"), "{said}");
    let left = fs::read_to_string(&path).unwrap();
    let has = |name: &str| left.contains(host.read(name).split(' ').nth(1).unwrap());
    assert!(has("key.pub") && !has("other.pub"), "{left}");
}
