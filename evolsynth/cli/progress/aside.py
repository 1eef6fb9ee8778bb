"""Standard error as progress is written to it: whatever becomes of it, nobody waits.

A terminal that was stopped (Ctrl-S), a pipe that nobody reads or a network that hangs would hold
up the run at its next line. So a thread writes, and what it cannot write for long is left out. A
file that is closed, or on a full disk, takes nothing more.
"""

from __future__ import annotations

import atexit
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Aside", "error_file", "settle"]

_MOST = 2**20  # characters that wait at most
_PATIENCE = 2.0  # seconds that are waited for them at the end


class Aside:
    """A text file that never makes its writer wait, and never raises.

    What is written at once is written whole or not at all. The thread ends when nothing waits.
    ``written`` counts characters, also of what was left out.
    """

    def __init__(self, file: TextIO | None) -> None:
        self.file, self.written = file, 0
        self._waiting: deque[str] = deque()
        self._size, self._dead = 0, file is None
        self._state = threading.Condition()
        self._thread: threading.Thread | None = None

    def write(self, text: str) -> int:
        """Have it written."""
        with self._state:
            self.written += len(text)
            if text and not self._dead and self._size + len(text) <= _MOST:
                self._waiting.append(text)
                self._size += len(text)
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._work, name="evolsynth-aside", daemon=True
                    )
                    try:
                        self._thread.start()
                    except RuntimeError:  # there is no room for another thread
                        self._work()
        return len(text)

    def flush(self) -> None:
        """Nothing: it is written as soon as can be."""

    def drain(self, seconds: float = _PATIENCE) -> bool:
        """Wait so long at most until all is written, and say whether it is."""
        with self._state:
            return self._state.wait_for(lambda: self._thread is None, timeout=seconds)

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        try:
            return self.file is not None and self.file.isatty()
        except ValueError:  # closed
            return False

    @property
    def encoding(self) -> str:
        """The file's."""
        return getattr(self.file, "encoding", None) or "utf-8"

    def _work(self) -> None:
        while True:
            with self._state:
                if not self._waiting:
                    self._thread = None
                    self._state.notify_all()
                    return
                text = self._waiting.popleft()
                self._size -= len(text)
            try:
                if self.file is not None:
                    self.file.write(text)
                    self.file.flush()
            except (OSError, ValueError):
                with self._state:
                    self._dead = True
                    self._waiting.clear()
                    self._size = 0


def settle(console: Console) -> None:
    """Let what was printed be there before anything else is."""
    if isinstance(console.file, Aside):
        console.file.drain()


_last = Aside(None)


def error_file() -> Aside:
    """Standard error, as it is now."""
    global _last
    if _last.file is not sys.stderr:
        _last = Aside(sys.stderr)
    return _last


atexit.register(lambda: _last.drain())
