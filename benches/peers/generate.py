"""Makes a packed repository with a long history, the same each time: `generate.py DIR BLOBS`.

Files of several kinds grow and change by small edits, as sources do, so that git stores most
versions as deltas. Invented secrets are planted; what was planted is printed as `secrets: N`.
"""

import argparse
import os
import random
import string
import subprocess
from pathlib import Path

SEED = 20261125
# Versions that one file gets on average, and lines that it begins with.
VERSIONS = 12
LINES = (40, 260)
# One secret in so many blobs.
PLANTED_EVERY = 500
FILES_A_COMMIT = 5
STAMP = 1_700_000_000

WORDS = (
    "account address append balance batch branch buffer build cache channel check client close"
    " collect column commit config connect context count create cursor decode delete deliver"
    " device digest driver encode engine entry error event export fetch field filter finish flush"
    " format frame gather handle header helper index input insert invoice layer length limit list"
    " load locate logger margin matrix merge message metric model module monitor node number object"
    " offset option order output packet parent parse path pattern payload plan point policy pool"
    " process queue range reader record region release render report request reset result retry"
    " route sample schema scope search segment session shape signal socket source stage state store"
    " stream string table target task template thread ticket token trace update user value vector"
    " version visit widget window worker writer"
).split()


def code(pick, indent, sign):
    """A line of a program."""
    a, b, c, d = pick(4)
    return (
        f"{indent}{a}_{b} = {c}.{d}({b}, {len(a) * 7}){sign}",
        f"{indent}if {a}.{b} > {len(c) * 13} and not {d}:{sign}",
        f'{indent}{a}.{b}("{c} the {d} of %s", {b}){sign}',
        f"{indent}return {a}({b}, {c}_{d}){sign}",
        f"{indent}# The {a} must {b} before the {c} has a {d}.",
    )[(len(a) + len(b) * 3 + len(c) * 7) % 5]


def line_of(kind, pick):
    """One line of a file of that kind."""
    a, b, c, d = pick(4)
    if kind == "json":
        return f'  "{a}{b.title()}": {{ "{c}": "{d} {a}", "{d}": {len(b) * 31} }},'
    if kind == "yaml":
        return f"  {a}-{b}:\n    {c}: {d}\n    limit: {len(a) * 17}"
    if kind == "md":
        return f"The {a} of a {b} is where each {c} may {d}; see `{a}.{c}` for the {b}.\n"
    return code(pick, "    " * (len(a) % 3), ";" if kind == "js" else "")


KINDS = (("py", 4), ("js", 4), ("md", 2), ("json", 1), ("yaml", 1))


class History:
    """The history as it is written into `git fast-import`."""

    def __init__(self, blobs):
        self.random = random.Random(SEED)
        self.blobs, self.planted, self.mark = blobs, 0, 0
        self.files = [self.fresh(number) for number in range(max(1, blobs // VERSIONS))]

    def pick(self, count):
        """So many words."""
        return self.random.choices(WORDS, k=count)

    def fresh(self, number):
        """A new file: its path, kind and lines."""
        names, weights = zip(*KINDS, strict=True)
        kind = self.random.choices(names, weights)[0]
        first, second = self.pick(2)
        lines = [line_of(kind, self.pick) for _ in range(self.random.randint(*LINES))]
        return f"{first}/{second}/{number}.{kind}", kind, lines

    def secret(self):
        """A line with an invented token of a known shape."""
        alphabet = string.ascii_letters + string.digits
        value = "".join(self.random.choices(alphabet, k=32))
        name = self.pick(1)[0].upper()
        self.planted += 1
        return f'{name}_API_KEY = "{value}"'

    def edit(self, kind, lines):
        """Changes a file as one commit does."""
        for _ in range(self.random.randint(1, 4)):
            place = self.random.randrange(len(lines))
            if self.random.random() < 0.3 and len(lines) > LINES[0]:
                del lines[place]
            else:
                lines.insert(place, line_of(kind, self.pick))

    def blob(self, number):
        """The next version of a file, as a command for fast-import."""
        path, kind, lines = self.files[number % len(self.files)]
        if number >= len(self.files):
            self.edit(kind, lines)
        if number % PLANTED_EVERY == PLANTED_EVERY // 2:
            lines.insert(self.random.randrange(len(lines)), self.secret())
        text = ("\n".join(lines) + f"\n// {number}\n").encode()
        self.mark += 1
        return path, b"blob\nmark :%d\ndata %d\n%s\n" % (self.mark, len(text), text)

    def commands(self):
        """All commands of the history, piece by piece."""
        order, waiting = list(range(self.blobs)), []
        for number in order:
            path, command = self.blob(number)
            yield command
            waiting.append((self.mark, path))
            if len(waiting) == FILES_A_COMMIT or number == self.blobs - 1:
                yield self.commit(number, waiting)
                waiting = []

    def commit(self, number, waiting):
        """A commit of the blobs that wait."""
        message = b"change %d" % number
        head = b"commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata %d\n%s\n"
        files = b"".join(b"M 100644 :%d %s\n" % (mark, path.encode()) for mark, path in waiting)
        return head % (STAMP + number, len(message), message) + files + b"\n"


def git(directory, *arguments, **more):
    """Runs git without the settings of who calls."""
    surroundings = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", "-C", str(directory), *arguments], env=surroundings, check=True, **more
    )


def generate(directory, blobs):
    """Makes the repository in a new directory; returns how many secrets it has."""
    directory = Path(directory)
    directory.mkdir(parents=True)
    git(directory, "init", "--quiet", "--initial-branch=main")
    history = History(blobs)
    surroundings = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    line = ["git", "-C", str(directory), "fast-import", "--quiet"]
    with subprocess.Popen(line, stdin=subprocess.PIPE, env=surroundings) as importer:
        for command in history.commands():
            importer.stdin.write(command)
        importer.stdin.close()
        if importer.wait() != 0:
            raise SystemExit("git fast-import failed")
    git(directory, "repack", "-adfq")
    git(directory, "reset", "--quiet", "--hard")
    return history.planted


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("blobs", type=int)
    given = parser.parse_args()
    print(f"secrets: {generate(given.directory, given.blobs)}")


if __name__ == "__main__":
    main()
