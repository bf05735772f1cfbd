//! Keys come in through the real sops, dotenvx and pass, and go out to a real YAML reader: every
//! value is the same byte by byte.
//!
//! sops and dotenvx are installed once, pinned; where they cannot be, the tests fail. pass and gpg
//! are Debian packages: without them that one test says so and is skipped. Every key is made for
//! the test, in directories that vanish with it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test speaks, and fails by it"
)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

const CLAWVAULT: &str = env!("CARGO_BIN_EXE_clawvault");

/// Values that a careless way would change: quotes, escapes, lines, blanks at the ends.
const TEXTS: [&str; 7] = [
    "plain",
    "it's \"both\" `quotes`",
    "back\\slash \\n \\\\",
    "first\nsecond\n\nlast\n",
    "-----BEGIN KEY-----\nMIIE+/=\n-----END KEY-----\n",
    " # no comment, $HOME ${X} ",
    "\u{e9}\u{1f511}\t\u{1}",
];

#[test]
fn sops_hands_over_json_yaml_ini_and_files_of_any_kind() {
    let bench = Bench::new();
    let json = serde_json::to_string(&serde_json::json!({ "texts": TEXTS })).unwrap();
    for (name, text) in [("a.json", &json), ("a.yaml", &json)] {
        bench.encrypt_with_sops(name, text.as_bytes());
        let profile = name.replace('.', "-");
        bench.clawvault(&["import", "--from", "sops", name, "--profile", &profile], b"");
        for (at, text) in TEXTS.iter().enumerate() {
            assert_eq!(bench.get(&format!("import/texts-{at}"), &profile), text.as_bytes());
        }
    }
    bench.encrypt_with_sops("a.ini", b"[db]\npassword = pa ss\n");
    bench.clawvault(&["import", "--from", "sops", "a.ini"], b"");
    assert_eq!(bench.get("import/db-password", "default"), b"pa ss");

    let bytes: Vec<u8> = (1..=255).collect();
    bench.encrypt_with_sops("key.bin", &bytes);
    bench.clawvault(&["import", "--from", "sops", "key.bin", "--as", "acme/key"], b"");
    assert_eq!(bench.get("acme/key", "default"), bytes);
}

/// What sops decrypts is what was encrypted, so both imports agree about every line.
#[test]
fn sops_hands_over_a_dotenv_file_as_it_was() {
    let bench = Bench::new();
    let text = "# keys\nOPENAI_API_KEY=sk-one\nA=\"quoted # \\n\"\nB='single'\nC=one\\ntwo\n";
    fs::write(bench.path("plain.env"), text).unwrap();
    bench.encrypt_with_sops("sealed.env", text.as_bytes());
    bench.clawvault(&["import", "plain.env", "--profile", "plain"], b"");
    bench.clawvault(&["import", "--from", "sops", "sealed.env"], b"");
    for name in ["openai/main", "env/a", "env/b", "env/c"] {
        assert_eq!(bench.get(name, "default"), bench.get(name, "plain"), "{name}");
    }
    assert_eq!(bench.get("openai/main", "default"), b"sk-one");

    // Without its key there is nothing to take, and the vault stays as it is.
    let mut import = bench.command(CLAWVAULT);
    import.args(["import", "--from", "sops", "sealed.env"]).env("SOPS_AGE_KEY_FILE", "none");
    let output = import.output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("clawvault: sops failed (exit status: "), "{said}");
}

