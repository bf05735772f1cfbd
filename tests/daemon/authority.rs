//! Who gets what: the login session that unlocked, who has the key, a launched program, anyone else.

use super::served::{PROGRAM, Said, Served};

/// That nothing of the value was said.
fn got_nothing(said: &Said) {
    assert!(!said.out.contains("value") && !said.err.contains("the-first"), "{said:?}");
}

#[test]
fn only_the_session_that_unlocked_or_the_key_opens_it() {
    let mut served = Served::vault();
    served.serve(&[]);
    served.call("get env/one").refused(3);
    served.call("run -- true").refused(125);
    served.sh("setsid -w sh -c 'true'").ok();
    served.call("unlock").ok();
    assert_eq!(served.call("get env/one").ok(), "the-first-value");
    // Another login session of the same user: how things stand, and no more.
    let elsewhere =
        |words: &str| served.sh(&format!("p=$(command -v clawvault); setsid -w $p {words}"));
    for words in [
        "get env/one",
        "list",
        "set a/b --generate",
        "export --format json",
        "rm env/one --yes",
        "policy show",
        "log",
        "backup b.age",
        "run -- env",
    ] {
        let said = elsewhere(words);
        assert!(matches!(said.code, Some(3 | 125)), "{words}: {said:?}");
        got_nothing(&said);
    }
    assert!(elsewhere("status --json").ok().contains("\"authority\":\"status\""));
    let key = served.path("home/identity.txt");
    let named = format!("get env/one --identity {}", key.display());
    assert_eq!(elsewhere(&named).ok(), "the-first-value");
    // A key of another vault proves nothing.
    let other = Served::vault();
    let named = format!("get env/one --identity {}", other.path("home/identity.txt").display());
    got_nothing(&elsewhere(&named));
    // It may unlock for itself, with the key; and only then does it count.
    let both = served.sh("setsid -w sh -c 'clawvault unlock && clawvault get env/one'");
    assert_eq!(both.ok(), "the-first-value");
    let log = served.log();
    let refused = |event: &str| log.iter().any(|line| line.contains(&format!("{event} refused")));
    assert!(
        ["get", "list", "set", "export", "remove", "run"].iter().all(|e| refused(e)),
        "{log:#?}"
    );
}

#[test]
fn a_launched_program_has_what_it_was_given_and_nothing_else() {
    let served = Served::unlocked();
    served.set("env/two", "the-second-value");
    let inside = |script: &str| served.run_sh(&["--only", "env/one"], script);
    assert_eq!(inside("echo $ONE; cv get env/one").ok(), "the-first-value\nthe-first-value");
    assert!(!inside("cv list").ok().contains("env/two"));
    for words in [
        "cv get env/two",
        "cv set env/one",
        "cv export --format json",
        "cv log",
        "cv rm env/one --yes",
        "cv unlock",
        "cv policy show",
        "cv rollback env/one",
        "cv run --only env/two -- env",
        "cv show env/two",
        "cv backup b.age",
    ] {
        let said = inside(&format!("{words} </dev/null"));
        assert!(!matches!(said.code, Some(0)), "{words}: {said:?}");
        assert!(!said.out.contains("second"), "{words}: {said:?}");
    }
    // The key that lies in the home is no way out: a launched program proves nothing.
    let named = "cv get env/two --identity $HOME/home/identity.txt";
    inside(named).refused(3);
    // A nested run is narrowed to what the outer one has.
    assert!(!inside("cv run -- env").ok().contains("TWO="));
    // Another path of the program is the same program.
    let copied = "cp $(command -v clawvault) $HOME/other; CLAWVAULT_HOME=$HOME/home \
                  XDG_RUNTIME_DIR=$HOME/run $HOME/other get env/two";
    inside(copied).refused(3);
    assert!(served.log().iter().any(|line| line.contains("get refused") && line.contains("run ")));
}

