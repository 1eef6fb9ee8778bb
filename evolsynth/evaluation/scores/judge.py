"""A language model as judge: complexity of an instruction, quality of a response, from 1 to 6.

As in Deita (Liu et al. 2023, arXiv:2312.15685, section 2) the score is not the number that the
model would say but the mean of the six, weighted by the model's probabilities of them: fractions,
and the same each time. A back end that tells no log-probabilities is asked for the number.

The rubrics are in ``prompts/judge``. A judge of 135M parameters can hardly judge: use a large model
through a server where the score matters.

A judge is also asked for a second opinion on information loss, where the score is near the
threshold: slower than the score by orders of magnitude, so only for borderline pairs.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from evolsynth.errors import InputError, RequestError
from evolsynth.evaluation.information_loss.reading import InformationLoss
from evolsynth.evaluation.information_loss.score import THRESHOLD
from evolsynth.llm.base import LLM, Capability, Prompt, Request, Sampling, Segment
from evolsynth.prompts import PromptFile, load_prompt, prompt_names
from evolsynth.rows import Message, Row, derive_seed
from evolsynth.streams import Rows, map_rows, together

__all__ = ["BORDERLINE", "CRITERIA", "ask", "judge", "say", "second_opinion", "weigh"]
__all__ += ["weighted_level"]

#: What is judged, each by the prompt file of its name; both scores are what `select` sorts by.
CRITERIA = ("complexity", "quality")

LEVELS = range(1, 7)
_NUMBER = re.compile(r"(?<![\d.,/])[1-6](?![\d/]|[.,]\d)")
_MOST_TOKENS = 16
_MARK = "\N{BLACK QUESTION MARK ORNAMENT}"


async def judge(
    rows: Rows,
    llm: LLM,
    *,
    criteria: Sequence[str] = CRITERIA,
    seed: int = 0,
    concurrency: int | None = None,
) -> AsyncGenerator[Row]:
    """Yield each row with a score in [1, 6] for each of ``criteria``, in order.

    The judge is shown all of a row's task: the instruction with its input. Settled rows pass
    through untouched, and a row without what a criterion looks at (a response, for quality) gets no
    score for it. Where the judge gives no number, or the row is too long for
    it, ``provenance["judge"][criterion]["missing"]`` says so.

    Raises:
        InputError: there is no prompt file for a criterion.
        CapabilityError: the back end can neither tell log-probabilities nor answer a chat.
    """
    files = {name: _file(name) for name in criteria}
    if Capability.LOGPROBS not in llm.capabilities:
        llm.require(Capability.CHAT, by="judge")

    async def one(row: Row) -> Row:
        scores, how = dict(row.scores), {}
        for name, file in files.items():
            told = f"{row.asked}\0{row.response}"  # the same question is asked once
            request = _request(file, row, derive_seed(seed, name, told))
            if request is None:
                continue
            opening = file.part("opening")
            made: dict[str, Any] = {**llm.provenance, **file.provenance}
            try:
                level = await _level(llm, request, opening)
            except RequestError as error:
                made["missing"] = str(error)
            else:
                if level is None:
                    made["missing"] = "The judge answered without a number from 1 to 6."
                else:
                    scores[name] = round(level, 4)
            how[name] = made
        if not how:
            return row
        provenance = {**row.provenance, "judge": {**row.provenance.get("judge", {}), **how}}
        return row.replace(scores=scores, provenance=provenance)

    width = llm.concurrency if concurrency is None else concurrency
    async with aclosing(map_rows(rows, one, step="judge", concurrency=width)) as stream:
        async for row in stream:
            yield row


def weighted_level(logprobs: Sequence[float]) -> float:
    """The mean of 1 to n, weighted by the softmax of their n log-probabilities (in nats).

    Raises:
        InputError: no log-probabilities.
    """
    if not logprobs:
        raise InputError("There are no log-probabilities to weight levels by. Give one a level.")
    most = max(logprobs)
    weights = [math.exp(value - most) for value in logprobs]
    return math.fsum(n * w for n, w in enumerate(weights, 1)) / math.fsum(weights)


async def _level(llm: LLM, request: Request, opening: str) -> float | None:
    """The score, or None where the judge said no number."""
    if Capability.LOGPROBS in llm.capabilities:
        return weighted_level(await weigh(llm, request, opening, [f" {n}" for n in LEVELS]))
    said = _NUMBER.search(await say(llm, request, opening))
    return float(said.group()) if said else None


def ask(question: str, seed: int, *, shared: str = "") -> Request:
    """A question whose answer takes a few tokens, the likeliest; ``shared`` as in `Request`."""
    return Request(
        messages=(Message("user", question),),
        shared=shared,
        seed=seed,
        max_tokens=_MOST_TOKENS,
        sampling=Sampling(temperature=0.0),
    )


async def weigh(llm: LLM, request: Request, opening: str, answers: Sequence[str]) -> list[float]:
    """The log-probability (in nats) of each answer behind the opening.

    Raises:
        RequestError: the model could not be asked.
    """
    prompt = llm.prepared(request).raw
    begun = Prompt((*prompt.segments, Segment(opening)), shared=prompt.shared)
    found = await together(llm.score(begun, answer) for answer in answers)
    return [score.total for score in found]


async def say(llm: LLM, request: Request, opening: str) -> str:
    """What the model answers in a few tokens, behind the opening if the back end can force it.

    Raises:
        RequestError: the model could not be asked.
    """
    forced = opening if Capability.PREFIX in llm.capabilities else ""
    completion = await llm.complete(msgspec.structs.replace(request, prefix=forced))
    return completion.text.removeprefix(forced)


def _file(name: str) -> PromptFile:
    if f"judge/{name}" not in prompt_names("judge"):
        known = ", ".join(file.partition("/")[2] for file in prompt_names("judge"))
        raise InputError(f"There is no criterion '{name}' to judge by. Use some of: {known}.")
    return load_prompt(f"judge/{name}")


def _request(file: PromptFile, row: Row, seed: int) -> Request | None:
    """The question about a row; None where the row lacks a part that the question shows."""
    parts = {"instruction": row.asked, "response": row.response}
    wanted = {name: parts[name] for name in file.value("question").arguments}
    if not all((text or "").strip() for text in wanted.values()):
        return None
    marked = file.part("question", **dict.fromkeys(wanted, _MARK)).strip()
    question = file.part("question", **wanted).strip()
    return ask(question, seed, shared=marked.partition(_MARK)[0])


#: Scores within which another opinion is asked for.
BORDERLINE = (0.25, 0.75)
_ANSWER = re.compile(r"\b(yes|no)\b", re.I)


async def second_opinion(
    original: str,
    evolved: str,
    loss: InformationLoss,
    llm: LLM,
    *,
    threshold: float = THRESHOLD,
    borderline: tuple[float, float] = BORDERLINE,
) -> InformationLoss:
    """The same loss with a new verdict, if its score is borderline and the model has an opinion.

    The new score is the mean of the old one and the model's probability of a loss, from the
    log-probabilities of "yes" and "no" where the back end tells them, else from its word. The
    spans stay, and ``note`` says that a model was asked, and what it said.

    Raises:
        CapabilityError: the back end can neither tell log-probabilities nor answer a chat.
        RequestError: the model could not be asked (the pair is too long for it, ...).
    """
    if not borderline[0] <= loss.score <= borderline[1]:
        return loss
    if Capability.LOGPROBS not in llm.capabilities:
        llm.require(Capability.CHAT, by="second_opinion")
    file = load_prompt("check/loss")
    question = file.part("question", original=original, evolved=evolved).strip()
    request = ask(question, derive_seed(0, "loss", original))
    lost = await _chance(llm, request, file.part("opening"))
    if lost is None:
        return loss
    score = round((loss.score + lost) / 2, 4)
    note = f"second opinion: {lost:.2f} for a loss, where the score was {loss.score:.2f}"
    note = note if loss.note is None else f"{loss.note}; {note}"
    return msgspec.structs.replace(loss, score=score, flagged=score >= threshold, note=note)


async def _chance(llm: LLM, request: Request, opening: str) -> float | None:
    """How likely the model finds a loss, in [0, 1]; None where it says neither yes nor no."""
    if Capability.LOGPROBS in llm.capabilities:
        yes, no = await weigh(llm, request, opening, (" yes", " no"))
        return 1.0 / (1.0 + math.exp(min(yes - no, 700.0)))
    said = _ANSWER.search(await say(llm, request, opening))
    return None if said is None else float(said.group(1).casefold() == "no")
