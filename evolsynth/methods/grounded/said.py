"""What the sentences of a passage say, ready to be asked about: clauses with subjects that have
names, their parts, and questions and statements made of those."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from evolsynth.evaluation.text.conjugation import is_base, is_participle, is_plural
from evolsynth.evaluation.text.numbers import NUMBER_WORDS
from evolsynth.evaluation.text.people import PEOPLE, is_person
from evolsynth.evaluation.text.statements import (
    DETERMINERS,
    JOINS,
    PREPOSITIONS,
    REFERRING,
    VAGUE,
    Clause,
    Span,
    Token,
    clauses_of,
    tokens_of,
)
from evolsynth.evaluation.text.words import NEGATORS, vocabularies, vocabulary, words
from evolsynth.methods.grounded.draft import Passage, Place

__all__ = ["Said", "is_topic", "said_in", "sentence_case"]

_WANT_OBJECTS = vocabularies(__file__, "said.txt")["want objects"]
_PERSONAL = frozenset(("he", "she", "it", "they"))
#: Adverbs that say how a sentence goes on from the one before it.
_JOINING = frozenset(("also", "then", "later", "soon", "finally", "eventually", "again", "now"))
_POSSESSIVE = frozenset(("his", "her", "its", "their"))
_HEDGES = re.compile(r"(?:up to|at (?:least|most)|more than|less than|fewer than|over|under|about"
                     r"|around) (?=\d|[a-z]+\b)")  # fmt: skip
_AMOUNT = frozenset(["at", "up", "more", "less", "fewer", "over", "under", "about", "around"])


class Said(NamedTuple):
    """A clause whose subject can be named.

    Args:
        passage: it stands in.
        sentence: its place there.
        clause: the clause; its places are those of the sentence.
        subject: its words, as they stand within a sentence; of a pronoun what it stands for.
        parts: of what follows the verb: what belongs to it, then a place for each phrase behind.
    """

    passage: Passage
    sentence: Place
    clause: Clause
    subject: str
    parts: tuple[Span, ...]

    @property
    def text(self) -> str:
        """The sentence."""
        return self.sentence.of(self.passage.text)

    def part(self, index: int) -> str:
        """The words of a part."""
        return self.parts[index].of(self.text)

    @property
    def core(self) -> str:
        """What belongs to the verb itself: an object, a participle, or nothing."""
        return self.part(0)

    @property
    def named(self) -> bool:
        """Whether its subject stands in the sentence, rather than a pronoun for it."""
        return self.subject.casefold() in self.text.casefold()

    def within(self, place: Span) -> Place:
        """A place of the sentence as one of the passage."""
        start = self.sentence.start
        return Place(start + place.start, start + place.end)

    @property
    def plain_verb(self) -> bool:
        """Whether the verb needs "do" to be asked about."""
        return not self.clause.verb.aux or (
            self.clause.verb.base == "have" and not _perfect(self.core)
        )

    def ask(self, opening: str, *, without: Sequence[int] = (), core: str | None = None) -> str:
        """A question: its first words, auxiliary, subject, and all parts but some.

        ``core`` takes the place of part 0.
        """
        verb = self.clause.verb
        finite = self.clause.finite.of(self.text)
        if self.plain_verb:
            front = "did" if verb.past else ("does" if self._third(finite) else "do")
            middle = [self._adverb, verb.base]
        else:
            front, middle = finite, [self._adverb]
        said = [opening, front, self.subject, *middle, *self._behind(without, core)]
        return " ".join(filter(None, said)) + "?"

    def ask_subject(self, opening: str) -> str:
        """A question for the subject."""
        finite = self.clause.finite.of(self.text)
        said = [opening, self._adverb, finite, *self._behind((), None)]
        return " ".join(filter(None, said)) + "?"

    @property
    def _adverb(self) -> str:
        """What stands between subject and verb, without words that only join sentences."""
        words = self.clause.adverb.of(self.text).split()
        return " ".join(word for word in words if word not in _JOINING)

    def statement(self, *, moved: Span | None = None) -> str:
        """The clause as a sentence of its own."""
        finite = self.clause.finite.of(self.text)
        said = [self.subject, self.clause.adverb.of(self.text), finite, *self._behind((), None)]
        if moved is not None and moved != self.clause.lead:
            said.append(moved.of(self.text))
        return sentence_case(" ".join(filter(None, said))) + "."

    def _behind(self, without: Sequence[int], core: str | None) -> list[str]:
        parts = [self.part(index) for index in range(len(self.parts)) if index not in without]
        if core is not None and 0 not in without:
            parts[0] = core
        lead = self.clause.lead.of(self.text)
        if lead and -1 not in without:
            parts.append(lead[0].lower() + lead[1:])
        return parts

    def _third(self, finite: str) -> bool:
        return finite != self.clause.verb.base


def _perfect(core: str) -> bool:
    """Whether "have" goes on with a participle."""
    first = [word.lower for word in words(core)][:2]
    return bool(first) and any(is_participle(word) or word == "been" for word in first[:1])


def sentence_case(text: str) -> str:
    """A text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


