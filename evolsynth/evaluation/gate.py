"""The gate: what becomes of a row, and why.

It answers with a `Verdict` and refuses nothing silently: a rejected row flows on, marked, to
where it is written down with its reasons.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from evolsynth.errors import EvolsynthError, SetupError
from evolsynth.evaluation.demands import breaks_limit, copied_demand, unfit_demand
from evolsynth.evaluation.duplicates import DuplicateIndex
from evolsynth.evaluation.embed import Embedder, MiniLM
from evolsynth.evaluation.evolution import EvolutionScore, evolution_finding, good_evolution
from evolsynth.evaluation.findings import Finding
from evolsynth.evaluation.information import InformationLoss, information_loss, no_new_demand
from evolsynth.evaluation.quality import degenerate
from evolsynth.evaluation.roles import no_answer, thin_answer, unanswerable
from evolsynth.evaluation.settings import GateSettings
from evolsynth.prompts import load_prompt, prompt_names
from evolsynth.rows import Row, Verdict
from evolsynth.streams import Rows, failure, iterate

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Check", "Gate", "evolution_findings", "loss_finding", "response_findings"]

Check = Callable[[Row], Finding | None]

_NOWHERE = np.zeros(1, dtype=np.float32)


class Gate:
    """Checks rows one after the other, in plan order.

    A duplicate is what equals an earlier row of the same stream: of what this call of `screen` or
    `check` has let through.

    Cheap checks come first, and what they refuse is not embedded. Without an ``embedder``
    near-duplicates are not looked for, only exact ones, and information loss is judged by facts
    and words alone.

    Args:
        settings: the thresholds, and what to skip.
        checks: checks of your own, made on rows that ours let through: each takes a row and
            returns what is wrong with it, if anything.

    Checks run in a thread of the gate's own, and few of them embed: candidates for duplicates are
    found by static vectors, and only the clauses that an evolution seems to have dropped are
    compared by meaning. So a back end that is generating beside it keeps the processors.
    """

    def __init__(
        self,
        embedder: Embedder | None = None,
        *,
        settings: GateSettings = GateSettings(),  # noqa: B008 - it cannot be changed
        checks: Sequence[Check] = (),
    ) -> None:
        self._embedder = embedder
        self._settings = settings
        self._checks = tuple(checks)
        self._ancestors: dict[str, tuple[str, ...]] = {}
        self._passed: set[tuple[str, str | None]] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="evolsynth-gate")

    async def screen(self, rows: Rows) -> AsyncGenerator[Row]:
        """Check instructions; the rest of the row may still be missing.

        Yields every row, those with findings rejected, the others undecided. A row that this
        gate has screened before is only compared with those that came earlier in this stream.
        """
        async with aclosing(self._stream(rows)) as screened:
            async for row in screened:
                yield row

    async def check(self, rows: Rows) -> AsyncGenerator[Row]:
        """Check instructions not screened yet, and responses; accept what is left.

        Yields every row with its verdict.
        """
        async with aclosing(self._stream(rows)) as screened:
            async for row in screened:
                yield row if row.settled else self._decide(row)

    async def _stream(self, rows: Rows) -> AsyncGenerator[Row]:
        # An index for each stream: one for all would be filled in the order of who is first.
        near, rough = self._settings.near_duplicate, isinstance(self._embedder, MiniLM)
        seen = DuplicateIndex(near, embedder=self._embedder if rough else None)
        loop = asyncio.get_running_loop()
        async with aclosing(iterate(rows)) as source:
            async for row in source:
                if row.settled:
                    yield row
                else:
                    yield await loop.run_in_executor(self._thread, self._screen, row, seen)

    def _screen(self, row: Row, seen: DuplicateIndex) -> Row:
        """Runs in the gate's thread."""
        try:
            if (row.id, row.instruction) not in self._passed:
                row = self._instruction(row)
            twin = None if row.settled else self._duplicate(row, seen)
        except SetupError:  # the embedder is missing: true of every row, so not this row's failure
            raise
        except EvolsynthError as error:
            return row.replace(failure=failure("gate", error))
        if row.settled:
            return row
        self._passed.add((row.id, row.instruction))
        return self._reject(row, [twin] if twin else [])

    def _instruction(self, row: Row) -> Row:
        text = row.instruction or ""
        made = _made(row, "instruction")
        original, scores = made.get("original"), dict(row.scores)
        findings = degenerate(text, kind="instruction", finish_reason=made.get("finish_reason"))
        # Only for what a model wrote: a user's own rows may well be about today.
        findings += filter(None, [unanswerable(text) if made else None])
        if isinstance(original, str) and not findings:
            loss = information_loss(
                original,
                text,
                embedder=self._embedder,
                threshold=self._settings.information_loss,
            )
            scores["information_loss"] = round(loss.score, 4)
            findings = _demand_findings(original, text, _demands(made.get("prompt")))
            findings += filter(None, [loss_finding(loss)])
            if not findings and (score := self._good_evolution(original, text)):
                scores["good_evolution"] = score.score
                findings += filter(None, [evolution_finding(score)])
        return self._reject(row.replace(scores=scores), findings)

    def objections(
        self, original: str, evolved: str, demands: Sequence[str], finish_reason: str
    ) -> list[Finding]:
        """What this gate has against an evolution by itself: `evolution_findings`, then its score.

        For `evol_instruct`'s ``check``, so that an attempt that the gate would refuse is followed
        by another.
        """
        findings = evolution_findings(original, evolved, demands, finish_reason)
        if not findings and (score := self._good_evolution(original, evolved)):
            findings += filter(None, [evolution_finding(score)])
        return [finding for finding in findings if finding.code not in self._settings.skip]

    def _good_evolution(self, original: str, evolved: str) -> EvolutionScore | None:
        if not isinstance(self._embedder, MiniLM):  # the weights are for MiniLM's vectors
            return None
        threshold = self._settings.good_evolution
        return good_evolution(original, evolved, self._embedder, threshold=threshold)

    def _duplicate(self, row: Row, seen: DuplicateIndex) -> Finding | None:
        text = row.instruction or ""
        vector = self._vector(text)
        twin = seen.find(text, vector, ignore=self._family(row))
        if twin is None:
            seen.add(row.id, text, vector)
        return twin

    def _decide(self, row: Row) -> Row:
        """Judge the response; a row without one is judged by its instruction alone."""
        findings = [] if row.response is None else response_findings(row)
        findings += filter(None, (check(row) for check in self._checks))
        row = self._reject(row, findings)
        return row if row.settled else row.replace(verdict=Verdict(accepted=True))

    def _reject(self, row: Row, findings: Sequence[Finding]) -> Row:
        """The row, rejected if there are findings that are not to be skipped."""
        counted = [f for f in findings if f.code not in self._settings.skip]
        if not counted:
            return row
        details = {f.code: f.detail for f in counted if f.detail}
        return row.reject(*(f.code for f in counted), **details)

    def _vector(self, text: str) -> NDArray[np.float32]:
        """What a text is found by in an index of `_stream`."""
        if self._embedder is None:
            return _NOWHERE  # nothing is near, only equal
        rough = self._embedder.rough() if isinstance(self._embedder, MiniLM) else self._embedder
        vector: NDArray[np.float32] = rough.embed([text])[0]
        return vector

    def _family(self, row: Row) -> Collection[str]:
        """The ids of all that a row was made from: it is meant to be like them."""
        older = (a for parent in row.parents for a in self._ancestors.get(parent, ()))
        family = tuple(dict.fromkeys((*row.parents, *older)))
        self._ancestors[row.id] = family
        return family


