"""Ordered, bounded concurrency between async generators."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Sequence,
)
from contextlib import aclosing
from typing import TypeVar

from evolsynth.errors import EvolsynthError, InputError, SetupError
from evolsynth.rows import Failure, Row

__all__ = ["Rows", "iterate", "map_rows", "ordered_map", "ready", "together"]

Rows = Iterable[Row] | AsyncIterable[Row]
S = TypeVar("S")
T = TypeVar("T")


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
) -> AsyncGenerator[T]:
    """``work`` on each item, at most ``concurrency`` begun and not yet handed on, in order.

    An exception of ``work`` or of ``items`` comes out in its place and ends the stream. However
    the stream ends, also when the consumer leaves early, no task is left behind.

    Raises:
        InputError: ``concurrency`` is below 1.
    """
    if concurrency < 1:
        raise InputError(f"concurrency is {concurrency}: it must be at least 1.")
    window = asyncio.Semaphore(concurrency)
    under_way: asyncio.Queue[asyncio.Task[T] | None] = asyncio.Queue()
    tasks: set[asyncio.Task[T]] = set()

    async def feed() -> None:
        try:
            async with aclosing(iterate(items)) as source:
                await window.acquire()
                async for item in source:
                    task = asyncio.ensure_future(work(item))
                    tasks.add(task)
                    under_way.put_nowait(task)
                    await window.acquire()
        finally:
            under_way.put_nowait(None)

    feeder = asyncio.create_task(feed())
    try:
        while (task := await under_way.get()) is not None:
            result = await task
            tasks.discard(task)
            window.release()
            yield result
        await feeder  # an exception of the items comes out here, after all before it
    finally:
        feeder.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(feeder, *tasks, return_exceptions=True)


async def together(works: Iterable[Awaitable[T]]) -> list[T]:
    """All of them side by side, in their order; if one raises, the others are cancelled first."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def ready(items: Iterable[S] | AsyncIterable[S], *, most: int) -> AsyncGenerator[Sequence[S]]:
    """The items in their order, as many at once as have come, at most ``most``; never none.

    Nothing waits for a group to be full. An asynchronous iterable is read ahead by ``most``
    items. A plain iterator, which may block, is read one by one; a sequence is cut.

    An exception of ``items`` comes out after all items before it. However the stream ends, the
    source is closed and no task is left behind.
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

    async def feed() -> None:
        try:
            async with aclosing(iterate(items)) as source:
                await room.acquire()
                async for item in source:
                    come.put_nowait(item)
                    await room.acquire()
        finally:
            come.put_nowait(_End())

    feeder = asyncio.create_task(feed())
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
        await feeder  # an exception of the items comes out here, after all before it
    finally:
        feeder.cancel()
        await asyncio.gather(feeder, return_exceptions=True)


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

    A row for which ``work`` raises an `EvolsynthError` is handed on as failed, with the step's
    name, and does not touch its neighbours. A `SetupError`, which is true of all rows, ends the
    stream, as does any other exception, which is a bug.
    """

    async def one(row: Row) -> tuple[Row, ...]:
        if row.settled:
            return (row,)
        try:
            made = await work(row)
        except SetupError:  # something is missing for every row
            raise
        except EvolsynthError as error:
            return (row.replace(failure=failure(step, error)),)
        return made if isinstance(made, tuple) else (made,)

    async with aclosing(ordered_map(rows, one, concurrency=concurrency)) as groups:
        async for group in groups:
            for row in group:
                yield row


def failure(step: str, error: EvolsynthError, *, attempt: int = 0) -> Failure:
    """How a row records an error; ``attempt`` is by default how often the request was tried."""
    return Failure(
        step=step,
        error=type(error).__name__,
        message=str(error),
        attempt=attempt or error.attempt,
    )
