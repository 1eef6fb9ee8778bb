"""What a demand is: a kind, its values, how it is worded, checked, and met by rule.

A kind is one function in one file of ``kinds/``, with all that is told of it in its decorator::

    @kind(
        "words_at_most",
        about="length",
        tasks=WRITTEN,
        clashes=("sections",),
    )
    def words_at_most(response: str, *, n: Count) -> Miss | None:
        \"\"\"At most so many words.

        Args:
            n: The most words.
        \"\"\"

    @words_at_most.draws
    def _(chance: Random, case: Asked) -> Mapping[str, Any] | None: ...

    @words_at_most.applies
    def _(response: str, *, n: int) -> str: ...

Its keyword parameters are the demand's values, by the names that a row carries them under. Two
demands about the same thing clash, and so do those whose ``about`` or name the other's ``clashes``
holds. A check that needs to see what was asked has a parameter ``asked`` (the whole instruction),
one that needs the text that the instruction is about a parameter ``source``; they are no values.
Wordings stand in a text file of the module's name beside it, under the kind's name, eight or more,
whole sentences with the values in braces; see `fill`.
"""

from __future__ import annotations

import dataclasses
import inspect
import random
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from evolsynth.errors import InputError
from evolsynth.evaluation.text.task import TASKS, Task
from evolsynth.evaluation.text.words import word_lists
from evolsynth.options import Option, options_of
from evolsynth.registry import Registry

__all__ = ["GIVEN", "KINDS", "LISTS", "SHAPES", "Asked", "Demand", "Kind", "Miss", "fill", "kind"]

Function = TypeVar("Function", bound=Callable[..., Any])

# Groups of what demands are about, by which kinds name the others that they clash with.
#: Words, names or signs that an answer must have as they are given.
GIVEN = ("beginning", "ending", "headings", "labels", "postscript", "request", "summary", "data")
#: Points of a list.
LISTS = ("list", "list_order", "item_length", "item_beginning")
#: How the whole of an answer is built.
SHAPES = (
    *("choice", "data", "headings", "labels", "lines", "paragraphs", "parts", "plan"),
    *("postscript", "quotes", "request", "table", "thesis", "title", "versions"),
)
#: Parameters of a check that are no values of its demand.
_SEEN = ("asked", "source")


class Miss(msgspec.Struct, frozen=True):
    """What a response lacks: a sentence, and where (the characters from, up to), if at a place."""

    why: str
    place: tuple[int, int] | None = None


class Asked(NamedTuple):
    """What a demand is drawn for: an instruction, its kind of task, the evolution's round (from 1),
    about how many words an answer to it has, whether a text is given with it, and other questions
    about that text."""

    instruction: str
    task: Task = "other"
    round: int = 1
    words: int = 120
    given: bool = False
    others: Sequence[str] = ()


@dataclasses.dataclass(eq=False)
class Kind:
    """One kind of demand.

    Args:
        name: in snake_case; a row carries it.
        function: of the response and the values, by their names: what is missing, or None.
        about: what it is about; two demands about the same thing are never asked together.
        tasks: the kinds of tasks that it suits.
        clashes: names and abouts of kinds that cannot be asked with it.
        rule: whether form alone decides, so that `Demand.apply` can make any answer meet it.
    """

    name: str
    function: Callable[..., Miss | None]
    about: str
    tasks: frozenset[Task]
    clashes: frozenset[str] = frozenset()
    _draw: Callable[[random.Random, Asked], Mapping[str, Any] | None] | None = None
    _apply: Callable[..., str] | None = None

    @cached_property
    def values(self) -> Mapping[str, Option]:
        """What has to be said of a demand of this kind, by name."""
        return options_of(self.function, without=("response", *_SEEN))

    @cached_property
    def sees(self) -> frozenset[str]:
        """What the check reads beside the response: ``asked``, ``source``."""
        return frozenset(_SEEN) & inspect.signature(self.function).parameters.keys()

    @cached_property
    def wordings(self) -> Sequence[str]:
        """How it is said, values in braces; see `fill`.

        Raises:
            InputError: it has none.
        """
        home = sys.modules[self.function.__module__].__file__ or ""
        found = _lists(home).get(self.name)
        if not found:
            raise InputError(f"The demand '{self.name}' has no wordings beside {home}.")
        return found

    @property
    def rule(self) -> bool:
        """Whether an answer can be made to meet it by rule."""
        return self._apply is not None

    def draws(self, function: Function) -> Function:
        """Decorates the function that draws values for an instruction; None: it does not fit."""
        self._draw = function
        return function

    def applies(self, function: Function) -> Function:
        """Decorates the function that makes a response meet the demand; see `Demand.apply`."""
        self._apply = function
        return function

    def draw(self, chance: random.Random, asked: Asked) -> Demand | None:
        """A demand that fits an instruction; None where none of this kind does."""
        if asked.task not in self.tasks or self._draw is None:
            return None
        values = self._draw(chance, asked)
        return None if values is None else self(**values)

    def __call__(self, **values: Any) -> Demand:
        """A demand of this kind.

        Raises:
            InputError: a value is missing, unknown, or out of its range.
        """
        for name in values:
            if name not in self.values:
                raise InputError(f"The demand '{self.name}' has no '{name}'.")
        found: dict[str, Any] = {}
        for name, option in self.values.items():
            if name in values:
                try:
                    found[name] = msgspec.convert(msgspec.to_builtins(values[name]), option.kind)
                except msgspec.ValidationError as error:
                    raise InputError(f"The demand '{self.name}': {name}: {error}.") from None
            elif option.required:
                raise InputError(f"The demand '{self.name}' lacks its '{name}'.")
            else:
                found[name] = option.default
        return Demand(self.name, msgspec.to_builtins(found))


