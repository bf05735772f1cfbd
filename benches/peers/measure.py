"""Measures `clawvault scan` beside git and other scanners, in one run; exits with 1 where a bound
is missed. Called by `benches/peers/run`, which builds and installs what this needs.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from generate import generate, git

# Bounds: CPU over that of the same work elsewhere, and MiB or milliseconds.
HISTORY_OVER_CAT = 1.0
AGAIN_OVER_FIRST = 1 / 50
STAGED_BEYOND_DIFF = 15.0
START = 5.0
TREE_OVER_PEER = 1 / 3
MEMORY = 150.0

# Exit codes with which a scanner says that it read all: nothing found, or something found.
READ = {0, 1, 2, 200, 205}
OWN = {0, 1}


class Bench:
    """One measurement: places, tools, figures and bounds."""

    def __init__(self, given):
        self.vault, self.tools = given.binary.resolve(), given.tools.resolve()
        self.data, self.rounds = given.out.resolve() / "bench-peers", given.rounds
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True)
        self.figures, self.missed = {}, []

    def run(self, name, command, place, accepted):
        """Median CPU in milliseconds of the command's process tree, and the greatest memory."""
        surroundings = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.data),
            "LC_ALL": "C",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        took, rss = [], 0.0
        for _ in range(self.rounds):
            code, cpu, peak = spawned(list(map(str, command)), place, surroundings)
            if code not in accepted:
                raise SystemExit(f"{name}: exit code {code}")
            took.append(cpu)
            rss = max(rss, peak)
        middle = statistics.median(took)
        self.figures[name] = {"cpu_ms": middle, "samples": took, "rss_mib": rss}
        print(f"       {name}: CPU {middle:.1f} ms, memory {rss:.0f} MiB, {len(took)} runs")
        return middle, rss

    def gate(self, name, value, bound):
        """Holds a figure against its bound."""
        met = value <= bound
        print(f"{'ok    ' if met else 'MISSED'} {name}: {value:.3f}, bound <= {bound:.3f}")
        self.figures[f"gate {name}"] = {"value": value, "bound": bound, "met": met}
        if not met:
            self.missed.append(name)

    def peers(self, place, history):
        """What other scanners take for the same work, where they are installed."""
        leaks = ["git" if history else "filesystem", "--no-banner", "."]
        lines = {
            "betterleaks": [found(self.tools, "betterleaks"), *leaks],
            "kingfisher": [
                found(self.tools, "kingfisher"),
                *("scan", "--no-validate", "--no-update-check", "--quiet"),
                *("--git-history", "full" if history else "none", "."),
            ],
        }
        what = "history" if history else "tree"
        return {
            name: self.run(f"{name} {what} {place.name}", line, place, READ)[0]
            for name, line in lines.items()
            if line[0]
        }

    def repository(self, place):
        """History, tree, staged change and start-up in one repository."""
        name = place.name
        cat = ["git", "cat-file", "--batch-all-objects", "--batch", "--buffer", "--unordered"]
        floor, _ = self.run(f"git cat-file {name}", cat, place, {0})
        scan = [self.vault, "scan"]
        first, rss = self.run(f"history {name}", [*scan, "--history"], place, OWN)
        pack = sum(file.stat().st_size for file in place.glob(".git/objects/pack/*")) / 2**20
        self.gate(f"history {name} over git cat-file", first / floor, HISTORY_OVER_CAT)
        self.gate(f"history {name} MiB beyond the pack", rss - pack, MEMORY)
        self.peers(place, history=True)

        tree, _ = self.run(f"tree {name}", scan, place, OWN)
        others = self.peers(place, history=False)
        if others:
            self.gate(f"tree {name} over the fastest peer", tree / min(others.values()),
                      TREE_OVER_PEER)

        (place / "staged.py").write_text("answer = 42\n" * 20)
        git(place, "add", "staged.py")
        diff, _ = self.run(f"git diff --cached {name}", ["git", "diff", "--cached"], place, {0})
        staged, _ = self.run(f"staged {name}", [*scan, "--staged"], place, OWN)
        self.gate(f"staged {name} ms beyond git diff --cached", staged - diff, STAGED_BEYOND_DIFF)
        git(place, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "one")
        again, _ = self.run(f"history again {name}", [*scan, "--history"], place, OWN)
        self.gate(f"history again {name} over the first", again / first, AGAIN_OVER_FIRST)

    def start(self):
        """What a scan of nothing takes."""
        empty = self.data / "empty"
        empty.mkdir()
        (empty / "a").write_text("a\n")
        took, _ = self.run("start-up", [self.vault, "scan", "a"], empty, OWN)
        self.gate("start-up ms", took, START)


def spawned(command, place, surroundings):
    """Runs a command: its exit code, CPU milliseconds of all it waited for, peak MiB.

    The peak is never less than that of this Python, some 19 MiB, from which the process begins.
    """
    child = subprocess.Popen(
        command, cwd=place, env=surroundings,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, (used.ru_utime + used.ru_stime) * 1e3, used.ru_maxrss / 1024


def found(tools, name):
    """The program of that name in its installed package, if it is there."""
    file = tools / "python" / name / "bin" / name
    return file if file.exists() else None


def main():
    """Reads the command line, measures, records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--tools", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--blobs", type=int, nargs="+", default=[5_000, 20_000])
    parser.add_argument("--repository", type=Path, nargs="*", default=[])
    given = parser.parse_args()
    began, bench = time.monotonic(), Bench(given)
    bench.start()
    for blobs in given.blobs:
        place = bench.data / f"made-{blobs}"
        generate(place, blobs)
        bench.repository(place)
    for number, origin in enumerate(given.repository):
        place = bench.data / f"real-{number}"
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", origin, place], check=True)
        git(place, "repack", "-adfq")
        bench.repository(place)
    result = given.out / "bench-peers.json"
    result.write_text(json.dumps(bench.figures, indent=1) + "\n")
    print(f"{len(bench.missed)} missed, {time.monotonic() - began:.0f} s; figures in {result}")
    sys.exit(bool(bench.missed))


if __name__ == "__main__":
    main()
