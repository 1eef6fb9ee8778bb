"""What other people's code raises: the failure of one row, told so that its cause can be found.

Steps, checks, back ends and embedders of somebody else may raise anything, down to ``sys.exit()``
or a `CancelledError` of a helper of their own. None of it may end a run, or hide a row: what a
row's own work raises is that row's `Failure`, which names the kind and the message. The whole
traceback goes to the logger ``evolsynth`` (level DEBUG), and in a run into the store as an event
``traceback``, each place of the code once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from evolsynth.errors import EvolsynthError, SetupError
from evolsynth.rows import Failure

__all__ = ["RETRYABLE", "Interrupt", "comes_through", "failure", "listening", "of_all", "told"]
__all__ += ["process_of", "witness", "witnessed"]

#: Foreign errors after which the same may go well a moment later: time-outs, the network, the disk.
RETRYABLE = (TimeoutError, OSError)  # ConnectionError is an OSError

_LOG = logging.getLogger("evolsynth")
_LONGEST = 2000
_Tell = Callable[[str, BaseException], None]
_WITNESS: ContextVar[_Tell | None] = ContextVar("witness", default=None)
#: How many runs listen to Ctrl-C themselves, so that KeyboardInterrupt is none.
_listening = 0


class Interrupt(KeyboardInterrupt):
    """A signal that a run could hear in no other way, as a step does not let the event loop go."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@contextmanager
def listening() -> Iterator[None]:
    """Ctrl-C is heard by other means than KeyboardInterrupt while the block runs."""
    global _listening
    _listening += 1
    try:
        yield
    finally:
        _listening -= 1


def of_all(error: BaseException) -> bool:
    """Whether an exception is no row's own: something is missing for all rows, or it is Ctrl-C."""
    if isinstance(error, BaseExceptionGroup):
        return any(of_all(inner) for inner in error.exceptions)
    if isinstance(error, KeyboardInterrupt):
        main = threading.current_thread() is threading.main_thread()
        return isinstance(error, Interrupt) or (main and not _listening)
    return isinstance(error, SetupError)


def comes_through(error: BaseException) -> bool:
    """Whether nothing is to be made of an exception: it is of all rows, or a cancellation that the
    task was asked for, and not one of something that a step waited for."""
    return of_all(error) or (isinstance(error, asyncio.CancelledError) and _cancelled())


def failure(step: str, error: BaseException, *, attempt: int = 0) -> Failure:
    """How a row records an error; ``attempt`` is by default how often the request was tried.

    Raises:
        BaseException: the error itself, where it is no row's own; see `comes_through`.
    """
    if comes_through(error):
        raise error
    if not isinstance(error, EvolsynthError):
        witness(step, error)
    tried = attempt or getattr(error, "attempt", 0)
    return Failure(
        step=step,
        error=type(error).__name__,
        message=told(error),
        attempt=tried if isinstance(tried, int) else 0,
    )


def _cancelled() -> bool:
    """Whether the task that we are in was told to end."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # a thread: nobody cancels it
        return False
    return task is not None and task.cancelling() > 0


def told(error: BaseException) -> str:
    """What an error says; of a group, what its errors say. It cannot fail, and JSON can hold it."""
    if isinstance(error, BaseExceptionGroup):
        inner = "; ".join(f"{type(e).__name__}: {told(e)}" for e in error.exceptions[:3])
        return f"{error.message}: {inner}"[:_LONGEST]
    try:
        text = str(error)
    except BaseException as other:
        if of_all(other):
            raise
        text = f"(its message cannot be read: {type(other).__name__})"
    if not text and isinstance(error, asyncio.CancelledError):
        text = "something that it waited for was cancelled, and not by the run."
    return text[:_LONGEST].encode("utf-8", "backslashreplace").decode()


def witness(step: str, error: BaseException) -> None:
    """Keep an error's traceback where its cause can be looked for."""
    _LOG.debug("A failure in %s", step, exc_info=error)
    tell = _WITNESS.get()
    if tell is not None:
        tell(step, error)


@contextmanager
def witnessed(tell: Callable[..., None]) -> Iterator[None]:
    """Tell of tracebacks in here by ``tell(kind, step=..., error=..., traceback=...)``, of each
    place once."""
    seen: set[tuple[str, ...]] = set()

    def once(step: str, error: BaseException) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
        key = (step, type(error).__name__, place)
        if key not in seen and len(seen) < 100:
            seen.add(key)
            try:
                text = "".join(traceback.format_exception(error))[-8000:]
            except BaseException:  # noqa: BLE001 - somebody else's __str__
                text = "".join(traceback.format_tb(error.__traceback__))[-8000:]
            text = text.encode("utf-8", "backslashreplace").decode()
            tell("traceback", step=step, error=type(error).__name__, traceback=text)

    token = _WITNESS.set(once)
    try:
        yield
    finally:
        _WITNESS.reset(token)


def process_of(
    *words: str, env: Mapping[str, str] | None = None, **about: Any
) -> subprocess.Popen[bytes]:
    """Another process of this Python that finds the modules that this one does, for what may end
    the one that it is in, or keep it from other work. Ctrl-C is not for it.

    Args:
        words: behind the interpreter's name: ``-m`` and a module, or ``-c`` and a program.
        env: variables beside those that there are.
        about: as `subprocess.Popen` takes it.

    Raises:
        OSError: it cannot be started.
    """
    root = str(Path(__file__).resolve().parents[1])
    found = {"PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)])}
    return subprocess.Popen(  # noqa: S603 - our own
        [sys.executable, "-P", *words],
        start_new_session=True,
        env={**os.environ, **found, **(env or {})},
        **about,
    )
