"""Stopping a run: no new questions, a little time for what is under way, then the end."""

from __future__ import annotations

import asyncio
import heapq
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Any, TypeVar

from evolsynth.errors import RunStopped
from evolsynth.foreign import Interrupt, listening
from evolsynth.streams import abandoned

__all__ = ["Control", "StepControl", "Turns", "aside", "run_to_end", "signals_to"]

T = TypeVar("T")


#: Turns of the event loop, in which an answered row has come to the next step's request.
_MOMENT = 8


class Control:
    """Whether a run may still ask its models, and what is under way.

    ``reason`` is why it stops: ``"minutes"``, ``"max_tokens"``, ``"max_cost"``, ``"SIGINT"``...;
    None while it goes on. ``stopping`` is set when it is told to stop, ``at_once`` when it is told
    so again.
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


#: Signals that stop a run. SIGHUP comes when the terminal is closed; Windows has none.
_SIGNALS = [s for s in signal.Signals if s.name in ("SIGINT", "SIGTERM", "SIGHUP")]
#: Seconds after which a signal that the event loop has not come round to is not waited for.
_DEAF = 1.0


@contextmanager
def signals_to(stop: Callable[[str], None], *, wanted: bool = True) -> Iterator[None]:
    """Send Ctrl-C, SIGTERM and SIGHUP to ``stop`` while the block runs, where that is possible: in
    the main thread.

    A second one raises `Interrupt` where the event loop has not heard the first, because a step
    does not let it go.
    """
    loop = asyncio.get_running_loop()
    before: dict[signal.Signals, Any] = {}
    unheard: list[float] = []

    def tell(name: str) -> None:
        unheard.clear()
        stop(name)

    def heard(number: int, _: FrameType | None) -> None:
        name, now = signal.Signals(number).name, time.monotonic()
        if unheard and now - unheard[0] >= _DEAF:
            raise Interrupt(name)
        unheard.append(now)
        loop.call_soon_threadsafe(tell, name)

    with ExitStack() as stack:
        for one in _SIGNALS if wanted else ():
            old = signal.getsignal(one)
            if one.name == "SIGHUP" and old is signal.SIG_IGN:  # nohup
                continue
            try:
                signal.signal(one, heard)
            except ValueError:  # not the main thread: somebody else listens
                break
            before[one] = old
        if before:
            stack.enter_context(listening())
        try:
            yield
        finally:
            for one, old in before.items():
                signal.signal(one, old)


async def aside(work: Callable[[], T]) -> T:
    """What a function gives, made in a thread that is not waited for where the run is stopped."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(give: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(lambda: None if done.done() else give())

    def go() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            broken = error
            settle(lambda: done.set_exception(broken))
        else:
            settle(lambda: done.set_result(result))

    threading.Thread(target=go, name="evolsynth-aside", daemon=True).start()
    return await done


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, which code that ignores its cancellation cannot keep from ending.

    Raises:
        RunStopped: by a signal that the event loop could not hear.
        KeyboardInterrupt: it was cancelled from outside before it had begun.
    """
    runner = asyncio.Runner()
    try:
        return runner.run(work)
    except asyncio.CancelledError:  # a signal came before the run could listen to it
        raise KeyboardInterrupt from None
    except Interrupt as error:
        raise RunStopped(
            f"Stopped ({error.reason}) in the middle of a step that did not let go. All answers "
            "and rows so far are in the run's store: the same command goes on from there.",
            error.reason,
        ) from None
    finally:
        if abandoned():  # the loop would wait for it for ever
            runner.get_loop().set_exception_handler(lambda *_: None)
        else:
            runner.close()


class Turns:
    """Who may ask a model next, where several steps of a run use it.

    No more requests are under way than the model has use for, and of those that wait the step
    that stands last comes first: rows are brought to their end before others are begun, so that
    little is thrown away when a run has all the rows that it was asked for. For the same end a
    turn that an earlier step would get is kept for a moment, in which the row that was just
    answered may come to a later one.
    """

    def __init__(self, width: Callable[[], int]) -> None:
        self._width = width
        self._given = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._came = 0
        self._kept, self._left = False, 0

    @property
    def _free(self) -> int:
        return self._width() - self._given

    async def take(self, place: int) -> None:
        """Wait for a turn; ``place`` is the step's number in the pipeline."""
        if self._free > 0 and (not self._waiting or place > -self._waiting[0][0]):
            self._given += 1
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
        self._given -= 1
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
                self._given += 1
                turn.set_result(None)


class StepControl:
    """What one step asks before each request to its model.

    Args:
        control: the run's.
        turns: the model's.
        place: the step's number in the pipeline.
        affords: says whether another request may be paid for; if not, the run is stopping. None:
            they cost nothing.
    """

    def __init__(
        self,
        control: Control,
        turns: Turns,
        place: int,
        affords: Callable[[], bool] | None = None,
    ) -> None:
        self._control, self._turns, self._place = control, turns, place
        self._affords = affords

    async def may_ask(self) -> None:
        """Return when it is the step's turn; never, once the run is stopping."""
        stopping = self._control.stopping
        if not stopping.is_set():
            await self._turns.take(self._place)
            if not stopping.is_set() and (self._affords is None or self._affords()):
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
