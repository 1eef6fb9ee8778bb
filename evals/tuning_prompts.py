"""``python -m evals tuning-prompts``: prompts in IFEval's form, of rows that say what they demand.

Rows that were evolved carry the demands that they were given. Where if-verifiable has a verifier
that says the same of each of them, the row's instruction becomes a prompt that `evals.tuning` can
measure a model on: requests of our own, with demands of our own, judged by others. Take rows that
no arm was taught, made with another seed. With ``--labelled`` the prompts are those that people
might write, of ``evals/data/demands_in.jsonl``: no generator of ours has a part in them.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from evals.demand_peers import counterparts
from evals.demands_in import read_prompts
from evals.verifiers import Asked, registry, verifier
from evolsynth.atomic import write
from evolsynth.data.files import read_rows
from evolsynth.errors import InputError
from evolsynth.evaluation.demands import KINDS, Demand
from evolsynth.rows import Row, dump

__all__ = ["add_options", "prompts_of", "run"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument(
        "rows", type=Path, nargs="?", metavar="ROWS", help="JSONL, evolved with demands"
    )
    given.add_argument("--labelled", action="store_true", help="prompts that were written by hand")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")


def run(options: argparse.Namespace) -> int:
    """Make the prompts, write them, and tell which rows gave none."""
    rows = _labelled() if options.labelled else read_rows(options.rows)
    found, left_out = prompts_of(rows)
    if not found:
        told = ", ".join(f"{n} {why}" for why, n in left_out.most_common()) or "it is empty"
        raise InputError(f"{options.rows}: no row of it gives a prompt ({told}).")
    write(options.output, (dump(msgspec.to_builtins(asked)) + "\n" for asked in found))
    print(f"{len(found)} prompts in {options.output}")
    for why, count in left_out.most_common():
        print(f"{count:6} rows left out: {why}")
    return 0


def prompts_of(rows: Iterable[Row]) -> tuple[list[Asked], Counter[str]]:
    """A prompt for each instruction whose demands can all be verified by others, and how many rows
    gave none, by why.

    Raises:
        InputError: a row's demand is none that there is.
        SetupError: see `evals.verifiers.registry`.
    """
    found: dict[str, Asked] = {}
    left_out: Counter[str] = Counter()
    for row in rows:
        text, made = (row.instruction or "").strip(), row.provenance.get("instruction")
        given = made.get("demands") if isinstance(made, dict) else None
        if not text or not given:
            left_out["without demands"] += 1
        elif text in found:
            left_out["the same as one before"] += 1
        else:
            asked = _asked(row.id, text, [_read(row, one) for one in given])
            if isinstance(asked, str):
                left_out[f"nothing verifies {asked}"] += 1
            else:
                found[text] = asked
    return list(found.values()), left_out


def _labelled() -> Iterator[Row]:
    """The prompts of `evals.demands_in`, as rows that say what they demand."""
    for one in read_prompts():
        yield Row.make(one.prompt, id=one.id, provenance={"instruction": {"demands": one.demands}})


def _read(row: Row, data: object) -> Demand:
    try:
        if isinstance(data, dict):
            return Demand.read(data)
    except InputError as error:
        raise InputError(f"row {row.id}: {error}") from None
    raise InputError(f"row {row.id}: a demand is {type(data).__name__}. Give an object.")


def _asked(key: str, text: str, demands: list[Demand]) -> Asked | str:
    """The prompt, or the kind of the first demand that nothing verifies in full."""
    names: list[str] = []
    values: list[dict[str, object]] = []
    for demand in demands:
        # What repeats the request needs it without its demands, which a row does not have.
        others = () if KINDS[demand.kind].sees else counterparts(demand, text)
        if not others or any(one.looser or one.name not in registry() for one in others):
            return demand.kind
        try:
            for one in others:
                verifier(one.name, one.arguments, prompt=text)
        except InputError:  # it has no such language, say
            return demand.kind
        names += [one.name for one in others]
        values += [dict(one.arguments) for one in others]
    return Asked(key=key, prompt=text, instruction_id_list=tuple(names), kwargs=tuple(values))