@lru_cache(maxsize=256)
def said_in(passage: Passage) -> tuple[Said, ...]:
    """All plain clauses of a passage whose subjects can be named."""
    return tuple(_said_in(passage))


def _said_in(passage: Passage) -> Iterator[Said]:
    topic = ""  # what the subject before was, where a pronoun may stand for it
    for sentence in passage.sentences:
        text = sentence.of(passage.text)
        found = clauses_of(text)
        previous, topic = topic, ""
        for number, clause in enumerate(found):
            subject = _subject(passage, text, clause, previous)
            if number == 0 and subject is not None:
                topic = subject if is_topic(subject, passage) else ""
                previous = topic
            if subject is None or not _whole(text, clause):
                continue
            said = Said(passage, sentence, clause, subject, _parts(text, clause))
            if said.core or clause.verb.aux or clause.verb.base not in _WANT_OBJECTS:
                yield said  # not "an extension added in 1964", which somebody added


#: Words that open a clause which may be left out without changing what is said before it.
_LEAVABLE = vocabulary("because although though while whereas until after before since as")


def _whole(text: str, clause: Clause) -> bool:
    """Whether what was cut off is neither of a list nor what the verb needs."""
    mark, _, behind = clause.cut.partition(" ")
    last = clause.rest.of(text).split()[-2:]
    if len(last) == 2 and last[0] == "to" and is_base(last[1]) and mark in ("and", "or", ","):
        return False  # "was formed to manage and develop the museum"
    if mark == ",":
        named = clause.rest.of(text).split()[-1:]
        if behind in ("a", "an", "the") and named and named[0][:1].isupper():
            return True  # "in Coupvray, a village east of Paris"
        if behind.endswith("ing") or _is_third(behind):
            return True
        return behind in JOINS - {"that", "if", "unless"} or behind in ("and", "but", "so")
    return mark in ("", "and", "but", "so", ";", ":") or mark in _LEAVABLE


def _is_third(word: str) -> bool:
    return word.endswith("s") and is_base(word[:-1]) and not is_base(word)


def is_topic(subject: str, passage: Passage) -> bool:
    """Whether a subject is what the whole passage is about, by its title."""
    if "'s " in subject or "' " in subject:
        return False
    own = {word.lower for word in words(subject)} - DETERMINERS
    title = {word.lower for word in words(passage.title)} - DETERMINERS
    return bool(own) and (own <= title or (len(title) > 0 and title <= own and len(own) < 6))


def _subject(passage: Passage, sentence: str, clause: Clause, topic: str) -> str | None:
    """The words for a subject, None where it cannot be understood by itself."""
    text = clause.subject.of(sentence)
    tokens = [token.lower for token in tokens_of(text)]
    if len(tokens) == 1 and tokens[0] in _PERSONAL:
        return topic if topic and _agrees(tokens[0], topic) else None
    if tokens[0] in _POSSESSIVE and topic and not set(tokens[1:]) & REFERRING:
        genitive = f"{topic}'" if topic.endswith("s") else f"{topic}'s"
        return f"{genitive} {text.split(maxsplit=1)[1]}" if len(tokens) > 1 else None
    if tokens == ["there"]:
        return "there"
    if set(tokens) & (REFERRING | JOINS | NEGATORS) or "," in text:
        return None
    head = next((k for k, low in enumerate(tokens) if low in PREPOSITIONS or low == "of"), None)
    noun = tokens[-1] if head is None else tokens[head - 1] if head else ""
    if (noun in VAGUE and (head is None or tokens[head] != "of")) or not noun[:1].isalpha():
        return None
    if len(tokens) > 1 and is_base(tokens[0]) and tokens[1] in DETERMINERS:
        return None  # "Bake the loaf"
    if any(map(_looks_finite, tokens[1:-1], tokens[2:])):
        return None
    if len(tokens) == 2 and tokens[0] == "the" and noun.endswith("est"):
        return None  # "the tallest"
    if noun in DETERMINERS or noun in ("there", "first", "second", "third", "last"):
        return None
    return _in_a_sentence(text, passage)


