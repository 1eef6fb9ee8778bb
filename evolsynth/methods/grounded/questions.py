"""Questions whose answer is a chosen span, made from plain clauses by rules.

The span is chosen first: a year, a number with what it counts, a place, a reason. The clause that it
stands in is turned into the question that it answers ("The mill was built in 1881." gives "In what
year was the mill built?") by moving the auxiliary or adding "do". A function gives the questions of
one kind for one clause; nothing here asks a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from evolsynth.evaluation.text.statements import (
    ADVERBS,
    DETERMINERS,
    PREPOSITIONS,
    REFERRING,
    Span,
    is_base,
    is_participle,
    is_plural,
    past_of,
    verb_of,
)
from evolsynth.evaluation.text.words import content, vocabularies
from evolsynth.methods.grounded.draft import Passage, Place
from evolsynth.methods.grounded.said import Said, is_person, is_topic, said_in, sentence_case

__all__ = ["QUESTION_KINDS", "Question", "questions_of"]

_LISTS = vocabularies(__file__, "questions.txt")


class Question(NamedTuple):
    """A question, and what it is answered by.

    Args:
        kind: of question.
        wordings: ways to ask it, all of them right.
        answer: the place of the span in the passage.
        said: the clause that it was made of.
        statement: the clause as a sentence, which holds the answer word for word.
    """

    kind: str
    wordings: tuple[str, ...]
    answer: Place
    said: Said
    statement: str


Maker = Callable[[Said], Iterator[Question]]
QUESTION_KINDS: dict[str, Maker] = {}


def _of_kind(name: str) -> Callable[[Maker], Maker]:
    def made(maker: Maker) -> Maker:
        QUESTION_KINDS[name] = maker
        return maker

    return made


_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_YEAR = r"(?:1[0-9]|20)\d\d"
_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_SMALL = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    "|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)
_NUMBER = (
    rf"(?:\d+(?:[.,]\d+)*|(?:a |one )?(?:hundred|thousand|million|billion)|(?:{_SMALL})(?:-[a-z]+)?)"
    r"(?: (?:hundred|thousand|million|billion))*(?: and a half)?"
)
_ABOUT = (
    r"(?:(?:up to|at least|at most|more than|less than|fewer than|about|around|almost|nearly|over"
    r"|roughly|only|just under|just over) )"
)
_AMOUNT = rf"{_ABOUT}?{_NUMBER}"
_TIME = r"(?:(?:working |school |calendar )?(?:seconds?|minutes?|hours?|days?|nights?|weeks?|months?|years?|decades?|centuries))"
_LENGTH = r"(?:(?:milli|centi|kilo)?met(?:re|er)s?|miles?|feet|foot|inch(?:es)?|yards?|mm|cm|km|m)"
_MASS = r"(?:(?:milli|kilo)?grams?|(?:milli|kilo)?grammes?|tonnes?|tons?|pounds?|ounces?|kg|g|mg)"
_DEGREES = r"(?:degrees(?: (?:Celsius|Fahrenheit))?|\u00b0 ?[CF])"


def _found(said: Said, pattern: re.Pattern[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """The phrases behind the verb, and the one before the subject (-1), that fit a pattern."""
    lead = said.clause.lead.of(said.text)
    if lead and (match := pattern.fullmatch(lead[0].lower() + lead[1:])):
        yield -1, match
    for index in range(1, len(said.parts)):
        if match := pattern.fullmatch(said.part(index)):
            yield index, match


def _place(said: Said, index: int, match: re.Match[str], group: str = "answer") -> Span:
    """The place of what a pattern found, in the sentence."""
    start = (said.clause.lead if index < 0 else said.parts[index]).start
    return Span(start + match.start(group), start + match.end(group))


def _question(
    kind: str, said: Said, answer: Span, *wordings: str, statement: str | None = None
) -> Iterator[Question]:
    """The question, unless it is too long, empty, or speaks of what it does not name."""
    good = tuple(w for w in wordings if _readable(w, said))
    whole = said.statement() if statement is None else statement
    if all(wording.split()[-1] in ("also?", "too?", "however?") for wording in wordings):
        return
    words_of = set(answer.of(said.text).lower().split())
    if (words_of & _UNCLEAR and kind != "why") or is_participle(answer.of(said.text).split()[-1]):
        return
    if good and answer.of(said.text) in whole and not _vague(said):
        yield Question(kind, good, said.within(answer), said, whole)


#: Words by which an answer points at something that it does not say.
_UNCLEAR = REFERRING - {"its", "his", "their", "above", "below", "both", "previous"}
_OWNED = re.compile(r"\b(?:his|her|its|their) (?=[a-z]+)")


def _readable(text: str, said: Said) -> bool:
    """Whether a question is of a fair length, and all it speaks of has a name."""
    flat = _OWNED.sub("", text) if said.named else text
    rest = flat.rstrip("?").split()
    owned = [m.end() for m in _OWNED.finditer(text)]
    if any(text[end:].split()[0].lower() in PREPOSITIONS for end in owned):
        return False  # "placed her in a mural"
    return 4 <= len(text.split()) <= 18 and not {w.lower() for w in rest} & REFERRING


def _vague(said: Said) -> bool:
    """Whether a question without one of its phrases would say nothing of what is meant."""
    bare = said.clause.verb.base in _LISTS["empty verbs"] and not said.core
    return bare and not any(said.part(k) for k in range(2, len(said.parts)))


def _when(
    kind: str, said: Said, pattern: re.Pattern[str], openings: tuple[str, ...]
) -> Iterator[Question]:
    """Questions for a phrase of time. ``openings`` may hold the groups of the pattern."""
    hits = list(_found(said, pattern))
    if len(hits) != 1 or (said.clause.verb.base == "be" and not said.core):
        return
    index, match = hits[0]
    groups = {name: value or "" for name, value in match.groupdict().items()}
    wordings = [said.ask(o.format(**groups), without=(index, *_times(said))) for o in openings]
    yield from _question(kind, said, _place(said, index, match), *wordings)


_IN_YEAR = re.compile(rf"in (?:the year )?(?P<answer>{_YEAR})")
_SINCE = re.compile(rf"(?P<how>since|until|till|by) (?:the year )?(?P<answer>{_YEAR})")


@_of_kind("year")
def year(said: Said) -> Iterator[Question]:
    """In what year something happened."""
    yield from _when("year", said, _IN_YEAR, ("In what year", "In which year", "When"))
    hits = list(_found(said, _SINCE))
    if len(hits) == 1 and not list(_found(said, _IN_YEAR)):
        index, match = hits[0]
        how = sentence_case(match["how"])
        asked = [said.ask(f"{how} {w} year", without=(index,)) for w in ("what", "which")]
        yield from _question("year", said, _place(said, index, match), *asked)


_DATE = re.compile(
    rf"on (?P<answer>(?:{_DAY},? )?(?:\d{{1,2}} (?:{_MONTH})|(?:{_MONTH}) \d{{1,2}})"
    rf"(?:,? {_YEAR})?)"
)
_MONTH_YEAR = re.compile(rf"in (?P<answer>(?:{_MONTH}) {_YEAR})")
_CLOCK = re.compile(
    r"at (?P<answer>\d{1,2}[:.]\d\d(?: ?[ap]\.?m\.?)?|\d{1,2} (?:[ap]\.?m\.?|o'clock)|noon|midnight)"
)


_UNTIL = re.compile(
    rf"(?P<how>until|since) (?P<answer>(?:\d{{1,2}} (?:{_MONTH})|(?:{_MONTH}) \d{{1,2}})(?:,? {_YEAR})?)"
)


@_of_kind("date")
def date(said: Said) -> Iterator[Question]:
    """On what date, or at what time."""
    hits = list(_found(said, _UNTIL))
    if len(hits) == 1:
        index, match = hits[0]
        asked = said.ask(f"{sentence_case(match['how'])} what date", without=(index,))
        yield from _question("date", said, _place(said, index, match), asked)
    yield from _when("date", said, _DATE, ("On what date", "When"))
    yield from _when("date", said, _MONTH_YEAR, ("When", "In which month and year"))
    yield from _when("date", said, _CLOCK, ("At what time",))


_AGE = re.compile(rf"at the age of {_AMOUNT}")


def _times(said: Said) -> tuple[int, ...]:
    """Phrases that tell an event apart from none: its date, somebody's age at it."""
    return tuple(index for pattern in (_DATE, _AGE) for index, _ in _found(said, pattern))


