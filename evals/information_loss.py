"""Information loss: how well kept pairs are told from lost and altered ones, and how fast."""

from __future__ import annotations

import argparse
import math
import multiprocessing
import re
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from evals.machine import describe
from evals.options import add_json, check_place, positive, save, told_on
from evolsynth.data.files import read_objects
from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.information_loss.reading import InformationLoss, Reading
from evolsynth.evaluation.information_loss.score import (
    THRESHOLD,
    WEIGHTS,
    evidence,
    information_loss,
    information_losses,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OWN", "Pair", "auroc", "read_pairs", "run"]

#: Pairs by hand, rewrites by SmolLM2, and pairs by hand of what turns the sense round.
OWN = tuple(
    Path(__file__).parent / "data" / f"information_loss{name}.jsonl"
    for name in ("", "_rewrites", "_senses")
)
_DRAWS = 300


class _Span(msgspec.Struct):
    text: str


class Pair(msgspec.Struct):
    """A labelled pair; ``lost`` where the lost words are marked, ``split`` where there are two."""

    original: str
    evolved: str
    label: str
    kind: str = ""
    set: str = ""
    split: str = ""
    lost: list[_Span] = []
    id: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether nothing was lost."""
        return self.label == "kept"


class Group(NamedTuple):
    """Pairs that are told apart, by their ids in memory."""

    name: str
    kept: frozenset[int]
    other: frozenset[int]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument(
        "--data", type=Path, action="append", metavar="FILE",
        help="pairs with original, evolved and label (kept, lost, altered); several times",
    )  # fmt: skip
    parser.add_argument("--split", metavar="NAME", help="only the pairs of this half (a, b)")
    parser.add_argument("--no-embedder", action="store_true", help="without MiniLM")
    parser.add_argument("--workers", type=positive, default=2, help="processes for the speed (2)")
    parser.add_argument("--no-speed", action="store_true", help="do not measure the speed")
    parser.add_argument(
        "--errors", action="store_true", help="also print the pairs that are told wrongly"
    )
    parser.add_argument(
        "--fit", action="store_true", help="also print the weights that these pairs would give"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure, print a table, write JSON."""
    check_place(options.json)
    told = told_on(options.json)
    pairs = [p for path in options.data or OWN for p in read_pairs(path)]
    if options.split is not None:
        pairs = [p for p in pairs if p.split == options.split]
        if not pairs:
            raise InputError(f"--split {options.split}: no pair is of this half.")
    embedder = None if options.no_embedder else MiniLM(cached=0)
    if embedder is not None:
        embedder.load()
    texts = [(p.original, p.evolved) for p in pairs]
    losses = list(information_losses(texts, embedder=embedder))
    found = {
        "machine": msgspec.to_builtins(describe()),
        "pairs": len(pairs),
        "threshold": THRESHOLD,
    }
    found["groups"] = [_group(g, pairs, losses) for g in _groups(pairs)]
    found["noise"] = _noise(pairs, embedder)
    found["spans"] = _spans(pairs, losses)
    found["kinds"] = _kinds(pairs, losses)
    if not options.no_speed:
        found["speed"] = _speeds(texts, options.workers, embed=embedder is not None)
    print(table(found), file=told)
    if options.errors:
        print(_errors(pairs, losses), file=told)
    if options.fit:
        print(_fitted(pairs, embedder), file=told)
    save(options.json, found)
    return 0


def read_pairs(path: Path) -> list[Pair]:
    """Labelled pairs of a JSON Lines file.

    Raises:
        InputError: the file, a line of it or a label is not as it should be.
    """
    pairs = []
    for number, data in read_objects(path):
        try:
            pair = msgspec.convert(data, Pair)
        except msgspec.ValidationError as error:
            raise InputError(f"{path}, line {number}: {error}.") from None
        if pair.label not in ("kept", "lost", "altered"):
            raise InputError(
                f"{path}, line {number}: the label is '{pair.label}'. Give kept, lost or altered."
            )
        pairs.append(pair)
    if not pairs:
        raise InputError(f"{path}: there are no pairs in it.")
    return pairs


# What is told from what ---------------------------------------------------------------------------


def _groups(pairs: Sequence[Pair]) -> list[Group]:
    """By set: kept against lost, against altered, and against both; then all."""
    found = []
    for name in dict.fromkeys(_set_of(p) for p in pairs):
        own = [p for p in pairs if _set_of(p) == name]
        labels = [x for x in ("lost", "altered") if any(p.label == x for p in own)]
        found += [_told_apart(f"{name}: kept / {x}", own, x) for x in labels]
        found.append(_told_apart(f"{name}: kept / all others", own))
        free = [p for p in own if "prefill" not in p.kind]
        if len(free) < len(own):
            found.append(_told_apart(f"{name}: those not anchored", free))
    found.append(_told_apart("all", pairs))
    return found


def _told_apart(name: str, pairs: Sequence[Pair], label: str | None = None) -> Group:
    """The kept ones of some pairs against those with a label, or against all others."""
    kept = frozenset(id(p) for p in pairs if p.is_kept)
    other = frozenset(id(p) for p in pairs if not p.is_kept and (label is None or p.label == label))
    return Group(name, kept, other)


def _set_of(pair: Pair) -> str:
    if pair.set:
        return pair.set
    if pair.kind.startswith("free paraphrase"):
        return "free paraphrases"
    return "other languages" if pair.kind.startswith("language-") else "own"


def _group(
    group: Group, pairs: Sequence[Pair], losses: Sequence[InformationLoss]
) -> dict[str, Any]:
    both = [(p, x.score) for p, x in zip(pairs, losses, strict=True)]
    kept = [(p, s) for p, s in both if id(p) in group.kept]
    other = [(p, s) for p, s in both if id(p) in group.other]
    a, b = np.array([s for _, s in kept]), np.array([s for _, s in other])
    found: dict[str, Any] = {"name": group.name, "kept": len(a), "others": len(b)}
    if len(a):
        found["false_alarms"] = float((a >= THRESHOLD).mean())
    if len(b):
        found["caught"] = float((b >= THRESHOLD).mean())
    if not len(a) or not len(b):
        return found
    low, high = _interval(a, b)
    one, two = _matched(kept, other)
    return {
        **found,
        "auroc": auroc(b, a),
        "auroc_95": [low, high],
        "auroc_matched": auroc(two, one) if len(one) >= 5 else None,
        "matched": len(one),
    }


def auroc(higher: NDArray[np.float64], lower: NDArray[np.float64]) -> float:
    """The chance that a value of ``higher`` is above one of ``lower``, ties as half."""
    order = np.sort(lower)
    below = np.searchsorted(order, higher, side="left")
    equal = np.searchsorted(order, higher, side="right") - below
    return float((below + equal / 2).sum() / (len(higher) * len(lower)))


def _interval(kept: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float]:
    chance = np.random.default_rng(0)
    drawn = [
        auroc(chance.choice(other, len(other)), chance.choice(kept, len(kept)))
        for _ in range(_DRAWS)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _matched(
    kept: Sequence[tuple[Pair, float]], other: Sequence[tuple[Pair, float]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores of kept and other pairs of nearly the same ratio of lengths, one to one."""
    free = [(len(p.evolved) / max(len(p.original), 1), s) for p, s in kept]
    one, two = [], []
    for pair, score in sorted(other, key=lambda x: len(x[0].evolved) / max(len(x[0].original), 1)):
        ratio = len(pair.evolved) / max(len(pair.original), 1)
        near = [(abs(r - ratio), k) for k, (r, _) in enumerate(free) if abs(r - ratio) < 0.05]
        if near:
            one.append(free.pop(min(near)[1])[1])
            two.append(score)
    return np.array(one), np.array(two)


# Changes that lose nothing ------------------------------------------------------------------------

NOISE: dict[str, Callable[[str], str]] = {
    "lower case": str.lower,
    "upper case": str.upper,
    "white space": lambda t: re.sub(r" ", "  ", t).replace("\n", "\n\n") + " \n",
    "one line": lambda t: " ".join(t.split()),
    "contractions": lambda t: re.sub(
        r"\b(do|does|is|are|was|were|should|would|could)(?: not|n't)\b",
        lambda m: m.group(1) + ("n't" if " " in m.group() else " not"),
        t,
    ),
    "curly quotes": lambda t: re.sub(r'"([^"\n]*)"', "“\\1”", t).replace("'", "’"),
    "dashes": lambda t: t.replace(" - ", " — ").replace("...", "…"),
    "no-break spaces": lambda t: t.replace(" ", "\u00a0"),
    "end punctuation": lambda t: t.rstrip(" .!?") or t,
    "framed": lambda t: f"*** {t} ***",
    "emphasis": lambda t: re.sub(r"(?<= )([a-z]{6,})(?= )", "**\\1**", t, count=1),
}


def _noise(pairs: Sequence[Pair], embedder: MiniLM | None) -> dict[str, float]:
    """For each kind of noise, the share of originals that are flagged when only it was added."""
    texts = list(dict.fromkeys(p.original for p in pairs))[:300]
    found = {}
    for name, change in NOISE.items():
        noisy = [(t, change(t)) for t in texts]
        flagged = [x.flagged for x in information_losses(noisy, embedder=embedder)]
        found[name] = sum(flagged) / len(flagged)
    return found


# Spans --------------------------------------------------------------------------------------------


def _spans(pairs: Sequence[Pair], losses: Sequence[InformationLoss]) -> dict[str, Any] | None:
    """The share of marked lost words that lie inside a reported span, and how wide those are."""
    marked = inside = 0
    told = total = 0
    for pair, loss in zip(pairs, losses, strict=True):
        if pair.is_kept or not pair.lost:
            continue
        for span in pair.lost:
            start = pair.original.find(span.text)
            end = start + len(span.text)
            marked += 1
            inside += any(s.start <= start and end <= s.end for s in loss.lost)
        told += sum(s.end - s.start for s in loss.lost)
        total += len(pair.original)
    if not marked:
        return None
    return {"marked": marked, "inside": inside / marked, "share_of_text": told / total}


def _kinds(pairs: Sequence[Pair], losses: Sequence[InformationLoss]) -> dict[str, list[float]]:
    """By kind: how many pairs, and the share of them that is flagged."""
    by: dict[str, list[bool]] = defaultdict(list)
    for pair, loss in zip(pairs, losses, strict=True):
        by[f"{pair.kind} ({'kept' if pair.is_kept else 'lost'})"].append(loss.flagged)
    return {name: [len(v), sum(v) / len(v)] for name, v in sorted(by.items())}


# Speed --------------------------------------------------------------------------------------------


def _speeds(
    texts: Sequence[tuple[str, str]], workers: int, *, embed: bool
) -> dict[str, float | int]:
    """Pairs a second of pairs of about 60 words, each new to all memories, after a warm-up."""
    middle = [t for t in texts if 25 <= len(t[0].split()) <= 100]
    if len(middle) < _ENOUGH:
        middle = _joined(texts)
    words = float(np.mean([len(a.split()) for a, _ in middle]))
    found: dict[str, float | int] = {"pairs": len(middle), "words": words, "workers": workers}
    context = multiprocessing.get_context("spawn")
    for name, with_embedder in (("facts", False), ("embeddings", True)):
        if with_embedder and not embed:
            continue
        with context.Pool(workers, _warm, (with_embedder,)) as pool:
            pool.map(_ready, range(2 * workers), chunksize=1)
            parts = [middle[i::workers] for i in range(workers)]
            spent = pool.map(_timed, parts, chunksize=1)
        found[name] = sum(len(p) / s for p, s in zip(parts, spent, strict=True))
    return found


#: Pairs that a measurement of speed needs, and words that make a text of them where there are few.
_ENOUGH, _LONG = 500, 50


def _joined(texts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs of some 60 words: neighbours put together until they have as many."""
    made: list[tuple[str, str]] = []
    old, new = "", ""
    for original, evolved in texts:
        old, new = f"{old} {original}".strip(), f"{new} {evolved}".strip()
        if len(old.split()) >= _LONG:
            made.append((old, new))
            old, new = "", ""
    return made or list(texts)


_EMBEDDER: list[MiniLM | None] = [None]


def _warm(embed: bool) -> None:
    if embed:
        model = MiniLM(cached=4096)
        model.load()
        _EMBEDDER[0] = model
    information_loss(
        "Name two red cars and say why.", "Say why the bus is late.", embedder=_EMBEDDER[0]
    )


def _ready(_: int) -> None:
    time.sleep(0.2)


def _timed(part: Sequence[tuple[str, str]]) -> float:
    began = time.perf_counter()
    for original, evolved in part:
        information_loss(original, evolved, embedder=_EMBEDDER[0], facts_only=_EMBEDDER[0] is None)
    return time.perf_counter() - began


# Weights ------------------------------------------------------------------------------------------


def _fitted(pairs: Sequence[Pair], embedder: MiniLM | None) -> str:
    """The weights of a logistic regression with none below 0, on these pairs."""
    from scipy.optimize import minimize

    from evolsynth.evaluation.information_loss.alignment import align
    from evolsynth.evaluation.information_loss.score import word_vectors

    rows, labels = [], []
    for pair in pairs:
        old, new = Reading(pair.original), Reading(pair.evolved)
        made = align(old.tokens, new.tokens, word_vectors(embedder))
        signals = evidence(old, new, made, embedder).signals
        rows.append([signals[name] for name in WEIGHTS])
        labels.append(float(not pair.is_kept))
    x, y = np.array(rows), np.array(labels)

    def cost(p: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = x @ p[:-1] + p[-1]
        off = 1 / (1 + np.exp(-z)) - y
        value = float((np.logaddexp(0, z) - y * z).mean() + 0.0015 * (p[:-1] ** 2).sum())
        slope = np.r_[x.T @ off / len(y) + 0.003 * p[:-1], off.mean()]
        return value, slope

    bounds = [(0, None)] * len(WEIGHTS) + [(None, None)]
    best = minimize(cost, np.zeros(len(bounds)), jac=True, bounds=bounds, method="L-BFGS-B").x
    z = x @ best[:-1]
    cut = float(np.quantile(z[y == 0], 0.965)) if (y == 0).any() else math.nan
    lines = [f"{n:20} {v:.2f}" for n, v in zip(WEIGHTS, best[:-1], strict=True)]
    return "\n".join([*lines, f"{'cut':20} {cut:.2f}"])


# For people ---------------------------------------------------------------------------------------


def table(found: dict[str, Any]) -> str:
    """All figures, a line each."""
    lines = [f"{'':40}{'kept':>6}{'others':>8}{'AUROC':>8}{'matched':>9}{'alarms':>8}{'caught':>8}"]
    for g in found["groups"]:
        told = (
            ("auroc", "8.3f"),
            ("auroc_matched", "9.3f"),
            ("false_alarms", "8.1%"),
            ("caught", "8.1%"),
        )
        if not any(name in g for name, _ in told):
            continue
        parts = [
            f"{'-':>{form[0]}}" if g.get(n) is None else format(g[n], form) for n, form in told
        ]
        lines.append(f"{g['name']:40}{g['kept']:6}{g['others']:8}{''.join(parts)}")
    worst = max(found["noise"].values(), default=0.0)
    lines.append(f"noise flagged, at most: {worst:.1%} ({', '.join(found['noise'])})")
    if found["spans"]:
        s = found["spans"]
        lines.append(
            f"lost words inside a reported span: {s['inside']:.1%} of {s['marked']} "
            f"(spans hold {s['share_of_text']:.0%} of the originals' text)"
        )
    if "speed" in found:
        s = found["speed"]
        rates = ", ".join(f"{n} {s[n]:.0f}" for n in ("facts", "embeddings") if n in s)
        lines.append(
            f"pairs a second, {s['workers']} processes, {s['words']:.0f} words, "
            f"{s['pairs']} pairs: {rates}"
        )
    return "\n".join(lines)


def _errors(pairs: Sequence[Pair], losses: Sequence[InformationLoss]) -> str:
    lines = []
    for pair, loss in zip(pairs, losses, strict=True):
        if loss.flagged == pair.is_kept:
            spans = [(s.kind, s.text, s.became) for s in loss.lost]
            lines += [f"--- {pair.id} {pair.kind}: {pair.label}, {loss.score:.2f}, {spans}"]
            lines += [f"    {pair.original[:400]!r}", f"    {pair.evolved[:400]!r}"]
    return "\n".join(lines)
