"""The checks that look at a row by itself, made on several at once in whichever process; and how a
verdict is made: of what was found, or else of what the response stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from evolsynth.errors import InputError
from evolsynth.evaluation.embed.base import Contextual, Embedder
from evolsynth.evaluation.gate.check import Case, Check, Cost, Part
from evolsynth.evaluation.gate.tier import UNVERIFIED, below, kind_of, tier_of
from evolsynth.evaluation.good_evolution.score import texts_read
from evolsynth.findings import Finding
from evolsynth.foreign import failure, of_all
from evolsynth.rows import TIERS, Failure, Row, Tier, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evolsynth.evaluation.duplicates.index import DuplicateIndex
    from evolsynth.evaluation.gate.settings import GateSettings

__all__ = ["WRITTEN", "Given", "Memory", "Read", "decided", "look", "rejected", "waits"]

#: The parts that are not looked at again where they were let through before.
WRITTEN: tuple[Part, ...] = ("instruction", "evolution")


class Memory:
    """What a gate remembers of rows that it has seen: inputs, ancestors and what was let through,
    by rows' ids, and the indexes of streams. In this process; a cluster keeps it elsewhere."""

    def __init__(self) -> None:
        self._inputs: dict[str, str] = {}
        self._elders: dict[str, tuple[str, ...]] = {}
        self._passed: set[int] = set()

    def index(
        self,
        threshold: float,
        embedder: Embedder | None,
        vectors: Callable[[Sequence[str]], NDArray[np.float32]],
    ) -> DuplicateIndex:
        """A new index, for what one stream lets through; see `DuplicateIndex`.

        Args:
            vectors: makes what the index is given of texts.
        """
        from evolsynth.evaluation.duplicates.index import DuplicateIndex

        return DuplicateIndex(threshold, embedder=embedder)

    def add_inputs(self, inputs: Mapping[str, str]) -> None:
        """Remember the inputs of rows."""
        self._inputs.update(inputs)

    def input_of(self, row: str) -> str | None:
        """The input of a row, if it has one."""
        return self._inputs.get(row)

    def add_elders(self, row: str, elders: tuple[str, ...]) -> None:
        """Remember what a row was made from, and that from."""
        self._elders[row] = elders

    def elders_of(self, row: str) -> tuple[str, ...]:
        """What a row was made from, as far as it was seen."""
        return self._elders.get(row, ())

    def family(self, row: Row) -> tuple[str, ...]:
        """The ids of all that a row was made from, as far as it was seen: it is meant to be like
        them. They are remembered for rows that are made from it."""
        if not row.parents:
            return ()
        older = (name for parent in row.parents for name in self.elders_of(parent))
        found = tuple(dict.fromkeys((*row.parents, *older)))
        self.add_elders(row.id, found)
        return found

    def add_passed(self, prints: Iterable[int]) -> None:
        """Remember that instructions were let through, by 64 bits of each."""
        self._passed.update(prints)

    def has_passed(self, fingerprint: int) -> bool:
        """Whether an instruction was let through."""
        return fingerprint in self._passed

    def close(self) -> None:
        """Nothing is asked any more. Safe to call twice."""


class Given(NamedTuple):
    """A row to look at: the input of what it was evolved from, if that is known, and whether its
    instruction was let through before."""

    row: Row
    parent_input: str | None = None
    known: bool = False


class Read(NamedTuple):
    """A row that was looked at, and the end that it takes if nothing speaks against it later, where
    that was worked out: its verdict, or why there is none."""

    row: Row
    verdict: Verdict | None = None
    failure: Failure | None = None

    def decided(self, row: Row, settings: GateSettings) -> Row:
        """The row as it is now, which nothing was found against, with its end."""
        if self.verdict is None and self.failure is None:
            return decided(row, settings.least_tier)
        return row.replace(verdict=self.verdict, failure=self.failure)


