"""Gaps: what became of words that are no longer there, seen from their neighbours."""

from __future__ import annotations

from typing import NamedTuple

from evolsynth.evaluation.information_loss.alignment import Alignment

__all__ = ["Gap", "gap"]

#: Words that an evolution may put in the place of a gap.
_WIDE = 12


class Gap(NamedTuple):
    """Tokens ``start:end`` of the original became ``begin:stop`` of the evolution.

    ``tight`` if both neighbours were copied and nothing moved, so that whatever is missing was
    taken out here, and whatever is new was put in here.
    """

    start: int
    end: int
    begin: int
    stop: int
    tight: bool


def _run(made: Alignment, i: int, step: int) -> bool:
    """Whether token i and the two beyond it were copied as they are."""
    end = i + 2 * step
    row = range(i, end, step)
    return 0 <= end < len(made.place) and all(
        made.same[k] and made.same[k + step] and made.place[k + step] == made.place[k] + step
        for k in row
    )


def gap(made: Alignment, i: int) -> Gap:
    """The gap that token i of the original, which was not copied, stands in."""
    left, right, last = i - 1, i + 1, len(made.place)
    while left >= 0 and not made.same[left]:
        left -= 1
    while right < last and not made.same[right]:
        right += 1
    begin = made.place[left] + 1 if left >= 0 else 0
    stop = made.place[right] if right < last else len(made.evolved)
    before = left <= 0 or 0 <= made.place[left - 1] == made.place[left] - 1
    after = right >= last - 1 or made.place[right + 1] == made.place[right] + 1
    if 0 <= stop - begin <= right - left - 1:  # no more came than went
        after = after or _run(made, left, -1)
        before = before or _run(made, right, 1)
    ordered = begin <= stop and (stop - begin <= _WIDE or right >= last)
    return Gap(left + 1, right, begin, max(begin, stop), ordered and before and after)
