"""Lost clauses: what is covered neither by its words nor by its meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evolsynth.evaluation.information_loss.alignment import Alignment, Gap, copying, gap
from evolsynth.evaluation.information_loss.reading import Kind, Loss, Reading, Token
from evolsynth.evaluation.information_loss.synonyms import siblings
from evolsynth.evaluation.text.numbers import UNITS
from evolsynth.evaluation.text.verbs import VERB, asks
from evolsynth.evaluation.text.words import NEGATORS, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.base import Embedder

__all__ = ["clauses_lost", "replaced"]

_BOUND = re.compile(
    r"\b(?:must|should|only|at (?:least|most)|no (?:more|less|fewer) than|exceed|limit|words?|"
    r"sentences?|ensure|make sure|do not|don't|avoid|without|format|include|exactly|need to)\b",
    re.I,
)
#: Sentences that only lead over to something.
_LEADS = re.compile(
    r"\W*(?:please |now |then )*(?:(?:read|look|think|study|consider|take)\b.{0,40}\b"
    r"(?:carefully|closely|below|above|care|time)|these are|here(?:'s| is| are| comes?)|"
    r"below (?:is|are|you)|the following|i(?:'d| would|'m|'ll| will)? (?:really )?"
    r"(?:be (?:glad|happy|grateful)|appreciate|like some|hope|seek)|thanks?|let me know|"
    r"e\.g|i\.e|such as|for (?:example|instance))\b.{0,60}",
    re.I | re.S,
)
#: Cosines (MiniLM) at which a clause counts as not covered at all, and as fully covered; both are
#: higher where the rest was copied, since then nothing speaks for a paraphrase just here.
_FAR, _NEAR, _FAR_COPIED, _NEAR_COPIED = 0.4, 0.7, 0.5, 0.9
#: A clause is looked at by meaning below the one, and lost below the other.
_ENOUGH, _COVERED = 0.6, 0.5
#: How far a likeness of meaning may stand for words that are not there.
_BELIEF = 0.85
#: What the least covered of the clauses that are not lost says.
_RESIDUE = 0.1
#: What a word says that is gone from the data of a request ("plum" of "sort these: plum, fig").
_OF_DATA = 0.7


class _Clause(NamedTuple):
    start: int
    end: int
    own: list[int]
    mass: float
    data: bool


def clauses_lost(
    old: Reading, new: Reading, made: Alignment, embedder: Embedder | None
) -> list[Loss]:
    """Clauses that are gone, and words taken out of those that are left."""
    found = [_clause(old, span) for span in old.segments]
    windows = _windows(new)
    inside = [new.inside(*w) for w in windows]
    covers = [_cover(old, made, clause, inside) for clause in found]
    weak = [
        s
        for s, cover in enumerate(covers)
        if cover < _ENOUGH and found[s].mass >= 1 and not found[s].data
    ]
    meant = (
        {} if embedder is None else _meant(old, new, made, found, weak, windows, inside, embedder)
    )
    losses: list[Loss] = []
    residue, worst = 0.0, (0, 0)
    for s, clause in enumerate(found):
        cover = covers[s] + (1.0 - covers[s]) * _BELIEF * meant.get(s, 0.0)
        start, end = clause.start, clause.end
        if cover < _COVERED:
            weight = _size(old, made, clause) * (1.0 - cover / _COVERED) ** 0.8
            losses.append(old.lose(start, end, _kind(old.text[start:end]), 0.95 * weight))
            if not _leads_over(old, clause):
                losses += _taken_out(old, new, made, clause, embedder)
            continue
        left = 0.35 * (1.0 - cover) * min(1.0, clause.mass / 3)
        if left > residue:
            residue, worst = left, (start, end)
        losses += _taken_out(old, new, made, clause, embedder)
    if residue:
        losses.append(old.lose(*worst, "topic", min(residue, _RESIDUE)))
    losses += _gone_from_a_short_one(old, made)
    return losses


def _clause(old: Reading, span: tuple[int, int]) -> _Clause:
    own = old.inside(*span)
    mass = sum(max(old.tokens[i].weight, 0.5 * (old.tokens[i].number >= 0)) for i in own)
    return _Clause(*span, own, mass, _is_data(old.text, span))


def _kind(text: str) -> Kind:
    if text.rstrip().endswith("?"):
        return "sub-question"
    return "constraint" if _BOUND.search(text) else "topic"


def _is_data(text: str, span: tuple[int, int]) -> bool:
    """Whether a piece is what a request is about, a few words or a list of them: after a colon,
    or the last piece."""
    start, end = span
    before, piece = text[:start].rstrip(), text[start:end].rstrip()
    listed = len(words(piece)) <= 3 * (1 + piece.count(",")) and piece.count(",") >= 1
    if not before or not (len(words(piece)) <= 6 or listed):
        return False
    last = end >= len(text.rstrip()) - 1 and piece[-1:] not in "?!"
    return before[-1] == ":" or (before[-1] in ".?" and last and not VERB.match(piece))


def _size(old: Reading, made: Alignment, clause: _Clause) -> float:
    """How much the loss of all of a clause says."""
    if _leads_over(old, clause):
        return 0.2
    copied = copying(made, clause.own, around=clause.own[0] if clause.own else 0)
    size = min(1.0, 0.35 + 0.3 * max(0.0, copied - 0.5) / 0.5 + 0.2 * clause.mass)
    if clause.data:
        return max(size, 0.7)
    return max(size, 0.9) if asks(old.text[clause.start : clause.end]) else size


def _leads_over(old: Reading, clause: _Clause) -> bool:
    return bool(_LEADS.fullmatch(old.text[clause.start : clause.end]))


def _windows(new: Reading) -> list[tuple[int, int]]:
    """Each piece of the evolution, and each pair of neighbours: a paraphrase moves borders."""
    spans = new.segments
    return list(dict.fromkeys([*spans, *((a, d) for (a, _), (_, d) in pairwise(spans))]))


def _cover(
    old: Reading, made: Alignment, clause: _Clause, inside: Sequence[Sequence[int]]
) -> float:
    """The share of a clause's content that the evolution has, most of it in one place."""
    weights = {i: max(old.tokens[i].weight, float(old.tokens[i].number >= 0)) for i in clause.own}
    if not any(old.tokens[i].weight > 0 for i in clause.own):
        return 1.0
    kept = {i: made.kept[i] if made.same[i] or not clause.data else 0.0 for i in clause.own}
    whole = sum(weights.values())
    anywhere = sum(weights[i] * kept[i] for i in clause.own) / whole
    at: dict[int, float] = {}
    for i in clause.own:
        if made.place[i] >= 0:
            at[made.place[i]] = at.get(made.place[i], 0.0) + weights[i] * kept[i]
    near = max((sum(at.get(j, 0.0) for j in window) for window in inside), default=0.0) / whole
    return 0.3 * anywhere + 0.7 * near


