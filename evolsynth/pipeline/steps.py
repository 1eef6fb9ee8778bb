"""All steps by their names: those of methods, and those that are part of every pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from evolsynth.columns import (
    USUAL,
    Columns,
    ColumnType,
    column,
    moved,
    names_in,
    only,
    renamed,
    with_column,
)
from evolsynth.errors import InputError
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.methods.method import METHODS, Options
from evolsynth.options import FilePath
from evolsynth.pipeline.graph import Step
from evolsynth.pipeline.makers import StepMaker
from evolsynth.rows import Failure, Row
from evolsynth.streams import Rows, iterate, ready

if TYPE_CHECKING:
    from evolsynth.data.open import Origin
    from evolsynth.pipeline.run.context import Context

__all__ = ["STEPS", "gate", "group", "is_ours", "keep_columns", "load", "maker_of", "merge"]
__all__ += ["origin_of", "rename", "texts"]


#: Rows of a branch that are made ahead while the other branches are waited for.
_AHEAD = 24
#: The gate's settings, or the path of a YAML file with them.
Settings = GateSettings | FilePath | None


async def _load(data: Any, *, context: Context, **_: Any) -> AsyncGenerator[Row]:
    """Rows of data that is there; `evolsynth.data.origin` declares the options."""
    async with aclosing(_read(context)) as rows:
        async for row in rows:
            yield row


async def _texts(paths: Any, *, context: Context, **_: Any) -> AsyncGenerator[Row]:
    """Rows of texts; `evolsynth.data.text_source` declares the options."""
    async with aclosing(_read(context)) as rows:
        async for row in rows:
            yield row


async def _read(context: Context) -> AsyncGenerator[Row]:
    place = origin_of(context.node.step)
    if place is None:
        raise InputError("A source reads what its own step was given.")
    async with aclosing(place.rows()) as rows:
        async for row in rows:
            yield row


def _origin() -> Callable[..., Origin]:
    """What reads files and data sets, which a pipeline without them does not load."""
    from evolsynth.data.open import origin

    return origin


def _passages() -> Callable[..., Origin]:
    """What reads texts."""
    from evolsynth.data.text_source import texts

    return texts


#: The sources whose rows are there before a run, by the functions of their steps.
_SOURCES: Mapping[Callable[..., Any], Callable[[], Callable[..., Origin]]] = {
    _load: _origin,
    _texts: _passages,
}
#: One for each step: a generator of the user's own, once begun to see its columns, is read on
#: from there, and its first row is not lost.
_ORIGINS: WeakKeyDictionary[Step, Origin] = WeakKeyDictionary()


def origin_of(step: Step) -> Origin | None:
    """What a ``load`` or ``texts`` step reads from, always the same for a step; None for others.

    Raises:
        InputError: it is not there.
    """
    if step.function not in _SOURCES:
        return None
    if step not in _ORIGINS:
        _ORIGINS[step] = _SOURCES[step.function]()(**step.parameters)
    return _ORIGINS[step]


async def _gated(
    rows: Rows,
    *,
    context: Context,
    settings: Settings = None,
) -> AsyncGenerator[Row]:
    """Accept rows, or reject them with reasons; see `Gate.check`.

    Args:
        settings: the gate's thresholds, or the path of a YAML file with them, as ``evolsynth gates
            --yaml`` prints one.
    """
    async with aclosing(context.gate(settings).check(rows)) as checked:
        async for row in checked:
            yield row


def _listed(options: Options) -> dict[str, ColumnType]:
    return dict.fromkeys(names_in(options.get("columns", ("response",))), "any")


def _renamed(_: str, options: Options, came: Columns) -> Columns:
    names = options.get("columns")
    return moved(came, names) if isinstance(names, Mapping) else came


def _kept(_: str, options: Options, came: Columns) -> Columns:
    kept = names_in(options.get("columns", ()))
    has = {name: kind for name, kind in came.has.items() if name in kept}
    sometimes = {name: why for name, why in came.sometimes.items() if name in kept}
    if came.open:  # whoever names it knows that it is there
        has = {n: came.has.get(n, USUAL.get(n, "any")) for n in kept if n not in sometimes}
    return Columns(has, sometimes)


async def _rename(rows: Rows, columns: Mapping[str, str]) -> AsyncGenerator[Row]:
    """Rename columns: ``rename({"generation": "response"})``.

    Args:
        columns: new names for columns: ``{generation: response}``.
    """
    async with aclosing(iterate(rows)) as source:
        async for row in source:
            yield renamed(row, columns)


async def _keep_columns(rows: Rows, columns: Sequence[str]) -> AsyncGenerator[Row]:
    """Keep these columns and take the others away; ids, verdicts and provenance always stay.

    Args:
        columns: the columns to keep.
    """
    async with aclosing(iterate(rows)) as source:
        async for row in source:
            yield only(row, columns)


async def _merge(streams: Sequence[AsyncGenerator[Row]]) -> AsyncGenerator[Row]:
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


async def _group(
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


load = StepMaker(_load, kind="load", shape="source", gives=None, keeps=False, declared=_origin)
texts = StepMaker(_texts, kind="texts", shape="source", gives=None, keeps=False, declared=_passages)
gate = StepMaker(_gated, kind="gate", shape="map", needs=["instruction"], settled=True)
rename = StepMaker(_rename, kind="rename", shape="map", gives=None, columns=_renamed)
keep_columns = StepMaker(_keep_columns, kind="keep_columns", shape="map", gives=None, columns=_kept)
merge = StepMaker(_merge, kind="merge", shape="join", settled=True)
group = StepMaker(_group, kind="group", shape="join", needs=_listed, gives=None, settled=True)

_OWN = {m.kind: m for m in (load, texts, gate, rename, keep_columns, merge, group)}


class _Steps(Mapping[str, StepMaker]):
    """Makers by the names that YAML files use; methods are found when they are asked for."""

    def __getitem__(self, name: str) -> StepMaker:
        return _OWN[name] if name in _OWN else _made(name)

    def __iter__(self) -> Iterator[str]:
        return iter([*METHODS, *_OWN])

    def __len__(self) -> int:
        return len(METHODS) + len(_OWN)


@cache
def _made(name: str) -> StepMaker:
    method = METHODS.find(name)
    if method is None:
        raise KeyError(name)
    return StepMaker.of(method)


#: All of them by the names that YAML files use.
STEPS: Mapping[str, StepMaker] = _Steps()


def is_ours(step: Step) -> bool:
    """Whether it is a step of that name here, and not a user's own."""
    return step.kind in STEPS and STEPS[step.kind].function is step.function


def maker_of(step: Step) -> StepMaker:
    """The maker of a step, or one like it, for a user's own function."""
    return STEPS[step.kind] if is_ours(step) else StepMaker.of(step)
