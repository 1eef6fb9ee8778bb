"""``python -m evals yield``: how many seeds get accepted evolutions, and what each costs.

The seeds are evolved over several rounds, then again with all candidates asked for, with one
candidate a round, and with classic prompts, on the same model and with the same gate. Whether the
accepted ones are good is not decided here: ``--dump`` writes every attempt, for reading.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evals.machine import describe
from evals.options import add_json, check_place, names, positive, save, told_on
from evolsynth.data.files import read_objects
from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.text.added import demand_added
from evolsynth.llm.base import LLM
from evolsynth.llm.llamacpp import DEFAULT_MODEL, LlamaCpp
from evolsynth.methods.evolve.evolve import evolve
from evolsynth.rows import Row

__all__ = ["Arm", "Operation", "add_options", "measure", "read_seeds", "run"]

#: The ways that are compared, by what they ask of `evolve` beside the options.
ARMS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "written by the model": {"demands": False},
    "all candidates": {"demands": False, "good_enough": 1.0},
    "one candidate": {"demands": False, "candidates": 1},
    "classic prompts": {"prompts": "classic", "ask_for_gain": False, "max_tokens": 160},
}
_OPENING = 3  # words of an added demand that are compared


class Operation(msgspec.Struct, kw_only=True):
    """What became of the attempts of one operation in one round. ``refused`` counts each reason;
    an attempt may have several. ``accepted`` were let through and chosen."""

    attempts: int = 0
    accepted: int = 0
    let_through: int = 0
    refused: dict[str, int] = {}


class Arm(msgspec.Struct, kw_only=True):
    """One way of evolving the seeds. ``first`` is the share of seeds with an accepted first
    round, ``all_rounds`` of those whose every round was accepted, ``any_round`` of those with one
    at least. ``same_opening`` is the share of accepted demands that begin with the commonest three
    words, ``opening`` these. ``most_loss`` is the highest score of information loss accepted."""

    name: str
    seeds: int
    first: float
    any_round: float
    all_rounds: float
    accepted: int
    tokens_per_accepted: float | None
    seconds_per_accepted: float | None
    same_opening: float
    opening: str
    most_loss: float
    operations: dict[str, dict[str, Operation]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--seeds",
        type=Path,
        metavar="FILE",
        help="JSONL with instruction and perhaps input (default: the seeds of Self-Instruct here)",
    )
    parser.add_argument("-n", type=positive, metavar="N", help="that many of them, drawn evenly")
    parser.add_argument("--rounds", type=positive, default=3, metavar="N", help="default: 3")
    parser.add_argument("--candidates", type=positive, default=8, metavar="K", help="default: 8")
    parser.add_argument("--seed", type=int, default=7, help="default: 7")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="as for `evolsynth evolve`")
    parser.add_argument(
        "--arms", type=names(tuple(ARMS)), default=tuple(ARMS), help=f"of: {', '.join(ARMS)}"
    )
    parser.add_argument(
        "--dump", type=Path, metavar="FILE", help="write the rows of the first arm there, as JSONL"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    check_place(options.json)
    seeds = read_seeds(options.seeds)
    if options.n is not None and options.n < len(seeds):
        seeds = random.Random(options.seed).sample(seeds, options.n)  # noqa: S311 - reproducible
    arms, rows = asyncio.run(_all(seeds, options))
    told = told_on(options.json)
    machine = describe()
    print(f"{machine.cpu}; {len(seeds)} seeds, {options.rounds} rounds", file=told)
    for arm in arms:
        _tell(arm, told)
    if options.dump is not None:
        lines = (row.to_json() + "\n" for row in rows)
        options.dump.write_text("".join(lines), encoding="utf-8")
        print(f"Rows of '{arms[0].name}' are in {options.dump}.", file=told)
    save(
        options.json,
        {"machine": msgspec.to_builtins(machine), "arms": [msgspec.to_builtins(a) for a in arms]},
    )
    return 0


def read_seeds(path: Path | None) -> list[Row]:
    """The seeds; an input follows its instruction behind an empty line.

    Raises:
        InputError: the file cannot be read, or a line has no instruction.
    """
    if path is None:
        from evolsynth.methods.self_instruct.pool import shipped_seeds

        seeds = shipped_seeds()
        return [Row.make(f"{s.instruction}\n\n{s.input}".strip()) for s in seeds]
    found = []
    for number, data in read_objects(path):
        text, given = data.get("instruction"), data.get("input")
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"{path}, line {number}: the field 'instruction' has no text.")
        whole = f"{text.strip()}\n\n{given.strip()}" if isinstance(given, str) and given else text
        found.append(Row.make(whole, key=str(number)))
    if not found:
        raise InputError(f"{path}: there are no rows.")
    return found


async def _all(seeds: Sequence[Row], options: argparse.Namespace) -> tuple[list[Arm], list[Row]]:
    arms: list[Arm] = []
    kept: list[Row] = []
    async with LlamaCpp(options.model) as llm:
        embedder = MiniLM()
        await asyncio.to_thread(embedder.load)
        await asyncio.to_thread(embedder.rough)
        for name in options.arms:
            print(f"{name} ...", file=sys.stderr, flush=True)
            how = {"candidates": options.candidates, **ARMS[name]}
            arm, rows = await measure(
                name, seeds, llm, Gate(embedder), rounds=options.rounds, seed=options.seed, **how
            )
            arms.append(arm)
            kept = kept or rows
    return arms, kept


async def measure(
    name: str,
    seeds: Sequence[Row],
    llm: LLM,
    gate: Gate,
    *,
    rounds: int,
    seed: int,
    **how: Any,
) -> tuple[Arm, list[Row]]:
    """Evolve the seeds one way; what came of it, and all rows."""
    before, began = llm.usage.completion_tokens, time.perf_counter()
    stream = evolve(
        seeds,
        llm,
        gate=gate,
        rounds=rounds,
        seed=seed,
        include_original_instruction=False,
        **how,
    )
    rows = [row async for row in stream]
    seconds = time.perf_counter() - began
    tokens = llm.usage.completion_tokens - before
    return _arm(name, rows, rounds, tokens, seconds), rows


def _arm(name: str, rows: Sequence[Row], rounds: int, tokens: int, seconds: float) -> Arm:
    by_seed = _by_seed(rows, rounds)
    accepted = [row for row in rows if row.status == "pending"]
    openings = Counter(filter(None, map(_opening, accepted)))
    opening, same = openings.most_common(1)[0] if openings else ("", 0)
    each = max(1, len(accepted))
    return Arm(
        name=name,
        seeds=len(by_seed),
        first=_share(by_seed, lambda some: some[0].status == "pending"),
        any_round=_share(by_seed, lambda some: any(r.status == "pending" for r in some)),
        all_rounds=_share(by_seed, lambda some: sum(r.status == "pending" for r in some) == rounds),
        accepted=len(accepted),
        tokens_per_accepted=tokens / each if accepted else None,
        seconds_per_accepted=seconds / each if accepted else None,
        same_opening=same / each,
        opening=opening,
        most_loss=max((r.scores.get("information_loss", 0.0) for r in accepted), default=0.0),
        operations=_operations(by_seed),
    )


def _by_seed(rows: Sequence[Row], rounds: int) -> list[list[Row]]:
    """The rows of each seed; a failed one is the last of its seed."""
    groups: list[list[Row]] = []
    whole = True
    for row in rows:
        if whole:
            groups.append([])
        groups[-1].append(row)
        whole = len(groups[-1]) == rounds or row.status == "failed"
    return groups


def _share(groups: Sequence[Sequence[Row]], holds: Any) -> float:
    return sum(map(bool, map(holds, groups))) / max(1, len(groups))


def _opening(row: Row) -> str:
    """The first words of what an evolution in depth adds."""
    original = row.provenance["instruction"].get("original")
    if original is None:
        return ""
    added = re.findall(r"[\w']+", demand_added(original, row.instruction or "").casefold())
    return " ".join(added[:_OPENING])


def _operations(by_seed: Iterable[Sequence[Row]]) -> dict[str, dict[str, Operation]]:
    """By round (1 for the first) and operation."""
    found: dict[str, dict[str, Operation]] = {}
    for rows in by_seed:
        for number, row in enumerate(rows, 1):
            made = row.provenance.get("instruction")
            if made is None:  # the request failed
                continue
            here = found.setdefault(str(number), {})
            reasons = row.verdict.reasons if row.verdict else ()
            _count(here, made["operation"], reasons, chosen=True)
            for other in made["candidates"]:
                _count(here, other["operation"], other.get("reasons", ()), chosen=False)
    return found


def _count(here: dict[str, Operation], name: str, reasons: Sequence[str], *, chosen: bool) -> None:
    one = here.setdefault(name, Operation())
    one.attempts += 1
    one.let_through += not reasons
    one.accepted += chosen and not reasons
    for reason in reasons:
        one.refused[reason] = one.refused.get(reason, 0) + 1


def _tell(arm: Arm, told: Any) -> None:
    print(
        f"\n{arm.name}: of {arm.seeds} seeds {arm.first:.1%} got an accepted first evolution, "
        f"{arm.any_round:.1%} any, {arm.all_rounds:.1%} all rounds; {arm.accepted} accepted",
        file=told,
    )
    if arm.tokens_per_accepted is not None:
        print(
            f"{arm.tokens_per_accepted:.0f} tokens and {arm.seconds_per_accepted:.2f} s for each; "
            f"{arm.same_opening:.1%} begin with '{arm.opening}'; "
            f"highest loss {arm.most_loss:.2f}",
            file=told,
        )
    print(
        f"{'round':6}{'operation':28}{'attempts':>9}{'through':>9}{'accepted':>9}  refused for",
        file=told,
    )
    for number, operations in arm.operations.items():
        for name, one in sorted(operations.items()):
            most = sorted(one.refused.items(), key=lambda pair: (-pair[1], pair[0]))
            reasons = ", ".join(f"{code} {count}" for code, count in most[:5])
            print(
                f"{number:6}{name:28}{one.attempts:9}{one.let_through:9}{one.accepted:9}  "
                f"{reasons}",
                file=told,
            )
