//! Scripts and webhooks: what they are told, what they may answer, and what stops them.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread::spawn;
use std::time::{Duration, Instant};

use clawvault_providers::adapter::registry::{Settings, adapter};
use clawvault_providers::adapter::{Adapter, Ask, Fields, Kind, Level};
use clawvault_providers::native::script::exec::Exec;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::load::{Connect, Load};
use crate::{ask, field, fields, is_dead, rotate, run};

/// A service of one file, in which each line is a key that it accepts.
const SERVICE: &str = r#"#!/usr/bin/env python3
import json, os, sys
asked = json.load(sys.stdin)
assert asked["protocol"] == "clawvault/1" and len(sys.argv) == 1
assert not [name for name in os.environ if name not in ("PATH", "LC_CTYPE")], os.environ
path = asked["params"]["keys"]
keys = open(path).read().split()
def keep(keys):
    open(path, "w").write("\n".join(keys))
key = asked["key"]["value"]
if asked["operation"] == "validate":
    answer = {"validity": "live" if key in keys else "dead", "reason": "not_listed", "owner": "me"}
elif asked["operation"] == "create":
    assert asked["admin"] == {"value": "made-up-admin"}
    new = "made-up-key-%d" % len(asked["label"])
    keep(keys + [new])
    answer = {"fields": {"value": new}, "key_id": new[-2:]}
elif asked["operation"] == "revoke":
    keep([other for other in keys if other != key])
    answer = {"revoked": "done"}
else:
    answer = {"keys": [{"key_id": other[-2:], "name": "n"} for other in keys]}
print("noise with " + key, file=sys.stderr)
print(json.dumps(answer))
"#;

struct Script {
    folder: TempDir,
}

impl Script {
    fn of(text: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let script = Self { folder };
        // By another process: ours may just be starting a program that would inherit the open file.
        let mut write = Command::new("sh");
        write.args(["-c", "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\"", "sh", text]);
        assert!(write.arg(script.path()).status().unwrap().success());
        script
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("script")
    }

    fn ask(&self) -> Ask {
        let keys = self.folder.path().join("keys");
        fs::write(&keys, "made-up-first-key").unwrap();
        let digest = Command::new("sha256sum").arg(self.path()).output().unwrap().stdout;
        let digest = String::from_utf8(digest).unwrap()[..64].to_owned();
        let path = self.path();
        let params = [
            ("script", path.to_str().unwrap()),
            ("sha256", &digest),
            ("keys", keys.to_str().unwrap()),
        ];
        let mut ask = ask(fields(&[("value", "made-up-first-key")]), &params);
        ask.admin = Some(fields(&[("value", "made-up-admin")]));
        ask
    }

    fn kind(&self, params: &[(&str, &str)]) -> Kind {
        let mut ask = self.ask();
        ask.params.extend(params.iter().map(|(name, text)| ((*name).into(), (*text).into())));
        let error = run(Exec.create(&ask)).unwrap_err();
        assert!(!error.detail.contains("made-up"), "{error}");
        error.kind
    }
}

fn nobody() -> Load {
    let connect: Connect = std::sync::Arc::new(|_: &Fields| Err("nobody".to_owned()));
    Load::start(0, &Fields::new(), &connect)
}

#[test]
fn a_script_makes_proves_and_revokes() {
    let script = Script::of(SERVICE);
    let first = script.ask();
    let last = run(rotate(&Exec, &first, "seven", &nobody()));
    assert_eq!(field(&last.key, "value"), "made-up-key-5");
    assert!(is_dead(&run(Exec.validate(&first)).unwrap()));
    let mut some = first.clone();
    some.params.insert("offers".to_owned(), "validate, revoke".to_owned());
    let can = Exec.abilities_for(&some);
    assert_eq!((can.level, can.validate, can.list), (Level::Assisted, true, false));
    assert_eq!(run(Exec.list(&some)).unwrap_err().kind, Kind::NotOffered);
}

