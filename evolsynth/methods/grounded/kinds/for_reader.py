"""A part of the passage, written anew by a model for somebody who reads in another way."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from evolsynth.evaluation.demands.reading import word_places
from evolsynth.evaluation.grounds.asked.for_reader import READERS, rewriting_against
from evolsynth.evaluation.text.blocks import blocks
from evolsynth.evaluation.text.language import is_english
from evolsynth.llm.base import LLM
from evolsynth.methods.grounded.draft import Draft, Passage, Place
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import answered, draft, drawn

__all__ = ["for_reader"]

#: Words that a paragraph to be written anew has, at least and at most.
_WORDS = range(35, 121)


@kind("for_reader", task="rewriting", weight=1.5)
async def for_reader(passage: Passage, random: Random, llm: LLM) -> Sequence[Draft]:
    """One paragraph, for one reader."""
    reader, seed = random.choice(list(READERS)), random.getrandbits(63)
    text = passage.text
    fitting = [
        text[block.start : block.end]
        for block in blocks(text)
        if block.kind == "text" and block.said == text[block.start : block.end]
    ]
    fitting = [one for one in fitting if len(word_places(one)) in _WORDS and is_english(one)]
    if not fitting:
        return ()
    part = random.choice(fitting)
    wording = drawn("for_reader", random, {}, reader)
    made = await answered(
        llm,
        "for_reader",
        wording,
        {},
        part,
        seed=seed,
        max_tokens=32 + len(part) // 2,
        against=lambda text: rewriting_against(reader, part, text),
    )
    if made is None:
        return ()
    written, how = made
    return (
        draft(
            "for_reader",
            wording,
            passage,
            answer=written,
            values={"output": written},
            ground={"reader": reader},
            evidence=(Place(0, len(part)),),
            text=part,
            whole=True,
            how=how,
        ),
    )
