"""Ordered, bounded concurrency between async generators."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Sequence,
)
from contextlib import aclosing
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar
from weakref import WeakSet

from evolsynth.errors import InputError, StepError
from evolsynth.foreign import failure, of_all
from evolsynth.rows import Row

__all__ = ["PATIENCE", "Feeder", "Rows", "abandoned", "end", "iterate", "map_rows", "ordered_map"]
__all__ += ["place", "ready", "together"]

Rows = Iterable[Row] | AsyncIterable[Row]
S = TypeVar("S")
T = TypeVar("T")

#: Seconds that work which was cancelled has to clean up after itself.
PATIENCE = 3.0
_LOG = logging.getLogger("evolsynth")
_PLACE: ContextVar[int] = ContextVar("place", default=0)
_LEFT: WeakSet[asyncio.Task[Any]] = WeakSet()


async def end(*tasks: asyncio.Future[Any], levels: int = 1) -> None:
    """Cancel tasks of somebody's code and wait until they have ended, at most `PATIENCE` seconds.

    A task that waits for others to end, as they do in the same way, has as long again (``levels``).
    One that goes on all the same, since the code ignores its cancellation, is left behind, with a
    warning in the log; see `abandoned`.
    """
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        _, deaf = await asyncio.wait(running, timeout=PATIENCE * levels)
        left = [task for task in deaf if isinstance(task, asyncio.Task)]
        _LEFT.update(left)
        for name in {task.get_name() for task in left}:
            _LOG.warning("What '%s' does goes on although it was cancelled.", name)
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()  # it was seen


def abandoned() -> list[str]:
    """The names of tasks that were told to end, did not, and still go on."""
    return sorted({task.get_name() for task in _LEFT if not task.done()})


def place() -> int:
    """The number in its stream of the item that is being worked on; 0 outside of such work.

    What is waited for first comes first: who has several requests to answer takes those of the
    lowest place, so that a run which has enough leaves less behind that was begun in vain.
    """
    return _PLACE.get()


async def iterate(items: Iterable[S] | AsyncIterable[S]) -> AsyncGenerator[S]:
    """The items of a plain or an asynchronous iterable; the latter is closed at the end."""
    if isinstance(items, AsyncIterable):
        source = aiter(items)
        try:
            async for item in source:
                yield item
        finally:
            if isinstance(source, AsyncGenerator):  # other iterators have nothing to close
                await source.aclose()
    else:
        for item in items:
            yield item


async def ordered_map(
    items: Iterable[S] | AsyncIterable[S],
    work: Callable[[S], Awaitable[T]],
    *,
    concurrency: int,
    failed: Callable[[S, BaseException], T] | None = None,
    name: str = "work",
) -> AsyncGenerator[T]:
    """``work`` on each item, at most ``concurrency`` begun and not yet handed on, in order.

    An exception of ``items`` comes out in its place and ends the stream; so does one of ``work``,
    unless ``failed`` makes a result of it, also of a cancellation that nobody outside asked for.
    However the stream ends, also when the consumer leaves early, no task is left behind.

    Args:
        failed: the result where ``work`` raises anything at all; it may raise as well.
        name: of the tasks.

    Raises:
        InputError: ``concurrency`` is below 1.
        StepError: the work, or who gives the items, was cancelled, and not from outside.
    """
    if concurrency < 1:
        raise InputError(f"concurrency is {concurrency}: it must be at least 1.")
    window = asyncio.Semaphore(concurrency)
    places = itertools.count(1)
    under_way: asyncio.Queue[tuple[S, asyncio.Task[T]] | None] = asyncio.Queue()
    tasks: set[asyncio.Task[T]] = set()
    leaving = False

    async def one(item: S, number: int) -> T:
        if not _PLACE.get():  # work within work is for the outer one's item
            _PLACE.set(number)
        try:
            return await work(item)
        except BaseException as error:
            if leaving or failed is None:
                raise
            return failed(item, _own(error))

    async def start(item: S) -> None:
        task = asyncio.create_task(one(item, next(places)), name=name)
        tasks.add(task)
        under_way.put_nowait((item, task))

    feeder = Feeder(items, start, window, lambda: under_way.put_nowait(None))
    try:
        while (entry := await under_way.get()) is not None:
            item, task = entry
            if not task.done():
                await asyncio.wait((task,))  # whoever is cancelled here, the work is not yet
            tasks.discard(task)
            if task.cancelled():
                error = asyncio.CancelledError()
                if failed is None:
                    raise StepError(f"The {name} was cancelled by itself, and not from outside.")
                result = failed(item, error)
            else:
                result = task.result()
            window.release()
            yield result
        feeder.check()  # an exception of the items comes out here, after all before it
    finally:
        leaving = True
        feeder.cancel()
        await end(*tasks)
        await feeder.aclose()
        await end(*tasks)  # those that were begun meanwhile


def _own(error: BaseException) -> BaseException:
    """An exception of a task that nobody has told to end, which goes on behind it."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None:
        while task.cancelling():
            task.uncancel()
    return error


