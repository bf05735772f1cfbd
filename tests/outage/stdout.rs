//! Where data goes, and where things are looked for: a full stdout, no home directory, no runtime
//! directory. None of these needs a file system of its own.

use std::fs::File;
use std::process::Stdio;

use super::bench::{NAME, OLD, assert_refused, for_anyone};
use super::sandbox::{Said, Sandbox, run};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_vault();
    sandbox.run(&["set", NAME, "--env", "OUTAGE"], OLD.as_bytes()).sound("set");
    sandbox
}

#[test]
fn data_that_stdout_did_not_take_is_a_failure() {
    let sandbox = sandbox();
    let data: [&[&str]; 5] = [
        &["get", NAME],
        &["export", "--format", "json"],
        &["list"],
        &["show", NAME, "--json"],
        &["log"],
    ];
    for words in data {
        let full = File::options().write(true).open("/dev/full").expect("/dev/full is there");
        let mut command = sandbox.command(words);
        command.stdout(full).stderr(Stdio::piped());
        let said = Said::of(command.output().expect("it runs"));
        assert_refused(&words.join(" "), &said, 7);
    }
    assert_eq!(sandbox.run(&["get", NAME], b"").sound("get"), OLD);
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let sandbox = sandbox();
    let (reader, writer) = std::io::pipe().expect("a pipe is made");
    drop(reader);
    let mut command = sandbox.command(&["get", NAME]);
    command.stdout(writer).stderr(Stdio::piped());
    let said = Said::of(command.spawn().and_then(|c| c.wait_with_output()).expect("it runs"));
    assert_eq!((said.code(), said.err.as_str()), (Some(0), ""));
}

#[test]
fn a_user_without_a_home_directory_is_told_so() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIP a_user_without_a_home_directory_is_told_so: needs root");
        return;
    }
    let place = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .expect("a temporary directory is made");
    let program = for_anyone(&place.path().join("clawvault"));
    for words in [&["list"][..], &["init"], &["get", NAME]] {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid", "54321", "--regid", "54321", "--clear-groups"]);
        command.arg(&program).args(words).env_clear();
        assert_refused(words[0], &run(&mut command, b""), 7);
    }
}

#[test]
fn a_run_needs_its_runtime_directory_and_finds_one_without_xdg() {
    let sandbox = sandbox();
    let words = ["run", "--only", NAME, "--", "sh", "-c", "printf %s \"$OUTAGE\""];
    assert_eq!(run(&mut sandbox.command(&words), b"").sound("run"), OLD);
    let mut command = sandbox.command(&words);
    command.env("XDG_RUNTIME_DIR", "/proc/none");
    assert_refused("run", &run(&mut command, b""), 125);
}
