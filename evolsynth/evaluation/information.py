"""Information loss: what an instruction asked for that its evolution no longer does.

Facts come first, because they can be checked exactly: numbers, names, quotations, code, options,
negations. Then each clause of the original must be covered, by its words or, with an embedder,
by its meaning. Evol-Instruct (Xu et al. 2023, arXiv:2304.12244) eliminates failed evolutions, but
none of its rules looks for loss.

What is added is not judged here: a tail that contradicts the original loses nothing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from evolsynth.evaluation import facts
from evolsynth.evaluation.cover import cover, occurs, stems_of
from evolsynth.evaluation.findings import Finding
from evolsynth.evaluation.words import NEGATORS, Word, clauses, content, plain, stem, words

if TYPE_CHECKING:
    from fractions import Fraction

    from evolsynth.evaluation.embed import Embedder

__all__ = [
    "InformationLoss",
    "LostSpan",
    "demand_added",
    "information_loss",
    "no_new_demand",
]

Kind = Literal["number", "name", "quotation", "code", "option", "negation", "constraint", "topic"]

#: One changed number, quotation or piece of code is enough by itself; one lost name, option or
#: negation is not.
THRESHOLD = 0.5

#: How much a lost fact of each kind says by itself. A name or an option may have been
#: paraphrased (a country for its people); a number or a quotation may not.
_WEIGHT: dict[Kind, float] = {
    "number": 0.6,
    "quotation": 0.5,
    "code": 0.5,
    "negation": 0.4,
    "name": 0.3,
    "option": 0.25,
}
#: The same number said once less often, with no new number in its place, is hardly a loss; it is
#: a bigger one where nothing of what it counts is left with it. "First" may have become "initial",
#: and "1 cup" "a full cup".
_REPEATED, _REPEATED_OF_ANOTHER, _ORDINAL = 0.1, 0.4, 0.2


class LostSpan(msgspec.Struct, frozen=True):
    """What was lost: ``original[start:end] == text``; ``became`` is what stands for it now."""

    text: str
    start: int
    end: int
    kind: Kind
    became: str | None = None


class InformationLoss(msgspec.Struct, frozen=True):
    """``score`` in [0, 1], 0 for nothing lost; ``lost`` in order of place."""

    score: float
    flagged: bool
    lost: tuple[LostSpan, ...] = ()


class _Loss(NamedTuple):
    span: LostSpan
    weight: float


def information_loss(
    original: str,
    evolved: str,
    *,
    embedder: Embedder | None = None,
    threshold: float = THRESHOLD,
) -> InformationLoss:
    """Say how much of ``original`` is missing in ``evolved``, and which parts.

    Typography, case and white space never count. An evolution that begins with the original
    loses nothing. Without an embedder a paraphrase is judged by its words alone.

    Args:
        threshold: from which score on ``flagged`` is set.
    """
    if _begins_with(evolved, original):
        return InformationLoss(0.0, flagged=False)
    losses = _facts_lost(original, evolved) + _clauses_lost(original, evolved, embedder)
    kept = 1.0
    for loss in losses:
        kept *= 1.0 - loss.weight
    score = round(1.0 - kept, 4)
    spans = sorted((loss.span for loss in losses), key=lambda s: (s.start, s.end))
    return InformationLoss(score, score >= threshold, tuple(spans))


def demand_added(original: str, evolved: str) -> str:
    """The text that the evolution adds: what follows the original, else all new words.

    Empty where nothing was added. New words that are apart are joined by " ... ".
    """
    if _begins_with(evolved, original):
        end = _end_of(evolved, original)
        return re.sub(r"^[\W_]+", "", evolved[end:]).strip()
    old, new = words(original), words(evolved)
    match = difflib.SequenceMatcher(
        None, [w.stem for w in old], [w.stem for w in new], autojunk=False
    )
    pieces = [
        evolved[new[j].start : new[k - 1].end]
        for tag, _, _, j, k in match.get_opcodes()
        if tag in ("insert", "replace")
    ]
    return " ... ".join(pieces)


def no_new_demand(original: str, evolved: str) -> Finding | None:
    """The first elimination rule of Evol-Instruct, no information gain, by words.

    Found where what is added (`demand_added`) has fewer than two words of content (or
    negators) that the original lacks: an echo of the request, or only a new phrase around it.
    """
    added = demand_added(original, evolved)
    known = {w.stem for w in content(original)}
    new = {w.stem for w in content(added)} - known
    new |= {w.stem for w in words(added) if w.stem in NEGATORS}
    if len(new) >= 2:
        return None
    return Finding("no_new_demand", {"added": added, "new_words": sorted(new)})


def _begins_with(evolved: str, original: str) -> bool:
    head = _bare(original)
    whole = _flat(evolved)
    rest = whole[len(head) : len(head) + 1]
    return whole.startswith(head) and not (rest.isalnum() and head[-1:].isalnum())


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", plain(text)).strip().casefold()


def _bare(text: str) -> str:
    return _flat(text).rstrip(" .!?,;:")


def _end_of(evolved: str, original: str) -> int:
    """Where in ``evolved`` the original, with which it begins, ends."""
    wanted = len(re.sub(r"\s", "", _bare(original)))
    seen = 0
    for place, character in enumerate(plain(evolved)):
        if seen >= wanted:
            return place
        seen += 0 if character.isspace() else len(character.casefold())
    return len(evolved)


# Facts ------------------------------------------------------------------------------------------


def _facts_lost(original: str, evolved: str) -> list[_Loss]:
    flat, stems = _flat(evolved), stems_of(evolved)
    lost = _numbers_lost(original, evolved)

    def check(kind: Kind, places: Iterable[facts.Place], is_kept: Callable[[str], bool]) -> None:
        seen: set[str] = set()
        for place in places:
            key = place.text.casefold()
            if key not in seen and not is_kept(place.text):
                lost.append(_lose(original, place, kind))
            seen.add(key)

    squeezed = re.sub(r"\W+", " ", flat)
    check("quotation", facts.quotations(original), lambda t: _quoted_in(t, squeezed, stems))
    check("code", facts.code(original), lambda t: _flat(t).strip("`") in flat)
    check("name", facts.names(original), lambda t: _named_in(t, evolved, stems))
    check("option", facts.options(original), lambda t: occurs(stem(t), stems))
    return lost + _negations_lost(original, evolved)


def _lose(original: str, place: facts.Place, kind: Kind) -> _Loss:
    text = original[place.start : place.end]
    return _Loss(LostSpan(text, place.start, place.end, kind), _WEIGHT[kind])


def _quoted_in(text: str, squeezed: str, stems: frozenset[str]) -> bool:
    key = re.sub(r"\W+", " ", _flat(text)).strip()
    if key in squeezed:
        return True
    said = {w.stem for w in words(text)}
    return len(said) > 8 and len(said & stems) >= 0.8 * len(said)


def _named_in(name: str, evolved: str, stems: frozenset[str]) -> bool:
    parts = [w for w in words(name) if w.text[0].isupper()]
    there = [occurs(w.stem, stems) for w in parts]
    if not parts or there[-1] or sum(there) >= 2 / 3 * len(there):
        return True
    initials = "".join(w.text[0] for w in parts)
    short = name.replace(".", "")
    spelled = "".join(w.text[0] for w in words(evolved) if w.text[0].isupper())
    return (len(initials) > 1 and initials.casefold() in stems) or (
        len(short) > 1 and short.isupper() and short in spelled
    )


def _numbers_lost(original: str, evolved: str) -> list[_Loss]:
    old, new = facts.numbers(original), facts.numbers(evolved)
    pairs = _match(old, [*new, *facts.implied(evolved)])
    taken = set(pairs.values())
    free = [n for j, n in enumerate(new) if j not in taken]
    there = {(n.values[0], n.counted) for n in new}
    losses: list[_Loss] = []
    for i, number in enumerate(old):
        if i in pairs:
            continue
        alike = [n for n in free if n.ordinal == number.ordinal]
        same = (n for n in alike if n.counted == number.counted)
        twin = next(same, alike[0] if alike else None)
        if twin is not None:
            free.remove(twin)
        span = LostSpan(
            original[number.start : number.end],
            number.start,
            number.end,
            "number",
            None if twin is None else evolved[twin.start : twin.end],
        )
        losses.append(_Loss(span, _number_weight(number, twin, there)))
    return losses


def _number_weight(
    number: facts.Number, twin: facts.Number | None, there: set[tuple[Fraction, str]]
) -> float:
    if number.ordinal or (twin is None and number.values[0] == 1):
        return _ORDINAL
    if twin is None and (number.values[0], number.counted) in there:
        return _REPEATED
    if twin is None and any(value == number.values[0] for value, _ in there):
        return _REPEATED_OF_ANOTHER
    return _WEIGHT["number"]


def _match(old: Sequence[facts.Number], new: Sequence[facts.Number]) -> dict[int, int]:
    """Pair the numbers off: equal as written first, then equal by unit or percentage."""
    pairs: dict[int, int] = {}

    def pair(agree: Callable[[facts.Number, facts.Number], bool]) -> None:
        taken = set(pairs.values())
        for i, a in enumerate(old):
            if i in pairs:
                continue
            for j, b in enumerate(new):
                if j not in taken and agree(a, b):
                    pairs[i] = j
                    taken.add(j)
                    break

    pair(lambda a, b: a.values[0] == b.values[0] and a.counted == b.counted)
    pair(lambda a, b: a.values[0] == b.values[0])
    pair(lambda a, b: bool(set(a.values) & set(b.values)))
    return pairs


def _negations_lost(original: str, evolved: str) -> list[_Loss]:
    """Negators whose next word of content is still there, but nowhere under a negator."""
    old, new = words(original), words(evolved)
    negated = _scopes(new)
    under = {s for _, scope in negated for s in scope}
    stems = {w.stem for w in new}
    losses: list[_Loss] = []
    for word, scope in _scopes(old):
        if scope & stems and not scope & under and len(negated) < len(_scopes(old)):
            place = facts.Place(word.text, word.start, word.end)
            losses.append(_lose(original, place, "negation"))
    return losses


def _scopes(tokens: Sequence[Word]) -> list[tuple[Word, set[str]]]:
    functional = {w.stem for w in tokens} - {
        w.stem for w in content(" ".join(w.text for w in tokens))
    }
    found: list[tuple[Word, set[str]]] = []
    for i, word in enumerate(tokens):
        if word.stem in NEGATORS:
            scope = [w.stem for w in tokens[i + 1 : i + 7] if w.stem not in functional]
            found.append((word, set(scope[:2])))
    return found


# Clauses ----------------------------------------------------------------------------------------

_BOUND = re.compile(
    r"\b(?:must|should|only|at (?:least|most)|no (?:more|less|fewer) than|exceed|limit|words?|"
    r"sentences?|ensure|make sure|do not|don't|avoid|without|format|include|exactly|need to)\b",
    re.I,
)
#: A clause less covered than this is named among the lost spans.
_COVERED = 0.5
#: How much a clause says of which nothing at all is left.
_WHOLE_CLAUSE = 0.9


def _clauses_lost(original: str, evolved: str, embedder: Embedder | None) -> list[_Loss]:
    spans = clauses(original)
    covers = cover([original[s:e] for s, e in spans], evolved, embedder, enough=_COVERED)
    losses: list[_Loss] = []
    for (start, end), share in zip(spans, covers, strict=True):
        text = original[start:end]
        if share < _COVERED:
            kind: Kind = "constraint" if _BOUND.search(plain(text)) else "topic"
            weight = _WHOLE_CLAUSE * (1.0 - share / _COVERED)
            losses.append(_Loss(LostSpan(text, start, end, kind), weight))
    return losses
