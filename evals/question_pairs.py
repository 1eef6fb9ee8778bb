"""``python -m evals question-pairs``: questions with one meaning, told from those that look alike.

Each pair goes through `deduplicate` by itself, as two rows, at the default threshold and at others.
AUROC is that of the embedder's cosine, and of the same where pairs that the rules keep apart come
below all others.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from evals.good_evolution import auroc
from evals.machine import describe
from evals.options import add_json, check_place, names, save, told_on
from evolsynth.data.files import read_objects
from evolsynth.evaluation.duplicates.deduplicate import THRESHOLDS, deduplicate
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.evaluation.embed.minilm import MiniLM

__all__ = ["PAIRS", "At", "Pair", "add_options", "figures", "measure", "read", "run"]

PAIRS = Path(__file__).parent / "data" / "question_pairs.jsonl"
PARTS = ("dev", "held")
_STEPS = (0.85, THRESHOLDS["semantic"], 0.75, 0.7, 0.65, 0.6)


class Pair(msgspec.Struct, frozen=True):
    """Two questions, and whether they ask the same."""

    part: str
    kind: str
    duplicate: bool
    one: str
    other: str


class At(msgspec.Struct, frozen=True, kw_only=True):
    """What a threshold gives: of the pairs it drops one of, the share that are duplicates, the
    share of duplicates that are found, and those dropped wrongly, by kind."""

    threshold: float
    precision: float | None
    recall: float
    wrong: dict[str, int]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this program's options."""
    parser.add_argument(
        "--part", type=names(PARTS), default=PARTS, help=f"some of {', '.join(PARTS)}"
    )
    add_json(parser)


def read() -> list[Pair]:
    """All pairs."""
    return [msgspec.convert(data, Pair) for _, data in read_objects(PAIRS)]


def run(options: argparse.Namespace) -> int:
    """Measure and print; the exit status."""
    check_place(options.json)
    told, embedder, document = told_on(options.json), MiniLM(), {}
    for part in options.part:
        pairs = [pair for pair in read() if pair.part == part]
        ruled, plain, found = measure(pairs, embedder)
        print(
            f"{part}: {len(pairs)} pairs, {sum(p.duplicate for p in pairs)} of one meaning; "
            f"AUROC {ruled:.3f}, of the cosine alone {plain:.3f}",
            file=told,
        )
        for one in found:
            precision = "-" if one.precision is None else f"{one.precision:.3f}"
            wrong = ", ".join(f"{count} {kind}" for kind, count in one.wrong.items()) or "none"
            print(
                f"{one.threshold:8.2f}  precision {precision}  recall {one.recall:.3f}  "
                f"wrong: {wrong}",
                file=told,
                flush=True,
            )
        document[part] = {"auroc": ruled, "cosine": plain, "at": msgspec.to_builtins(found)}
    save(options.json, {"machine": msgspec.to_builtins(describe()), "parts": document})
    return 0


def measure(pairs: Sequence[Pair], embedder: Embedder) -> tuple[float, float, list[At]]:
    """The AUROC with the rules, that of the cosine alone, and figures by threshold."""
    vectors = embedder.embed([text for pair in pairs for text in (pair.one, pair.other)])
    cosines = np.sum(vectors[::2] * vectors[1::2], axis=1).astype(np.float64)
    same = np.array([pair.duplicate for pair in pairs])
    # at a threshold of next to nothing, rules alone keep a pair apart
    apart = np.array([not _dropped(pair, embedder, 0.01) for pair in pairs])
    found = [figures(pairs, partial(_dropped, embedder=embedder, threshold=t), t) for t in _STEPS]
    return auroc(same, cosines - 2 * apart), auroc(same, cosines), found


def _dropped(pair: Pair, embedder: Embedder, threshold: float) -> bool:
    found = deduplicate(
        [pair.one, pair.other], threshold=threshold, embedder=embedder, workers=1
    ).duplicates
    return bool(found)


def figures(pairs: Sequence[Pair], dropped: Callable[[Pair], bool], threshold: float) -> At:
    """Count what is dropped of some pairs."""
    gone = [pair for pair in pairs if dropped(pair)]
    right = sum(pair.duplicate for pair in gone)
    kinds = [pair.kind for pair in gone if not pair.duplicate]
    return At(
        threshold=threshold,
        precision=right / len(gone) if gone else None,
        recall=right / max(sum(pair.duplicate for pair in pairs), 1),
        wrong={kind: kinds.count(kind) for kind in sorted(set(kinds))},
    )
