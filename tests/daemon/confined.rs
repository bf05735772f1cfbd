//! `run --confine`: the program sees neither the vault nor the daemon, as root and as anybody.

use super::served::{Said, Served, finish};
use super::system::{OPERATOR, System};

/// What one who is confined tries; each line that it prints is one way out that it found.
const TRIES: &str = r#"
say() { echo "FOUND $1"; }
cat $HOME_DIR/identity.txt 2>/dev/null && say identity
ls $HOME_DIR 2>/dev/null | grep . && say home
cat $HOME_DIR/vault.toml 2>/dev/null && say header
[ -S "$SOCKET" ] && say socket
ls $(dirname $SOCKET) 2>/dev/null | grep -v '^files$' | grep . && say runtime
cat /proc/$DAEMON/environ 2>/dev/null | grep -q . && say environ
ls -L /proc/$DAEMON/root 2>/dev/null | grep -q . && say root
ls -L /proc/$OUTSIDE/root 2>/dev/null | grep -q . && say root-of-another
cat /proc/$OUTSIDE/environ 2>/dev/null | grep -q . && say environ-of-another
ls /proc/$OUTSIDE/cwd/ 2>/dev/null | grep -q . && say cwd-of-another
umount $HOME_DIR 2>/dev/null && say umount
umount -l $HOME_DIR 2>/dev/null && say umount-lazily
unshare -Urm umount $HOME_DIR 2>/dev/null && say umount-in-a-namespace
unshare -Urm mount --move $HOME_DIR /mnt 2>/dev/null && say move
nsenter -t $OUTSIDE -m true 2>/dev/null && say nsenter
nsenter -t $OUTSIDE -U true 2>/dev/null && say nsenter-user
touch $HOME_DIR/x 2>/dev/null && say write
mkdir -p $HOME_DIR/y 2>/dev/null && say make
$CV get env/two 2>/dev/null && say get
CLAWVAULT_SOCKET=$SOCKET $CV get env/two 2>/dev/null && say get-by-socket
ls . 2>/dev/null | grep -qx vault.toml && say where-it-stood
echo "ONE=$ONE"; cat $FILE
"#;

fn script(home: &str, socket: &str, daemon: u32, outside: u32, cv: &str) -> String {
    format!(
        "HOME_DIR={home}; SOCKET={socket}; DAEMON={daemon}; OUTSIDE={outside}; CV={cv}; \
         export CLAWVAULT_HOME=$HOME_DIR; {TRIES}"
    )
}

fn has_its_own_and_no_more(said: &Said) {
    if said.err.contains("does not let this user make namespaces") {
        // As promised where there are none: said, and nothing launched.
        assert_eq!(said.code, Some(125));
        println!("SKIP: this machine lets users make no namespaces");
        return;
    }
    assert!(!said.out.contains("FOUND"), "{said:?}");
    assert!(said.out.contains("ONE=the-first-value\nthe-second-value"), "{said:?}");
}

#[test]
fn a_confined_program_sees_neither_vault_nor_daemon() {
    let served = Served::unlocked();
    served.set("env/two", "the-second-value");
    let mut outside = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let text = script(
        &served.path("home").display().to_string(),
        &served.socket().display().to_string(),
        served.pid(),
        outside.id(),
        super::served::PROGRAM,
    );
    let words =
        ["run", "--confine", "--only", "env/one", "--file", "FILE=env/two", "--", "/bin/sh"];
    let mut command = served.command(&words);
    // It stands where it must not see: what it stood in is gone as well.
    command.args(["-c", &text]).current_dir(served.path("home"));
    has_its_own_and_no_more(&finish(command, b""));
    // Without the option it finds what it looks for: the tries mean something.
    let mut command = served.command(&words);
    let open: Vec<&str> = words.iter().copied().filter(|w| *w != "--confine").collect();
    command = {
        drop(command);
        served.command(&open)
    };
    let found = finish(
        {
            command.args(["-c", &text]);
            command
        },
        b"",
    );
    for way in ["identity", "home", "header", "socket", "runtime", "root-of-another", "write"] {
        assert!(found.out.contains(&format!("FOUND {way}\n")), "{way}: {found:?}");
    }
    outside.kill().unwrap();
    outside.wait().unwrap();
}

#[test]
fn it_is_confined_as_another_user_too() {
    let Some(system) = System::served() else { return };
    let mut sleep = system.command_as(OPERATOR, "/bin/sleep");
    let mut outside = sleep.arg("60").spawn().unwrap();
    let text = script(
        &system.path("vault/home").display().to_string(),
        &system.socket().display().to_string(),
        system.pid(),
        outside.id(),
        &system.program().display().to_string(),
    );
    let mut command = system.command_as(OPERATOR, system.program());
    command.args(["run", "--confine", "--only", "env/one", "--file", "FILE=env/two"]);
    command.args(["--", "/bin/sh", "-c", &text]);
    has_its_own_and_no_more(&finish(command, b""));
    outside.kill().unwrap();
    outside.wait().unwrap();
}

#[test]
fn where_there_are_no_namespaces_nothing_is_launched() {
    let served = Served::unlocked();
    // In a user namespace of its own the limit is its own as well.
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec clawvault run --confine -- echo launched";
    let said = finish(served.command_of("/usr/bin/unshare", &["-r", "/bin/sh", "-c", script]), b"");
    if said.err.contains("Permission denied") || said.err.contains("unshare failed") {
        println!("SKIP: no user namespace can be made here, so none can be forbidden");
        return;
    }
    said.refused(125);
    assert!(!said.out.contains("launched"), "{said:?}");
    assert!(said.err.contains("namespaces"), "{said:?}");
}