#[test]
fn only_the_pinned_script_runs_and_only_within_bounds() {
    let script = Script::of(SERVICE);
    assert_eq!(script.kind(&[("sha256", &"0".repeat(64))]), Kind::NotConfigured);
    assert_eq!(script.kind(&[("sha256", "x")]), Kind::NotConfigured);
    assert_eq!(script.kind(&[("script", "relative")]), Kind::NotConfigured);
    assert_eq!(script.kind(&[("timeout_s", "601")]), Kind::NotConfigured);
    fs::set_permissions(script.path(), PermissionsExt::from_mode(0o757)).unwrap();
    assert_eq!(script.kind(&[]), Kind::NotConfigured);

    assert_eq!(
        Script::of("#!/bin/sh\necho '{\"fields\": {}}'; exit 3").kind(&[]),
        Kind::VendorFailed
    );
    assert_eq!(Script::of("#!/bin/sh\ncat").kind(&[]), Kind::BadAnswer);
    assert_eq!(Script::of("#!/bin/sh\nyes").kind(&[]), Kind::Unbounded);
    // It is stopped with all that it started.
    let started = Instant::now();
    let slow = Script::of("#!/bin/sh\nsleep 300 & echo $! > \"$0.pid\"; wait");
    assert_eq!(slow.kind(&[("timeout_s", "1")]), Kind::Lost);
    assert!(started.elapsed() < Duration::from_secs(30));
    let pid = fs::read_to_string(slow.folder.path().join("script.pid")).unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
        .is_ok_and(|stat| !stat.contains(") Z"))
    {
        assert!(Instant::now() < end, "what the script started lives on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Header lines and body of a request.
type Heard = (Vec<String>, Vec<u8>);

/// Takes one request after another and answers each with the next of `answers`.
fn serve(answers: Vec<(u16, Value)>) -> (String, Receiver<Heard>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (told, requests) = channel();
    spawn(move || {
        for (status, answer) in answers {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            let mut head = Vec::new();
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                match line.trim_end() {
                    "" => break,
                    line => head.push(line.to_owned()),
                }
            }
            let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.unwrap().parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            let answer = answer.to_string();
            let head_out = format!(
                "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                answer.len()
            );
            stream.get_mut().write_all((head_out + &answer).as_bytes()).unwrap();
            told.send((head, body)).unwrap();
        }
    });
    (url, requests)
}

#[test]
fn a_webhook_is_signed_and_its_answer_read() {
    let live = json!({"validity": "live", "owner": "me"});
    let echo = json!({"validity": "dead", "reason": "made-up-first-key"});
    let (url, requests) = serve(vec![(200, live), (200, echo), (429, json!({})), (302, json!({}))]);
    let mut first = ask(fields(&[("value", "made-up-first-key")]), &[("url", &url), ("shop", "7")]);
    run(async {
        let hook = adapter("webhook", &Settings::default()).unwrap();
        assert_eq!(hook.validate(&first).await.unwrap_err().kind, Kind::NotConfigured, "unsigned");
        first.admin = Some(fields(&[("value", "made-up-signing-secret")]));
        hook.validate(&first).await.unwrap();
        for kind in [Kind::BadAnswer, Kind::RateLimited, Kind::BadAnswer] {
            let error = hook.validate(&first).await.unwrap_err();
            assert_eq!(error.kind, kind);
            assert!(!error.to_string().contains("made-up"), "{error}");
        }
        first.params.insert("url".to_owned(), "http://example.com/".to_owned());
        assert_eq!(hook.validate(&first).await.unwrap_err().kind, Kind::NotConfigured);
    });
    let (head, body) = requests.recv().unwrap();
    let header = |name: &str| head.iter().find_map(|line| line.strip_prefix(name)).unwrap();
    // As its receiver checks it, with another program's HMAC.
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(told["key"]["value"], "made-up-first-key");
    assert_eq!((&told["admin"], &told["params"]), (&Value::Null, &json!({"shop": "7"})));
    let check = "import hashlib, hmac, sys; sys.stdout.write(hmac.new(b'made-up-signing-secret', \
                 sys.argv[1].encode() + b'.' + sys.argv[2].encode(), hashlib.sha256).hexdigest())";
    let stamp = header("clawvault-timestamp: ");
    let text = String::from_utf8(body).unwrap();
    let made = Command::new("python3").args(["-c", check, stamp, &text]).output().unwrap().stdout;
    assert_eq!(header("clawvault-signature: "), format!("v1={}", String::from_utf8(made).unwrap()));
}
