"""By which words a phrase is known to name a person: lists, for English."""

from __future__ import annotations

from evolsynth.evaluation.text.words import vocabularies

__all__ = ["PEOPLE", "is_person"]

#: Given names, titles, occupations, peoples, and what the names of other things end in.
PEOPLE = vocabularies(__file__, "people.txt")


def is_person(phrase: str) -> bool:
    """Whether a phrase surely names a person or people by what they are."""
    said = phrase.split()
    if not said or any(word.strip(",.'") in PEOPLE["not people"] for word in said):
        return False
    names = [word for word in said if word[:1].isupper()]
    if names and (
        names[0] in PEOPLE["given names"]
        or (names[0].rstrip(".") in PEOPLE["titles"] and len(names) > 1)
    ):
        return True
    before = [word for word in said if word.islower()]
    if "of" in before:
        before = before[: before.index("of")]
    return bool(before) and not {before[-1], before[-1].removesuffix("s")}.isdisjoint(
        PEOPLE["occupations"]
    )
