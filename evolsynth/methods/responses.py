"""The responses that a row has to choose from: of several samples, or of two sets of rows."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import msgspec

from evolsynth.errors import InputError
from evolsynth.rows import Failure, Row
from evolsynth.streams import Rows, iterate

__all__ = ["join_responses", "responses_of"]

_STEP = "join_responses"


def responses_of(row: Row) -> list[dict[str, Any]]:
    """A row's responses in order, each an object with ``response`` and how it was made.

    They are ``extra["responses"]``, as `respond` writes it with several samples, or texts, or else
    the row's one response, or none.

    Raises:
        InputError: ``responses`` is something else.
    """
    held = row.extra.get("responses")
    if held is None:
        return [] if row.response is None else [_own(row, row.response)]
    if not isinstance(held, list):
        raise InputError(f"Row {row.id}: 'responses' is no list. Give texts or objects in one.")
    found = []
    for number, item in enumerate(held, 1):
        one = {"response": item} if isinstance(item, str) else item
        if not isinstance(one, Mapping) or not isinstance(one.get("response"), str):
            raise InputError(
                f"Row {row.id}: number {number} of its 'responses' is no text and has no "
                "'response'. Give texts, or objects with one."
            )
        found.append(dict(one))
    return found


async def join_responses(rows: Rows, others: Rows) -> AsyncGenerator[Row]:
    """Yield each row of ``rows`` with the responses of its partner among ``others`` behind its own.

    The partner has the same id and instruction, or else the same instruction; each goes with one
    row only, in order. A row without a partner has failed, and says so; so has, at the end, each of
    ``others`` that was nobody's partner. Settled rows pass through. All of ``others`` are held in
    memory.
    """
    waiting: list[Row | None] = []
    by_id: dict[str, int] = {}
    by_text: defaultdict[str, deque[int]] = defaultdict(deque)
    settled: list[Row] = []
    async with aclosing(iterate(others)) as source:
        async for row in source:
            if row.settled:
                settled.append(row)
                continue
            by_id.setdefault(row.id, len(waiting))
            by_text[_asked(row)].append(len(waiting))
            waiting.append(row)

    def partner(row: Row) -> Row | None:
        """Taken out, so that it is nobody else's."""
        place = by_id.get(row.id)
        same = None if place is None else waiting[place]
        if place is not None and same is not None and _asked(same) == _asked(row):
            waiting[place] = None
            return same
        equal = by_text.get(_asked(row), deque()) if _asked(row) else deque()
        while equal:
            at = equal.popleft()
            found = waiting[at]
            if found is not None:
                waiting[at] = None
                return found
        return None

    async with aclosing(iterate(rows)) as source:
        async for row in source:
            yield row if row.settled else _joined(row, partner(row))
    for other in (*filter(None, waiting), *settled):
        yield other if other.settled else _alone(other)


def _joined(row: Row, other: Row | None) -> Row:
    if other is None:
        return _alone(row)
    try:
        both = [*responses_of(row), *responses_of(other)]
    except InputError as error:
        failed = Failure(step=_STEP, error="InputError", message=str(error))
        return row.replace(failure=failed)
    return row.replace(extra={**row.extra, "responses": both})


def _alone(row: Row) -> Row:
    what = f"Row {row.id} has no partner: no other row has its id or its instruction."
    return row.replace(failure=Failure(step=_STEP, error="InputError", message=what))


def _asked(row: Row) -> str:
    return " ".join((row.instruction or "").split())


def _own(row: Row, text: str) -> dict[str, Any]:
    """A row's one response, with what is known of it."""
    made = row.provenance.get("response")
    known = made if isinstance(made, Mapping) else {}
    names = ("finish_reason", "seed", "model")
    return {"response": text, **{n: msgspec.to_builtins(known[n]) for n in names if n in known}}
