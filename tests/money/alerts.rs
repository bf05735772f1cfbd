//! Alerts at real receivers: a mail server with TLS, an HTTP receiver that fails at times.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::World;
use super::http::{Asked, Server};

/// A certificate of an authority that nobody else knows, for 127.0.0.1.
fn certificates(world: &World) {
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem \
                  -days 2 -subj /CN=test-ca -addext basicConstraints=critical,CA:TRUE 2>/dev/null && \
                  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout mail.key -out mail.csr \
                  -subj /CN=localhost 2>/dev/null && \
                  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\nextendedKeyUsage=serverAuth\\n' > ext && \
                  openssl x509 -req -in mail.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out mail.pem 2>/dev/null";
    let made =
        Command::new("sh").args(["-c", script]).current_dir(world.path("")).status().unwrap();
    assert!(made.success(), "openssl makes certificates");
}

#[test]
fn a_mail_arrives_over_tls_that_was_proven() {
    mail("tls");
}

#[test]
fn a_mail_arrives_after_starttls() {
    mail("starttls");
}

fn mail(security: &str) {
    let world = World::new();
    certificates(&world);
    let install = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/money/install");
    let installed = Command::new(install).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let python = format!("{}/python", String::from_utf8(installed.stdout).unwrap().trim());
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let mut server = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/money/mail.py"))
        .args([world.path("mail.pem"), world.path("mail.key")])
        .args(["mail-password", &port.to_string(), security])
        .env("PYTHONPATH", python)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    world.set("alerts/mail", "mail-password");
    let receiver = |ca: &str| {
        format!(
            "[alerts.mail]\nkind = \"email\"\nto = \"localhost:{port}\"\nfrom = \"vault@example.org\"\n\
         recipients = [\"ops@example.org\"]\ntoken = \"alerts/mail\"\nsecurity = \"{security}\"\n{ca}"
        )
    };
    // An authority that nobody named is not trusted, and nothing is sent.
    world.policy(&receiver(""));
    let (code, err) = world.code(&["alert", "test"]);
    assert_eq!(code, 1, "{err}");
    let ca = world.path("ca.pem");
    world.policy(&receiver(&format!("ca = \"{}\"\n", ca.display())));
    world.good(&["alert", "test", "mail"]);
    let mail: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&mail["from"], &mail["tls"]), (&"vault@example.org".into(), &true.into()));
    let body = mail["body"].as_str().unwrap();
    assert!(
        body.contains("alerts of clawvault arrive here") && body.contains("@clawvault.invalid>"),
        "{body}"
    );
    assert!(!body.contains("mail-password"));
    drop(server.stdin.take());
    server.wait().unwrap();
}

fn spending(world: &World, receiver: &str) -> Server {
    let vendor = Server::start(|_| {
        let hour = jiff::Timestamp::now().as_second() / 3600 * 3600;
        let at = |s: i64| jiff::Timestamp::from_second(s).unwrap().to_string();
        (
            200,
            format!(
                r#"{{"data":[{{"starting_at":"{}","ending_at":"{}","group":{{"api_key_id":"k1"}},"cost":{{"amount":"850","currency":"USD"}}}}],"has_more":false,"next_page":null}}"#,
                at(hour),
                at(hour + 3600)
            ),
        )
    });
    world.set("anthropic/main", "key-of-anthropic");
    world.set("anthropic/admin", "admin-a");
    world.set("alerts/hook", "signing-secret");
    world.policy(&format!(
        "[vendors.anthropic]\nbase_url = \"{}\"\nlimits = [{{ per = \"month\", amount = \"10 USD\" }}]\n\
         [secrets.\"anthropic/main\"]\nadmin = \"anthropic/admin\"\n\
         [alerts.hook]\nkind = \"webhook\"\nto = \"{receiver}/hook\"\ntoken = \"alerts/hook\"\nevents = [\"limit\"]\n",
        vendor.url()
    ));
    vendor
}

