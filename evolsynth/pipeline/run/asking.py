"""A run's models as its steps ask them: in turn, within the budget, answers stored and priced."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from evolsynth.llm.base import LLM
from evolsynth.pipeline.graph import Node
from evolsynth.pipeline.run.plan import Plan, RunOptions
from evolsynth.pipeline.run.state import RunState
from evolsynth.pipeline.run.stopping import Control, StepControl, Turns
from evolsynth.store.cached_llm import Stored
from evolsynth.store.store import Store

if TYPE_CHECKING:
    from evolsynth.pipeline.run.batching import Batching

__all__ = ["Asking"]


class Asking:
    """What each step asks instead of its models, which run by then.

    Args:
        plan: knows which model plays which part for a step.
        options: the run's: retries, prices, batches.
        store: where answers are.
        control: whether the run may still ask.
        state: counts what is asked.
        affords: whether there is money for another question.
        stack: ends what is begun here.
    """

    def __init__(
        self,
        plan: Plan,
        options: RunOptions,
        store: Store,
        control: Control,
        state: RunState,
        affords: Callable[[], bool],
        stack: AsyncExitStack,
    ) -> None:
        self._plan, self._options, self._store = plan, options, store
        self._control, self._state, self._affords = control, state, affords
        self._turns: dict[int, Turns] = {}
        self._batching = self._batches(stack)

    def of(self, node: Node) -> dict[str, Stored]:
        """A step's models by the parameters that take them."""
        given: dict[str, Stored] = {}
        made: dict[int, Stored] = {}  # a model that plays two parts for a step is one
        for parameter, role in node.step.asks().items():
            model = self._plan.models.of(node, role)
            model = model if self._batching is None else self._batching.of(model)
            if id(model) not in made:
                made[id(model)] = self._stored(node, model)
            given[parameter] = made[id(model)]
        first = given.get("llm")
        self._state.models[node.index] = first
        self._state.beside += [(node.index, one) for one in made.values() if one is not first]
        return given

    def check(self) -> None:
        """Once all steps have theirs.

        Raises:
            InputError: batches are asked for, and no model takes any.
        """
        if self._batching is not None:
            self._batching.check()

    def _stored(self, node: Node, model: LLM) -> Stored:
        affords = self._affords if self._plan.costs(model) else None
        limited = affords is not None and self._plan.budget.max_cost is not None
        width = partial(_width, model, limited=limited)
        turn = self._turns.setdefault(id(model), Turns(width))
        control = StepControl(self._control, turn, node.index, affords)
        retry, spending = node.step.retry or self._options.retry, self._state.spending
        prices = self._options.prices
        one = Stored(model, self._store, node.name, control, retry, prices, spending)
        spending.price(one.name, one.prices)
        return one

    def _batches(self, stack: AsyncExitStack) -> Batching | None:
        """What makes questions wait for each other, where that is wanted."""
        wanted, size = self._options.batch, self._options.batch_size
        if not (wanted or self._plan.models.batch):
            return None
        from evolsynth.pipeline.run.batching import Batching

        batching = Batching(self._store, self._control, wanted=wanted, size=size)
        stack.push_async_callback(batching.aclose)
        return batching


def _width(model: LLM, *, limited: bool) -> int:
    """How many questions a model gets at once. Where money is ``limited``, those that it works on
    and as many to choose from: what is under way when the money is spent is paid for."""
    if not limited or model.at_once is None:
        return model.concurrency
    return min(model.concurrency, 2 * model.at_once)
