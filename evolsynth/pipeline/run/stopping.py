"""Stopping a run: no new questions, a little time for what is under way, then the end."""

from __future__ import annotations

import asyncio
import heapq
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

__all__ = ["Control", "StepControl", "Turns", "signals_to"]


#: Turns of the event loop, in which an answered row has come to the next step's request.
_MOMENT = 8


class Control:
    """Whether a run may still ask its models, and what is under way.

    ``reason`` is why it stops: ``"minutes"``, ``"max_tokens"``, ``"SIGINT"``...; None while it
    goes on. ``stopping`` is set when it is told to stop, ``at_once`` when it is told so again.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self.under_way = 0
        self.stopping = asyncio.Event()
        self.at_once = asyncio.Event()

    def stop(self, reason: str) -> None:
        """Ask nothing more; for the second time: wait for nothing more either."""
        if self.reason is not None:
            self.at_once.set()
            return
        self.reason = reason
        self.stopping.set()


@contextmanager
def signals_to(stop: Callable[[str], None], *, wanted: bool = True) -> Iterator[None]:
    """Send Ctrl-C and SIGTERM to ``stop`` while the block runs, where that is possible: in the
    main thread."""
    loop = asyncio.get_running_loop()
    before: dict[signal.Signals, Any] = {}

    def heard(number: int, _: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop, signal.Signals(number).name)

    with suppress(ValueError, RuntimeError):  # not the main thread: somebody else listens
        for one in (signal.SIGINT, signal.SIGTERM) if wanted else ():
            old = signal.getsignal(one)
            try:
                loop.add_signal_handler(one, stop, one.name)
            except NotImplementedError:  # no such thing on Windows
                signal.signal(one, heard)
            before[one] = old
    try:
        yield
    finally:
        for one, old in before.items():
            with suppress(NotImplementedError):
                loop.remove_signal_handler(one)
            signal.signal(one, old)


class Turns:
    """Who may ask a model next, where several steps of a run use it.

    No more requests are under way than the model has use for, and of those that wait the step
    that stands last comes first: rows are brought to their end before others are begun, so that
    little is thrown away when a run has all the rows that it was asked for. For the same end a
    turn that an earlier step would get is kept for a moment, in which the row that was just
    answered may come to a later one.
    """

    def __init__(self, width: int) -> None:
        self._free = width
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._came = 0
        self._kept, self._left = False, 0

    async def take(self, place: int) -> None:
        """Wait for a turn; ``place`` is the step's number in the pipeline."""
        if self._free > 0 and (not self._waiting or place > -self._waiting[0][0]):
            self._free -= 1
            self._left = _MOMENT  # others may follow
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._came += 1
        heapq.heappush(self._waiting, (-place, self._came, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given just now
                self.give_back(place)
            raise

    def give_back(self, place: int) -> None:
        """A request of the step at ``place`` has ended."""
        self._free += 1
        if not self._waiting:
            return
        if -self._waiting[0][0] >= place:
            self._serve()
        elif not self._kept:
            self._kept, self._left = True, _MOMENT
            self._keep()

    def _keep(self) -> None:
        self._left -= 1
        if self._left > 0 and self._free > 0:
            asyncio.get_running_loop().call_soon(self._keep)
        else:
            self._kept = False
            self._serve()

    def _serve(self) -> None:
        while self._free > 0 and self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._free -= 1
                turn.set_result(None)


class StepControl:
    """What one step asks before each request to its model."""

    def __init__(self, control: Control, turns: Turns, place: int) -> None:
        self._control, self._turns, self._place = control, turns, place

    async def may_ask(self) -> None:
        """Return when it is the step's turn; never, once the run is stopping."""
        stopping = self._control.stopping
        if not stopping.is_set():
            await self._turns.take(self._place)
            if not stopping.is_set():
                return
            self._turns.give_back(self._place)
        await asyncio.Event().wait()

    def began(self) -> None:
        """A request is under way."""
        self._control.under_way += 1

    def ended(self) -> None:
        """It is not any more."""
        self._control.under_way -= 1
        self._turns.give_back(self._place)
