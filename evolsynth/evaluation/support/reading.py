"""A text as answers are compared with it: its sentences, their words, numbers and frames."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from evolsynth.evaluation.information_loss.senses import AVERSE
from evolsynth.evaluation.text.numbers import Number, implied, numbers
from evolsynth.evaluation.text.words import (
    FUNCTION_WORDS,
    NEGATORS,
    Word,
    clauses,
    plain,
    stem,
    stems,
    vocabularies,
    word_lists,
    words,
)

if TYPE_CHECKING:
    from evolsynth.evaluation.support.frames import Frame

__all__ = ["BASE", "LISTS", "PARTICIPLES", "SOFT", "Sentence", "averse", "carries", "claims"]
__all__ += ["lemma", "offered", "refuses", "sentences_of"]

LISTS = vocabularies(__file__, "support.txt")
_LINES = word_lists(__file__, "support.txt")
#: Words of an answer that claim nothing by themselves, as stems.
SOFT = stems(LISTS["soft"])
#: Every irregular form, to its base.
BASE = {form: line.split()[0] for line in _LINES["irregular"] for form in line.split()}
PARTICIPLES = frozenset(line.split()[-1] for line in _LINES["irregular"])
_OPENINGS = "|".join(part.strip() for line in _LINES["beginnings"] for part in line.split(" | "))
_BEGINNINGS = re.compile(rf"^\W*(?:{_OPENINGS})", re.I)
_ASKS = re.compile(r"(?:who|whom|whose|what|when|where|why|which|how)\b", re.I)


@lru_cache(maxsize=16384)
def lemma(word: str) -> str:
    """A word's stem; that of its base form where it is an irregular verb ("drew": "draw")."""
    lower = word.casefold()
    return stem(BASE.get(lower, lower))


class Sentence:
    """One sentence of a text: ``whole[start:end]``, and what is found in it.

    Places of its words and numbers are those of the sentence, not of the whole text.
    """

    def __init__(self, whole: str, start: int, end: int) -> None:
        self.start, self.end = start, end
        self.text = whole[start:end]
        self.plain = plain(self.text)
        self.words = words(self.text)
        self.heavy = [word for word in self.words if carries(word)]
        self.keys = frozenset(lemma(word.text) for word in self.heavy)

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the whole text."""
        return self.start, self.end

    @cached_property
    def numbers(self) -> list[Number]:
        """Its numbers, "an hour" among them."""
        return [*numbers(self.text), *implied(self.text)]

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """Who does what to whom."""
        from evolsynth.evaluation.support.frames import frames  # which reads words as we do

        return tuple(frames(self.words, self.plain))

    @cached_property
    def order(self) -> list[str]:
        """The lemmas of its words of content as they come."""
        return [lemma(word.text) for word in self.heavy]

    def denied(self, at: int, *, back: int = 5) -> bool:
        """Whether something near before a word, or in it, denies it."""
        first = next((i for i, w in enumerate(self.words) if w.start >= at), 0)
        begin = self.words[max(0, first - back)].start
        cut = max(self.plain.rfind(mark, begin, at) for mark in ".;:!?") + 1
        return averse(self.plain, max(begin, cut), at)


_REFUSED = re.compile(r"\b(?:refus|declin|den[iy]|reject|oppos|against|too)\w*", re.I)


def averse(flat: str, start: int, end: int) -> bool:
    """Whether something between two places denies in some way ("not", "without", "refused")."""
    return bool(AVERSE.search(flat, start, end) or _REFUSED.search(flat, start, end))


def refuses(flat: str) -> bool:
    """Whether a text denies by a word such as "refused" or "against"."""
    return _REFUSED.search(flat) is not None


def carries(word: Word) -> bool:
    """Whether a word carries content."""
    lower = word.lower
    if word.text == "May" and word.start > 0:
        return True
    if BASE.get(lower, lower) in FUNCTION_WORDS or word.stem in NEGATORS:
        return False
    return len(lower) > 1 or lower.isdigit()


def sentences_of(text: str) -> list[Sentence]:
    """The sentences of a text in order; parts between semicolons count as such."""
    return [Sentence(text, start, end) for start, end in clauses(text)]


_OR = re.compile(r"\b(\w+),? or (?=(?:an? |the )?(\w+))", re.I)


def offered(question: Sentence) -> frozenset[str]:
    """Lemmas of what a question lets an answer choose between: "hotter or cooler"."""
    return frozenset(lemma(word) for pair in _OR.findall(question.plain) for word in pair)


def claims(response: str) -> list[Sentence]:
    """The sentences of an answer that say something of its subject.

    What chat models put before it ("The answer is:", "I'm glad you ask.") is left out, and so are
    questions, also said again, and the numbers of a list.
    """
    found = []
    marked = _markers(response)
    for start, end in clauses(response):
        begin = marked.get(start, start)
        while match := _BEGINNINGS.match(plain(response[begin:end])):
            if not match.end():
                break
            begin += match.end()
        said = response[begin:end].strip(" \t\"'")
        if (
            not said
            or said.endswith("?")
            or (begin > marked.get(start, start) and _ASKS.match(said))
        ):
            continue
        begin = response.index(said, begin)
        one = Sentence(response, begin, begin + len(said))
        if any(lemma(word.text) not in SOFT for word in one.heavy) or one.numbers:
            found.append(one)
    return found


_MARKER = re.compile(r"^[ \t]{0,8}\(?(\d{1,2})[.)][ \t]+(?=\S)", re.M)


def _markers(response: str) -> dict[int, int]:
    """Where the items of a numbered list begin, each with where its words begin.

    A list counts its lines from 1 on; a figure at the beginning of one line is none.
    """
    found = list(_MARKER.finditer(response))
    if len(found) < 2 or [int(one[1]) for one in found] != list(range(1, len(found) + 1)):
        return {}
    return {one.start() + len(one[0]) - len(one[0].lstrip()): one.end() for one in found}
