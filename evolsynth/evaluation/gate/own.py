"""Checks of a user's own: functions of a row, of a `Case`, or of several rows at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from evolsynth.errors import InputError
from evolsynth.evaluation.gate.check import BatchCheck, Case, Check
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.gate.verdict import rejected
from evolsynth.findings import Finding
from evolsynth.foreign import failure, of_all
from evolsynth.rows import Row

__all__ = ["OwnCheck", "judged_by", "own_check"]

#: A check of your own: a function of a row, or of a `Case` (as a `Check`), or of several rows.
OwnCheck = Callable[[Row], Finding | None] | Check | BatchCheck


def own_check(check: OwnCheck) -> Check | BatchCheck:
    """A user's check as one of ours."""
    if isinstance(check, Check | BatchCheck):
        return check
    return Check(getattr(check, "__name__", "own"), lambda case: check(case.row))


def judged_by(check: Check | BatchCheck, rows: Sequence[Row], settings: GateSettings) -> list[Row]:
    """The rows after a check of the user's own; one for which it raises has failed.

    Raises:
        InputError: a check of several rows does not return as many findings.
    """
    if isinstance(check, Check):
        return [_after(row, lambda row: check.find(Case(row, settings))) for row in rows]
    if not rows:
        return []
    try:
        found = list(check.find(rows))
    except BaseException as error:  # somebody else's code: find the row that it is about
        if of_all(error):
            raise
        return [_after(row, partial(_only_one, check)) for row in rows]
    if len(found) != len(rows):
        raise InputError(
            f"The check '{check.name}' was given {len(rows)} rows and returned {len(found)} "
            "findings. Return one for each row, or None."
        )
    pairs = zip(rows, found, strict=True)
    return [_after(row, lambda _: finding) for row, finding in pairs]  # noqa: B023 - at once


def _after(row: Row, find: Callable[[Row], Finding | None]) -> Row:
    try:
        finding = find(row)
        return row if finding is None else rejected(row, None, [finding])
    except BaseException as error:  # noqa: BLE001 - somebody else's code may raise anything
        return row.replace(failure=failure("gate", error))


def _only_one(check: BatchCheck, row: Row) -> Finding | None:
    (finding,) = check.find([row])
    return finding
