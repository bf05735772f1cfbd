//! `exec`: a script of the user's own makes, proves and revokes a key.
//!
//! It is named by its absolute path and pinned by its SHA-256; nobody but its owner (root or us) may
//! write to it. The document goes to its stdin, never into its arguments or environment; its answer is
//! taken from stdout, within bounds of size and time; stderr goes nowhere, since it may hold a value.
//! A status other than 0 is a failure whatever was printed.
//!
//! Params: `script`, `sha256`; `timeout_s` (60 unless said, at most 600); `offers` (operations that it
//! knows, all four unless said); `no_overlap = "yes"` where the old key dies with `create`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use clawvault_core::platform::{executable, process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::document::{Answered, MAX_ANSWER, asked};
use super::{abilities, must_offer};
use crate::adapter::{
    Abilities, Adapter, Answer, Ask, Created, Kind, Listed, Operation, Revoked, Validity,
};
use crate::native::call::{Call, Step};

/// Id of the vendor.
pub const VENDOR: &str = "exec";

const OWN: [&str; 5] = ["script", "sha256", "timeout_s", "offers", "no_overlap"];
const PATIENCE_S: u64 = 60;
const MOST_PATIENCE_S: u64 = 600;

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct Exec;

impl Adapter for Exec {
    fn abilities(&self) -> Abilities {
        abilities(VENDOR, &Ask::default())
    }

    fn abilities_for(&self, ask: &Ask) -> Abilities {
        abilities(VENDOR, ask)
    }

    fn validate<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Validity> {
        let call = Call::new(VENDOR, Operation::Validate, ask);
        Box::pin(async move { run(&call).await?.validity(&call) })
    }

    fn create<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Created> {
        let call = Call::new(VENDOR, Operation::Create, ask);
        Box::pin(async move { run(&call).await?.created(&call) })
    }

    fn revoke<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Revoked> {
        let call = Call::new(VENDOR, Operation::Revoke, ask);
        Box::pin(async move { run(&call).await?.revoked(&call) })
    }

    fn list<'a>(&'a self, ask: &'a Ask) -> Answer<'a, Vec<Listed>> {
        let call = Call::new(VENDOR, Operation::List, ask);
        Box::pin(async move { run(&call).await?.listed(&call) })
    }

    fn plan(&self, operation: Operation, ask: &Ask) -> Vec<String> {
        let call = Call::new(VENDOR, operation, ask);
        let script = call.param("script").unwrap_or("params.script");
        vec![format!("run {script} ({operation:?} on its stdin)").to_lowercase()]
    }
}

async fn run(call: &Call<'_>) -> Step<Answered> {
    must_offer(call)?;
    let script = pinned(call)?;
    let seconds = match call.param("timeout_s").map(str::parse) {
        None => PATIENCE_S,
        Some(Ok(seconds)) if (1..=MOST_PATIENCE_S).contains(&seconds) => seconds,
        Some(_) => return Err(call.not_configured("params.timeout_s is no number from 1 to 600")),
    };
    let document = asked(call, &OWN, true)?;
    let started = Command::new(script)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let not_started = |error: std::io::Error| {
        call.not_configured(format!("the script cannot be started ({})", error.kind()))
    };
    let mut child = started.map_err(not_started)?;
    let group = child.id();
    let spoken =
        tokio::time::timeout(Duration::from_secs(seconds), speak(call, &mut child, document));
    let spoken = spoken.await.unwrap_or_else(|_| {
        Err(call.fault(
            Kind::Lost,
            format!("the script was not done after {seconds} seconds; it was stopped"),
        ))
    });
    if spoken.is_err()
        && let Some(group) = group
    {
        // What it started may hold its pipes.
        process::kill_group(group);
    }
    Answered::read(call, &spoken?)
}

async fn speak(
    call: &Call<'_>,
    child: &mut Child,
    document: Zeroizing<Vec<u8>>,
) -> Step<Zeroizing<Vec<u8>>> {
    let broken = |error: std::io::Error| {
        call.fault(Kind::Lost, format!("the script cannot be listened to ({})", error.kind()))
    };
    if let Some(mut stdin) = child.stdin.take() {
        tokio::spawn(async move {
            // A script that does not want to know everything need not read to the end.
            let _ = stdin.write_all(&document).await;
        });
    }
    let mut answer = Zeroizing::new(Vec::with_capacity(16 * 1024));
    if let Some(stdout) = child.stdout.take() {
        let mut bounded = stdout.take(MAX_ANSWER as u64 + 1);
        bounded.read_to_end(&mut answer).await.map_err(broken)?;
    }
    if answer.len() > MAX_ANSWER {
        return Err(
            call.fault(Kind::Unbounded, "the script printed more than 1 MiB; it was stopped")
        );
    }
    let status = child.wait().await.map_err(broken)?;
    match status.success() {
        true => Ok(answer),
        false => Err(call.fault(Kind::VendorFailed, format!("the script failed ({status})"))),
    }
}

/// The script's path, if it is the one that the policy pins.
fn pinned<'a>(call: &Call<'a>) -> Step<&'a Path> {
    let path = call.param("script").map(Path::new);
    let path = path.filter(|path| path.is_absolute());
    let path = path.ok_or_else(|| call.not_configured("params.script is no absolute path"))?;
    let digest = call.param("sha256").and_then(digest);
    let digest =
        digest.ok_or_else(|| call.not_configured("params.sha256 is not 64 hexadecimal digits"))?;
    let refused = |why: &str| call.not_configured(format!("params.script: {why}"));
    executable::is_pinned(path, &digest).map_err(refused)?;
    Ok(path)
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(digest)
}
