"""Running a stranger's template: it reads no attributes, and it comes to an end.

jinja2's sandbox keeps a template from what it was not given. It does not keep it from loops in
loops, macros that call themselves, or texts that double, and no count of steps knows what a step
costs. So templates are compiled and rendered in a process of their own (`evolsynth.llm.renderer`),
whose memory is limited, and which the kernel ends when one render takes more than `SECONDS` of
processor time: not of the clock, so that a busy machine changes nothing. It is started with the
first template, kept for all others, and started anew after such an end.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from typing import IO, Any, Literal, cast

from evolsynth.errors import SetupError
from evolsynth.foreign import process_of

__all__ = ["SECONDS", "Fault", "Sandboxed", "is_found"]

SECONDS = 1.0  #: of processor time, for a render
_LETTERS = {"S": "syntax", "N": "refused", "U": "undefined", "F": "failed"}
_SIZE = 8  # bytes of a length

Kind = Literal["syntax", "refused", "undefined", "failed"]


class Fault(Exception):  # noqa: N818 - of the template, and not of ours
    """A template does not parse, refuses what it was given, asks for what is not there, or fails;
    the message says why, without a full stop."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


class Sandboxed:
    """A template. ``chat`` gives it what chat templates use: ``tojson``, ``raise_exception``,
    ``strftime_now`` and names that may be undefined. ``fields`` are the names that it asks for.

    Raises:
        Fault: it does not parse, or not within the limits.
        SetupError: no process can be started for it.
    """

    def __init__(self, source: str, *, chat: bool = False) -> None:
        self._source, self._chat = source, chat
        self.fields = tuple(_ask((source, chat, None, SECONDS)).split())

    def render(self, variables: Mapping[str, Any]) -> str:
        """The text for these variables. They are data: what they hold is never rendered.

        Raises:
            Fault: it refuses them, fails, or goes over the limits.
            SetupError: no process can be started for it.
        """
        return _ask((self._source, self._chat, dict(variables), SECONDS))


def is_found(pattern: str, text: str | None) -> bool:
    """Whether a regular expression of a stranger's is found in a text; without one it is only read.

    Raises:
        Fault: it is none, or goes over the limits.
        SetupError: no process can be started for it.
    """
    return bool(_ask((pattern, None, text, SECONDS)))


class _Renderer:
    """The process. Not for two threads at once."""

    def __init__(self) -> None:
        try:
            self._process = process_of(
                "-m",
                "evolsynth.llm.renderer",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise _cannot_start(error.strerror) from None

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: bytes) -> bytes:
        """Its answer.

        Raises:
            Fault: it ended over the request.
        """
        to, back = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        try:
            with contextlib.suppress(BrokenPipeError):
                to.write(len(request).to_bytes(_SIZE, "little") + request)
                to.flush()
            head = back.read(_SIZE)
            size = int.from_bytes(head, "little")
            answer = back.read(size) if len(head) == _SIZE else b""
        except BaseException:  # the next answer would be this one's
            self.end()
            raise
        if answer and len(answer) == size:
            return answer
        self.end(kill=False)
        status = self._process.returncode
        if status >= 0:
            raise _cannot_start(f"it ended with status {status}")
        if -status in (signal.SIGPROF, signal.SIGALRM):
            raise Fault("failed", f"it does too much work: over {SECONDS:g} s of processor time")
        name = signal.Signals(-status).name
        raise Fault("failed", f"it does too much work: its process was ended by {name}")

    def end(self, *, kill: bool = True) -> None:
        """End the process and wait for it."""
        if kill:
            self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                cast("IO[bytes]", pipe).close()
        self._process.wait()


def _cannot_start(why: str | None) -> SetupError:
    return SetupError(
        f"The process that templates are rendered in cannot run ({why}). Raise the limits of "
        "memory and processes (ulimit -v, -u, -n), or close other programs."
    )


_renderer: _Renderer | None = None
_lock = threading.Lock()


def _ask(request: tuple[Any, ...]) -> str:
    global _renderer
    try:
        data = json.dumps(_packed(request), ensure_ascii=False).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError, RecursionError) as error:  # objects of a caller's own
        raise Fault("failed", f"it is given what cannot be copied ({error})") from None
    with _lock:
        if _renderer is None or not _renderer.alive:
            _renderer = _Renderer()
        answer = _renderer.ask(data).decode("utf-8", "surrogatepass")
    kind = _LETTERS.get(answer[0])
    if kind is not None:
        raise Fault(cast("Kind", kind), answer[1:])
    return answer[1:]


def _packed(value: Any) -> Any:
    """A value for JSON such that a tuple stays one, and a key that is a number: each dict is an
    object with the one name of what it stands for. `renderer` reads it."""
    if isinstance(value, Mapping):
        return {"dict": [[_packed(name), _packed(inner)] for name, inner in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_packed(inner) for inner in value]}
    return [_packed(inner) for inner in value] if isinstance(value, list) else value


def _forget() -> None:
    """In a forked process: the renderer and the lock are its parent's."""
    global _renderer, _lock
    if _renderer is not None:
        process = _renderer._process
        for pipe in (process.stdin, process.stdout):
            os.close(cast("IO[bytes]", pipe).fileno())
        _kept.append(_renderer)
    _renderer, _lock = None, threading.Lock()


_kept: list[_Renderer] = []  # never collected: their pipes are closed, and no child of ours


@atexit.register
def _end() -> None:
    if _renderer is not None:
        _renderer.end()


os.register_at_fork(after_in_child=_forget)
