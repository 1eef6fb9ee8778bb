"""How a model finds texts that people wrote: answers to instructions, and running text."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evals.quality import Answer, perplexity
from evolsynth.errors import InputError
from evolsynth.llm.base import LLM, Prompt

__all__ = ["Losses", "losses", "passages", "prose"]

_ROOT = Path(__file__).parent.parent
#: Characters of a passage of running text, at least, and words that a model sees before it.
_PASSAGE, _BEFORE = 1200, 8


def prose() -> str:
    """The running text of the project's own pages: paragraphs without code, tables and lists."""
    pages = [_ROOT / "README.md", _ROOT / "CONTRIBUTING.md", *sorted((_ROOT / "docs").glob("*.md"))]
    kept: list[str] = []
    for page in pages:
        parts = page.read_text(encoding="utf-8").split("```")[::2]
        kept += [one.strip() for part in parts for one in part.split("\n\n")]
    return "\n\n".join(one for one in kept if one[:1].isalpha() and len(one) >= _PASSAGE // 6)


def passages(text: str) -> list[str]:
    """A text in passages of whole paragraphs, each of some length, for what is long is cut off.

    Raises:
        InputError: there are not twice the words in it that a model sees before it is measured.
    """
    found: list[str] = []
    passage = ""
    for paragraph in filter(None, (one.strip() for one in text.split("\n\n"))):
        passage = f"{passage}\n\n{paragraph}".strip()
        if len(passage) >= _PASSAGE:
            found.append(passage[: 2 * _PASSAGE])
            passage = ""
    if len(passage.split()) >= 2 * _BEFORE:
        found.append(passage)
    if not found:
        raise InputError(f"The plain text has not even {2 * _BEFORE} words. Give more of it.")
    return found


class Losses(msgspec.Struct, frozen=True, kw_only=True):
    """Mean losses, in nats a token: of people's answers to their instructions, and of text."""

    answers: float
    answer_tokens: int
    text: float
    text_tokens: int


async def losses(llm: LLM, answers: Sequence[Answer], texts: Sequence[str]) -> Losses:
    """How likely a model that runs finds answers after their instructions in its chat template,
    and passages after their first words."""
    likely, answer_tokens = await perplexity(llm, answers)
    halves = [_halves(text) for text in texts]
    scores = await asyncio.gather(*(llm.score(Prompt.of(a), b) for a, b in halves))
    count = sum(len(score.logprobs) for score in scores)
    return Losses(
        answers=math.log(likely),
        answer_tokens=answer_tokens,
        text=-math.fsum(score.total for score in scores) / count,
        text_tokens=count,
    )


def _halves(text: str) -> tuple[str, str]:
    """The first words, and all that follows, with the white space between at its beginning."""
    at = 0
    for word in text.split(maxsplit=_BEFORE)[:_BEFORE]:
        at = text.index(word, at) + len(word)
    return text[:at], text[at:]
