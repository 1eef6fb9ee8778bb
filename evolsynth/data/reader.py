"""What every kind of source has to say, which kind reads what, and what is in memory.

A format is a `Reader`, registered with `reads` under the ends of file names that it reads, or under
the beginning of an address. Another package's is found by its entry point (see `Registry`)::

    [project.entry-points."evolsynth.formats"]
    toml = "my_package.toml_rows"
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import Future
from contextlib import aclosing
from functools import partial
from itertools import chain, islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar, cast

from evolsynth.columns import ColumnType
from evolsynth.errors import EvolsynthError, InputError
from evolsynth.registry import Registry
from evolsynth.streams import iterate

__all__ = [
    "BATCH",
    "FORMATS",
    "Asked",
    "Format",
    "ItemList",
    "Items",
    "Once",
    "Reader",
    "Record",
    "WholeFile",
    "Worker",
    "beside",
    "reads",
]

BATCH = 256

Record = tuple[int, object, bytes | None]
"""A number from 1; a mapping, a row, or an InputError that says what is wrong (or anything else,
which is no row); the line as it stands, where there is one."""

T = TypeVar("T")
_Job = tuple[Callable[[], Any], "Future[Any]"]
_PATIENCE = 1.0  # seconds that leaving waits for a read under way
_MOMENT = 0.02  # seconds; an idle thread ends in far less
_END = object()


class Reader(ABC):
    """One file, or another place that holds records, which can be read many times."""

    unit: str = "item"
    """What the numbers count."""
    empty: str | None = None
    """What to say if it holds nothing; None if that is all right."""
    again: bool = True
    """Whether it gives the same each time that it is read."""
    on_ray: bool = False
    """Whether it is made on processors of a Ray cluster."""

    def __init__(self, label: str) -> None:
        self.label = label

    def place(self, number: int) -> str:
        """A record's place, for people."""
        return f"{self.label}, {self.unit} {number}"

    def columns(self) -> Mapping[str, ColumnType] | None:
        """The columns as a schema tells them; None if only the records can."""
        return None

    def count(self) -> int | None:
        """How many records there are; None if that takes long to find."""
        return None

    @abstractmethod
    def batches(self) -> Iterator[Iterable[Record]]:
        """All records. The outer iterator may block; the inner ones only compute."""

    def first(self, most: int) -> list[Record]:
        """The first records, at most ``most``."""
        batches = self.batches()
        try:
            return list(islice(chain.from_iterable(batches), most))
        finally:
            close = getattr(batches, "close", None)
            if close is not None:
                close()

    def stream(self) -> AsyncGenerator[Iterable[Record]]:
        """The batches, while other work goes on."""
        return beside(self.batches)


class Once(Reader):
    """A reader that is begun once for the first look and the first reading."""

    again = False
    _begun: Iterator[Iterable[Record]] | None = None
    _seen: Iterable[Record] = ()

    @abstractmethod
    def begin(self, most: int) -> Iterator[Iterable[Record]]:
        """All records, in the first batch at most so many."""

    def count(self) -> int | None:
        """Not known."""
        return None

    def first(self, most: int) -> list[Record]:
        """What comes first, which is kept for the reading: the rest may take long."""
        if self._begun is None:
            self._begun = self.begin(1)
            self._seen = list(next(self._begun, ()))
        return list(self._seen)[:most]

    def batches(self) -> Iterator[Iterable[Record]]:
        """What was looked at, then the rest."""
        begun, seen = self._begun or self.begin(BATCH), self._seen
        self._begun, self._seen = None, ()
        if seen:
            yield seen
        yield from begun


class WholeFile(Reader):
    """A file that is read from its beginning, record by record, and counted by reading it."""

    counted: int
    """Bytes: a larger file is not counted; one of this size takes half a second."""

    def __init__(self, path: Path, label: str) -> None:
        super().__init__(label)
        self.path = path

    @abstractmethod
    def records(self) -> Iterator[Record]:
        """All records."""

    def count(self) -> int | None:
        """The records of a file that is not large."""
        if self.path.stat().st_size > self.counted:
            return None
        return sum(1 for _ in self.records())

    def batches(self) -> Iterator[Iterable[Record]]:
        """The records, some at a time."""
        records = self.records()
        while batch := list(islice(records, BATCH)):
            yield batch


#: Makes the reader of a file, or of an address, with the name that people are told.
Format = Callable[[Any, str], Reader]

#: By the end of a file's name (``csv``, ``jsonl.gz``), or by an address's beginning (``hf://``).
FORMATS: Registry[Format] = Registry("format", "evolsynth.data", "evolsynth.formats")

Made = TypeVar("Made", bound=Format)


def reads(*names: str) -> Callable[[Made], Made]:
    """Register a reader under what it reads: ``"csv"`` for files, ``"hf://"`` for addresses."""

    def register(make: Made) -> Made:
        for name in names:
            FORMATS.register(name, make, make.__module__)
        return make

    return register


# Reading beside the event loop --------------------------------------------------------------------


class Worker:
    """One thread that does one job after another.

    All steps of a generator run in the same thread, as a database's cursor asks for. It is a
    daemon: a read that never returns holds up neither a cancelled run nor the end of the program.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(
            target=_work, args=(self._jobs,), name="evolsynth-source", daemon=True
        )
        self._end = weakref.finalize(self, self._jobs.put, None)
        self._thread.start()

    def do(self, job: Callable[[], T]) -> Future[T]:
        """Have the job done, after those before it."""
        future: Future[T] = Future()
        self._jobs.put((job, future))
        return future

    def stop(self) -> None:
        """End the thread; one that is in a job ends behind it."""
        self._end()
        self._thread.join(_MOMENT)


def _work(jobs: SimpleQueue[_Job | None]) -> None:
    while (come := jobs.get()) is not None:
        job, future = come
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001 - it is raised where the job was given
                future.set_exception(error)
        del come, job, future  # an idle thread keeps nothing alive


async def beside(
    start: Callable[[], Iterator[T]], worker: Worker | None = None
) -> AsyncGenerator[T]:
    """The items of ``start()``, each of them waited for in the worker's thread.

    However the stream ends, the iterator is closed and the thread ends, at once or, if a read is
    under way that takes over a second, when it returns.
    """
    worker = worker or Worker()
    items: Iterator[T] | None = None
    try:
        items = await asyncio.wrap_future(worker.do(start))
        while True:
            item = await asyncio.wrap_future(worker.do(lambda: next(items, _END)))
            if item is _END:
                break
            yield cast(T, item)
    finally:
        if isinstance(items, Generator):
            closed = asyncio.wrap_future(worker.do(items.close))
            await asyncio.wait((closed,), timeout=_PATIENCE)
            if not closed.cancel() and not closed.cancelled():
                closed.exception()  # seen: what closing raises is of no more use
        worker.stop()


# What the user's own code gives -------------------------------------------------------------------

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
