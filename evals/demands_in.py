"""``python -m evals demands-in``: are the checkable demands of prompts that others write found?

The prompts (``evals/data/demands_in.jsonl``) are our own, in the manners of IFEval, of chats and of
data sets, each with its demands. A demand is found if kind and all values are those of the label.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evals.options import add_json, check_place, save, told_on
from evolsynth.errors import InputError
from evolsynth.evaluation.demands import Demand
from evolsynth.evaluation.demands.found import demands_in

__all__ = ["Found", "Prompt", "add_options", "measure", "read_prompts", "run"]

_DATA = Path(__file__).parent / "data" / "demands_in.jsonl"


class Prompt(msgspec.Struct, frozen=True):
    """A prompt and its demands, flat as `Demand.to_dict` gives them. ``part``: "dev" was looked at
    while the patterns were written; "second" and "third" were held out, each until it had been
    measured once, and "held-out" was not looked at before the end."""

    id: str
    part: str
    style: str
    prompt: str
    demands: list[dict[str, object]]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of demands; ``exact`` of ``prompts`` have all of theirs and no other, ``alarmed`` of
    the ``bare`` ones, which have none, one at least."""

    prompts: int
    exact: int
    bare: int
    alarmed: int
    right: int
    missed: int
    false: int
    kinds: dict[str, tuple[int, int, int]]
    seconds: float
    told: list[str]

    @property
    def precision(self) -> float:
        """Of what was found, what is labelled."""
        return self.right / max(self.right + self.false, 1)

    @property
    def recall(self) -> float:
        """Of what is labelled, what was found."""
        return self.right / max(self.right + self.missed, 1)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--part", choices=("dev", "second", "third", "held-out"), default="dev", help="(dev)"
    )
    parser.add_argument("--data", type=Path, default=_DATA, metavar="FILE", help="other prompts")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    check_place(options.json)
    told = told_on(options.json)
    prompts = [one for one in read_prompts(options.data) if one.part == options.part]
    found = measure(prompts)
    print("\n".join(found.told), file=told)
    print(f"{'kind':28}{'right':>7}{'missed':>8}{'false':>7}", file=told)
    for name, counts in sorted(found.kinds.items()):
        print(f"{name:28}{counts[0]:7}{counts[1]:8}{counts[2]:7}", file=told)
    print(
        f"{options.part}: {found.prompts} prompts, {found.exact} exactly right; precision "
        f"{found.precision:.3f} ({found.false} false of {found.right + found.false}), recall "
        f"{found.recall:.3f} ({found.missed} missed of {found.right + found.missed})\n"
        f"{found.alarmed} of {found.bare} prompts without a demand have one found; "
        f"{1000 * found.seconds / max(found.prompts, 1):.2f} ms a prompt",
        file=told,
    )
    figures = msgspec.to_builtins(found)
    save(options.json, {**figures, "precision": found.precision, "recall": found.recall})
    return 0


def read_prompts(path: Path = _DATA) -> list[Prompt]:
    """The labelled prompts of a file.

    Raises:
        InputError: it cannot be read, or a line is none.
    """
    try:
        lines = path.read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Prompt) for line in lines if line.strip()]
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: {error}. Give a file of labelled prompts.") from None


def measure(prompts: Sequence[Prompt]) -> Found:
    """Look for the demands of each prompt and compare."""
    demands_in("Use at most 3 words.")  # the patterns are made at the first call
    right, missed, false = Counter[str](), Counter[str](), Counter[str]()
    told: list[str] = []
    seconds, exact, alarmed = 0.0, 0, 0
    for one in prompts:
        began = time.perf_counter()
        found = [each.demand for each in demands_in(one.prompt)]
        seconds += time.perf_counter() - began
        asked = [Demand.read(each) for each in one.demands]
        lacking = [each for each in asked if each not in found]
        extra = [each for each in found if each not in asked]
        right.update(each.kind for each in asked if each in found)
        missed.update(each.kind for each in lacking)
        false.update(each.kind for each in extra)
        exact += not (lacking or extra)
        alarmed += bool(found) and not asked
        told += [f"missed {each.to_dict()}\n    {one.id}: {one.prompt!r}" for each in lacking]
        told += [f"FALSE {each.to_dict()}\n    {one.id}: {one.prompt!r}" for each in extra]
    return Found(
        prompts=len(prompts),
        exact=exact,
        bare=sum(not one.demands for one in prompts),
        alarmed=alarmed,
        right=right.total(),
        missed=missed.total(),
        false=false.total(),
        kinds={k: (right[k], missed[k], false[k]) for k in {*right, *missed, *false}},
        seconds=seconds,
        told=told,
    )