class Demand(msgspec.Struct, frozen=True):
    """A kind with its values, which are plain JSON: what a row carries."""

    kind: str
    values: dict[str, Any] = {}

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Demand:
        """A demand as `to_dict` wrote it.

        Raises:
            InputError: there is no such kind, or its values are others.
        """
        values = {name: value for name, value in data.items() if name != "kind"}
        return KINDS[str(data.get("kind"))](**values)

    def to_dict(self) -> dict[str, Any]:
        """``kind`` and the values, flat."""
        return {"kind": self.kind, **self.values}

    def check(self, response: str, *, asked: str = "", source: str = "") -> Miss | None:
        """What the response lacks; None if it meets the demand. An empty one meets none.

        Args:
            response: that is looked at.
            asked: the instruction.
            source: the text that the instruction is about, if that stands apart from it.
        """
        if not response.strip():
            return Miss("There is no answer.")
        one = KINDS[self.kind]
        seen = {"asked": asked, "source": source}
        return one.function(response, **{name: seen[name] for name in one.sees}, **self.values)

    def apply(self, response: str, *, asked: str = "") -> str | None:
        """The response made to meet the demand by rule, saying the same; None where form alone
        does not decide, or it does not come out. One that meets it already stays."""
        if self.check(response, asked=asked) is None:
            return response
        one = KINDS[self.kind]
        if one._apply is None or not response.strip():
            return None
        more = {"asked": asked} if "asked" in inspect.signature(one._apply).parameters else {}
        made = one._apply(response, **more, **self.values)
        return made if made and self.check(made, asked=asked) is None else None

    def clashes(self, other: Demand) -> bool:
        """Whether the two cannot be asked together."""
        one, two = KINDS[self.kind], KINDS[other.kind]
        return (
            one.about == two.about
            or not one.clashes.isdisjoint((two.name, two.about))
            or not two.clashes.isdisjoint((one.name, one.about))
        )

    def worded(self, number: int) -> str:
        """One of its wordings, counted around."""
        some = KINDS[self.kind].wordings
        return fill(some[number % len(some)], self.values)


#: All kinds by their names; nothing else lists them.
KINDS: Registry[Kind] = Registry(
    "demand", "evolsynth.evaluation.demands.kinds", "evolsynth.demands"
)


def kind(
    name: str,
    *,
    about: str,
    tasks: Sequence[Task] = TASKS,
    clashes: Sequence[str] = (),
) -> Callable[[Callable[..., Miss | None]], Kind]:
    """Make a kind of demand of a function, and register it; see `Kind`."""

    def made(function: Callable[..., Miss | None]) -> Kind:
        one = Kind(name, function, about, frozenset(tasks), frozenset(clashes))
        KINDS.register(name, one, function.__module__)
        return one

    return made


# Wordings -----------------------------------------------------------------------------------------

_SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
_PLURAL = re.compile(r"\{(\w+)\?([^|{}]*)\|([^|{}]*)\}")
_NUMBERS = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    *("nineteen", "twenty"),
]
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


@cache
def _lists(home: str) -> Mapping[str, list[str]]:
    """The wordings beside a module, by kind."""
    return word_lists(home, f"{Path(home).stem}.txt")


def fill(wording: str, values: Mapping[str, Any]) -> str:
    """A wording with its values.

    ``{n}`` is the value as it is, a list as ``"a", "b" and "c"``; ``{n:word}`` a number up to 20
    in words; ``{n:quoted}`` a text in double quotes; ``{n:or}`` a list joined with "or";
    ``{n:ordinal}`` 1st, 2nd...; ``{n?point|points}`` the first for 1 (or a list of one), else the
    second.
    """
    text = _PLURAL.sub(lambda m: m[2] if _is_one(values[m[1]]) else m[3], wording)
    return _SLOT.sub(lambda m: _said(values[m[1]], m[2] or ""), text)


def _is_one(value: Any) -> bool:
    return (len(value) if isinstance(value, list) else value) == 1


def _said(value: Any, how: str) -> str:
    if isinstance(value, list):
        return _joined([f'"{one}"' for one in value], "or" if how == "or" else "and")
    if how == "word" and isinstance(value, int) and 0 <= value < len(_NUMBERS):
        return _NUMBERS[value]
    if how == "quoted":
        return f'"{value}"'
    if how == "ordinal":
        teen = value % 100 in (11, 12, 13)
        return f"{value}{'th' if teen else _ENDINGS.get(value % 10, 'th')}"
    return str(value)


def _joined(some: Sequence[str], word: str) -> str:
    *first, last = some
    return f"{', '.join(first)} {word} {last}" if first else last
