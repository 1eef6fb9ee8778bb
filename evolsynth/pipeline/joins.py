"""Bringing branches together."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Any

from evolsynth.errors import InputError
from evolsynth.pipeline.values import column, with_column
from evolsynth.rows import Failure, Row
from evolsynth.streams import ready

__all__ = ["group", "merge"]

#: Rows of a branch that are made ahead while the other branches are waited for.
_AHEAD = 64


async def merge(streams: Sequence[AsyncGenerator[Row]]) -> AsyncGenerator[Row]:
    """All rows of all branches, one of each in turn, as long as each has some.

    The order depends on what each branch gives and not on which is faster. The first branch's rows
    keep the ids that they had before the branches; those of the others have ids of their own, and
    the original's among their ``parents``.
    """
    async with AsyncExitStack() as stack:
        left = [await stack.enter_async_context(aclosing(_ahead(s))) for s in streams]
        while left:
            for stream in list(left):
                row = await anext(stream, None)
                if row is None:
                    left.remove(stream)
                else:
                    yield row


async def group(
    streams: Sequence[AsyncGenerator[Row]],
    *,
    aside: Counter[str],
    columns: Sequence[str] = ("response",),
    output_columns: Sequence[str] | None = None,
) -> AsyncGenerator[Row]:
    """One row for the copies that the branches made of it, with lists of their columns.

    For each of ``columns`` the row gets a list with a value of each branch, in their order, in
    the column of the same place in ``output_columns`` (by default ``responses`` for ``response``,
    and so on). All else is as in the first branch. A row that was rejected, or has failed, in one
    branch is so as a whole. A row that a branch does not give back has failed.

    Args:
        columns: the columns of which lists are made.
        output_columns: what the lists are called; by default responses for response.

    Raises:
        InputError: not as many output columns as columns.
    """
    names = tuple(columns)
    outputs = tuple(f"{n}s" for n in names) if output_columns is None else tuple(output_columns)
    if len(outputs) != len(names):
        raise InputError(f"group() has {len(names)} columns and {len(outputs)} output_columns.")
    partners: dict[str, dict[int, Row]] = {}
    order: list[str] = []
    async with AsyncExitStack() as stack:
        left = {
            place: await stack.enter_async_context(aclosing(_ahead(stream)))
            for place, stream in enumerate(streams)
        }
        while left:
            for place, stream in list(left.items()):
                row = await anext(stream, None)
                if row is None:
                    del left[place]
                    continue
                if place == 0 and row.settled and aside[row.id] > 0:
                    aside[row.id] -= 1  # settled before the branches: it took one of them only
                    yield row
                    continue
                origin = row.id if place == 0 else row.parents[-1] if row.parents else row.id
                if origin not in partners:
                    order.append(origin)
                partners.setdefault(origin, {})[place] = row
                while order and len(partners[order[0]]) == len(streams):
                    yield _grouped(partners.pop(order.pop(0)), names, outputs, len(streams))
    for origin in order:
        yield _grouped(partners.pop(origin), names, outputs, len(streams))


def _grouped(rows: dict[int, Row], names: Sequence[str], outputs: Sequence[str], ways: int) -> Row:
    """One row of all of them."""
    first = rows[min(rows)]
    for row in rows.values():
        if row.settled:
            return row.replace(id=first.id, parents=first.parents)  # a copy's parent is this row
    if len(rows) < ways:
        lacking = next(way for way in range(ways) if way not in rows)
        told = f"Branch {lacking + 1} gave back no row for {first.id}. Let each hand its rows on."
        return first.replace(failure=Failure(step="group", error="Unpaired", message=told))
    for name, output in zip(names, outputs, strict=True):
        values: list[Any] = [column(rows[way], name) for way in range(ways)]
        first = with_column(first, output, values)
    return first


async def _ahead(stream: AsyncGenerator[Row]) -> AsyncGenerator[Row]:
    """The same rows, made while others are waited for."""
    async with aclosing(ready(stream, most=_AHEAD)) as groups:
        async for rows in groups:
            for row in rows:
                yield row
