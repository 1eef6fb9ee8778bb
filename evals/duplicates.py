"""``python -m evals duplicates``: planted duplicates, and who finds them, how fast, in how much.

Rows of the same kind, with copies planted among them, go to each way of removing duplicates, each
in a process of its own: evolsynth's methods, semhash and distilabel's MinHashDedup (from
``.venv-peers``: `make peers`). Recall is by kind of copy; precision is of all that was dropped,
among rows of which some 300 look like another one and are not the same request.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evals.duplicate_rows import KINDS, Pair, Planted, planted
from evals.machine import Watch, describe
from evals.options import add_json, check_place, names, positive, save, told_on
from evolsynth.atomic import cache_folder
from evolsynth.data.files import read_objects
from evolsynth.errors import InputError, SetupError
from evolsynth.evaluation.embed.minilm import MiniLM

__all__ = ["ARMS", "Found", "add_options", "measure", "run", "score"]

ARMS = ("exact", "minhash", "static", "semantic", "semhash", "distilabel")
_PAIRS = Path(__file__).parent / "data" / "duplicates.jsonl"
_ROOT = Path(__file__).parent.parent
_PEERS = _ROOT / ".venv-peers" / "bin" / "python"
_SWEEP = (0.8, 0.85, 0.9, 0.95)
#: Up to this many rows, semhash is asked with other thresholds than its own 0.9 too.
_SWEEP_UP_TO = 20_000


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What one way found. ``recall`` by kind; ``wrong`` counts the look-alikes dropped, by kind.

    ``others`` is the most of the machine that other processes used meanwhile, from 0 to 1.
    """

    arm: str
    rows: int
    seconds: float
    peak_mib: float
    precision: float
    recall_of_all: float
    recall: dict[str, float]
    wrong: dict[str, int]
    others: float | None
    details: dict[str, Any]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this program's options."""
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="JSON Lines with 'instruction', as the background instead of generated rows",
    )
    parser.add_argument(
        "--rows", type=positive, default=10_000, metavar="N", help="how many rows (%(default)s)"
    )
    parser.add_argument("--arms", type=names(ARMS), default=ARMS, help=f"some of {', '.join(ARMS)}")
    parser.add_argument(
        "--seed", type=positive, default=1, metavar="N", help="of the generated rows (%(default)s)"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print; the exit status."""
    check_place(options.json)
    pairs = [msgspec.convert(data, Pair) for _, data in read_objects(_PAIRS)]
    given = [] if options.data is None else _instructions(options.data)
    truth = planted(options.rows, pairs, seed=options.seed, given=given)
    told, found = told_on(options.json), []
    machine = describe()
    for one in measure(truth, options.arms):
        found.append(one)
        print(
            f"{one.arm:20}{one.rows:>10,} rows{one.seconds:9.1f} s{one.peak_mib:8.0f} MiB   "
            f"precision {one.precision:.3f}  recall {one.recall_of_all:.3f}  "
            + "  ".join(f"{kind} {value:.2f}" for kind, value in one.recall.items()),
            file=told,
            flush=True,
        )
        wrong = ", ".join(f"{count} {kind}" for kind, count in one.wrong.items())
        print(f"{'':20}look-alikes dropped: {wrong or 'none'}", file=told, flush=True)
    document = {"machine": msgspec.to_builtins(machine), "found": msgspec.to_builtins(found)}
    save(options.json, document)
    return 0


def _instructions(path: Path) -> list[str]:
    texts = []
    for number, data in read_objects(path):
        if not isinstance(data.get("instruction"), str):
            raise InputError(f"{path}, line {number}: no field 'instruction' with text.")
        texts.append(data["instruction"])
    return list(dict.fromkeys(texts))


def measure(truth: Planted, arms: Sequence[str]) -> Iterator[Found]:
    """Run each arm on the same rows, one after another."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.json"
        rows.write_bytes(msgspec.json.encode(truth.rows))
        for arm in arms:
            watch = Watch()
            readings = _readings(arm, rows, len(truth.rows))
            others = watch.others()
            yield from (score(truth, reading, others) for reading in readings)


def _readings(arm: str, rows: Path, count: int) -> list[dict[str, Any]]:
    job: dict[str, Any] = {"rows": str(rows)}
    command = [sys.executable, "-m", "evals.duplicates_arm"]
    if arm in ("semhash", "distilabel"):
        if not _PEERS.exists():
            raise SetupError(f"'{arm}' is not there: run `make peers`, or leave it out by --arms.")
        module = "semhash_arm" if arm == "semhash" else "minhash_arm"
        command = [str(_PEERS), "-m", f"evals.peers.{module}"]
        job |= {"thresholds": _SWEEP if count <= _SWEEP_UP_TO else (0.9,)}
        if arm == "semhash":
            job |= _static_files()
    else:
        job |= {"method": arm}
    done = subprocess.run(  # noqa: S603 - our own modules
        command, input=json.dumps(job), capture_output=True, text=True, cwd=_ROOT, check=False
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no output"]
        raise SetupError(f"'{arm}' could not be measured: {said[-1]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _static_files() -> dict[str, str]:
    """The static vectors' table and tokeniser, for semhash to use too."""
    embedder = MiniLM()
    embedder.rough()
    table = max((cache_folder() / "static").glob("*.npy"), key=lambda place: place.stat().st_mtime)
    return {"table": str(table), "tokenizer": str(Path(embedder.locate()) / "tokenizer.json")}


def score(truth: Planted, reading: dict[str, Any], others: float | None = None) -> Found:
    """Count a reading's dropped rows.

    A copy counts as found if it or its source was dropped: which of the two is a matter of taste.
    Each other dropped row is an error.
    """
    dropped = set(reading["dropped"])
    hits: Counter[str] = Counter()
    right: set[int] = set()
    for place, kind in truth.kinds.items():
        one = next((p for p in (place, truth.sources[place]) if p in dropped - right), None)
        if one is not None:
            right.add(one)
            hits[kind] += 1
    totals = Counter(truth.kinds.values())
    wrong = Counter(truth.apart[place] for place in dropped - right if place in truth.apart)
    return Found(
        arm=reading["arm"],
        rows=len(truth.rows),
        seconds=reading["seconds"],
        peak_mib=reading["peak_mib"],
        precision=len(right) / len(dropped) if dropped else 1.0,
        recall_of_all=sum(hits.values()) / max(len(truth.kinds), 1),
        recall={k: hits[k] / totals[k] for k in (*KINDS, "paraphrase") if totals[k]},
        wrong=dict(sorted(wrong.items())),
        others=others,
        details=reading["details"],
    )