class Feeder:
    """Takes items out of their source, each when there is ``room``, and keeps what that raises.

    Each goes to ``take``; ``ended`` is called behind the last.
    """

    def __init__(
        self,
        items: Iterable[S] | AsyncIterable[S],
        take: Callable[[S], Awaitable[None]],
        room: asyncio.Semaphore,
        ended: Callable[[], None],
    ) -> None:
        self._error: BaseException | None = None

        async def feed() -> None:
            try:
                async with aclosing(iterate(items)) as source:
                    await room.acquire()
                    async for item in source:
                        await take(item)
                        await room.acquire()
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                if of_all(error) and not isinstance(error, Exception):
                    raise  # Ctrl-C
                self._error = error
            finally:
                ended()

        self.task = asyncio.create_task(feed(), name="the source of rows")
        self._told = False

    def cancel(self) -> None:
        """Take no more items; only once, since what cleans up must not be cancelled again."""
        if not self._told:
            self._told = True
            self.task.cancel()

    async def aclose(self) -> None:
        """Take no more items, and wait until the source is closed."""
        self.cancel()
        if not self.task.done():
            await asyncio.wait((self.task,))

    def check(self) -> None:
        """Raise what the source raised, now that all before it is done.

        Raises:
            StepError: the source was cancelled, and not by who reads it.
        """
        if self._error is not None:
            raise self._error
        if self.task.cancelled():
            raise StepError(
                "The rows ended before their end: what makes them was cancelled, and not from "
                "outside. See what the step above cancels."
            )


class _Raised(NamedTuple):
    error: BaseException


async def together(given: Iterable[Awaitable[T]]) -> list[T]:
    """All of them side by side, in their order; if one raises, the others are cancelled first."""
    works = list(given)

    async def one(work: Awaitable[T]) -> T | _Raised:
        try:
            return await work
        except (Exception, asyncio.CancelledError):
            raise
        except BaseException as error:  # such as sys.exit(), which would end the event loop
            if of_all(error):
                raise
            return _Raised(error)

    tasks = [asyncio.ensure_future(one(work)) for work in works]
    try:
        results: list[T] = []
        for result in await asyncio.gather(*tasks):
            if isinstance(result, _Raised):
                raise result.error
            results.append(result)
        return results
    finally:
        await end(*tasks)
        for work in works:
            if isinstance(work, Coroutine) and inspect.getcoroutinestate(work) == "CORO_CREATED":
                work.close()  # its task was cancelled before it began


async def ready(items: Iterable[S] | AsyncIterable[S], *, most: int) -> AsyncGenerator[Sequence[S]]:
    """The items in their order, as many at once as have come, at most ``most``; never none.

    Nothing waits for a group to be full. An asynchronous iterable is read ahead by ``most``
    items. A plain iterator, which may block, is read one by one; a sequence is cut.

    An exception of ``items`` comes out after all items before it. However the stream ends, the
    source is closed and no task is left behind.

    Raises:
        StepError: who gives the items was cancelled, and not from outside.
    """
    if isinstance(items, Sequence):
        for start in range(0, len(items), most):
            yield items[start : start + most]
        return
    if not isinstance(items, AsyncIterable):
        for item in items:
            yield [item]
        return
    room = asyncio.Semaphore(most)
    come: asyncio.Queue[S | _End] = asyncio.Queue()
    feeder = Feeder(items, come.put, room, lambda: come.put_nowait(_End()))
    try:
        ended = False
        while not ended:
            came = [await come.get()]
            while len(came) < most and not come.empty():
                came.append(come.get_nowait())
            group = [item for item in came if not isinstance(item, _End)]
            ended = len(group) < len(came)
            for _ in group:
                room.release()
            if group:
                yield group
        await asyncio.wait((feeder.task,))
        feeder.check()  # an exception of the items comes out here, after all before it
    finally:
        await feeder.aclose()


class _End:
    """Stands behind the last item."""


async def map_rows(
    rows: Rows,
    work: Callable[[Row], Awaitable[Row | tuple[Row, ...]]],
    *,
    step: str,
    concurrency: int,
) -> AsyncGenerator[Row]:
    """``work`` on each row that is still under way; settled rows pass through in their place.

    A row for which ``work`` raises anything is handed on as failed, with the step's name and the
    error (see `failure`), and does not touch its neighbours; so is one of which it makes no row. A
    `SetupError`, which is true of all rows, ends the stream, and so does Ctrl-C.
    """

    async def one(row: Row) -> tuple[Row, ...]:
        if row.settled:
            return (row,)
        made = await work(row)
        made = made if isinstance(made, tuple) else (made,)
        for item in made:
            if not isinstance(item, Row):
                raise StepError(f"it made {item!r:.60}, which is no Row but {type(item).__name__}.")
        return made

    def failed(row: Row, error: BaseException) -> tuple[Row, ...]:
        return (row.replace(failure=failure(step, error)),)

    async with aclosing(
        ordered_map(rows, one, concurrency=concurrency, failed=failed, name=step)
    ) as groups:
        async for group in groups:
            for row in group:
                yield row
