"""A second process, which looks at a file's rows while this one compares, embeds and writes them.

Rules are Python, of which one process runs on one processor. What they say of a row depends on the
row alone, so it does not matter where they are asked.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from msgspec import msgpack

from evolsynth.doing import say
from evolsynth.evaluation.embed.base import Embedder, embedders
from evolsynth.evaluation.gate.check import COSTS, tiers
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.gate.verdict import Given, Read, look
from evolsynth.foreign import process_of
from evolsynth.rows import Failure, Row, Verdict

__all__ = ["APART", "Apart", "serve"]

#: The costs of the checks that the process makes: those that take no more of an embedder than its
#: static vectors.
APART = frozenset(list(COSTS)[: list(COSTS).index("meaning")])
_FROM = 1024  # rows after which it is begun: of fewer, the start would take as long as it saves
_AHEAD = 3  # parts that it is given before the first of them is back
_OURS = "evolsynth.evaluation.gate.checks."

T = TypeVar("T")


class _Setting(NamedTuple):
    """What the process is told first: the settings, and the name of its embedder."""

    settings: GateSettings
    embedder: str | None


class _Outcome(NamedTuple):
    """What became of a row, None where it is as it was; and what `Read` says of its end."""

    scores: dict[str, float] | None
    verdict: Verdict | None
    failure: Failure | None
    end: tuple[Verdict | None, Failure | None]


_SETTING = msgpack.Decoder(_Setting)
_PART = msgpack.Decoder(list[Given])
_READY = msgpack.Decoder(bool)
_BACK: msgpack.Decoder[list[_Outcome] | None] = msgpack.Decoder(list[_Outcome] | None)


class _ClosedError(Exception):
    """Nobody waits any more for what is looked at."""


class Apart:
    """The process. It is begun once there are enough rows to be worth it, and ended by `close`, or
    with this process, however that ends.

    If it ends before, or cannot be started, a sentence says so, and nothing is lost: its rows are
    looked at here. Not for two threads at once.

    Args:
        settings: of the gate.
        embedder: the gate's.
        called: its name among `embedders`, by which the process makes one of its own at need.
    """

    def __init__(
        self,
        settings: GateSettings,
        embedder: Embedder | None = None,
        called: str | None = None,
    ) -> None:
        self._settings, self._embedder, self._called = settings, embedder, called
        self._dear = [tier for tier in tiers(settings) if tier[1] not in (*APART, "stream")]
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._ready = self._gone = self._closed = False
        self._seen = 0

    @staticmethod
    def can(settings: GateSettings) -> bool:
        """Whether all checks that settings leave on are this package's own: those of others may
        know of what only this process has."""
        made = (check for _, _, checks in tiers(settings) for check in checks)
        return all(check.function.__module__.startswith(_OURS) for check in made)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, whatever it is doing."""
        self._gone = self._closed = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def look(
        self,
        parts: Iterable[Sequence[Given]],
        here: Callable[[Sequence[Given]], list[Read]],
    ) -> Iterator[list[Read]]:
        """For each part, in order, its rows after the checks that look at a row by itself.

        Args:
            here: makes them all in this process.
        """
        left, waiting = deque(parts), deque[tuple[Sequence[Given], bool]]()
        try:
            while left or waiting:
                if self._closed:
                    raise _ClosedError
                while left and len(waiting) < _AHEAD and self._is_ready():
                    waiting.append((left[0], self._send(left[0])))
                    self._seen += len(left.popleft())
                if not waiting:
                    self._seen += len(left[0])
                    yield here(left.popleft())
                    continue
                part, sent = waiting.popleft()
                back = self._receive(_BACK) if sent else None
                if self._closed:
                    raise _ClosedError
                yield here(part) if back is None else self._whole(part, back)
        finally:
            for _, sent in waiting:  # else the next parts would be given the answers to these
                if sent:
                    self._receive(_BACK)

    def _whole(self, part: Sequence[Given], back: Sequence[_Outcome]) -> list[Read]:
        """The rows of a part with what became of them there, after the dearer checks, which are
        made here: they look at evolutions alone."""
        read = [_read(given.row, one) for given, one in zip(part, back, strict=True)]
        live = [i for i, one in enumerate(read) if one.row.provenance and not one.row.settled]
        some = [part[i]._replace(row=read[i].row) for i in live]
        for i, row in zip(
            live, look(some, self._dear, self._settings, self._embedder), strict=True
        ):
            read[i] = read[i]._replace(row=row)
        return read

    def _is_ready(self) -> bool:
        """Whether it takes rows; begins it where it is time."""
        if self._gone or self._ready:
            return self._ready and not self._gone
        if self._pipe is None:
            if self._seen >= _FROM:
                self._start()
            return False
        if self._pipe.poll():
            self._ready = self._receive(_READY) is not None
        return self._ready

    def _start(self) -> None:
        self._pipe, theirs = Pipe()
        with theirs:
            number = theirs.fileno()
            try:
                self._process = process_of(
                    "-c",
                    f"import {__name__} as apart; apart.serve({number})",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[number],
                )
            except OSError as error:
                self._lost(error.strerror or "it cannot be started")
                return
        self._send(_Setting(self._settings, self._called))

    def _send(self, what: Any) -> bool:
        """Whether it could be sent; a row may hold what cannot."""
        if self._gone or self._pipe is None:
            return False
        try:
            data = msgpack.encode(what)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return False
        try:
            self._pipe.send_bytes(data)
        except OSError:  # it has ended, which is seen where its answer is missing
            self._lost()
        return not self._gone

    def _receive(self, reader: msgpack.Decoder[T]) -> T | None:
        """What comes next; None where nothing will, or it could not be done there."""
        if self._gone or self._pipe is None:
            return None
        try:
            return reader.decode(self._pipe.recv_bytes())
        except (EOFError, OSError):
            self._lost()
            return None

    def _lost(self, why: str = "") -> None:
        """It is not there any more."""
        if self._gone:
            return
        self._gone = True
        if self._process is not None:
            self._process.kill()
            status = self._process.wait()
            why = why or (signal.Signals(-status).name if status < 0 else f"status {status}")
        say(
            f"The process that looked at rows beside this one has ended ({why}). No row is lost: "
            "the others are looked at in this one, which takes longer."
        )


