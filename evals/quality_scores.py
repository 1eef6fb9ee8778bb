"""``python -m evals quality-scores``: do the scores and checks of responses tell good from bad?

Good are answers that people wrote. Bad are the same spoiled (`spoiled`), for the checks, and
answers to something else, for IFD and the judge.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import msgspec

from evals.machine import describe
from evals.options import add_json, check_place, save, told_on
from evals.quality import ANSWERS, Answer, read_answers
from evals.spoiled import WAYS, swapped
from evolsynth.errors import InputError
from evolsynth.evaluation.gate.check import Case, tiers
from evolsynth.evaluation.gate.gate import part_findings
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.scores.judge import judge
from evolsynth.evaluation.scores.response import ifd
from evolsynth.llm.base import LLM
from evolsynth.llm.llamacpp import DEFAULT_MODEL, LlamaCpp
from evolsynth.rows import Row

__all__ = ["Found", "Told", "add_options", "asked_alarms", "auroc", "checked", "run", "told_apart"]

_SHIFTS = (1, 17, 29)  # an answer's distance to what it is put under instead


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """How well a score tells ``good`` answers from ``bad`` ones, which answer something else:
    the chance that it is the right way round for one of each (0.5: nothing). ``good_over`` and
    ``bad_over`` are the shares of 1 or more, where an IFD is too high."""

    score: str
    good: int
    bad: int
    auroc: float
    good_over: float
    bad_over: float


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Of ``n`` answers spoiled in one ``way``: the shares refused for any reason, and for the
    ``code`` that names it."""

    way: str
    code: str
    n: int
    refused: float
    named: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--data",
        type=Path,
        default=ANSWERS,
        metavar="FILE",
        help="JSONL with instruction and response or output (default: evals/data/answers.jsonl)",
    )
    parser.add_argument("--no-model", action="store_true", help="the checks alone")
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="MODEL", help="what scores")
    parser.add_argument("--no-judge", action="store_true", help="IFD and the checks alone")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    check_place(options.json)
    answers, told = read_answers(options.data), told_on(options.json)
    alarms, found = checked(answers)
    asked = asked_alarms(answers)
    for kind, shares in (("instructions", asked), ("answers", alarms)):
        print(f"{len(answers)} {kind} that people wrote; refused by", file=told)
        for code, share in shares.items():
            print(f"  {code:28}{share:8.1%}", file=told)
        if not shares:
            print("  no check", file=told)
    print(f"\n{'spoiled on purpose':28}{'refused':>10}{'named':>8}", file=told)
    for way in found:
        print(f"{way.way:28}{way.refused:10.1%}{way.named:8.1%}  {way.code}", file=told)
    scores: list[Told] = []
    if not options.no_model:
        scores = asyncio.run(_scores(options.model, answers, judged=not options.no_judge))
        print(f"\n{'AUROC, right or other answer':32}{options.model}", file=told)
        for one in scores:
            print(f"{one.score:28}{one.auroc:10.3f}  ({one.good}, {one.bad})", file=told)
            if one.score == "ifd":
                over = f"{one.good_over:.1%} of right answers, {one.bad_over:.1%} of others"
                print(f"  1 or more: {over}", file=told)
    save(
        options.json,
        {
            "machine": msgspec.to_builtins(describe()),
            "model": None if options.no_model else options.model,
            "alarms": alarms,
            "asked_alarms": asked,
            "found": msgspec.to_builtins(found),
            "scores": msgspec.to_builtins(scores),
        },
    )
    return 0


def checked(answers: Sequence[Answer]) -> tuple[dict[str, float], list[Found]]:
    """The shares of good answers refused, by code; and what was found of spoiled ones.

    Only checks of responses are made, with default settings.
    """
    alarms = Counter(code for answer in answers for code in _codes(answer))
    found = []
    for way, (code, spoil) in WAYS.items():
        codes = [
            _codes(Answer(a.instruction, spoil(random.Random(f"{way}/{i}"), a)))  # noqa: S311
            for i, a in enumerate(answers)
        ]
        found.append(
            Found(
                way=way,
                code=code,
                n=len(answers),
                refused=sum(map(bool, codes)) / len(answers),
                named=sum(code in given for given in codes) / len(answers),
            )
        )
    return {code: count / len(answers) for code, count in sorted(alarms.items())}, found


def asked_alarms(answers: Sequence[Answer]) -> dict[str, float]:
    """The shares of instructions that people wrote which are refused, by code.

    They are checked as if a model had written them, so that every check of instructions is made.
    """
    made = {"instruction": {"model": "a person"}}
    counts: Counter[str] = Counter()
    for answer in answers:
        case = Case(_row(answer).replace(provenance=made), GateSettings())
        for _, _, checks in tiers(GateSettings(), parts=("instruction",)):
            counts.update(f.code for check in checks if (f := check.find(case)) is not None)
    return {code: count / len(answers) for code, count in sorted(counts.items())}


def _codes(answer: Answer) -> list[str]:
    return [f.code for f in part_findings(_row(answer), "response")]


def _row(answer: Answer) -> Row:
    return Row.make(answer.instruction, response=answer.response)


async def _scores(model: str, answers: Sequence[Answer], *, judged: bool) -> list[Told]:
    async with LlamaCpp(model) as llm:
        return await told_apart(llm, answers, judged=judged)


async def told_apart(llm: LLM, answers: Sequence[Answer], *, judged: bool = True) -> list[Told]:
    """How well IFD, its two perplexities and a judge tell right answers from others."""
    good, bad = [_row(a) for a in answers], []
    for shift in _SHIFTS:
        bad += [_row(a) for a in swapped(answers, shift)]
    names = ["ifd", "perplexity", "perplexity_alone"]
    async with aclosing(ifd([*good, *bad], llm)) as stream:
        rows = [row async for row in stream]
    told = [_told(name, rows, len(good), lower=True) for name in names]
    if judged:  # one of three is enough: it takes longer
        async with aclosing(judge([*good, *bad[: len(good)]], llm, criteria=["quality"])) as stream:
            rows = [row async for row in stream]
        told.append(_told("quality", rows, len(good), lower=False))
    return told


def _told(name: str, rows: Sequence[Row], good: int, *, lower: bool) -> Told:
    sign = -1 if lower else 1
    values = [sign * row.scores[name] if name in row.scores else None for row in rows]
    right = [v for v in values[:good] if v is not None]
    other = [v for v in values[good:] if v is not None]
    over = [sum(abs(v) >= 1 for v in part) / max(len(part), 1) for part in (right, other)]
    return Told(
        score=name,
        good=len(right),
        bad=len(other),
        auroc=auroc(right, other),
        good_over=over[0],
        bad_over=over[1],
    )


def auroc(higher: Sequence[float], lower: Sequence[float]) -> float:
    """The share of pairs in which the first is the higher; a draw is half of one.

    Raises:
        InputError: one of the two is empty.
    """
    if not higher or not lower:
        raise InputError("There are no scores to compare. Give rows that can be scored.")
    won = sum((a > b) + 0.5 * (a == b) for a in higher for b in lower)
    return round(won / (len(higher) * len(lower)), 4)
