"""Nobody waits in silence: what a command does before it has anything else to say.

Of what goes on (`evolsynth.doing`), what lasts is said on standard error: on a terminal in a line
that goes away again, elsewhere in a line each, or as JSON events. Whatever a command is doing,
something is said after a second.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar

from evolsynth.cli.progress.aside import Aside, error_file
from evolsynth.cli.progress.told import as_line
from evolsynth.doing import Deed, on_end, under_way

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Waiting", "hushed", "log_kind", "speaking"]

P = ParamSpec("P")
R = TypeVar("R")
Kind = Literal["terminal", "plain", "json", "quiet"]

_SILENCE = 1.0  # seconds after which something is said
_AGAIN = 30.0  # seconds after which what still goes on is said again, where that takes a line
_LOOK_EVERY = 0.2
_CLEAR = "\r\x1b[K"
_UNWRAPPED = "\x1b[?7l", "\x1b[?7h"  # a line that is too long is cut by the terminal
_hushed = 0


class Waiting:
    """Says what goes on, if it lasts. `look` is called from time to time.

    Args:
        kind: how it is said.
        file: where.
        command: what is said to be at work while nothing else is known to go on.
        began: when, in seconds of the clock of `look`.
    """

    def __init__(self, kind: Kind, file: Aside, command: str, began: float) -> None:
        self._kind, self._file, self._command = kind, file, command
        self._began = self._said = began
        self._told: Deed | None = None
        self._spoke = self._shown = False

    def look(self, now: float) -> None:
        """Say what goes on now, if that is due."""
        if self._kind == "quiet" or _hushed:
            self.clear()
            return
        deed = under_way()
        if deed is None:
            if not self._file.written and now - self._began >= _SILENCE:
                self._say(f"evolsynth {self._command} is at work", now, lasting=True)
            return
        lasts = now - (deed.began if self._spoke else min(deed.began, self._began))
        if lasts < _SILENCE:
            return
        if self._kind == "terminal":
            self._say(f"{deed.what} ({now - deed.began:.0f} s)", now)
        elif deed is not self._told:
            self._say(deed.what, now)
        elif now - self._said >= _AGAIN:
            self._say(f"{deed.what} ({now - deed.began:.0f} s so far)", now)
        self._told = deed

    def clear(self) -> None:
        """Take away the line that stands on the terminal."""
        if self._shown:
            self._shown = False
            self._file.write(_CLEAR)
            self._file.drain(0.2)

    def _say(self, text: str, now: float, *, lasting: bool = False) -> None:
        self._spoke, self._said = True, now
        if self._kind == "json":
            told = {"what": text, "seconds": round(now - self._began, 1)}
            self._file.write(as_line("doing", datetime.now(UTC), told) + "\n")
        elif self._kind == "terminal" and not lasting:
            self._shown = True
            self._file.write(f"{_CLEAR}{_UNWRAPPED[0]}{_plain(text)} ...{_UNWRAPPED[1]}")
        else:
            self._file.write(f"{_plain(text)} ...\n")


def _plain(text: str) -> str:
    """Without what moves the cursor: names of files and models are somebody's."""
    from evolsynth.report.text import visible  # not before there is something to say

    return str(visible(" ".join(text.split())))


@contextmanager
def hushed() -> Iterator[None]:
    """Say nothing while the block runs: something else speaks, or draws on the terminal."""
    global _hushed
    _hushed += 1
    try:
        yield
    finally:
        _hushed -= 1


def log_kind(words: Sequence[str], *, terminal: bool) -> Kind:
    """How a command with these words is to tell of its progress, before they are understood."""
    last = ""
    for word, following in pairwise([*words, ""]):
        if word == "--log":
            last = following
        elif word.startswith("--log="):
            last = word.removeprefix("--log=")
    if last in ("json", "quiet"):
        return "json" if last == "json" else "quiet"
    return "terminal" if terminal and last != "plain" else "plain"


def speaking(command: Callable[P, R]) -> Callable[P, R]:
    """Have what lasts be said while a console script runs."""

    @functools.wraps(command)
    def spoken(*args: P.args, **kwargs: P.kwargs) -> R:
        words, file, done = sys.argv[1:], error_file(), threading.Event()
        name = next((word for word in words if not word.startswith("-")), "")
        terminal = file.isatty() and os.environ.get("TERM") not in (None, "dumb", "unknown")
        kind = log_kind(words, terminal=terminal)
        waiting = Waiting(kind, file, _plain(name[:40]), time.monotonic())

        def watch() -> None:
            while not done.wait(_LOOK_EVERY):
                waiting.look(time.monotonic())

        thread = threading.Thread(target=watch, name="evolsynth-waiting", daemon=True)
        with ExitStack() as stack:
            stack.enter_context(on_end(waiting.clear))
            with suppress(RuntimeError):  # there is no room for another thread
                thread.start()
            try:
                return command(*args, **kwargs)
            finally:
                done.set()
                if thread.ident is not None:
                    thread.join(0.5)
                waiting.clear()

    return spoken