def _meant(
    old: Reading,
    new: Reading,
    made: Alignment,
    found: Sequence[_Clause],
    weak: Sequence[int],
    windows: Sequence[tuple[int, int]],
    inside: Sequence[Sequence[int]],
    embedder: Embedder,
) -> dict[int, float]:
    """How far the evolution says each weak clause in other words, in [0, 1]."""
    if not weak or not windows:
        return {}
    texts = [old.text[found[s].start : found[s].end] for s in weak]
    candidates = [new.text[slice(*w)] for w in windows]
    cosines = _cosines(texts, candidates, embedder)
    meant: dict[int, float] = {}
    for row, s in enumerate(weak):
        own = set(found[s].own)
        copied = copying(made, found[s].own, around=found[s].own[0])
        far = _FAR + (_FAR_COPIED - _FAR) * copied
        near = _NEAR + (_NEAR_COPIED - _NEAR) * copied
        best = 0.0
        for w, window in enumerate(inside):
            cosine = float(cosines[row, w])
            if _asks(texts[row]) and _asks(candidates[w]):
                cosine += 0.08
            cover = (cosine - far) / (near - far)
            taken = max(0.0, _claimed(new, made, window, own) - 0.3) / 0.7
            best = max(best, cover * (1.0 - copied * min(taken, 1.0)))
        meant[s] = round(min(max(best, 0.0), 1.0), 4)
    return meant


