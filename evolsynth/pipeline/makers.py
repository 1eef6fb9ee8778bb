"""Makers of steps: what turns an async function, ours or a user's, into something for ``>>``."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any, overload

from evolsynth.columns import ColumnRule, ColumnType
from evolsynth.errors import InputError, did_you_mean
from evolsynth.methods.method import GIVEN, Method, Needs, Options, Role, Shape, columns_named
from evolsynth.options import Count, Option, converted, options_of
from evolsynth.pipeline.graph import Chainable, Part, Step
from evolsynth.store.cached_llm import Retry

__all__ = ["COMMON", "RESERVED", "StepMaker", "step"]

Columns = Mapping[str, ColumnType] | Sequence[str]


_UNSAID: Any = None


def _common(
    *,
    name: str = _UNSAID,
    model: str = _UNSAID,
    llm: str = _UNSAID,
    seed: int | None = None,
    concurrency: Count | None = None,
    input_mappings: dict[str, str] = _UNSAID,
    output_mappings: dict[str, str] = _UNSAID,
    retry: Retry | None = None,
) -> None:
    """The options that every step has.

    Args:
        name: what the report, the log and the status call it.
        model: a name of the pipeline's models, answerer, judge, or a text as for --model; by
            default the run's model for what the step does.
        llm: the same as model.
        seed: by default the run's.
        concurrency: rows under way at once; by default as many as the model can use.
        input_mappings: ``{instruction: prompt}``: where the step says instruction, rows have
            prompt.
        output_mappings: ``{response: answer}``: what it gives as response is called answer from
            there on.
        retry: how often a request is asked again after an error that may pass.
    """


#: The options of every step, by name.
COMMON: Mapping[str, Option] = options_of(_common)
RESERVED = tuple(COMMON)


class StepMaker(Chainable):
    """Makes steps: call it with the options of its function, or chain it as it is.

    Every step also takes the options in `COMMON`; ``model`` (or ``llm``) is in Python also an
    `LLM`. ``without`` are parameters of the function that its steps do not have, ``declared`` gives
    the function that declares the options where that is another; for the rest see `method` in
    `evolsynth.methods.method`.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        kind: str | None = None,
        shape: Shape | None = None,
        needs: Needs | Sequence[str] = (),
        gives: Columns | None = (),
        keeps: bool = True,
        columns: ColumnRule | None = None,
        role: Role | Callable[[Options], Role] = "write",
        idle: Mapping[str, Callable[[Options], bool]] | None = None,
        settled: bool = False,
        without: Collection[str] = (),
        declared: Callable[[], Callable[..., Any]] | None = None,
    ) -> None:
        self.function = function
        self.kind = kind or function.__name__
        first = next(iter(inspect.signature(function).parameters), None)
        each = inspect.iscoroutinefunction(function)
        if not each and not inspect.isasyncgenfunction(function):
            raise InputError(
                f"'{self.kind}' cannot be a step: write it as `async def` with `yield`, taking "
                "rows, or as `async def` that takes one row and returns one."
            )
        if each and first != "row":
            raise InputError(
                f"'{self.kind}' returns and does not yield, so it is called for each row: name its "
                "first parameter `row`."
            )
        kinds: Mapping[str | None, Shape] = {"rows": "expand", "row": "map", "streams": "join"}
        self._without = frozenset(without)
        self._declared = declared
        self.__doc__ = inspect.getdoc(function)
        self.__name__ = self.kind
        #: A step that was given nothing.
        self.bare = Step(
            kind=self.kind,
            function=function,
            shape=shape or kinds.get(first, "source"),
            needs=needs if callable(needs) else columns_named(needs),
            gives=None if gives is None else columns_named(gives),
            keeps=keeps,
            columns=columns,
            role=role,
            idle=dict(idle or {}),
            settled=settled,
            each=each,
        )

    @classmethod
    def of(cls, made: Method | Step) -> StepMaker:
        """The maker of a method's steps, or of steps like this one."""
        names = ("function", "shape", "needs", "gives", "keeps", "columns", "role", "idle")
        same = {name: getattr(made, name) for name in names}
        if isinstance(made, Method):
            return cls(kind=made.name, settled=True, without=made.without, **same)
        return cls(kind=made.kind, settled=made.settled, **same)

    @cached_property
    def declared(self) -> Callable[..., Any]:
        """The function whose signature and docstring declare the options."""
        return self.function if self._declared is None else self._declared()

    @property
    def about(self) -> str:
        """What is said of the step: the docstring of the function that declares it."""
        return inspect.getdoc(self.declared) or ""

    @cached_property
    def options(self) -> dict[str, Option]:
        """The function's own options: what a user may give by name."""
        return options_of(self.declared, without={*GIVEN, *self._without})

    def option(self, name: str) -> Option:
        """One of its options, or of those that every step has.

        Raises:
            InputError: there is none of that name.
        """
        found = self.options.get(name) or COMMON.get(name)
        if found is None:
            there = [*self.options, *RESERVED]
            raise InputError(f"{self.kind} has no such option. {did_you_mean(name, there)}")
        return found

    def missing(self, given: Collection[str] = ()) -> list[str]:
        """The options without which the step cannot be, of those not given."""
        return [o.name for o in self.options.values() if o.required and o.name not in given]

    def __call__(self, *values: Any, **options: Any) -> Step:
        """A step with these options.

        Raises:
            InputError: there is no such option, one is missing, or one has a wrong type.
        """
        common = {name: options.pop(name) for name in RESERVED if name in options}
        if "llm" in common:
            common["model"] = common.pop("llm")
        known = inspect.Signature(
            [
                parameter
                for name, parameter in inspect.signature(self.declared).parameters.items()
                if name in self.options or parameter.kind is inspect.Parameter.VAR_POSITIONAL
            ]
        )
        try:
            bound = known.bind(*values, **options)
        except TypeError as error:
            raise InputError(
                f"{self.kind}(): {error}. Its options: {', '.join(known.parameters) or 'none'}; "
                f"those of every step: {', '.join(RESERVED)}."
            ) from None
        parameters = dict(bound.arguments)
        return dataclasses.replace(self.bare, parameters=parameters, **self._checked(common))

    def _checked(self, common: Mapping[str, Any]) -> dict[str, Any]:
        """The options of every step; a model is anything."""
        checked = {}
        for name, value in common.items():
            try:
                free = value is None or name == "model"
                checked[name] = value if free else converted(value, COMMON[name].kind)
            except InputError as error:
                raise InputError(f"{self.kind}(): {name}: {error}") from None
        return checked

    def as_parts(self) -> tuple[Part, ...]:
        """Its step without options."""
        return (self(),)


