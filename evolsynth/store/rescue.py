"""Saving what can be read of a damaged run store, and putting a sound one in its place."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import BinaryIO

import msgspec

from evolsynth.atomic import write
from evolsynth.errors import InputError, StoreDamaged, StoreError
from evolsynth.store.journal import Keys
from evolsynth.store.lock import RunLock
from evolsynth.store.sqlite_file import (
    PAGE,
    RUN,
    STORE,
    beside,
    connect,
    make,
    opened,
    row_key,
    sound,
    told,
)

__all__ = ["Pages", "Rescued", "rescue"]

Value = int | float | bytes | str | None
#: A record's number in its table, and its columns; the first, a number of its own, is None.
Record = tuple[int, list[Value]]

#: Records in a transaction.
_PORTION = 1000
#: First bytes of the pages of a tree, and of its leaves that hold records; the most columns.
_KINDS, _LEAF, _COLUMNS = (2, 5, 10, 13), 13, 10
_FORWARDS = "SELECT rowid, * FROM any ORDER BY rowid"
_BACKWARDS = f"{_FORWARDS} DESC"
_NOTHING = Path(os.devnull)

_PUT_ROW = (  # of two versions of a row the later counts
    "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO UPDATE SET "
    "attempt=excluded.attempt, status=excluded.status, step=excluded.step, at=excluded.at, "
    "body=excluded.body, crc=excluded.crc WHERE excluded.attempt >= rows.attempt"
)
_LAST = "SELECT max((SELECT ifnull(max({0}), 0) FROM {1}), (SELECT ifnull(max({2}), 0) FROM {3}))"


class Rescued(msgspec.Struct, kw_only=True):
    """What was saved, and what was not.

    ``sound``: the store was whole, and stays as it is. ``rows`` by status and ``completions`` were
    saved. Of ``pages``, ``unread`` could not be read; ``torn`` only in part; ``changed`` records
    are not what was written. ``aside`` is where the damaged
    store is kept, ``files`` are what was written.
    """

    sound: bool
    rows: Counter[str]
    completions: int
    pages: int = 0
    unread: int = 0
    torn: int = 0
    changed: int = 0
    aside: Path | None = None
    files: tuple[Path, ...] = ()


def rescue(folder: Path | str) -> Rescued:
    """Save a run's rows and completions as JSON Lines in ``rescued`` in the run's folder.

    A damaged store is kept as ``run.damaged.sqlite``, and a new one with all that was saved comes
    in its place, from which the run goes on. One that is sound is left as it is.

    Raises:
        InputError: there is no run in the folder, or another version of evolsynth made it.
        RunLocked: the run goes on at the moment.
        StoreError: the folder cannot be written.
    """
    place = Path(folder)
    path = place / STORE
    if not path.is_file() and not beside(path, "-wal").is_file():
        raise InputError(
            f"{place}: there is no run here (no {STORE}). Give the folder that -o named."
        )
    lock = RunLock(place)
    lock.acquire()
    try:
        with told(path):
            saved = _sound(path) or _replaced(path)
            with closing(connect(path)) as db:
                _export(db, place / "rescued", saved)
    except OSError as error:
        raise StoreError(
            f"{place}: cannot be written ({error.strerror}). Make room or make it writable, and "
            "run the same command again."
        ) from None
    finally:
        lock.release()
    return saved


def _sound(path: Path) -> Rescued | None:
    """Nothing saved yet, where nothing needs to be; None for a damaged store."""
    if not path.is_file() or path.stat().st_size == 0:
        return None
    try:
        opened(path, RUN).close()
    except StoreDamaged:
        return None
    return Rescued(sound=True, rows=Counter(), completions=0)


def _replaced(path: Path) -> Rescued:
    """Put a store with all that can be read in the place of the damaged one."""
    saved = Rescued(sound=False, rows=Counter(), completions=0)
    fresh = path.with_name("run.rescue.sqlite")
    for ending in ("", "-wal", "-shm"):
        beside(fresh, ending).unlink(missing_ok=True)
    make(fresh, RUN)
    with closing(connect(fresh)) as db:
        pages = Pages(path, beside(path, "-wal"))
        _fill(db, pages, saved)
        saved.pages, saved.unread, saved.torn = pages.count, pages.unread, pages.torn
        _note(db, saved)
    saved.aside = _aside(path)
    for ending in ("-wal", "-shm"):  # of the old one; it would be taken for the new one's
        beside(path, ending).unlink(missing_ok=True)
    fresh.replace(path)
    return saved


def _fill(db: sqlite3.Connection, pages: Pages, saved: Rescued) -> None:
    keys = Keys(db)
    db.execute("BEGIN")
    for count, record in enumerate(pages.records(), 1):
        if not _put(db, keys, record):
            saved.changed += 1
        if count % _PORTION == 0:
            while keys.due:
                keys.write()
                keys.written()
            db.execute("COMMIT")
            db.execute("BEGIN")
    db.execute("COMMIT")  # the keys that wait still are found by whoever opens it next


def _put(db: sqlite3.Connection, keys: Keys, record: Record) -> bool:
    """Put a record into its table, which its number of columns tells; False: it is damaged."""
    number, columns = record
    match columns:
        case [None, bytes(key), bytes(body), int(crc), str(), int(of), int(), int(), spent, at]:
            if not (_real(spent, at) and _attempt(of) and len(key) == 16):
                return False
            if not sound(body, key, crc):
                return False
            if keys.find(key) is None:
                _insert(db, "completions", keys.next, columns)
                keys.add(key, keys.next)
                keys.next += 1
        case [None, int(of), str(status), str() | None, at, bytes(body), int(crc)]:
            if not (_real(at) and sound(body, row_key(number, of, status), crc)):
                return False
            db.execute(_PUT_ROW, (number, *columns[1:]))
        case [None, int(), str(), began, seen, str() | None, int(), int(), int()]:
            if not (_real(began, seen) and _attempt(number)):
                return False
            _insert(db, "attempts", number, columns)
        case [None, int(), at, str(), str() | None, str()]:
            if not _real(at):
                return False
            _insert(db, "events", number, columns)
        case [None, str(name), str(value)]:
            if name != "indexed":  # of the old file's index
                db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))
        case [None, int()] | [str(), str(), str(), int(), _]:
            pass  # the index is made anew, and the list of tables too
        case _:
            return False
    return True


def _attempt(number: int) -> bool:
    """Whether a number can be an attempt's; one that was damaged would be counted on from."""
    return 0 < number < 1_000_000


