"""Makes large repositories as they grow in life, the same every time: many files, many small edits.

`git fast-import` takes them, and `git repack` packs them as a server would; texts of several kinds,
each with its own way to grow, so that deltas arise. One blob in a thousand brings a secret that was
never issued.
"""

import random
import shutil
import subprocess
from pathlib import Path

SEED = 20261125
EDITS = 6  # blobs of one commit
PLANTED = 1_000  # one blob of so many gets a secret
LINES = (20, 400)  # of a new file
WORDS = (
    "account address amount array batch body buffer build bytes cache call channel check client code"
    " column config connection content context count create cursor data date default delete detail"
    " device document entry error event fetch field file filter find first flag format group handle"
    " header helper host image index input insert item join key label last length level limit line"
    " list load local lock main manager map match member message method mode model module name next"
    " node number object offset open option order output owner page parent parse path pattern pool"
    " port prefix process query queue random range read record region request reset result return"
    " route rule schema scope select send server service session size sort source stack start state"
    " status step store stream string style table tag target task test text thread time token total"
    " trace type update upload user value version view window worker write"
).split()


class Writer:
    """Lines of one kind of text each."""

    def __init__(self, source):
        self.source = source
        self.kinds = {
            "py": self.python,
            "rs": self.rust,
            "js": self.script,
            "json": self.json,
            "yaml": self.yaml,
            "md": self.prose,
            "lock": self.lock,
            "css": self.style,
        }

    def words(self, count, joint):
        return joint.join(self.source.choices(WORDS, k=count))

    def python(self):
        a, b = self.words(2, "_"), self.words(2, "_")
        return self.source.choice((
            f"def {a}(self, {b}=None):",
            f"    {a} = self.{b}({self.words(1, '')}, {self.source.randrange(512)})",
            f"    if {a} is not None and len({b}) > {self.source.randrange(64)}:",
            f'        raise ValueError("{self.words(5, " ")}")',
            f"    # {self.words(9, ' ')}.",
            f"        return [{a} for {a} in {b} if {a}.{self.words(1, '')}]",
            "",
        ))

    def rust(self):
        a, b = self.words(2, "_"), self.words(2, "_")
        return self.source.choice((
            f"    let {a} = self.{b}.get(&{self.words(1, '')})?;",
            f"    pub fn {a}(&self, {b}: &[u8]) -> Result<usize, Error> {{",
            f"        {a} => Err(Error::{self.words(2, '').title()}),",
            f"    /// {self.words(8, ' ').capitalize()}.",
            f"    assert_eq!({a}.len(), {self.source.randrange(4096)});",
            "    }",
            "",
        ))

    def script(self):
        a, b = self.words(2, "").title(), self.words(2, "_")
        return self.source.choice((
            f"  const {b} = await this.{self.words(1, '')}{a}({{ {self.words(1, '')}: '{b}' }});",
            f"export function get{a}({b}) {{",
            f"  if (!{b} || {b}.length < {self.source.randrange(32)}) return null;",
            f"  // {self.words(8, ' ')}",
            f"    expect(render(<{a} {self.words(1, '')}=\"{b}\" />)).toBe(true);",
            "}",
        ))

    def json(self):
        value = self.source.choice((
            str(self.source.randrange(100_000)), f'"{self.words(4, " ")}"', "true", "null",
            f'"https://{self.words(2, "-")}.example.com/{self.words(3, "/")}"',
        ))
        return f'    "{self.words(2, "_")}": {value},'

    def yaml(self):
        indent = "  " * self.source.randrange(5)
        return f"{indent}{self.words(2, '-')}: {self.words(self.source.randrange(1, 5), ' ')}"

    def prose(self):
        return self.source.choice(("", f"## {self.words(3, ' ').title()}", self.words(14, " ") + "."))

    def lock(self):
        digest = self.source.randbytes(32).hex()
        return self.source.choice((
            f'name = "{self.words(2, "-")}"',
            f'version = "{self.source.randrange(9)}.{self.source.randrange(40)}.0"',
            f'checksum = "{digest}"',
            "[[package]]",
        ))

    def style(self):
        return f".{self.words(2, '-')} {{ {self.words(1, '')}: #{self.source.randrange(1 << 24):06x}; }}"

    def secret(self):
        letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        value = "".join(self.source.choices(letters, k=36))
        return self.source.choice((
            f"GITHUB_TOKEN=ghp_{value}",
            f'slack_token = "xoxb-{self.source.randrange(10**12):012}-{self.source.randrange(10**12):012}-'
            f'{value[:24]}"',
            f"  database_url: postgres://service:{value[:20]}@db.internal:5432/main",
            f'"stripe": "sk_live_{value[:24]}",',
        ))


def stream(blobs, planted):
    """What `git fast-import` reads, piece by piece; adds each secret to `planted`."""
    source = random.Random(SEED)
    writer = Writer(source)
    files, made, commit = [], 0, 0
    yield b"feature done\n"
    while made < blobs:
        commit += 1
        message = writer.words(6, " ").encode()
        when = 1_500_000_000 + commit * 3_600  # seconds
        author = f"{source.choice(WORDS).title()} <dev@example.com> {when} +0000"
        yield b"commit refs/heads/main\nmark :%d\ncommitter %s\ndata %d\n%s\n" % (
            commit, author.encode(), len(message), message)
        if commit > 1:
            yield b"from :%d\n" % (commit - 1)
        touched = set()
        for _ in range(min(EDITS, blobs - made)):
            made += 1
            number = choose(source, files, touched)
            path, lines = new_file(writer, len(files)) if number == len(files) else files[number]
            if number == len(files):
                files.append((path, lines))
            else:
                edit(writer, path, lines)
            touched.add(number)
            if source.random() < 1 / PLANTED:
                planted.append(writer.secret())
                lines.insert(source.randrange(len(lines) + 1), planted[-1])
            text = "\n".join(lines).encode() + b"\n"
            yield b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(text), text)
    yield b"done\n"


def choose(source, files, touched):
    """A file that is there, the later ones more often, or a new one: one in eight."""
    if not files or source.random() < 0.125:
        return len(files)
    for _ in range(8):
        number = int(len(files) * source.random() ** 0.5)
        if number not in touched:
            return number
    return len(files)


def new_file(writer, number):
    source = writer.source
    kind = source.choice(tuple(writer.kinds))
    path = f"{source.choice(WORDS)}/{source.choice(WORDS)}/{source.choice(WORDS)}_{number}.{kind}"
    return path, [writer.kinds[kind]() for _ in range(source.randrange(*LINES))]


def edit(writer, path, lines):
    """Some lines changed, put in and taken out, at one to four places."""
    source = writer.source
    line = writer.kinds[path.rsplit(".", 1)[1]]
    for _ in range(source.randrange(1, 5)):
        at = source.randrange(len(lines) + 1)
        lines[at : at + source.randrange(3)] = [line() for _ in range(source.randrange(1, 6))]


def make(path: Path, blobs: int):
    """A bare repository with so many blobs, in one pack; one that is whole already is kept.

    Gives how many secrets are planted in it.
    """
    whole = path / "planted"
    if whole.exists():
        return int(whole.read_text(encoding="ascii"))
    shutil.rmtree(path, ignore_errors=True)
    git, planted = ["git", "-C", str(path)], []
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
    command = [*git, "fast-import", "--quiet", "--done"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        for piece in stream(blobs, planted):
            process.stdin.write(piece)
        process.stdin.close()
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    subprocess.run([*git, "repack", "-adfq"], check=True)
    whole.write_text(str(len(planted)), encoding="ascii")
    return len(planted)
