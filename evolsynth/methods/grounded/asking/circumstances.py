"""Questions for who did something, where, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator

from evolsynth.evaluation.text.conjugation import is_base, is_gerund, past_of, verb_of
from evolsynth.evaluation.text.people import is_person
from evolsynth.evaluation.text.statements import Span
from evolsynth.evaluation.text.words import content
from evolsynth.methods.grounded.asking.amounts import FAR
from evolsynth.methods.grounded.asking.patterns import DAY, DEGREES, MONTH, TIME, YEAR
from evolsynth.methods.grounded.asking.question import (
    LISTS,
    Question,
    asked_of,
    found,
    of_kind,
    times,
)
from evolsynth.methods.grounded.said import Said

__all__ = ["where", "who", "why"]


@of_kind("who")
def who(said: Said) -> Iterator[Question]:
    """Who did something."""
    verb, subject = said.clause.verb, said.clause.subject
    text = subject.of(said.text)
    person = is_person(text) or (verb.base in LISTS["human verbs"] and _two_names(text))
    own = re.search(r"\b(?:his|her|their)\b", said.statement()) is not None
    told = verb.base not in LISTS["empty verbs"] | {"can", "will"} and bool(said.core)
    named = text[:1].isupper() and "'" not in text and not re.search(r"[A-Z]", said.core)
    alone = len(content(said.core)) < 2 and " of " not in said.core
    is_one = verb.base == "be" and said.core.startswith("the ") and named and not alone
    if person and not own and (told or is_one):
        yield from asked_of("who", said, subject, said.ask_subject("Who"))
    yield from _agent(said)


def _agent(said: Said) -> Iterator[Question]:
    """ "was built by Anna Holm": who built it?"""
    verb = said.clause.verb
    for index in range(1, len(said.parts)):
        phrase = said.part(index)
        agent = phrase.removeprefix("by ")
        if agent == phrase or not is_person(agent):
            continue
        base = verb_of(said.core.split()[-1]) if said.core and verb.base == "be" else None
        if base is None or not verb.past or past_of(base) is None or said.core.count(" "):
            continue
        place = said.parts[index]
        answer = Span(place.start + 3, place.end)
        others = [said.part(k) for k in range(1, len(said.parts)) if k != index]
        lead = said.clause.lead.of(said.text)
        others += [lead[0].lower() + lead[1:]] if lead else []
        active = " ".join(["Who", past_of(base) or "", said.subject, *others]) + "?"
        passive = said.ask("By whom", without=(index,))
        yield from asked_of("who", said, answer, active, passive)


def _two_names(text: str) -> bool:
    said = text.split()
    return (
        2 <= len(said) <= 3
        and all(w[:1].isupper() and w.isalpha() for w in said)
        and (said[0] != "The")
    )


_WHERE = re.compile(
    r"(?P<answer>(?:in|at|near|on(?! to)|inside|beneath|under|above|behind|between|beside|along"
    r"|outside) .+)"
)
_TIMES = re.compile(rf"\b(?:{YEAR}|{MONTH}|{DAY}s?|{TIME}|{DEGREES}|\d+s)\b")


def _is_place(phrase: str) -> bool:
    """Whether a phrase with a preposition may say where; no list of places is needed for that."""
    told = {word.strip(",.") for word in phrase.split()}
    if any(map(is_gerund, told)):
        return False  # "in all oceans occasionally swimming"
    return not told & LISTS["not places"] and _TIMES.search(phrase) is None


@of_kind("where")
def where(said: Said) -> Iterator[Question]:
    """Where something is or happened."""
    base, verbs = said.clause.verb.base, "placing verbs"
    if base == "be" and said.core:
        if len(said.core.split()) > 2:
            return
        base, verbs = verb_of(said.core.split()[-1]) or "", "placed verbs"
    if base not in LISTS[verbs] or FAR.fullmatch(said.core) or "never" in said.core:
        return
    hits = [
        hit for hit in found(said, _WHERE)
        if hit[0] > 0 and _is_place(hit[1]["answer"])
    ]  # fmt: skip
    if len(hits) != 1:
        return
    index, match = hits[0]
    if index > 1 and base not in ("bear", "die", "bury", "meet", "build", "hold", "found"):
        return
    if any(c.isdigit() for c in match["answer"]):
        return
    if base in ("found", "open") and said.core and not match["answer"].split()[-1][0].isupper():
        return
    place, last = said.parts[index], said.parts[index].end
    for k in range(index + 1, len(said.parts)):
        phrase = said.part(k)
        if phrase.split()[0] not in ("between", "near", "off", "in") or not _is_place(phrase):
            break
        last = said.parts[k].end
    after = tuple(k for k in range(index, len(said.parts)) if said.parts[k].end <= last)
    asked = said.ask("Where", without=after + times(said))
    yield from asked_of("where", said, Span(place.start, last), asked)


@of_kind("why")
def why(said: Said) -> Iterator[Question]:
    """Why something is so, or what it is for."""
    reason = said.clause.reason
    if reason.end and not set(reason.of(said.text).lower().split()) & {"this", "that", "these"}:
        because = reason.of(said.text)
        yield from (
            asked_of("why", said, reason, said.ask("Why"), statement=said.statement(moved=reason))
            if len(because.split()) >= 4
            else ()
        )
    passive = said.clause.verb.base == "be" and said.core and verb_of(said.core.split()[-1])
    if not passive or len(said.parts) < 2 or said.clause.cut or passive in LISTS["with to"]:
        return
    index = next((k for k in range(1, len(said.parts)) if _to_verb(said.part(k))), None)
    if index is None:
        return
    place = Span(said.parts[index].start, said.parts[-1].end)
    rest = tuple(range(index, len(said.parts)))
    opening = "What" if passive == "use" and index == 1 and said.core == "used" else "Why"
    asked = said.ask(opening, without=rest)
    asked = f"{asked[:-1]} for?" if opening == "What" else asked
    yield from asked_of("why", said, place, asked)


def _to_verb(phrase: str) -> bool:
    said = phrase.split()
    return len(said) > 2 and said[0] == "to" and is_base(said[1])
