"""The files of a store: their tables, made, opened, checked, and what SQLite's errors mean.

A file is made beside its place and gets its name when it is whole, so that an empty or broken file
is always damage and never a run that was killed early.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from evolsynth.errors import InputError, StoreDamaged, StoreError

__all__ = [
    "CACHE",
    "PAGE",
    "RUN",
    "STORE",
    "VERSION",
    "Schema",
    "beside",
    "checksum",
    "connect",
    "damaged",
    "forget",
    "identity",
    "make",
    "make_folder",
    "meaning",
    "opened",
    "own",
    "readable",
    "row_key",
    "sound",
    "sweep",
    "told",
    "transaction",
]

#: The store's name in a run's folder.
STORE = "run.sqlite"
#: Bytes of a page of the file.
PAGE = 4096
#: Of the tables; a file with another is refused.
VERSION = 1

_COMPLETIONS = """
CREATE TABLE completions (
  id INTEGER PRIMARY KEY, key BLOB NOT NULL {unique}, body BLOB NOT NULL, crc INTEGER NOT NULL,
  step TEXT NOT NULL, attempt INTEGER NOT NULL, tokens INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL, seconds REAL NOT NULL, at REAL NOT NULL)"""


class Schema:
    """The tables of a kind of file, and the number that marks it."""

    def __init__(self, mark: bytes, *tables: str) -> None:
        self.mark = int.from_bytes(mark, "big")
        self.tables = tables
        self.names = {t.split()[2] for t in tables if t.split()[1] == "TABLE"}


#: A run's store. Completions are written one behind the other; ``keys``, which finds them by the
#: first bytes of their key, is written in large sorted portions (see `Keys`), because a key's place
#: in an index is random and each one would cost a page. The tables differ in their number of
#: columns, by which the rescue tells their records apart: change nothing without it.
RUN = Schema(
    b"EvSR",
    _COMPLETIONS.format(unique=""),
    "CREATE TABLE keys (print INTEGER PRIMARY KEY, id INTEGER NOT NULL)",
    """
CREATE TABLE rows (
  seq INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, status TEXT NOT NULL, step TEXT,
  at REAL NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL)""",
    "CREATE INDEX rows_by_status ON rows (attempt, status)",
    """
CREATE TABLE events (
  id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL,
  step TEXT, data TEXT NOT NULL)""",
    """
CREATE TABLE attempts (
  number INTEGER PRIMARY KEY, pid INTEGER NOT NULL, host TEXT NOT NULL, started REAL NOT NULL,
  seen REAL NOT NULL, ended TEXT, asked INTEGER NOT NULL, tokens INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL)""",
    "CREATE TABLE meta (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, value TEXT NOT NULL)",
)

#: A file of completions that several runs share, at once too.
CACHE = Schema(b"EvSC", _COMPLETIONS.format(unique="UNIQUE"))


def checksum(body: bytes, key: bytes) -> int:
    """By which a body that was changed on the disk is told; SQLite itself would not notice.

    It does not cover what a completion cost, which decides nothing.
    """
    return zlib.crc32(body, zlib.crc32(key))


def row_key(seq: int, attempt: int, status: str) -> bytes:
    """What a row's checksum covers beside its body: a change here would put it elsewhere."""
    return f"{seq} {attempt} {status}".encode()


def sound(body: object, key: bytes, crc: object) -> bool:
    """Whether a body is what was written."""
    return isinstance(body, bytes) and checksum(body, key) == crc


# Files --------------------------------------------------------------------------------------------


def own(path: Path) -> sqlite3.Connection:
    """The run's store, made where there is none.

    Raises:
        StoreDamaged: it is not whole.
        StoreError: it cannot be made or opened.
        InputError: another version of evolsynth made it.
    """
    log = beside(path, "-wal")
    if not path.exists():
        if log.exists() and log.stat().st_size:
            raise StoreDamaged(
                f"{path}: the run's store is gone, and a part of it is left. "
                f"`evolsynth rescue {path.parent}` saves what can be read."
            )
        make(path, RUN)
    return opened(path, RUN)


def make_folder(place: Path) -> None:
    """Make a run's folder, where it is missing.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{place}: the run's folder cannot be made ({error.strerror}). "
            "Choose another one with -o."
        ) from None


def forget(path: Path) -> None:
    """Delete a store, whatever its state.

    Raises:
        StoreError: it cannot be deleted.
    """
    try:
        for ending in ("", "-wal", "-shm"):
            beside(path, ending).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be deleted ({error.strerror}). Choose another folder with -o."
        ) from None


def identity(path: Path | None) -> tuple[int, int] | None:
    """Which file stands at a path; None: there is none."""
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_dev, found.st_ino)


#: What a process that was killed while it wrote a file leaves beside it.
_UNFINISHED = ("owner.json.*.part", f"{STORE}.*.part*", ".*.part")


def sweep(folder: Path) -> None:
    """Take away unfinished files in a folder that this process has the lock of."""
    for pattern in _UNFINISHED:
        for left in folder.glob(pattern):
            with suppress(OSError):
                left.unlink()


def beside(path: Path, ending: str) -> Path:
    """SQLite's other files of a database."""
    return path.with_name(path.name + ending)


