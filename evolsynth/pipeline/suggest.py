"""The name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest"]


def nearest(name: str, names: Iterable[str], *, least: float = 0.6) -> str | None:
    """The name most like this one, if any is like it at all."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=least)
    return found[0] if found else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """``" Did you mean 'respond'?"``, or all names there are."""
    known = list(names)
    found = nearest(name, known)
    if found is not None:
        return f"Did you mean '{found}'?"
    return f"There are: {', '.join(known)}." if known else "There are none."
