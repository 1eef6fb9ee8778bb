"""Lost clauses: what is covered neither by its words nor by its meaning."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evolsynth.evaluation.embed.base import HasStatic
from evolsynth.evaluation.information_loss.alignment import (
    Alignment,
    Gap,
    copying,
    gap,
    siblings,
)
from evolsynth.evaluation.information_loss.reading import MEANT, Kind, Loss, Reading, Token
from evolsynth.evaluation.text.numbers import UNITS
from evolsynth.evaluation.text.verbs import VERB, asks
from evolsynth.evaluation.text.words import NEGATORS, vocabulary, words

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
#: Weak clauses, and words of an original, from which on static vectors stand in for the model,
#: which would take most of a second for such a text.
_MANY, _LONG = 8, 180
#: How far a likeness of meaning may stand for words that are not there.
_BELIEF = 0.85
#: What the least covered of the clauses that are not lost says.
_RESIDUE = 0.1
#: What a word says that is gone from the data of a request ("plum" of "sort these: plum, fig").
_OF_DATA = 0.7


class _Rough:
    """An embedder's static vectors in its place."""

    def __init__(self, static: Embedder) -> None:
        self.name, self.embed = static.name, static.embed


#: What brings cosines of static vectors to MiniLM's: least squares on the nearest two clauses of
#: 1,500 (correlation 0.59).
_SLOPE, _SHIFT = 1.14, -0.3


def _products(
    one: NDArray[np.float32], other: NDArray[np.float32], embedder: Embedder
) -> NDArray[np.float32]:
    """Cosines of the rows of two arrays of an embedder's vectors, of shape (n, m)."""
    found: NDArray[np.float32] = one @ other.T
    return (
        np.float32(_SLOPE) * found + np.float32(_SHIFT) if isinstance(embedder, _Rough) else found
    )


class _Clause(NamedTuple):
    text: str
    start: int
    end: int
    own: list[int]
    mass: float
    data: bool


class _Window(NamedTuple):
    text: str
    tokens: list[int]