def make(path: Path, schema: Schema) -> None:
    """Make an empty file with these tables; it appears whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.unlink(missing_ok=True)
        with told(path), closing(sqlite3.connect(part, isolation_level=None)) as db:
            db.execute(f"PRAGMA page_size={PAGE}")
            db.execute("BEGIN")
            for table in schema.tables:
                db.execute(table)
            db.execute(f"PRAGMA application_id={schema.mark}")
            db.execute(f"PRAGMA user_version={VERSION}")
            db.execute("COMMIT")
            db.execute("PRAGMA journal_mode=WAL")
        part.replace(path)
    except OSError as error:
        raise StoreError(_unwritable(path, error.strerror)) from None
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            beside(part, ending).unlink(missing_ok=True)


def opened(path: Path, schema: Schema) -> sqlite3.Connection:
    """The run's store or the shared cache, sound as far as its structure goes.

    Raises:
        StoreDamaged: it is no such file, or not whole.
        StoreError: it cannot be opened.
        InputError: another version of evolsynth made it.
    """
    _look_at(path, schema)
    with ExitStack() as opening, told(path):  # closes it where something fails
        db = opening.enter_context(closing(connect(path)))
        _check(db, path, schema)
        opening.pop_all()
        return db


def connect(path: Path | None) -> sqlite3.Connection:
    """A connection with the settings that were measured to be best for a run.

    Raises:
        StoreError: the file cannot be opened.
    """
    if path is not None and not path.is_file():
        raise StoreError(_unwritable(path, "it is not a file"))
    with ExitStack() as opening, told(path):  # closes it where something fails
        db = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=10)
        opening.callback(db.close)
        db.text_factory = _text
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("PRAGMA cache_size=-32000")  # KiB
        db.execute("PRAGMA wal_autocheckpoint=1000")  # pages: 16 MB
        db.execute(f"PRAGMA journal_size_limit={64 << 20}")
        opening.pop_all()
        return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All that is executed, or nothing where something of it fails."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except sqlite3.Error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def readable(path: Path) -> sqlite3.Connection:
    """A connection that only reads; also in a folder that cannot be written.

    Raises:
        StoreError: the file cannot be opened.
    """
    _look_at(path, RUN)
    place = path.absolute().as_uri() + "?mode=ro"
    if not beside(path, "-wal").exists():  # nobody writes
        place += "&immutable=1"  # else SQLite makes files beside it, which may not be allowed
    with told(path):
        db = sqlite3.connect(place, uri=True, isolation_level=None, timeout=10)
    db.text_factory = _text
    return db


def _text(data: bytes) -> str:
    """Text as it is; what was damaged into something else is no reason to read nothing."""
    return data.decode(errors="replace")


def _look_at(path: Path, schema: Schema) -> None:
    """Refuse what is no such file, before SQLite does: it would delete the write-ahead log, and
    wait at a pipe for ever."""
    if not path.is_file():
        if path.exists():
            raise StoreError(_unwritable(path, "it is not a file"))
        return  # what becomes of that is told when it is opened
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise StoreError(_unwritable(path, error.strerror)) from None
    if not head:
        raise StoreDamaged(damaged(path, "it is empty"))
    if head[:16] != b"SQLite format 3\0":
        raise StoreDamaged(damaged(path, "it is not a database"))
    if head[68:72] != schema.mark.to_bytes(4, "big"):
        raise StoreDamaged(damaged(path, "it does not have the mark of one"))


def _check(db: sqlite3.Connection, path: Path, schema: Schema) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        raise InputError(
            f"{path}: made by another version of evolsynth (store {version}, this one reads "
            f"{VERSION}). Go on with that version, or begin anew in another folder with -o."
        )
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type='table'")}
    if not schema.names <= tables:
        raise StoreDamaged(damaged(path, "it has lost tables"))
    if schema is RUN:
        (said,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise StoreDamaged(damaged(path, " ".join(str(said).split())))


@contextmanager
def told(path: Path | None) -> Iterator[None]:
    """What SQLite raises in here is raised as `meaning` says it."""
    try:
        yield
    except sqlite3.Error as error:
        raise meaning(error, path) from None
    except UnicodeDecodeError:  # Python's module reads a message that quotes a damaged schema
        raise StoreDamaged(damaged(path, "its tables' definitions are no text")) from None


def meaning(error: sqlite3.Error, path: Path | None) -> StoreError:
    """SQLite's error as one of ours."""
    code = getattr(error, "sqlite_errorcode", -1) & 0xFF
    place = path or "the store in memory"
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreDamaged(damaged(path, str(error)))
    if code == sqlite3.SQLITE_FULL:
        return StoreError(
            f"{place}: the disk is full. Make room and run the same command again: all that was "
            "stored is there, and the run goes on from it."
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            f"{place}: another process keeps it locked. Wait for it or end it, then run the same "
            "command again."
        )
    return StoreError(_unwritable(place, str(error)))


def damaged(path: Path | None, what: str) -> str:
    """What to say of a file that is not whole, and what to do."""
    if path is None:
        return f"The store in memory is damaged ({what}). Run it again."
    if path.name != STORE:
        return (
            f"{path}: the shared cache is damaged ({what}). Move it away, or give another file: a "
            "new one is made, and the runs' own stores are not affected."
        )
    return (
        f"{path}: the run's store is damaged ({what}). `evolsynth rescue {path.parent}` saves what "
        "can be read, and the run can go on from there."
    )


def _unwritable(path: Path | str, what: str | None) -> str:
    return (
        f"{path}: cannot be opened or written ({what}). Make the folder writable and run the same "
        "command again, or choose another with -o; what was stored is still there."
    )
