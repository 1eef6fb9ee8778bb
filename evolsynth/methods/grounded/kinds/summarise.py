"""A summary of the passage, written by a model."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from evolsynth.evaluation.demands.reading import word_places
from evolsynth.evaluation.grounds.asked.summarise import summary_against
from evolsynth.evaluation.text.language import is_english
from evolsynth.llm.base import LLM
from evolsynth.methods.grounded.draft import Draft, Passage, Place
from evolsynth.methods.grounded.kind import kind
from evolsynth.methods.grounded.wordings import answered, draft, drawn

__all__ = ["summarise"]

#: Words of a passage that is worth a summary, at least.
_LONG = 80
#: The share of its words that a summary may have, by its form.
_SHARES = {"words": 0.35, "sentences": 0.35, "brief": 0.25}


@kind("summarise", task="rewriting", weight=1.5)
async def summarise(passage: Passage, random: Random, llm: LLM) -> Sequence[Draft]:
    """One summary, no longer than a third of the passage."""
    form, seed = random.choice(list(_SHARES)), random.getrandbits(63)
    many = len(word_places(passage.text))
    if many < _LONG or not is_english(passage.text):
        return ()
    most = max(5 * round(_SHARES[form] * many / 5), 20)
    sentences = random.choice((2, 3)) if form == "sentences" else None
    values = {"most": str(most), "sentences": str(sentences), "title": passage.title}
    wording = drawn("summarise", random, values, form)
    bounds: dict[str, Any] = {"most": most, "sentences": sentences}
    made = await answered(
        llm,
        "summarise",
        wording,
        values,
        passage.text,
        seed=seed,
        max_tokens=32 + 3 * most,
        against=lambda text: summary_against(passage.text, text, title=passage.title, **bounds),
    )
    if made is None:
        return ()
    text, how = made
    return (
        draft(
            "summarise",
            wording,
            passage,
            answer=text,
            values={**values, "output": text},
            ground={**bounds, "about": passage.title},
            evidence=(Place(0, len(passage.text)),),
            whole=True,
            how=how,
        ),
    )