def clauses_lost(
    old: Reading, new: Reading, made: Alignment, embedder: Embedder | None
) -> tuple[list[Loss], bool]:
    """Clauses that are gone, and words taken out of those that are left; and whether there were
    too many to look at all of them by their meaning."""
    found = [_clause(old, span) for span in old.segments]
    windows = _windows(new)
    around = _around(windows)
    covers = [_cover(old, made, clause, around) for clause in found]
    weak = [s for s, c in enumerate(found) if covers[s] < _ENOUGH and c.mass >= 1 and not c.data]
    too_many = embedder is not None and len(weak) > MEANT
    if too_many:  # no word on those that are not looked at
        asked = {weak[k * len(weak) // MEANT] for k in range(MEANT)}
        for s in set(weak) - asked:
            covers[s] = 1.0
        weak = sorted(asked)
    if isinstance(embedder, HasStatic) and (len(weak) > _MANY or len(old.tokens) > _LONG):
        embedder = _Rough(embedder.rough())
    if embedder is not None and weak and windows:
        meant = _meant(new, made, [found[s] for s in weak], windows, embedder)
        for s, share in zip(weak, meant, strict=True):
            covers[s] += (1.0 - covers[s]) * _BELIEF * share
    losses: list[Loss] = []
    residue, worst = 0.0, (0, 0)
    for clause, cover in zip(found, covers, strict=True):
        if cover < _COVERED:
            weight = _size(old, made, clause) * (1.0 - cover / _COVERED) ** 0.8
            losses.append(old.lose(clause.start, clause.end, _kind(clause.text), 0.95 * weight))
        elif (left := 0.35 * (1.0 - cover) * min(1.0, clause.mass / 3)) > residue:
            residue, worst = left, (clause.start, clause.end)
        if cover >= _COVERED or not _LEADS.fullmatch(clause.text):
            losses += _taken_out(old, new, made, clause, embedder if len(losses) < MEANT else None)
    if residue:
        losses.append(old.lose(*worst, "topic", min(residue, _RESIDUE)))
    return losses + _gone_from_a_short_one(old, new, made), too_many


def _clause(old: Reading, span: tuple[int, int]) -> _Clause:
    own = old.inside(*span)
    mass = sum(max(old.tokens[i].weight, 0.5 * (old.tokens[i].number >= 0)) for i in own)
    return _Clause(old.text[slice(*span)], *span, own, mass, _is_data(old.text, span))


def _kind(text: str) -> Kind:
    if text.rstrip().endswith("?"):
        return "sub-question"
    return "constraint" if _BOUND.search(text) else "topic"


def _is_data(text: str, span: tuple[int, int]) -> bool:
    """Whether a piece is what a request is about, a few words or a list of them: after a colon,
    or the last piece."""
    start, end = span
    before, piece = text[:start].rstrip(), text[start:end].rstrip()
    count, commas = len(words(piece)), piece.count(",")
    if not before or not (count <= 6 or (commas and count <= 3 * (1 + commas))):
        return False
    last = end >= len(text.rstrip()) - 1 and piece[-1:] not in "?!"
    return before[-1] == ":" or (before[-1] in ".?" and last and not VERB.match(piece))


def _size(old: Reading, made: Alignment, clause: _Clause) -> float:
    """How much the loss of all of a clause says."""
    if _LEADS.fullmatch(clause.text):
        return 0.2
    copied = copying(made, clause.own, around=clause.own[0] if clause.own else 0)
    size = min(1.0, 0.35 + 0.3 * max(0.0, copied - 0.5) / 0.5 + 0.2 * clause.mass)
    if clause.data:
        return max(size, 0.7)
    return max(size, 0.9) if asks(clause.text) else size


def _windows(new: Reading) -> list[_Window]:
    """Each piece of the evolution, and each pair of neighbours: a paraphrase moves borders."""
    spans = new.segments
    wide = dict.fromkeys([*spans, *((a, d) for (a, _), (_, d) in pairwise(spans))])
    return [_Window(new.text[slice(*span)], new.inside(*span)) for span in wide]


def _around(windows: Sequence[_Window]) -> dict[int, list[int]]:
    """For each token of the evolution the windows that it is in, by their places."""
    found: dict[int, list[int]] = defaultdict(list)
    for place, window in enumerate(windows):
        for j in window.tokens:
            found[j].append(place)
    return found


def _cover(old: Reading, made: Alignment, clause: _Clause, around: dict[int, list[int]]) -> float:
    """The share of a clause's content that the evolution has, most of it in one place."""
    weights = {i: max(old.tokens[i].weight, float(old.tokens[i].number >= 0)) for i in clause.own}
    if not any(old.tokens[i].weight > 0 for i in clause.own):
        return 1.0
    kept = {i: made.kept[i] if made.same[i] or not clause.data else 0.0 for i in clause.own}
    whole = sum(weights.values())
    anywhere = sum(weights[i] * kept[i] for i in clause.own) / whole
    at: dict[int, float] = defaultdict(float)
    for i in clause.own:
        at[made.place[i]] += weights[i] * kept[i]
    in_window: dict[int, float] = defaultdict(float)
    for j in sorted(at):
        for place in around.get(j, ()):
            in_window[place] += at[j]
    near = max(in_window.values(), default=0.0) / whole
    return 0.3 * anywhere + 0.7 * near


def _meant(
    new: Reading,
    made: Alignment,
    weak: Sequence[_Clause],
    windows: Sequence[_Window],
    embedder: Embedder,
) -> list[float]:
    """How far the evolution says each weak clause in other words, in [0, 1]."""
    cosines = _cosines([clause.text for clause in weak], [w.text for w in windows], embedder)
    asking = [_asks(window.text) for window in windows]
    meant = []
    for clause, row in zip(weak, cosines, strict=True):
        own = set(clause.own)
        copied = copying(made, clause.own, around=clause.own[0])
        far = _FAR + (_FAR_COPIED - _FAR) * copied
        near = _NEAR + (_NEAR_COPIED - _NEAR) * copied
        best, clause_asks = 0.0, _asks(clause.text)
        for place in np.flatnonzero(row).tolist():
            cosine = float(row[place])
            if clause_asks and asking[place]:
                cosine += 0.08
            cover = (cosine - far) / (near - far)
            if cover <= best:
                continue
            taken = max(0.0, _claimed(new, made, windows[place], own) - 0.3) / 0.7
            best = max(best, cover * (1.0 - copied * min(taken, 1.0)))
        meant.append(round(min(best, 1.0), 4))
    return meant


#: Windows of the evolution that a clause is compared with, the likeliest by static vectors.
_LOOKED_AT = 2


def _cosines(
    texts: Sequence[str], candidates: Sequence[str], embedder: Embedder
) -> NDArray[np.float32]:
    """Of shape (texts, candidates); 0 where two look so unlike that they are not compared."""
    if not isinstance(embedder, HasStatic) or len(candidates) <= _LOOKED_AT:
        return _compared(texts, candidates, embedder)
    likely = _compared(texts, candidates, embedder.rough())
    made = np.zeros(likely.shape, dtype=np.float32)
    best = np.argsort(-np.round(likely, 5), axis=1, kind="stable")[:, :_LOOKED_AT]
    asked = list(dict.fromkeys([*texts, *(candidates[w] for w in best.ravel().tolist())]))
    vectors = dict(zip(asked, embedder.embed(asked), strict=True))  # at once, which is quicker
    for row, text in enumerate(texts):
        others = np.stack([vectors[candidates[w]] for w in best[row].tolist()])
        made[row, best[row]] = others @ vectors[text]
    return made


def _compared(
    texts: Sequence[str], candidates: Sequence[str], embedder: Embedder
) -> NDArray[np.float32]:
    vectors = embedder.embed([*texts, *candidates])
    return _products(vectors[: len(texts)], vectors[len(texts) :], embedder)


def _claimed(new: Reading, made: Alignment, window: _Window, own: set[int]) -> float:
    """The share of a window's content that was copied from other clauses."""
    whole = sum(new.tokens[j].weight for j in window.tokens)
    copied = [j for j in window.tokens if made.of[j] >= 0 and made.same[made.of[j]]]
    claimed = sum(new.tokens[j].weight for j in copied if made.of[j] not in own)
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
        if hole.tight and not moved and copied >= 0.6 and hole.end - hole.start <= 4:
            came = [t for t in new.tokens[hole.begin : hole.stop] if t.weight > 0]
            first, last = old.tokens[hole.start], old.tokens[hole.end - 1]
            became = new.stretch(came)
            losses.append(old.lose(first.start, last.end, "topic", _REPLACED, became))
    return losses


def _gone_from_a_short_one(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """In a short request each word counts: those of which nothing is left, below the threshold."""
    heavy = [i for i, t in enumerate(old.tokens) if t.weight == 1]
    gone = [i for i in heavy if made.kept[i] < 0.2 and not VERB.fullmatch(old.tokens[i].text)]
    gone = [i for i in gone if not _restated_unit(old, made, i)]
    gone = [i for i in gone if not _said_by_form(old, new, made, i)]
    if len(heavy) > 6 or not gone:
        return []
    word = old.tokens[gone[0]]
    return [old.lose(word.start, word.end, "topic", min(0.2 * len(gone), 0.4))]


def _taken_out(
    old: Reading, new: Reading, made: Alignment, clause: _Clause, embedder: Embedder | None
) -> list[Loss]:
    """Words taken out of a sentence that is else as it was, or replaced by what excludes them."""
    losses: list[Loss] = []
    kind: Kind = "constraint" if _BOUND.search(clause.text) else "topic"
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
        if not hole.tight or _said_by_form(old, new, made, i):
            continue
        span = range(hole.start, hole.end)
        gone = [old.tokens[k] for k in span if old.tokens[k].weight > 0 and made.kept[k] <= 0.5]
        put_in = [new.tokens[j] for j in range(hole.begin, hole.stop) if made.of[j] < 0]
        came = [t for t in put_in if t.weight > 0]
        copied = min(max(0.0, copying(made, span, around=i) - 0.5) / 0.4, 1.0)
        if not came and len(old.tokens) <= _SHORT and not _named_after(old, hole):
            copied = max(copied, _BESIDE * _copied_beside(made, hole))
        weight = _weight_of(old, new, gone, came, hole, embedder) * copied
        losses.append(old.lose(gone[0].start, gone[-1].end, kind, weight, new.stretch(came)))
    return losses


#: The cosine up to which what came has nothing to do with what is gone.
_STRANGER = 0.3


#: What a word says that was taken out of a copied phrase in a short request, where all else was
#: rewritten; and how many words such a request has.
_BESIDE, _SHORT = 0.9, 25


def _copied_beside(made: Alignment, hole: Gap) -> bool:
    """Whether two words before a hole and one after it (or the end) were copied as they are."""
    before, after = hole.start - 2, hole.end
    if before < 0 or not all(made.same[before : hole.start]):
        return False
    row = made.place[before : hole.start] == [hole.begin - 2, hole.begin - 1]
    ends = after >= len(made.place)
    return row and (ends or (made.same[after] and made.place[after] == hole.stop))


def _named_after(old: Reading, hole: Gap) -> bool:
    """Whether what follows a hole says itself what it is: "the fraction 7/8", "the word 'sea'"."""
    if hole.end >= len(old.tokens):
        return False
    mark = old.between(hole.end - 1, hole.end).strip()
    return old.tokens[hole.end].number >= 0 or mark in ("'", '"', "`", ":", "(")


def _restated_unit(old: Reading, made: Alignment, i: int) -> bool:
    """Whether a token is the unit of a number that stands elsewhere or in another form.

    Then the two are compared as one quantity: "45 minutes" may be "three quarters of an hour".
    """
    if old.tokens[i].text.casefold() not in UNITS and old.tokens[i].text != "times":
        return False
    k = i - 1
    while k > i - 3 and k > 0 and old.tokens[k].text.casefold() in ("of", "a", "an"):
        k -= 1
    if k < 0 or old.tokens[k].number < 0:
        return False
    return not made.same[k] or bool(_TIMES.fullmatch(made.evolved[made.place[k]].text))


#: Numbers that say by themselves how many times.
_TIMES = re.compile(r"once|twice|thrice|doubled?|tripled?|\w+fold", re.I)
#: Verbs that only ask for a value, as a question does; that turn a thing into another, as "make"
#: does; what may stand for a word that is still there; and nouns for what is quoted behind them.
_ASKING = vocabulary("compute calculate find determine tell state give name say decide indicate")
_TURNING = vocabulary("turn change convert transform put")
_MADE = vocabulary("make turn put change")
_FOR_A_WORD = vocabulary("it that this he she they them him her its his their those these")
_CALLED = vocabulary("letter letters word words phrase sentence term name title symbol character")


def _said_by_form(old: Reading, new: Reading, made: Alignment, i: int) -> bool:
    """Whether what a missing word said is said by how the text is put: "compute the mean" became
    "what is the mean?", "turn it into" "make of it", "the bay" "that", "the letter 's'" "'s'"."""
    word, hole = old.tokens[i].text.casefold(), gap(made, i)
    if word in _POINTED_AT and _points(old, i):
        return True
    if word in _ASKING and i + 1 < len(old.tokens):
        asked = old.tokens[i + 1].text.casefold()
        if asked in _INDIRECT and ("?" in new.text or _asks_still(old, made, i + 1)):
            return True
    if word in _ASKING:
        return "?" in new.text and "?" not in old.text
    if word in _TURNING:
        instead = new.tokens[hole.begin : hole.stop]
        return any(token.text.casefold() in _MADE for token in instead)
    if word in _CALLED and i + 1 < len(old.tokens):
        quoted = old.tokens[i + 1]
        marked = old.between(i, i + 1).strip() in ("'", '"', "`")
        stands = not quoted.weight and any(token.text == quoted.text for token in new.tokens)
        return marked and (made.same[i + 1] or stands)
    if all(token.key != old.tokens[i].key for token in new.tokens):
        return False
    own = (k for k, token in enumerate(old.tokens) if token.key == old.tokens[i].key)
    before = {_before(old, k) for k in own}
    came = (j for j, token in enumerate(new.tokens) if made.of[j] < 0)
    return any(
        new.tokens[j].text.casefold() in _FOR_A_WORD and _before(new, j) in before - {None}
        for j in came
    )


#: Nouns for what stands behind them, what points at it, and how an indirect question begins.
_POINTED_AT = vocabulary(
    "claim claims statement statements sentence sentences text texts words numbers list "
    "items terms expression question questions passage paragraph phrase phrases options "
    "animals names data values letters"
)
_POINTING = vocabulary("this these following below")
_INDIRECT = vocabulary("whether if what which who how why when where")


def _points(old: Reading, i: int) -> bool:
    """Whether a noun only points at what follows behind a colon: "sort these numbers: 3, 1, 2"."""
    if not any(token.text.casefold() in _POINTING for token in old.tokens[max(0, i - 2) : i]):
        return False
    colon = old.plain.find(":", old.tokens[i].end)
    return 0 <= colon <= _sentence_end(old, i) and colon < len(old.plain.rstrip()) - 1


def _sentence_end(old: Reading, i: int) -> int:
    end = re.compile(r"[.!?\n]").search(old.plain, old.tokens[i].end)
    return len(old.plain) if end is None else end.start()


def _asks_still(old: Reading, made: Alignment, i: int) -> bool:
    """Whether two thirds of what an indirect question says are still there, to a colon or mark."""
    said = []
    for k in range(i, len(old.tokens)):
        if k > i and old.apart(k - 1, k, ".;:!?\n"):
            break
        if old.tokens[k].weight > 0 and old.tokens[k].text.casefold() not in _POINTED_AT:
            said.append(made.same[k])
    return 3 * sum(said) >= 2 * len(said) > 0


def _before(text: Reading, i: int) -> str | None:
    """The word before a token, apart from an article; None where its clause begins."""
    k = i - 1
    if k >= 0 and text.tokens[k].text.casefold() in ("a", "an", "the"):
        k -= 1
    return None if k < 0 or text.apart(k, i, ".;:!?,\n") else text.tokens[k].text.casefold()


def _weight_of(
    old: Reading,
    new: Reading,
    gone: Sequence[Token],
    came: Sequence[Token],
    hole: Gap,
    embedder: Embedder | None,
) -> float:
    mass = sum(t.weight for t in gone)
    before, after = old.tokens[hole.start : hole.end], new.tokens[hole.begin : hole.stop]
    if any(siblings(one.key, other.key) for one in gone for other in came):
        denied, still = (any(t.key in NEGATORS for t in part) for part in (before, after))
        return 0.65 if denied == still else 0.1
    if not came:
        return min(0.9, 0.5 * min(mass, 1.0) + 0.2 * mass)
    one_each = len(gone) == len(came) == 1
    errand = one_each and VERB.fullmatch(gone[0].text) and VERB.fullmatch(came[0].text)
    if embedder is None or errand or mass < 1:
        return 0.1 * min(mass, 3)
    vectors = embedder.embed([old.stretch(before) or "", new.stretch(after) or ""])
    cosine = float(_products(vectors[:1], vectors[1:], embedder)[0, 0])
    at_the_end = hole.stop >= len(new.tokens) - 1  # there it may have nothing to do with it
    stranger = _STRANGER if len(came) <= 3 or at_the_end else 0.1
    alike = min(max((cosine - stranger) / 0.25, 0.0), 1.0)
    return 0.62 * (1.0 - alike) + 0.1 * alike
