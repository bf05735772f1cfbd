//! The sessions: each a vault as it stands before, and one command that passes failpoints.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::failing_program;
use super::judge::{State, state};
use super::sandbox::{Said, Sandbox, command_of, run};

/// One session.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    /// Brings the vault into the state before.
    prepare: fn(&Sandbox),
    /// The same, but anew for each trial: what holds a path of its sandbox.
    each: fn(&Sandbox),
    /// The command; `{}` is the sandbox's directory.
    words: &'static str,
    pub(crate) input: &'static str,
    /// A line that begins so acknowledges the change.
    pub(crate) line: &'static str,
    /// Armed beside the point that is tried.
    pub(crate) also: &'static str,
    /// What it ends with when no point acts.
    pub(crate) code: i32,
}

const SCENE: Scene = Scene {
    name: "",
    prepare: vault,
    each: nothing,
    words: "",
    input: "",
    line: "never said",
    also: "",
    code: 0,
};

pub(crate) const SCENES: &[Scene] = &[
    Scene { name: "init", prepare: nothing, words: "init", line: "made a vault", ..SCENE },
    Scene {
        name: "init after a crash",
        prepare: half_an_init,
        words: "init",
        line: "made a vault",
        ..SCENE
    },
    Scene {
        name: "set",
        prepare: snapshot_due,
        words: "set kept/one",
        input: "value-new",
        line: "stored ",
        ..SCENE
    },
    Scene {
        name: "import",
        words: "import {}/keys.env --update",
        line: "2 new, 1 updated",
        ..SCENE
    },
    Scene { name: "rm", words: "rm kept/one --purge --yes", line: "removed ", ..SCENE },
    Scene { name: "rollback", words: "rollback kept/one", line: "version 1 of ", ..SCENE },
    Scene {
        name: "policy",
        words: "policy apply {}/policy.toml --yes",
        line: "the policy is applied",
        ..SCENE
    },
    Scene { name: "rekey", words: "rekey", line: "the vault has a new key", ..SCENE },
    Scene {
        name: "rekey after a crash",
        prepare: half_a_rekey,
        words: "rekey",
        line: "the vault has a new key",
        ..SCENE
    },
    Scene {
        name: "after a rekey",
        prepare: nearly_a_rekey,
        words: "set kept/one",
        input: "value-new",
        line: "stored ",
        ..SCENE
    },
    Scene {
        name: "recipient add",
        prepare: other_identity,
        words: "recipient add {}/other.txt",
        line: "added ",
        ..SCENE
    },
    Scene { name: "backup", words: "backup {}/b.age", line: "backed up ", ..SCENE },
    Scene {
        name: "restore over",
        prepare: newer_than_backup,
        words: "restore {}/b.age --older",
        line: "restored ",
        ..SCENE
    },
    Scene { name: "get", words: "get kept/one", ..SCENE },
    Scene {
        name: "run",
        each: run_before,
        words: "run --only kept/one --file F=kept/two -- sh -c :",
        ..SCENE
    },
    Scene {
        name: "run with a template",
        each: template_before,
        words: "run --only kept/one --template {}/text={}/memory/text -- sh -c :",
        ..SCENE
    },
    Scene { name: "repair", prepare: three_snapshots, words: "doctor --repair", ..SCENE },
    Scene { name: "open home", prepare: open_home, words: "doctor --repair", ..SCENE },
    Scene {
        name: "wrong identity",
        prepare: other_identity,
        words: "--identity {}/other.txt list",
        code: 3,
        ..SCENE
    },
    Scene {
        name: "scrub",
        prepare: openclaw_home,
        words: "import --openclaw {}/oc --scrub --yes",
        line: "scrubbed ",
        ..SCENE
    },
    Scene {
        name: "undo of a scrub",
        prepare: openclaw_home,
        each: scrub_before,
        words: "import --undo",
        ..SCENE
    },
    Scene { name: "store lost", prepare: lose_store, words: "list", ..SCENE },
    Scene { name: "anchor altered", prepare: alter_anchor, words: "list", ..SCENE },
    Scene { name: "header altered", prepare: alter_header, words: "list", ..SCENE },
    Scene { name: "late entries", prepare: late_entries, words: "list", ..SCENE },
    Scene { name: "segment full", prepare: full_segment, words: "get kept/one", ..SCENE },
    Scene { name: "log torn", prepare: tear_log, words: "get kept/one", ..SCENE },
    Scene {
        name: "log refuses",
        words: "set kept/one",
        input: "value-new",
        line: "stored ",
        also: "log.append.sync:eio",
        code: 7,
        ..SCENE
    },
];

/// A session that is ready to be tried.
pub(crate) struct Stage {
    pub(crate) scene: &'static Scene,
    template: Sandbox,
    /// The points that it passes, and how often.
    pub(crate) passes: BTreeMap<String, usize>,
    pub(crate) before: State,
    pub(crate) after: State,
}