def look(
    some: Sequence[Given],
    tiers: Sequence[tuple[Part, Cost, tuple[Check, ...]]],
    settings: GateSettings,
    embedder: Embedder | None,
) -> list[Row]:
    """The rows after the checks of these tiers, made until some of one tier refuse a row."""
    done = [given.row for given in some]
    cases = [
        Case(given.row, settings, embedder=embedder, parent_input=given.parent_input)
        for given in some
    ]
    for part, cost, checks in tiers:
        live = [
            i
            for i, case in enumerate(cases)
            if not done[i].settled and case.has(part) and not (some[i].known and part in WRITTEN)
        ]
        if cost == "meaning" and part == "evolution":
            _embed_ahead([cases[i] for i in live], checks, embedder)
        for i in live:
            done[i] = _checked(done[i], cases[i], part, checks)
    return [
        row.replace(scores=case.scores) if not row.settled and case.scores != row.scores else row
        for row, case in zip(done, cases, strict=True)
    ]


def _embed_ahead(cases: Sequence[Case], checks: Sequence[Check], embedder: Embedder | None) -> None:
    """Have the embedder read at once what it will be asked about row by row: much quicker."""
    asked = any(check.name == "weak_evolution" for check in checks)
    if asked and len(cases) > 1 and isinstance(embedder, Contextual):
        pairs = [
            (case.alone(case.original) or "", case.alone(case.instruction) or "") for case in cases
        ]
        try:
            embedder.embed([text for pair in pairs for text in texts_read(*pair)])
        except BaseException as error:
            if of_all(error):
                raise  # else the row that it is about will tell


def _checked(row: Row, case: Case, part: Part, checks: Sequence[Check]) -> Row:
    """The row after some checks: rejected, failed, or as it was."""
    try:
        found = [f for check in checks if (f := _found(check, case, part)) is not None]
        return rejected(row, case.scores, found) if found else row
    except BaseException as error:  # noqa: BLE001 - a check or embedder of somebody else's
        return row.replace(failure=failure("gate", error))


def _found(check: Check, case: Case, part: Part) -> Finding | None:
    """What the check finds; of a response, with the part, since some look at both."""
    finding = check.find(case, part)
    if finding is None or part != "response":
        return finding
    return Finding(finding.code, {"part": "response", **finding.detail})


def rejected(row: Row, scores: Mapping[str, float] | None, found: Sequence[Finding]) -> Row:
    """The row that something was found against, with the scores that came of looking at it."""
    for finding in found:
        if not isinstance(finding, Finding):
            raise InputError(
                f"A check found {finding!r:.60}, which is no Finding but {type(finding).__name__}."
            )
        msgspec.to_builtins(finding.detail)  # raises where JSON cannot hold it
    if scores is not None and scores != row.scores:
        row = row.replace(scores=dict(scores))
    details = {f.code: f.detail for f in found if f.detail}
    row = row.replace(verdict=Verdict(accepted=False, task=_task(row)))
    return row.reject(*(f.code for f in found), **details)


def decided(row: Row, least: Tier) -> Row:
    """The row that nothing was found against: accepted, or refused for its tier.

    One that carries a demand of an unknown kind has failed.
    """
    try:
        tier, names = tier_of(row)
    except BaseException as error:  # noqa: BLE001 - a kind of demand of somebody else's
        return row.replace(failure=failure("gate", error))
    holds = any(name.startswith("ground:") for name in names)
    verdict = Verdict(accepted=True, task=_task(row, holds=holds), tier=tier, stands_on=names)
    row = row.replace(verdict=verdict)
    if not below(tier, least):
        return row
    return row.reject(UNVERIFIED, **{UNVERIFIED: {"tier": tier, "least": least}})


def waits(row: Row, least: Tier) -> bool:
    """Whether a row is refused for its tier if for nothing else.

    Raises:
        InputError: the row carries a demand that there is no kind of.
    """
    return least != TIERS[-1] and below(tier_of(row)[0], least)


def _task(row: Row, *, holds: bool = False) -> str | None:
    return None if row.instruction is None else kind_of(row, holds=holds)
