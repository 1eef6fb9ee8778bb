"""What each kind of step makes of its rows' columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from jinja2.defaults import DEFAULT_NAMESPACE

from evolsynth.methods.row_template import RowTemplate
from evolsynth.pipeline.graph import ColumnType, Node, Step
from evolsynth.pipeline.steps import STEPS, origin_of
from evolsynth.rows import Row

__all__ = ["KEPT", "Columns", "given", "joined", "moved", "needed", "swap"]

T = TypeVar("T")

#: What every row has.
KEPT = frozenset(Row.__struct_fields__) - {
    "instruction",
    "response",
    "system",
    "messages",
    "extra",
}
_USUAL: Mapping[str, ColumnType] = {
    "instruction": "text",
    "response": "text",
    "system": "text",
    "messages": "messages",
}
_MAYBE = re.compile(r"\bis\s+(not\s+)?defined\b|\|\s*d(efault)?\b")


class Columns(NamedTuple):
    """The columns of a stream of rows.

    ``has``: those of all of them. ``sometimes``: those of some, and which lack them. ``open``:
    there may be others.
    """

    has: Mapping[str, ColumnType] = {}
    sometimes: Mapping[str, str] = {}
    open: bool = False

    def knows(self, name: str) -> bool:
        """Whether there may be such a column."""
        return self.open or name in self.has or name in self.sometimes

    @property
    def names(self) -> list[str]:
        """Those that are known."""
        return [*self.has, *self.sometimes]

    def plus(self, more: Mapping[str, ColumnType]) -> Columns:
        """With these as well."""
        left = {name: why for name, why in self.sometimes.items() if name not in more}
        return Columns({**self.has, **more}, left, self.open)


def swap(columns: Columns, names: Mapping[str, str]) -> Columns:
    """With the two names of each pair changed about."""
    has, sometimes = dict(columns.has), dict(columns.sometimes)
    for one, other in names.items():
        has, sometimes = _exchanged(has, one, other), _exchanged(sometimes, one, other)
    return Columns(has, sometimes, columns.open)


def _exchanged(held: dict[str, T], one: str, other: str) -> dict[str, T]:
    names = {one: other, other: one}
    return {names.get(name, name): value for name, value in held.items()}


def moved(columns: Columns, names: Mapping[str, str]) -> Columns:
    """With columns under other names."""
    has, sometimes = dict(columns.has), dict(columns.sometimes)
    for one, other in names.items():
        if one == other:
            continue
        if one in has:
            has[other] = has.pop(one)
            sometimes.pop(other, None)
        elif one in sometimes:
            why = sometimes.pop(one)
            if other in has:
                has[other] = _USUAL.get(other, "any")
            else:
                sometimes[other] = why
        elif columns.open:  # whoever names it knows that it is there
            has.setdefault(other, _USUAL.get(other, "any"))
    return Columns(has, sometimes, columns.open)


def needed(step: Step) -> Mapping[str, ColumnType]:
    """The columns that a step cannot do without, by its own names.

    Raises:
        InputError: its prompt does not parse.
    """
    options = step.parameters
    if step.kind == "self_instruct" and _ours(step):
        field = options.get("field", "input")
        return {field: "text"} if isinstance(field, str) else {}
    if step.kind == "generate" and _ours(step):
        names = [name for text in ("prompt", "system") for name in _asked(options.get(text), text)]
        return dict.fromkeys(names, "any")
    if step.kind == "group" and _ours(step):
        return dict.fromkeys(_names(options.get("columns", ("response",))), "any")
    return step.needs


def _asked(text: object, name: str) -> Sequence[str]:
    """The fields that a template asks for; none where it asks whether they are there."""
    if not isinstance(text, str) or not text.strip() or _MAYBE.search(text):
        return ()
    fields = RowTemplate(text, name=name).fields
    return [field for field in fields if field not in KEPT and field not in DEFAULT_NAMESPACE]


def given(node: Node, came: Columns) -> Columns:
    """What comes out of a step, by its own names, if this comes in.

    Raises:
        InputError: the data of a source is not there.
    """
    step, options = node.step, node.step.parameters
    if not _ours(step):
        return _declared(step, came)
    if step.kind == "load":
        origin = origin_of(step)
        told = origin.columns() if origin is not None else None
        return Columns(open=True) if told is None else Columns(dict(told))
    if step.kind == "magpie":
        return _magpie(options)
    if step.kind == "bootstrap_tasks":
        some = {"is_classification": "of some tasks it is not known"}
        return Columns({**step.gives, "task": "text", "input": "text"} if step.gives else {}, some)
    if step.kind in ("generate", "generate_rows"):
        output = options.get("output", "instruction")
        made: dict[str, ColumnType] = {output: "text"} if isinstance(output, str) else {}
        return came.plus(made) if step.keeps else Columns(made)
    if step.kind in ("evolve", "evol_instruct"):
        return _evolved(node, came)
    if step.kind == "respond" and _several(step):
        return came.plus({"response": "text", "responses": "any"})
    if step.kind == "preference":
        return came.plus({**(step.gives or {}), "response": "text"})
    if step.kind == "rename":
        names = options.get("columns")
        return moved(came, names) if isinstance(names, Mapping) else came
    if step.kind == "keep_columns":
        kept = _names(options.get("columns", ()))
        has = {name: kind for name, kind in came.has.items() if name in kept}
        sometimes = {name: why for name, why in came.sometimes.items() if name in kept}
        if came.open:  # whoever names it knows that it is there
            has = {n: came.has.get(n, _USUAL.get(n, "any")) for n in kept if n not in sometimes}
        return Columns(has, sometimes)
    return _declared(step, came)


def _declared(step: Step, came: Columns) -> Columns:
    """As the step itself says."""
    if step.gives is None:
        return came._replace(open=True) if step.keeps else Columns(open=True)
    return came.plus(step.gives) if step.keeps else Columns(step.gives)


def _magpie(options: Mapping[str, object]) -> Columns:
    has: dict[str, ColumnType] = {"instruction": "text"}
    turns, only = options.get("n_turns", 1), options.get("only_instruction")
    several = isinstance(turns, int) and turns > 1
    if only is False or (only is None and several):
        has["response"] = "text"
        if several or options.get("include_system_prompt"):
            has["messages"] = "messages"
    if options.get("system_prompt") is not None:
        has["system"] = "text"
        if isinstance(options["system_prompt"], Mapping):
            has["system_prompt_key"] = "text"
    elif options.get("topic") is not None:
        return Columns(has, {"system": "not every topic brings one"})
    return Columns(has)


def _evolved(node: Node, came: Columns) -> Columns:
    """An evolution has its instruction and its parent's system prompt, and nothing else of it."""
    options = node.step.parameters
    has: dict[str, ColumnType] = {"instruction": "text"}
    if options.get("generate_answers"):
        has["response"] = "text"
    if "system" in came.has:
        has["system"] = "text"
    sometimes = {k: why for k, why in came.sometimes.items() if k == "system"}
    if options.get("include_original_instruction", True) is False:
        return Columns(has, sometimes, came.open)
    why = f"those that '{node.name}' makes have none"
    left = {name: why for name in (*came.has, *came.sometimes) if name not in has}
    return Columns(has, {**left, **sometimes}, came.open)


