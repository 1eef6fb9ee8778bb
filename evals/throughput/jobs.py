"""What passes between the programs: a `Job` to an arm's process, a `Reading` back."""

from __future__ import annotations

from typing import Literal

import msgspec

from evolsynth.llm.base import Prompt, Sampling

__all__ = ["CONTEXT", "SAMPLING", "Arrangement", "Job", "Kind", "Reading", "Row"]

Kind = Literal["generate", "score"]

#: Tokens of a sequence, prompt and answer together, in every arm.
CONTEXT = 1024
#: How every arm draws its tokens.
SAMPLING = Sampling(temperature=0.8, top_k=64, top_p=0.95)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One request, in all the forms that arms take.

    ``prompt`` is what the engine is given and ``tokens`` what it makes of it, for arms that take
    tokens. ``message`` is for those that only chat. In a workload that scores, ``continuation``
    is the text whose log-probabilities are asked for.
    """

    prompt: Prompt
    tokens: tuple[int, ...]
    message: str
    seed: int
    max_tokens: int
    continuation: str = ""
    continuation_tokens: tuple[int, ...] = ()


class Arrangement(msgspec.Struct, frozen=True, kw_only=True):
    """How an arm lays out its work: contexts, threads in each, sequences decoded at once in each.

    What is None is the arm's own choice.
    """

    label: str
    contexts: int | None = None
    threads: int | None = None
    slots: int | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What one process is to measure: ``warmup`` untimed, then ``rows``, timed."""

    arm: str
    model: str
    kind: Kind
    arrangement: Arrangement
    rows: tuple[Row, ...]
    warmup: tuple[Row, ...]
    context: int = CONTEXT
    sampling: Sampling = SAMPLING


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one process measured; ``details`` are what else it knows.

    ``tokens`` were made or, in a workload that scores, scored.
    """

    tokens: int
    rows: int
    seconds: float
    details: dict[str, float | int | str] = {}
