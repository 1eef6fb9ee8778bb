"""What a run tells those who watch it."""

# ruff: noqa: D102 - the docstring of the class says what its methods are told

from __future__ import annotations

from typing import Any, Protocol

from evolsynth.pipeline.run.state import RunState

__all__ = ["RunWatch"]


class RunWatch(Protocol):
    """Somebody who is told how a run goes.

    ``begin`` comes once, in the run's event loop, ``end`` once at the very end, also after an
    error. ``event`` tells what happened between: ``step`` (it has handed on its last row),
    ``failed_row`` and ``retry`` (with ``step``, ``error``, ``message``), ``stopping``,
    ``stopped`` and ``finished``. No method raises.
    """

    def begin(self, state: RunState) -> None: ...
    def event(self, kind: str, /, **data: Any) -> None: ...
    def end(self) -> None: ...
