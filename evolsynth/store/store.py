"""The run store: one SQLite file in the run's folder, which a crash cannot tear.

Every completion is committed before anybody uses it, so a run that was killed loses what was under
way and nothing else. All writes happen in the event loop's thread: what is put in one tick of the
loop is one transaction, which costs a few microseconds for each completion, where a thread would
fight with the loop for the interpreter.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from evolsynth.errors import EvolsynthError, StoreDamaged, StoreError
from evolsynth.rows import Row, Status
from evolsynth.store.journal import Answer, Journal, Keys, SharedCache
from evolsynth.store.lock import Owner, RunLock
from evolsynth.store.sqlite_file import (
    RUN,
    STORE,
    connect,
    damaged,
    forget,
    make_folder,
    own,
    row_key,
    sound,
    sweep,
    told,
)
from evolsynth.store.status import RunStatus, StepCounts, StoredEvent, read_status

__all__ = ["RunStatus", "StepCounts", "Store", "StoredEvent", "read_status"]

_JSON = msgspec.json.Encoder()


class Store:
    """A run's store; made by `open` or `memory`, and used as ``with Store.open(...) as store``.

    ``attempt`` counts how often the run was begun or gone on with, from 1. ``flights`` are the
    requests that are being asked, by key, over all steps (see `Stored`). After an error of the
    file every further use raises it again; what was committed before stays.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        path: Path | None,
        *,
        owner: Owner,
        use_cache: bool,
        cache: SharedCache | None,
        ending: ExitStack,
    ) -> None:
        self._db, self._path, self._cache, self._use_cache = db, path, cache, use_cache
        self._ending, self._closed = ending, False
        self._keys = Keys(db)
        (last,) = db.execute("SELECT max(number) FROM attempts").fetchone()
        self.attempt: int = (last or 0) + 1
        db.execute(
            "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, NULL, 0, 0, 0)",
            (self.attempt, owner.pid, owner.host, owner.started, owner.started),
        )
        self._journal = Journal(db, path, self._keys, self.attempt, cache)
        #: Of a store that nobody closes: it is left as one that was stopped.
        self._forgotten = weakref.finalize(self, _forget, self._journal, ending)
        self.flights: dict[bytes, asyncio.Future[None]] = {}
        self.listener: Callable[..., None] | None = None

    @classmethod
    def open(
        cls,
        folder: Path | str | None,
        *,
        fresh: bool = False,
        use_cache: bool = True,
        cache: Path | str | None = None,
    ) -> Self:
        """Begin a run in a folder, or go on with the one that is there, and lock the folder.

        Args:
            folder: is made where it is missing. None: a store in memory, without a lock.
            fresh: forget what the folder's store holds.
            use_cache: without it, completions of earlier attempts are not used; what is asked
                for is stored all the same.
            cache: a file of completions that runs share; made where it is missing.

        Raises:
            RunLocked: another process works in the folder.
            StoreDamaged: the store is not whole; the message names `evolsynth rescue`.
            StoreError: it cannot be opened or written.
            InputError: another version of evolsynth made it.
        """
        path = None
        with ExitStack() as opening:  # closes all in turn where something fails
            if folder is not None:
                make_folder(Path(folder))
                path = Path(folder) / STORE
                lock = RunLock(Path(folder))
                owner = lock.acquire()
                opening.callback(lock.release)
                sweep(Path(folder))
                if fresh:
                    forget(path)
                db = own(path)
            else:
                db, owner = connect(None), Owner.me()
                for table in RUN.tables:
                    db.execute(table)
            opening.callback(db.close)
            shared = None if cache is None else SharedCache.open(Path(cache))
            if shared is not None:
                opening.callback(shared.close)
            ending = ExitStack()
            with told(path):
                store = cls(db, path, owner=owner, use_cache=use_cache, cache=shared, ending=ending)
            ending.push(opening.pop_all())
            return store

    # Completions ------------------------------------------------------------------------------

    def completion(self, key: bytes) -> bytes | None:
        """What is stored under a key, in this store or in the shared cache; None: nothing.

        Raises:
            StoreDamaged: the file cannot be read there.
        """
        body = self._journal.bodies.get(key) or self._own(key)
        if body is not None or self._cache is None or not self._use_cache:
            return body
        with self._failing():
            found = self._cache.find(key)
        if found is None:
            return None
        self._journal.completion(key, found, asked=False)
        return found.body

    def has(self, key: bytes) -> bool:
        """Whether something is stored under a key, also where answers of before are not used."""
        return self._keys.find(key) is not None

    def _own(self, key: bytes) -> bytes | None:
        with self._failing():
            number = self._keys.find(key)
        sql = "SELECT key, body, crc, attempt FROM completions WHERE id=?"
        found = None if number is None else next(self._select(sql, number), None)
        if found is None or found[0] != key or not (self._use_cache or found[3] == self.attempt):
            return None
        if not sound(found[1], key, found[2]):
            self.event("damaged_completion", key=key.hex())
            return None
        return bytes(found[1])

    async def put_completion(
        self, key: bytes, body: bytes, *, step: str, tokens: int, prompt_tokens: int, seconds: float
    ) -> None:
        """Store what a model answered; returns when it is committed.

        It is stored also where the caller is cancelled meanwhile.

        Raises:
            StoreError: it could not be stored.
        """
        answer = Answer(body, step, tokens, prompt_tokens, seconds)
        self._journal.completion(key, answer, asked=True)
        if self._cache is not None:
            self._cache.put(key, answer)
        await self._journal.committed()

    # Rows, events, counts ---------------------------------------------------------------------

    def put_row(self, seq: int, row: Row, *, step: str | None) -> None:
        """A row that came out of the run, in its place; ``step`` is where it was settled.

        It goes into the store with the next commit, in 0.2 seconds at the latest.

        Raises:
            StoreError: the store failed, now or before.
        """
        self._journal.row(seq, row.status, step, _line(row))

    def event(self, kind: str, *, step: str | None = None, **data: Any) -> None:
        """Something that happened: a retry, a stop, a warning."""
        self._journal.event(kind, step, _text(data))
        if self.listener is not None:
            self.listener(kind, **({} if step is None else {"step": step}), **data)

    def put_steps(self, steps: Sequence[StepCounts]) -> None:
        """How the steps stand, for `read_status`."""
        self.set("steps", steps)

    def set(self, name: str, value: Any) -> None:
        """Keep a value under a name: anything that JSON holds."""
        self._journal.value(name, _text(value))

    def get(self, name: str) -> Any:
        """The value that was kept under a name, in this attempt or before; None: none."""
        value = self._journal.meta.get(name)
        if value is None:
            (value,) = next(self._select("SELECT value FROM meta WHERE name=?", name), (None,))
        if value is None:
            return None
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            raise self._damaged(f"its '{name}' cannot be read") from None

    def rows(self, *statuses: Status) -> Iterator[bytes]:
        """The rows of this attempt as JSON lines, without line ends, in the run's order.

        Raises:
            StoreDamaged: one of them cannot be read.
        """
        self.flush()
        # By the table and not by its index, which has another order; each row is checked.
        sql = "SELECT seq, status, body, crc FROM rows NOT INDEXED WHERE attempt=? ORDER BY seq"
        for seq, status, body, crc in self._select(sql, self.attempt):
            if not sound(body, row_key(seq, self.attempt, status), crc):
                raise self._damaged(f"row {seq} is not as it was written")
            if not statuses or status in statuses:
                yield body

    def _damaged(self, what: str) -> StoreError:
        return self._journal.fail(StoreDamaged(damaged(self._path, what)))

    def _select(self, sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        with self._failing():
            yield from self._db.execute(sql, values)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """What the file raises in here ends the store's work."""
        try:
            yield
        except (sqlite3.Error, StoreError) as error:
            raise self._journal.fail(error) from None

    def flush(self) -> None:
        """Commit all that was put.

        Raises:
            StoreError: that failed, now or before.
        """
        self._journal.flush()

    def check(self) -> None:
        """Commit all that was put, and see that the file is still where it was.

        Raises:
            StoreError: it is not, or that failed, now or before.
        """
        self._journal.flush(sure=True)

    def count(self) -> Counter[str]:
        """How many rows of this attempt there are of each status."""
        self.flush()
        sql = "SELECT status, count(*) FROM rows WHERE attempt=? GROUP BY status"
        return Counter(dict(self._select(sql, self.attempt)))

    # The end ----------------------------------------------------------------------------------

    def close(self, how: str) -> None:
        """Commit all that was put and how the run ended, and give the folder back.

        Safe to call twice: the first time counts.

        Raises:
            StoreError: the last commit failed, and nobody was told of an error before.
        """
        if self._closed:
            return
        self._closed = True
        self._forgotten.detach()
        with self._ending:
            self._journal.close(how)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close("finished")
            return
        try:
            self.close(f"failed: {_brief(error)}" if isinstance(error, Exception) else "stopped")
        except StoreError as other:
            error.add_note(str(other))


def _forget(journal: Journal, ending: ExitStack) -> None:
    with suppress(StoreError, sqlite3.Error), ending:
        journal.close("stopped")


def _brief(error: Exception) -> str:
    told = str(error) if isinstance(error, EvolsynthError) else f"{type(error).__name__}: {error}"
    return told[:1000]


def _line(row: Row) -> bytes:
    try:
        return _JSON.encode(row.to_flat())
    except (UnicodeEncodeError, OverflowError):  # half a surrogate pair, a very large number
        return row.to_json().encode()


def _text(value: Any) -> str:
    try:
        return _JSON.encode(value).decode()
    except (UnicodeEncodeError, OverflowError):
        return json.dumps(msgspec.to_builtins(value))