impl Stage {
    /// Prepares a session and plays it once, to learn where it passes and what it changes.
    pub(crate) fn set(scene: &'static Scene) -> Self {
        let template = Sandbox::in_memory();
        (scene.prepare)(&template);
        let mut stage = Self {
            scene,
            template,
            passes: BTreeMap::new(),
            before: State::default(),
            after: State::default(),
        };
        stage.before = state(scene.name, &stage.sandbox());
        let sandbox = stage.sandbox();
        let (said, passed) = stage.play(&sandbox, failing_program(), "");
        assert_eq!(said.code(), Some(scene.code), "{}: {}", scene.name, said.err);
        for point in passed.lines().filter(|point| !point.ends_with('!')) {
            *stage.passes.entry(point.to_owned()).or_default() += 1;
        }
        stage.after = state(scene.name, &sandbox);
        stage
    }

    /// A vault as it stands before the session.
    pub(crate) fn sandbox(&self) -> Sandbox {
        let sandbox = self.template.copy();
        (self.scene.each)(&sandbox);
        sandbox
    }

    /// The session's command.
    pub(crate) fn command(&self, sandbox: &Sandbox, program: &Path) -> Command {
        let directory = sandbox.path("").display().to_string();
        let words = self.scene.words.replace("{}/", &directory);
        command_of(program, &sandbox.home(), &words.split(' ').collect::<Vec<_>>())
    }

    /// Plays the session with a point armed; gives what it said and the points that it passed.
    pub(crate) fn play(&self, sandbox: &Sandbox, program: &Path, armed: &str) -> (Said, String) {
        let log = sandbox.path("points");
        let mut command = self.command(sandbox, program);
        command.env("CLAWVAULT_FAILPOINT", format!("{armed},{}", self.scene.also));
        command.env("CLAWVAULT_FAILPOINT_LOG", &log);
        let said = run(&mut command, self.scene.input.as_bytes());
        (said, fs::read_to_string(log).unwrap_or_default())
    }
}

fn nothing(_: &Sandbox) {}

/// Two secrets, one with two versions, a policy, a snapshot, and files to take in.
fn vault(sandbox: &Sandbox) {
    sandbox.run(&["init"], b"").sound("init");
    for (name, value) in [("one", "value-old"), ("one", "value-older"), ("two", "value-two")] {
        let name = format!("kept/{name}");
        let variable = name.to_uppercase().replace('/', "_");
        sandbox.run(&["set", &name, "--env", &variable], value.as_bytes()).sound("set");
    }
    write(sandbox, "keys.env", "KEPT_ONE=value-imported\nNEW_A=value-a\nNEW_B=value-b\n");
    write(sandbox, "policy.toml", "[agents.some]\nsecrets = [\"kept/*\"]\n");
}

fn write(sandbox: &Sandbox, name: &str, text: &str) {
    fs::write(sandbox.path(name), text).expect("a file beside the vault is written");
}

/// A configuration whose key is imported, and an old copy that is no document any more.
fn openclaw_home(sandbox: &Sandbox) {
    vault(sandbox);
    fs::create_dir(sandbox.path("oc")).expect("a directory beside the vault is made");
    let key = "{models: {providers: {openai: {apiKey: \"value-of-openai\"}}}}";
    write(sandbox, "oc/openclaw.json", key);
    write(sandbox, "oc/openclaw.json.rejected.1", "{\"value-of-openai\"");
    let home = sandbox.path("oc").display().to_string();
    sandbox.run(&["import", "--openclaw", &home], b"").sound("import");
}

fn scrub_before(sandbox: &Sandbox) {
    let home = sandbox.path("oc").display().to_string();
    let said = sandbox.run(&["import", "--openclaw", &home, "--scrub", "--yes"], b"");
    assert!(said.err.contains("scrubbed 2 places in 2 files"), "{}", said.err);
}

/// What an `init` leaves that is killed just before its header stands.
fn half_an_init(sandbox: &Sandbox) {
    let mut command = command_of(failing_program(), &sandbox.home(), &["init"]);
    command.env("CLAWVAULT_FAILPOINT", "init.header:kill");
    assert_eq!(run(&mut command, b"").code(), None, "the init is killed");
}

/// What a `rekey` leaves that is killed just before the new header stands.
fn half_a_rekey(sandbox: &Sandbox) {
    rekey_killed_at("epoch.header:kill", sandbox);
}

/// And just after it.
fn nearly_a_rekey(sandbox: &Sandbox) {
    rekey_killed_at("epoch.clear:kill", sandbox);
}

fn rekey_killed_at(point: &str, sandbox: &Sandbox) {
    vault(sandbox);
    let mut command = command_of(failing_program(), &sandbox.home(), &["rekey"]);
    command.env("CLAWVAULT_FAILPOINT", point);
    assert_eq!(run(&mut command, b"").code(), None, "the rekey is killed");
}

