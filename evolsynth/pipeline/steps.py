"""All steps by their names: those of methods, and those that are part of every pipeline."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from evolsynth import data as _sources
from evolsynth.columns import USUAL, Columns, ColumnType, moved, names_in
from evolsynth.errors import InputError
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.methods.method import METHODS, Options
from evolsynth.options import FilePath
from evolsynth.pipeline.graph import Step
from evolsynth.pipeline.joins import group as _group
from evolsynth.pipeline.joins import merge as _merge
from evolsynth.pipeline.makers import StepMaker
from evolsynth.pipeline.values import only, renamed
from evolsynth.rows import Row
from evolsynth.streams import Rows, iterate

if TYPE_CHECKING:
    from evolsynth.pipeline.run.context import Context

__all__ = ["STEPS", "gate", "group", "keep_columns", "load", "maker_of", "merge"]
__all__ += ["origin_of", "rename"]


#: The gate's settings, or the path of a YAML file with them.
Settings = GateSettings | FilePath | None


async def _load(data: Any, *, context: Context, **_: Any) -> AsyncGenerator[Row]:
    """Rows of data that is there; `evolsynth.data.origin` declares the options."""
    place = origin_of(context.node.step)
    if place is None:
        raise InputError("load() reads what its own step was given.")
    async with aclosing(place.rows()) as rows:
        async for row in rows:
            yield row


#: One for each step: a generator of the user's own, once begun to see its columns, is read on
#: from there, and its first row is not lost.
_ORIGINS: WeakKeyDictionary[Step, _sources.Origin] = WeakKeyDictionary()


def origin_of(step: Step) -> _sources.Origin | None:
    """What a ``load`` step reads from, always the same for a step; None for other steps.

    Raises:
        InputError: it is not there.
    """
    if step.function is not _load:
        return None
    if step not in _ORIGINS:
        _ORIGINS[step] = _sources.origin(**step.parameters)
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


load = StepMaker(
    _load, kind="load", shape="source", gives=None, keeps=False, declared=_sources.origin
)
gate = StepMaker(_gated, kind="gate", shape="map", needs=["instruction"], settled=True)
rename = StepMaker(_rename, kind="rename", shape="map", gives=None, columns=_renamed)
keep_columns = StepMaker(_keep_columns, kind="keep_columns", shape="map", gives=None, columns=_kept)
merge = StepMaker(_merge, shape="join", settled=True)
group = StepMaker(
    _group,
    shape="join",
    needs=_listed,
    gives=None,
    settled=True,
)

_OWN = {m.kind: m for m in (load, gate, rename, keep_columns, merge, group)}


class _Steps(Mapping[str, StepMaker]):
    """Makers by the names that YAML files use; methods are found when they are asked for."""

    def __getitem__(self, name: str) -> StepMaker:
        if name in _OWN:
            return _OWN[name]
        if METHODS.find(name) is None:
            raise KeyError(name)
        return _made(name)

    def __iter__(self) -> Iterator[str]:
        return iter([*METHODS, *_OWN])

    def __len__(self) -> int:
        return len(METHODS) + len(_OWN)


@cache
def _made(name: str) -> StepMaker:
    return StepMaker.of(METHODS[name])


#: All of them by the names that YAML files use.
STEPS: Mapping[str, StepMaker] = _Steps()


def maker_of(step: Step) -> StepMaker:
    """The maker of a step, or one like it, for a user's own function."""
    known = STEPS.get(step.kind)
    if known is not None and known.function is step.function:
        return known
    return StepMaker(
        step.function,
        kind=step.kind,
        shape=step.shape,
        needs=step.needs,
        gives=step.gives,
        keeps=step.keeps,
        columns=step.columns,
        idle=step.idle,
        settled=step.settled,
    )
