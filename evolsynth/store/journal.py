"""What is on its way into the store, and the commits that take it there, many at once."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import time
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

from evolsynth.atomic import locked
from evolsynth.errors import StoreError
from evolsynth.store.sqlite_file import (
    CACHE,
    checksum,
    identity,
    make,
    meaning,
    opened,
    row_key,
    sound,
    told,
    transaction,
)

__all__ = ["Answer", "Journal", "Keys", "SharedCache"]

#: Rows and events wait for a commit for so many seconds, or until there are so many rows.
_WAIT, _MOST = 0.2, 256

#: Keys that wait in memory, about 2 MB, and those of them that one commit takes along.
_PORTION, _SLICE = 16_384, 1024
#: Bits of the filter that answers "never seen" from memory: 8 MiB, wrong for 4% at 3 million keys.
_FILTER = 1 << 26

_PUT = "INSERT OR REPLACE INTO completions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_ROW = "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?)"
_PUT_EVENT = "INSERT INTO events (attempt, at, kind, step, data) VALUES (?, ?, ?, ?, ?)"
_PUT_META = (
    "INSERT INTO meta (name, value) VALUES (?, ?) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_PROGRESS = "UPDATE attempts SET seen=?, ended=?, asked=?, tokens=?, prompt_tokens=? WHERE number=?"


#: Completions that are written at once.
_SHARED = 256
_FIND_SHARED = "SELECT body, step, tokens, prompt_tokens, seconds, crc FROM completions WHERE key=?"
#: One that is there already gives way to another: it was damaged, or its run used no cache.
_SHARE = (
    "INSERT INTO completions (key, body, crc, step, attempt, tokens, prompt_tokens, seconds, at) "
    "VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
    "body = excluded.body, crc = excluded.crc WHERE completions.body IS NOT excluded.body"
)


class Answer(NamedTuple):
    """What a model answered, the step that asked, and what it cost."""

    body: bytes
    step: str
    tokens: int
    prompt_tokens: int
    seconds: float


class Journal:
    """The buffers of one attempt, and their commits.

    ``bodies`` and ``meta`` hold what is not committed yet. After an error every further use raises
    it again.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        path: Path | None,
        keys: Keys,
        attempt: int,
        cache: SharedCache | None,
    ) -> None:
        self._db, self._path, self._keys, self._cache = db, path, keys, cache
        self._attempt = attempt
        self.bodies: dict[bytes, bytes] = {}
        self.meta: dict[str, str] = {}
        self._puts: dict[str, list[tuple[Any, ...]]] = {_PUT: [], _PUT_ROW: [], _PUT_EVENT: []}
        self._waiting: list[asyncio.Future[None]] = []
        self._asked = self._tokens = self._prompt_tokens = 0
        self._soon = False
        self._later: asyncio.TimerHandle | None = None
        self._failed: StoreError | None = None
        self._file, self._looked = identity(path), time.monotonic()

    # What is put ------------------------------------------------------------------------------

    def completion(self, key: bytes, answer: Answer, *, asked: bool) -> None:
        """A completion; ``asked`` says that it was made now, so that its tokens count."""
        self.raise_if_failed()
        number = self._keys.next
        self._keys.next += 1
        self._keys.add(key, number)
        body, step, *spent = answer
        self.bodies[key] = body
        crc = checksum(body, key)
        self._puts[_PUT].append((number, key, body, crc, step, self._attempt, *spent, time.time()))
        if asked:
            self._asked += 1
            self._tokens += answer.tokens
            self._prompt_tokens += answer.prompt_tokens
        else:
            self._schedule()

    async def committed(self) -> None:
        """Return when all that was put so far is committed: after this tick of the loop.

        Raises:
            StoreError: that failed.
        """
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._waiting.append(done)
        if not self._soon:
            self._soon = True
            loop.call_soon(self._quietly)
        await done

    def row(self, seq: int, status: str, step: str | None, body: bytes) -> None:
        """A row, as JSON."""
        self.raise_if_failed()
        crc = checksum(body, row_key(seq, self._attempt, status))
        self._puts[_PUT_ROW].append((seq, self._attempt, status, step, time.time(), body, crc))
        if len(self._puts[_PUT_ROW]) >= _MOST:
            self.flush()
        else:
            self._schedule()

    def event(self, kind: str, step: str | None, data: str) -> None:
        """An event, with its data as JSON."""
        self._puts[_PUT_EVENT].append((self._attempt, time.time(), kind, step, data))
        self._schedule()

    def value(self, name: str, value: str) -> None:
        """A value, as JSON."""
        self.meta[name] = value
        self._schedule()

    # Commits ----------------------------------------------------------------------------------

    def _schedule(self) -> None:
        """See to it that what was put is committed before long."""
        if self._soon or self._later is not None:
            return
        with suppress(RuntimeError):  # outside of a loop: when there are many, or at the end
            self._later = asyncio.get_running_loop().call_later(_WAIT, self._quietly)

    def _quietly(self) -> None:
        with suppress(StoreError):  # who waits is told, and everybody who comes later
            self.flush()

    def flush(self, *, sure: bool = False) -> None:
        """Commit all that was put; with ``sure`` also see that the file is still there.

        Raises:
            StoreError: that failed, now or before.
        """
        self._settle()
        self.raise_if_failed()
        if sure:
            self._looked = -math.inf
        if sure or any(self._puts.values()) or self.meta:
            self._save(None)

    def close(self, how: str) -> None:
        """Commit all that was put, and how the attempt ended; also after an error, as there may be
        room now.

        Raises:
            StoreError: that failed, and nobody was told of an error before.
        """
        self._settle()
        self._looked = -math.inf
        with suppress(StoreError) if self._failed is not None else nullcontext():
            self._save(how)

    def _settle(self) -> None:
        self._soon = False
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _save(self, how: str | None) -> None:
        waiting, self._waiting = self._waiting, []
        failed: StoreError | None = None
        try:
            self._look()
            self._commit(how)
            if self._cache is not None:
                self._cache.flush(all_of_it=how is not None)
        except (sqlite3.Error, StoreError) as error:
            failed = self.fail(error)
        for done in waiting:
            if done.done():  # a cancelled caller does not wait for what it put
                continue
            if failed is None:
                done.set_result(None)
            else:
                done.set_exception(_again(failed))
        if failed is not None:
            raise failed

    def _commit(self, how: str | None) -> None:
        """One transaction with all that was put; all of it stays to be put where that fails."""
        db, due = self._db, self._keys.due
        with transaction(db):
            for put, values in self._puts.items():
                db.executemany(put, values)
            db.executemany(_PUT_META, self.meta.items())
            if due:
                self._keys.write()
            counts = (self._asked, self._tokens, self._prompt_tokens)
            db.execute(_PROGRESS, (time.time(), how, *counts, self._attempt))
        if due:
            self._keys.written()
        for values in self._puts.values():
            values.clear()
        self.bodies.clear()
        self.meta.clear()

    # Errors -----------------------------------------------------------------------------------

    def _look(self) -> None:
        """Now and then: is the file still there? SQLite writes on where nobody can find it."""
        now = time.monotonic()
        if self._path is None or now - self._looked < 1.0:
            return
        self._looked = now
        if identity(self._path) != self._file:
            raise StoreError(
                f"{self._path}: the run's store was moved or deleted while the run used it. Put it "
                "back and run the same command again, or choose another folder with -o."
            )

    def fail(self, error: sqlite3.Error | StoreError) -> StoreError:
        """The error to raise, now and from now on."""
        if self._failed is None:
            first = error if isinstance(error, StoreError) else meaning(error, self._path)
            self._failed = _again(first)
        return _again(self._failed)

    def raise_if_failed(self) -> None:
        """Raise the error that ended the store's work.

        Raises:
            StoreError: there was one.
        """
        if self._failed is not None:
            raise _again(self._failed)