#[test]
fn who_breaks_away_from_a_run_has_nothing() {
    let served = Served::unlocked();
    let result = served.path("result");
    let wait = |what: &str| {
        super::served::until(what, || result.exists());
        let text = std::fs::read_to_string(&result).unwrap();
        std::fs::remove_file(&result).unwrap();
        text
    };
    let get = "{ cv get env/one; echo \"code $?\"; } > $HOME/new 2>&1; mv $HOME/new $HOME/result";
    // Forked twice and left by its parents, in the same session; then in a session of its own.
    for script in [
        format!("( ( sleep 0.3; {get} ) & ) & exit 0"),
        format!(
            "cat > $HOME/s <<'E'\n{}\nE\nsetsid -f sh -c 'sleep 0.3; . $HOME/s' & exit 0",
            served.script(get)
        ),
    ] {
        served.run_sh(&[], &script).ok();
        let text = wait("the orphan has asked");
        assert!(text.contains("code 3") && !text.contains("the-first-value"), "{text}");
    }
    // The record of a run is no proof of anything: to remove it frees nobody.
    let freed = "rm -rf $HOME/run/clawvault/runs; cv get env/one; cv export --format json";
    let said = served.run_sh(&[], freed);
    assert_eq!(said.out, "the-first-value");
    // One that began before the vault was unlocked has what its record proves, with the record or without
    // from then on; and no more.
    let mut early = Served::vault();
    early.set("env/two", "the-second-value");
    let script = early.script(
        "until cv status | grep -q '^lock *unlocked'; do sleep 0.05; done; cv get env/one; echo; \
         cv get env/two; echo $?; rm -rf $HOME/run/clawvault/runs; cv get env/one; echo; \
         cv export --format json; echo $?; \
         echo '{\"protocolVersion\":1,\"ids\":[\"env/two\"]}' | cv resolve",
    );
    let begun = early.begin_run(&["--only", "env/one"], &script);
    early.serve(&[]);
    early.call("unlock").ok();
    let output = begun.wait_with_output().unwrap();
    let one = "the-first-value";
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{one}\n3\n{one}\n3\n"));
    assert_eq!(output.status.code(), Some(3));
    // Where the record says more than was proven, or is another process's, it proves nothing; nor does
    // one that is removed before.
    let once =
        "until cv status | grep -q '^lock *unlocked'; do sleep 0.05; done; cv get env/one; echo $?";
    for spoil in [
        r#"sed -i 's/"holds":\[/"holds":[["00",1],/' $HOME/run/clawvault/runs/*"#,
        r#"sed -i 's/"agent":null/"agent":"a"/' $HOME/run/clawvault/runs/*"#,
        r#"sed -i 's/"proof":"[0-9a-f]*"/"proof":"00"/' $HOME/run/clawvault/runs/*"#,
        "rm $HOME/run/clawvault/runs/*",
    ] {
        early.call("lock").ok();
        early.signal(rustix::process::Signal::KILL);
        early.ended();
        let begun = early.begin_run(&[], &early.script(once));
        early.sh(spoil).ok();
        early.serve(&[]);
        early.call("unlock").ok();
        let output = begun.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "3\n", "{spoil}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("began before the vault was unlocked"), "{spoil}: {said}");
    }
    // Nor can one take the operator's authority away by a record of the operator's own process.
    let claim = served.path("run/clawvault/runs/0000000000000000.run");
    let own = rustix::process::getpid().as_raw_nonzero();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let began = stat.rsplit(')').next().unwrap().split_ascii_whitespace().nth(19).unwrap();
    let record = format!(
        "{{\"run\":\"0\",\"vault\":\"\",\"pid\":{own},\"started\":{began},\"launched_ms\":1,\
         \"agent\":null,\"holds\":[],\"files\":[]}}"
    );
    std::fs::create_dir_all(claim.parent().unwrap()).unwrap();
    let private = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    private(claim.parent().unwrap(), 0o700);
    std::fs::write(&claim, record).unwrap();
    private(&claim, 0o600);
    assert_eq!(served.call("get env/one").ok(), "the-first-value");
    // A daemon that is killed: the next one knows what it launched.
    let begun = early.begin_run(&[], &early.script(once));
    early.signal(rustix::process::Signal::KILL);
    early.ended();
    early.serve(&[]);
    early.call("unlock").ok();
    let output = begun.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{one}0\n"));
    // What begins afterwards is the operator's, and what was launched since stays what it is.
    assert_eq!(early.call("get env/one").ok(), "the-first-value");
    let kept = "cv lock >&2; until cv status | grep -q '^lock *unlocked'; do sleep 0.05; done; \
                cv get env/one; cv export --format json";
    let child = early.begin_run(&[], &early.script(kept));
    super::served::until("it has locked", || {
        early.call("status --json").out.contains("\"locked\":true")
    });
    early.call("unlock").ok();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "the-first-value");
    assert_eq!(output.status.code(), Some(3));
}

