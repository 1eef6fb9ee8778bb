"""Kinds of tasks about a text: what makes each, and how often it is wanted.

A kind is one function in one file of ``evolsynth/methods/grounded/kinds/``, or of a package that
names it under the entry points ``evolsynth.kinds``::

    @kind("true_false", task="classification", weight=1.0)
    def true_false(passage: Passage, rng: Random) -> Iterable[Draft]:
        \"\"\"Statements of the passage, half of them with a number changed.\"\"\"

One that asks a model is asynchronous and takes it third; it is for larger models, and a small one
makes it only where a user asks for it by name::

    @kind("summarise", task="rewriting", weight=1.0)
    async def summarise(passage: Passage, rng: Random, llm: LLM) -> Sequence[Draft]:
        \"\"\"A summary of the passage.\"\"\"

Either gives its drafts with the likeliest to be good first, each about another fact of the passage
where it can. `grounded` takes the first that no check objects to and whose fact is not taken:
``told["fact"]`` is the place of the passage that a draft is about, ``[start, end]``; without it,
it is all the evidence. A file may hold several kinds. Importing it must be quick.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, TypeVar

from evolsynth.evaluation.text.task import Task
from evolsynth.llm.base import LLM
from evolsynth.methods.grounded.draft import Draft, Maker, Passage
from evolsynth.registry import Registry

__all__ = ["KINDS", "Asker", "Kind", "kind"]

#: Makes drafts of one kind with a model. It may ask it for several things at once; all chance
#: comes from the generator, so seeds of requests are drawn from it before anything is awaited.
Asker = Callable[[Passage, Random, LLM], Awaitable[Sequence[Draft]]]
Function = TypeVar("Function", bound=Callable[..., object])


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """One kind of task.

    Args:
        name: in rows (``Draft.kind``) and in the option ``kinds``.
        task: what kind of task it is in the terms of `evaluation.text.task`.
        make: the function: a `Maker`, or with ``asks`` an `Asker`.
        weight: how often it is drawn beside the others; 0: only where a user asks for it.
        asks: whether it asks a model, so that it is left to larger ones.
    """

    name: str
    task: Task
    make: Maker | Asker
    weight: float
    asks: bool

    async def drafts(self, passage: Passage, rng: Random, llm: LLM) -> list[Draft]:
        """The drafts for one passage, the likeliest to be good first."""
        make: Callable[..., Any] = self.make
        return list(await make(passage, rng, llm) if self.asks else make(passage, rng))


#: All kinds by their names.
KINDS: Registry[Kind] = Registry(
    "kind of task", "evolsynth.methods.grounded.kinds", "evolsynth.kinds"
)


def kind(
    name: str, *, task: Task = "extraction", weight: float = 1.0
) -> Callable[[Function], Function]:
    """Register a function as what makes a kind of task."""

    def made(function: Function) -> Function:
        asks = inspect.iscoroutinefunction(function)
        make: Any = function
        whole = Kind(name=name, task=task, make=make, weight=weight, asks=asks)
        KINDS.register(name, whole, function.__module__)
        return function

    return made
