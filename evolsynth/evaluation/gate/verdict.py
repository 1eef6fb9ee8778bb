"""How a verdict is made: of what was found, or else of what the response stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from evolsynth.errors import InputError
from evolsynth.evaluation.gate.tier import UNVERIFIED, below, kind_of, tier_of
from evolsynth.findings import Finding
from evolsynth.foreign import failure
from evolsynth.rows import TIERS, Row, Tier, Verdict

__all__ = ["decided", "rejected", "waits"]


def rejected(row: Row, scores: Mapping[str, float] | None, found: Sequence[Finding]) -> Row:
    """The row that something was found against, with the scores that came of looking at it."""
    for finding in found:
        if not isinstance(finding, Finding):
            raise InputError(
                f"A check found {finding!r:.60}, which is no Finding but {type(finding).__name__}."
            )
        msgspec.to_builtins(finding.detail)  # raises where JSON cannot hold it
    if scores is not None and scores != row.scores:
        row = row.replace(scores=dict(scores))
    details = {f.code: f.detail for f in found if f.detail}
    row = row.replace(verdict=Verdict(accepted=False, task=_task(row)))
    return row.reject(*(f.code for f in found), **details)


def decided(row: Row, least: Tier) -> Row:
    """The row that nothing was found against: accepted, or refused for its tier.

    One that carries a demand of an unknown kind has failed.
    """
    try:
        tier, names = tier_of(row)
    except BaseException as error:  # noqa: BLE001 - a kind of demand of somebody else's
        return row.replace(failure=failure("gate", error))
    verdict = Verdict(accepted=True, task=_task(row), tier=tier, stands_on=names)
    row = row.replace(verdict=verdict)
    if not below(tier, least):
        return row
    return row.reject(UNVERIFIED, **{UNVERIFIED: {"tier": tier, "least": least}})


def waits(row: Row, least: Tier) -> bool:
    """Whether a row is refused for its tier if for nothing else.

    Raises:
        InputError: the row carries a demand that there is no kind of.
    """
    return least != TIERS[-1] and below(tier_of(row)[0], least)


def _task(row: Row) -> str | None:
    return None if row.instruction is None else kind_of(row)
