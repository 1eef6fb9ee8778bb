"""The methods of deduplication, their thresholds, and whether what was asked for can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

from evolsynth.errors import InputError

if TYPE_CHECKING:
    from evolsynth.evaluation.embed.minilm import Embedder

__all__ = ["THRESHOLDS", "Method", "check"]

Method = Literal["exact", "minhash", "static", "semantic"]
#: From which similarity on two texts are duplicates, by method: measured on
#: evals/data/duplicates.jsonl (docs/duplicates.md).
THRESHOLDS: dict[str, float] = {"minhash": 0.7, "static": 0.85, "semantic": 0.8}


def check(
    method: str,
    jaccard: float,
    cosine: float,
    texts: Sequence[str],
    scores: Sequence[float] | None,
    embedder: Embedder | None,
    workers: int,
    decide: int,
) -> None:
    """Refuse what cannot be.

    Raises:
        InputError: see `deduplicate`.
    """
    if isinstance(texts, str):
        raise InputError("deduplicate() takes a list of texts, not one string: put it in a list.")
    if method not in get_args(Method):
        raise InputError(
            f"There is no method '{method}'. Choose one of {', '.join(get_args(Method))}."
        )
    for value in (jaccard, cosine):
        if not 0 < value <= 1:
            raise InputError(f"The threshold is {value}: give one above 0 and up to 1.")
    if scores is not None and len(scores) != len(texts):
        raise InputError(f"There are {len(texts)} texts and {len(scores)} scores: give each one.")
    if method in ("static", "semantic") and embedder is None:
        raise InputError(f"The method '{method}' needs an embedder: give embedder=MiniLM().")
    if workers < 1 or decide < 0:
        raise InputError("Give at least one worker, and a number of texts to decide from 0.")
