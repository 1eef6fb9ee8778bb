"""How a run stands: what the progress shows and the report tells."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from evolsynth.errors import InputError
from evolsynth.foreign import witness
from evolsynth.llm.base import Usage
from evolsynth.pipeline.graph import Node
from evolsynth.rows import Row
from evolsynth.store.cached_llm import Stored
from evolsynth.store.store import StepCounts

__all__ = [
    "FAILURES",
    "Budget",
    "End",
    "Guarded",
    "RunResult",
    "RunState",
    "RunWatch",
    "advise_failure",
]

#: How a run came to its end.
End = Literal["finished", "accepted", "minutes", "max_tokens", "max_attempts", "stalled"]


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """When a run ends, beside the end of its sources; whatever comes first.

    ``accepted`` rows are there. ``minutes`` have gone by. ``max_tokens`` were written by the
    models, those found in the store counted. ``max_attempts`` rows came out, whatever became of
    them. ``stall``: so many rows in a row came out and none was accepted. The first, the fourth
    and the last give the same rows each time.
    """

    accepted: int | None = None
    minutes: float | None = None
    max_tokens: int | None = None
    max_attempts: int | None = None
    stall: int | None = 1000

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"{name} is {value}: give a number above 0, or leave it out.")

    @property
    def bounded(self) -> bool:
        """Whether a run under it ends even if its sources do not."""
        return any(
            value is not None
            for value in (self.accepted, self.minutes, self.max_tokens, self.max_attempts)
        )


class RunState:
    """A run as it stands; of the event loop's thread, where it is always consistent.

    ``counts`` has an entry for each of ``nodes``. ``accepted``, ``rejected`` and ``failed`` are
    rows that came out, ``reasons`` why they were rejected, ``errors`` why they failed.
    ``expected`` is how many rows the sources will make, where that is known.
    """

    def __init__(
        self, name: str, folder: Path | None, nodes: Sequence[Node], budget: Budget
    ) -> None:
        self.name, self.folder, self.nodes, self.budget = name, folder, list(nodes), budget
        self.counts = [StepCounts(name=node.name, kind=node.step.kind) for node in nodes]
        self.models: list[Stored | None] = [None] * len(self.counts)
        self.expected: int | None = None
        self.accepted = self.rejected = self.failed = self.copied = 0
        self.since_accepted = 0
        self.cut = False
        self.reasons: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self._clock = time.monotonic
        self._began = self._clock()
        self._ended: float | None = None

    @property
    def total(self) -> int:
        """Rows that came out."""
        return self.accepted + self.rejected + self.failed

    @property
    def planned(self) -> int:
        """Rows made so far, less those that became others.

        Of a run that a budget or a signal ended: the rows that came out. What was made ahead of
        them and not waited for was no part of it.
        """
        if self.cut:
            return self.total
        return sum(c.made - c.used for c in self.counts) + self.copied

    @property
    def seconds(self) -> float:
        """Since the models were loaded, to the last row."""
        return (self._ended or self._clock()) - self._began

    @property
    def tokens(self) -> int:
        """Written by the models in this attempt."""
        return sum(model.tokens for model in self.models if model is not None)

    @property
    def tokens_found(self) -> int:
        """Of the answers that were found in the store."""
        return sum(model.tokens_found for model in self.models if model is not None)

    @property
    def usage(self) -> Usage:
        """Of all models since they were started: what they are writing now counts too."""
        models = {id(model.llm): model.llm for model in self.models if model is not None}
        total = Usage()
        for usage in (model.usage for model in models.values()):
            total.requests += usage.requests
            total.prompt_tokens += usage.prompt_tokens
            total.completion_tokens += usage.completion_tokens
        return total

    @property
    def at_once(self) -> int:
        """Answers that models work on at once."""
        models = [model.llm for model in self.models if model is not None]
        return max((model.at_once or model.concurrency for model in models), default=1)

    def add(self, row: Row) -> None:
        """Count a row that came out."""
        if row.failure is not None:
            self.failed += 1
            self.errors[row.failure.error] += 1
        elif row.settled and row.verdict is not None:
            self.rejected += 1
            self.reasons.update(row.verdict.reasons)
        else:
            self.accepted += 1
            self.since_accepted = 0
            return
        self.since_accepted += 1

    def refresh(self) -> Sequence[StepCounts]:
        """The counts, with those of the models put in."""
        for counts, model in zip(self.counts, self.models, strict=True):
            if model is not None:
                counts.tokens, counts.asked, counts.found = model.tokens, model.asked, model.found
        return self.counts

    def begin(self) -> None:
        """Start the clock: the models are loaded."""
        self._began = self._clock()

    def end(self) -> None:
        """Stop the clock."""
        self._ended = self._clock()


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to. ``files`` are the data set's, and the report if one was made."""

    folder: Path | None
    ended: End
    state: RunState
    files: Mapping[str, Path] = {}

    @property
    def accepted(self) -> int:
        """Rows accepted."""
        return self.state.accepted


