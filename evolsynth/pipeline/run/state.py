"""How a run stands: what the progress shows and the report tells."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from evolsynth.errors import InputError, LostRows, RunStopped, did_you_mean
from evolsynth.foreign import witness
from evolsynth.llm.base import Usage
from evolsynth.llm.prices import Spending
from evolsynth.pipeline.graph import Node
from evolsynth.rows import Row, Tier
from evolsynth.store.cached_llm import Stored
from evolsynth.store.store import StepCounts
from evolsynth.streams import abandoned

if TYPE_CHECKING:
    from evolsynth.cluster.pool import Pool
    from evolsynth.pipeline.run.rowlist import RowList
    from evolsynth.pipeline.run.steer import Steerer

__all__ = [
    "BUG",
    "BY_CLOCK",
    "COUNTED",
    "FAILURES",
    "Budget",
    "End",
    "Guarded",
    "RunResult",
    "RunState",
    "RunWatch",
    "advise_failure",
    "check_kept",
    "check_planned",
    "ended_by",
    "how_ended",
    "stopped_text",
]

#: What is said where rows do not add up.
BUG = "This is a bug of evolsynth; the run's folder has what is needed to find it."
#: How a run came to its end.
End = Literal[
    "finished", "accepted", "minutes", "max_tokens", "max_cost", "max_attempts", "stalled"
]


#: What stands over the numbers of `RunState.table`.
COUNTED = ("step", "planned", "accepted", "rejected", "failed", "unfinished")


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """When a run ends, beside the end of its sources; whatever comes first.

    ``accepted`` rows are there. ``minutes`` have gone by. ``max_tokens`` were written by the
    models, those found in the store counted. ``max_cost`` was spent on answers, in all attempts.
    ``max_attempts`` rows came out, whatever became of them. ``stall``: so many rows in a row came
    out and none was accepted. ``accepted``, ``max_attempts`` and ``stall`` give the same rows each
    time.
    """

    accepted: int | None = None
    minutes: float | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
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
            for value in (
                self.accepted,
                self.minutes,
                self.max_tokens,
                self.max_cost,
                self.max_attempts,
            )
        )


class RunState:
    """A run as it stands; of the event loop's thread, where it is always consistent.

    ``counts`` has an entry for each of ``nodes``. ``accepted``, ``rejected`` and ``failed`` are
    rows that came out, ``reasons`` why they were rejected, ``errors`` why they failed, ``tiers``
    what the responses of accepted ones stand on.
    ``expected`` is how many rows the sources will make, where that is known, and ``offered`` how
    many they would make of which a preview takes the first. ``width`` is how many rows are under
    way at each step at most, where that was told. ``models`` has the model of each node,
    ``beside`` those that some ask besides, with the node's number. ``spending`` is what was paid
    for, ``steerer`` what steers the run, if it does, ``pool`` the workers of a run on Ray.
    """

    def __init__(
        self, name: str, folder: Path | None, nodes: Sequence[Node], budget: Budget
    ) -> None:
        self.name, self.folder, self.nodes, self.budget = name, folder, list(nodes), budget
        self.counts = [StepCounts(name=node.name, kind=node.step.kind) for node in nodes]
        self.models: list[Stored | None] = [None] * len(self.counts)
        self.beside: list[tuple[int, Stored]] = []
        self.expected: int | None = None
        self.offered: int | None = None
        self.width: int | None = None
        self.spending = Spending()
        self.steerer: Steerer | None = None
        self.pool: Pool | None = None
        self.accepted = self.rejected = self.failed = self.copied = 0
        self.since_accepted = 0
        self.cut = False
        self.reasons: Counter[str] = Counter()
        self.tiers: Counter[Tier] = Counter()
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
    def asked(self) -> list[tuple[int, Stored]]:
        """All models of all steps, each with the number of its node."""
        own = [(place, one) for place, one in enumerate(self.models) if one is not None]
        return own + self.beside

    @property
    def tokens(self) -> int:
        """Written by the models in this attempt."""
        return sum(model.tokens for _, model in self.asked)

    @property
    def tokens_found(self) -> int:
        """Of the answers that were found in the store."""
        return sum(model.tokens_found for _, model in self.asked)

    @property
    def cost(self) -> float | None:
        """Of all answers in all attempts; None where no model has a price."""
        prices = [model.prices for _, model in self.asked]
        if self.spending.priced or any(told and not told.free for told in prices):
            return self.spending.cost()
        return None

    @property
    def usage(self) -> Usage:
        """Of all models since they were started: what they are writing now counts too."""
        models = {id(model.llm): model.llm for _, model in self.asked}
        total = Usage()
        for usage in (model.usage for model in models.values()):
            total.requests += usage.requests
            total.prompt_tokens += usage.prompt_tokens
            total.completion_tokens += usage.completion_tokens
        return total

    @property
    def at_once(self) -> int:
        """Answers that models work on at once."""
        models = [model.llm for _, model in self.asked]
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
            if row.verdict is not None and row.verdict.tier is not None:
                self.tiers[row.verdict.tier] += 1
            self.since_accepted = 0
            return
        self.since_accepted += 1

    def refresh(self) -> Sequence[StepCounts]:
        """The counts, with those of the models put in."""
        for place in {place for place, _ in self.asked}:
            own = [model for at, model in self.asked if at == place]
            counts = self.counts[place]
            counts.tokens = sum(model.tokens for model in own)
            counts.asked = sum(model.asked for model in own)
            counts.found = sum(model.found for model in own)
            counts.cost = self.spending.cost(counts.name)
        return self.counts

    def table(self) -> list[tuple[str, int, int, int, int, int]]:
        """A line for each step and one for all, under the heads `COUNTED`."""
        lines = [
            (c.name, c.left + c.rejected + c.failed, c.left, c.rejected, c.failed, c.running)
            for c in self.counts
        ]
        running = sum(c.running for c in self.counts)
        whole = (self.total, self.accepted, self.rejected, self.failed, running)
        return [*lines, ("all", *whole)]

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

    @property
    def rows(self) -> RowList:
        """The accepted rows, read from the run's folder."""
        return self.rows_of("accepted")

    def rows_of(self, name: str) -> RowList:
        """The rows of one of the run's files: ``accepted``, ``rejected``, ``failed`` (none, where
        it has no such file).

        Raises:
            InputError: the run had no folder, or the file is gone.
        """
        from evolsynth.pipeline.run.rowlist import RowList

        if self.folder is None:
            raise InputError("The run had no folder, so its rows were not kept. Run it into one.")
        known = ("accepted", "rejected", "failed", "unanswered")
        if name not in known:
            raise InputError(f"A run has no rows '{name}'. {did_you_mean(name, known)}")
        return RowList.read(self.files[name]) if name in self.files else RowList()

    def to_pandas(self) -> Any:
        """The accepted rows as a ``pandas.DataFrame``; see `RowList.to_pandas`."""
        return self.rows.to_pandas()

    @property
    def dataset(self) -> Any:
        """The accepted rows as a ``datasets.Dataset``; see `RowList.dataset`."""
        return self.rows.dataset

    def _repr_html_(self) -> str:
        from evolsynth.findings import explain
        from evolsynth.report.notebook import run_html

        state = self.state
        notes = [f"Ended: {self.ended}, after {state.seconds:,.0f} s."]
        notes += [f"{tier}: {count:,} accepted" for tier, count in sorted(state.tiers.items())]
        notes += [
            f"{count:,} rejected as {code}: {explain(code)}"
            for code, count in state.reasons.most_common(5)
        ]
        return run_html(state.name, COUNTED, state.table(), notes, self.files)


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