/// Asks for its secret twice on one connection: while its run lives, and once that is over.
const ASKS_ON: &str = "
import os, socket, struct, time
def field(number, data): return bytes([number << 3 | 2, len(data)]) + data
def say(message): s.sendall(struct.pack('<II', len(message), 0) + message)
def heard(until):
    got = b''
    try:
        while until not in got:
            more = s.recv(65536)
            if not more: break
            got += more
    except OSError: pass
    return got
GET = field(5, field(1, field(1, b'default') + field(2, b'env/one')))
home, began = os.environ['HOME'], os.getppid()
s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(os.environ['SOCKET'])
say(bytes([8, 1, 16, 1])); say(GET)
first = heard(b'the-first-value')
open(home + '/asked', 'w').close()
while os.getppid() == began: time.sleep(0.02)
time.sleep(1.3)
s.settimeout(3); say(GET)
second = heard(b'the-first-value')
with open(home + '/new', 'wb') as out: out.write(first + b' THEN ' + second)
os.rename(home + '/new', home + '/result')
";

#[test]
fn a_grant_ends_with_its_run() {
    let served = Served::unlocked();
    std::fs::write(served.path("asks.py"), ASKS_ON).unwrap();
    let script = format!(
        "SOCKET={} /usr/bin/python3 $HOME/asks.py >/dev/null 2>&1 & \
         until [ -e $HOME/asked ]; do sleep 0.02; done",
        served.socket().display()
    );
    served.run_sh(&["--only", "env/one"], &script).ok();
    let result = served.path("result");
    super::served::until("it has asked again", || result.exists());
    let text = std::fs::read(result).unwrap();
    let text = String::from_utf8_lossy(&text);
    let (first, second) = text.split_once(" THEN ").unwrap();
    assert!(first.contains("the-first-value"), "{first}");
    assert!(second.contains("gives this process nothing"), "{second}");
}