def _again(error: StoreError) -> StoreError:
    """The same error once more; one that is raised in two places would mix their traces."""
    return type(error)(*error.args)


# Where a completion stands, by its key ------------------------------------------------------------
#
# A key is a hash, so its place in an index is random, and at a million keys each costs a page of
# 4 KiB. New keys wait in memory and go into the index in sorted portions, of which many share a
# page; the index then costs 2 microseconds a key instead of 12. After a crash, the keys that waited
# are read from the completions behind the last one that is indexed.


class Keys:
    """The index of the completions of one store. ``next`` is the next completion's number."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._waiting: dict[bytes, int] = {}
        self._going: dict[bytes, int] = {}  # on their way into the index
        self._sorted: list[tuple[int, int]] = []  # those that are not there yet, backwards
        self._last = 0
        self._seen = bytearray(_FILTER >> 3)
        (said,) = db.execute("SELECT value FROM meta WHERE name='indexed'").fetchone() or ("0",)
        last = int(said) if said.isdecimal() else 0  # damaged: all are indexed anew
        for (number,) in db.execute("SELECT print FROM keys"):
            self._mark(number)
        self.next = last + 1
        for number, key in db.execute(
            "SELECT id, key FROM completions WHERE id > ? ORDER BY id", (last,)
        ):
            self.add(key, number)
            self.next = number + 1

    def find(self, key: bytes) -> int | None:
        """The number of the completion that was put last under a key; rarely, another's."""
        number = _print(key)
        place = number & (_FILTER - 1)
        if not self._seen[place >> 3] & 1 << (place & 7):
            return None
        waiting = self._waiting.get(key) or self._going.get(key)
        if waiting is not None:
            return waiting
        found = self._db.execute("SELECT id FROM keys WHERE print=?", (number,)).fetchone()
        return None if found is None else int(found[0])

    def add(self, key: bytes, number: int) -> None:
        """A completion was put under a key."""
        self._waiting[key] = number
        self._mark(_print(key))

    @property
    def due(self) -> bool:
        """Whether some of them should go with the next commit."""
        return bool(self._sorted) or len(self._waiting) >= _PORTION

    def write(self) -> None:
        """Write a slice of them into the index; within a transaction of the caller."""
        if not self._sorted:
            self._going, self._waiting, self._last = self._waiting, {}, self.next - 1
            pairs = ((_print(key), number) for key, number in self._going.items())
            self._sorted = sorted(pairs, reverse=True)
        self._db.executemany("INSERT OR REPLACE INTO keys VALUES (?, ?)", self._sorted[-_SLICE:])
        if len(self._sorted) <= _SLICE:
            self._db.execute(_PUT_META, ("indexed", str(self._last)))

    def written(self) -> None:
        """The transaction was committed."""
        del self._sorted[-_SLICE:]
        if not self._sorted:
            self._going = {}

    def _mark(self, number: int) -> None:
        place = number & (_FILTER - 1)
        self._seen[place >> 3] |= 1 << (place & 7)


