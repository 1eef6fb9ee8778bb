"""Whether each response stands in its row's text, how surely, and where."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from evolsynth.errors import RequestError
from evolsynth.evaluation.gate.checks.support import values_of
from evolsynth.evaluation.support.asked import asks_about_text
from evolsynth.evaluation.support.evidence import MOST_ASKED
from evolsynth.evaluation.support.score import (
    SUPPORT,
    Support,
    mark_of,
    question_evidence,
    read_support,
    support_by_model,
)
from evolsynth.llm.base import LLM, Capability
from evolsynth.methods.method import method
from evolsynth.options import Count
from evolsynth.rows import Row
from evolsynth.streams import Rows, map_rows

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["support"]

_NOT_ASKED = "The instruction does not ask for what stands in the text."
_NAMED = 8


@method(shape="map", needs=["instruction"], gives={"evidence": "any"}, role="judge")
async def support(
    rows: Rows,
    llm: LLM,
    *,
    embedder: Embedder | None = None,
    sentences: Count = MOST_ASKED,
    concurrency: Count | None = None,
) -> AsyncGenerator[Row]:
    """Each row about a text with ``scores["support"]``, from 0 to 1: how likely all of its response
    stands in its input; and ``evidence``, where.

    The evidence is one or two sentences of the input, each a ``start`` and an ``end``. A row
    without a response has the sentence that the model finds the question likeliest with, and no
    score. ``provenance["support"]`` names the signals that the score is made of, and the words that
    speak against the response. Settled rows, those without an input, and those that ask for
    something else than what stands in it pass through; of the last the provenance says so.

    A back end that tells no log-probabilities is not asked: then rules and the embedder decide.

    Args:
        sentences: of the input that the model is asked about for the evidence of a question
            without a response, those first that words and the embedder put first.
    """
    asked = llm if Capability.LOGPROBS in llm.capabilities else None

    async def one(row: Row) -> Row:
        text = row.input
        if text is None or row.instruction is None:
            return row
        question = asks_about_text(row.instruction, text)
        if question is None:
            return _told(row, {"missing": _NOT_ASKED})
        named = row.extra.get("title")
        title = named if isinstance(named, str) else ""
        if not (row.response or "").strip():
            if asked is None:
                return row
            place = question_evidence(
                asked, question, text, title=title, embedder=embedder, most=sentences
            )
            return await _of_question(row, asked, place)
        answer = values_of(row.response or "")
        made: dict[str, Any] = {}
        found: Support | None = None
        if asked is not None:
            try:
                found = await support_by_model(
                    asked, question, answer, text, title=title, embedder=embedder
                )
                made |= asked.provenance
            except RequestError as error:
                made["missing"] = f"The model was not asked: {error}"
        if found is None:
            found = read_support(question, answer, text, title=title, embedder=embedder)
        made["signals"] = {name: round(v, 4) for name, v in found.signals.items() if v}
        made["against"] = [
            {"text": w.text, "start": w.start, "end": w.end, "why": w.kind}
            for w in found.against[:_NAMED]
        ]
        evidence = [{"start": start, "end": end} for start, end in found.evidence]
        row = row.replace(
            scores={**row.scores, SUPPORT: found.score}, extra={**row.extra, "evidence": evidence}
        )
        return _told(row, {**made, "mark": mark_of(row)})

    width = llm.concurrency if concurrency is None else concurrency
    async with aclosing(map_rows(rows, one, step=SUPPORT, concurrency=width)) as stream:
        async for row in stream:
            yield row


async def _of_question(row: Row, llm: LLM, places: Awaitable[list[tuple[int, int, float]]]) -> Row:
    """A row that has no response yet, with the sentence that is likeliest to answer it."""
    try:
        found = await places
    except RequestError as error:
        return _told(row, {"missing": str(error)})
    if not found:
        return row
    start, end, gain = found[0]
    row = row.replace(extra={**row.extra, "evidence": [{"start": start, "end": end}]})
    return _told(row, {**llm.provenance, "gain": gain})


def _told(row: Row, made: dict[str, Any]) -> Row:
    return row.replace(provenance={**row.provenance, SUPPORT: made})
