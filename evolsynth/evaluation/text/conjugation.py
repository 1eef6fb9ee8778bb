"""Forms of verbs, and whether a noun looks like a plural, for rules that take sentences apart.

By lists (``statements.txt``) and the spelling of regular forms, for English. A verb that is not in
them is taken for none.
"""

from __future__ import annotations

from typing import NamedTuple

from evolsynth.evaluation.text.words import vocabularies, word_lists

__all__ = ["BASES", "FORMS", "OWN", "PARTICIPLES", "PASTS", "THIRD", "Verb", "base_of", "is_base"]
__all__ += ["is_gerund", "is_participle", "is_plural", "past_of", "verb_of"]

_LISTS = vocabularies(__file__, "statements.txt")


class Verb(NamedTuple):
    """A finite verb: its base form, and whether it is past; ``aux`` for an auxiliary."""

    base: str
    past: bool
    aux: bool


_VOWELS = "aeiou"


def _forms() -> tuple[dict[str, str], dict[str, str], frozenset[str], dict[str, str]]:
    """Base forms by pasts and by participles, all base forms, pasts by base forms."""
    pasts: dict[str, str] = {}
    participles: dict[str, str] = {}
    regular = _LISTS["regular"]
    past_of: dict[str, str] = {}
    for line in word_lists(__file__, "statements.txt")["irregular"]:
        base, past, participle = line.split()
        pasts[past], participles[participle], past_of[base] = base, base, past
    for base in sorted(regular | _LISTS["doubled"]):
        if base in past_of:
            continue
        past = _ed(base)
        pasts.setdefault(past, base)
        participles.setdefault(past, base)
        past_of[base] = past
    return pasts, participles, frozenset(past_of), past_of


def _ed(base: str) -> str:
    if base in _LISTS["doubled"]:
        return f"{base}{base[-1]}ed"
    if base.endswith("e"):
        return f"{base}d"
    if base.endswith("y") and base[-2] not in _VOWELS:
        return f"{base[:-1]}ied"
    return f"{base}ed"


#: Base forms by pasts and by participles, and all base forms.
PASTS, PARTICIPLES, BASES, _PAST_OF = _forms()


#: Base forms by the form of "she ..." in the present.
THIRD = {
    **{f"{base}s": base for base in BASES},
    **{f"{base}es": base for base in BASES if base.endswith(("s", "x", "z", "ch", "sh", "o"))},
    **{f"{base[:-1]}ies": base for base in BASES if base[-1] == "y" and base[-2] not in _VOWELS},
}


#: All forms but the base.
FORMS = frozenset(PASTS) | frozenset(PARTICIPLES) | frozenset(THIRD)


#: Auxiliaries with forms of their own.
OWN = {
    "is": Verb("be", False, True), "are": Verb("be", False, True),
    "was": Verb("be", True, True), "were": Verb("be", True, True),
    "has": Verb("have", False, True), "have": Verb("have", False, True),
    "had": Verb("have", True, True), "did": Verb("do", True, True),
}  # fmt: skip


def past_of(base: str) -> str | None:
    """The past of a verb in its base form, if the lists have it."""
    return _PAST_OF.get(base)


def base_of(word: str) -> str:
    """The base form of a form of a verb that the lists have; any other word as it is."""
    low = word.lower()
    if low in OWN:
        return OWN[low].base
    return PASTS.get(low) or PARTICIPLES.get(low) or THIRD.get(low) or low


def verb_of(participle: str) -> str | None:
    """The base form of a past participle, if the lists have it."""
    return PARTICIPLES.get(participle.lower())


def is_participle(word: str) -> bool:
    """Whether a word may be a past participle."""
    return word.lower() in PARTICIPLES


def is_base(word: str) -> bool:
    """Whether a word is the base form of a verb that the lists have."""
    return word.lower() in BASES


def is_gerund(word: str) -> bool:
    """Whether a word is the -ing form of a verb that the lists have."""
    low = word.lower()
    root = low.removesuffix("ing")
    if root == low or len(root) < 3:
        return False
    return root in BASES or f"{root}e" in BASES or (root[-1] == root[-2] and root[:-1] in BASES)


def is_plural(noun: str) -> bool:
    """Whether a noun in lower case looks like a plural."""
    if noun in _LISTS["plurals"]:
        return True
    return noun.endswith("s") and not noun.endswith(("ss", "us", "is", "'s"))
