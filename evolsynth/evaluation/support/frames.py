"""Who does what to whom, without a parser, for English.

A word that stands as verbs do is taken for one. What stands before it in its clause is its subject,
what comes behind it its object; in the passive ("was built by") the other way round. A verb without
a subject of its own has that of the verb before ("rows and sings"), or what a relative pronoun
stands for ("the sheep that wolves kill").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from evolsynth.evaluation.support.reading import BASE, LISTS, PARTICIPLES, carries, lemma
from evolsynth.evaluation.text.verbs import VERBS
from evolsynth.evaluation.text.words import Word

__all__ = ["Frame", "frames"]

_NOT_VERBS = LISTS["not verbs"]
_BASES = frozenset(BASE.values()) - _NOT_VERBS
_VERBS = VERBS | LISTS["verbs"] | _BASES
_NONE = frozenset[str]()
#: Stands for "is" and "was" where no verb follows.
_IS = "is"
#: Joining words that also stand between things.
_AND = frozenset(("and", "or"))


class Frame(NamedTuple):
    """A verb with what stands round it, as lemmas.

    ``doer`` does it, ``other`` has it done to them or else is what comes first behind it, ``rest``
    is what comes later; each may be empty. ``vague`` says that the doer is named by a pronoun or a
    word like "the company", or not at all.
    """

    verb: str
    doer: frozenset[str]
    other: frozenset[str]
    rest: frozenset[str]
    vague: bool
    start: int
    end: int


class _Phrase(NamedTuple):
    """A thing that is named, as lemmas; ``behind`` a preposition, and ``vague`` as in `Frame`."""

    names: frozenset[str]
    behind: str
    vague: bool


#: What a clause is made of: a thing, a joining word, or the place of a verb among the words.
_Part = _Phrase | str | int


def frames(said: Sequence[Word], flat: str) -> Iterator[Frame]:
    """The frames of a sentence, by its words and its plain text, in the order of their verbs."""
    parts = list(_parts(said, flat))
    last: _Phrase | None = None
    places = [(k, part) for k, part in enumerate(parts) if isinstance(part, int)]
    for n, (k, verb) in enumerate(places):
        begin = places[n - 1][0] + 1 if n else 0
        more = n + 1 < len(places)
        end = places[n + 1][0] if more else len(parts)
        before = parts[begin:k]
        last, antecedent = _subject(before, last)
        yield _frame(said, verb, last, antecedent, _behind(parts[k + 1 : end], more))


def _subject(before: Sequence[_Part], last: _Phrase | None) -> tuple[_Phrase, frozenset[str]]:
    """What a verb is said of, by what stands before it and what the verb before was said of; and
    what a relative pronoun before it stands for, where that is not the subject."""
    join = _last_join(before)
    if join >= 0 and before[join] == _IS:  # "The bridge that is old fell"
        before = before[:join]
        join = _last_join(before)
    if join >= 0 and before[join] in _AND and last is None:
        join = -1  # "Fulmars and skuas steal"
    own = [part for part in before[join + 1 :] if isinstance(part, _Phrase) and not part.behind]
    earlier = [part for part in before[: max(join, 0)] if isinstance(part, _Phrase)]
    relative = join >= 0 and before[join] in LISTS["relative"]
    antecedent = earlier[-1].names if relative and earlier else _NONE
    if own:
        return _Phrase(_union(own), "", all(part.vague for part in own)), antecedent
    if antecedent:
        return _Phrase(antecedent, "", False), _NONE
    return last or _Phrase(_NONE, "", True), _NONE


def _frame(
    said: Sequence[Word],
    place: int,
    subject: _Phrase,
    antecedent: frozenset[str],
    behind: Sequence[_Phrase],
) -> Frame:
    direct: list[_Phrase] = []
    for part in behind:
        if part.behind:
            break
        direct.append(part)
    rest = list(behind[len(direct) :])
    start, end, verb = said[place].start, said[place].end, lemma(said[place].text)
    if _passive(said, place):
        by = next((k for k, part in enumerate(rest) if part.behind == "by"), len(rest))
        agents = rest[by : by + 1]
        agents += takewhile(lambda part: not part.behind, rest[by + 1 :])  # by a, b and c
        others = [*direct, *rest[:by], *rest[by + len(agents) :]]
        agent, unknown = _union(agents), not agents or agents[0].vague
        return Frame(verb, agent, subject.names, _union(others), unknown, start, end)
    other = _union(direct) or antecedent
    if not other and rest:
        other, rest = rest[0].names, rest[1:]
    vague = subject.vague or not subject.names
    return Frame(verb, subject.names, other, _union(rest), vague, start, end)


def _last_join(parts: Sequence[_Part]) -> int:
    return max((i for i, part in enumerate(parts) if isinstance(part, str)), default=-1)


def _union(phrases: Sequence[_Phrase]) -> frozenset[str]:
    return _NONE.union(*(part.names for part in phrases))


def _behind(parts: Sequence[_Part], more: bool) -> list[_Phrase]:
    """What belongs to a verb of all that comes before the next one, if there is one."""
    found: list[_Phrase] = []
    for part in parts:
        if isinstance(part, str) and (more or part not in _AND):
            break
        if isinstance(part, _Phrase):
            found.append(part)
    return found


def _parts(said: Sequence[Word], flat: str) -> Iterator[_Part]:
    """The verbs, things and joining words of a sentence in order."""
    heap: list[Word] = []
    behind, pronoun, counted = "", False, False

    def phrase() -> Iterator[_Phrase]:
        nonlocal heap, behind, pronoun, counted
        if counted and not heap:  # "in 2003"
            behind = ""
        counted = False
        if heap or pronoun:
            generic = len(heap) == 1 and heap[0].lower in LISTS["generic"]
            names = frozenset(lemma(word.text) for word in heap)
            yield _Phrase(names, behind, generic or not heap)
            behind = ""
        heap, pronoun = [], False

    for i, word in enumerate(said):
        lower = word.lower
        if i and "," in flat[said[i - 1].end : word.start]:
            yield from phrase()
        if _is_verb(said, i):
            yield from phrase()
            behind = ""
            yield i
        elif lower in LISTS["copulas"] and not _leads_to_verb(said, i):
            yield from phrase()
            behind = ""
            yield _IS
        elif lower in LISTS["joins"] and not (lower == "that" and _determines(said, i)):
            yield from phrase()
            behind = lower if lower in LISTS["prepositions"] and _before_thing(said, i) else ""
            if not behind:
                yield lower
        elif lower == "of" and heap:
            continue
        elif lower in LISTS["prepositions"]:
            yield from phrase()
            behind = lower
        elif lower in LISTS["determiners"]:
            yield from phrase()
        elif lower in LISTS["pronouns"]:
            yield from phrase()
            pronoun = True
        elif lower.isdigit():
            counted = True
        elif carries(word) and not lower.endswith("ly"):
            heap.append(word)
    yield from phrase()


def _leads_to_verb(said: Sequence[Word], i: int) -> bool:
    return any(_is_verb(said, k) for k in range(i + 1, min(i + 4, len(said))))


def _determines(said: Sequence[Word], i: int) -> bool:
    """ "That" before a thing at the beginning of a sentence or behind a preposition."""
    return i == 0 or said[i - 1].lower in LISTS["prepositions"]


def _before_thing(said: Sequence[Word], i: int) -> bool:
    """Whether "after", "since" or "as" stands before a thing and no clause."""
    near = said[i + 1 : i + 7]
    return not any(_is_verb(said, i + 1 + k) for k in range(len(near)))


def _is_verb(said: Sequence[Word], i: int) -> bool:
    word = said[i]
    lower = word.lower
    if lower in _NOT_VERBS or (i and word.text[:1].isupper()):
        return False
    before = said[i - 1].lower if i else ""
    if before in LISTS["determiners"] or before == "of":
        return False
    if lower in BASE:
        return True
    if lower.endswith("ing"):
        return before in LISTS["auxiliaries"] or before == "not"
    if lower.endswith("ed") and len(lower) > 4:
        return True
    held = before in LISTS["prepositions"] and before != "to"
    return not held and i > 0 and not _VERBS.isdisjoint(_bases(lower))


def _bases(lower: str) -> set[str]:
    """The forms that a word may be the third person of, and itself."""
    found = {lower}
    if lower.endswith("s") and not lower.endswith("ss"):
        found.add(lower[:-1])
        if lower.endswith("es"):
            found.add(lower[:-2])
        if lower.endswith("ies"):
            found.add(f"{lower[:-3]}y")
    return found


def _passive(said: Sequence[Word], i: int) -> bool:
    lower = said[i].lower
    if not (lower.endswith("ed") or lower in PARTICIPLES):
        return False
    near = [word.lower for word in said[max(0, i - 3) : i]]
    if any(word in LISTS["passive"] for word in near):
        return True
    by = any(word.lower == "by" for word in said[i + 1 : i + 4])
    return by and near[-1:] not in (["had"], ["has"], ["have"])