fn signed(asked: &Asked) -> bool {
    let timestamp = asked.header("x-clawvault-timestamp").unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"signing-secret");
    let tag = ring::hmac::sign(&key, format!("{timestamp}.{}", asked.body).as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    asked.header("x-clawvault-signature") == Some(format!("v1={hex}").as_str())
}

/// It fails twice, the daemon is ended in between: the event waits, keeps its id, and arrives once.
#[test]
fn an_alert_survives_failures_and_a_restart() {
    let world = World::new();
    let tries = Arc::new(AtomicUsize::new(0));
    let of_server = Arc::clone(&tries);
    let receiver = Server::start(move |_| match of_server.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => (503, String::new()),
        _ => (204, String::new()),
    });
    let _vendor = spending(&world, &receiver.url());
    world.code(&["spend", "--due"]);
    assert_eq!(tries.load(Ordering::SeqCst), 1);
    let waiting = world.json(&["alert", "list", "--json"]);
    let id = waiting[0]["id"].as_str().unwrap().to_owned();
    assert!(waiting[0]["failed"].as_str().unwrap().contains("503"), "{waiting}");
    let start = Instant::now();
    {
        let _daemon = world.daemon();
        while tries.load(Ordering::SeqCst) < 2 && start.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let _daemon = world.daemon();
    while tries.load(Ordering::SeqCst) < 3 && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let asked = receiver.asked();
    assert_eq!(asked.len(), 3, "within a minute");
    for one in &asked {
        assert_eq!(one.header("x-clawvault-id"), Some(id.as_str()), "the same at every try");
        assert!(signed(one), "{one:?}");
        assert!(
            one.body.contains("85 %") && !one.body.contains("key-of-anthropic"),
            "{}",
            one.body
        );
    }
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(world.json(&["alert", "list", "--json"]), serde_json::json!([]));
    world.code(&["spend", "--refresh"]);
    assert_eq!(receiver.asked().len(), 3, "what arrived is not told again");
}

