"""Blocking reads beside the event loop, in a thread that can be left."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar, cast

__all__ = ["Worker", "beside"]

T = TypeVar("T")
_Job = tuple[Callable[[], Any], "Future[Any]"]
_PATIENCE = 1.0  # seconds that leaving waits for a read under way
_MOMENT = 0.02  # seconds; an idle thread ends in far less
_END = object()


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
        _finish(*come)
        del come  # an idle thread keeps nothing alive


def _finish(job: Callable[[], Any], future: Future[Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(job())
    except BaseException as error:  # noqa: BLE001 - it is raised where the job was given
        future.set_exception(error)


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