_CENTURY = re.compile(r"(?:in|during) (?P<answer>the (?:\d{1,2}(?:st|nd|rd|th)|[a-z]+th) century)")
_ONE_MONTH = re.compile(rf"(?P<prep>in|during) (?P<answer>{_MONTH})")
_WEEKDAY = re.compile(rf"(?P<prep>on|every) (?P<answer>{_DAY}s?)")
_SEASON = re.compile(r"in (?:the )?(?P<answer>(?:early |late )?(?:spring|summer|autumn|winter))")
_DECADE = re.compile(rf"in (?P<answer>the {_YEAR[:-2]}\d0s)")


@_of_kind("which")
def which(said: Said) -> Iterator[Question]:
    """Which century, decade, season, month or day."""
    yield from _when("which", said, _CENTURY, ("In which century", "In what century"))
    yield from _when("which", said, _DECADE, ("In which decade",))
    yield from _when("which", said, _ONE_MONTH, ("In which month", "In what month"))
    yield from _when("which", said, _SEASON, ("In which season", "At what time of year"))
    yield from _when("which", said, _WEEKDAY, ("On which day of the week",))


_FOR = re.compile(rf"for (?P<answer>{_AMOUNT} {_TIME})")
_AFTER = re.compile(rf"(?P<prep>within|after|in) (?P<answer>{_AMOUNT} (?P<unit>{_TIME}))")
_EVERY = re.compile(rf"(?P<answer>every (?:{_NUMBER} )?{_TIME})")
_LASTS = re.compile(rf"(?P<answer>{_AMOUNT} {_TIME})")