def response_findings(row: Row) -> list[Finding]:
    """What can be said against a row's response, by itself and in view of what was asked."""
    response, asked = row.response or "", row.instruction or ""
    reason = _made(row, "response").get("finish_reason")
    in_view_of_it = (
        no_answer(response, asked),
        thin_answer(response, asked),
        breaks_limit(asked, response),
    )
    return [
        *degenerate(response, kind="response", finish_reason=reason),
        *filter(None, in_view_of_it),
    ]


def evolution_findings(
    original: str, evolved: str, demands: Sequence[str], finish_reason: str
) -> list[Finding]:
    """What can be said against an evolution without an embedder; quick, for choosing attempts.

    ``demands`` are what the few-shot examples of its prompt add.
    """
    return [
        *degenerate(evolved, kind="instruction", finish_reason=finish_reason),
        *filter(None, [unanswerable(evolved)]),
        *_demand_findings(original, evolved, demands),
        *filter(None, [loss_finding(information_loss(original, evolved))]),
    ]


def _demand_findings(original: str, evolved: str, demands: Sequence[str]) -> list[Finding]:
    found = (
        copied_demand(original, evolved, demands),
        unfit_demand(original, evolved),
        no_new_demand(original, evolved),
    )
    return [finding for finding in found if finding is not None]


def loss_finding(loss: InformationLoss) -> Finding | None:
    """The finding for a flagged loss, with the lost spans and their places in the original."""
    if not loss.flagged:
        return None
    spans = [msgspec.to_builtins(span) for span in loss.lost]
    return Finding("information_loss", {"score": round(loss.score, 4), "lost": spans})


def _made(row: Row, part: str) -> Mapping[str, Any]:
    """How a part of the row was made; nothing for rows of a user's own, whatever they hold."""
    made = row.provenance.get(part)
    return made if isinstance(made, dict) else {}


def _demands(prompt: Any) -> Sequence[str]:
    """What the examples of the prompt file add that an evolution was made with."""
    return load_prompt(prompt).example_demands if prompt in prompt_names() else ()
