#!/usr/bin/env python3
"""Audits a real Debian tree: `tests/audit/debian.py CLAWVAULT DIRECTORY`, as root.

debootstrap (a Debian package, installed where it is missing) lays the tree out below DIRECTORY from
the mirror that this machine uses. It is audited as installed, and again with the files that the
checklist asks for; how each check has to end stands in fixtures/hosts/debootstrap.toml. Exits 1 and
names what ended otherwise.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib

PACKAGES = "openssh-server,unattended-upgrades,fail2ban,nftables,systemd-sysv,systemd-timesyncd"
EXPECTED = pathlib.Path(__file__).parents[2] / "fixtures/hosts/debootstrap.toml"


def main(program, directory):
    if not shutil.which("debootstrap"):
        apt = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "debootstrap"]
        subprocess.run(apt, check=True)
    root = pathlib.Path(directory)
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    expected = tomllib.loads(EXPECTED.read_text())
    wrong = compare("as installed", audit(program, root), expected["ends"], 0)
    for path, text in expected["files"].items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for path, target in expected["links"].items():
        link = root / path.lstrip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    wrong += compare("hardened", audit(program, root), expected["ends"], 1)
    # What was written is what a server takes, as its own programs say.
    os.makedirs(root / "run/sshd", exist_ok=True)
    for check in (["/usr/sbin/sshd", "-t"], ["/usr/sbin/nft", "-c", "-f", "/etc/nftables.conf"]):
        if subprocess.run(["chroot", root, *check]).returncode != 0:
            wrong.append(f"hardened: {' '.join(check)} refuses it")
    shutil.rmtree(root)
    print("\n".join(wrong) or f"{len(expected['ends'])} checks end as they should, twice")
    return bool(wrong)


def audit(program, root):
    done = subprocess.run([program, "audit", "--root", root, "--json"], capture_output=True)
    return {check["id"]: check for check in json.loads(done.stdout)["checks"]}


def compare(tree, checks, ends, column):
    wrong = []
    for name, both in ends.items():
        wanted, check = both.split()[column], checks[name]
        if check["status"] != wanted:
            wrong.append(f"{tree}: {name} is {check['status']}, not {wanted}: {check['evidence']}")
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
