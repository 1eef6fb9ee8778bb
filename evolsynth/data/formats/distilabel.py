"""distilabel's columns: ``instruction`` and ``generation``, or several ``generations``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evolsynth.data.formats.form import form

__all__ = ["distilabel"]


@form("distilabel", title="distilabel's columns", noun="generations", place=6)
def distilabel(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The generation is the response; of several the best by its rating, else the first."""
    asked = record.get("instruction", record.get("prompt"))
    some = record.get("generations")
    answer = record.get("generation")
    if answer is None and isinstance(some, list) and some:
        answer = some[_best(record.get("ratings"), len(some))]
    if not isinstance(asked, str) or not isinstance(answer, str):
        return None
    if record.get("response") is not None:
        return None
    return {"instruction": asked, "response": answer}


def _best(ratings: Any, number: int) -> int:
    """Which of so many has the highest rating; the first of equals."""
    if not isinstance(ratings, list) or len(ratings) != number:
        return 0
    known = [k for k, rating in enumerate(ratings) if isinstance(rating, int | float)]
    return max(known, key=lambda k: ratings[k], default=0)
