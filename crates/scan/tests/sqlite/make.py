"""Makes databases as the real SQLite leaves them: make.py DIR FRAME, which holds a frame of zstd.

Prints a line for each key that is in them: the key, and where it has to be found, parted by a tab.
"""
import random
import shutil
import sqlite3
import sys
from pathlib import Path

directory, frame = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()
letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"
rng = random.Random(7)


def key(place):
    """A key of GitHub's form, which has to be found there; nowhere if that is None."""
    made = "ghp_" + "".join(rng.choice(letters) for _ in range(36))
    if place is not None:
        print(made, place, sep="\t")
    return made


def connect(name, *pragmas):
    found = sqlite3.connect(directory / name, isolation_level=None)
    for pragma in ("secure_delete = 0", "synchronous = OFF") + pragmas:
        found.execute(f"PRAGMA {pragma}")
    return found


def filler(size):
    return "".join(rng.choice("abcdefgh ,.") for _ in range(size))


# Rows in the log alone, an older state of one of them, and a transaction that was given up.
db = connect("log.db", "journal_mode = WAL", "wal_autocheckpoint = 0")
db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, about TEXT, text TEXT)")
db.execute("CREATE INDEX by_text ON notes (text)")
db.execute("INSERT INTO notes VALUES (7, 'x', ?)", ["says " + key("log.db!notes/text rowid 7")])
db.execute("INSERT INTO notes VALUES (8, 'x', ?)", ["said " + key("log.db-wal!frame")])
db.execute("UPDATE notes SET text = 'nothing' WHERE id = 8")
# It has to fit the cache of pages no more, to be in the log.
db.execute("PRAGMA cache_size = 5")
db.execute("BEGIN")
db.execute("INSERT INTO notes VALUES (9, 'x', ?)", [filler(20000) + " " + key("log.db-wal!frame") + " " + filler(90000)])
db.execute("INSERT INTO notes VALUES (10, 'x', ?)", [filler(90000)])
for part in ("log.db", "log.db-wal"):
    (directory / ("kept-" + part)).write_bytes((directory / part).read_bytes())
db.execute("ROLLBACK")
db.close()
for part in ("log.db", "log.db-wal"):
    shutil.move(directory / ("kept-" + part), directory / part)

# Deleted rows, dropped tables, long values.
db = connect("gone.db")
db.execute("CREATE TABLE notes (text TEXT)")
db.execute("CREATE TABLE dropped (text TEXT)")
for number in range(50):
    db.execute("INSERT INTO notes VALUES (?)", [f"note {number} " + filler(60)])
db.execute("INSERT INTO notes VALUES (?)", ["one " + key("gone.db!page")])
twice = key("gone.db!notes/text rowid 52")
db.execute("INSERT INTO notes VALUES (?)", ["two " + twice])
db.execute("INSERT INTO notes VALUES (?)", ["too " + twice])
db.execute("INSERT INTO dropped VALUES (?)", ["three " + key("gone.db!page")])
db.execute("DELETE FROM notes WHERE text LIKE 'one %' OR text LIKE 'too %'")
# Values that touch words of the next column: the last row, and one between others.
db.execute("CREATE TABLE store (scope TEXT, name TEXT, value TEXT, kind TEXT, at INT)")
for number in range(9):
    gone = number in (3, 8)
    value = key("gone.db!page" if gone else f"gone.db!store/value rowid {number + 1}")
    db.execute("INSERT INTO store VALUES ('', ?, ?, 'secret', 17)", [f"KEY_{number}", value])
db.execute("DELETE FROM store WHERE name IN ('KEY_3', 'KEY_8')")
db.execute("DROP TABLE dropped")
db.close()

# Every size of pages, each encoding, keys of tables that have no row ids, values over many pages.
for size in (512, 1024, 4096, 65536):
    for encoding in ("UTF-8", "UTF-16le", "UTF-16be"):
        name = f"{size}-{encoding}.db"
        db = connect(name, "journal_mode = OFF", f"page_size = {size}", f"encoding = '{encoding}'", "auto_vacuum = 1")
        db.execute('CREATE TABLE "a ""b" (x INT, "c d" TEXT, e BLOB)')
        db.execute("CREATE TABLE w (v TEXT, k TEXT, PRIMARY KEY (k)) WITHOUT ROWID")
        for number in range(300):
            long = filler(rng.randrange(1, 700))
            db.execute('INSERT INTO "a ""b" VALUES (1, ?, NULL)', [long])
            db.execute("INSERT INTO w VALUES (?, ?)", [filler(40), f"{number:03} {long}"])
        for number in range(301, 331):
            found = key(f'{name}!a "b/c d rowid {number}')
            # So that each border between pages falls into some key.
            text = filler(rng.randrange(size * 3)) + " " + found + " " + filler(rng.randrange(size))
            db.execute('INSERT INTO "a ""b" VALUES (1, ?, NULL)', [text])
        db.execute("INSERT INTO w VALUES (?, '007 ')", ["v " + key(f"{name}!w/v row")])
        db.close()

# Packed values, names beside values, documents.
db = connect("openclaw.db")
db.execute("CREATE TABLE transcript_events (session_id TEXT, seq INT, event_json TEXT, event_zstd BLOB)")
db.execute("CREATE TABLE secret_store_entries (scope TEXT, name TEXT, value TEXT, kind TEXT)")
db.execute("CREATE TABLE device_auth_tokens (device_id TEXT, token TEXT)")
db.execute("INSERT INTO transcript_events VALUES ('s', 1, NULL, ?)", [frame])
for name, kind, place in (("PLAIN", "secret", "openclaw.db!secret_store_entries/value rowid 1"),):
    print("any-shape-at-all", place, sep="\t")
    db.execute("INSERT INTO secret_store_entries VALUES ('', ?, 'any-shape-at-all', ?)", [name, kind])
db.execute("INSERT INTO secret_store_entries VALUES ('', 'EDITOR', '/usr/bin/vim', 'env')")
print("0f4c1a7e-93b2-4d55-8c1e-2b7f6a90d3e1", "openclaw.db!device_auth_tokens/token rowid 1", sep="\t")
db.execute("INSERT INTO device_auth_tokens VALUES ('d', '0f4c1a7e-93b2-4d55-8c1e-2b7f6a90d3e1')")
db.close()
