"""The forms of English verbs, by a list: whether a word is a verb, and what its base is.

The list (``verb_forms.txt``) leaves out what is a noun more often, so what it has is a verb.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from evolsynth.evaluation.text.verbs import COMMANDS, VERBS
from evolsynth.evaluation.text.words import word_lists

__all__ = ["Forms", "is_command", "is_verb", "verb_forms"]


class Forms(NamedTuple):
    """What is known of verbs.

    Args:
        finite: the base and the auxiliary of a question ("does", "did") by the finite form.
        participles: past ones.
        bases: those whose third person is a verb for certain.
        every: all forms, those that are nouns as well among them.
    """

    finite: dict[str, tuple[str, str]]
    participles: frozenset[str]
    bases: frozenset[str]
    every: frozenset[str]


@lru_cache(maxsize=1)
def verb_forms() -> Forms:
    """All that the list says, read once."""
    lists = word_lists(__file__, "verb_forms.txt")
    irregular = [line.split() for line in lists["irregular"]]
    skipped = {w for name in ("nouns", "past") for line in lists[name] for w in line.split()}
    doubled = {w for line in lists["doubled"] for w in line.split()}
    forms: dict[str, tuple[str, str]] = {}
    participles = {participle for _, _, participle in irregular}
    bases = {base for base, _, _ in irregular}
    for base, past, _ in irregular:
        forms[_third(base)] = (base, "does")
        if past != base:
            forms[past] = (base, "did")
    for base in (w for line in lists["regular"] for w in line.split()):
        past = _past(base, base in doubled)
        forms[_third(base)], forms[past] = (base, "does"), (base, "did")
        participles.add(past)
        bases.add(base)
    certain = {form: made for form, made in forms.items() if form not in skipped}
    sure = frozenset(base for base, auxiliary in certain.values() if auxiliary == "does")
    every = frozenset(bases).union(forms, participles)
    return Forms(certain, frozenset(participles), sure, every)


def is_verb(word: str) -> bool:
    """Whether a word is known as a finite form of a verb, and seldom a noun."""
    return word in verb_forms().finite


def is_command(sentence: str) -> bool:
    """Whether a sentence begins with a verb in its base form."""
    known = verb_forms()
    first = sentence.split()[0].lower()
    return first in COMMANDS | VERBS or (first in known.every and first not in known.finite)


def _third(base: str) -> str:
    if base == "have":
        return "has"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ies"
    return base + ("es" if base.endswith(("s", "sh", "ch", "x", "z", "o")) else "s")


def _past(base: str, doubled: bool) -> str:
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ied"
    if base.endswith("e"):
        return base + "d"
    return base + (base[-1] if doubled else "") + "ed"