def joined(node: Node, ways: Sequence[Columns], names: Sequence[str]) -> Columns:
    """What comes out of a join of branches that end in the steps of these names."""
    step = node.step
    if step.kind == "group" and _ours(step):
        wanted = _names(step.parameters.get("columns", ("response",)))
        outputs = step.parameters.get("output_columns")
        called = [f"{name}s" for name in wanted] if outputs is None else _names(outputs)
        kinds: dict[str, ColumnType] = {}
        for name, output in zip(wanted, called, strict=False):
            texts = all(way.has.get(name) == "text" for way in ways)
            kinds[output] = "texts" if texts else "any"
        return ways[0].plus(kinds)
    if step.kind == "merge" and _ours(step):
        return _merged(ways, names)
    if step.gives is None:
        return _merged(ways, names)._replace(open=True)
    return _merged(ways, names).plus(step.gives) if step.keeps else Columns(step.gives)


def _merged(ways: Sequence[Columns], names: Sequence[str]) -> Columns:
    """Columns of all branches; of the others it is told which lacks them."""
    has: dict[str, ColumnType] = {}
    sometimes: dict[str, str] = {}
    for name in dict.fromkeys(name for way in ways for name in way.names):
        lacking = [place for place, way in enumerate(ways) if name not in way.has]
        if not lacking:
            kinds = {way.has[name] for way in ways}
            has[name] = kinds.pop() if len(kinds) == 1 else "any"
        elif not all(ways[place].open for place in lacking):
            place = next(place for place in lacking if not ways[place].open)
            why = f"branch {place + 1}, which ends in '{names[place]}', gives none"
            sometimes[name] = ways[place].sometimes.get(name, why)
    return Columns(has, sometimes, any(way.open for way in ways))


def _several(step: Step) -> bool:
    samples = step.parameters.get("samples", 1)
    return isinstance(samples, int) and samples > 1


def _names(value: object) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list | tuple) else []


def _ours(step: Step) -> bool:
    return step.kind in STEPS and STEPS[step.kind].function is step.function
