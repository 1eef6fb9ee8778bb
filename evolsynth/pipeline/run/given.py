"""What a step's function gives or raises, made sure of: rows that can be written and read again."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from evolsynth.columns import renamed, swapped
from evolsynth.errors import EvolsynthError, InputError, StepError
from evolsynth.foreign import comes_through, failure, told, witness
from evolsynth.pipeline.graph import Node
from evolsynth.pipeline.run.context import Context
from evolsynth.rows import Row

__all__ = ["as_row", "closing", "ended", "given", "mapped", "mapped_back", "sound", "unread"]

_ENCODER = msgspec.json.Encoder()
_TEXTS = ("id", "instruction", "response", "system", "method")


def as_row(node: Node, item: Any, number: int) -> Row:
    """What a step gave as a row; of a source, which may give dicts, its ``number``-th.

    Raises:
        StepError: it is none, or it cannot be written; with the step, the field and the value.
    """
    if isinstance(item, Row):
        try:
            return sound(item)
        except InputError as error:
            raise StepError(
                f"The step '{node.name}' gave a row with a bad value: {error}"
            ) from None
    if isinstance(item, dict) and node.step.shape == "source":
        from evolsynth.plain import plain_fields

        try:
            row = sound(Row.from_dict(plain_fields(item)))
        except InputError as error:
            raise StepError(f"The source '{node.name}', row {number}: {error}") from None
        if item.get("id") is not None:
            return row
        fields = {n: getattr(row, n) for n in Row.__struct_fields__ if n != "id"}
        return Row.make(**fields, key=f"{node.name}/{number}")
    raise StepError(
        f"The step '{node.name}' gave {item!r:.60}, which is no Row but {type(item).__name__}. "
        "Give rows: row.replace(...), or Row.make(...)."
    )


def sound(row: Row) -> Row:
    """The row, its own fields as JSON has them (see `plain_fields`).

    Raises:
        InputError: a field has a wrong type, or a value that could not be read again.
    """
    from evolsynth.plain import plain_fields  # only where a step is somebody's own

    changes: dict[str, Any] = {}
    for name in ("extra", "provenance"):
        now = getattr(row, name)
        if not isinstance(now, dict):
            raise InputError(f"field '{name}' is no dict but {type(now).__name__}.")
        plain = plain_fields(now)
        if plain is not now:
            changes[name] = dict(plain)
    row = row.replace(**changes) if changes else row
    if row.verdict is not None and row.verdict.details:
        plain_fields(row.verdict.details)
    try:
        msgspec.convert(msgspec.structs.asdict(row), Row)
        _ENCODER.encode(row)
    except msgspec.ValidationError as error:
        told, _, place = str(error).partition(" - at ")
        field = place.strip("`").removeprefix("$.")
        raise InputError(f"field '{field}': {told.replace('`', '').lower()}.") from None
    except UnicodeEncodeError:
        raise InputError(
            f"{_halved(row)} holds half a surrogate pair, which UTF-8 cannot. Put another "
            "character in its place."
        ) from None
    except OverflowError:  # a number of more than 64 bits, which Python's own JSON can hold
        pass
    except RecursionError:
        raise InputError("it is nested too deeply.") from None
    for name, score in row.scores.items():
        if not math.isfinite(score):
            raise InputError(f"field 'scores': '{name}' is {score}. Give a number, or none.")
    return row


def _halved(row: Row) -> str:
    """The field in which half a surrogate pair stands."""
    fields = {name: getattr(row, name) for name in _TEXTS} | row.extra
    for name, value in fields.items():
        try:
            _ENCODER.encode(value)
        except UnicodeEncodeError:
            return f"field '{name}'"
    return "a field"


def mapped(node: Node, row: Row) -> Row:
    """The row as the step is to see it; one whose values do not fit there has failed."""
    try:
        return swapped(row, node.step.input_mappings)
    except InputError as error:
        return row if row.settled else row.replace(failure=failure(node.name, error))


def mapped_back(node: Node, row: Row, *, settled_before: bool) -> Row:
    """The row as the steps behind it are to see it.

    A row that was settled before the step keeps its columns, which only a join has changed about.
    """
    step = node.step
    try:
        if step.input_mappings and (step.shape == "join" or not settled_before):
            row = swapped(row, step.input_mappings)
        return row if settled_before else renamed(row, step.output_mappings)
    except InputError as error:
        return row if row.settled else row.replace(failure=failure(node.name, error))


async def given(
    stream: AsyncGenerator[Any], checked: Callable[[Any], Row] | None = None
) -> tuple[Any, BaseException | None]:
    """The next row of somebody's generator, None at its end, and what it raised, if it did.

    What is no row's own, and a cancellation that was asked for, come through.
    """
    try:
        row = await anext(stream, None)
        return (row if row is None or checked is None else checked(row)), None
    except BaseException as error:
        if comes_through(error):
            raise
        return None, error


@asynccontextmanager
async def closing(
    context: Context, stream: AsyncGenerator[Any]
) -> AsyncGenerator[AsyncGenerator[Any]]:
    """Close somebody's generator in the end; what it raises then is told, and changes nothing."""
    try:
        yield stream
    finally:
        try:
            await stream.aclose()
        except BaseException as error:  # noqa: BLE001 - somebody else's code
            found = failure(context.node.name, error)
            context.shared.tell("not_closed", **msgspec.structs.asdict(found))


def ended(node: Node, error: BaseException, what: str) -> BaseException:
    """An exception that is no row's as one that ends the run, in a sentence."""
    if isinstance(error, EvolsynthError):
        return error
    witness(node.name, error)
    ended = StepError(
        f"{what}: {type(error).__name__}: {told(error)}. Mend it and run again: what was made is "
        "kept."
    )
    ended.__cause__ = error
    return ended


def unread(node: Node) -> StepError:
    """A step ended while there were rows for it."""
    return StepError(
        f"The step '{node.name}' ended before its rows did, so rows would be lost. Let it take in "
        "every row, and yield row.reject(...) for those that it does not want; to end a run early "
        "give it a budget (--accepted, --max-attempts)."
    )
