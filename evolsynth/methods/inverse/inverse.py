"""Good texts, spoiled by a program: the instruction asks to mend them, the answer is the text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from evolsynth.errors import InputError
from evolsynth.evaluation.grounds.restored import digest_of
from evolsynth.evaluation.problems.problem import filled
from evolsynth.evaluation.spoiling.spoiler import SPOILERS
from evolsynth.findings import reason
from evolsynth.methods.inverse.material import material
from evolsynth.methods.method import method
from evolsynth.options import Count
from evolsynth.prompts import lists_hash, prompt_lists
from evolsynth.rows import Row, derive_seed
from evolsynth.streams import Rows, map_rows

if TYPE_CHECKING:
    from evolsynth.methods.steering import Steering

__all__ = ["inverse"]

NOTHING = reason(
    "nothing_to_spoil",
    "No part of the text could be spoiled so that it still says how it was.",
    "Give longer texts, or more of the ways to spoil them.",
)
#: Parts of a text that are tried at most for one way to spoil.
_TRIED = 12
_KEPT = ("title", "heading", "source")
_WAYS = "spoilers"


@method(
    shape="expand",
    needs=["input"],
    gives=["instruction", "response", "input"],
    then=lambda _: {"gate": {}},
)
async def inverse(
    rows: Rows,
    *,
    seed: int = 0,
    each: Count = 2,
    spoilers: Sequence[str] | None = None,
    concurrency: Count = 4,
    steering: Steering | None = None,
) -> AsyncGenerator[Row]:
    """Tasks to mend a part of each row's ``input`` that a program spoiled; the answer is the
    original, which the spoiled text decides.

    No model is asked. Texts are spoiled by typing errors, lost capitals, stops and spaces, doubled
    words, words that sound alike, broken lines, lost order and structure; of one way only some
    words are left, with which a sentence is to be written. The gate spoils each answer again and
    compares.

    Args:
        each: tasks of each row at most, each spoiled in another way.
        spoilers: the ways in which texts are spoiled; by default all of them.

    Raises:
        InputError: there is no such way, or none was named.
    """
    named = list(SPOILERS) if spoilers is None else list(spoilers)
    if not named:
        raise InputError("spoilers is empty. Name some, or leave it out.")
    for name in named:
        SPOILERS[name]
    maker = _Maker(seed, named, each)

    async def one(row: Row) -> tuple[Row, ...]:
        if row.input is None:
            return (row,)
        weights = None if steering is None else await _weights(steering, row, named)
        made = await asyncio.to_thread(maker.rows, row, row.input, weights)
        return made or (row.reject(NOTHING),)

    async with aclosing(map_rows(rows, one, step="inverse", concurrency=concurrency)) as stream:
        async for row in stream:
            yield row


async def _weights(steering: Steering, row: Row, named: Sequence[str]) -> Mapping[str, float]:
    """How often each way is to be taken where the run has come to a row."""
    tasks = {name: SPOILERS[name].task for name in named}
    return await steering.weights(row, _WAYS, dict.fromkeys(named, 1.0), tasks)


class _Maker(NamedTuple):
    """What all rows of a run have in common."""

    seed: int
    spoilers: Sequence[str]
    each: int

    def rows(
        self, row: Row, text: str, weights: Mapping[str, float] | None = None
    ) -> tuple[Row, ...]:
        """So many tasks of one text, no part of it twice; where the run steers itself, its ways are
        drawn by these weights."""
        chance = Random(derive_seed(self.seed, "inverse", row.id))  # noqa: S311 - reproducible
        parts = material(text)
        used, made = set[str](), []
        names = chance.sample(self.spoilers, len(self.spoilers))
        if weights is not None:  # Efraimidis and Spirakis 2006: without replacement
            names = [name for name in names if weights[name] > 0]
            names.sort(key=lambda name: chance.random() ** (1 / weights[name]), reverse=True)
        for name in names:
            some = [part for part in parts[SPOILERS[name].unit] if not _overlaps(part, used)]
            for part in chance.sample(some, min(len(some), _TRIED)):
                task = self._task(row, name, part, chance)
                if task is not None:
                    used.add(part)
                    made.append(task if weights is None else _with_drawn(task, name))
                    break
            if len(made) == self.each:
                break
        return tuple(made)

    def _task(self, row: Row, name: str, part: str, chance: Random) -> Row | None:
        own = derive_seed(self.seed, f"inverse/{name}", f"{row.id}/{part}")
        spoiled = SPOILERS[name].spoil(part, Random(own))  # noqa: S311 - reproducible
        if spoiled is None or spoiled.text == part:
            return None
        asked = prompt_lists(f"inverse/{name}")["mend"]
        wording = chance.randrange(len(asked))
        made = {
            "method": "inverse",
            "kind": name,
            "task": SPOILERS[name].task,
            "wording": f"{name}/{wording}",
            "seed": own,
            "prompt": f"inverse/{name}",
            "prompt_sha256": lists_hash(f"inverse/{name}"),
        }
        ground: Mapping[str, object] = {
            "kind": "restored", "spoiler": name, "seed": own, "wording": wording,
        }  # fmt: skip
        if not SPOILERS[name].decides:
            ground = {**ground, "digest": digest_of(part)}
        return Row.make(
            filled(asked[wording], spoiled.shown),
            key=f"inverse/{self.seed}/{row.id}/{name}",
            method="inverse",
            parents=(row.id,),
            response=part,
            extra={
                **{n: v for n, v in row.extra.items() if n in _KEPT},
                "input": spoiled.text,
            },
            provenance={
                "instruction": made,
                "response": {"method": "inverse", "finish_reason": "stop", "ground": dict(ground)},
            },
        )


def _with_drawn(row: Row, name: str) -> Row:
    """The row, which says in which way it was to be spoiled."""
    from evolsynth.methods.steering import DRAWN

    made = {**row.provenance["instruction"], DRAWN: {_WAYS: name}}
    return row.replace(provenance={**row.provenance, "instruction": made})


def _overlaps(part: str, used: set[str]) -> bool:
    return any(part in one or one in part for one in used)
