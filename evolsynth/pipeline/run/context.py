"""What a step gets of its run: the model, the gate, the embedder, a seed."""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from evolsynth.errors import InputError
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.llm.base import LLM
from evolsynth.methods.method import GIVEN
from evolsynth.pipeline.graph import Node, Step
from evolsynth.store.store import StepCounts

__all__ = ["Context", "Shared", "gate_settings", "takes_n"]


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
        self._gates: dict[bytes, Gate] = {}

    @property
    def settings(self) -> GateSettings:
        """Those of the pipeline's first gate, or the usual ones."""
        return gate_settings(self._settings)

    def gate(self, settings: Mapping[str, Any] | GateSettings | str | None = None) -> Gate:
        """The gate with these settings, by default those of the pipeline's first gate.

        Steps with the same settings share it: what a method's candidates have passed is not
        looked at again.

        Raises:
            InputError: there is no such file, or no such setting.
        """
        wanted = gate_settings(self._settings if settings is None else settings)
        key = repr(wanted).encode()
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


class Context:
    """What one step gets of its run."""

    def __init__(
        self,
        node: Node,
        counts: StepCounts,
        shared: Shared,
        *,
        seed: int,
        llm: LLM | None = None,
        concurrency: int | None = None,
    ) -> None:
        self.node, self.counts, self.shared = node, counts, shared
        self.seed, self.llm, self.concurrency = seed, llm, concurrency

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
        for name in names:
            if name in GIVEN and name not in given:
                value = self._given(name)
                if value is not None or name in ("llm", "embedder", "gate"):
                    given[name] = value
        return given

    def _given(self, name: str) -> Any:
        if name == "gate":
            return self.gate()
        if name == "embedder":
            return self.shared.embedder
        if name == "aside":
            return self.shared.aside
        return self if name == "context" else getattr(self, name)