/// The reboot at night: the daemon has a key of its own, no operator is there, and a unit begins with
/// the gateway. It, and nothing beside it, has the gateway's grant, by its resolver, once.
#[test]
fn a_unit_starts_its_gateway_while_nobody_is_there() {
    let Some(groups) = Groups::new(&["openclaw-gateway.service", "other.service"]) else {
        println!("SKIP: NO CONTROL GROUP OF THE SECOND VERSION IS OURS TO MAKE: no unit was tried");
        return;
    };
    let mut served = Served::vault();
    let policy = "[gateways.openclaw]\nagent = \"openclaw\"\nhome = \"/none\"\n\
                  unit = \"openclaw-gateway.service\"\n[agents.openclaw]\nsecrets = [\"env/one\"]\n";
    std::fs::write(served.path("policy.toml"), policy).unwrap();
    served.call("policy apply policy.toml --yes").ok();
    std::fs::rename(served.path("home/identity.txt"), served.path("key.txt")).unwrap();
    served.serve(&["--identity", served.path("key.txt").to_str().unwrap()]);
    let ask = r#"{"protocolVersion":1,"provider":"clawvault","ids":["env/one"]}"#;
    std::fs::write(served.path("ask.json"), ask).unwrap();
    let asks = "cv resolve < $HOME/ask.json; echo $?";
    let gateway = format!("{asks}; {asks}; cv get env/one; echo $?");
    std::fs::write(served.path("gateway.sh"), served.script(&gateway)).unwrap();
    let start = "cv openclaw run --gateway openclaw -- /bin/sh $HOME/gateway.sh";
    let alone =
        format!("exec {PROGRAM} openclaw run --gateway openclaw -- /bin/sh $HOME/gateway.sh");
    // As no unit, as another one, as a younger process of the right one.
    served.sh(&format!("setsid -w sh -c '{alone}'")).refused(125);
    let within = |unit: &str, script: &str| {
        let script = format!("echo $$ > {}; {}", groups.procs(unit), served.script(script));
        let mut command = served.command_of("/usr/bin/setsid", &["-w", "/bin/sh", "-c", &script]);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(within("other.service", &alone).0, Some(125));
    assert_eq!(within("openclaw-gateway.service", &format!("{start}; exit 9")).1, "");
    let (code, out, said) = within("openclaw-gateway.service", &alone);
    let (first, rest) = out.split_once('\n').unwrap_or_default();
    assert!(first.contains("the-first-value"), "{code:?} {out} {said}");
    assert_eq!(rest, "0\n3\n3\n", "{said}");
}

/// Control groups that are named as units are.
struct Groups(std::path::PathBuf, Vec<std::path::PathBuf>);

impl Groups {
    /// None where this process may make none, or no process may enter them.
    fn new(units: &[&str]) -> Option<Self> {
        let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(std::path::Path::new);
        let root = roots.into_iter().find(|root| root.join("cgroup.procs").exists())?;
        let root = root.join(format!("clawvault-test-{}", std::process::id()));
        let all: Vec<_> = units.iter().map(|unit| root.join(unit)).collect();
        let made = std::fs::create_dir(&root).is_ok()
            && all.iter().all(|unit| std::fs::create_dir(unit).is_ok());
        let groups = Self(root, all);
        let enters = || {
            let script = format!("echo $$ > {}", groups.procs(units.first()?));
            std::process::Command::new("/bin/sh").args(["-c", &script]).status().ok()
        };
        (made && enters().is_some_and(|status| status.success())).then_some(groups)
    }

    fn procs(&self, unit: &str) -> String {
        self.0.join(unit).join("cgroup.procs").display().to_string()
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for group in self.1.iter().chain([&self.0]) {
            std::fs::remove_dir(group).ok();
        }
    }
}

#[test]
fn openclaw_is_answered_in_its_own_protocol() {
    let served = Served::unlocked();
    served.set("env/admin", "x");
    let ask = |text: &str| served.call_with("resolve", text.as_bytes());
    let request =
        r#"{"protocolVersion":1,"provider":"clawvault","ids":["env/one","no/such","Not a name"]}"#;
    let answer: serde_json::Value = serde_json::from_str(&ask(request).ok()).unwrap();
    assert_eq!(answer["protocolVersion"], 1);
    assert_eq!(answer["values"]["env/one"], "the-first-value");
    assert_eq!(answer["errors"]["no/such"]["code"], "NOT_FOUND");
    assert_eq!(answer["errors"]["Not a name"]["code"], "NOT_FOUND");
    for wrong in ["", "{}", r#"{"protocolVersion":2,"ids":[]}"#] {
        ask(wrong).refused(2);
    }
    let none: serde_json::Value =
        serde_json::from_str(&ask(r#"{"protocolVersion":1,"ids":[]}"#).ok()).unwrap();
    assert!(none["values"].is_object());
    // Admin credentials are for nobody.
    std::fs::write(served.path("p"), "[secrets.\"env/one\"]\nadmin = \"env/admin\"\n").unwrap();
    served.call("policy apply p --yes").ok();
    let answer = ask(r#"{"protocolVersion":1,"ids":["env/admin"]}"#).ok();
    assert!(answer.contains("NOT_FOUND"), "{answer}");
    // A launched program gets its own, and the whole is refused where it asks for more.
    served.set("env/two", "the-second-value");
    let echo =
        |id: &str| format!("echo '{{\"protocolVersion\":1,\"ids\":[\"{id}\"]}}' | cv resolve");
    let inside = |id: &str| served.run_sh(&["--only", "env/one"], &echo(id));
    assert!(inside("env/one").ok().contains("the-first-value"));
    inside("env/two").refused(3);
    served.call("lock").ok();
    ask(request).refused(3);
}

#[test]
fn another_user_is_refused_even_where_the_socket_is_open_to_all() {
    use std::os::unix::fs::PermissionsExt;
    if !rustix::process::geteuid().is_root() {
        println!("SKIP: only root can become another user");
        return;
    }
    let served = Served::unlocked();
    let open = |path: std::path::PathBuf, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    let modes = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((modes(&served.socket()), modes(&served.path("run/clawvault"))), (0o600, 0o700));
    for name in ["", "run", "run/clawvault"] {
        open(served.path(name), 0o755);
    }
    open(served.socket(), 0o666);
    // Straight to the socket: the program itself would trust neither directory nor socket.
    let script = format!(
        "import socket,struct\ns=socket.socket(socket.AF_UNIX)\ns.connect('{}')\n\
         s.sendall(struct.pack('<II',4,0)+bytes([8,1,16,1])+struct.pack('<II',2,0)+bytes([0x12,0]))\n\
         s.settimeout(10)\nd=b''\nwhile True:\n  b=s.recv(4096)\n  if not b: break\n  d+=b\nprint(d)",
        served.socket().display()
    );
    let words =
        ["--reuid", "65534", "--regid", "65534", "--clear-groups", "python3", "-c", &script];
    let said = super::served::finish(served.command_of("/usr/bin/setpriv", &words), b"");
    assert!(said.out.contains("serves user 0 only"), "{said:?}");
    // It could not lock it either.
    assert_eq!(served.call("get env/one").ok(), "the-first-value");
}
