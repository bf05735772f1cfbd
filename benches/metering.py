"""Spawns processes and measures them; keeps what was measured.

CPU is user and system time of the whole process tree that was waited for; it moves far less than
wall time on a machine that does other work. Nothing is pinned and nothing is left out.
"""

import math
import os
import select
import statistics
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path


class BenchError(Exception):
    """What is measured did not do what it is measured for."""


@dataclass
class Usage:
    """What one process took: milliseconds and MiB."""

    cpu: float
    wall: float
    rss: float


@dataclass
class Gate:
    """One bound, and what was measured against it."""

    name: str
    bound: float
    samples: list
    unit: str = ""
    statistic: str = "median"
    exact: bool = False

    @property
    def value(self):
        """The one figure that is held against the bound."""
        return summary(self.samples)[self.statistic]

    @property
    def met(self):
        """Whether the bound is kept."""
        return self.value == self.bound if self.exact else self.value <= self.bound

    def line(self):
        """The gate as one line of the report."""
        s = summary(self.samples)
        sign, unit = "=" if self.exact else "<=", f" {self.unit}" if self.unit else ""
        return (
            f"{'ok    ' if self.met else 'MISSED'} {self.name}: {self.statistic} {self.value:.3f}"
            f"{unit}, bound {sign} {self.bound:.3f} | min {s['min']:.3f} median {s['median']:.3f}"
            f" max {s['max']:.3f} | {s['runs']} runs | load {os.getloadavg()[0]:.2f}"
        )

    def document(self):
        """The gate as data."""
        return asdict(self) | {"value": self.value, "met": self.met} | summary(self.samples)


def summary(samples):
    """Least, middle and greatest of the samples, and how many they are."""
    middle = statistics.median(samples)
    return {"min": min(samples), "median": middle, "max": max(samples), "runs": len(samples)}


def ratios(over, under):
    """Ratios of samples taken one right after the other."""
    return [a / b if b else math.inf for a, b in zip(over, under, strict=True)]


class Meter:
    """Spawns what is measured in one environment, by the compiled helper."""

    def __init__(self, helper, environment, scratch):
        self.helper = str(helper)
        self.environment = environment
        self.stderr = Path(scratch, "stderr")

    def usage(self, command, ends=("0",), **environment):
        """Runs the command and tells what it took; its output goes nowhere.

        It must end with one of the exit codes `ends`.
        """
        reader, writer = os.pipe()
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, self.stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            # The writer is closed on exec: its copy is what the helper has.
            (os.POSIX_SPAWN_DUP2, writer, 3),
        ]
        line = [self.helper, "meter", *map(str, command)]
        child = os.posix_spawn(
            self.helper, line, self.environment | environment, file_actions=actions
        )
        os.close(writer)
        with open(reader, encoding="ascii") as report:
            fields = report.read().split()
        os.waitpid(child, 0)
        if len(fields) != 5 or fields[4] not in ends:
            raise BenchError(f"{command[:2]} failed: {self.stderr.read_text()[-500:]}")
        user, system, rss, wall, _ = map(int, fields)
        return Usage((user + system) / 1e3, wall / 1e6, rss / 1024)

    def acknowledged(self, command, value, **environment):
        """Milliseconds from the spawn to the line `stored…` on stderr; waits for the end too."""
        given, give = os.pipe()
        os.write(give, value)
        os.close(give)
        told, tell = os.pipe()
        actions = [
            (os.POSIX_SPAWN_DUP2, given, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, tell, 2),
        ]
        line = list(map(str, command))
        environment = self.environment | environment
        start = time.perf_counter_ns()
        child = os.posix_spawn(line[0], line, environment, file_actions=actions)
        os.close(tell)
        text = b""
        while not any(part.startswith(b"stored") for part in text.split(b"\n")[:-1]):
            piece = os.read(told, 4096) if select.select([told], [], [], 30)[0] else b""
            if not piece:
                break
            text += piece
        took = (time.perf_counter_ns() - start) / 1e6
        acknowledged = piece != b""
        with open(told, "rb") as rest:
            text += rest.read()
        os.close(given)
        _, status = os.waitpid(child, 0)
        if not acknowledged or status != 0:
            raise BenchError(f"{command[:2]} did not acknowledge: {text[-500:].decode()}")
        return took

    def output(self, command, **environment):
        """What the command prints."""
        done = subprocess.run(
            list(map(str, command)),
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise BenchError(f"{command[:2]} failed: {done.stderr[-500:].decode()}")
        return done.stdout.decode()
