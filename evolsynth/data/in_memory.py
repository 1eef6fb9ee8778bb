"""Dicts and rows that the user's own code gives: a list, an iterable, a generator."""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import aclosing
from functools import partial
from itertools import islice

from evolsynth.data.reader import BATCH, Once, Reader, Record, Worker, beside
from evolsynth.errors import EvolsynthError, InputError
from evolsynth.streams import iterate

__all__ = ["Asked", "ItemList", "Items"]

_SPELL = 0.02  # seconds after which a slow generator's items are handed on, however few


class ItemList(Reader):
    """What is in memory already."""

    def __init__(self, items: Sequence[object], label: str) -> None:
        super().__init__(label)
        self._items = items

    def count(self) -> int | None:
        """The sequence's length."""
        return len(self._items)

    def batches(self) -> Iterator[Iterable[Record]]:
        """Slices."""
        for start in range(0, len(self._items), BATCH):
            items = self._items[start : start + BATCH]
            yield ((number, item, None) for number, item in enumerate(items, start + 1))

    async def stream(self) -> AsyncGenerator[Iterable[Record]]:
        """No thread: nothing blocks."""
        for batch in self.batches():
            yield batch
            await asyncio.sleep(0)  # who only reads lets others work too


class Items(Once):
    """What an iterable gives, read in a thread of its own, since it may block.

    A generator object can be read once only; a function that makes one, as often as is wanted.
    """

    def __init__(self, begin: Callable[[], Iterable[object]], label: str) -> None:
        super().__init__(label)
        self._begin = begin
        self._worker: Worker | None = None

    def first(self, most: int) -> list[Record]:
        """The first item alone: others may take long to come."""
        self._worker = self._worker or Worker()
        return self._worker.do(partial(super().first, most)).result()

    def stream(self) -> AsyncGenerator[Iterable[Record]]:
        """All of it in one thread, also what was begun in it."""
        worker, self._worker = self._worker, None
        return beside(self.batches, worker)

    def begin(self, most: int) -> Iterator[list[Record]]:
        """Items as they come; a slow generator's are handed on, however few."""
        number = 0
        items: Iterator[object] = iter(())
        error: Exception | None = None
        try:
            while error is None:
                came: list[Record] = []
                until = time.monotonic() + _SPELL
                try:
                    if not number:
                        items = iter(self._begin())
                    for item in islice(items, most):
                        number += 1
                        came.append((number, item, None))
                        if time.monotonic() > until:
                            break
                except Exception as raised:  # noqa: BLE001 - the user's code may raise anything
                    error = raised
                if came:
                    yield came
                elif error is None:
                    return
                most = BATCH
            raise _broken(self.label, number, error) from error
        finally:
            if isinstance(items, Generator):
                items.close()


class Asked(Reader):
    """What an asynchronous generator of the user's own gives; nothing is asked before the run."""

    again = False

    def __init__(self, begin: Callable[[], AsyncIterable[object]], label: str) -> None:
        super().__init__(label)
        self._begin = begin

    def first(self, most: int) -> list[Record]:
        """Not known."""
        return []

    def batches(self) -> Iterator[Iterable[Record]]:
        """Not to be had: who wants them waits, see `stream`."""
        raise NotImplementedError

    async def stream(self) -> AsyncGenerator[Iterable[Record]]:
        """The items, each as it comes; the generator is closed at the end."""
        number = 0
        try:
            async with aclosing(iterate(self._begin())) as items:
                async for item in items:
                    number += 1
                    yield ((number, item, None),)
                    if number % BATCH == 0:
                        await asyncio.sleep(0)  # one that never waits lets others work too
        except Exception as error:
            raise _broken(self.label, number, error) from error


def _broken(label: str, number: int, error: Exception) -> EvolsynthError:
    """What to tell of an error in the user's own code; errors of evolsynth say it themselves."""
    if isinstance(error, EvolsynthError):
        return error
    said = str(error).strip().partition("\n")[0]
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return InputError(f"{label}: raised {what} after {number} items. Mend it, and run again.")
