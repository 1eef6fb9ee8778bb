"""What is read of a run by those who only watch: progress, summary, status.

These are protocols: the run itself, and a status read from its folder, both fit them.
"""

# ruff: noqa: D102 - the docstring of each class says what its attributes mean

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

__all__ = ["Limits", "RunWatch", "Seen", "StepNode", "StepSeen", "attempts"]


class StepSeen(Protocol):
    """How one step stands. ``came + made - used = running + left + rejected + failed``.

    ``came`` are the live rows that it was given, ``made`` those that it added, ``used`` those that
    became others (a context that gave tasks). ``left`` went on. ``asked`` are answers that a
    model gave in this attempt and ``tokens`` what it wrote for them; ``found`` are answers that
    were in the store.
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def came(self) -> int: ...
    @property
    def made(self) -> int: ...
    @property
    def used(self) -> int: ...
    @property
    def left(self) -> int: ...
    @property
    def rejected(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def running(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def asked(self) -> int: ...
    @property
    def found(self) -> int: ...


class Limits(Protocol):
    """When a run ends at the latest; None where there is no such limit."""

    @property
    def accepted(self) -> int | None: ...
    @property
    def minutes(self) -> float | None: ...
    @property
    def max_tokens(self) -> int | None: ...
    @property
    def max_attempts(self) -> int | None: ...
    @property
    def stall(self) -> int | None: ...


class StepNode(Protocol):
    """Where a step stands: the numbers of the steps whose rows it takes; a source takes none."""

    @property
    def inputs(self) -> tuple[int, ...]: ...


class Seen(Protocol):
    """How a run stands now.

    ``accepted``, ``rejected`` and ``failed`` are rows at the end of the pipeline. ``seconds`` is
    how long it has run, ``tokens`` what models wrote in this attempt, ``tokens_found`` what was
    in the store. ``planned`` are the rows made so far by all steps, less those that became others;
    ``expected`` are the rows that the sources will make, where that is known. ``reasons`` are
    counted by rejected row, ``errors`` (the error's name) by failed row. ``refresh`` brings the
    answers and tokens of ``counts`` up to date and returns them.
    """

    @property
    def nodes(self) -> Sequence[StepNode]: ...
    @property
    def counts(self) -> Sequence[StepSeen]: ...
    @property
    def accepted(self) -> int: ...
    @property
    def rejected(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def reasons(self) -> Mapping[str, int]: ...
    @property
    def errors(self) -> Mapping[str, int]: ...
    @property
    def seconds(self) -> float: ...
    @property
    def tokens(self) -> int: ...
    @property
    def tokens_found(self) -> int: ...
    @property
    def planned(self) -> int: ...
    @property
    def budget(self) -> Limits: ...
    @property
    def expected(self) -> int | None: ...
    def refresh(self) -> Sequence[StepSeen]: ...


class RunWatch(Protocol):
    """Somebody who is told how a run goes.

    ``begin`` comes once, in the run's event loop, ``end`` once at the very end, also after an
    error. ``event`` tells what happened between: ``step`` (it has handed on its last row),
    ``failed_row`` and ``retry`` (with ``step``, ``error``, ``message``), ``stopping``,
    ``stopped`` and ``finished``. No method raises.
    """

    def begin(self, state: Seen) -> None: ...
    def event(self, kind: str, /, **data: Any) -> None: ...
    def end(self) -> None: ...


def attempts(state: Seen) -> int:
    """Rows that came to an end so far, however they ended."""
    return state.accepted + state.rejected + state.failed
