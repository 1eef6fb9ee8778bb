"""Streams that several readers share, and streams that outlive a reader."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable
from typing import IO

import msgspec

from evolsynth.errors import StepError
from evolsynth.foreign import of_all
from evolsynth.rows import Row
from evolsynth.streams import Feeder

__all__ = ["Feed", "Spill", "Tee", "copy_id"]

_AHEAD = 16
_IN_MEMORY = 1000


class Feed:
    """Rows of a stream for readers that may come and go: a reader that is cancelled while it
    waits takes nothing with it. Reads ahead by some rows."""

    def __init__(self, rows: AsyncGenerator[Row]) -> None:
        self.ended = False
        self.error: BaseException | None = None
        self._rows = rows
        self._room = asyncio.Semaphore(_AHEAD)
        self._come: asyncio.Queue[Row | None] = asyncio.Queue()
        self._feeder: Feeder | None = None

    async def next(self) -> Row | None:
        """The next row; None at the end.

        Raises the stream's exception, in its place.
        """
        if self.ended:
            return None
        if self._feeder is None:
            self._feeder = Feeder(
                self._rows, self._come.put, self._room, lambda: self._come.put_nowait(None)
            )
        row = await self._come.get()
        if row is not None:
            self._room.release()
            return row
        self.ended = True
        await asyncio.wait((self._feeder.task,))
        try:
            self._feeder.check()
        except BaseException as error:
            self.error = error
            raise
        return None

    async def aclose(self) -> None:
        """Stop reading and close the stream."""
        if self._feeder is not None:
            await self._feeder.aclose()
        await self._rows.aclose()


class Spill:
    """Rows first in, first out; what does not fit into memory waits in a temporary file."""

    def __init__(self, in_memory: int = _IN_MEMORY) -> None:
        self._in_memory = in_memory
        self._rows: deque[Row] = deque()
        self._file: IO[bytes] | None = None
        self._stored = self._read = 0

    def __len__(self) -> int:
        return len(self._rows) + self._stored

    def push(self, row: Row) -> None:
        """Put a row behind the others."""
        if not self._stored and len(self._rows) < self._in_memory:
            self._rows.append(row)
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        # not msgpack, which has no half characters and no numbers of more than 64 bits
        body = json.dumps(msgspec.to_builtins(row)).encode()
        self._file.seek(0, os.SEEK_END)
        self._file.write(len(body).to_bytes(8, "big") + body)
        self._stored += 1

    def pop(self) -> Row:
        """Take the first row."""
        if not self._rows and self._file is not None:
            self._load(self._file)
        return self._rows.popleft()

    def close(self) -> None:
        """Let go of all rows."""
        self._rows.clear()
        self._stored = 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def _load(self, file: IO[bytes]) -> None:
        file.seek(self._read)
        for _ in range(min(self._stored, self._in_memory)):
            size = int.from_bytes(file.read(8), "big")
            self._rows.append(msgspec.convert(json.loads(file.read(size)), Row))
            self._stored -= 1
        self._read = file.tell()
        if not self._stored:
            self._read = 0
            file.truncate(0)


class Tee:
    """Gives each of several readers all rows of a stream, whatever their pace.

    Settled rows go the first way only, so that each comes out once; their ids are counted in
    ``aside``. The copies on the other ways have ids of their own, and the original's as the last
    of their ``parents``.
    """

    def __init__(
        self,
        rows: AsyncGenerator[Row],
        ways: int,
        copied: Callable[[], None],
        aside: Counter[str],
    ) -> None:
        self._rows, self._copied, self._aside = rows, copied, aside
        self._queues = [Spill() for _ in range(ways)]
        self._open = set(range(ways))
        self._pull: asyncio.Task[None] | None = None
        self._ended = self._closing = False
        self._error: BaseException | None = None

    def streams(self) -> list[AsyncGenerator[Row]]:
        """One stream for each way."""
        return [self._way(place) for place in range(len(self._queues))]

    async def _way(self, place: int) -> AsyncGenerator[Row]:
        queue = self._queues[place]
        try:
            while True:
                if queue:
                    yield queue.pop()
                elif self._ended:
                    if self._error is not None:
                        raise self._error
                    return
                else:
                    if self._pull is None:
                        self._pull = asyncio.ensure_future(self._next())
                    await asyncio.wait([self._pull])  # whoever is cancelled here, the pull is not
        finally:
            self._open.discard(place)
            queue.close()
            if not self._open:
                await self.aclose()

    async def aclose(self) -> None:
        """Let go of all rows and close the stream. Safe to call twice."""
        self._closing = True
        if self._pull is not None:
            self._pull.cancel()
            await asyncio.wait((self._pull,))
        for queue in self._queues:
            queue.close()
        await self._rows.aclose()

    async def _next(self) -> None:
        try:
            row = await anext(self._rows, None)
        except BaseException as error:
            if self._closing or (of_all(error) and not isinstance(error, Exception)):
                raise
            if isinstance(error, asyncio.CancelledError):  # it cancelled the task that it runs in
                error = StepError("A step above the branches cancelled its own task.")
            self._error, self._ended = error, True
            return
        finally:
            self._pull = None
        if row is None:
            self._ended = True
            return
        if row.settled:
            self._aside[row.id] += 1
        for place in range(1 if row.settled else len(self._queues)):
            copy = row
            if place:
                copy = row.replace(id=copy_id(row.id, place), parents=(*row.parents, row.id))
                self._copied()
            if place in self._open:
                self._queues[place].push(copy)


def copy_id(name: str, way: int) -> str:
    """The id of a row's copy on another way than the first."""
    key = f"{name}/{way}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(key, digest_size=8).hexdigest()
