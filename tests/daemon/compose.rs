//! The recipe for a container, `deploy/compose`: what its file describes, made of namespaces by
//! util-linux. An image is the machine's own `/usr`; Docker is not there.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::served::{Said, finish, until};
use super::system::{AGENT, ANYBODY, GROUP, System};

/// The one service of the recipe.
struct Service(Value);

impl Service {
    /// Read by PyYAML, which comes with the pre-commit framework.
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let installed = Command::new(root.join("tests/deploy/install")).output().unwrap();
        assert!(installed.status.success(), "{installed:?}");
        let tools = String::from_utf8(installed.stdout).unwrap();
        let mut python = Command::new("python3");
        python.env("PYTHONPATH", format!("{}/python", tools.trim()));
        python.args([
            "-c",
            "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)",
        ]);
        let file = std::fs::read(root.join("deploy/compose/compose.yaml")).unwrap();
        let whole: Value = serde_json::from_str(&finish(python, &file).ok()).unwrap();
        Self(whole["services"]["openclaw"].clone())
    }

    fn texts(&self, key: &str) -> Vec<&str> {
        let list = self.0[key].as_array().unwrap_or_else(|| panic!("{key}"));
        list.iter().map(|text| text.as_str().unwrap()).collect()
    }

    /// A container of this service as this user, which runs a shell's script where the recipe has
    /// the gateway.
    fn container(&self, system: &System, user: u32, script: &str) -> Command {
        let place = system.path("container").display().to_string();
        let mut make = format!(
            "set -e\nmount --make-rprivate /\nmkdir -p {place}\nmount -t tmpfs -o mode=755 image {place}\n\
             cd {place}\nmkdir proc dev usr etc run tmp home\nmount --bind /dev dev\n\
             mount -t proc proc proc\n"
        );
        for name in ["usr", "bin", "lib", "lib64", "etc"] {
            make += &format!("mkdir -p {name} && mount --rbind /{name} {name}\n");
        }
        // What an image has at the places that the recipe mounts something on.
        make += "mount -t tmpfs -o mode=755 local usr/local\nmkdir usr/local/bin\n";
        for volume in self.texts("volumes") {
            let parts: Vec<&str> = volume.split(':').collect();
            let from = match parts[0] {
                "/run/clawvault" => system.path("socket"),
                "/usr/local/bin/clawvault" => system.program(),
                "openclaw" => system.path(&user.to_string()),
                other => panic!("{other} is a volume that this test does not know"),
            };
            let (from, to) = (from.display(), parts[1].trim_start_matches('/'));
            make += &format!(
                "if [ -d {from} ]; then mkdir -p {to}; else touch {to}; fi\nmount --bind {from} {to}\n"
            );
            if parts.get(2) == Some(&"ro") {
                make += &format!("mount -o remount,bind,ro {to}\n");
            }
        }
        for path in self.texts("tmpfs") {
            make += &format!("mount -t tmpfs tmpfs .{path}\n");
        }
        assert_eq!(self.0["read_only"], true);
        assert_eq!(self.texts("cap_drop"), ["ALL"]);
        assert_eq!(self.texts("security_opt"), ["no-new-privileges:true"]);
        make += "mount -o remount,ro .\n";
        let groups = self.texts("group_add").join(",");
        let variables = self.0["environment"].as_object().unwrap();
        let variables: Vec<String> = variables
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
            .collect();
        make += &format!(
            "exec chroot . /usr/bin/setpriv --reuid={user} --regid={user} --groups={groups} \
             --bounding-set=-all --inh-caps=-all --no-new-privs /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin \
             {} {} /bin/sh -c \"$0\"\n",
            variables.join(" "),
            self.texts("entrypoint").join(" "),
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]);
        command.args(["/bin/sh", "-c", &make, script]);
        command
    }

    fn run(&self, system: &System, user: u32, script: &str) -> Said {
        finish(self.container(system, user, script), b"")
    }
}

/// What a program in the container asks: `run` has taken our own variables from it.
fn asks(words: &str) -> String {
    format!("CLAWVAULT_SOCKET=/run/clawvault/daemon.sock clawvault {words}")
}

#[test]
fn a_container_gets_what_the_policy_gives_its_user() {
    let Some(mut system) = System::served() else { return };
    let service = Service::read();
    // The numbers of the recipe are those of this test's policy.
    assert_eq!(service.0["user"], format!("{AGENT}:{AGENT}"));
    assert_eq!(service.texts("group_add"), [GROUP.to_string()]);
    assert_eq!(service.texts("command"), ["openclaw", "gateway"]);

    let said = service.run(&system, AGENT, "id -u; env; ls /run/clawvault").ok();
    assert!(said.starts_with("61002\n"), "{said}");
    assert!(said.contains("\nONE=the-first-value\n") && !said.contains("TWO="), "{said}");
    assert!(said.contains("daemon.sock"), "{said}");
    // Nothing of the vault lies in it, and nothing can be put beside the socket.
    let script = "ls -R /run /home; touch /run/clawvault/x || echo cannot; touch /x || echo fixed";
    let said = service.run(&system, AGENT, script).ok();
    assert!(
        said.contains("cannot") && said.contains("fixed") && !said.contains("identity.txt"),
        "{said}"
    );

    let said = service.run(&system, AGENT, &asks("get env/two"));
    assert!(said.code == Some(3) && said.err.contains("hint: "), "{said:?}");
    let said = service.run(&system, ANYBODY, "env");
    assert!(said.code == Some(125) && !said.out.contains("the-first-value"), "{said:?}");

    // A daemon that starts again makes a new socket: the container finds it.
    let script = "echo ready > $HOME/ready; until [ -e $HOME/go ]; do sleep 0.05; done; ";
    let script = format!("{script}{}", asks("get env/one"));
    let mut living = service.container(&system, AGENT, &script);
    let living = living.stdout(std::process::Stdio::piped()).spawn().unwrap();
    until("the container runs", || system.path("61002/ready").exists());
    system.end();
    system.serve();
    std::fs::write(system.path("61002/go"), "").unwrap();
    let output = living.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "the-first-value");

    // Locked: the code that `restart: on-failure` tries again for.
    system.end();
    let said = service.run(&system, AGENT, "env");
    assert_eq!(said.code, Some(125), "{said:?}");
    assert_eq!(service.0["restart"], "on-failure");
}
