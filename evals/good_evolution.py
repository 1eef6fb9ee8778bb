"""``python -m evals good-evolution``: how well does the score tell evolutions worth keeping?

Without ``--data`` each of our own rows is judged by a model that was fitted without its original
(ten folds by original); with it, rows of others by the packaged model.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from evals.evolution_fit import Labelled, cross_validated, fit, read_labelled, read_rooms
from evals.options import add_json, check_place, save, told_on
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.good_evolution.features import addition
from evolsynth.evaluation.good_evolution.model import PACKAGED, save_model
from evolsynth.evaluation.good_evolution.score import THRESHOLD, good_evolution

__all__ = ["Measured", "add_options", "auroc", "measure", "run"]

_DATA = Path(__file__).parent / "data"
_ROWS, _ROOMS = _DATA / "good_evolution_train.jsonl", _DATA / "answer_room.jsonl"
_RESAMPLES = 1000


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """``auroc`` with its 95% interval, from resampling the originals. ``precision`` is the share
    of rows at the threshold and above that are good (None without such rows), ``found`` the
    share of good rows that reach it, ``accepted`` the share of all."""

    group: str
    rows: int
    good: int
    auroc: float | None
    interval: tuple[float, float] | None
    precision: float | None
    accepted: float
    found: float | None


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="JSONL with original, evolved and accept (yes or no)",
    )
    parser.add_argument("--threshold", type=float, default=THRESHOLD, help=f"default: {THRESHOLD}")
    parser.add_argument(
        "--train", action="store_true", help="fit the packaged weights anew and write them"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure, or fit, and print."""
    check_place(options.json)
    told, embedder = told_on(options.json), MiniLM(cached=100_000)
    if options.train:
        model = fit(read_labelled(_ROWS), read_rooms(_ROOMS), embedder)
        save_model(model, PACKAGED)
        print(f"Weights of {len(model.names)} signals are in {PACKAGED.name}.", file=told)
        return 0
    rows, scores, groups = _judged(options.data, embedder)
    found = [measure(name, [rows[i] for i in part], [scores[i] for i in part], options.threshold)
             for name, part in groups.items()]  # fmt: skip
    print(f"{'':26}{'rows':>6}{'good':>6}{'AUROC':>8}  95% interval   precision accepted  found",
          file=told)  # fmt: skip
    for one in found:
        print(_line(one), file=told)
    save(options.json, {"threshold": options.threshold, "groups": msgspec.to_builtins(found)})
    return 0


def _judged(
    files: Sequence[Path] | None, embedder: MiniLM
) -> tuple[list[Labelled], list[float], dict[str, list[int]]]:
    """The rows, their scores, and the numbers of the rows in each group."""
    groups: dict[str, list[int]] = {"all": []}
    rows: list[Labelled] = []
    for file in files or (_ROWS,):
        part = read_labelled(file)
        if files:
            groups[file.stem] = list(range(len(rows), len(rows) + len(part)))
        rows += part
    groups["all"] = list(range(len(rows)))
    if files:
        scores = [good_evolution(r.original, r.evolved, embedder).score for r in rows]
    else:
        scores = cross_validated(rows, read_rooms(_ROOMS), embedder)
        groups["sure"] = [i for i, row in enumerate(rows) if row.sure]
    for i, row in enumerate(rows):
        groups.setdefault(f"  {addition(row.original, row.evolved).kind}", []).append(i)
    return rows, scores, groups


def measure(
    group: str, rows: Sequence[Labelled], scores: Sequence[float], threshold: float
) -> Measured:
    """The figures of one group of rows."""
    good, given = np.array([row.accept for row in rows]), np.array(scores)
    taken = given >= threshold
    both = bool(good.any() and not good.all())
    return Measured(
        group=group.strip(),
        rows=len(rows),
        good=int(good.sum()),
        auroc=round(auroc(good, given), 4) if both else None,
        interval=_interval([row.original for row in rows], good, given) if both else None,
        precision=round(float(good[taken].mean()), 4) if taken.any() else None,
        accepted=round(float(taken.mean()), 4),
        found=round(float(taken[good].mean()), 4) if good.any() else None,
    )


def auroc(good: Any, scores: Any) -> float:
    """The probability that a good row scores above one that is not; ties count half."""
    above, below = np.asarray(scores)[good], np.sort(np.asarray(scores)[~good])
    beaten = np.searchsorted(below, above, "left") + np.searchsorted(below, above, "right")
    return float(beaten.mean() / (2 * len(below)))


def _interval(originals: Sequence[str], good: Any, scores: Any) -> tuple[float, float]:
    members: dict[str, list[int]] = {}
    for i, original in enumerate(originals):
        members.setdefault(original, []).append(i)
    lists, draw, found = list(members.values()), np.random.default_rng(1), []
    for _ in range(_RESAMPLES):
        drawn = [i for k in draw.integers(len(lists), size=len(lists)) for i in lists[k]]
        some = good[drawn]
        if some.any() and not some.all():
            found.append(auroc(some, scores[drawn]))
    low, high = np.quantile(found, [0.025, 0.975])
    return round(float(low), 3), round(float(high), 3)


def _line(one: Measured) -> str:
    value = "-" if one.auroc is None else f"{one.auroc:.3f}"
    interval = "-" if one.interval is None else f"{one.interval[0]:.3f} to {one.interval[1]:.3f}"
    precision = "-" if one.precision is None else f"{one.precision:.1%}"
    found = "-" if one.found is None else f"{one.found:.1%}"
    return (
        f"{one.group:26}{one.rows:6}{one.good:6}{value:>8}  {interval:14}{precision:>9}"
        f"{one.accepted:10.1%}{found:>7}"
    )
