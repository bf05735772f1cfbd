//! The whole product with a real server: `clawvault rotate`, by its own engine, vault and policy.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::{fields, is_dead, is_live, run};

/// A vault, and calls of the product with it.
pub(crate) struct Vault {
    root: TempDir,
    runtime: TempDir,
}

impl Vault {
    pub(crate) fn new() -> Self {
        let vault =
            Self { root: TempDir::new().unwrap(), runtime: TempDir::new_in("/dev/shm").unwrap() };
        vault.succeeds(&["init"], "");
        vault
    }

    fn call(&self, arguments: &[&str], stdin: &str) -> (bool, String, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_clawvault"))
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.root.path())
            .env("CLAWVAULT_HOME", self.root.path().join("vault"))
            .env("XDG_RUNTIME_DIR", self.runtime.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who asks nothing does not read to the end.
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).ok();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    }

    pub(crate) fn succeeds(&self, arguments: &[&str], stdin: &str) -> String {
        let (well, stdout, stderr) = self.call(arguments, stdin);
        assert!(well, "{arguments:?}: {stdout}{stderr}");
        stdout
    }

    pub(crate) fn set(&self, name: &str, fields: &serde_json::Value) {
        self.succeeds(&["set", name, "--fields"], &fields.to_string());
    }

    pub(crate) fn policy(&self, text: &str) {
        let path = self.root.path().join("policy.toml");
        std::fs::write(&path, text).unwrap();
        self.succeeds(&["policy", "apply", path.to_str().unwrap(), "--yes"], "");
    }

    pub(crate) fn get(&self, name: &str) -> String {
        self.succeeds(&["get", name], "")
    }

    /// A call as a shell on this machine takes it.
    pub(crate) fn line(&self, arguments: &str) -> String {
        let (home, runtime) = (self.root.path().display(), self.runtime.path().display());
        format!(
            "HOME={home} CLAWVAULT_HOME={home}/vault XDG_RUNTIME_DIR={runtime} {} {arguments}",
            env!("CARGO_BIN_EXE_clawvault")
        )
    }

    pub(crate) fn home(&self) -> &Path {
        self.root.path()
    }
}

#[test]
fn the_command_rotates_a_role() {
    use crate::postgres::{ADMIN, FIRST, start};
    use clawvault_providers::adapter::Adapter as _;
    use clawvault_providers::native::postgres::Postgres;

    let server = start();
    let vault = Vault::new();
    let key = json!({
        "user": "app_a", "password": FIRST, "host": "127.0.0.1", "port": server.port.to_string(),
        "database": "postgres",
    });
    vault.set("postgres/app", &key);
    vault.set("postgres/admin", &json!({"user": "admin", "password": ADMIN}));
    vault.policy(
        "[secrets.\"postgres/app\"]\nadmin = \"postgres/admin\"\noverlap = \"0s\"\n\
         params = { roles = \"app_a, app_b\" }\n",
    );
    let plan = vault.succeeds(&["rotate", "postgres/app", "--dry-run"], "");
    assert!(
        plan.contains("ALTER ROLE (the idle one of app_a, app_b) LOGIN") && !plan.contains(FIRST),
        "{plan}"
    );
    for (user, other) in [("app_b", "app_a"), ("app_a", "app_b")] {
        let old = vault.get("postgres/app#password");
        vault.succeeds(&["rotate", "postgres/app"], "");
        let new = vault.get("postgres/app#password");
        assert_eq!(vault.get("postgres/app#user"), user);
        let port = server.port.to_string();
        let login = |user: &str, password: &str| {
            let key = fields(&[
                ("user", user),
                ("password", password),
                ("host", "127.0.0.1"),
                ("port", &port),
                ("database", "postgres"),
            ]);
            run(Postgres.validate(&crate::ask(key, &[]))).unwrap()
        };
        assert!(is_live(&login(user, &new)) && is_dead(&login(other, &old)));
    }
    assert!(vault.home().is_dir());
}