class RunWatch(Protocol):
    """Somebody who is told how a run goes.

    ``begin`` comes once, in the run's event loop, ``end`` once at the very end, also after an
    error. ``event`` tells what happened between: ``step`` (it has handed on its last row),
    ``failed_row`` and ``retry`` (with ``step``, ``error``, ``message``), ``stopping``,
    ``stopped`` and ``finished``. No method raises.
    """

    def begin(self, state: RunState) -> None: ...  # noqa: D102 - the class says it
    def event(self, kind: str, /, **data: Any) -> None: ...  # noqa: D102
    def end(self) -> None: ...  # noqa: D102


class Guarded:
    """A watcher whose own errors change nothing: after the first it is told no more."""

    def __init__(self, watch: RunWatch) -> None:
        self._watch: RunWatch | None = watch

    def begin(self, state: RunState) -> None:
        """See `RunWatch`."""
        self._tell(lambda watch: watch.begin(state))

    def event(self, kind: str, /, **data: Any) -> None:
        """See `RunWatch`."""
        self._tell(lambda watch: watch.event(kind, **data))

    def end(self) -> None:
        """See `RunWatch`."""
        self._tell(lambda watch: watch.end())

    def _tell(self, call: Callable[[RunWatch], None]) -> None:
        watch = self._watch
        if watch is None:
            return
        try:
            call(watch)
        except Exception as error:  # noqa: BLE001 - somebody else's code
            self._watch = None
            witness("watch", error)


#: What to change where an error makes many rows fail, by its name, as `Failure.error` has it.
FAILURES: dict[str, str] = {
    "EngineError": "See that the model or its server still runs and has memory, then start the "
    "same command again.",
    "RequestError": "Shorten the rows or prompts named in the failed rows, or give the model a "
    "larger context.",
    "ContextOverflow": "Shorten the rows or prompts named in the failed rows, ask for shorter "
    "answers, or give the model a larger context.",
    "ContentRefused": "Leave out the rows that the server's rules forbid, or use another model.",
    "NotFound": "Look at the model's name and the server's address: the message says what is not "
    "there.",
    "LLMError": "See the message in the failed rows, and whether the model answers by itself.",
    "InputError": "Mend the rows at the places that the failed rows name, or leave them out.",
    "CapabilityError": "Give the step another model, or leave out the option that the message "
    "names.",
    "TemplateError": "Give the model a chat template that has the roles which the rows use.",
    "SetupError": "Install or mend what the message names; `evolsynth doctor` shows what is there.",
    "ModelNotFound": "Put the model file in its place again; `evolsynth doctor` says where it is "
    "looked for.",
    "Shortfall": "Raise the step's attempts, give more varied contexts or seeds, or ask it for "
    "fewer rows.",
    "Unpaired": "Let every branch before group() hand on each of its rows.",
    "StepError": "Mend the step's own function where the message points, then start the same "
    "command again.",
    "TimeoutError": "Give the step more time or a smaller concurrency.",
}


def advise_failure(error: str) -> str:
    """What to change where this error makes many rows fail."""
    return FAILURES.get(error) or (
        "Read the messages of the failed rows; an error of your own step is to be mended there."
    )
