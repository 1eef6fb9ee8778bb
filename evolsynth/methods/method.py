"""What a method is: an async generator function, and what a pipeline must know of it.

A file in ``evolsynth/methods/``, or a module that another package names under the entry point
group ``evolsynth.methods``, holds a method::

    @method(shape="map", needs=["instruction"], gives=["haiku"])
    async def haiku(rows, llm, *, seed=0, syllables: Count = 17):
        \"\"\"Yield each row with a poem about its instruction.

        Args:
            syllables: of the poem.
        \"\"\"

Its signature and docstring are the only declaration of its options: the step of a pipeline, the
field in YAML, the JSON schema, the command's flag and its help, and the tables in docs/ are made
of them (`evolsynth.options`). Parameters called as in `GIVEN` are filled in by the run.

Which of a run's models a step gets as its ``llm`` is declared too, as its ``role``: a model that
writes requests, one that answers them, or one that judges. One that needs a second model beside
it has a parameter ``answerer`` or ``judge``. Where a user names one model only, it is all three.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from evolsynth.columns import USUAL, ColumnRule, ColumnType
from evolsynth.registry import Registry

__all__ = ["BESIDE", "GIVEN", "METHODS", "Method", "Needs", "Options", "Role", "Shape"]
__all__ += ["columns_named", "method", "role_of"]

Options = Mapping[str, Any]
Function = TypeVar("Function", bound=Callable[..., Any])

#: A source makes rows; ``map`` hands each row on; ``expand`` may add rows; a join takes several
#: streams.
Shape = Literal["source", "map", "expand", "join"]

#: What a model is asked for: requests (as `magpie`), answers (as `respond`), or a judgement.
Role = Literal["write", "answer", "judge"]

#: Parameters that a run fills with a model beside ``llm``, and the role that it plays.
BESIDE: Mapping[str, Role] = {"answerer": "answer", "judge": "judge"}

#: What a function is given by the run if it has a parameter of this name.
GIVEN = ("llm", *BESIDE, "seed", "gate", "embedder", "concurrency", "steering", "context", "aside")

#: Columns that a step cannot do without, or how they follow from its options.
Needs = Mapping[str, ColumnType] | Callable[[Options], Mapping[str, ColumnType]]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Method:
    """A method as pipelines and the command line know it; and, as `method`, the decorator that
    registers a function as one. The function stays what it is.

    Args:
        shape: what it does with rows; see `Shape`.
        name: of its step; by default the function's.
        function: the one that the decorator stands before.
        needs: columns it cannot do without, or a function of its options that says which.
        gives: columns that its rows have afterwards; None: any.
        keeps: False if its rows have no other columns than those.
        columns: the rule by which its columns follow from its options, where ``gives`` is not
            enough.
        without: parameters of the function that its step does not have.
        role: what its ``llm`` is asked for, or how that follows from its options: ``"write"`` gets
            the model of ``--model``, ``"answer"`` that of ``--answerer``, ``"judge"`` that of
            ``--judge``.
        idle: what of `GIVEN` the run need not bring with some options:
            ``{"embedder": lambda options: options.get("topic") is None}``.
        command: of the command line, which several methods may share (one that makes rows and one
            that takes them); by default the name; empty: none.
        then: the steps that the command puts behind it and their options, by its own options.
        lines: how the command writes a row where nothing else is asked for: ``rows``, or a format
            of `evolsynth.export.trl`.
        join: the step that brings several inputs of the command together.
        hints: sentences about options that can be, but will disappoint.

    Raises:
        InputError: there is a method of that name in another module.
    """

    shape: Shape
    name: str = ""
    function: Callable[..., Any] = NotImplemented
    needs: Needs | Sequence[str] = ()
    gives: Mapping[str, ColumnType] | Sequence[str] | None = ()
    keeps: bool = True
    columns: ColumnRule | None = None
    without: Sequence[str] = ()
    role: Role | Callable[[Options], Role] = "write"
    idle: Mapping[str, Callable[[Options], bool]] = dataclasses.field(default_factory=dict)
    command: str | None = None
    then: Callable[[Options], Mapping[str, Options]] = lambda _: {}
    lines: str = "rows"
    join: str = "merge"
    hints: Callable[[Options], Sequence[str]] = lambda _: ()

    def __call__(self, function: Function) -> Function:
        """Register a function."""
        name = self.name or function.__name__
        command = (name if self.command is None else self.command).replace("_", "-")
        whole = dataclasses.replace(self, name=name, function=function, command=command)
        METHODS.register(name, whole, function.__module__)
        return function


#: ``@method(...)`` stands before a method's function.
method = Method

#: All methods by the names of their steps.
METHODS: Registry[Method] = Registry("method", "evolsynth.methods", "evolsynth.methods")


def role_of(declared: Role | Callable[[Options], Role], options: Options) -> Role:
    """The role that a step with these options gives its model."""
    return declared(options) if callable(declared) else declared


def columns_named(given: Mapping[str, ColumnType] | Sequence[str]) -> dict[str, ColumnType]:
    """Columns by their names; a row's own have their types."""
    if isinstance(given, Mapping):
        return dict(given)
    return {name: USUAL.get(name, "any") for name in given}
