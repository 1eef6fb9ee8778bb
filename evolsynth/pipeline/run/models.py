"""The models of a run: each is loaded once, however many steps use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from evolsynth.errors import InputError
from evolsynth.llm.backends import DEFAULT_MODEL, open_llm
from evolsynth.llm.base import LLM
from evolsynth.pipeline.graph import Node

__all__ = ["Models"]

_DEFAULT = "default"


class Models:
    """Models by name, and the one for steps that name none.

    A value is an `LLM`, a text as for ``--model``, or a mapping with ``model`` and other options
    of its back end; see `open_llm`.
    """

    def __init__(self, named: Mapping[str, Any], default: LLM | str | None) -> None:
        self._named = dict(named)
        if default is not None:
            self._named[_DEFAULT] = default
        self._made: dict[Any, LLM] = {}

    def of(self, node: Node) -> LLM:
        """The step's model, not started yet.

        Raises:
            InputError: no such name among several, or a model that cannot be.
        """
        asked = node.step.model
        value = self._named.get(_DEFAULT) if asked is None else asked
        if isinstance(value, str) and value in self._named:
            value = self._named[value]
        return self._model(value, node.name)

    def _model(self, value: Any, step: str) -> LLM:
        if isinstance(value, LLM):
            self._made.setdefault(id(value), value)
            return value
        options: dict[str, Any] = (
            dict(value) if isinstance(value, Mapping) else {"model": value or DEFAULT_MODEL}
        )
        key = repr(sorted(options.items(), key=lambda item: item[0]))
        if key not in self._made:
            try:
                self._made[key] = open_llm(options.pop("model", DEFAULT_MODEL), **options)
            except InputError as error:
                raise InputError(f"The model of '{step}': {error}") from None
        return self._made[key]

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """All of them running; those that were not before are closed at the end.

        Raises:
            ModelNotFound: one is not there.
        """
        ours: list[LLM] = []
        try:
            for llm in self._made.values():
                if not llm.running:
                    ours.append(llm)
                    await llm.start()
            yield
        finally:
            for llm in reversed(ours):
                await llm.aclose()