def _looks_finite(low: str, behind: str) -> bool:
    """Whether a word within a subject is rather a verb: "works from right to left"."""
    if low.endswith("ed") or not is_base(low.removesuffix("s")) or low in PREPOSITIONS:
        return False
    return low.endswith("s") and (behind in DETERMINERS or behind in PREPOSITIONS - {"in", "on"})


def _agrees(pronoun: str, topic: str) -> bool:
    last = topic.split()[-1].lower()
    if pronoun == "they":
        return is_plural(last) and topic[:1].islower()
    if pronoun == "it":
        return not is_person(topic) and not (is_plural(last) and topic[:1].islower())
    return is_person(topic)


def _in_a_sentence(subject: str, passage: Passage) -> str | None:
    """A subject as it is written within a sentence; None where nobody can tell."""
    first = subject.split()[0]
    lower = first[0].lower() + first[1:]
    if first[0].islower() or first[0].isdigit():
        return subject
    if lower in DETERMINERS or lower in ("there", "one", "two", "three", "four", "five", "six"):
        return lower + subject[len(first) :]
    if re.search(rf"\b[A-Z]\w+ {re.escape(first)}\b", passage.text):
        return subject  # "James Watt"
    if first in PEOPLE["given names"] | PEOPLE["titles"] | PEOPLE["peoples"]:
        return subject
    common = re.search(rf"(?<=[\w,;] ){re.escape(lower)}\b", passage.text)
    if common is not None:
        return lower + subject[len(first) :]
    stem = first.removesuffix("'s").removesuffix("\u2019s")
    inside = re.search(rf"(?<=[\w,;] ){re.escape(stem)}\b", passage.text)
    if stem != first and inside is None:  # "Rome's first aqueduct", "Men's basketball"
        low = stem.lower()
        noun = is_plural(low) or re.search(rf"\b{re.escape(low)}\b", passage.text) is not None
        return lower + subject[len(first) :] if noun else subject
    if inside is not None or first.isupper() or any(c.isdigit() for c in first):
        return subject
    if re.search(rf"\b{re.escape(lower)}\b", passage.text) or _same_noun(lower, passage.text):
        return lower + subject[len(first) :]
    behind = subject.split()[1:2]
    if behind and behind[0][:1].isupper() and behind[0].lower() not in DETERMINERS:
        return subject
    if is_plural(lower) or behind:
        return lower + subject[len(first) :]
    return None


def _same_noun(lower: str, text: str) -> bool:
    other = lower[:-1] if lower.endswith("s") else f"{lower}s"
    return re.search(rf"\b{re.escape(other)}\b", text) is not None


def _parts(sentence: str, clause: Clause) -> tuple[Span, ...]:
    """What follows the verb, cut before each preposition that opens a phrase of its own."""
    start, end = clause.rest
    tokens = [token for token in tokens_of(sentence) if start <= token.start and token.end <= end]
    cuts = [start]
    for k, token in enumerate(tokens):
        if k == 0 and _is_particle(clause.verb.base, token.lower):
            continue
        low, behind = token.lower, tokens[k + 1 : k + 2]
        if not behind or token.text[0].isupper():
            continue
        infinitive = low == "to" and is_base(behind[0].lower)
        opens = low in PREPOSITIONS and low not in ("than", "per", "like")
        if k and tokens[k - 1].lower in PREPOSITIONS - {"every"} and not infinitive:
            opens = False  # "up to 40", "from under the ice"
        if low in ("by", "to") and k and _counts(tokens[k - 1].lower) and _counts(behind[0].lower):
            continue  # "28 by 15 metres", "two to three years"
        amount = low in _AMOUNT and _HEDGES.match(sentence, token.start) is not None
        if amount and low in ("about", "around", "over", "under"):
            amount = _counts(behind[0].lower)
        if (infinitive or opens) and not (amount and _counts(_next_number(tokens, k))):
            cuts.append(token.start)
    ends = [*cuts[1:], end]
    places = []
    for first, last in zip(cuts, ends, strict=True):
        piece = sentence[first:last].rstrip(" ,")
        places.append(Span(first, first + len(piece)))
    if len(places) > 1 and cuts[1] == start:
        places[0] = Span(start, start)
    return tuple(places)


def _is_particle(base: str, low: str) -> bool:
    """Whether a preposition right behind a verb belongs to it ("throw up", "bring in")."""
    return low in ("up", "out", "off", "down", "over") or (
        low == "in" and base in ("bring", "take")
    )


def _next_number(tokens: Sequence[Token], k: int) -> str:
    return next((t.lower for t in tokens[k + 1 : k + 3] if _counts(t.lower)), "")


def _counts(word: str) -> bool:
    return bool(word) and (word[0].isdigit() or word in NUMBER_WORDS)
