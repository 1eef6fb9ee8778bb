"""A second opinion on information loss, by a language model, where the score is near the threshold.

Slower than the score by orders of magnitude, so only for borderline pairs. A model of 135M
parameters can hardly tell: use a large one through a server.
"""

from __future__ import annotations

import math
import re

import msgspec

from evolsynth.evaluation.information_loss.reading import InformationLoss
from evolsynth.evaluation.information_loss.score import THRESHOLD
from evolsynth.evaluation.scores.judge import ask, say, weigh
from evolsynth.llm.base import LLM, Capability, Request
from evolsynth.prompts import load_prompt
from evolsynth.rows import derive_seed

__all__ = ["BORDERLINE", "second_opinion"]

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