fn snapshot_due(sandbox: &Sandbox) {
    vault(sandbox);
    fs::remove_dir_all(sandbox.home().join("snapshots")).expect("there is a snapshot");
}

fn three_snapshots(sandbox: &Sandbox) {
    vault(sandbox);
    for number in 0..3 {
        sandbox.run(&["set", "kept/one"], format!("value-{number}").as_bytes()).sound("set");
        sandbox.run(&["doctor", "--repair"], b"").sound("doctor --repair");
    }
}

/// A backup, and a change since.
fn newer_than_backup(sandbox: &Sandbox) {
    vault(sandbox);
    let file = sandbox.path("b.age");
    sandbox.run(&["backup", file.to_str().expect("text")], b"").sound("backup");
    sandbox.run(&["set", "kept/one"], b"value-since").sound("set");
}

/// A secret file of a run that has ended.
fn run_before(sandbox: &Sandbox) {
    let words = ["run", "--only", "kept/one", "--file", "F=kept/one", "--", "true"];
    sandbox.run(&words, b"").sound("run");
}

/// A template, and a private directory in memory that an ended run has rendered it into.
fn template_before(sandbox: &Sandbox) {
    write(sandbox, "text", "key = {{ clawvault://kept/two }}\n");
    let memory = sandbox.path("memory");
    fs::create_dir(&memory).expect("a directory beside the vault is made");
    let private = fs::Permissions::from_mode(0o700);
    fs::set_permissions(&memory, private).expect("and is closed to others");
    let template = format!("{}={}", sandbox.path("text").display(), memory.join("text").display());
    sandbox.run(&["run", "--template", &template, "--", "true"], b"").sound("run");
}

fn open_home(sandbox: &Sandbox) {
    vault(sandbox);
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(sandbox.home(), open).expect("the home is opened to others");
}

fn other_identity(sandbox: &Sandbox) {
    vault(sandbox);
    let other = Sandbox::in_memory();
    other.run(&["init"], b"").sound("init");
    let identity = other.home().join("identity.txt");
    fs::copy(identity, sandbox.path("other.txt")).expect("another identity is there");
}

/// The newest snapshot holds everything, the store is gone.
fn lose_store(sandbox: &Sandbox) {
    vault(sandbox);
    sandbox.run(&["doctor", "--repair"], b"").sound("doctor --repair");
    for found in fs::read_dir(sandbox.home()).expect("the home is read") {
        let path = found.expect("an entry is read").path();
        if path.display().to_string().contains("store.redb") {
            fs::remove_file(path).expect("the store is removed");
        }
    }
}

fn alter_anchor(sandbox: &Sandbox) {
    vault(sandbox);
    let states = fs::read_dir(sandbox.home().join("state")).expect("the state is read");
    for found in states {
        let anchor = found.expect("an entry is read").path().join("anchor");
        let mut bytes = fs::read(&anchor).expect("the anchor is read");
        bytes[100] ^= 1;
        fs::write(anchor, bytes).expect("the anchor is altered");
    }
}

fn alter_header(sandbox: &Sandbox) {
    vault(sandbox);
    let header = sandbox.home().join("vault.toml");
    let mut bytes = fs::read(&header).expect("the header is read");
    bytes[25] ^= 1;
    fs::write(header, bytes).expect("the header is altered");
}

/// A refusal waits to be taken into the log.
fn late_entries(sandbox: &Sandbox) {
    other_identity(sandbox);
    let other = sandbox.path("other.txt");
    let identity = other.to_str().expect("a temporary path is text");
    let refused = sandbox.run(&["--identity", identity, "list"], b"");
    assert_eq!(refused.code(), Some(3), "{}", refused.err);
}

/// The next entry begins a new segment.
fn full_segment(sandbox: &Sandbox) {
    vault(sandbox);
    let mut text = String::new();
    for number in 0..900 {
        text.push_str(&format!("KEPT_UNDER_A_LONG_NAME_{number}=value-{number}\n"));
    }
    write(sandbox, "many.env", &text);
    write(sandbox, "policy.toml", "[log]\nsegment = \"64KiB\"\n");
    for (file, words) in [("many.env", &["import"][..]), ("policy.toml", &["policy", "apply"])] {
        let path = sandbox.path(file);
        let path = [path.to_str().expect("a temporary path is text")];
        let words = [words, &path, if words.len() > 1 { &["--yes"] } else { &[] }].concat();
        sandbox.run(&words, b"").sound(file);
    }
    let log = sandbox.home().join("log/00000001.log");
    while fs::metadata(&log).expect("the log is there").len() < 64 << 10 {
        sandbox.run(&["export", "--format", "json"], b"").sound("export");
    }
}

fn tear_log(sandbox: &Sandbox) {
    vault(sandbox);
    let log = sandbox.home().join("log/00000001.log");
    let mut bytes = fs::read(&log).expect("the log is read");
    bytes.extend_from_slice(b"half an entry");
    fs::write(log, bytes).expect("the log is torn");
}
