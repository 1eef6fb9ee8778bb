"""What is on its way into the store, and the commits that take it there, many at once."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from evolsynth.errors import StoreError
from evolsynth.store.key_index import Keys
from evolsynth.store.shared_cache import SharedCache
from evolsynth.store.sqlite_file import identity, meaning
from evolsynth.store.tables import checksum, row_key

__all__ = ["Journal"]

#: Rows and events wait for a commit for so many seconds, or until there are so many rows.
_WAIT, _MOST = 0.2, 256

_PUT = "INSERT OR REPLACE INTO completions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_ROW = "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?)"
_PUT_EVENT = "INSERT INTO events (attempt, at, kind, step, data) VALUES (?, ?, ?, ?, ?)"
_PUT_META = (
    "INSERT INTO meta (name, value) VALUES (?, ?) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_PROGRESS = "UPDATE attempts SET seen=?, ended=?, asked=?, tokens=?, prompt_tokens=? WHERE number=?"


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
        self._puts: list[tuple[Any, ...]] = []
        self._rows: list[tuple[Any, ...]] = []
        self._events: list[tuple[Any, ...]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._asked = self._tokens = self._prompt_tokens = 0
        self._soon = False
        self._later: asyncio.TimerHandle | None = None
        self._failed: StoreError | None = None
        self._file, self._looked = identity(path), time.monotonic()

    # What is put ------------------------------------------------------------------------------

    def completion(
        self,
        key: bytes,
        body: bytes,
        *,
        step: str,
        tokens: int,
        prompt_tokens: int,
        seconds: float,
        asked: bool,
    ) -> None:
        """A completion; ``asked`` says that it was made now, so that its tokens count."""
        self.raise_if_failed()
        number = self._keys.next
        self._keys.next += 1
        self._keys.add(key, number)
        self.bodies[key] = body
        crc, now = checksum(body, key), time.time()
        self._puts.append(
            (number, key, body, crc, step, self._attempt, tokens, prompt_tokens, seconds, now)
        )
        if asked:
            self._asked += 1
            self._tokens += tokens
            self._prompt_tokens += prompt_tokens
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
        self._rows.append((seq, self._attempt, status, step, time.time(), body, crc))
        if len(self._rows) >= _MOST:
            self.flush()
        else:
            self._schedule()

    def event(self, kind: str, step: str | None, data: str) -> None:
        """An event, with its data as JSON."""
        self._events.append((self._attempt, time.time(), kind, step, data))
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

    def flush(self) -> None:
        """Commit all that was put.

        Raises:
            StoreError: that failed, now or before.
        """
        self._settle()
        self.raise_if_failed()
        if self._puts or self._rows or self._events or self.meta:
            self._save(None)

    def close(self, how: str) -> None:
        """Commit all that was put, and how the attempt ended; also after an error, as there may be
        room now.

        Raises:
            StoreError: that failed, and nobody was told of an error before.
        """
        self._settle()
        known = self._failed is not None
        try:
            self._save(how)
        except StoreError:
            if not known:
                raise

    def _settle(self) -> None:
        self._soon = False
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _save(self, how: str | None) -> None:
        waiting, self._waiting = self._waiting, []
        told: StoreError | None = None
        try:
            self._look()
            self._commit(how)
            if self._cache is not None:
                self._cache.flush(all_of_it=how is not None)
        except (sqlite3.Error, StoreError) as error:
            told = self.fail(error)
        for done in waiting:
            if done.done():  # a cancelled caller does not wait for what it put
                continue
            if told is None:
                done.set_result(None)
            else:
                done.set_exception(_again(told))
        if told is not None:
            raise told

    def _commit(self, how: str | None) -> None:
        """One transaction with all that was put; all of it stays to be put where that fails."""
        db, due = self._db, self._keys.due
        db.execute("BEGIN IMMEDIATE")
        try:
            if self._puts:
                db.executemany(_PUT, self._puts)
            if self._rows:
                db.executemany(_PUT_ROW, self._rows)
            if self._events:
                db.executemany(_PUT_EVENT, self._events)
            if self.meta:
                db.executemany(_PUT_META, list(self.meta.items()))
            if due:
                self._keys.write()
            counts = (self._asked, self._tokens, self._prompt_tokens)
            db.execute(_PROGRESS, (time.time(), how, *counts, self._attempt))
            db.execute("COMMIT")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        if due:
            self._keys.written()
        for buffer in (self._puts, self.bodies, self._rows, self._events, self.meta):
            buffer.clear()

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
            told = error if isinstance(error, StoreError) else meaning(error, self._path)
            self._failed = _again(told)
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
