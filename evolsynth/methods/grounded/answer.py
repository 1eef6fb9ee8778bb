"""Questions of others about a text, answered by a span of it.

A small model cannot read a text, but it can tell which sentence makes a question likelier: the
log-probability of the question behind the sentence and the title, less that behind the title alone,
is greatest where the answer stands. MiniLM brings the sentences down to a few first. The spans of
that sentence that are of the type asked for are then ranked by their log-probability as the answer.
The model writes nothing, so nothing can be misspelt or made up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec

from evolsynth.evaluation.grounds.ground import stands
from evolsynth.evaluation.text.words import vocabulary
from evolsynth.findings import reason
from evolsynth.llm.base import LLM, Capability
from evolsynth.methods.grounded.draft import Passage, Place
from evolsynth.methods.grounded.passages import passage_of
from evolsynth.methods.grounded.said import sentence_case
from evolsynth.methods.grounded.spans import spans_for
from evolsynth.methods.method import method
from evolsynth.options import Count
from evolsynth.prompts import load_prompt
from evolsynth.rows import Row
from evolsynth.streams import Rows, map_rows, together

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["NOT_IN_TEXT", "answer_from_text", "question_of"]

_METHOD = "answer_from_text"
#: The reason of rows whose text does not seem to answer them.
NOT_IN_TEXT = reason(
    "not_in_text",
    "No sentence of the text answers the question.",
    "Ask for what the text says, or let a larger model answer with `evolsynth respond`.",
)
#: How much likelier (in nats a token) its sentence makes a question at least.
LEAST_GAIN = 0.5
#: The least log-probability (in nats a token) of an answer behind sentence and question.
LEAST_LIKELY = -1.5
_MOST_SPANS = 12
_ASKS = vocabulary(
    "who whom whose what which when where why how in at on since until for from by to after within"
    " during"
)


class _Answer(NamedTuple):
    """The best answer to a question, and how sure it is."""

    sentence: Place
    span: Place
    gain: float
    likely: float


@method(
    shape="map",
    needs=["instruction", "input"],
    gives=["response"],
    role="answer",
)
async def answer_from_text(
    rows: Rows,
    llm: LLM,
    *,
    embedder: Embedder | None = None,
    sentences: Count = 3,
    least_gain: float = LEAST_GAIN,
    least_likely: Annotated[float, msgspec.Meta(le=0)] = LEAST_LIKELY,
    seed: int = 0,
    concurrency: Count | None = None,
) -> AsyncGenerator[Row]:
    """Each row's question answered by a span of its own text, with the sentence it stands in.

    Rows that have a response, that are settled, or whose instruction is no question with a question
    word pass through as they are. One whose text does not seem to answer it is rejected with the
    reason ``not_in_text``. The answer has the ground ``span`` where the rules of that hold.

    Args:
        embedder: finds the sentences that the model is asked about; by default MiniLM.
        sentences: how many of them.
        least_gain: how much likelier, in nats a token, its sentence must make the question.
        least_likely: the least log-probability, in nats a token, of the answer.

    Raises:
        CapabilityError: the back end tells no log-probabilities of given texts.
    """
    llm.require(Capability.LOGPROBS, by=_METHOD)
    if embedder is None:
        from evolsynth.evaluation.embed.minilm import MiniLM

        embedder = MiniLM()
    near = embedder

    async def one(row: Row) -> Row:
        question = question_of(row)
        if row.response is not None or question is None:
            return row
        passage = passage_of(row)
        places = await asyncio.to_thread(_nearest, question, passage, near, sentences)
        found = await _answered(llm, question, passage, places)
        if found is None or found.gain < least_gain or found.likely < least_likely:
            told = {} if found is None else {"gain": round(found.gain, 4)}
            return row.reject(NOT_IN_TEXT, **{NOT_IN_TEXT: told})
        return _filled(row, llm, question, passage, found)

    width = llm.concurrency if concurrency is None else concurrency
    async with aclosing(map_rows(rows, one, step=_METHOD, concurrency=width)) as stream:
        async for row in stream:
            yield row


def question_of(row: Row) -> str | None:
    """The question that a row's instruction is, without its text; None if it is none."""
    asked = (row.instruction or "").strip()
    if row.input and row.input in asked:
        asked = asked.replace(row.input, "").strip().removesuffix("Text:").strip()
    first = asked.split(maxsplit=1)[0].lower() if asked else ""
    return asked if first in _ASKS and asked.endswith("?") and "\n" not in asked else None


def _nearest(question: str, passage: Passage, embedder: Embedder, most: int) -> list[Place]:
    """The sentences of a text that are nearest to a question in meaning."""
    places = list(passage.sentences)
    if len(places) <= most:
        return places
    vectors = embedder.embed([question, *(place.of(passage.text) for place in places)])
    near = vectors[1:] @ vectors[0]
    best = sorted(range(len(places)), key=lambda i: (-float(near[i]), i))[:most]
    return [places[i] for i in sorted(best)]


async def _answered(
    llm: LLM, question: str, passage: Passage, places: Sequence[Place]
) -> _Answer | None:
    """The best span of the sentence that makes the question likeliest; None where there is none."""
    evidence, answer = load_prompt("grounded/evidence"), load_prompt("grounded/answer")
    prompts = [
        evidence.render(title=passage.title, sentence=sentence)
        for sentence in ("", *(place.of(passage.text) for place in places))
    ]
    alone, *behind = await together(llm.score(prompt, f" {question}") for prompt in prompts)
    order = sorted(range(len(places)), key=lambda i: (-behind[i].total, i))
    for i in order[:2]:
        spans = spans_for(question, passage, places[i])[:_MOST_SPANS]
        if not spans:
            continue
        prompt = answer.render(
            title=passage.title, sentence=places[i].of(passage.text), question=question
        )
        scores = await together(llm.score(prompt, f" {span.of(passage.text)}\n") for span in spans)
        best = max(range(len(spans)), key=lambda k: (scores[k].total, -k))
        return _Answer(places[i], spans[best], behind[i].mean - alone.mean, scores[best].mean)
    return None


def _filled(row: Row, llm: LLM, question: str, passage: Passage, found: _Answer) -> Row:
    """The row with its answer, and the ground of it if that holds."""
    answer, sentence = found.span.of(passage.text), found.sentence.of(passage.text)
    prompts = [load_prompt(f"grounded/{name}").provenance for name in ("evidence", "answer")]
    made: dict[str, Any] = {
        **llm.provenance,
        "method": _METHOD,
        "prompts": prompts,
        "ground": {
            "kind": "span",
            "question": question,
            "answer": answer,
            "statement": sentence,
            "form": "{span}",
        },
    }
    place = {"start": found.sentence.start, "end": found.sentence.end}
    full = row.replace(
        response=f"{sentence_case(answer)}.",
        scores={
            **row.scores,
            "evidence_gain": round(found.gain, 4),
            "answer_likely": round(found.likely, 4),
        },
        extra={**row.extra, "evidence": [place]},
        provenance={**row.provenance, "response": made},
    )
    if stands(full)[1] is None:
        return full
    made = {name: value for name, value in made.items() if name != "ground"}
    return full.replace(provenance={**row.provenance, "response": made})