#: Ends that do not come with a row, by the reason for which a run stops.
BY_CLOCK: Mapping[str, End] = {
    "minutes": "minutes",
    "max_tokens": "max_tokens",
    "max_cost": "max_cost",
}


def ended_by(state: RunState, budget: Budget) -> End | None:
    """Whether a row that came out was the last."""
    if budget.accepted is not None and state.accepted >= budget.accepted:
        return "accepted"
    if budget.max_attempts is not None and state.total >= budget.max_attempts:
        return "max_attempts"
    if budget.stall is not None and state.since_accepted >= budget.stall:
        return "stalled"
    return None


def check_planned(state: RunState) -> None:
    """See that all rows that were planned have come out.

    Raises:
        LostRows: they have not.
    """
    if state.planned != state.total:
        raise LostRows(
            f"{state.planned} rows were planned, but {state.accepted} were accepted, "
            f"{state.rejected} rejected and {state.failed} failed. {BUG}"
        )


def check_kept(state: RunState, kept: Mapping[str, int]) -> None:
    """See that the store has all rows that were counted, by their status, and no other.

    Raises:
        LostRows: it has not.
    """
    there = (kept["accepted"] + kept["pending"], kept["rejected"], kept["failed"])
    counted = (state.accepted, state.rejected, state.failed)
    if there != counted:
        raise LostRows(
            f"{counted} rows were accepted, rejected and failed, but {there} are in the "
            f"run's store. {BUG}"
        )


def how_ended(error: BaseException) -> str:
    """How the store remembers the end of a run that an error has ended."""
    if isinstance(error, RunStopped):
        return f"stopped: {error.reason}"
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        return "stopped: cancelled"
    return f"failed: {type(error).__name__}: {error}"


def stopped_text(state: RunState, reason: str, *, remembered: bool) -> str:
    """A sentence on a run that a signal has stopped, and how it goes on: also by its folder alone,
    where it is ``remembered`` how it was started."""
    busy = " and ".join(f"'{counts.name}'" for counts in state.counts if counts.running)
    deaf = f" What {busy} was doing did not end, and was left." if abandoned() else ""
    short = f", or: evolsynth run {state.folder}" if remembered else ""
    return (
        f"Stopped ({reason}). {state.accepted} accepted, {state.rejected} rejected and "
        f"{state.failed} failed rows, and every answer of the model, are kept"
        + (f" in {state.folder}. Go on with the same command{short}." if state.folder else ".")
        + deaf
    )


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
    "MalformedAnswer": "Say in the prompt what each property is, raise max_tokens if answers were "
    "cut off, or take a larger model.",
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
