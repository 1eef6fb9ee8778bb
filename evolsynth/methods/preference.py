"""Preference: of the responses to an instruction, the best and the worst by a score.

So are pairs made for DPO (Rafailov et al. 2023, arXiv:2305.18290) out of a model's own samples, by
a judge as in self-rewarding (Yuan et al. 2024, arXiv:2401.10020), or out of two models' responses.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
from typing import Any

from evolsynth.errors import EvolsynthError, InputError
from evolsynth.evaluation.scores.response import ResponseScore
from evolsynth.findings import reason
from evolsynth.methods.responses import responses_of
from evolsynth.rows import Row, Verdict
from evolsynth.streams import Rows, map_rows, together

__all__ = ["preference"]

reason(
    "same_response",
    "All responses to the instruction are the same, so none can be preferred.",
    "Raise the temperature of the responses, or take samples of two models.",
)
reason(
    "tie",
    "The scores of the best and the worst response are too close to prefer one.",
    "Make more samples of each response, or lower preference's margin.",
)
reason(
    "no_good_response",
    "Even the best of the responses is not good enough to be preferred.",
    "Take a larger model for the responses, or lower preference's least.",
)

_STEP = "preference"


async def preference(
    rows: Rows,
    *,
    score: ResponseScore,
    margin: float = 0.0,
    least: float | None = None,
    concurrency: int = 4,
) -> AsyncGenerator[Row]:
    """Yield each row with a ``chosen`` and a ``rejected`` response, in order, or refused.

    A row's responses are in ``extra["responses"]`` (`respond` with several samples or models,
    `join_responses` for two files). ``extra["chosen"]`` is the one of highest score, the first if
    there are several, ``extra["rejected"]`` the one of lowest, the last; ``scores["chosen"]`` and
    ``["rejected"]`` are theirs. ``response`` becomes the chosen one, each of ``responses`` gets its
    ``score``, and the row is accepted.

    Refused are rows whose responses are all the same but for white space (``same_response``), whose
    best and worst differ by less than the margin or not at all (``tie``), and whose best is below
    ``least`` (``no_good_response``). A row that has fewer than two responses, or fewer than two
    that could be scored, has failed. Settled rows pass through untouched.

    Args:
        score: a function of a row with one of the responses; see `ResponseScore`. `by_judge`,
            `by_ifd` and `by_rules` make some.
        margin: how much higher the best must be, in the score's own unit.
        least: what the best must reach, or nothing.
        concurrency: rows that are scored at once.

    Raises:
        InputError: the margin is negative or no number.
    """
    if not margin >= 0:
        raise InputError(f"margin is {margin}: give a difference from 0.")
    name = getattr(score, "__name__", type(score).__name__)
    how: dict[str, Any] = {"score": name, "margin": margin}
    if least is not None:
        how["least"] = least

    async def one(row: Row) -> Row:
        responses = responses_of(row)
        if len(responses) < 2:
            raise InputError(
                f"Row {row.id} has {_count(len(responses))}, and a pair needs two. Draw several "
                "samples, or join the responses of another model."
            )
        if len({" ".join(r["response"].split()) for r in responses}) == 1:
            return row.reject("same_response")
        made = [_with(row, response) for response in responses]
        scores = await together(_scored(score, name, candidate) for candidate in made)
        for response, value in zip(responses, scores, strict=True):
            response["score"] = value
        row = row.replace(
            extra={**row.extra, "responses": responses},
            provenance={**row.provenance, _STEP: how},
        )
        known = [(value, -place) for place, value in enumerate(scores) if value is not None]
        if len(known) < 2:
            raise InputError(
                f"Row {row.id}: {len(known)} of its {len(responses)} responses could be scored "
                f"by {name}, and a pair needs two."
            )
        (high, first), (low, last) = max(known), min(known)
        chosen, rejected = made[-first], made[-last]
        row = row.replace(
            response=chosen.response,
            provenance={**chosen.provenance, _STEP: how},
            scores={**row.scores, "chosen": round(high, 4), "rejected": round(low, 4)},
            extra={
                **row.extra,
                "responses": responses,
                "chosen": chosen.response,
                "rejected": rejected.response,
            },
        )
        found = {"chosen": round(high, 4), "rejected": round(low, 4)}
        if high <= low or high - low < margin - 1e-9:  # 0.3 - 0.2 is a little less than 0.1
            return row.reject("tie", tie={**found, "margin": margin})
        if least is not None and high < least:
            return row.reject("no_good_response", no_good_response={**found, "least": least})
        return row.replace(verdict=Verdict(accepted=True))

    stream = map_rows(rows, one, step=_STEP, concurrency=concurrency)
    async with aclosing(stream) as pairs:
        async for row in pairs:
            yield row


async def _scored(score: ResponseScore, name: str, candidate: Row) -> float | None:
    """The score of one response; whatever somebody's function raises is the row's failure."""
    try:
        value = score(candidate)
        if isinstance(value, Awaitable):
            value = await value
    except EvolsynthError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise InputError(f"The score '{name}' fails for row {candidate.id} ({what}).") from error
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(
            f"The score '{name}' gives no finite number for row {candidate.id}: {value!r}."
        )
    return number


def _with(row: Row, response: Mapping[str, Any]) -> Row:
    """The row as if it had only this response, which was made as it says."""
    before = row.provenance.get("response")
    made = dict(before) if isinstance(before, Mapping) else {}
    made |= {n: response[n] for n in ("finish_reason", "seed", "model") if n in response}
    provenance = {**row.provenance, "response": made} if made else row.provenance
    return row.replace(response=response["response"], provenance=provenance, scores={})


def _count(number: int) -> str:
    return "one response" if number == 1 else "no response"
