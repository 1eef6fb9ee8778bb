"""What an evolution adds to its original, as text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from evolsynth.evaluation.text.words import plain, words

__all__ = ["begins_with", "demand_added"]


def demand_added(original: str, evolved: str) -> str:
    """The text that the evolution adds: what follows the original, else all new words.

    Empty where nothing was added. New words that are apart are joined by " ... ".
    """
    if begins_with(evolved, original):
        end = _end_of(evolved, original)
        return re.sub(r"^[\W_]+", "", evolved[end:]).strip()
    old, new = words(original), words(evolved)
    stems = [w.stem for w in old], [w.stem for w in new]
    inside = _put_in(*stems)
    if inside is not None:
        end = new[inside.stop].start if inside.stop < len(new) else len(evolved)
        return evolved[new[inside.start].start : end].strip()
    match = difflib.SequenceMatcher(None, *stems, autojunk=False)
    pieces = [
        evolved[new[j].start : new[k - 1].end]
        for tag, _, _, j, k in match.get_opcodes()
        if tag in ("insert", "replace")
    ]
    return " ... ".join(pieces)


def _put_in(old: Sequence[str], new: Sequence[str]) -> range | None:
    """Which of ``new`` were put in as one piece, if all of ``old`` stands around them."""
    more = len(new) - len(old)
    if more <= 0:
        return None
    before = next((i for i, word in enumerate(old) if word != new[i]), len(old))
    whole = old[before:] == new[before + more :]
    return range(before, before + more) if before and whole else None


def begins_with(evolved: str, original: str) -> bool:
    """Whether an evolution begins with all of the original; typography, case, white space and the
    mark at its end do not count."""
    head, whole = _bare(original), _flat(evolved)
    rest = whole[len(head) : len(head) + 1]
    return whole.startswith(head) and not (rest.isalnum() and head[-1:].isalnum())


def _flat(text: str) -> str:
    return " ".join(plain(text).split()).casefold()


def _bare(text: str) -> str:
    return _flat(text).rstrip(" .!?,;:")


def _end_of(evolved: str, original: str) -> int:
    """Where in ``evolved`` the original, with which it begins, ends."""
    wanted = len(re.sub(r"\s", "", _bare(original)))
    seen = 0
    for place, character in enumerate(plain(evolved)):
        if seen >= wanted:
            return place
        seen += 0 if character.isspace() else len(character.casefold())
    return len(evolved)
