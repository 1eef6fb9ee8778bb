"""What an evolution adds to its original, as text."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from rapidfuzz.distance import LCSseq

from evolsynth.evaluation.text import MOST, looked_at
from evolsynth.evaluation.text.words import plain, sentences, words

__all__ = ["begins_with", "demand_added", "unlike"]


def demand_added(original: str, evolved: str) -> str:
    """The text that the evolution adds: what follows the original, else all new words.

    Empty where nothing was added. New words that are apart are joined by " ... ". Of a long text
    what `looked_at` leaves.
    """
    if max(len(original), len(evolved)) <= MOST:
        return _added(original, evolved)
    if begins_with(evolved, original):
        return looked_at(_added(original, evolved))
    return _added(*unlike(original, evolved))


def unlike(original: str, evolved: str) -> tuple[str, str]:
    """What each of two long texts has that the other has not: without their common beginning and
    end, and the lines and sentences that both have, word for word; of that, what `looked_at`
    leaves."""
    head = _alike(original, evolved)
    rest = original[head:], evolved[head:]
    tail = _alike(rest[0][::-1], rest[1][::-1])
    # from the borders of the lines or words that differ in part
    head = max(original.rfind(mark, 0, head) for mark in " \n") + 1
    sides = []
    for text in (original, evolved):
        cut = len(text) - tail
        end = min((p for mark in " \n" if (p := text.find(mark, cut)) >= 0), default=len(text))
        sides.append([s.strip() for s in sentences(text[head:end])])
    old, new = map(set, sides)
    parts = ([s for s in a if s not in b] for a, b in zip(sides, (new, old), strict=True))
    one, other = (looked_at("\n".join(part)) for part in parts)
    return one, other


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((k for k, (a, b) in pairs if a != b), min(len(one), len(other)))


def _added(original: str, evolved: str) -> str:
    if begins_with(evolved, original):
        end = _end_of(evolved, original)
        return re.sub(r"^[\W_]+", "", evolved[end:]).strip()
    old, new = words(original), words(evolved)
    stems = [w.stem for w in old], [w.stem for w in new]
    inside = _put_in(*stems)
    if inside is not None:
        end = new[inside.stop].start if inside.stop < len(new) else len(evolved)
        return evolved[new[inside.start].start : end].strip()
    here, there = map(Counter, stems)
    pairs = sum(count * there[word] for word, count in here.items())
    changes: Iterable[tuple[str, int, int, int, int]]
    if pairs * min(len(old), len(new)) <= _STEPS:
        changes = difflib.SequenceMatcher(None, *stems, autojunk=False).get_opcodes()
    else:  # it would take seconds to minutes
        changes = (tuple(change) for change in LCSseq.opcodes(*stems))  # type: ignore[misc]
    pieces = [
        evolved[new[j].start : new[k - 1].end]
        for tag, _, _, j, k in changes
        if tag in ("insert", "replace")
    ]
    return " ... ".join(pieces)


#: Steps that difflib may take: some seconds at the worst, more than any two texts of 500 words.
_STEPS = 5_000_000


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
