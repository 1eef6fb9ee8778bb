"""What a step gets of its run: the model, loaded once for all, the gate, the embedder, a seed."""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from evolsynth.errors import EvolsynthError, InputError, SetupError
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.foreign import comes_through, told, witness
from evolsynth.llm.backends import DEFAULT_MODEL, open_llm
from evolsynth.llm.base import LLM
from evolsynth.pipeline.graph import Node, Step
from evolsynth.store.store import StepCounts

__all__ = ["Context", "Models", "Shared", "gate_settings", "takes_n"]

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
        if isinstance(value, LLM):
            self._made.setdefault(id(value), value)
            return value
        told = value if isinstance(value, Mapping) else {"model": value or DEFAULT_MODEL}
        options = dict(told)
        key = repr(sorted(options.items(), key=lambda item: item[0]))
        if key not in self._made:
            try:
                self._made[key] = open_llm(options.pop("model", DEFAULT_MODEL), **options)
            except InputError as error:
                raise InputError(f"The model of '{node.name}': {error}") from None
        return self._made[key]

    @property
    def batch(self) -> bool:
        """Whether one of them was told to go in batches."""
        return any(llm.batch for llm in self._made.values())

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """All of them running; those that were not before are closed at the end.

        Raises:
            ModelNotFound: one is not there.
        """
        async with AsyncExitStack() as stack:
            for llm in self._made.values():
                if not llm.running:
                    stack.push_async_callback(_close, llm)
                    await _start(llm)
            yield


async def _start(llm: LLM) -> None:
    try:
        await llm.start()
    except BaseException as error:
        if isinstance(error, EvolsynthError) or comes_through(error):
            raise
        witness("start", error)
        raise SetupError(
            f"The model {llm.name} does not start: {type(error).__name__}: {told(error)}. See "
            "whether it works by itself."
        ) from error


async def _close(llm: LLM) -> None:
    """Close it; what goes wrong with that is told, and takes nothing from a run that has ended."""
    try:
        await llm.aclose()
    except BaseException as error:
        if comes_through(error) and not isinstance(error, SetupError):
            raise
        witness("close", error)


class Shared:
    """What all steps of a run share: the embedder, the gates, what passed around branches."""

    def __init__(
        self,
        embedder: Embedder | None,
        settings: Any = None,
        tell: Callable[..., None] = lambda *_, **__: None,
    ) -> None:
        self.embedder = embedder
        self.tell = tell
        self.aside: Counter[str] = Counter()
        self._settings = settings
        self._gates: dict[str, Gate] = {}

    def gate(self, settings: Mapping[str, Any] | GateSettings | str | None = None) -> Gate:
        """The gate with these settings, by default those of the pipeline's first gate.

        Steps with the same settings share it: what a method's candidates have passed is not
        looked at again.

        Raises:
            InputError: there is no such file, or no such setting.
        """
        wanted = gate_settings(self._settings if settings is None else settings)
        key = repr(wanted)
        if key not in self._gates:
            self._gates[key] = Gate(self.embedder, settings=wanted)
        return self._gates[key]

    def close(self) -> None:
        """End the gates' threads."""
        for gate in self._gates.values():
            gate.close()


def gate_settings(given: Mapping[str, Any] | GateSettings | str | None) -> GateSettings:
    """Settings from a mapping or a YAML file.

    Raises:
        InputError: there is no such file, or no such setting.
    """
    if given is None:
        return GateSettings()
    if isinstance(given, GateSettings):
        return given
    if isinstance(given, str):
        return GateSettings.read(given)
    try:
        return msgspec.convert(dict(given), GateSettings)
    except msgspec.ValidationError as error:
        raise InputError(
            f"The gate's settings: {error}. `evolsynth gates --yaml` prints all of them."
        ) from None


def takes_n(step: Step) -> bool:
    """Whether it is a source that, without ``n``, makes rows to the end of the budget."""
    n = inspect.signature(step.function).parameters.get("n")
    return step.shape == "source" and n is not None and n.default is None


@dataclass(frozen=True)
class Context:
    """What one step gets of its run."""

    node: Node
    counts: StepCounts
    shared: Shared
    seed: int
    llm: LLM | None = None
    concurrency: int | None = None

    def gate(self, settings: Mapping[str, Any] | GateSettings | str | None = None) -> Gate:
        """See `Shared.gate`."""
        return self.shared.gate(settings)

    def arguments(self) -> dict[str, Any]:
        """The user's options, and what the function asks of the run."""
        step = self.node.step
        given = dict(step.parameters)
        names = inspect.signature(step.function).parameters
        if takes_n(step):
            given.setdefault("n", sys.maxsize)  # to the end of the run's budget
        brought: dict[str, Callable[[], Any]] = {
            "llm": lambda: self.llm,
            "seed": lambda: self.seed,
            "gate": self.gate,
            "embedder": lambda: self.shared.embedder,
            "concurrency": lambda: self.concurrency,
            "context": lambda: self,
            "aside": lambda: self.shared.aside,
        }
        for name in (n for n in names if n in brought and n not in given):
            value = brought[name]()
            if value is not None or name in ("llm", "embedder", "gate"):
                given[name] = value
        return given
