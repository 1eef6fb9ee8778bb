"""A run's models whose questions go in batches, and the store as the book that remembers them."""

from __future__ import annotations

from typing import Any

from evolsynth.errors import InputError
from evolsynth.llm.base import LLM
from evolsynth.llm.batch import Batched
from evolsynth.pipeline.run.stopping import Control
from evolsynth.store.store import Store

__all__ = ["Batching", "StoreBook"]


class StoreBook:
    """See `evolsynth.llm.batch.Book`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, name: str) -> Any:
        """What was put under a name; None: nothing."""
        return self._store.get(name)

    def put(self, name: str, value: Any) -> None:
        """Keep it, and commit it."""
        self._store.set(name, value)
        self._store.flush()

    def has(self, key: bytes) -> bool:
        """Whether the answer to a request is stored."""
        return self._store.has(key)


class Batching:
    """The models of a run as its steps ask them.

    Args:
        store: the run's.
        control: knows how many questions are under way.
        wanted: whether all that can is to go in batches; else the models that were told to.
        size: questions of a batch at most.
    """

    def __init__(self, store: Store, control: Control, *, wanted: bool, size: int) -> None:
        self._store, self._control = store, control
        self._wanted, self._size = wanted, size
        self._batched: dict[int, Batched] = {}
        self._others: dict[int, LLM] = {}

    def of(self, llm: LLM) -> LLM:
        """The model, which runs, or the same with its questions in batches."""
        if id(llm) in self._batched:
            return self._batched[id(llm)]
        batches = llm.batches if self._wanted or llm.batch else None
        if batches is None:
            if llm.batch:
                raise InputError(f"The model {llm.name} takes no batches. Leave out its `batch`.")
            self._others[id(llm)] = llm
            return llm
        self._batched[id(llm)] = Batched(
            llm,
            batches,
            StoreBook(self._store),
            size=self._size,
            busy=self._busy,
            tell=self._store.event,
        )
        return self._batched[id(llm)]

    def check(self) -> None:
        """See that what was wanted can be.

        Raises:
            InputError: no model of the run takes batches.
        """
        if self._wanted and not self._batched:
            names = ", ".join(llm.name for llm in self._others.values()) or "there is none"
            raise InputError(f"No model of this run takes batches ({names}). Leave out --batch.")

    def _busy(self) -> bool:
        """Whether other questions are under way, whose rows may soon ask more."""
        return self._control.under_way > sum(llm.waiting for llm in self._batched.values())

    async def aclose(self) -> None:
        """Leave the batches to their servers; the models themselves are not closed."""
        for llm in self._batched.values():
            await llm.aclose()
