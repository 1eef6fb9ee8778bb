"""What a ground is: a reason why an answer is right that can be gone through again from its row.

A method whose answers are right by construction says how in ``provenance["response"]["ground"]``:
a mapping with the ``kind`` of ground and what it needs. Nobody takes its word. The gate asks the
ground of that kind, which makes or reads all of it again from the row as it stands, and only then
is the answer `verified`. A ground is one function in one file of this package::

    @ground("sum")
    def total(row: Row, *, terms: Sequence[int]) -> str | None:
        return None if row.response == str(sum(terms)) else "The terms give another sum."

Its keyword parameters are the other entries of the mapping. Another package adds grounds by the
entry points ``evolsynth.grounds``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from evolsynth.registry import Registry
from evolsynth.rows import Row

__all__ = ["GROUNDS", "Ground", "ground", "stands", "with_evidence"]

Holds = Callable[..., str | None]


@dataclasses.dataclass(frozen=True, eq=False)
class Ground:
    """One kind of reason.

    Args:
        kind: its name, in rows and in what an answer is said to stand on (``ground:sum``).
        why_not: of a row and the ground's own parameters: None where the answer stands on it, else
            a sentence that says what does not fit. What it raises counts as such a sentence.
    """

    kind: str
    why_not: Holds


#: All grounds by their kinds.
GROUNDS: Registry[Ground] = Registry("ground", "evolsynth.evaluation.grounds", "evolsynth.grounds")


def ground(kind: str) -> Callable[[Holds], Holds]:
    """Make a ground of a function, and register it."""

    def made(function: Holds) -> Holds:
        GROUNDS.register(kind, Ground(kind, function), function.__module__)
        return function

    return made


def stands(row: Row) -> tuple[str | None, str | None]:
    """The kind of ground that a row's answer names, and what speaks against it, None if nothing.

    A row that names none, or one that there is not, stands on none: ``(None, None)``.
    """
    made = row.provenance.get("response")
    told = made.get("ground") if isinstance(made, Mapping) else None
    kind = told.get("kind") if isinstance(told, Mapping) else None
    if not isinstance(told, Mapping) or not isinstance(kind, str) or kind not in GROUNDS:
        return None, None
    given: dict[str, Any] = {str(k): v for k, v in told.items() if k != "kind"}
    try:
        return kind, GROUNDS[kind].why_not(row, **given)
    except Exception as error:  # noqa: BLE001 - the parameters are a file's, and may be anything
        return kind, f"It cannot be gone through again ({type(error).__name__}: {error})."


def with_evidence(row: Row, part: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row's own with the evidence of a part of it, if the part names some."""
    return {**row.extra, "evidence": part["evidence"]} if "evidence" in part else dict(row.extra)
