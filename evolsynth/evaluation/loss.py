"""How a loss is found: facts by alignment, then the cover of each segment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from evolsynth.evaluation import facts
from evolsynth.evaluation.alignment import BOUNDS, Alignment, Token, align, copying, siblings, tokens
from evolsynth.evaluation.cover import occurs, stems_of
from evolsynth.evaluation.meaning import WordVectors
from evolsynth.evaluation.quality import VERB, asks
from evolsynth.evaluation.segments import segments
from evolsynth.evaluation.words import NEGATORS, plain, stem, vocabulary, words

if TYPE_CHECKING:
    from evolsynth.evaluation.embed import Embedder

__all__ = ["THRESHOLD", "InformationLoss", "LostSpan", "Reading", "judge"]

Kind = Literal[
    "number",
    "quantity",
    "name",
    "quotation",
    "code",
    "option",
    "negation",
    "constraint",
    "sub-question",
    "topic",
]

THRESHOLD = 0.5


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


class Reading:
    """A text and what is found in it, each part when it is first asked for."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def numbers(self) -> list[facts.Number]:
        return facts.numbers(self.text)

    @cached_property
    def tokens(self) -> list[Token]:
        return tokens(self.text, self.numbers)

    @cached_property
    def segments(self) -> list[tuple[int, int]]:
        return segments(self.text, self.tokens)

    @cached_property
    def stems(self) -> frozenset[str]:
        return stems_of(self.text)

    @cached_property
    def flat(self) -> str:
        return re.sub(r"\s+", " ", plain(self.text)).strip().casefold()

    def inside(self, start: int, end: int) -> list[int]:
        """The tokens of a piece."""
        return [i for i, t in enumerate(self.tokens) if start <= t.start < end]


class Loss(NamedTuple):
    span: LostSpan
    weight: float


def judge(
    old: Reading, new: Reading, *, embedder: Embedder | None, threshold: float
) -> InformationLoss:
    vectors = _vectors(embedder)
    made = align(old.tokens, new.tokens, vectors)
    losses = [
        *_numbers(old, new, made),
        *_exact(old, new, made),
        *_negations(old, new, made),
        *_bounds(old, new, made),
        *_segments(old, new, made, embedder),
        *_asks_no_more(old, new),
    ]
    kept = 1.0
    for loss in losses:
        kept *= 1.0 - loss.weight
    score = round(1.0 - kept, 4)
    spans = sorted(
        (loss.span for loss in losses if loss.weight >= 0.2), key=lambda s: (s.start, s.end)
    )
    return InformationLoss(score, score >= threshold, tuple(dict.fromkeys(spans)))


_MEMORY: dict[int, tuple[Any, WordVectors]] = {}


def _vectors(embedder: Embedder | None) -> WordVectors | None:
    rough = getattr(embedder, "rough", None)
    if rough is None:
        return None
    static = rough()
    known = _MEMORY.get(id(static))
    if known is None or known[0] is not static:
        _MEMORY.clear()
        known = _MEMORY[id(static)] = (static, WordVectors(static))
    return known[1]


def _lose(
    old: Reading, start: int, end: int, kind: Kind, weight: float, became: str | None = None
) -> Loss:
    return Loss(LostSpan(old.text[start:end], start, end, kind, became), weight)


# Places -----------------------------------------------------------------------------------------


class Gap(NamedTuple):
    """What stands between the nearest paired words on both sides of a token: tokens
    ``old[start:end]`` became ``new[begin:stop]``; ``tight`` if the neighbours were copied as they are
    and nothing moved."""

    start: int
    end: int
    begin: int
    stop: int
    tight: bool


def _gap(made: Alignment, i: int) -> Gap:
    left = i - 1
    while left >= 0 and not made.same[left]:
        left -= 1
    right = i + 1
    while right < len(made.place) and not made.same[right]:
        right += 1
    begin = made.place[left] + 1 if left >= 0 else 0
    stop = made.place[right] if right < len(made.place) else len(made.evolved)
    ordered = begin <= stop and stop - begin <= 12
    before = left < 0 or (
        made.same[left] and (left == 0 or made.place[left - 1] == made.place[left] - 1)
    )
    after = right >= len(made.place) or (
        right + 1 >= len(made.place) or made.place[right + 1] == made.place[right] + 1
    )
    if right >= len(made.place):
        ordered = begin <= stop
    return Gap(left + 1, right, begin, max(begin, stop), ordered and before and after)