def _real(*values: Value) -> bool:
    """A real number is stored as a whole one where it is one."""
    return all(isinstance(value, float | int) for value in values)


def _insert(db: sqlite3.Connection, table: str, number: int, columns: Sequence[Value]) -> None:
    marks = ", ".join("?" * len(columns))
    db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", (number, *columns[1:]))  # noqa: S608


def _note(db: sqlite3.Connection, saved: Rescued) -> None:
    """Write down the rescue; and that the attempts were, of which something is left."""
    (known,) = db.execute("SELECT ifnull(max(number), 0) FROM attempts").fetchone()
    (used,) = db.execute(_LAST.format("attempt", "rows", "attempt", "completions")).fetchone()
    now = time.time()
    if used > known:  # else the next attempt would take its rows for its own
        db.execute(
            "INSERT INTO attempts VALUES (?, 0, 'unknown', ?, ?, 'rescued', 0, 0, 0)",
            (used, now, now),
        )
    data = {"unread": saved.unread, "torn": saved.torn, "changed": saved.changed}
    db.execute(
        "INSERT INTO events (attempt, at, kind, step, data) VALUES (?, ?, 'rescued', NULL, ?)",
        (max(used, known), now, msgspec.json.encode(data).decode()),
    )


def _aside(path: Path) -> Path:
    """Keep the damaged store under another name, without taking it away yet."""
    for n in range(1, 1000):
        aside = path.with_name(f"run.damaged{f'-{n}' if n > 1 else ''}.sqlite")
        if not aside.exists() and not beside(aside, "-wal").exists():
            break
    for ending in ("", "-wal"):
        old, kept = beside(path, ending), beside(aside, ending)
        if not old.is_file():
            continue
        try:
            os.link(old, kept)
        except OSError:  # a file system without links
            shutil.copy2(old, kept)
    return aside


def _export(db: sqlite3.Connection, target: Path, saved: Rescued) -> None:
    target.mkdir(exist_ok=True)
    files = []
    for name, statuses in (
        ("accepted", ("accepted", "pending")),  # one that no gate judged counts as accepted
        ("rejected", ("rejected",)),
        ("failed", ("failed",)),
    ):
        files.append(target / f"{name}.jsonl")
        saved.rows[name] = write(files[-1], _rows(db, statuses, saved))
    files.append(target / "completions.jsonl")
    saved.completions = write(files[-1], _completions(db, saved))
    saved.files = tuple(files)


def _rows(db: sqlite3.Connection, statuses: tuple[str, ...], saved: Rescued) -> Iterator[bytes]:
    for seq, attempt, status, body, crc in db.execute(
        "SELECT seq, attempt, status, body, crc FROM rows NOT INDEXED ORDER BY seq"
    ):
        if not sound(body, row_key(seq, attempt, status), crc):
            saved.changed += "accepted" in statuses  # each is met three times
        elif status in statuses:
            yield body + b"\n"