/// Each channel, with the request that its own documents name.
#[test]
fn each_channel_says_what_its_receiver_expects() {
    let server = Server::start(|_| (200, r#"{"ok":true}"#.to_owned()));
    let world = World::new();
    let url = server.url();
    world.set("alerts/slack", &format!("{url}/services/T0/B0/x"));
    world.set("alerts/discord", &format!("{url}/api/webhooks/1/x"));
    world.set("alerts/telegram", "123456:made-up");
    world.set("alerts/ntfy", "tk_made_up");
    world.policy(&format!(
        "[alerts.a-ntfy]\nkind = \"ntfy\"\nto = \"{url}/topic\"\ntoken = \"alerts/ntfy\"\n\
         [alerts.b-slack]\nkind = \"slack\"\ntoken = \"alerts/slack\"\n\
         [alerts.c-discord]\nkind = \"discord\"\ntoken = \"alerts/discord\"\n\
         [alerts.d-telegram]\nkind = \"telegram\"\nto = \"{url}\"\ntoken = \"alerts/telegram\"\nchat = \"42\"\n"
    ));
    world.good(&["alert", "test"]);
    let asked = server.asked();
    let find = |path: &str| {
        asked.iter().find(|one| one.target == path).unwrap_or_else(|| panic!("{path}: {asked:?}"))
    };
    let json = |path: &str| serde_json::from_str::<serde_json::Value>(&find(path).body).unwrap();
    assert_eq!(find("/topic").header("authorization"), Some("Bearer tk_made_up"));
    assert!(find("/topic").header("title").unwrap().contains("clawvault"));
    assert!(json("/services/T0/B0/x")["text"].as_str().unwrap().contains("test"));
    assert_eq!(json("/api/webhooks/1/x")["allowed_mentions"]["parse"], serde_json::json!([]));
    assert_eq!(json("/bot123456:made-up/sendMessage")["chat_id"], "42");
    assert_eq!(asked.len(), 4);
    assert_eq!(find("/topic").header("priority"), Some("3"));
    // What reads marks is told none: an event names what others may have named.
    let leak = world.path("a<!channel>&b");
    std::fs::write(&leak, "tk_made_up_of_the_vault\n").unwrap();
    world.set("deepgram/main", "tk_made_up_of_the_vault");
    assert_eq!(world.code(&["scan", leak.to_str().unwrap()]).0, 1);
    world.good(&["alert", "send"]);
    let last = |path: &str| {
        let asked = server.asked();
        let all = asked.into_iter().rev().find(|one| one.target == path).unwrap();
        assert!(!all.body.contains("made_up_of"), "{}", all.body);
        all.body
    };
    let slack = last("/services/T0/B0/x");
    assert!(slack.contains("a&lt;!channel&gt;&amp;b"), "{slack}");
    assert!(last("/bot123456:made-up/sendMessage").contains("a<!channel>&b"));
}

/// The log of the system, and the desktop by its program.
#[test]
fn syslog_and_the_desktop_are_told() {
    let world = World::new();
    let socket = std::os::unix::net::UnixDatagram::bind(world.path("syslog")).unwrap();
    let path = world.path("syslog");
    std::fs::create_dir(world.path("bin")).unwrap();
    let program = world.path("bin/notify-send");
    std::fs::write(&program, "#!/bin/sh\nprintf '%s|' \"$@\" > \"$HOME/notified\"\n").unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    world.policy(&format!(
        "[alerts.s]\nkind = \"syslog\"\nto = \"{}\"\n[alerts.d]\nkind = \"desktop\"\n",
        path.display()
    ));
    let path = format!("{}:/usr/bin:/bin", world.path("bin").display());
    let tried = world.command(&["alert", "test"]).env("PATH", path).output().unwrap();
    assert!(tried.status.success(), "{}", String::from_utf8_lossy(&tried.stderr));
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(text.starts_with("<86>clawvault: alert ") && text.contains("This is a test"), "{text}");
    let told = std::fs::read_to_string(world.path("notified")).unwrap();
    assert!(told.starts_with("--app-name=clawvault|--urgency=low|--|clawvault: test|"), "{told}");
}

/// The daemon's heartbeat reaches a push monitor while the vault is open, and stops when it is locked.
#[test]
fn a_monitor_hears_the_daemon_while_it_is_unlocked() {
    let server = Server::start(|_| (200, r#"{"ok":true}"#.to_owned()));
    let world = World::new();
    world.set("alerts/kuma", &format!("{}/api/push/token", server.url()));
    world.policy("[alerts.kuma]\nkind = \"uptime-kuma\"\ntoken = \"alerts/kuma\"\n");
    let _daemon = world.daemon();
    let start = Instant::now();
    while server.asked().is_empty() && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(
        server.asked()[0].target.starts_with("/api/push/token?status=up"),
        "{:?}",
        server.asked()
    );
}

/// A vault that is locked for long: what is on this machine hears of it at once, everybody else when
/// it is unlocked.
#[test]
fn a_daemon_that_is_locked_for_long_is_told_of() {
    let server = Server::start(|_| (200, r#"{"ok":true}"#.to_owned()));
    let world = World::new();
    let socket = std::os::unix::net::UnixDatagram::bind(world.path("journal")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    world.set("alerts/kuma", &format!("{}/push", server.url()));
    world.policy(&format!(
        "[alerts.j]\nkind = \"journald\"\nto = \"{}\"\nevents = [\"locked-long\"]\ngroup = 0\n\
         [alerts.web]\nkind = \"webhook\"\nto = \"{}/hook\"\nevents = [\"locked-long\"]\ngroup = 0\n\
         [alerts.kuma]\nkind = \"uptime-kuma\"\ntoken = \"alerts/kuma\"\n",
        world.path("journal").display(),
        server.url()
    ));
    let hooks = || {
        let asked = server.asked().into_iter();
        asked.filter(|one| one.target == "/hook").map(|one| one.body).collect::<Vec<_>>()
    };
    let until = |what: &str, is: &dyn Fn() -> bool| {
        let start = Instant::now();
        while !is() {
            assert!(start.elapsed() < Duration::from_secs(20), "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let _daemon = world.daemon_with(&["--locked-alert", "1s", "--settle", "1h"]);
    // With its heartbeat it learns its receivers.
    until("its heart beats", &|| !server.asked().is_empty());
    world.good(&["lock"]);
    let mut buffer = [0; 4096];
    let mut heard = || {
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let text = heard();
    assert!(text.contains("locked-long") && text.contains("is locked for long"), "{text}");
    assert_eq!(hooks(), [""; 0], "nothing leaves the machine while the vault is locked");
    let identity = world.path("home").join("identity.txt");
    world.good(&["unlock", "--identity", identity.to_str().unwrap()]);
    let text = heard();
    assert!(text.contains("was locked for"), "{text}");
    until("everybody else is told", &|| hooks().len() == 1);
    assert!(hooks()[0].contains("\"kind\":\"locked-long\""), "{:?}", hooks());
}

/// Where logs of the system are asked for, one datagram arrives.
#[test]
fn the_journal_hears_of_it() {
    let world = World::new();
    let socket = std::os::unix::net::UnixDatagram::bind(world.path("journal")).unwrap();
    let path = world.path("journal");
    world.policy(&format!("[alerts.j]\nkind = \"journald\"\nto = \"{}\"\n", path.display()));
    // The audit believes in an alert that arrived, and not in one that was only made.
    let tried = || {
        let audit = ["audit", "--only", "operations.alerts.tested", "--no-probes", "--json"];
        let report: serde_json::Value = serde_json::from_str(&world.good(&audit)).unwrap();
        let all = report["checks"].as_array().unwrap().clone();
        let one = all.into_iter().find(|one| one["id"] == "operations.alerts.tested").unwrap();
        one["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(tried(), "fail");
    world.good(&["alert", "test", "j"]);
    assert_eq!(tried(), "pass");
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(
        text.contains("SYSLOG_IDENTIFIER=clawvault\n") && text.contains("PRIORITY=6\n"),
        "{text}"
    );
}

/// What the vault itself shows: a value found in a file, a program that is new to a secret, no
/// backup. Each once, and never with a value.
#[test]
fn the_vault_tells_of_itself() {
    let world = World::new();
    world.set("openai/main", "not-a-real-key-of-openai");
    world.policy("[alerts.hook]\nkind = \"webhook\"\nto = \"http://127.0.0.1:9/none\"\n");
    let kinds = || {
        let waiting = world.json(&["alert", "list", "--json"]);
        assert!(!waiting.to_string().contains("not-a-real-key"), "{waiting}");
        let kind = |one: &serde_json::Value| one["kind"].as_str().unwrap().to_owned();
        waiting.as_array().unwrap().iter().map(kind).collect::<Vec<_>>()
    };
    // What was before the first look is usual.
    world.good(&["run", "--", "true"]);
    world.good(&["spend", "--due"]);
    assert_eq!(kinds(), ["backup-old"]);
    world.good(&["run", "--", "sh", "-c", "true"]);
    std::fs::write(world.path("notes.txt"), "key: not-a-real-key-of-openai\n").unwrap();
    for _ in 0..2 {
        assert_eq!(world.code(&["scan", "notes.txt"]).0, 1);
        world.code(&["spend", "--due"]);
    }
    let mut all = kinds();
    all.sort();
    assert_eq!(all, ["backup-old", "leak-found", "new-executable"]);
    // Keys that a check asks vendors by are our own use of them, whoever began it; read by a person, a
    // key is told of.
    world.set("deepseek/main", "not-a-real-key-of-deepseek");
    world.policy(
        "[vendors.deepseek]\nbase_url = \"http://127.0.0.1:9\"\n[alerts.hook]\nkind = \"webhook\"\nto = \"http://127.0.0.1:9/none\"\n",
    );
    for _ in 0..2 {
        world.code(&["spend", "--refresh"]);
    }
    assert_eq!(kinds().len(), 3);
    world.good(&["get", "deepseek/main"]);
    world.code(&["spend", "--due"]);
    assert_eq!(kinds().len(), 4);
}