#[test]
fn dotenvx_hands_over_what_it_encrypted() {
    let bench = Bench::new();
    // Its double quotes know no escape for a backslash, and its single ones none at all.
    let text =
        "OPENAI_API_KEY=sk-one\nLINES=\"first\nsecond\n\nlast\"\nS='it is \"$HOME\" # \\n'\n";
    fs::write(bench.path(".env"), text).unwrap();
    bench.run(bench.command("dotenvx").args(["encrypt", "-f", ".env"]), b"");
    let sealed = fs::read_to_string(bench.path(".env")).unwrap();
    assert!(sealed.contains("encrypted:") && !sealed.contains("sk-one"), "{sealed}");

    bench.clawvault(&["import", "--from", "dotenvx"], b"");
    assert_eq!(bench.get("openai/main", "default"), b"sk-one");
    assert_eq!(bench.get("env/lines", "default"), b"first\nsecond\n\nlast");
    assert_eq!(bench.get("env/s", "default"), b"it is \"$HOME\" # \\n");
    let names = bench.clawvault(&["list"], b"");
    assert!(!String::from_utf8(names).unwrap().contains("dotenv"), "a public key was taken");

    fs::remove_file(bench.path(".env.keys")).unwrap();
    let output = bench.command(CLAWVAULT).args(["import", "--from", "dotenvx"]).output().unwrap();
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn pass_hands_over_its_entries() {
    if let Some(missing) = ["pass", "gpg"].into_iter().find(|program| !is_on_path(program)) {
        println!("SKIP pass_hands_over_its_entries: {missing} is not installed");
        return;
    }
    let bench = Bench::new();
    let _keys = bench.make_gpg_key();
    bench.run(bench.command("pass").args(["init", "test@clawvault.invalid"]), b"");
    let pem = TEXTS[4].as_bytes();
    let entries: [(&str, &[u8]); 6] = [
        ("openai/main", b"sk-one\n"),
        ("Web/Me@host", b"  spaced pass\"phrase' \\n\n"),
        ("tls/server", pem),
        ("api/GROQ_API_KEY", b"gsk-one"),
        ("more/lines", b"first\nlogin: me\n"),
        ("more/bytes", b"\xff\xfe\x01\n"),
    ];
    for (name, bytes) in entries {
        bench.run(bench.command("pass").args(["insert", "--multiline", "--force", name]), bytes);
    }
    let listed = bench.clawvault(&["import", "--from", "pass", "--json"], b"");
    let listed: serde_json::Value = serde_json::from_slice(&listed).unwrap();
    assert_eq!(listed["imported"].as_array().unwrap().len(), entries.len());
    assert_eq!(listed["not_taken"][0], "pass more/lines: its lines after the first");
    for (name, value) in [
        ("openai/main", &b"sk-one"[..]),
        ("web/me-host", b"  spaced pass\"phrase' \\n"),
        ("tls/server", pem),
        ("groq/main", b"gsk-one"),
        ("more/lines", b"first"),
        ("more/bytes", b"\xff\xfe\x01"),
    ] {
        assert_eq!(bench.get(name, "default"), value, "{name}");
    }
}

#[test]
fn a_kubernetes_secret_is_read_by_another_reader() {
    let bench = Bench::new();
    for (at, text) in TEXTS.iter().enumerate() {
        // `set` takes one line end for the terminal's, not the value's.
        let input = format!("{text}\n");
        let variable = format!("TEXT_{at}");
        bench.clawvault(&["set", &format!("env/{at}"), "--env", &variable], input.as_bytes());
    }
    bench.clawvault(&["set", "env/yes", "--env", "YES"], b"\xff\xfe");
    let yaml = bench.clawvault(&["export", "--format", "k8s-secret", "--name", "1e3"], b"");
    let json = bench.run(&mut bench.command("read-yaml"), &yaml);
    let secret: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(secret["kind"], "Secret");
    assert_eq!(secret["metadata"]["name"], "1e3");
    let data = secret["data"].as_object().unwrap();
    assert_eq!(data.len(), TEXTS.len() + 1);
    let decoded = |key: &str| {
        let encoded = data[key].as_str().expect("text to YAML");
        bench.run(bench.command("base64").arg("-d"), encoded.as_bytes())
    };
    for (at, text) in TEXTS.iter().enumerate() {
        assert_eq!(decoded(&format!("TEXT_{at}")), text.as_bytes());
    }
    assert_eq!(decoded("YES"), b"\xff\xfe");
}

/// A vault, a working directory, and the programs.
struct Bench {
    root: TempDir,
    programs: PathBuf,
}

/// Stops the agent that gpg started.
struct GpgKeys(PathBuf);

impl Drop for GpgKeys {
    fn drop(&mut self) {
        let kill = ["--kill", "all"];
        Command::new("gpgconf").args(kill).env("GNUPGHOME", &self.0).status().ok();
    }
}

impl Bench {
    fn new() -> Self {
        let bench = Self { root: tempfile::tempdir().unwrap(), programs: install() };
        // An agent's socket needs a short path and a private directory.
        fs::DirBuilder::new().mode(0o700).create(bench.path("gnupg")).unwrap();
        bench.clawvault(&["init"], b"");
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A command with the programs on its PATH and every key in the bench.
    fn command(&self, program: &str) -> Command {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new(self.found(program));
        command
            .env_clear()
            .env("PATH", format!("{}:{path}", self.programs.display()))
            .env("HOME", self.root.path())
            .env("LANG", "C.UTF-8")
            .env("CLAWVAULT_HOME", self.path("home"))
            .env("GNUPGHOME", self.path("gnupg"))
            // The vault's identity is an age key like any other.
            .env("SOPS_AGE_KEY_FILE", self.path("home/identity.txt"))
            .current_dir(self.root.path())
            .stdin(Stdio::null());
        command
    }

    fn found(&self, program: &str) -> PathBuf {
        let ours = self.programs.join(program);
        if ours.exists() { ours } else { program.into() }
    }

    /// Runs a command that has to succeed; gives its stdout.
    fn run(&self, command: &mut Command, input: &[u8]) -> Vec<u8> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        child.stdin.take().unwrap().write_all(input).ok();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {}: {said}", output.status);
        output.stdout
    }

    fn clawvault(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        self.run(self.command(CLAWVAULT).args(arguments), input)
    }

    fn get(&self, name: &str, profile: &str) -> Vec<u8> {
        self.clawvault(&["get", name, "--profile", profile], b"")
    }

    fn encrypt_with_sops(&self, name: &str, bytes: &[u8]) {
        let identity = fs::read_to_string(self.path("home/identity.txt")).unwrap();
        let recipient = identity.split_whitespace().find(|word| word.starts_with("age1")).unwrap();
        fs::write(self.path(name), bytes).unwrap();
        let arguments = ["--encrypt", "--in-place", "--age", recipient, name];
        self.run(self.command("sops").args(arguments), b"");
        let sealed = fs::read(self.path(name)).unwrap();
        assert!(sealed != bytes && String::from_utf8_lossy(&sealed).contains("ENC["), "{name}");
    }

    fn make_gpg_key(&self) -> GpgKeys {
        let keys = GpgKeys(self.path("gnupg"));
        let user = "test@clawvault.invalid";
        let mut generate = self.command("gpg");
        generate.args(["--batch", "--passphrase", "", "--quick-generate-key", user, "default"]);
        self.run(generate.args(["default", "never"]), b"");
        keys
    }
}

/// Installs the pinned programs once; gives the directory that they lie in.
fn install() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ways/install");
    let output = Command::new(script).output().expect("the install script runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().into()
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
