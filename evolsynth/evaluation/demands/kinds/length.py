"""Demands on how long an answer is: words, sentences, paragraphs, characters."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from evolsynth.evaluation.demands.demand import Asked, Miss, kind
from evolsynth.options import Count

__all__ = ["words_at_most"]


@kind("words_at_most", about="words")
def words_at_most(response: str, *, n: Count) -> Miss | None:
    """At most so many words, as white space tells them.

    Args:
        n: The most words.
    """
    found = len(response.split())
    return None if found <= n else Miss(f"It has {found} words; at most {n} were asked for.")


@words_at_most.draws
def _(chance: random.Random, case: Asked) -> Mapping[str, Any] | None:
    most = max(20, case.words)
    return {"n": 5 * chance.randint(most // 10, most // 5)}
