"""A person for another person of the text, a town for another town: swaps that are surely false.

Names say little of whether what is said of one is not true of another as well. So one is swapped
only where the sentence says what may be said of one alone ("was built by", "was born in"), and the
text gives no reason to think that the other did the same: it uses that verb nowhere else, and does
not name the two together. For English; what has another form, or another type, is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from evolsynth.evaluation.text import MOST
from evolsynth.evaluation.text.people import PEOPLE
from evolsynth.evaluation.text.sentences import sentence_places
from evolsynth.evaluation.text.words import stem, vocabularies, words

__all__ = ["Swap", "named_swaps"]

_LISTS = vocabularies(__file__, "named.txt")
_MONTHS = _LISTS["times"]
#: What speaks for more than one, or for somebody named elsewhere.
_JOINT = r"or|both|together|jointly|also|too|as well|among|including|one of|not"
_TOGETHER = re.compile(
    rf"\b(?:{_JOINT}|each|with|partners?|other|another|like|others|who|whose"
    r"|he|she|his|her|him|hers|himself|herself|they|their)\b",
    re.I,
)
_BESIDE = re.compile(rf"\b(?:{_JOINT}|and)\b", re.I)
_IN = re.compile(r"\b(?:in|at|near|to|from) (?P<name>[A-Z][\w'-]*(?: [A-Z][\w'-]*)*)")
_FULL = re.compile(r"[A-Z][\w-]+(?: (?:von|van|de|der|da|di|le|la))?(?: [A-Z][\w-]+)+")
#: What can be said of one person only has one thing for its object, or its subject in the passive.
_ONE_THING = r"(?: \w+ly)? (?:the |its |this |[A-Z])"
_SURELY = re.compile(r"(?:The|This|[A-Z][\w-]+(?<!^An)(?<!^A)(?<!^Some)(?<!^Many)(?<!^Most)) ")
#: Behind a town: more of its name, or what it lies in.
_GOES_ON = re.compile(rf"[,'’-]| (?:in|near|of) (?!{'|'.join(sorted(_MONTHS))})[A-Z]")
_PRONOUN = re.compile(
    r"\b(?:he|she|they|it|who|both|this|there|the (?:two|pair|couple|same))\b", re.I
)
_CLAUSE = re.compile(r"\b(?:that|which|who|whom|whose|where|when|if|because|while|after|before)\b")
_AGENT = re.compile(r"\bby $")


class Swap(NamedTuple):
    """``new`` in the place of ``old``, which stands at ``start``; ``kind`` is that of both."""

    start: int
    old: str
    new: str
    kind: str

    def of(self, sentence: str) -> str:
        """The sentence with the swap made."""
        return sentence[: self.start] + self.new + sentence[self.start + len(self.old) :]


@lru_cache(maxsize=128)
def named_swaps(sentence: str, text: str) -> tuple[Swap, ...]:
    """All swaps of a person or a town of a sentence for another of its text, none of which can be
    true, as far as the text tells; none of a text that is longer than rules read (`MOST`)."""
    if len(text) > MOST:
        return ()
    return (*_persons(sentence, text), *_towns(sentence, text))


class _Sentence(NamedTuple):
    """A sentence of a text, its words in small letters, and their stems."""

    text: str
    said: frozenset[str]
    stems: frozenset[str]


@lru_cache(maxsize=16)
def _sentences(text: str) -> tuple[_Sentence, ...]:
    found = []
    for start, end in sentence_places(text):
        said = words(text[start:end])
        lower, stems = (frozenset(getattr(w, of) for w in said) for of in ("lower", "stem"))
        found.append(_Sentence(text[start:end], lower, stems))
    return tuple(found)


# People -------------------------------------------------------------------------------------------


def _persons(sentence: str, text: str) -> Iterator[Swap]:
    people = _people(text)
    verbs = _verbs(sentence, "by one person")
    if len(people) < 2 or len(verbs) > 1:
        return
    for full in people:
        old = _form_in(sentence, full)
        if old is None or sentence.count(old) != 1:
            continue
        start = sentence.index(old)
        before, after = sentence[:start], sentence[start + len(old) :]
        agent = _AGENT.search(before) is not None
        if not (agent or start == 0) or after.startswith(
            (",", "'", "’", " and ", " or ", "-", " (")
        ):
            continue
        if _TOGETHER.search(after if not agent else f"{before} {after}"):
            continue
        if not (_SURELY.match(sentence) if agent else _one_thing(after, verbs)):
            continue
        for other in people:
            new = other if old == full else other.split()[-1]
            apart = not _share(other, full) and not _share(other, sentence)
            if apart and not _said_of(other, verbs, sentence, text):
                yield Swap(start, old, new, "person")


def _one_thing(after: str, verbs: list[str]) -> bool:
    """Whether what stands behind a name says of it what can be said of one person only."""
    said = rf" (?:{verbs[0]}|(?:had|has) {verbs[0]}){_ONE_THING}" if verbs else r" (?:was|is) the "
    return re.match(said, after) is not None


@lru_cache(maxsize=128)
def _people(text: str) -> tuple[str, ...]:
    """The people whom a text names in full, with a given name that is known; each once."""
    found: dict[str, None] = {}
    for one in _sentences(text):
        for match in _FULL.finditer(one.text):
            name = match.group()
            first = name.split()[0]
            behind = one.text[match.end() : match.end() + 2]
            known = first in PEOPLE["given names"] | _LISTS["given names"]
            strange = {w.strip(".") for w in name.split()} & (PEOPLE["not people"] | _MONTHS)
            if known and not strange and not behind.startswith(("-", "'", "’")):
                found[name] = None
    return tuple(
        n for n in found if not any(n != o and set(n.split()) < set(o.split()) for o in found)
    )


def _form_in(sentence: str, full: str) -> str | None:
    """How a sentence names a person: in full, or by the last name."""
    if re.search(rf"(?<!\w){re.escape(full)}(?!\w)", sentence):
        return full
    last = full.split()[-1]
    alone = re.search(rf"(?<![A-Z]\w ){re.escape(last)}(?!\w| [A-Z])", sentence)
    named = re.search(rf"[A-Z][\w'-]+ {re.escape(last)}(?!\w)", sentence)
    return last if alone and not named else None


# Towns --------------------------------------------------------------------------------------------


def _towns(sentence: str, text: str) -> Iterator[Swap]:
    towns = _places(text)
    verbs = _verbs(sentence, "at one place")
    if len(towns) < 2 or len(verbs) != 1 or _BESIDE.search(sentence):
        return
    for match in _IN.finditer(sentence):
        old = match["name"]
        before, after = sentence[: match.start()], sentence[match.end() :]
        if verbs[0] not in before.split() or _CLAUSE.search(before):
            continue  # "the mill at Ost was built": of another mill the text says nothing
        if old not in towns or sentence.count(old) != 1 or _GOES_ON.match(after):
            continue
        if len([m for m in _IN.finditer(sentence) if m["name"] not in _MONTHS]) > 1:
            continue
        for new in towns:
            apart = not _share(new, old) and not _share(new, sentence)
            apart = apart and towns[new] == towns[old] and not _together(old, new, text)
            if apart and not _said_of(new, verbs, sentence, text):
                yield Swap(match.start("name"), old, new, "town")


@lru_cache(maxsize=128)
def _places(text: str) -> dict[str, str]:
    """The places that a text speaks of, by their kind: "town" or "country"."""
    found: dict[str, str] = {}
    people = " ".join(_people(text)).split()
    for one in _sentences(text):
        if not _LISTS["of a place"] & one.said:
            continue
        for match in _IN.finditer(one.text):
            name = match["name"]
            some = name.split()
            if "'" in name or set(some) & (
                _MONTHS | PEOPLE["not people"] | PEOPLE["peoples"] | set(people)
            ):
                continue
            if name in _LISTS["countries"]:
                found[name] = "country"
            elif (
                len(name) > 2
                and not name.isupper()
                and not set(some) & _LISTS["larger than a town"]
                and not name.endswith("shire")
                and not match.group().startswith(("to ", "from "))
            ):
                found.setdefault(name, "town")
    return {n: k for n, k in found.items() if not any(n != o and n in o for o in found)}


def _together(one: str, other: str, text: str) -> bool:
    """Whether a sentence names both: one may lie in the other."""
    return any(one in said.text and other in said.text for said in _sentences(text))


# Both ---------------------------------------------------------------------------------------------


def _verbs(sentence: str, kind: str) -> list[str]:
    return [word.lower for word in words(sentence) if word.lower in _LISTS[kind] and word.start]


def _said_of(name: str, verbs: list[str], sentence: str, text: str) -> bool:
    """Whether the text may say the same of another name: a sentence has the name and the verb, or
    the verb and a pronoun that may stand for it."""
    own = {stem(verb) for verb in verbs}
    return any(
        one.text != sentence
        and own & one.stems
        and (not one.said.isdisjoint(name.lower().split()) or _PRONOUN.search(one.text))
        for one in _sentences(text)
    )


def _share(one: str, other: str) -> bool:
    return not {word.lower for word in words(one)}.isdisjoint(word.lower for word in words(other))