def _print(key: bytes) -> int:
    """A key's first 63 bits. Two keys that share them would only be asked for once more."""
    return int.from_bytes(key[:8], "big") >> 1


# Completions that several runs share --------------------------------------------------------------
#
# They stand in a file of their own, which the runs may use at once, and only spare requests: a run
# keeps all that it uses in its own store too, so it never depends on the shared file afterwards.


class SharedCache:
    """The file; made by `open`. What is put is written by `flush`."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db, self._path = db, path
        self._puts: list[tuple[Any, ...]] = []

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, or make it.

        Raises:
            StoreError: it cannot be opened, or is no such file, or is damaged.
        """
        try:
            with locked(path):
                if not path.exists():
                    make(path, CACHE)
        except OSError as error:
            raise StoreError(
                f"{path}: the shared cache cannot be made ({error.strerror}). "
                "Choose another place for it."
            ) from None
        return cls(opened(path, CACHE), path)

    def find(self, key: bytes) -> Answer | None:
        """What is stored under a key; None: nothing, or what is damaged.

        Raises:
            StoreError: the file is damaged there, or locked for long.
        """
        with told(self._path):
            found = self._db.execute(_FIND_SHARED, (key,)).fetchone()
        if found is None or not sound(found[0], key, found[-1]):
            return None
        return Answer(*found[:-1])

    def put(self, key: bytes, answer: Answer) -> None:
        """Share a completion, with the next `flush`."""
        body, *spent = answer
        self._puts.append((key, body, checksum(body, key), *spent, time.time()))

    def flush(self, *, all_of_it: bool) -> None:
        """Write what was put, in portions of some hundred unless it is ``all_of_it``.

        Raises:
            StoreError: it cannot be written, or another process keeps it locked.
        """
        if len(self._puts) < (1 if all_of_it else _SHARED):
            return
        with told(self._path), transaction(self._db):
            self._db.executemany(_SHARE, self._puts)
        self._puts.clear()

    def close(self) -> None:
        """Close the file."""
        self._db.close()