#: Windows of the evolution that a clause is compared with, the likeliest by static vectors.
_LOOKED_AT = 2


def _cosines(
    texts: Sequence[str], candidates: Sequence[str], embedder: Embedder
) -> NDArray[np.float32]:
    """Of shape (texts, candidates); 0 where two look so unlike that they are not compared."""
    rough = getattr(embedder, "rough", None)
    if rough is None or len(candidates) <= _LOOKED_AT:
        vectors = embedder.embed([*texts, *candidates])
        made: NDArray[np.float32] = vectors[: len(texts)] @ vectors[len(texts) :].T
        return made
    static = rough().embed([*texts, *candidates])
    likely = static[: len(texts)] @ static[len(texts) :].T
    made = np.zeros(likely.shape, dtype=np.float32)
    for row, text in enumerate(texts):
        best = np.argsort(-np.round(likely[row], 5), kind="stable")[:_LOOKED_AT]
        vectors = embedder.embed([text, *(candidates[w] for w in best)])
        made[row, best] = vectors[1:] @ vectors[0]
    return made


def _claimed(new: Reading, made: Alignment, window: Sequence[int], own: set[int]) -> float:
    """The share of a window's content that was copied from other clauses."""
    whole = sum(new.tokens[j].weight for j in window)
    claimed = sum(
        new.tokens[j].weight
        for j in window
        if made.of[j] >= 0 and made.same[made.of[j]] and made.of[j] not in own
    )
    return claimed / whole if whole else 0.0


def _asks(text: str) -> bool:
    find = r"(?:can you |could you |please )?(?:calculate|determine|find|compute)\b"
    return text.rstrip().endswith("?") or bool(re.match(find, text, re.I))


#: What a word says that was replaced in a copied sentence of a language that is not known.
_REPLACED = 0.7