@_of_kind("how_long")
def how_long(said: Said) -> Iterator[Question]:
    """For how long, after how long, how often."""
    yield from _when("how_long", said, _FOR, ("How long", "For how long"))
    yield from _when("how_long", said, _EVERY, ("How often",))
    hits = [hit for hit in _found(said, _AFTER) if hit[1]["prep"] != "in"]
    if len(hits) == 1:
        index, match = hits[0]
        asked = said.ask(f"{sentence_case(match['prep'])} how many {_many(match['unit'])}",
                         without=(index,))  # fmt: skip
        yield from _question("how_long", said, _place(said, index, match), asked)
    lasts = _LASTS.fullmatch(said.core)
    if lasts and said.clause.verb.base in ("last", "take", "live", "sleep"):
        answer = said.parts[0]
        yield from _question("how_long", said, answer, said.ask("How long", core=""))


def _many(unit: str) -> str:
    return unit if unit.endswith("s") or unit == "centuries" else f"{unit}s"


_TALL = re.compile(
    rf"(?P<answer>{_AMOUNT} {_LENGTH}) (?P<how>long|wide|tall|high|deep|thick|across)"
    r"(?: and .*)?"
)
_OLD = re.compile(rf"(?P<answer>{_AMOUNT} {_TIME}) (?P<how>old|long)")
_WEIGHT = re.compile(rf"(?P<answer>{_AMOUNT} {_MASS})")
_COST = re.compile(rf"(?P<answer>(?:[$\u20ac\u00a3] ?)?{_AMOUNT}(?: [a-z]+)?)")
_FAR = re.compile(rf"(?P<answer>{_AMOUNT} {_LENGTH})(?P<way> (?:north|south|east|west))?")
_AT_DEGREES = re.compile(rf"(?P<prep>at|to|below|above) (?P<answer>{_AMOUNT} {_DEGREES})")
_REACHED = re.compile(
    rf"an? (?P<what>depth|height|speed|temperature|length|width|age|weight) of (?P<answer>{_AMOUNT}(?: [^ ]+){{0,4}})"
)
_AT_MEASURE = re.compile(
    r"(?P<prep>at|to|from) (?:an? |the )?(?P<what>depth|height|speed|temperature|rate|distance"
    rf"|altitude|age|price|width|length|pressure) of (?P<answer>{_AMOUNT}(?: [^ ]+){{0,4}})"
)
_PERCENT = re.compile(rf"(?P<answer>{_AMOUNT} ?(?:%|per ?cent)) of (?P<of>.+)")


