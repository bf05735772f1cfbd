"""What masking costs: CPU beside `cat` between the same pipes, and the start.

The same process writes the same bytes into a pipe, and another reads them from a pipe; between the
two stands `cat`, or clawvault. Clawvault starts the writer itself, so its CPU is that of both, less
what the writer says of itself.
"""

import base64
import os
import random
import time
from pathlib import Path

from metering import BenchError

SEED = 20261122
SIZE = 4 * 1024 * 1024
TIMES = 64


class Masking:
    """The pipeline, and its data."""

    def __init__(self, helper, vault, environment, scratch):
        self.helper, self.vault = str(helper), str(vault)
        self.environment = environment
        self.report = Path(scratch, "writer-cpu")
        self.data = {"source text": scratch / "text", "base64": scratch / "base64"}
        self.data["source text"].write_bytes(source_text())
        self.data["base64"].write_bytes(base64_text())

    def writer(self, name):
        """The command that writes the data."""
        return [self.helper, "write", str(self.data[name]), str(TIMES), str(self.report)]

    def cat(self, name):
        """Milliseconds of CPU that `cat` takes."""
        given, give = os.pipe()
        writer = self.spawn(self.writer(name), output=give)
        os.close(give)
        used, reader = self.between(["cat"], given)
        os.close(given)
        self.end(writer, reader)
        return used

    def masked(self, name, choice):
        """Milliseconds of CPU that clawvault takes, with its start."""
        command = [self.vault, "run", "--mask", *choice, "--", *self.writer(name)]
        used, reader = self.between(command, None)
        self.end(reader)
        return used - int(self.report.read_text()) / 1e3

    def between(self, command, given):
        """Runs the command into a pipe that is read; its CPU, and the reader."""
        come, give = os.pipe()
        reader = self.spawn([self.helper, "drain"], given=come)
        os.close(come)
        process = self.spawn(command, given=given, output=give)
        os.close(give)
        _, status, used = os.wait4(process, 0)
        if status != 0:
            raise BenchError(f"{command[:4]} ended with {status}")
        return (used.ru_utime + used.ru_stime) * 1e3, reader

    def start(self, options):
        """Milliseconds from the spawn of a run of `true` to its end."""
        began = time.perf_counter_ns()
        self.end(self.spawn([self.vault, "run", *options, "--", "true"]))
        return (time.perf_counter_ns() - began) / 1e6

    def spawn(self, command, given=None, output=None):
        null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        actions = [null if given is None else (os.POSIX_SPAWN_DUP2, given, 0)]
        if output is None:
            actions.append((os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0))
        else:
            actions.append((os.POSIX_SPAWN_DUP2, output, 1))
        return os.posix_spawnp(command[0], command, self.environment, file_actions=actions)

    @staticmethod
    def end(*processes):
        for process in processes:
            if os.waitpid(process, 0)[1] != 0:
                raise BenchError("a process of the pipeline failed")


def source_text():
    """Source code and prose of this repository, repeated."""
    root = Path(__file__).parent.parent
    files = sorted(root.glob("src/**/*.rs")) + sorted(root.glob("*.md"))
    text = b"".join(file.read_bytes() for file in files)
    return (text * (SIZE // len(text) + 1))[:SIZE]


def base64_text():
    """Random bytes in lines of base64: any four characters are as likely as those of a value."""
    return base64.encodebytes(random.Random(SEED).randbytes(SIZE * 3 // 4))[:SIZE]
