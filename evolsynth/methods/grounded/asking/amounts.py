"""Questions for sizes, weights, prices, distances, temperatures, and how many there are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from evolsynth.evaluation.text.conjugation import is_plural
from evolsynth.evaluation.text.statements import DETERMINERS, REFERRING, Span
from evolsynth.methods.grounded.asking.patterns import AMOUNT, DEGREES, LENGTH, MASS, TIME
from evolsynth.methods.grounded.asking.question import (
    COUNTED,
    LISTS,
    Question,
    asked_of,
    found,
    in_core,
    of_kind,
    place_of,
    times,
)
from evolsynth.methods.grounded.said import Said, sentence_case

__all__ = ["FAR", "REACHED", "how_many", "how_much"]

_TALL = re.compile(
    rf"(?P<answer>{AMOUNT} {LENGTH}) (?P<how>long|wide|tall|high|deep|thick|across)"
    r"(?: and .*)?"
)
_OLD = re.compile(rf"(?P<answer>{AMOUNT} {TIME}) (?P<how>old|long)")
_WEIGHT = re.compile(rf"(?P<answer>{AMOUNT} {MASS})")
_COST = re.compile(rf"(?P<answer>(?:[$\u20ac\u00a3] ?)?{AMOUNT}(?: [a-z]+)?)")
FAR = re.compile(rf"(?P<answer>{AMOUNT} {LENGTH})(?P<way> (?:north|south|east|west))?")
_AT_DEGREES = re.compile(rf"(?P<prep>at|to|below|above) (?P<answer>{AMOUNT} {DEGREES})")
_HEAT = re.compile(rf"(?P<answer>{AMOUNT} {DEGREES})(?= |$)")
REACHED = re.compile(
    r"an? (?:total |average |mean )?(?P<what>depth|height|speed|temperature|length|width|age|weight"
    r"|area|diameter|population|capacity|circumference|distance) of "
    rf"(?P<answer>{AMOUNT}(?: [^ ]+){{0,4}})"
)
_AT_MEASURE = re.compile(
    r"(?P<prep>at|to|from) (?:an? |the )?(?P<what>depth|height|speed|temperature|rate|distance"
    rf"|altitude|age|price|width|length|pressure) of (?P<answer>{AMOUNT}(?: [^ ]+){{0,4}})"
)


@of_kind("how_much")
def how_much(said: Said) -> Iterator[Question]:
    """How tall, how heavy, how dear, how far, at what temperature, what share."""
    base, core = said.clause.verb.base, said.core
    yield from _measures(said)
    yield from _size(said)
    if base == "weigh" and (match := _WEIGHT.fullmatch(core)):
        asked = said.ask("How much", core=core[match.end("answer") :].strip())
        yield from asked_of("how_much", said, in_core(said, match), asked)
    if base == "cost" and (match := _COST.fullmatch(core)):
        yield from asked_of("how_much", said, in_core(said, match), said.ask("How much", core=""))
    match = FAR.fullmatch(core)
    if match and len(said.parts) == 2 and said.part(1).split()[0] in ("above", "below", "from"):
        asked = said.ask(f"How far {said.part(1)}", without=(1,), core="")
        yield from asked_of("how_much", said, in_core(said, match), asked)
    elif match and base in (
        "lie",
        "be",
        "stand",
        "travel",
        "run",
        "flow",
        "stretch",
        "fly",
        "walk",
    ):
        told = [core, *(said.part(k) for k in range(1, len(said.parts)))]
        if base in ("lie", "be", "stand") and not any(" of " in t or "from" in t for t in told):
            return  # far from what?
        asked = said.ask("How far", core=core[match.end("answer") :].strip())
        yield from asked_of("how_much", said, in_core(said, match), asked)
    if match := REACHED.fullmatch(core):
        asked = said.ask(f"What {match['what']}", core="")
        yield from asked_of("how_much", said, in_core(said, match), asked)
    if base in ("reach", "exceed") and (match := _HEAT.match(core)):
        asked = said.ask("What temperature", core=core[match.end("answer") :].strip())
        yield from asked_of("how_much", said, in_core(said, match), asked)
    for pattern in (_AT_DEGREES, _AT_MEASURE):
        hits = list(found(said, pattern))
        if len(hits) == 1:
            index, match = hits[0]
            what = match.groupdict().get("what") or "temperature"
            asked = said.ask(f"{sentence_case(match['prep'])} what {what}",
                             without=(index, *times(said)))  # fmt: skip
            yield from asked_of("how_much", said, place_of(said, index, match), asked)


_MEASURED = re.compile(rf"(?P<answer>{AMOUNT} {LENGTH})")
_SIDE = re.compile(r"in (?P<what>diameter|length|height|width|depth|circumference)")


def _measures(said: Said) -> Iterator[Question]:
    """ "is 40 metres tall" """
    core = said.core
    if said.clause.verb.base != "be":
        return
    for pattern in (_TALL, _OLD):
        match = pattern.fullmatch(core)
        how = match["how"] if match else ""
        others = {m.group() for m in pattern.finditer(said.passage.text) if m["how"] == how}
        if match and not said.clause.cut.startswith("and") and len(others) == 1:
            asked = said.ask(f"How {'wide' if how == 'across' else how}", core="")
            yield from asked_of("how_much", said, in_core(said, match), asked)
    size = _MEASURED.fullmatch(core)
    sides = [m for k in range(1, len(said.parts)) if (m := _SIDE.fullmatch(said.part(k)))]
    if size and len(said.parts) == 2 and len(sides) == 1:
        finite = said.clause.finite.of(said.text)
        asked = f"What {finite} the {sides[0]['what']} of {said.subject}?"
        singular = "is" if finite in ("is", "are") else "was"
        asked = asked.replace(f"What {finite} ", f"What {singular} ", 1)
        yield from asked_of("how_much", said, in_core(said, size), asked)


_SIZE = re.compile(rf"(?P<answer>(?:[$\u20ac\u00a3] ?)?{AMOUNT}(?: ?[^ ]+){{0,3}})")


def _size(said: Said) -> Iterator[Question]:
    """ "The diameter of Mercury is about 4,880 kilometres." """
    head = said.subject.split(" of ")[0].split(" between ")[0].split(" from ")[0].split()[-1]
    match = _SIZE.fullmatch(said.core)
    alone = said.clause.verb.base == "be" and len(said.parts) == 1
    if head in LISTS["measures"] and alone and match is not None:
        yield from asked_of("how_much", said, in_core(said, match), said.ask("What", core=""))


_COUNTED_BEHIND = re.compile(rf"(?P<do>[a-z]+ )??{COUNTED.pattern}")


@of_kind("how_many")
def how_many(said: Said) -> Iterator[Question]:
    """How many of something there are, it has, or did something."""
    core = said.core
    match = COUNTED.fullmatch(said.subject)
    if (
        match
        and _countable(match["what"])
        and said.clause.subject.of(said.text)[1:] == said.subject[1:]
    ):
        start = said.clause.subject.start
        answer = Span(start + match.start("answer"), start + match.end("answer"))
        asked = said.ask_subject(f"How many {match['what']}")
        yield from asked_of("how_many", said, answer, asked)
    match = _COUNTED_BEHIND.fullmatch(core)
    if (
        match
        and _countable(match["what"])
        and (said.plain_verb or match["do"] or said.subject == "there")
    ):
        asked = said.ask(f"How many {match['what']}", core=(match["do"] or "").strip())
        yield from asked_of("how_many", said, in_core(said, match), asked)


_NOT_COUNTED = re.compile(rf"{TIME}|{LENGTH}|{MASS}|{DEGREES}|per ?cent|%|times?")


def _countable(what: str) -> bool:
    """Whether a noun phrase names things that are counted, and nothing else with them."""
    said = what.split()
    head = said[: said.index("of")] if "of" in said else said
    if not head or not is_plural(head[-1].lower()) or len(said) > 7:
        return False
    if _NOT_COUNTED.fullmatch(head[0]) or head[0] in DETERMINERS or " and " in what:
        return False
    return not set(said) & REFERRING
