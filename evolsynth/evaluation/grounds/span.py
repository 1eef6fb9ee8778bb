"""An answer that is a piece of the text, asked for by a question about the sentence it stands in.

What has to hold, all of it read from the row as it stands: the evidence is a place of the input and
holds the answer word for word; the question is what is asked, and speaks of nothing that is not in
that sentence, the title or the heading; the answer is of the type that the question word asks for;
and the response is the answer, or a sentence that says no more than the evidence does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from evolsynth.evaluation.grounds.ground import ground
from evolsynth.evaluation.text.conjugation import base_of
from evolsynth.evaluation.text.facts import names
from evolsynth.evaluation.text.numbers import numbers
from evolsynth.evaluation.text.words import NEGATORS, content, stem, stems_of, vocabularies, words
from evolsynth.prompts import filled
from evolsynth.rows import Row

__all__ = ["TIME", "fits_question", "span", "told_in"]

_LISTS = vocabularies(__file__, "span.txt")
#: What tells a time: years, dates, seasons, days, hours.
TIME = re.compile(
    r"\b(?:(?:1\d|20)\d\d(?![\d,.]\d| [a-z])|\d{1,4} (?:BC|AD|BCE|CE)|\d{1,2}[:.]\d\d"
    r"|noon|midnight|\d{1,2} [ap]\.?m|o'clock|(?:spring|summer|autumn|winter)|century|\d{3,4}s"
    r"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|January|February|March|April|May|June|July"
    r"|August|September|October|November|December)\b"
)
_WHEN = re.compile(
    r"(?:when|since when|until when|(?:in|since|until|till|by|on|at|from|during) (?:what|which)"
    r" (?:year|month|century|decade|season|date|day|time)(?:s?))\b", re.I
)  # fmt: skip
_AMOUNT = re.compile(
    r"(?:how (?:many|much|long|far|tall|wide|high|deep|thick|old|often|heavy|fast|large|big)"
    r"|(?:after|within|in|for|at|to|from|below|above) (?:how (?:many|long|much)|(?:what|which) "
    r"(?:age|temperature|depth|height|speed|rate|distance|altitude|price|width|length|pressure)))\b",
    re.I,
)
_EVERY = re.compile(r"\bevery [a-z]+", re.I)
_REASON = re.compile(r"(?:because|since|as|to|so that|in order to|due to|for)\b", re.I)
_SLOT = re.compile(r"\{(\w+)\}")


def told_in(texts: Iterable[str]) -> frozenset[str]:
    """The stems of all words of some texts, verbs in their base form as well."""
    whole = " ".join(texts)
    return stems_of(whole) | {stem(base_of(word.lower)) for word in words(whole)}


def fits_question(question: str, answer: str) -> bool:
    """Whether an answer is of the type that a question asks for, as far as its first words tell."""
    if _WHEN.match(question):
        return TIME.search(answer) is not None
    if _AMOUNT.match(question):
        return bool(numbers(answer)) or _EVERY.match(answer) is not None or " one " in f" {answer} "
    first = question.split()[0].lower() if question.split() else ""
    if first == "why" or question.rstrip("?").endswith(" for"):
        return _REASON.match(answer) is not None or first != "why"
    if first in ("who", "whom") or question.lower().startswith("by whom"):
        return not any(c.isdigit() for c in answer)
    return first != "where" or not numbers(answer) or len(answer.split()) > 2


def _pieces(text: str, places: object) -> list[str]:
    """What stands at the places of a text; raises where one of them is none."""
    if not isinstance(places, Sequence):
        return []
    found = []
    for place in places:
        start, end = int(place["start"]), int(place["end"])
        if not 0 <= start < end <= len(text):
            return []
        found.append(text[start:end])
    return found


def _says(text: str, piece: str) -> bool:
    """Whether a piece stands in a text as whole words."""
    return bool(piece) and re.search(rf"(?<!\w){re.escape(piece)}(?!\w)", text) is not None


def _says_no_more(said: str, evidence: str, known: frozenset[str]) -> bool:
    """Whether a text has no number, name, negation or other word of content of its own."""
    values = [number.values for number in numbers(evidence)]
    if any(number.values not in values for number in numbers(said)):
        return False
    denied = {w.stem for w in words(said) if w.stem in NEGATORS}
    if denied != {w.stem for w in words(evidence) if w.stem in NEGATORS} & denied:
        return False
    return all(word.stem in known or stem(base_of(word.lower)) in known for word in content(said))


@ground("span")
def span(
    row: Row, *, question: str, answer: str, statement: str, form: str, **_: Any
) -> str | None:
    """The answer to a question, taken from one sentence of the text."""
    text = row.input or ""
    evidence = " ".join(_pieces(text, row.extra.get("evidence")))
    if not _says(evidence, answer):
        return "The evidence does not hold the answer."
    if question.casefold().rstrip("?") not in (row.instruction or "").casefold():
        return "The question that was answered is not the one that is asked."
    about = [str(row.extra.get(name) or "") for name in ("title", "heading")]
    known = told_in([evidence, *about])
    frame = _LISTS["question words"]
    for word in content(question):
        if word.lower not in frame and not {word.stem, stem(base_of(word.lower))} & known:
            return f"The question speaks of '{word.text}', of which its sentence says nothing."
    if not fits_question(question, answer):
        return "The answer is not of the type that the question asks for."
    if answer not in statement or not _says_no_more(statement, evidence, known):
        return "The sentence that answers says more than the evidence."
    return _against_response(row, evidence, known, question, answer, statement, form)


def _against_response(
    row: Row,
    evidence: str,
    known: frozenset[str],
    question: str,
    answer: str,
    statement: str,
    form: str,
) -> str | None:
    """What speaks against the response itself."""
    response = (row.response or "").strip()
    capital = answer[:1].upper() + answer[1:]
    values = {"span": f"{capital}.", "statement": statement, "evidence": evidence}
    if not row.round:
        fits = response == filled(form, values).strip()
        frame = _SLOT.sub("", form).replace("\\n", " ")
        plain = all(word.lower in _LISTS["answer words"] for word in content(frame))
        return None if fits and plain else "The response is not the answer that was found."
    if not (_says(response, answer) or _says(response, capital)):
        return "The response does not hold the answer."
    asked = told_in([row.instruction or "", row.input or ""]) | known
    own = {number.values for number in numbers(f"{evidence} {row.instruction}")}
    if any(n.values not in own for n in numbers(response)):
        return "The response has a number that neither its evidence nor the instruction has."
    strange = [
        place.text
        for place in names(response)
        if not all(word.stem in asked for word in words(place.text))
    ]
    return f"The response names '{strange[0]}', which the text does not." if strange else None
