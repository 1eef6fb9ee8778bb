"""A run that steers itself: at points of its plan it looks at what came out, and asks for the rest.

The rows of a source are planned in blocks. When the first row of block b + 1 comes out of the last
step, all that came out before it is looked at, and what follows from it holds for block b + 2: one
block is under way meanwhile, so that nothing stands still. What came out before a certain row, in
the order in which rows come out, depends on neither time nor concurrency; so a decision does not
either, and a run that goes on makes the same ones again.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from evolsynth.errors import InputError
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.methods.steering import Steering
from evolsynth.pipeline.graph import Node, Step
from evolsynth.pipeline.run.knowledge import Known, Learnt, evenness
from evolsynth.pipeline.run.tee import copy_id
from evolsynth.pipeline.steer import LEAST_ROWS, Steer
from evolsynth.rows import Row

__all__ = ["Change", "Look", "Steered", "Steerer", "blocks", "check_steers"]

#: A weight that is so many times the usual one, or less than one part of it, is worth a word.
_WORTH = 1.5
_TOLD = 3  # kinds that a look tells of, either way
#: Steps of ours that wait for all rows before they give any.
_WAITS = ("spread",)


def check_steers(nodes: Sequence[Node]) -> None:
    """See that a run of these steps can steer itself.

    Raises:
        InputError: none of them draws anything that can be steered, or one holds rows back until
            later ones come, or, being the user's own, may do so.
    """
    if not any(node.step.takes("steering") for node in nodes):
        raise InputError(
            "The run is to steer itself, and none of its steps draws anything that can be steered. "
            "Use magpie, grounded or evolve, say, or leave steer out."
        )
    for node in nodes:
        step = node.step
        if step.settled and step.kind in _WAITS:
            raise InputError(
                f"The run is to steer itself, and the step '{node.name}' waits for all rows, of "
                "which later ones wait for what becomes of earlier ones. Leave one of the two out."
            )
        if not step.settled and not step.each and step.shape != "source":
            raise InputError(
                f"The run is to steer itself, and the step '{node.name}' may hold rows back until "
                "later ones come, which wait for what becomes of those. Write it as a function of "
                "one row, or leave steer out."
            )


def blocks(nodes: Sequence[Node], every: int) -> dict[int, int]:
    """Rows of each source's plan between two looks.

    So many that about ``every`` rows come out of the run meanwhile, as far as that is told: sources
    come side by side, and a step with the option ``each`` makes so many rows of one.
    """
    made = dict.fromkeys((node.index for node in nodes), 1)
    for node in reversed(nodes):
        for above in node.inputs:
            made[above] = max(made[above], made[node.index] * _each(node.step))
    sources = [node.index for node in nodes if node.step.shape == "source"]
    return {s: max(LEAST_ROWS, every // (len(sources) * made[s])) for s in sources}


def _each(step: Step) -> int:
    """How many rows a step makes of one, by its option of that name."""
    declared = inspect.signature(step.function).parameters.get("each")
    each = step.parameters.get("each", 1 if declared is None else declared.default)
    return each if isinstance(each, int) and each > 0 else 1


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a look changed.

    Args:
        set: whose choices it is about (``openings``).
        what: ``dropped`` (a choice), ``more`` or ``less`` (of a kind of task, or of a choice).
        of: the choice or the kind.
        accepted: of a choice: its rows that were accepted. Of a kind: all such rows.
        rows: of a choice: its rows that came out. Of a kind: all accepted rows.
        times: what is asked for by the usual weight.
    """

    set: str
    what: str
    of: str
    accepted: int
    rows: int
    times: float = 0.0

    def told(self) -> str:
        """In words."""
        share = f"{self.accepted} of {self.rows}"
        if self.what == "dropped":
            return f"{self.set}: '{self.of}' dropped, as {share} rows were accepted"
        return f"{self.set}: {self.what} of '{self.of}' ({share}; {self.times:.1f} times the usual)"


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What a run saw and changed at one point: behind ``after`` rows of step ``source``.

    ``accepted`` of ``rows`` were accepted since the look before, and were spread over kinds of
    tasks as evenly as ``evenness`` says, in [0, 1] (`knowledge.evenness`).
    """

    after: int
    source: str
    accepted: int
    rows: int
    evenness: float
    changes: tuple[Change, ...] = ()

    def told(self) -> str:
        """In a sentence."""
        changes = "; ".join(change.told() for change in self.changes) or "nothing to change"
        return f"After {self.after} rows of '{self.source}': {changes}."


class Steered(msgspec.Struct, frozen=True, kw_only=True):
    """What a run that steered itself came to: its looks, and what they gave.

    ``first`` and ``last`` are the evenness over kinds of tasks of the first accepted rows, which
    nothing had steered, and of as many last ones; ``rows`` how many those are.
    ``accepted_first`` and ``accepted_last`` are the shares that were accepted.
    """

    looks: tuple[Look, ...]
    rows: int
    first: float
    last: float
    accepted_first: float
    accepted_last: float

    def told(self) -> str:
        """What it gave, in a sentence."""
        if not self.rows:
            return "The run ended before a look could change anything."
        return (
            f"Evenness over kinds of tasks: {self.first:.2f} in the {self.rows} accepted rows "
            f"before the first change, {self.last:.2f} in the last {self.rows}; "
            f"{self.accepted_first:.0%} of rows were accepted before it, "
            f"{self.accepted_last:.0%} behind it."
        )


class _Set(NamedTuple):
    """Choices that a step draws from: of which name and step, with their usual weights and kinds
    of task."""

    name: str
    step: int
    usual: Mapping[str, float]
    kinds: Mapping[str, str]


class Steerer:
    """What a run knows of its rows, and what it tells its steps.

    Args:
        options: how often it looks.
        nodes: the steps of the run.
        tell: puts an event into the store.
        embedder: the run's, for clusters of meaning.
    """

    def __init__(
        self,
        options: Steer,
        nodes: Sequence[Node],
        tell: Callable[..., None],
        embedder: Embedder | None = None,
    ) -> None:
        self._blocks = blocks(nodes, options.every)
        kinds = [node.step.kind for node in nodes]
        #: Sources of which there is one like them before, whose rows may have the same ids.
        self._alike = {
            s for s in self._blocks if kinds[s] in (kinds[o] for o in self._blocks if o < s)
        }
        self.looks: list[Look] = []
        self._tell = tell
        self._learnt = Learnt(embedder)
        self._places: dict[str, tuple[int, int]] = {}  # rows by id: their source, and number in it
        self._made: Counter[int] = Counter()
        self._known: dict[int, list[Known]] = {}
        self._waiting: dict[tuple[int, int], asyncio.Event] = {}
        self._names: dict[int, str] = {}
        self._asked: dict[tuple[int, int], list[_Set]] = {}
        self._sets: dict[str, tuple[dict[str, float], dict[str, str]]] = {}
        self._gone: set[tuple[str, str]] = set()
        self._tasks: list[tuple[int, str | None]] = []  # of the rows so far: their source, its task
        self._looked = 0
        self._changed: int | None = None

    def for_step(self, node: Node) -> Steering:
        """What one step asks."""
        return _Asked(self, node)

    def made(self, node: Node, row: Row) -> Row:
        """A source gave a row: it has the next number of its plan.

        It is known by its id, so one of a source that is like another before it gets one of its
        own, as a copy on another branch does.
        """
        self._names[node.index] = node.name
        if node.index in self._alike:
            own = copy_id(f"{row.id}/{node.name}", node.index)
            row = row.replace(id=own, parents=(*row.parents, row.id))
        self._places[row.id] = (node.index, self._made[node.index])
        self._made[node.index] += 1
        return row

    def left(self, row: Row) -> None:
        """A row left a step: what is made of it later is known by it."""
        place = self.place(row)
        if place is not None:
            self._places.setdefault(row.id, place)

    def place(self, row: Row) -> tuple[int, int] | None:
        """The source that a row comes from, and the number there; None where it is not known."""
        for name in (row.id, *reversed(row.parents)):
            if name in self._places:
                return self._places[name]
        return None

    async def known(self, source: int, number: int) -> Known | None:
        """What is known where row ``number`` of a source is planned; None: nothing yet."""
        block = number // self._blocks[source] - 2
        if block < 0:
            return None
        if len(self._known.get(source, ())) <= block:
            waiting = self._waiting.setdefault((source, block), asyncio.Event())
            await waiting.wait()
        return self._known[source][block]

    def asked(self, place: tuple[int, int], one: _Set) -> None:
        """A step draws from these choices for a row."""
        self._asked.setdefault(place, []).append(one)

    def _note(self, place: tuple[int, int]) -> None:
        """What was drawn from for a row that came out; before that, whether a step has asked yet
        would depend on what is under way."""
        for one in sorted(self._asked.pop(place, ()), key=lambda one: (one.step, one.name)):
            told, kinds_of = self._sets.setdefault(one.name, ({}, {}))
            for choice, weight in one.usual.items():
                told.setdefault(choice, weight)
            kinds_of.update({c: k for c, k in one.kinds.items() if c not in kinds_of})

    def came(self, row: Row) -> None:
        """A row came out of the last step."""
        place = self.place(row)
        if place is not None:
            source, number = place
            while number >= (len(self._known.get(source, ())) + 1) * self._blocks[source]:
                self._look(source)
            self._note(place)
        self._learnt.add(row)
        accepted = row.failure is None and not row.settled
        task = row.verdict.task if accepted and row.verdict is not None else None
        self._tasks.append((1, task) if accepted else (0, None))

    def _look(self, source: int) -> None:
        """Look at what came out, and let what follows from it hold for the block after next."""
        some = self._known.setdefault(source, [])
        every = self._blocks[source]
        block, known = len(some), self._learnt.known(every)
        some.append(known)
        since = self._tasks[self._looked :]
        self._looked = len(self._tasks)
        if block == 1 and self._changed is None:
            self._changed = len(self._tasks)
        counts = Counter(task for ok, task in since if ok and task is not None)
        look = Look(
            after=(block + 1) * every,
            source=self._names[source],
            accepted=sum(ok for ok, _ in since),
            rows=len(since),
            evenness=round(evenness(counts), 3),
            changes=tuple(self._changes(known)),
        )
        self.looks.append(look)
        self._tell("steered", step=look.source, after=look.after, message=look.told())
        waiting = self._waiting.pop((source, block), None)
        if waiting is not None:
            waiting.set()

    def _changes(self, known: Known) -> list[Change]:
        """What is told of a look."""
        changes: list[Change] = []
        for name, (usual, kinds) in sorted(self._sets.items()):
            for choice, tried in known.dropped(name, usual).items():
                if (name, choice) not in self._gone:
                    self._gone.add((name, choice))
                    changes.append(
                        Change(set=name, what="dropped", of=choice, accepted=0, rows=tried)
                    )
            changes += _shifts(known, name, usual, kinds)
        return changes

    def told(self) -> list[str]:
        """What it gave, then what each look changed, in sentences."""
        return [self.result().told(), *(look.told() for look in self.looks)]

    def result(self) -> Steered:
        """What the run came to."""
        first = self._changed or 0
        before, behind = self._tasks[:first], self._tasks[first:]
        one = [task for ok, task in before if ok]
        two = [task for ok, task in behind if ok]
        rows = min(len(one), len(two))
        every = {task for task in (*one, *two) if task is not None}

        def spread(tasks: Sequence[str | None]) -> float:
            return round(evenness(Counter(t for t in tasks if t is not None), len(every)), 3)

        return Steered(
            looks=tuple(self.looks),
            rows=rows,
            first=spread(one[:rows]),
            last=spread(two[-rows:] if rows else []),
            accepted_first=len(one) / max(len(before), 1),
            accepted_last=len(two) / max(len(behind), 1),
        )


def _shifts(
    known: Known, name: str, usual: Mapping[str, float], kinds: Mapping[str, str]
) -> list[Change]:
    """Of which kinds, or else of which choices, more or less is asked for than usual."""
    now, total = known.weights(name, usual, kinds), sum(usual.values())
    scale = total / sum(now.values())
    groups: dict[str, tuple[float, float]] = {}
    by_kind = {choice: known.kind(name, choice, kinds) for choice in usual}
    told = any(kind is not None for kind in by_kind.values())
    for choice, weight in usual.items():
        group = by_kind[choice] if told else choice
        if group is not None and weight > 0:
            was, new = groups.get(group, (0.0, 0.0))
            groups[group] = was + weight, new + now[choice] * scale
    times = {group: new / was for group, (was, new) in groups.items()}
    order = sorted(times, key=lambda group: (-times[group], group))
    more = [group for group in order if times[group] >= _WORTH][:_TOLD]
    less = [group for group in reversed(order) if 0 < times[group] <= 1 / _WORTH][:_TOLD]
    made = partial(_shift, known, name, told)
    return [made("more", g, times[g]) for g in more] + [made("less", g, times[g]) for g in less]


def _shift(known: Known, name: str, of_kind: bool, what: str, group: str, times: float) -> Change:
    if of_kind:
        accepted, rows = known.tasks[group], sum(known.tasks.values())
    else:
        accepted, rows = known.rate(name, {group: 0})
    return Change(
        set=name, what=what, of=group, accepted=accepted, rows=rows, times=round(times, 2)
    )


class _Asked(Steering):
    """One step's side of it."""

    def __init__(self, steerer: Steerer, node: Node) -> None:
        self._steerer, self._node = steerer, node

    async def weights(
        self,
        at: int | Row,
        name: str,
        usual: Mapping[str, float],
        kinds: Mapping[str, str] = {},
    ) -> dict[str, float]:
        """See `Steering.weights`."""
        place = (self._node.index, at) if isinstance(at, int) else self._steerer.place(at)
        if place is None:
            return dict(usual)
        self._steerer.asked(place, _Set(name, self._node.index, usual, kinds))
        known = await self._steerer.known(*place)
        return dict(usual) if known is None else known.weights(name, usual, kinds)
