"""Questions for what something is, is called, has, does or belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from evolsynth.evaluation.text.conjugation import is_participle, is_plural, verb_of
from evolsynth.evaluation.text.people import is_person
from evolsynth.evaluation.text.statements import ADVERBS, DETERMINERS, PREPOSITIONS, REFERRING, Span
from evolsynth.evaluation.text.words import content
from evolsynth.methods.grounded.asking.amounts import REACHED
from evolsynth.methods.grounded.asking.patterns import AMOUNT, YEAR
from evolsynth.methods.grounded.asking.question import (
    COUNTED,
    LISTS,
    Question,
    asked_of,
    in_core,
    of_kind,
)
from evolsynth.methods.grounded.said import Said, is_topic

__all__ = ["subject", "what"]

_CALLED = re.compile(r"(?:(?:also |often |usually )?(?:called|named)) (?P<answer>.+)")


#: What may follow a clause without belonging to its last noun.
_LEFT_WHOLE = frozenset((", because", ", which", ", and", ", but", ", while"))


@of_kind("what")
def what(said: Said) -> Iterator[Question]:
    """What something is called, is made of, does, or is."""
    verb, core = said.clause.verb, said.core
    if verb.base == "be" and (match := _CALLED.fullmatch(core)) and len(said.parts) == 1:
        asked = said.ask("What", core=core[: match.start("answer")].strip())
        yield from asked_of("what", said, in_core(said, match), asked)
    if (
        verb.base == "be"
        and core in ("made", "composed", "built", "known")
        and len(said.parts) == 2
    ):
        first = said.part(1).split()[0]
        if first in ("from", "as") or said.part(1).startswith("of "):
            place = said.parts[1]
            answer = Span(place.start + len(first) + 1, place.end)
            yield from asked_of(
                "what", said, answer, f"{said.ask('What', without=(1,))[:-1]} {first}?"
            )
    yield from _stranded(said)
    mark = said.clause.cut.partition(" ")[0]
    whole = mark in ("", "because", "and", "so", ";", "but") or said.clause.cut in _LEFT_WHOLE
    if verb.base in LISTS["telling verbs"] and _is_object(core, said) and whole:
        asked = said.ask("What", core="")
        yield from asked_of("what", said, said.parts[0], asked)
    if verb.base == "be" and re.match(r"an? ", core) and whole:
        answer = Span(said.parts[0].start, said.parts[-1].end)
        own = is_topic(said.subject, said.passage) or said.subject.split()[0] not in DETERMINERS
        person = is_person(said.subject) or is_person(core.split(" and ")[0].split(" born ")[0])
        if own and len(answer.of(said.text).split()) >= 4:
            asked = said.ask("Who" if person else "What", without=tuple(range(len(said.parts))))
            yield from asked_of("what", said, answer, asked)


def _stranded(said: Said) -> Iterator[Question]:
    """ "belongs to the nightshade family": what does it belong to?"""
    base, core = said.clause.verb.base, said.core
    if base == "consist" and core.startswith("of ") and len(said.parts) == 1:
        first = said.parts[0]
        answer = Span(first.start + 3, first.end)
        yield from asked_of("what", said, answer, f"{said.ask('What', core='of')}")
    if len(said.parts) != 2 or not _finished(said):
        return
    prep, _, noun = said.part(1).partition(" ")
    verb = core.split()[-1] if base == "be" and core else base
    if len(core.split()) > 2:
        return
    if f"{verb}-{prep}" not in LISTS["verbs with a preposition"] or (core and base != "be"):
        return
    answer = Span(said.parts[1].start + len(prep) + 1, said.parts[1].end)
    opening = "Who" if is_person(noun) else "What"
    asked = f"{said.ask(opening, without=(1,))[:-1]} {prep}?"
    yield from asked_of("what", said, answer, asked)


def _finished(said: Said) -> bool:
    """Whether nothing that a noun phrase at the end needs was cut off."""
    mark = said.clause.cut.split()[:1]
    return not mark or (
        mark[0] in ("because", "and", "but", ";", ",") and "which" not in (said.clause.cut)
    )


@of_kind("subject")
def subject(said: Said) -> Iterator[Question]:
    """What it is that a clause says something of."""
    verb, told = said.clause.verb, said.subject.split()
    phrase = said.clause.subject.of(said.text)
    if not said.named or is_person(phrase) or is_topic(said.subject, said.passage):
        return
    if {w.lower() for w in told} & LISTS["groups"] or len(told) < 2:
        return
    if (
        told[-1].removesuffix("s").endswith(("er", "or", "ist", "ian", "man", "woman"))
    ):  # mostly people
        return
    if len(told) > 4 or told[0] == "there" or verb.base in LISTS["empty verbs"] | {"can", "will"}:
        return
    passive = verb.base == "be" and bool(said.core) and verb_of(said.core.split()[-1]) is not None
    if (
        (verb.base == "be" and not passive)
        or COUNTED.fullmatch(said.subject)
        or any(w[:1].isupper() for w in told)
    ):
        return
    plural = is_plural(told[-1]) or " and " in said.subject
    specific = len(content(" ".join(said.part(k) for k in range(len(said.parts))))) >= 3
    if specific and not (plural and (passive or not verb.past)):
        yield from asked_of("subject", said, said.clause.subject, said.ask_subject("What"))


_INDEFINITE = re.compile(
    rf"{AMOUNT} |(?:only|few|many|some|several|different|various|other|more|less|enough|most|all)\b"
)
_CIRCUMSTANCE = re.compile(
    rf"(?:in|on|at|since|until|by|during) (?:[A-Z].*|the year .*|{YEAR}|\\d.*)"
)


def _adds_circumstance(phrase: str) -> bool:
    """Whether a phrase surely goes with the verb, and not with the noun before it."""
    return _CIRCUMSTANCE.fullmatch(phrase) is not None


def _is_object(core: str, said: Said) -> bool:
    """Whether what stands behind a verb is an object with a noun of its own."""
    told = core.split()
    if not told or len(told) > 9 or told[0].lower() in PREPOSITIONS or is_participle(told[-1]):
        return False
    if _INDEFINITE.match(core) or REACHED.fullmatch(core):
        return False
    if told[0] == "the" and len(content(core)) < 2 and not any(w[0].isupper() for w in told):
        return False
    if any(not _adds_circumstance(said.part(k)) for k in range(1, len(said.parts))):
        return False
    if len(told) > (16 if "," in core else 9) or {w.lower() for w in told} & REFERRING:
        return False
    if is_person(core) or not content(core) or told[0] in ("that", "how", "what", "not", "well"):
        return False
    return told[-1].isalpha() and not told[-1].endswith("ly") and told[-1] not in ADVERBS
