"""Go on asking about the same text: a conversation whose every answer is known to be right."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from evolsynth.columns import Columns
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.methods.method import Options, method
from evolsynth.options import Count, Share
from evolsynth.prompts import prompt_lists
from evolsynth.rows import Message, Row, derive_seed
from evolsynth.streams import Rows, map_rows

__all__ = ["follow_up"]

_METHOD = "follow_up"


def _columns(_: str, options: Options, came: Columns) -> Columns:
    return came.plus({"messages": "messages"})


@method(shape="expand", needs=["instruction"], gives=["messages"], columns=_columns)
async def follow_up(
    rows: Rows, *, share: Share = 1.0, most: Count = 2, seed: int = 0
) -> AsyncGenerator[Row]:
    """Each row, and behind it a conversation that goes on from it with questions about its text.

    `grounded` keeps other questions about a text, with their answers, in
    ``provenance["instruction"]["others"]``. A row that has some, and whose own answer stands on a
    ground, is followed by one with ``messages``: its question with the text, its answer, and then
    one to ``most`` of the others with theirs. Each answer is checked again by its ground, so no
    model is asked. All other rows pass through alone.

    Args:
        share: of the rows that are followed.
        most: questions that follow one at most.
    """

    async def one(row: Row) -> tuple[Row, ...]:
        chance = random.Random(derive_seed(seed, _METHOD, row.id))  # noqa: S311 - reproducible
        others = _others(row)
        if not others or chance.random() >= share:
            return (row,)
        number = chance.randint(1, min(most, len(others)))
        return (row, _talk(row, chance.sample(others, number), chance, seed))

    async with aclosing(map_rows(rows, one, step=_METHOD, concurrency=4)) as stream:
        async for row in stream:
            yield row


def _others(row: Row) -> list[Mapping[str, Any]]:
    """Questions about the row's text whose answers stand; none where its own does not."""
    kind, against = stands(row)
    made = row.provenance.get("instruction")
    found = made.get("others") if isinstance(made, Mapping) else None
    if row.round or row.messages or kind is None or against is not None:
        return []
    if not isinstance(found, Sequence) or row.input is None:
        return []
    return [one for one in found if isinstance(one, Mapping) and one.keys() >= {*_PART}]


_PART = ("instruction", "response", "ground")


def _talk(row: Row, others: Sequence[Mapping[str, Any]], chance: random.Random, seed: int) -> Row:
    own = {"instruction": row.instruction, "response": row.response}
    parts: list[dict[str, Any]] = [{**own, "ground": row.provenance["response"]["ground"]}]
    turns = [Message("user", row.asked or ""), Message("assistant", row.response or "")]
    openings = prompt_lists("follow_up/openings")["openings"]
    for other in others:
        opening = chance.choice(openings).replace("-", "")
        question = f"{opening} {other['instruction']}".strip()
        parts.append({"opening": opening, **other})
        turns += [Message("user", question), Message("assistant", str(other["response"]))]
    told = {**row.provenance["instruction"], "follows": row.id}
    told.pop("others", None)
    ground = {"kind": "talk", "parts": parts}
    return Row.make(
        row.instruction,
        key=f"{_METHOD}/{seed}",
        method=_METHOD,
        response=row.response,
        messages=tuple(turns),
        system=row.system,
        parents=(row.id,),
        provenance={"instruction": told, "response": {"ground": ground}},
        extra=dict(row.extra),
    )