# Numbers ----------------------------------------------------------------------------------------

_VAGUE = vocabulary("some any few several many certain various much multiple unknown")


def _numbers(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    losses: list[Loss] = []
    free = [t.number for j, t in enumerate(new.tokens) if t.number >= 0 and made.of[j] < 0]
    implied = list(facts.implied(new.text))
    there = {n.values[0] for n in new.numbers}
    position = {t.number: j for j, t in enumerate(new.tokens) if t.number >= 0}
    missing: list[int] = []
    for i, token in enumerate(old.tokens):
        if token.number < 0:
            continue
        number = old.numbers[token.number]
        if made.same[i]:
            other = new.numbers[new.tokens[made.place[i]].number]
            if other.ordinal != number.ordinal or not _same_notation(number, other):
                losses.append(_lose(old, number.start, number.end, "number", 0.1))
            continue
        equal = next((f for f in free if set(new.numbers[f].values) & set(number.values)), None)
        if equal is not None:
            free.remove(equal)
            became = new.numbers[equal]
            losses.append(
                _lose(old, number.start, number.end, "quantity", 0.12, new.text[became.start : became.end])
            )
            continue
        inverse = next((f for f in free if _inverse(old, new, number, new.numbers[f])), None)
        if inverse is not None:
            free.remove(inverse)
            continue
        if number.values[0] == 1 and _article(new, number):
            continue
        twin = next((n for n in implied if _says_the_same(n, number)), None)
        if twin is not None:
            implied.remove(twin)
            continue
        missing.append(i)
    for i in missing:
        number = old.numbers[old.tokens[i].number]
        gap = _gap(made, i)
        near = [f for f in free if gap.begin <= position[f] < gap.stop]
        same = [f for f in free if new.numbers[f].counted == number.counted != ""]
        any_ = [f for f in free if new.numbers[f].ordinal == number.ordinal]
        choice = next(iter([*near, *same, *any_]), None)
        became_text = None
        if choice is not None:
            free.remove(choice)
            became = new.numbers[choice]
            became_text = new.text[became.start : became.end]
        else:
            vague = next((t for t in new.tokens[gap.begin : gap.stop] if t.text.casefold() in _VAGUE), None)
            became_text = vague.text if vague is not None and gap.tight else None
        weight = 0.65
        if number.ordinal:
            weight = 0.6 if gap.tight and choice is not None else 0.12
        elif choice is None and became_text is None and number.values[0] in there:
            replaced = any(t.weight > 0 for t in new.tokens[gap.begin : gap.stop])
            weight = 0.55 if gap.tight and not replaced else 0.1
        elif choice is None and number.values[0] == 1 and not gap.tight:
            weight = 0.15
        elif choice is None and number.values[0] == 2 and not gap.tight:
            weight = 0.4
        if choice is not None and _counts_a_list(old, new, number, new.numbers[choice]):
            weight = 0.15
        kind: Kind = "quantity" if number.counted else "number"
        losses.append(_lose(old, number.start, number.end, kind, weight, became_text))
    losses += _one_made_vague(old, new, made)
    for f in free:
        losses += _put_in(old, new, made, new.numbers[f], position[f])
    return losses


_ITEM = re.compile(r"(?m)^[ \t]*(?:\(?\d{1,2}[.)]|[-*\u2022])[ \t]")


def _counts_a_list(old: Reading, new: Reading, one: facts.Number, other: facts.Number) -> bool:
    """Whether a count grew with the list that it counts: "the 2 items" above a list that got a third."""
    items = len(_ITEM.findall(old.text)), len(_ITEM.findall(new.text))
    grown = other.values[0] - one.values[0] == items[1] - max(items[0], 1 if one.values[0] == 1 else 0)
    return items[1] > items[0] and (grown or other.values[0] == items[1])


def _one_made_vague(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """"He has one before" that became "he has some before"."""
    losses = []
    for i, token in enumerate(old.tokens):
        if token.text.casefold() != "one" or made.same[i]:
            continue
        gap = _gap(made, i)
        vague = next((t for t in new.tokens[gap.begin : gap.stop] if t.text.casefold() in _VAGUE), None)
        if gap.tight and vague is not None:
            losses.append(_lose(old, token.start, token.end, "number", 0.55, vague.text))
    return losses


def _says_the_same(implied: facts.Number, number: facts.Number) -> bool:
    """Whether "an hour" says this number: 60 minutes, or 1 hour."""
    if implied.counted == number.counted and number.values[0] == 1:
        return True
    return bool(set(implied.values[1:]) & set(number.values))


_TIMES_LESS = re.compile(r"\W+times\s+(?:fewer|less|smaller|slower|lower|as few|as little)", re.I)


def _inverse(old: Reading, new: Reading, one: facts.Number, other: facts.Number) -> bool:
    """Whether one says "3 times fewer" and the other "a third"."""
    if one.values[0] * other.values[0] != 1:
        return False
    return bool(_TIMES_LESS.match(old.text, one.end) or _TIMES_LESS.match(new.text, other.end))


def _article(new: Reading, number: facts.Number) -> bool:
    """Whether "1 box" became "a box"."""
    return bool(number.counted) and any(
        t.key == number.counted
        and any(u.text.casefold() in _ONE for u in new.tokens[max(0, j - 3) : j])
        for j, t in enumerate(new.tokens)
    )


_ONE = vocabulary("a an one single each every per another")


def _same_notation(one: facts.Number, other: facts.Number) -> bool:
    decimal = "." in other.text and "." not in one.text and other.values[0].denominator > 1
    return len(one.values) == len(other.values) and not decimal


def _put_in(
    old: Reading, new: Reading, made: Alignment, number: facts.Number, j: int
) -> list[Loss]:
    """A number put in the place of an article: "a glass" became "two glasses", "0.5 of an hour"."""
    left = j - 1
    while left >= 0 and (made.of[left] < 0 or not made.same[made.of[left]]):
        left -= 1
    right = j + 1
    while right < len(made.of) and (made.of[right] < 0 or not made.same[made.of[right]]):
        right += 1
    if left < 0 or right >= len(made.of) or right - left > 5:
        return []
    i, k = made.of[left], made.of[right]
    between = old.tokens[i + 1 : k]
    tail = new.tokens[j + 1 : right + 1]
    part = any(t.key in ("of", "tim") for t in tail[:1])
    article = [t for t in between if t.key in ("a", "an", "on", "one", "each", "anoth", "the", "his", "her")]
    if 0 <= k - i - 1 <= 2 and len(between) == len(article):
        if article and new.tokens[right].number < 0 and old.tokens[k].weight > 0:
            span = article[0]
            return [_lose(old, span.start, old.tokens[k].end, "quantity", 0.55, new.text[number.start:number.end])]
        if part and k == i + 1 and right - j <= 3 and old.tokens[k].weight > 0:
            span = old.tokens[k]
            return [_lose(old, span.start, span.end, "quantity", 0.55, new.text[number.start:number.end])]
    return []


# Names, quotations, code, options -----------------------------------------------------------------


def _exact(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    lost: list[Loss] = []
    squeezed = re.sub(r"\W+", " ", new.flat)

    def check(
        kind: Kind, weight: float, places: Iterable[facts.Place], is_kept: Callable[[str], bool]
    ) -> None:
        seen: set[str] = set()
        for place in places:
            key = place.text.casefold()
            if key not in seen and not is_kept(place.text):
                lost.append(_lose(old, place.start, place.end, kind, weight))
            seen.add(key)

    check("quotation", 0.5, facts.quotations(old.text), lambda t: _quoted(t, squeezed, new.stems))
    check("code", 0.5, facts.code(old.text), lambda t: re.sub(r"\s+", " ", plain(t)).casefold().strip("` ") in new.flat)
    check("name", 0.3, facts.names(old.text), lambda t: _named(t, new.text, new.stems))
    check("option", 0.1 + 0.2 * copying(made), facts.options(old.text), lambda t: occurs(stem(t), new.stems))
    return lost


def _quoted(text: str, squeezed: str, stems: frozenset[str]) -> bool:
    key = re.sub(r"\W+", " ", plain(text).casefold()).strip()
    if key in squeezed:
        return True
    said = {w.stem for w in words(text)}
    return len(said) > 3 and len(said & stems) >= 0.75 * len(said)


def _named(name: str, evolved: str, stems: frozenset[str]) -> bool:
    parts = [w for w in words(name) if w.text[0].isupper()]
    there = [occurs(w.stem, stems) for w in parts]
    if not parts or there[-1] or sum(there) >= 2 / 3 * len(there):
        return True
    initials = "".join(w.text[0] for w in parts)
    short = name.replace(".", "")
    spelled = "".join(w.text[0] for w in words(evolved) if w.text[0].isupper())
    return (len(initials) > 1 and initials.casefold() in stems) or bool(
        len(short) > 1
        and short.isupper()
        and (short in spelled or re.search(rf"\b{'[a-z]*'.join(short)}", evolved, re.I) is not None)
    )


# Negations and bounds ---------------------------------------------------------------------------

_AVERSE = re.compile(
    r"\b(?:avoid\w*|steer(?:ing)? clear|refrain\w*|exclud\w+|omit\w*|leav(?:e|ing) out|skip\w*|free of|apart from|aside from|besides|but for|save for|minus|"
    r"lack\w*|except\w*|other than|rather than|instead of|unlike|un\w{4,}|dis\w{4,}|non-?\w+|\w+less|"
    r"never|no|not|nor|none|neither|without|cannot|\w+n't|fail\w*|prohibit\w*|forbid\w*|bar(?:red)?|stay away|only)\b",
    re.I,
)


def _negations(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """A negator whose next words of content are still there while nothing near them denies."""
    losses: list[Loss] = []
    flat = plain(new.text)
    for i, token in enumerate(old.tokens):
        if token.key not in NEGATORS or made.same[i] or token.key in ("instead", "free", "lack"):
            continue
        scope = [k for k in range(i + 1, min(i + 8, len(old.tokens))) if old.tokens[k].weight > 0][:2]
        places = [made.place[k] for k in scope if made.same[k]]
        if not places:
            continue
        first = new.tokens[max(0, min(places) - 7)].start
        last = new.tokens[min(len(new.tokens) - 1, min(places) + 1)].end
        if not _AVERSE.search(flat, first, last) and not any(
            p.search(flat, first, last) for p in BOUNDS.values()
        ):
            end = old.tokens[scope[0]].end
            losses.append(_lose(old, token.start, end, "negation", 0.6 if _gap(made, i).tight else 0.4))
    for j, token in enumerate(new.tokens):
        if token.key in NEGATORS and made.of[j] < 0:
            scope = [k for k in range(j + 1, min(j + 4, len(new.tokens))) if new.tokens[k].weight > 0][:1]
            scope = [k for k in scope if not re.search(r"[.;:!?\n]", new.text[token.end : new.tokens[k].start])]
            for k in scope:
                i = made.of[k]
                if i < 0 or not made.same[i] or k + 1 >= len(new.tokens):
                    continue
                copied = i + 1 < len(made.place) and made.place[i + 1] == k + 1
                denied = _AVERSE.search(plain(old.text), old.tokens[max(0, i - 6)].start, old.tokens[i].start)
                if copied and not denied:
                    word = old.tokens[i]
                    losses.append(_lose(old, word.start, word.end, "negation", 0.5, f"{token.text} {word.text}"))
    return losses


def _bounds(old: Reading, new: Reading, made: Alignment) -> list[Loss]:
    """"At least" that became "at most" before the same number."""
    losses: list[Loss] = []
    opposite = {"<=": ">=", ">=": "<="}
    for i, token in enumerate(old.tokens):
        if token.key not in opposite or made.same[i]:
            continue
        after = next((k for k in range(i + 1, min(i + 5, len(old.tokens))) if old.tokens[k].number >= 0), None)
        if after is None or not made.same[after]:
            continue
        j = made.place[after]
        around = {t.key for t in new.tokens[max(0, j - 4) : j + 4]}
        if opposite[token.key] in around and token.key not in around:
            losses.append(_lose(old, token.start, old.tokens[after].end, "constraint", 0.6))
    return losses


def _asks_no_more(old: Reading, new: Reading) -> list[Loss]:
    """A request that became a statement, such as an answer to it."""
    if asks(old.text) and not asks(new.text):
        first = old.segments[0] if old.segments else (0, len(old.text))
        return [_lose(old, *first, "topic", 0.5)]
    return []


# Segments ---------------------------------------------------------------------------------------

_BOUND = re.compile(
    r"\b(?:must|should|only|at (?:least|most)|no (?:more|less|fewer) than|exceed|limit|words?|"
    r"sentences?|ensure|make sure|do not|don't|avoid|without|format|include|exactly|need to)\b",
    re.I,
)
_QUESTION = re.compile(r"\?|\b(?:how|what|why|who|which|when|where|calculate|determine|find|compute)\b", re.I)
_FAR, _NEAR = 0.45, 0.8
_ENOUGH = 0.6
#: How far a likeness of meaning may stand for words that are not there.
_BELIEF = 0.85


def _segments(old: Reading, new: Reading, made: Alignment, embedder: Embedder | None) -> list[Loss]:
    spans = old.segments
    owners = [old.inside(*span) for span in spans]
    windows = _windows(new)
    inside = [new.inside(*w) for w in windows]
    owner_of = {i: s for s, own in enumerate(owners) for i in own}
    losses: list[Loss] = []
    covers = [_cover(old, made, own, inside) for own in owners]
    weak = [s for s, c in enumerate(covers) if c < _ENOUGH and _mass(old, owners[s]) >= 1]
    meant = _meant(old, new, made, spans, weak, windows, inside, owner_of, embedder) if embedder else {}
    payloads = {s for s, span in enumerate(spans) if _is_payload(old.text, span)}
    residue, where = 0.0, (0.0, 0)
    for s, (start, end) in enumerate(spans):
        cover = covers[s] + (1.0 - covers[s]) * _BELIEF * meant.get(s, 0.0)
        mass = _mass(old, owners[s])
        if cover < 0.5:
            text = old.text[start:end]
            kind: Kind = (
                "sub-question"
                if text.rstrip().endswith("?")
                else "constraint"
                if _BOUND.search(plain(text))
                else "topic"
            )
            faithful = copying(made, owners[s])
            size = min(1.0, 0.35 + 0.3 * max(0.0, faithful - 0.5) / 0.5 + 0.2 * mass)
            if s in payloads:
                size = max(size, 0.7)
            losses.append(_lose(old, start, end, kind, 0.95 * size * (1.0 - cover / 0.5) ** 0.8))
        else:
            if cover < 1.0:
                residue = max(residue, 0.35 * (1.0 - cover) * min(1.0, mass / 3))
                where = max(where, (residue, s))
            losses += _taken_out(old, new, made, owners[s], embedder)
    if residue:
        start, end = spans[where[1]]
        losses.append(_lose(old, start, end, "topic", min(residue, 0.19)))
    return losses


def _is_payload(text: str, span: tuple[int, int]) -> bool:
    """Whether a piece is what a request is about: a few words after a colon or at the end."""
    start, end = span
    before = text[:start].rstrip()
    short = len(words(text[start:end])) <= 8
    return short and bool(before) and (before[-1] == ":" or (before[-1] in ".?" and end >= len(text.rstrip()) - 1 and text[start:end].rstrip()[-1:] not in "?!"))


def _mass(old: Reading, own: Sequence[int]) -> float:
    return sum(old.tokens[i].weight + (0.5 if old.tokens[i].number >= 0 else 0) for i in own)


def _windows(new: Reading) -> list[tuple[int, int]]:
    spans = new.segments
    return list(dict.fromkeys([*spans, *((a, d) for (a, _), (_, d) in pairwise(spans))]))


def _cover(old: Reading, made: Alignment, own: Sequence[int], inside: Sequence[Sequence[int]]) -> float:
    """The share of a segment's content that the evolution has, most of it in one place."""
    weights = {i: max(old.tokens[i].weight, float(old.tokens[i].number >= 0)) for i in own}
    heavy = [i for i in own if weights[i] > 0]
    if not any(old.tokens[i].weight > 0 for i in own):
        return 1.0
    whole = sum(weights.values())
    anywhere = sum(weights[i] * made.kept[i] for i in heavy) / whole
    at: dict[int, float] = {}
    for i in heavy:
        if made.place[i] >= 0:
            at[made.place[i]] = at.get(made.place[i], 0.0) + weights[i] * made.kept[i]
    near = max((sum(at.get(j, 0.0) for j in window) for window in inside), default=0.0) / whole
    return 0.3 * anywhere + 0.7 * near


def _meant(
    old: Reading,
    new: Reading,
    made: Alignment,
    spans: Sequence[tuple[int, int]],
    weak: Sequence[int],
    windows: Sequence[tuple[int, int]],
    inside: Sequence[Sequence[int]],
    owner_of: dict[int, int],
    embedder: Embedder,
) -> dict[int, float]:
    if not weak or not windows:
        return {}
    texts = [old.text[slice(*spans[s])] for s in weak]
    candidates = [new.text[slice(*w)] for w in windows]
    vectors = embedder.embed([*texts, *candidates])
    cosines = vectors[: len(weak)] @ vectors[len(weak) :].T
    found: dict[int, float] = {}
    for row, s in enumerate(weak):
        best = 0.0
        faithful = copying(made, old.inside(*spans[s]))
        for w, window in enumerate(inside):
            heavy = [j for j in window if new.tokens[j].weight > 0]
            whole = sum(new.tokens[j].weight for j in heavy) or 1.0
            claimed = sum(
                new.tokens[j].weight
                for j in heavy
                if made.of[j] >= 0 and made.same[made.of[j]] and owner_of.get(made.of[j]) != s
            )
            share = claimed / whole
            cosine = float(cosines[row, w])
            if _asks(old.text[slice(*spans[s])]) and _asks(new.text[slice(*windows[w])]):
                cosine += 0.08
            far, near = _FAR + 0.1 * (faithful - 0.5), _NEAR + 0.2 * (faithful - 0.5)
            cover = (cosine - far) / (near - far)
            cover *= 1.0 - faithful * min(max(0.0, share - 0.3) / 0.7, 1.0)
            best = max(best, min(max(cover, 0.0), 1.0))
        found[s] = round(best, 4)
    return found


def _asks(text: str) -> bool:
    return text.rstrip().endswith("?") or bool(re.match(r"(?:can you |please )?(?:calculate|determine|find|compute)\b", text, re.I))


def _taken_out(
    old: Reading, new: Reading, made: Alignment, own: Sequence[int], embedder: Embedder | None
) -> list[Loss]:
    """Words taken out of a sentence that is else as it was, or replaced by what excludes them."""
    losses: list[Loss] = []
    done = -1
    for i in own:
        token = old.tokens[i]
        if i <= done or token.weight <= 0 or made.kept[i] > 0.4:
            continue
        gap = _gap(made, i)
        done = gap.end
        if not gap.tight:
            continue
        gone = [k for k in range(gap.start, gap.end) if old.tokens[k].weight > 0 and made.kept[k] <= 0.5]
        mass = sum(old.tokens[k].weight for k in gone)
        came = [t for j, t in enumerate(new.tokens[gap.begin : gap.stop], gap.begin) if made.of[j] < 0 and t.weight > 0]
        became = new.text[came[0].start : came[-1].end] if came else None
        exclude = any(siblings(old.tokens[k].key, t.key) for k in gone for t in came)
        if exclude:
            weight = 0.6
        elif not came:
            weight = min(0.9, 0.15 + 0.15 * mass)
        else:
            weight = 0.1 * min(mass, 3)
            if len(came) <= 3 and mass <= 2 and not _errands(gone, came, old) and _strangers(old.text[old.tokens[gone[0]].start : old.tokens[gone[-1]].end], became, embedder):
                weight = 0.55
        weight *= max(0.0, copying(made, range(gap.start, gap.end)) - 0.5) / 0.5
        first, last = old.tokens[gone[0]], old.tokens[gone[-1]]
        losses.append(_lose(old, first.start, last.end, "topic", weight, became))
    return losses


def _errands(gone: Sequence[int], came: Sequence[Token], old: Reading) -> bool:
    """Whether what was replaced only says what to do ("name", "determine"), or hardly anything."""
    return any(old.tokens[k].weight < 1 or VERB.fullmatch(old.tokens[k].text) for k in gone) or any(
        t.weight < 1 or VERB.fullmatch(t.text) for t in came
    )


def _strangers(gone: str, came: str | None, embedder: Embedder | None) -> bool:
    """Whether two phrases have nothing to do with each other."""
    if embedder is None or came is None:
        return False
    vectors = embedder.embed([gone, came])
    return float(vectors[0] @ vectors[1]) < 0.35
