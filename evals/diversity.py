"""``python -m evals diversity``: do the figures of diversity behave?

The Vendi score by its two ways, time by number of rows, the figures on sets whose order is known,
how often intervals hold the true value, and the rule for root verbs on labelled requests.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

from evals.diversity_sets import DATA, SIZE, Family, families, many, requests, topic_texts
from evals.machine import Watch, describe
from evals.options import add_json, check_place, positive, save, told_on
from evolsynth.errors import InputError
from evolsynth.evaluation.diversity.clusters import TextSet, Weights, find_clusters
from evolsynth.evaluation.diversity.distances import Vectors, vendi_score
from evolsynth.evaluation.diversity.measures import Measure, figures_at
from evolsynth.evaluation.diversity.ngrams import Places
from evolsynth.evaluation.diversity.summary import Texts, measured
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.text.verbs import root

__all__ = ["add_options", "correlations", "full_vendi", "held", "run", "spearman", "verb_scores"]

#: Figures that are high where texts are alike; all others are high where they differ.
_FALLING = ("self_bleu", "compression_ratio")
_SKIPPED = ("mean_words",)
_BOTH = 2_000  # rows of which the Vendi score is taken both ways
_ROWS = (1_000, 10_000, 100_000)
_SOURCE = 120  # rows that each interval is made from
_TRUTH = 400  # draws from the population that the true value is the mean of

Scores = dict[str, float]


class _Label(msgspec.Struct):
    instruction: str
    part: str
    verb: str | None
    object: str | None


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="JSONL with 'instruction'; default: ours"
    )
    parser.add_argument(
        "--most", type=positive, default=_ROWS[-1], metavar="N", help="rows to time (100000)"
    )
    parser.add_argument("--repeats", type=positive, default=5, metavar="N", help="sets a level (5)")
    parser.add_argument(
        "--intervals", type=positive, default=100, metavar="N", help="intervals to check (100)"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    check_place(options.json)
    own = requests(options.data)
    if len(own) < 2 * SIZE:
        raise InputError(
            f"{options.data}: {len(own)} different instructions, at least {2 * SIZE} are needed."
        )
    watch, minilm = Watch(), MiniLM()
    static, told = minilm.rough(), told_on(options.json)
    found = {
        "vendi": _both_ways(static.embed(many(own, _BOTH))),
        "seconds": _timed(own, static, options.most),
        "order": {one.name: correlations(own, one, options.repeats) for one in (minilm, static)},
        "intervals": held(own, static, options.intervals),
        "verbs": verb_scores(),
    }
    others = watch.others()
    print(f"{describe().cpu}; others used {others or 0:.0%} meanwhile", file=told)
    print(_told(found), file=told)
    save(options.json, {"machine": msgspec.to_builtins(describe()), "others": others, **found})
    return 0


def full_vendi(vectors: Vectors) -> float:
    """The Vendi score from the n x n matrix, as its paper defines it (arXiv 2210.02410, eq. 3)."""
    x = vectors.astype(np.float64)
    values = np.linalg.eigvalsh(x @ x.T / len(x))
    values = values[values > 1e-12]
    return float(np.exp(-np.sum(values * np.log(values))))


def _both_ways(vectors: Vectors) -> Scores:
    began = time.perf_counter()
    short = vendi_score(vectors)
    middle = time.perf_counter()
    full = full_vendi(vectors)
    ended = time.perf_counter()
    return {
        "rows": len(vectors),
        "dxd": short,
        "nxn": full,
        "relative_difference": abs(short - full) / full,
        "dxd_seconds": middle - began,
        "nxn_seconds": ended - middle,
    }


def _timed(own: Sequence[str], embedder: Embedder, most: int) -> list[Scores]:
    """Seconds for the whole report, with static vectors, three groups and a reference."""
    found = []
    for count in (rows for rows in _ROWS if rows <= most):
        print(f"{count:,} rows ...", file=sys.stderr, flush=True)
        texts = many(own, count)
        groups = [f"method {i % 3}" for i in range(count)]
        began = time.perf_counter()
        vectors = embedder.embed(texts)
        embedded = time.perf_counter()
        vendi_score(vectors)
        scored = time.perf_counter()
        del vectors
        measured(Texts(texts, groups, {}), embedder, Texts(list(own), ["ours"] * len(own), {}))
        found.append(
            {
                "rows": count,
                "embed": embedded - began,
                "vendi": scored - embedded,
                "report": time.perf_counter() - scored,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    return found


def correlations(own: Sequence[str], embedder: Embedder, repeats: int) -> dict[str, Scores]:
    """Per family and figure, the rank correlation of the figure with the known order."""
    found = {}
    reference = _reference(own, embedder)
    for family in families(own):
        print(f"{family.name}, {embedder.name} ...", file=sys.stderr, flush=True)
        found[family.name] = _correlations(family, embedder, repeats, reference)
    return found


def _reference(own: Sequence[str], embedder: Embedder) -> TextSet:
    """The requests and as many of each of the 12 topics: where clusters and densities are from."""
    topics = [text for topic in topic_texts() for text in topic[:: len(topic) // 24]]
    return _side(list(dict.fromkeys([*own, *topics])), embedder)


def _side(texts: list[str], embedder: Embedder) -> TextSet:
    vectors = embedder.embed(texts)
    return TextSet.of(texts, [""] * len(texts), vectors, find_clusters(vectors))


def _correlations(family: Family, embedder: Embedder, repeats: int, reference: TextSet) -> Scores:
    sets = [
        (level, family.make(level, np.random.default_rng([seed, place])))
        for seed in range(repeats)
        for place, level in enumerate(family.levels)
    ]
    pool = list(dict.fromkeys(text for _, texts in sets for text in texts))
    vectors = embedder.embed(pool)
    places = {text: place for place, text in enumerate(pool)}
    centres = find_clusters(reference.vectors)
    weights = _weights(reference)
    figures = []
    for _, texts in sets:
        here = vectors[[places[text] for text in texts]]
        side = TextSet.of(texts, [""] * len(texts), here, centres)
        every = np.arange(len(texts))
        with threadpool_limits(limits=1):  # small matrices: threads would wait for each other
            figures.append(Measure(side, every, reference.vectors, weights)(every))
    levels = [level for level, _ in sets]
    return {
        name: (-1 if name in _FALLING else 1)
        * spearman(levels, [one[name] or 0 for one in figures])
        for name in figures[0]
        if name not in _SKIPPED
    }


def _weights(side: TextSet) -> Weights:
    counts: Weights = np.bincount(side.labels).astype(np.float64)
    return counts / float(counts.sum())


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's rank correlation, equal values sharing a rank; 0 where one is constant."""
    x, y = _ranks(one), _ranks(other)
    if not x.std() or not y.std():
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def _ranks(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    x = np.round(np.asarray(values, np.float64), 9)
    ordered = np.sort(x)
    left, right = np.searchsorted(ordered, x, "left"), np.searchsorted(ordered, x, "right")
    return (left + right - 1) / 2


def held(own: Sequence[str], embedder: Embedder, trials: int) -> dict[str, dict[str, Scores]]:
    """The share of intervals that hold the true value of the population.

    The population is the requests and those of the 12 topics. The true value is the mean over 400
    samples of the size asked for. Beside it, the bootstrap with replacement, n of n.
    """
    texts = list(dict.fromkeys([*own, *(t for topic in topic_texts() for t in topic)]))
    side = _side(texts, embedder)
    measure = Measure(side, np.arange(len(texts)), side.vectors, _weights(side))
    found: dict[str, dict[str, Scores]] = {}
    for size in (_SOURCE // 2, _SOURCE):
        print(f"intervals at {size} of {_SOURCE} rows ...", file=sys.stderr, flush=True)
        with threadpool_limits(limits=1):
            truth = _truth(measure, len(texts), size)
            held_by = _held(measure, len(texts), size, truth, trials)
        found[f"{size} of {_SOURCE}"] = held_by
    return found


def _truth(measure: Measure, rows: int, size: int) -> Scores:
    chance = np.random.default_rng([1, size])
    found = [measure(_draw(chance, rows, size)) for _ in range(_TRUTH)]
    return {
        name: float(np.mean([one[name] or 0 for one in found]))
        for name in found[0]
        if name not in _SKIPPED
    }


def _held(measure: Measure, rows: int, size: int, truth: Scores, trials: int) -> dict[str, Scores]:
    hits = {name: {"subsampling": 0.0, "with_replacement": 0.0} for name in truth}
    for trial in range(trials):
        chance = np.random.default_rng([2, trial])
        sample = _draw(chance, rows, _SOURCE)
        figures = figures_at(_Within(measure, sample), _SOURCE, size, trial)
        again = [measure(np.sort(sample[chance.integers(_SOURCE, size=size)])) for _ in range(30)]
        for name, true in truth.items():
            one = figures[name]
            if one is not None and one.low is not None and one.high is not None:
                hits[name]["subsampling"] += (one.low <= true <= one.high) / trials
            values = [each[name] or 0 for each in again]
            reach = 2.045 * float(np.std(values, ddof=1)) * (size / _SOURCE) ** 0.5
            hits[name]["with_replacement"] += (abs(float(np.mean(values)) - true) <= reach) / trials
    return hits


class _Within:
    """A measure of places within a sample."""

    def __init__(self, measure: Measure, sample: Places) -> None:
        self._measure, self._sample = measure, sample

    def __call__(self, here: Places) -> Mapping[str, float | None]:
        return self._measure(self._sample[here])


def _draw(chance: np.random.Generator, rows: int, size: int) -> Places:
    return np.sort(chance.choice(rows, size, replace=False)).astype(np.intp)


def verb_scores(path: Path = DATA / "request_verbs.jsonl") -> dict[str, Scores]:
    """The share of labelled requests whose verb, and whose verb and object, the rule finds."""
    labels = [msgspec.json.decode(line, type=_Label) for line in path.read_bytes().splitlines()]
    found: dict[str, Scores] = {}
    for part in dict.fromkeys(label.part for label in labels):
        here = [label for label in labels if label.part == part]
        roots = [root(label.instruction) for label in here]
        verb = [r.verb == label.verb for r, label in zip(roots, here, strict=True)]
        both = [v and r.object == x.object for v, r, x in zip(verb, roots, here, strict=True)]
        found[part] = {
            "requests": len(here),
            "verb": sum(verb) / len(here),
            "verb_and_object": sum(both) / len(here),
        }
    return found


def _told(found: Mapping[str, Any]) -> str:
    """For people: the same figures as a few tables."""
    vendi, seconds, order, intervals, verbs = found.values()
    lines = [
        "",
        f"Vendi score of {vendi['rows']} texts: {vendi['dxd']:.6f} (d x d, "
        f"{vendi['dxd_seconds']:.2f} s), {vendi['nxn']:.6f} (n x n, {vendi['nxn_seconds']:.2f} s)",
        "",
        f"{'rows':>8}{'embed s':>10}{'Vendi s':>10}{'report s':>10}{'peak MiB':>10}",
    ]
    for one in seconds:
        lines.append(
            f"{one['rows']:8}{one['embed']:10.2f}{one['vendi']:10.2f}{one['report']:10.1f}"
            f"{one['peak_mib']:10.0f}"
        )
    for name, by_family in order.items():
        lines += ["", f"rank correlation with the known order, {name}:"]
        lines += _columns(by_family)
    for name, by_figure in intervals.items():
        lines += ["", f"share of 95% intervals that hold the true value, {name} rows:"]
        kinds = {k: {f: s[k] for f, s in by_figure.items()} for k in next(iter(by_figure.values()))}
        lines += _columns(kinds)
    lines += ["", f"{'root verbs':16}{'requests':>10}{'verb':>8}{'and object':>12}"]
    for part, one in verbs.items():
        lines.append(
            f"{part:16}{one['requests']:10}{one['verb']:8.1%}{one['verb_and_object']:12.1%}"
        )
    return "\n".join(lines)


def _columns(by: Mapping[str, Mapping[str, float]]) -> list[str]:
    names = list(next(iter(by.values())))
    lines = [f"{'':20}" + "".join(f"{column:>18}" for column in by)]
    return lines + [f"{n:20}" + "".join(f"{by[c][n]:18.2f}" for c in by) for n in names]
