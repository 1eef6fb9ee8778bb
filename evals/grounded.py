"""``python -m evals grounded``: tasks made of texts, by kind, and rows to read.

What was made of how many texts, in which time, and what checks and grounds say of it. Whether the
rows are good is for a reader: ``--dump`` writes them. What was read so is in
``evals/readings/grounded.jsonl``, and ``--readings`` counts it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, TextIO

import msgspec

from evals.machine import describe
from evals.options import add_made, made_or_read, positive
from evolsynth.atomic import writing
from evolsynth.errors import InputError
from evolsynth.evaluation.gate.check import Part
from evolsynth.evaluation.gate.gate import part_findings
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.llm.base import LLM
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.methods.grounded.draft import Draft
from evolsynth.methods.grounded.grounded import grounded, kinds_of
from evolsynth.methods.grounded.kind import KINDS
from evolsynth.methods.grounded.passages import passage_of
from evolsynth.rows import Row, derive_seed

__all__ = ["Made", "Read", "add_options", "measure", "readings", "run", "texts"]

READINGS = Path(__file__).parent / "readings" / "grounded.jsonl"
_PARTS: tuple[Part, ...] = ("instruction", "response")
_HEADING = re.compile(r"(?m)^(#+) +(.+)\n")


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one kind of task: drafts that its maker gave, those that no check objects to and
    whose ground holds, rows that were taken, and the seconds that its maker took."""

    kind: str
    tried: int
    good: int
    taken: int
    seconds: float


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one set that a reader has read, and how many would be kept."""

    texts: str
    rows: int
    questions: int
    kept: int


def texts(folder: Path) -> Iterator[Row]:
    """A row for each section of the files (.md, .txt) of a folder, in the order of their names.

    Raises:
        InputError: there is no such folder, or no such file in it.
    """
    files = sorted(path for path in folder.glob("*") if path.suffix in (".md", ".txt"))
    if not files:
        raise InputError(f"{folder} has no files that end in .md or .txt. Name another folder.")
    for file in files:
        pieces = _HEADING.split(file.read_text(encoding="utf-8"))
        title = pieces[2] if len(pieces) > 1 else file.stem
        sections = [("", pieces[0]), *zip(pieces[2::3], pieces[3::3], strict=True)]
        for heading, text in sections:
            if text.strip():
                told = {"title": title, "heading": heading if heading != title else ""}
                extra = {"input": text.strip(), "source": file.name, **told}
                yield Row.make(key=f"{file.name}/{heading}", extra=extra)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument("--texts", type=Path, metavar="FOLDER", help="of .md and .txt files")
    parser.add_argument("--each", type=positive, default=8, metavar="N", help="tasks a text (8)")
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="default: all")
    add_made(parser, "write every row there")


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    return made_or_read(
        options,
        _measure,
        lambda: readings(READINGS),
        lambda one: f"{one.texts:22}{one.rows:5} rows{one.kept:5} kept {one.kept / one.rows:.0%}",
    )


def _measure(options: argparse.Namespace, told: TextIO) -> dict[str, Any]:
    if options.texts is None:
        raise InputError("No texts are given. Name a folder: --texts FOLDER.")
    rows, weights = list(texts(options.texts)), dict.fromkeys(options.kinds or (), 1.0)
    made, out, seconds = asyncio.run(
        _measured(options.model, rows, weights or None, options.each, options.seed)
    )
    if options.dump is not None:
        with writing(str(options.dump)) as write:
            for row in out:
                write(row.to_json() + "\n")
    done = sum(one.taken for one in made)
    print(f"{describe().cpu}; {done} rows of {len(rows)} texts in {seconds:.1f} s", file=told)
    print(f"{'kind':16}{'tried':>7}{'good':>7}{'rows':>7}{'seconds':>9}", file=told)
    for one in made:
        line = f"{one.kind:16}{one.tried:7}{one.good:7}{one.taken:7}{one.seconds:9.2f}"
        print(line, file=told)
    return {"kinds": msgspec.to_builtins(made), "rows": done, "seconds": seconds}


async def _measured(
    model: str, rows: Sequence[Row], weights: dict[str, float] | None, each: int, seed: int
) -> tuple[list[Made], list[Row], float]:
    async with LlamaCpp(model) as llm:
        return await measure(llm, rows, weights, each=each, seed=seed)


async def measure(
    llm: LLM, rows: Sequence[Row], weights: dict[str, float] | None, *, each: int, seed: int
) -> tuple[list[Made], list[Row], float]:
    """What each kind gives of all texts, the rows of a run, and the seconds that the run took."""
    began = time.perf_counter()
    out = [row async for row in grounded(rows, llm, each=each, kinds=weights, seed=seed)]
    seconds = time.perf_counter() - began
    taken = Counter(row.provenance["instruction"]["kind"] for row in out if row.response)
    found = []
    for kind, _ in kinds_of(weights, llm):
        start = time.perf_counter()
        drafts = [
            (row, draft)
            for row in rows
            for draft in await KINDS[kind.name].drafts(
                passage_of(row), _random(seed, kind.name, row), llm
            )
        ]
        spent = time.perf_counter() - start
        good = sum(_good(row, draft) for row, draft in drafts)
        found.append(
            Made(
                kind=kind.name,
                tried=len(drafts),
                good=good,
                taken=taken[kind.name],
                seconds=round(spent, 3),
            )
        )
    return found, out, seconds


def _random(seed: int, kind: str, row: Row) -> Random:
    return Random(derive_seed(seed, f"grounded/{kind}", row.id))  # noqa: S311


def _good(row: Row, draft: Draft) -> bool:
    """Whether no check objects to a draft as a row, and its ground holds."""
    places = [{"start": place.start, "end": place.end} for place in draft.evidence]
    made = row.replace(
        instruction=draft.instruction,
        response=draft.response,
        extra={**row.extra, "input": draft.input, "evidence": places},
        provenance={"response": {"ground": dict(draft.ground)}},
    )
    objected = any(part_findings(made, part) for part in _PARTS)
    kind, against = stands(made)
    return not objected and kind is not None and against is None


def readings(path: Path) -> list[Read]:
    """What a reader made of rows, by the set of texts that they are about."""
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    sets = dict.fromkeys(line["texts"] for line in lines)
    return [
        Read(
            texts=name,
            rows=sum(line["texts"] == name for line in lines),
            questions=sum(line["texts"] == name and line["instruction_good"] for line in lines),
            kept=sum(line["texts"] == name and line["keep"] for line in lines),
        )
        for name in sets
    ]
