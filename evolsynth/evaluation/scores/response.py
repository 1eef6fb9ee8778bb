"""Scores by which one response to an instruction is preferred to another: higher is better.

A score is any function of a row, whose ``response`` is the one to be scored, that gives a number,
or None where there is none to give. It may be asynchronous. Those here are by a judge and by IFD;
by the gate's rules there is one beside `preference`.

IFD is how much an instruction helps a model to its response. Instruction-following difficulty is
``ppl(A|Q) / ppl(A)``, the perplexity of the response after its instruction beside that of the
response alone (Li et al. 2023, arXiv:2308.12032, section 2.2); a small model ranks rows nearly as a
large one does (Li et al. 2024, "Superfiltering", arXiv:2402.00530). Above 1 the instruction
hinders, so the two do not belong together; near 0 the response follows from it without any effort.
The authors drop what is above 1 and keep the highest of the rest.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing

from evolsynth.errors import EngineError, RequestError
from evolsynth.evaluation.scores.judge import judge
from evolsynth.llm.base import LLM, Capability, Prompt, Segment
from evolsynth.llm.template import ChatTemplate
from evolsynth.rows import Message, Row
from evolsynth.streams import Rows, map_rows, together

__all__ = ["MARGINS", "ResponseScore", "by_ifd", "by_judge", "ifd"]


async def ifd(rows: Rows, llm: LLM, *, concurrency: int | None = None) -> AsyncGenerator[Row]:
    """Yield each row with ``scores["ifd"]``, ``["perplexity"]`` (of the response after the
    instruction, a token) and ``["perplexity_alone"]``, in the order in which they come.

    The instruction with its input (under the row's system turn, if it has one) is put into the
    model's chat template; alone means after the assistant's header only. The response's tokens are
    the same both times. Settled rows, and rows without an instruction or a response, pass through
    untouched. A row that is too long for the model gets no score, and its
    ``provenance["ifd"]["missing"]`` says why.

    Raises:
        CapabilityError: the back end cannot tell log-probabilities of given texts.
        TemplateError: the model has no usable chat template.
    """
    llm.require(Capability.LOGPROBS, by="IFD")
    alone = _alone(llm.template)

    async def one(row: Row) -> Row:
        answer = (row.response or "").strip()
        if row.asked is None or not answer:
            return row
        turns = [] if row.system is None else [Message("system", row.system)]
        asked = llm.template.render([*turns, Message("user", row.asked)])
        try:
            after, by_itself = await together((llm.score(asked, answer), llm.score(alone, answer)))
        except RequestError as error:
            made = {**llm.provenance, "missing": str(error)}
            return row.replace(provenance={**row.provenance, "ifd": made})
        scores = {
            "ifd": after.perplexity / by_itself.perplexity,
            "perplexity": after.perplexity,
            "perplexity_alone": by_itself.perplexity,
        }
        return row.replace(
            scores={**row.scores, **{name: round(score, 4) for name, score in scores.items()}},
            provenance={**row.provenance, "ifd": dict(llm.provenance)},
        )

    width = llm.concurrency if concurrency is None else concurrency
    async with aclosing(map_rows(rows, one, step="ifd", concurrency=width)) as stream:
        async for row in stream:
            yield row


def _alone(template: ChatTemplate) -> Prompt:
    """What a template writes between the end of a user's turn and the assistant's first word.

    Where the two are one mark (``[/INST]``), that mark.
    """
    marker = "\N{BLACK QUESTION MARK ORNAMENT}"
    text = str(template.render([Message("user", marker)])).rpartition(marker)[2]
    header = text.removeprefix(template.turn_end()) if text.strip() != template.turn_end() else text
    return Prompt((Segment(header.lstrip() or text, control=True),), shared=1)


ResponseScore = Callable[[Row], float | Awaitable[float | None] | None]

#: Differences below which the command line calls two responses a tie, by score. They are choices
#: and not measured: half a level of six, a tenth of the ratio, one finding.
MARGINS: Mapping[str, float] = {"judge": 0.5, "ifd": 0.1, "rules": 1.0}


def by_judge(llm: LLM, *, seed: int = 0) -> Callable[[Row], Awaitable[float | None]]:
    """The judge's quality of the response, from 1 to 6; see `judge`.

    Raises:
        CapabilityError: the back end can neither tell log-probabilities nor answer a chat.
    """
    if Capability.LOGPROBS not in llm.capabilities:
        llm.require(Capability.CHAT, by="by_judge")

    async def judged(row: Row) -> float | None:
        stream = judge([row.replace(scores={})], llm, criteria=("quality",), seed=seed)
        return await _score(stream, "quality")

    judged.__name__ = "judge"
    return judged


def by_ifd(llm: LLM) -> Callable[[Row], Awaitable[float | None]]:
    """How much the instruction helps a model to the response: minus its IFD; see `ifd`.

    It prefers the response that belongs more to its instruction, and knows nothing of whether it
    is true or whole.

    Raises:
        CapabilityError: the back end cannot tell log-probabilities of given texts.
    """
    llm.require(Capability.LOGPROBS, by="by_ifd")

    async def helped(row: Row) -> float | None:
        score = await _score(ifd([row.replace(scores={})], llm), "ifd")
        return None if score is None else -score

    helped.__name__ = "ifd"
    return helped


async def _score(stream: AsyncGenerator[Row], name: str) -> float | None:
    """The score of the one row of a stream.

    Raises:
        EngineError: the back end failed.
    """
    async with aclosing(stream) as rows:
        async for row in rows:
            if row.failure is not None:
                raise EngineError(row.failure.message)
            return row.scores.get(name)
    return None