@overload
def step(function: Callable[..., Any]) -> StepMaker: ...
@overload
def step(
    *,
    needs: Columns = (),
    gives: Columns | None = None,
    keeps: bool = True,
    name: str | None = None,
    role: Role = "write",
) -> Callable[[Callable[..., Any]], StepMaker]: ...
def step(
    function: Callable[..., Any] | None = None,
    *,
    needs: Columns = (),
    gives: Columns | None = None,
    keeps: bool = True,
    name: str | None = None,
    role: Role = "write",
) -> StepMaker | Callable[[Callable[..., Any]], StepMaker]:
    """Make a step of a function of your own.

    * An async generator function whose first parameter is called ``rows`` takes the stream of
      rows and yields rows. One row may become none, if it is yielded as rejected, or several.
    * An async function whose first parameter is called ``row`` is called for each, several at a
      time, and returns the row, or several.
    * An async generator function without either is a source of rows, or of dicts.
    * An async generator function whose first parameter is called ``streams`` joins branches.

    Parameters called ``llm``, ``answerer``, ``judge``, ``seed``, ``gate``, ``embedder`` or
    ``concurrency`` are given by the run; all others are the step's options. Rejected and failed
    rows pass around the function.

    A row for which it raises has failed, with the error, and the others go on: a generator is
    then started anew behind that row, so one that counts begins at its start again. Rows that a
    generator took in and never gave back are recorded as rejected (``dropped``); yield
    ``row.reject("too_short")`` to say why.

    >>> @step(needs=["instruction"], gives=["words"])
    ... async def count_words(rows):
    ...     async for row in rows:
    ...         yield row.replace(extra={**row.extra, "words": len(row.instruction.split())})

    Args:
        needs, gives: columns that it cannot do without, and that its rows have afterwards; with
            their types where they are given as a mapping. Checked before anything runs. Without
            ``gives`` it may give any.
        keeps: False if its rows have no other columns than those.
        name: what it is called in a run; by default as the function.
        role: what its ``llm`` is asked for: to ``write``, to ``answer`` or to ``judge``.

    Raises:
        InputError: the function is none of these.
    """

    def make(function: Callable[..., Any]) -> StepMaker:
        return StepMaker(function, kind=name, needs=needs, gives=gives, keeps=keeps, role=role)

    return make if function is None else make(function)
