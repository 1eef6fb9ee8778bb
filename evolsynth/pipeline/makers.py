"""Makers of steps: what turns an async function, ours or a user's, into something for ``>>``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

import msgspec

from evolsynth.errors import InputError
from evolsynth.pipeline.graph import Chainable, ColumnType, Part, Shape, Step
from evolsynth.store.cached_llm import Retry

__all__ = ["GIVEN", "RESERVED", "StepMaker", "step"]

#: What a function is given by the run if it has a parameter of this name.
GIVEN = ("llm", "seed", "gate", "embedder", "concurrency", "context", "aside")
#: Options of every step.
RESERVED = (
    "name",
    "model",
    "llm",
    "seed",
    "concurrency",
    "input_mappings",
    "output_mappings",
    "retry",
)
Columns = Mapping[str, ColumnType] | Sequence[str]


class StepMaker(Chainable):
    """Makes steps: call it with the options of its function, or chain it as it is.

    Every step also takes:

    * ``name``, by which the report, the log and the status call it;
    * ``model`` (or ``llm``): an `LLM`, a name of the pipeline's models, or a text as for
      ``--model``;
    * ``seed`` and ``concurrency``, by default the run's and the model's;
    * ``input_mappings={"instruction": "prompt"}``: where the step says ``instruction``, its rows
      have ``prompt``; ``output_mappings={"response": "answer"}``: what it gives as ``response``
      is called ``answer`` from there on;
    * ``retry``: how often a request is asked again after an error that may pass.

    ``without`` are options of the function that its steps do not have.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        kind: str | None = None,
        shape: Shape | None = None,
        needs: Columns = (),
        gives: Columns | None = (),
        keeps: bool = True,
        settled: bool = False,
        without: Sequence[str] = (),
    ) -> None:
        self.function = function
        self.kind = kind or function.__name__
        self.signature = inspect.signature(function)
        self.each = inspect.iscoroutinefunction(function)
        names = list(self.signature.parameters)
        if not self.each and not inspect.isasyncgenfunction(function):
            raise InputError(
                f"'{self.kind}' cannot be a step: write it as `async def` with `yield`, taking "
                "rows, or as `async def` that takes one row and returns one."
            )
        self._rows = names[0] if names and names[0] in ("rows", "row", "streams") else None
        if self.each and self._rows != "row":
            raise InputError(
                f"'{self.kind}' returns and does not yield, so it is called for each row: name its "
                "first parameter `row`."
            )
        if shape is None:
            kinds: dict[str | None, Shape] = {None: "source", "row": "map", "streams": "join"}
            shape = kinds.get(self._rows, "expand")
        self.shape: Shape = shape
        self.needs, self.gives = _columns(needs), None if gives is None else _columns(gives)
        self.keeps, self.settled = keeps, settled
        self._without = frozenset(without)
        self.about = inspect.getdoc(function) or ""
        self.__doc__ = self.about
        self.__name__ = self.kind

    @property
    def options(self) -> dict[str, inspect.Parameter]:
        """The function's own options: what a user may give."""
        return {
            name: parameter
            for name, parameter in self.signature.parameters.items()
            if name not in GIVEN and name != self._rows and name not in self._without
        }

    def __call__(self, *values: Any, **options: Any) -> Step:
        """A step with these options.

        Raises:
            InputError: there is no such option, one is missing, or one has a wrong type.
        """
        common = {name: options.pop(name) for name in RESERVED if name in options}
        if "llm" in common:
            common["model"] = common.pop("llm")
        known = inspect.Signature(
            [p for p in self.options.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        )
        try:
            bound = known.bind(*values, **options)
        except TypeError as error:
            raise InputError(
                f"{self.kind}(): {error}. Its options: {', '.join(known.parameters) or 'none'}; "
                f"those of every step: {', '.join(RESERVED)}."
            ) from None
        return Step(
            kind=self.kind,
            function=self.function,
            shape=self.shape,
            parameters=dict(bound.arguments),
            needs=self.needs,
            gives=self.gives,
            keeps=self.keeps,
            settled=self.settled,
            each=self.each,
            about=self.about,
            **_checked(self.kind, common),
        )

    def as_parts(self) -> tuple[Part, ...]:
        """Its step without options."""
        return (self(),)


def _checked(kind: str, common: dict[str, Any]) -> dict[str, Any]:
    for name in ("input_mappings", "output_mappings"):
        value = common.get(name)
        if name in common and not (
            isinstance(value, Mapping)
            and all(isinstance(v, str) for v in [*value, *value.values()])
        ):
            raise InputError(f"{kind}(): {name} must map names to names, not {value!r:.60}.")
    if isinstance(common.get("retry"), Mapping):
        try:
            common["retry"] = msgspec.convert(dict(common["retry"]), Retry)
        except msgspec.ValidationError as error:
            raise InputError(f"{kind}(): retry: {error}.") from None
    for name in ("seed", "concurrency"):
        value = common.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise InputError(f"{kind}(): {name} must be a whole number, not {value!r:.60}.")
    if common.get("concurrency") is not None and common["concurrency"] < 1:
        raise InputError(f"{kind}(): concurrency must be 1 or more.")
    if common.get("name") is not None and not isinstance(common["name"], str):
        raise InputError(f"{kind}(): name must be a text, not {common['name']!r:.60}.")
    return common


def _columns(given: Columns) -> dict[str, ColumnType]:
    if isinstance(given, Mapping):
        return dict(given)
    usual: dict[str, ColumnType] = {"instruction": "text", "response": "text", "system": "text"}
    return {name: usual.get(name, "any") for name in given}


@overload
def step(function: Callable[..., Any]) -> StepMaker: ...
@overload
def step(
    *,
    needs: Columns = (),
    gives: Columns | None = None,
    keeps: bool = True,
    name: str | None = None,
) -> Callable[[Callable[..., Any]], StepMaker]: ...
def step(
    function: Callable[..., Any] | None = None,
    *,
    needs: Columns = (),
    gives: Columns | None = None,
    keeps: bool = True,
    name: str | None = None,
) -> StepMaker | Callable[[Callable[..., Any]], StepMaker]:
    """Make a step of a function of your own.

    * An async generator function whose first parameter is called ``rows`` takes the stream of
      rows and yields rows. One row may become none, if it is yielded as rejected, or several.
    * An async function whose first parameter is called ``row`` is called for each, several at a
      time, and returns the row, or several.
    * An async generator function without either is a source of rows, or of dicts.
    * An async generator function whose first parameter is called ``streams`` joins branches.

    Parameters called ``llm``, ``seed``, ``gate``, ``embedder`` or ``concurrency`` are given by the
    run; all others are the step's options. Rejected and failed rows pass around the function.

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

    Raises:
        InputError: the function is none of these.
    """

    def make(function: Callable[..., Any]) -> StepMaker:
        return StepMaker(function, kind=name, needs=needs, gives=gives, keeps=keeps)

    return make if function is None else make(function)