def _completions(db: sqlite3.Connection, saved: Rescued) -> Iterator[bytes]:
    names = "step, attempt, tokens, prompt_tokens, seconds"
    for key, body, crc, *rest in db.execute(
        f"SELECT key, body, crc, {names} FROM completions ORDER BY id"  # noqa: S608 - fixed names
    ):
        if sound(body, key, crc):
            about = dict(zip(names.split(", "), rest, strict=True))
            line = {"key": key.hex(), **about, "completion": msgspec.Raw(body)}
            yield msgspec.json.encode(line) + b"\n"
        else:
            saved.changed += 1


# Reading what is damaged --------------------------------------------------------------------------


class Pages:
    """The records of a store's file, past its own table of contents.

    SQLite finds a record by the file's header, its list of tables and the upper pages of their
    trees, and gives up where one of these is broken. The records themselves stand in leaf pages,
    and a leaf is a small tree by itself. So the file is copied, with what its write-ahead log
    holds, under a new header that has one table; this table's root is set to each leaf in turn,
    and SQLite reads what is there, from the leaf's beginning and, where that breaks off, from its
    end. The caller tells by its checksum whether a record is what was written.

    ``count`` pages; after `records`, ``unread`` counts those that are none that SQLite writes, and
    ``torn`` those whose records cannot all be read.
    """

    def __init__(self, path: Path, log: Path) -> None:
        self._path, self._log = path, log
        self._copy = beside(path, ".pages.part")
        self.count = self.unread = self.torn = 0

    def records(self) -> Iterator[Record]:
        """All records of all tables that can be read; older versions may be among them."""
        try:
            self._lay()
            if self.count < 2:  # no page but the first, which has no records of a run
                self.unread = self.count
                return
            with closing(sqlite3.connect(self._copy, isolation_level=None)) as db:
                db.text_factory = lambda data: data.decode(errors="replace")
                db.execute("PRAGMA journal_mode=OFF")
                db.execute("PRAGMA synchronous=OFF")
                for leaf in self._leaves():
                    yield from self._leaf(db, leaf)
        finally:
            self._copy.unlink(missing_ok=True)

    def _lay(self) -> None:
        """Make the copy, of whole pages."""
        with closing(sqlite3.connect(":memory:")) as db:
            db.execute(f"PRAGMA page_size={PAGE}")
            db.execute(f"CREATE TABLE any ({', '.join(f'c{n}' for n in range(_COLUMNS))})")
            head = bytearray(db.serialize()[:PAGE])
        shutil.copyfile(self._path if self._path.is_file() else _NOTHING, self._copy)
        with ExitStack() as files:
            copy = files.enter_context(self._copy.open("r+b"))
            log = files.enter_context((self._log if self._log.is_file() else _NOTHING).open("rb"))
            newer = _log_pages(log)
            self.count = max(-(-copy.seek(0, 2) // PAGE), *newer, 0)
            copy.truncate(self.count * PAGE)
            for number, place in newer.items():
                log.seek(place)
                copy.seek((number - 1) * PAGE)
                copy.write(log.read(PAGE).ljust(PAGE, b"\0"))
            if self.count:
                head[28:32] = self.count.to_bytes(4, "big")
                copy.seek(0)
                copy.write(head)

    def _leaves(self) -> Iterator[int]:
        """The numbers of the leaves; a page that goes on a record begins with another's number."""
        with self._copy.open("rb") as file:
            file.seek(PAGE)
            for number in range(2, self.count + 1):
                page = file.read(PAGE)
                if page[0] == _LEAF:
                    yield number
                elif page[0] not in _KINDS:
                    self.unread += int.from_bytes(page[:4], "big") > self.count or not any(page)

    def _leaf(self, db: sqlite3.Connection, number: int) -> Iterator[Record]:
        db.execute("PRAGMA writable_schema=ON")
        db.execute("UPDATE sqlite_schema SET rootpage=?", (number,))
        db.execute("PRAGMA writable_schema=RESET")  # read it anew
        for select in _FORWARDS, _BACKWARDS:
            try:
                for place, *columns in db.execute(select):
                    while columns and columns[-1] is None:  # those that it does not have
                        columns.pop()
                    yield place, columns
            except sqlite3.Error:
                self.torn += select is _FORWARDS
            else:
                return


def _log_pages(log: BinaryIO) -> dict[int, int]:
    """Where in the write-ahead log the last committed version of each page stands."""
    log.seek(0)
    head = log.read(32)
    if len(head) < 32 or struct.unpack_from(">I", head, 8)[0] != PAGE:
        return {}
    salts = head[16:24]
    pages: dict[int, int] = {}
    waiting: dict[int, int] = {}
    at = 32
    while len(frame := log.read(24)) == 24 and frame[8:16] == salts:
        number, commit = struct.unpack_from(">II", frame)
        waiting[number] = at + 24
        if commit:
            pages.update(waiting)
            waiting.clear()
        at = log.seek(PAGE, 1)
    return pages