@_of_kind("how_much")
def how_much(said: Said) -> Iterator[Question]:
    """How tall, how heavy, how dear, how far, at what temperature, what share."""
    base, core = said.clause.verb.base, said.core
    yield from _measures(said)
    yield from _size(said)
    if base == "weigh" and (match := _WEIGHT.fullmatch(core)):
        asked = said.ask("How much", core=core[match.end("answer") :].strip())
        yield from _question("how_much", said, _in_core(said, match), asked)
    if base == "cost" and (match := _COST.fullmatch(core)):
        yield from _question("how_much", said, _in_core(said, match), said.ask("How much", core=""))
    match = _FAR.fullmatch(core)
    if match and len(said.parts) == 2 and said.part(1).split()[0] in ("above", "below", "from"):
        asked = said.ask(f"How far {said.part(1)}", without=(1,), core="")
        yield from _question("how_much", said, _in_core(said, match), asked)
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
        if base in ("lie", "be", "stand") and not any("from" in said.part(k) or " of " in core
                                                      for k in range(1, len(said.parts))):  # fmt: skip
            return
        asked = said.ask("How far", core=core[match.end("answer") :].strip())
        yield from _question("how_much", said, _in_core(said, match), asked)
    if match := _REACHED.fullmatch(core):
        asked = said.ask(f"What {match['what']}", core="")
        yield from _question("how_much", said, _in_core(said, match), asked)
    for pattern in (_AT_DEGREES, _AT_MEASURE):
        hits = list(_found(said, pattern))
        if len(hits) == 1:
            index, match = hits[0]
            what = match.groupdict().get("what") or "temperature"
            asked = said.ask(f"{sentence_case(match['prep'])} what {what}",
                             without=(index, *_times(said)))  # fmt: skip
            yield from _question("how_much", said, _place(said, index, match), asked)


def _measures(said: Said) -> Iterator[Question]:
    """ "is 40 metres tall" """
    core = said.core
    if said.clause.verb.base != "be":
        return
    for pattern in (_TALL, _OLD):
        match = pattern.fullmatch(core)
        if match and not said.clause.cut.startswith("and"):
            how = match["how"]
            asked = said.ask(f"How {'wide' if how == 'across' else how}", core="")
            yield from _question("how_much", said, _in_core(said, match), asked)


_MEASURE = frozenset(
    ["diameter", "length", "height", "width", "depth", "weight", "mass", "distance", "price", "cost", "fee", "speed", "temperature", "area", "population", "capacity", "circumference", "age", "duration", "pressure", "volume", "altitude", "elevation", "span", "wage", "rent", "deposit", "fine", "budget", "profit", "power", "voltage", "wingspan", "thickness"]
)
_SIZE = re.compile(rf"(?P<answer>(?:[$\u20ac\u00a3] ?)?{_AMOUNT}(?: ?[^ ]+){{0,3}})")


def _size(said: Said) -> Iterator[Question]:
    """ "The diameter of Mercury is about 4,880 kilometres." """
    head = said.subject.split(" of ")[0].split(" between ")[0].split(" from ")[0].split()[-1]
    if head in _MEASURE and said.clause.verb.base == "be" and len(said.parts) == 1:
        if match := _SIZE.fullmatch(said.core):
            asked = said.ask("What", core="")
            yield from _question("how_much", said, _in_core(said, match), asked)


def _in_core(said: Said, match: re.Match[str]) -> Span:
    start = said.parts[0].start
    return Span(start + match.start("answer"), start + match.end("answer"))


_COUNTED = re.compile(rf"(?P<answer>{_AMOUNT}) (?P<what>(?!of\b|and\b|or\b|to\b)[^\d,]+)")


_COUNTED_BEHIND = re.compile(rf"(?P<do>[a-z]+ )??{_COUNTED.pattern}")


@_of_kind("how_many")
def how_many(said: Said) -> Iterator[Question]:
    """How many of something there are, it has, or did something."""
    verb, core = said.clause.verb, said.core
    match = _COUNTED.fullmatch(said.subject)
    if (
        match
        and _countable(match["what"])
        and said.clause.subject.of(said.text)[1:] == said.subject[1:]
    ):
        start = said.clause.subject.start
        answer = Span(start + match.start("answer"), start + match.end("answer"))
        asked = said.ask_subject(f"How many {match['what']}")
        yield from _question("how_many", said, answer, asked)
    match = _COUNTED_BEHIND.fullmatch(core)
    if (
        match
        and _countable(match["what"])
        and (said.plain_verb or match["do"] or said.subject == "there")
    ):
        asked = said.ask(f"How many {match['what']}", core=(match["do"] or "").strip())
        yield from _question("how_many", said, _in_core(said, match), asked)


_NOT_COUNTED = re.compile(rf"{_TIME}|{_LENGTH}|{_MASS}|{_DEGREES}|per ?cent|%|times?")


