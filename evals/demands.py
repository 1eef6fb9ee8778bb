"""``python -m evals demands``: do our checks of demands say what if-verifiable's say?

Real answers of a small model (`evals.demand_answers`), as they are, made to meet a demand by rule,
and spoiled by rule, are checked by ours and by the independent verifiers of IFEval and IFBench.
Where theirs asks for less on purpose, they agree if what passes ours passes theirs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from evals.demand_answers import ANSWERS, Answer
from evals.demand_edits import Pair, pairs
from evals.demand_peers import COUNTERPARTS, Peer, counterparts
from evals.machine import describe
from evals.options import add_json, check_place, positive, save, told_on
from evolsynth.data.files import read_objects
from evolsynth.errors import InputError

__all__ = ["Agreement", "Disagreement", "add_options", "compared", "measure", "read_answers", "run"]

_GOAL = 0.98
_SHOWN = 160  # characters of a response


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """A response of which the two say different things; ``ours`` is what we miss, if anything."""

    kind: str
    values: dict[str, object]
    how: str
    response: str
    ours: str | None
    theirs: bool


class Agreement(msgspec.Struct, kw_only=True):
    """Of one kind: how many pairs; of how many both say the ``same``; how many are ``agreed`` on,
    with those that theirs lets pass where it asks for less (``looser``); passed by both; and by
    ours alone, which may not be."""

    pairs: int = 0
    same: int = 0
    agreed: int = 0
    passed: int = 0
    ours_alone: int = 0
    looser: bool = False

    @property
    def share(self) -> float:
        """Of the pairs, those agreed on."""
        return self.agreed / max(1, self.pairs)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command line takes."""
    parser.add_argument(
        "--answers",
        type=Path,
        default=ANSWERS,
        metavar="FILE",
        help="JSONL with task, instruction and response (default: those made once, here)",
    )
    parser.add_argument(
        "--each", type=positive, default=60, metavar="N", help="answers for each kind (60)"
    )
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="default: 7")
    parser.add_argument(
        "--list", type=positive, default=40, metavar="N", help="disagreements shown (40)"
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure and print; the status is 1 below the goal of 98%."""
    check_place(options.json)
    answers, told = read_answers(options.answers), told_on(options.json)
    found, differ = measure(pairs(answers, each=options.each, seed=options.seed), Peer())
    whole = _whole(found.values())
    _tell(found, differ[: options.list], told)
    missing = sorted(set(COUNTERPARTS) - set(found))
    if missing:
        print(f"no pairs of: {', '.join(missing)}", file=told)
    save(
        options.json,
        {
            "machine": msgspec.to_builtins(describe()),
            "whole": msgspec.to_builtins(whole) | {"share": whole.share},
            "kinds": {
                name: msgspec.to_builtins(one) | {"share": one.share} for name, one in found.items()
            },
            "disagreements": msgspec.to_builtins(differ),
        },
    )
    return 0 if whole.share >= _GOAL else 1


def read_answers(path: Path) -> list[Answer]:
    """The answers of a file.

    Raises:
        InputError: it cannot be read, or a line lacks a field.
    """
    found = []
    for number, data in read_objects(path):
        try:
            found.append(msgspec.convert({"greedy": False, "task": "other", **data}, Answer))
        except msgspec.ValidationError as error:
            raise InputError(f"{path}, line {number}: {error}.") from None
    if not found:
        raise InputError(f"{path}: there are no answers.")
    return found


def measure(
    some: Iterable[Pair], peer: Peer
) -> tuple[dict[str, Agreement], Sequence[Disagreement]]:
    """Both checks of each pair, by kind; and where they differ, those first that ours let pass."""
    found: dict[str, Agreement] = {}
    differ: list[Disagreement] = []
    for pair in some:
        both = compared(pair, peer)
        if both is None:
            continue
        ours, theirs, looser = both
        one = found.setdefault(pair.demand.kind, Agreement())
        one.pairs += 1
        one.looser |= looser
        one.passed += ours is None and theirs
        one.same += (ours is None) == theirs
        if (ours is None) == theirs or (looser and theirs):
            one.agreed += 1
            continue
        one.ours_alone += ours is None
        differ.append(
            Disagreement(
                kind=pair.demand.kind,
                values=pair.demand.values,
                how=pair.how,
                response=pair.response,
                ours=ours,
                theirs=theirs,
            )
        )
    return found, sorted(differ, key=lambda one: (one.theirs, one.kind))


def compared(pair: Pair, peer: Peer) -> tuple[str | None, bool, bool] | None:
    """What we miss, whether theirs passes, whether theirs asks for less; None where there is no
    check of theirs for such values."""
    theirs = counterparts(pair.demand, pair.asked)
    if not theirs:
        return None
    miss = pair.demand.check(pair.response, asked=f"{pair.asked} {pair.demand.worded(0)}")
    passes = all(peer.passes(one, pair.response) for one in theirs)
    return None if miss is None else miss.why, passes, any(one.looser for one in theirs)


def _whole(some: Iterable[Agreement]) -> Agreement:
    total = Agreement()
    for one in some:
        total.pairs += one.pairs
        total.same += one.same
        total.agreed += one.agreed
        total.passed += one.passed
        total.ours_alone += one.ours_alone
    return total


def _tell(found: dict[str, Agreement], differ: Sequence[Disagreement], told: TextIO) -> None:
    print(f"{'kind':28}{'pairs':>8}{'agree':>9}{'both pass':>11}{'ours alone':>12}", file=told)
    for name, one in sorted(found.items(), key=lambda item: item[1].share):
        mark = " (theirs asks for less)" if one.looser else ""
        print(
            f"{name:28}{one.pairs:8}{one.share:9.1%}{one.passed:11}{one.ours_alone:12}{mark}",
            file=told,
        )
    one = _whole(found.values())
    alone = one.ours_alone / max(1, one.passed + one.ours_alone)
    print(f"{'all':28}{one.pairs:8}{one.share:9.1%}{one.passed:11}{one.ours_alone:12}", file=told)
    print(
        f"of {one.same / max(1, one.pairs):.1%} both say the same; "
        f"of what passes ours, {1 - alone:.2%} passes theirs",
        file=told,
    )
    for other in differ:
        text = " / ".join(other.response.splitlines())
        text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        said = f"ours: {other.ours}" if other.ours else "ours passes"
        values = ", ".join(f"{name} {value}" for name, value in other.values.items())
        theirs = "passes" if other.theirs else "misses"
        print(
            f"{other.kind} ({values}; {other.how}): {said}; theirs {theirs}\n    {text}", file=told
        )