def replaced(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """What was taken out of copied text or replaced there, told without knowing the language."""
    losses: list[Loss] = []
    done = -1
    for i, token in enumerate(old.tokens):
        if i < done or made.same[i] or token.weight <= 0:
            continue
        hole = gap(made, i)
        done = hole.end
        copied = copying(made, range(hole.start, hole.end), around=i)
        moved = any(made.of[j] >= 0 for j in range(hole.begin, hole.stop))  # the order is another
        if not hole.tight or moved or copied < 0.6 or hole.end - hole.start > 4:
            continue
        came = [t for t in new.tokens[hole.begin : hole.stop] if t.weight > 0]
        became = new.text[came[0].start : came[-1].end] if came else None
        first, last = old.tokens[hole.start], old.tokens[hole.end - 1]
        losses.append(old.lose(first.start, last.end, "topic", _REPLACED, became))
    return losses


def _gone_from_a_short_one(old: Reading, made: Alignment) -> list[Loss]:
    """In a short request each word counts: those of which nothing is left, below the threshold."""
    heavy = [i for i, t in enumerate(old.tokens) if t.weight == 1]
    gone = [i for i in heavy if made.kept[i] < 0.2 and not VERB.fullmatch(old.tokens[i].text)]
    gone = [i for i in gone if not _restated_unit(old, made, i)]
    if len(heavy) > 6 or not gone:
        return []
    weight = min(0.2 * len(gone), 0.4)
    word = old.tokens[gone[0]]
    return [old.lose(word.start, word.end, "topic", weight)]


def _taken_out(
    old: Reading, new: Reading, made: Alignment, clause: _Clause, embedder: Embedder | None
) -> list[Loss]:
    """Words taken out of a sentence that is else as it was, or replaced by what excludes them."""
    losses: list[Loss] = []
    kind: Kind = "constraint" if _BOUND.search(old.text, clause.start, clause.end) else "topic"
    done = -1
    for i in clause.own:
        if i < done or old.tokens[i].weight <= 0 or made.same[i]:
            continue
        if clause.data and old.tokens[i].weight == 1:
            losses.append(old.lose(old.tokens[i].start, old.tokens[i].end, "topic", _OF_DATA))
            continue
        if made.kept[i] > 0.4 or _restated_unit(old, made, i):
            continue
        hole = gap(made, i)
        done = hole.end
        if not hole.tight:
            continue
        span = range(hole.start, hole.end)
        gone = [k for k in span if old.tokens[k].weight > 0 and made.kept[k] <= 0.5]
        came = [
            new.tokens[j]
            for j in range(hole.begin, hole.stop)
            if made.of[j] < 0 and new.tokens[j].weight > 0
        ]
        weight = _weight_of(old, new, gone, came, hole, embedder)
        copied = min(max(0.0, copying(made, list(span), around=i) - 0.5) / 0.4, 1.0)
        if not came and len(old.tokens) <= _SHORT and not _named_after(old, hole):
            copied = max(copied, _BESIDE * _copied_beside(made, hole))
        weight *= copied
        became = new.text[came[0].start : came[-1].end] if came else None
        first, last = old.tokens[gone[0]], old.tokens[gone[-1]]
        losses.append(old.lose(first.start, last.end, kind, weight, became))
    return losses


#: The cosine up to which what came has nothing to do with what is gone.
_STRANGER = 0.3


#: What a word says that was taken out of a copied phrase in a short request, where all else was
#: rewritten; and how many words such a request has.
_BESIDE, _SHORT = 0.9, 25


def _copied_beside(made: Alignment, hole: Gap) -> bool:
    """Whether two words before a hole and one after it (or the end) were copied as they are."""
    first, last, j = hole.start - 1, hole.end, hole.begin - 1
    before = [k for k in range(first, first - 2, -1) if k >= 0]
    row = all(made.same[k] and made.place[k] == j - n for n, k in enumerate(before))
    after = last >= len(made.place) or (made.same[last] and made.place[last] == hole.stop)
    return len(before) == 2 and row and after


def _named_after(old: Reading, hole: Gap) -> bool:
    """Whether what follows a hole says itself what it is: "the fraction 7/8", "the word 'sea'"."""
    if hole.end >= len(old.tokens):
        return False
    follows = old.tokens[hole.end]
    mark = old.plain[old.tokens[hole.end - 1].end : follows.start].strip()
    return follows.number >= 0 or mark in ("'", '"', "`", ":", "(")


def _restated_unit(old: Reading, made: Alignment, i: int) -> bool:
    """Whether a token is the unit of a number that stands elsewhere or in another form.

    Then the two are compared as one quantity: "45 minutes" may be "three quarters of an hour".
    """
    if old.tokens[i].text.casefold() not in UNITS:
        return False
    k = i - 1
    while k > i - 3 and k > 0 and old.tokens[k].text.casefold() in ("of", "a", "an"):
        k -= 1
    return k >= 0 and old.tokens[k].number >= 0 and not made.same[k]


def _weight_of(
    old: Reading,
    new: Reading,
    gone: Sequence[int],
    came: Sequence[Token],
    hole: Gap,
    embedder: Embedder | None,
) -> float:
    mass = sum(old.tokens[k].weight for k in gone)
    if any(siblings(old.tokens[k].key, t.key) for k in gone for t in came):
        denied = [
            any(t.key in NEGATORS for t in part)
            for part in (old.tokens[hole.start : hole.end], new.tokens[hole.begin : hole.stop])
        ]
        return 0.65 if denied[0] == denied[1] else 0.1
    if not came:
        return min(0.9, 0.5 * min(mass, 1.0) + 0.2 * mass)
    errand = (
        len(gone) == len(came) == 1
        and VERB.fullmatch(old.tokens[gone[0]].text)
        and VERB.fullmatch(came[0].text)
    )
    if embedder is None or errand or mass < 1:
        return 0.1 * min(mass, 3)
    before = old.text[old.tokens[hole.start].start : old.tokens[hole.end - 1].end]
    after = new.text[new.tokens[hole.begin].start : new.tokens[hole.stop - 1].end]
    vectors = embedder.embed([before, after])
    cosine = float(vectors[0] @ vectors[1])
    added = (
        hole.stop >= len(new.tokens) - 1
    )  # what stands at the end may have nothing to do with it
    stranger = _STRANGER if len(came) <= 3 or added else 0.1
    alike = min(max((cosine - stranger) / 0.25, 0.0), 1.0)
    return 0.62 * (1.0 - alike) + 0.1 * alike