def _countable(what: str) -> bool:
    """Whether a noun phrase names things that are counted, and nothing else with them."""
    said = what.split()
    head = said[: said.index("of")] if "of" in said else said
    if not head or not is_plural(head[-1].lower()) or len(said) > 7:
        return False
    if _NOT_COUNTED.fullmatch(head[0]) or head[0] in DETERMINERS or " and " in what:
        return False
    return not set(said) & REFERRING


@_of_kind("who")
def who(said: Said) -> Iterator[Question]:
    """Who did something."""
    verb, subject = said.clause.verb, said.clause.subject
    text = subject.of(said.text)
    person = is_person(text) or (verb.base in _LISTS["human verbs"] and _two_names(text))
    if person and verb.base not in _LISTS["empty verbs"] | {"have", "can", "will"} and said.core:
        if verb.base != "be" or said.core.split()[0] in ("the", "born"):
            own = re.search(r"\b(?:his|her|their)\b", said.statement()) is not None
            if said.core.split()[0] != "born" and not own:
                yield from _question("who", said, subject, said.ask_subject("Who"))
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
        yield from _question("who", said, answer, active, passive)


def _two_names(text: str) -> bool:
    said = text.split()
    return (
        2 <= len(said) <= 3
        and all(w[:1].isupper() and w.isalpha() for w in said)
        and (said[0] != "The")
    )


_WHERE = re.compile(
    r"(?P<answer>(?:in|at|near|on(?! to)|inside|beneath|under|above|behind|between|beside|along|outside) .+)"
)
_NO_PLACE = re.compile(
    rf".*\b(?:{_YEAR}|{_MONTH}|{_DAY}s?|century|{_TIME}|{_DEGREES}|spring|summer|autumn|winter"
    r"|lifetime|life|format|language|version|file|list|book|danger|use|turns|general|advance|detail"
    r"|colour|shape|size|pieces|parts|words|practice|favour|French|English|German|Latin|person"
    r"|night|morning|evening|noon|age|time|times|average|fact|addition|part|way|order|honour|terms"
    r"|pairs|groups|form|case|cases|turn|total|particular|\d+s)\b.*"
)


@_of_kind("where")
def where(said: Said) -> Iterator[Question]:
    """Where something is or happened."""
    base, verbs = said.clause.verb.base, "placing verbs"
    if base == "be" and said.core:
        base, verbs = verb_of(said.core.split()[-1]) or "", "placed verbs"
    if base not in _LISTS[verbs] or _FAR.fullmatch(said.core) or "never" in said.core:
        return
    hits = [
        hit for hit in _found(said, _WHERE)
        if hit[0] > 0 and not _NO_PLACE.fullmatch(hit[1]["answer"])
    ]  # fmt: skip
    if len(hits) != 1:
        return
    index, match = hits[0]
    if index > 1 and base not in ("bear", "die", "bury", "meet", "build", "hold", "found"):
        return
    if base in ("found", "open") and said.core and not match["answer"].split()[-1][0].isupper():
        return
    place, last = said.parts[index], said.parts[index].end
    for k in range(index + 1, len(said.parts)):
        phrase = said.part(k)
        if phrase.split()[0] not in ("between", "near", "off", "in") or _NO_PLACE.fullmatch(phrase):
            break
        last = said.parts[k].end
    after = tuple(k for k in range(index, len(said.parts)) if said.parts[k].end <= last)
    asked = said.ask("Where", without=after + _times(said))
    yield from _question("where", said, Span(place.start, last), asked)


_PURPOSE = re.compile(r"(?P<answer>to [a-z]+ .+|so that .+|in order to .+)")


@_of_kind("why")
def why(said: Said) -> Iterator[Question]:
    """Why something is so, or what it is for."""
    reason = said.clause.reason
    if reason.end and not set(reason.of(said.text).lower().split()) & {"this", "that", "these"}:
        because = reason.of(said.text)
        yield from (
            _question("why", said, reason, said.ask("Why"), statement=said.statement(moved=reason))
            if len(because.split()) >= 4
            else ()
        )
    passive = said.clause.verb.base == "be" and said.core and verb_of(said.core.split()[-1])
    if not passive or len(said.parts) < 2 or said.clause.cut or passive in _LISTS["with to"]:
        return
    index = next((k for k in range(1, len(said.parts)) if _to_verb(said.part(k))), None)
    if index is None:
        return
    place = Span(said.parts[index].start, said.parts[-1].end)
    rest = tuple(range(index, len(said.parts)))
    opening = "What" if passive == "use" and index == 1 and said.core == "used" else "Why"
    asked = said.ask(opening, without=rest)
    asked = f"{asked[:-1]} for?" if opening == "What" else asked
    yield from _question("why", said, place, asked)


