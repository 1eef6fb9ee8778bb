"""Saving what can be read of a damaged run store, and putting a sound one in its place."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

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
    meaning,
    opened,
    row_key,
    sound,
)
from evolsynth.store.sqlite_pages import Pages, Record, Value

__all__ = ["Rescued", "rescue"]

#: Records in a transaction.
_PORTION = 1000

_PUT_ROW = (  # of two versions of a row the later counts
    "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO UPDATE SET "
    "attempt=excluded.attempt, status=excluded.status, step=excluded.step, at=excluded.at, "
    "body=excluded.body, crc=excluded.crc WHERE excluded.attempt >= rows.attempt"
)
_LAST = "SELECT max((SELECT ifnull(max({0}), 0) FROM {1}), (SELECT ifnull(max({2}), 0) FROM {3}))"


class Rescued(msgspec.Struct, kw_only=True):
    """What was saved, and what was not.

    ``sound``: the store was whole, and stays as it is. ``rows`` by status and ``completions`` were
    saved. Of ``pages``, ``unread`` could not be read; of the records on the others, ``torn`` could
    not be put together, and ``changed`` are not what was written. ``aside`` is where the damaged
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
        saved = _sound(path)
        if saved is None:
            saved = _replaced(path)
        with closing(connect(path)) as db:
            _export(db, place / "rescued", saved)
    except sqlite3.Error as error:
        raise meaning(error, path) from None
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
    with ExitStack() as files:
        db = files.enter_context(closing(connect(fresh)))
        old = files.enter_context((path if path.is_file() else Path(os.devnull)).open("rb"))
        wal = beside(path, "-wal")
        log = files.enter_context(wal.open("rb")) if wal.is_file() else None
        pages = Pages(old, log, PAGE)
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
