"""Which columns the rows have at each step, found out before anything runs.

What a step cannot do without must be there when its rows come: made by a step before it, or
brought by the source. A source that cannot tell its columns, and a step of the user's own that
does not say what it gives, leave it open; then only what is known to be wrong is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from evolsynth.columns import KEPT, Columns, ColumnType, moved, names_in, swap
from evolsynth.errors import InputError, nearest
from evolsynth.pipeline.graph import Node, Pipeline
from evolsynth.pipeline.steps import is_ours, origin_of

__all__ = ["check_columns", "columns_at"]

_KINDS: Mapping[ColumnType, str] = {
    "text": "a text",
    "texts": "a list of texts",
    "messages": "the turns of a conversation",
    "number": "a number",
    "any": "anything",
}
#: What people call a column that a step of ours names otherwise.
_ALSO: Mapping[str, tuple[str, ...]] = {
    "instruction": ("prompt", "question", "query", "task", "input", "text"),
    "response": ("generation", "answer", "output", "completion", "text"),
    "input": ("context", "document", "passage", "text", "content"),
    "responses": ("generations", "answers", "outputs"),
}
_TEXTS = frozenset({"instruction", "response", "system"})


def check_columns(pipeline: Pipeline) -> None:
    """See that each step gets the columns that it needs, with the types that it needs.

    Raises:
        InputError: naming the step, its neighbours, the column, those that are there, and what to
            do; or what a source has to say, such as that its file is not there.
    """
    nodes = pipeline.nodes()
    after: list[Columns] = []
    for node in nodes:
        ways = [after[i] for i in node.inputs]
        _Check(nodes, node, ways).all()
        after.append(_after(nodes, node, ways))


def columns_at(pipeline: Pipeline) -> list[Mapping[str, ColumnType] | None]:
    """For each node the columns that all its rows have as they leave it; None: not known.

    Raises:
        InputError: the steps do not stand in a possible order.
    """
    nodes = pipeline.nodes()
    after: list[Columns] = []
    for node in nodes:
        try:
            after.append(_after(nodes, node, [after[i] for i in node.inputs]))
        except InputError:  # the source is not there; a check says so
            after.append(Columns(open=True))
    return [None if columns.open else dict(columns.has) for columns in after]


def _after(nodes: Sequence[Node], node: Node, ways: Sequence[Columns]) -> Columns:
    """What comes out of a node, under the names that others know it by."""
    return moved(_made(nodes, node, ways), node.step.output_mappings)


def _made(nodes: Sequence[Node], node: Node, ways: Sequence[Columns]) -> Columns:
    """The same before ``output_mappings``."""
    step = node.step
    came = [swap(way, step.input_mappings) for way in ways]
    if step.shape == "join":
        made = _joined(node, came, [nodes[i].name for i in node.inputs])
    else:
        made = _given(node, came[0] if came else Columns())
    return swap(made, step.input_mappings)


def _given(node: Node, came: Columns) -> Columns:
    """What comes out of a step, by its own names, if this comes in.

    Raises:
        InputError: the data of a source is not there.
    """
    step = node.step
    origin = origin_of(step)
    if origin is not None:
        told = origin.columns()
        return Columns(open=True) if told is None else Columns(dict(told))
    if step.columns is not None:
        return step.columns(node.name, step.parameters, came)
    if step.gives is None:
        return came._replace(open=True) if step.keeps else Columns(open=True)
    return came.plus(step.gives) if step.keeps else Columns(step.gives)


def _joined(node: Node, ways: Sequence[Columns], names: Sequence[str]) -> Columns:
    """What comes out of a join of branches that end in the steps of these names."""
    step = node.step
    if step.kind == "group" and is_ours(step):
        wanted = names_in(step.parameters.get("columns", ("response",)))
        outputs = step.parameters.get("output_columns")
        called = [f"{name}s" for name in wanted] if outputs is None else names_in(outputs)
        kinds: dict[str, ColumnType] = {}
        for name, output in zip(wanted, called, strict=False):
            texts = all(way.has.get(name) == "text" for way in ways)
            kinds[output] = "texts" if texts else "any"
        return ways[0].plus(kinds)
    merged = _merged(ways, names)
    if step.gives is None:
        return merged._replace(open=True)
    return merged.plus(step.gives) if step.keeps else Columns(step.gives)


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


class _Need(NamedTuple):
    """A column as the step calls it, as its rows call it, and its type."""

    inside: str
    outside: str
    kind: ColumnType


class _Check:
    """One node's columns, and sentences about them."""

    def __init__(self, nodes: Sequence[Node], node: Node, ways: Sequence[Columns]) -> None:
        self.nodes, self.node, self.step, self.ways = nodes, node, node.step, ways
        self.ours = is_ours(node.step)
        self.where = self._where()

    def all(self) -> None:
        """Raise what is wrong."""
        named = self.ours and self.step.kind in ("rename", "keep_columns")
        self._names_of_inputs()
        if named or (self.ours and self.step.kind == "group"):
            self._list_of_columns()
        for place, way in enumerate(self.ways):
            for need in self._needs():
                self._one(need, way, place if self.step.shape == "join" else None)
        if named and self.ways:
            self._named_columns(self.ways[0])
        self._outputs()

    def _needs(self) -> list[_Need]:
        outside = {**self.step.input_mappings}
        for inside, name in self.step.input_mappings.items():
            outside.setdefault(name, inside)  # the two are changed about
        return [
            _Need(name, outside.get(name, name), kind) for name, kind in self.step.needed().items()
        ]

    def _one(self, need: _Need, columns: Columns, place: int | None) -> None:
        name, kind = need.outside, columns.has.get(need.outside)
        if name in KEPT or (kind is None and columns.open):
            return
        branch = ""
        if place is not None:
            branch = f" of branch {place + 1} ('{self.nodes[self.node.inputs[place]].name}')"
        if kind is None and name in columns.sometimes:
            wants = f"the column '{name}'"
            why = columns.sometimes[name]
            has = f"not all of its rows{branch} have it: {why}. Give them one by a step before"
        elif kind is None:
            wants = f"the column '{name}'"
            has = f"its rows{branch} have: {_listed(columns)}. Put a step before it that makes one"
        elif "any" not in (kind, need.kind) and kind != need.kind:
            wants = f"{_KINDS[need.kind]} in the column '{name}'"
            has = f"its rows{branch} have {_KINDS[kind]} there. Change it by a step before"
        else:
            return
        raise InputError(f"{self.where} needs {wants}, and {has}, or {self._mend(need, columns)}.")

    def _names_of_inputs(self) -> None:
        """What is mapped must be there, and be something that the step reads."""
        step = self.step
        columns = self.ways[0] if len(self.ways) == 1 else None
        read = {*step.needed(), *(step.gives or {})}
        for inside, outside in step.input_mappings.items():
            self._may_move(inside, outside, "input_mappings")
            known = read | _TEXTS | {"messages", "input"}
            if columns is not None:
                known |= {*columns.has, *columns.sometimes}
            if self.ours and step.kind != "generate" and inside not in known:
                raise InputError(
                    f"{self.where}: input_mappings has '{inside}', which {step.kind} does not "
                    f"read. It maps the step's own names to those of the rows"
                    f"{_or(nearest(inside, read))}."
                )
            if columns is None or columns.knows(outside) or outside in KEPT:
                continue
            if inside not in (step.gives or {}) or inside in step.needed():
                raise InputError(
                    f"{self.where} is to take '{inside}' from the column '{outside}', and its "
                    f"rows have: {_listed(columns)}. Correct input_mappings"
                    f"{_or(nearest(outside, columns.names))}."
                )

    def _list_of_columns(self) -> None:
        rename = self.step.kind == "rename"
        for option in ("columns", "output_columns"):
            told = self.step.parameters.get(option)
            if told is None:
                continue
            fits = isinstance(told, Mapping) if rename else isinstance(told, list | tuple)
            names = [*told, *told.values()] if isinstance(told, Mapping) else told
            if not fits or not all(isinstance(name, str) for name in names):
                wanted = "a mapping" if rename else "a list"
                raise InputError(f"{self.where}: {option} must be {wanted} of names: {told!r:.60}.")

    def _named_columns(self, columns: Columns) -> None:
        """The columns that ``rename`` and ``keep_columns`` are told of."""
        told = self.step.parameters["columns"]
        inner = swap(columns, self.step.input_mappings)
        for name in told:
            if not inner.knows(name) and name not in KEPT:
                raise InputError(
                    f"{self.where} names the column '{name}', and its rows have: "
                    f"{_listed(columns)}. Correct it{_or(nearest(name, columns.names))}."
                )
        if isinstance(told, Mapping):
            for one, other in told.items():
                self._may_move(one, other, "columns")
                self._may_hold(inner, one, other)

    def _outputs(self) -> None:
        """What ``output_mappings`` renames must come out of the step."""
        step = self.step
        if self.ours and step.kind == "group":
            for name in names_in(step.parameters.get("output_columns")):
                if name in KEPT or name in _TEXTS:
                    raise InputError(
                        f"{self.where} cannot put a list into the column '{name}'. Name others: "
                        f"group(output_columns=['{name}s'])."
                    )
        if not step.output_mappings:
            return
        columns = _made(self.nodes, self.node, self.ways)
        for name, other in step.output_mappings.items():
            self._may_move(name, other, "output_mappings")
            if not columns.knows(name):
                raise InputError(
                    f"{self.where} is to call its column '{name}' '{other}', and what comes out "
                    f"of it has: {_listed(columns)}. Correct output_mappings"
                    f"{_or(nearest(name, columns.names))}."
                )
            self._may_hold(columns, name, other)

    def _may_move(self, one: str, other: str, option: str) -> None:
        for name in (one, other):
            if name in KEPT:
                raise InputError(
                    f"{self.where}: {option} names '{name}', a column that the run keeps. Choose "
                    "another."
                )

    def _may_hold(self, columns: Columns, one: str, other: str) -> None:
        kind = columns.has.get(one, "any")
        if other in _TEXTS and kind not in ("text", "any"):
            raise InputError(
                f"{self.where} is to put the column '{one}' into '{other}', which holds a text, "
                f"and it is {_KINDS[kind]}. Choose another name."
            )

    def _where(self) -> str:
        """The step and its neighbours."""
        before = [f"'{self.nodes[i].name}'" for i in self.node.inputs]
        after = [f"'{n.name}'" for n in self.nodes if self.node.index in n.inputs]
        sides = (("after", before), ("before", after))
        told = ", ".join(f"{word} {_and(names)}" for word, names in sides if names)
        return f"Step '{self.node.name}'" + (f" ({told})" if told else "")

    def _mend(self, need: _Need, columns: Columns) -> str:
        """How the user can have another column taken."""
        step = self.step
        fitting = [
            name
            for name, kind in columns.has.items()
            if (kind == need.kind or "any" in (kind, need.kind)) and name != need.outside
        ]
        also = next((name for name in _ALSO.get(need.inside, ()) if name in fitting), None)
        other = nearest(need.outside, fitting) or also or nearest(need.outside, fitting, least=0.4)
        if step.kind == "generate":
            return (
                f"write {{{{ {other} }}}} in its prompt" if other else "leave it out of the prompt"
            )
        other = other or next((name for name in fitting if columns.has[name] == need.kind), "...")
        if step.kind == "self_instruct":
            return f"name another: self_instruct(field='{other}')"
        if step.kind == "group":
            return "name others: group(columns=[...])"
        return f"map it: {step.kind}(input_mappings={{'{need.inside}': '{other}'}})"


def _listed(columns: Columns) -> str:
    sometimes = [f"{name} (not all)" for name in columns.sometimes]
    return ", ".join([*columns.has, *sometimes]) or "none"


def _and(names: Sequence[str]) -> str:
    return re.sub(r", ([^,]*)$", r" and \1", ", ".join(names))


def _or(name: str | None) -> str:
    return "" if name is None else f": perhaps '{name}' is meant"