def _read(row: Row, one: _Outcome) -> Read:
    """A row with what became of it."""
    changed: dict[str, Any] = {} if one.scores is None else {"scores": one.scores}
    if one.verdict is not None:
        changed["verdict"] = one.verdict
    if one.failure is not None:
        changed["failure"] = one.failure
    return Read(row.replace(**changed) if changed else row, *one.end)


# In the other process ----------------------------------------------------------------------------


def _outcome(before: Row, after: Row, settings: GateSettings) -> _Outcome:
    end: tuple[Verdict | None, Failure | None] = (None, None)
    if not after.settled:
        decided = Read(after).decided(after, settings)
        end = decided.verdict, decided.failure
    return _Outcome(
        after.scores if after.scores != before.scores else None,
        after.verdict if after.verdict is not before.verdict else None,
        after.failure,
        end,
    )


def serve(number: int) -> None:
    """Look at rows that come by the pipe of this number, until nobody gives any."""
    pipe = Connection(number)
    came: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def hear() -> None:
        # always, so that neither waits for the other to take what it gives
        with contextlib.suppress(EOFError, OSError):
            while True:
                came.put(pipe.recv_bytes())
        os._exit(0)  # whatever is being looked at, nobody wants it

    threading.Thread(target=hear, daemon=True).start()
    settings, called = _SETTING.decode(came.get())
    embedder = None if called is None else embedders[called]()
    made = [tier for tier in tiers(settings) if tier[1] in APART]
    pipe.send_bytes(msgpack.encode(True))
    while True:
        data = came.get()
        try:
            some = _PART.decode(data)
            after = look(some, made, settings, embedder)
            back = [_outcome(one.row, row, settings) for one, row in zip(some, after, strict=True)]
            told = msgpack.encode(back)
        except Exception:  # noqa: BLE001 - it is raised again where it is asked for
            told = msgpack.encode(None)
        pipe.send_bytes(told)