def _to_verb(phrase: str) -> bool:
    said = phrase.split()
    return len(said) > 2 and said[0] == "to" and is_base(said[1])


_CALLED = re.compile(r"(?:(?:also |often |usually )?(?:called|named)) (?P<answer>.+)")
_ONLY = re.compile(
    r"the (?:only |[a-z]+est |first |capital|second |third |main |most [a-z]+ |patron )?.+"
)


@_of_kind("what")
def what(said: Said) -> Iterator[Question]:
    """What something is called, is made of, does, or is."""
    verb, core = said.clause.verb, said.core
    if verb.base == "be" and (match := _CALLED.fullmatch(core)) and len(said.parts) == 1:
        asked = said.ask("What", core=core[: match.start("answer")].strip())
        yield from _question("what", said, _in_core(said, match), asked)
    if (
        verb.base == "be"
        and core in ("made", "composed", "built", "known")
        and len(said.parts) == 2
    ):
        first = said.part(1).split()[0]
        if first in ("from", "as") or said.part(1).startswith("of "):
            place = said.parts[1]
            answer = Span(place.start + len(first) + 1, place.end)
            yield from _question(
                "what", said, answer, f"{said.ask('What', without=(1,))[:-1]} {first}?"
            )
    whole = not said.clause.cut or said.clause.cut.split()[0] in (
        "because",
        "and",
        "so",
        ";",
        "but",
    )
    whole = whole or said.clause.cut in (", because", ", which", ", and", ", but", ", while")
    if verb.base in _LISTS["telling verbs"] and _is_object(core, said) and whole:
        asked = said.ask("What", core="")
        yield from _question("what", said, said.parts[0], asked)
    if verb.base == "be" and re.match(r"an? ", core) and whole:
        answer = Span(said.parts[0].start, said.parts[-1].end)
        own = is_topic(said.subject, said.passage) or said.subject.split()[0] not in DETERMINERS
        if own and len(answer.of(said.text).split()) >= 5 and not is_person(said.subject):
            asked = said.ask("What", without=tuple(range(len(said.parts))))
            yield from _question("what", said, answer, asked)


_INDEFINITE = re.compile(
    rf"{_AMOUNT} |(?:only|few|many|some|several|different|various|other|more|less|enough|most|all)\b"
)
_CIRCUMSTANCE = re.compile(
    rf"(?:in|on|at|since|until|by|during) (?:[A-Z].*|the year .*|{_YEAR}|\\d.*)"
)


def _adds_circumstance(phrase: str) -> bool:
    """Whether a phrase surely goes with the verb, and not with the noun before it."""
    return _CIRCUMSTANCE.fullmatch(phrase) is not None


def _is_object(core: str, said: Said) -> bool:
    """Whether what stands behind a verb is an object with a noun of its own."""
    told = core.split()
    if not told or len(told) > 9 or told[0].lower() in PREPOSITIONS or is_participle(told[-1]):
        return False
    if _INDEFINITE.match(core) or _REACHED.fullmatch(core):
        return False
    if told[0] == "the" and len(content(core)) < 2 and not any(w[0].isupper() for w in told):
        return False
    if any(not _adds_circumstance(said.part(k)) for k in range(1, len(said.parts))):
        return False
    if len(told) > 9 or {w.lower() for w in told} & REFERRING:
        return False
    if is_person(core) or not content(core) or told[0] in ("that", "how", "what", "not", "well"):
        return False
    return told[-1].isalpha() and not told[-1].endswith("ly") and told[-1] not in ADVERBS


def questions_of(kind: str, passage: Passage) -> list[Question]:
    """All questions of one kind about a passage, those that could mean two things left out."""
    made = [question for said in said_in(passage) for question in QUESTION_KINDS[kind](said)]
    return [question for question in made if not _doubtful(question, made)]


def _doubtful(question: Question, others: list[Question]) -> bool:
    """Whether another question of its kind asks all that it asks, for another answer."""
    own = _asks(question)
    return any(
        other is not question and other.answer != question.answer and own <= _asks(other)
        for other in others
    )


def _asks(question: Question) -> frozenset[str]:
    return frozenset(word.stem for word in content(question.wordings[0]))
