"""A question whose answer is a chosen span, and what all kinds of questions are made with.

The span is chosen first: a year, a number with what it counts, a place, a reason. The clause in
which it stands becomes the question that it answers ("The mill was built in 1881." gives "In what
year was the mill built?"): the auxiliary is moved, or "do" is added. A function gives the questions
of one kind for one clause; nothing here asks a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from evolsynth.evaluation.text.conjugation import is_participle
from evolsynth.evaluation.text.statements import PREPOSITIONS, REFERRING, Span
from evolsynth.evaluation.text.words import content, vocabularies
from evolsynth.methods.grounded.asking.patterns import AGE, AMOUNT, DATE
from evolsynth.methods.grounded.draft import Passage, Place
from evolsynth.methods.grounded.said import Said, said_in

__all__ = [
    "COUNTED",
    "LISTS",
    "QUESTION_KINDS",
    "Maker",
    "Question",
    "asked_of",
    "found",
    "in_core",
    "of_kind",
    "place_of",
    "questions_of",
    "times",
]

LISTS = vocabularies(__file__, "asking.txt")


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


def of_kind(name: str) -> Callable[[Maker], Maker]:
    """Make a function the one that gives the questions of a kind."""

    def made(maker: Maker) -> Maker:
        QUESTION_KINDS[name] = maker
        return maker

    return made


def found(said: Said, pattern: re.Pattern[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """The phrases behind the verb, and the one before the subject (-1), that fit a pattern."""
    lead = said.clause.lead.of(said.text)
    if lead and (match := pattern.fullmatch(lead[0].lower() + lead[1:])):
        yield -1, match
    for index in range(1, len(said.parts)):
        if match := pattern.fullmatch(said.part(index)):
            yield index, match


def place_of(said: Said, index: int, match: re.Match[str], group: str = "answer") -> Span:
    """The place of what a pattern found, in the sentence."""
    start = (said.clause.lead if index < 0 else said.parts[index]).start
    return Span(start + match.start(group), start + match.end(group))


def asked_of(
    kind: str, said: Said, answer: Span, *wordings: str, statement: str | None = None
) -> Iterator[Question]:
    """The question, unless it is too long, empty, or speaks of what it does not name."""
    good = tuple(w for w in wordings if _readable(w, said))
    whole = said.statement() if statement is None else statement
    if _THEN.search(whole):
        return
    if _LIMITS & {*said.core.split(), *said.clause.adverb.of(said.text).split()}:
        return
    if all(wording.rstrip("?").split()[-1] in _DANGLING for wording in wordings):
        return
    words_of = set(answer.of(said.text).lower().split())
    if (words_of & _UNCLEAR and kind != "why") or is_participle(answer.of(said.text).split()[-1]):
        return
    if good and answer.of(said.text) in whole and not _vague(said):
        yield Question(kind, good, said.within(answer), said, whole)


#: Words that no question ends with, as what they belong to was asked for.
_DANGLING = frozenset(
    (
        "and",
        "or",
        "but",
        "also",
        "too",
        "however",
        "only",
        "even",
        "just",
        "mostly",
        "mainly",
        "not",
    )
)
#: Words that limit or weaken what is said: a question that keeps them is odd, and one that does not
#: is another.
_LIMITS = frozenset(("only", "probably", "perhaps", "possibly", "apparently", "even", "merely"))
#: "Then" that belongs to a sentence before.
_THEN = re.compile(r"(?<!and )(?<!or )(?<!, )\bthen\b", re.I)
#: Words by which an answer points at something that it does not say.
_UNCLEAR = REFERRING - {"its", "his", "their", "above", "below", "both", "previous"}
_OWNED = re.compile(r"\b(?:his|her|its|their) (?=[a-z]+)")


def _readable(text: str, said: Said) -> bool:
    """Whether a question is of a fair length, and all it speaks of has a name."""
    own = {"there"} if said.subject == "there" else set()
    flat = _OWNED.sub("", text) if said.named else text
    rest = flat.rstrip("?").split()
    owned = [m.end() for m in _OWNED.finditer(text)]
    if re.search(r"\bdo so\b", text) or any(
        text[end:].split()[0].lower() in PREPOSITIONS for end in owned
    ):
        return False  # "placed her in a mural"
    if any(_OWNED.search(said.part(k)) for k in range(1, len(said.parts))):
        return False  # "turned the walk in her memory into a race": whose?
    return 4 <= len(text.split()) <= 18 and not {w.lower() for w in rest} & (REFERRING - own)


def _vague(said: Said) -> bool:
    """Whether a question without one of its phrases would say nothing of what is meant."""
    bare = said.clause.verb.base in LISTS["empty verbs"] and not said.core
    return bare and not any(said.part(k) for k in range(2, len(said.parts)))


def times(said: Said) -> tuple[int, ...]:
    """Phrases that tell an event apart from none: its date, somebody's age at it."""
    return tuple(index for pattern in (DATE, AGE) for index, _ in found(said, pattern))


def in_core(said: Said, match: re.Match[str]) -> Span:
    """The place of an answer that a pattern found in what belongs to the verb."""
    start = said.parts[0].start
    return Span(start + match.start("answer"), start + match.end("answer"))


COUNTED = re.compile(rf"(?P<answer>{AMOUNT}) (?P<what>(?!of\b|and\b|or\b|to\b)[^\d,]+)")


def questions_of(kind: str, passage: Passage) -> list[Question]:
    """All questions of one kind about a passage, those that could mean two things left out."""
    made = [question for said in said_in(passage) for question in QUESTION_KINDS[kind](said)]
    return [question for question in made if not _doubtful(question, made)]


def _doubtful(question: Question, others: list[Question]) -> bool:
    """Whether another question of its kind asks all that it asks, for another answer."""
    own = _asks(question)
    return any(
        other.answer != question.answer
        and other.wordings[0].split()[:2] == question.wordings[0].split()[:2]
        and own <= _asks(other)
        for other in others
    )


def _asks(question: Question) -> frozenset[str]:
    return frozenset(word.stem for word in content(question.wordings[0]))
