"""What a step gets of its run: the model, loaded once for all, the gate, the embedder, a seed."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from evolsynth.errors import EvolsynthError, InputError, SetupError
from evolsynth.evaluation.embed.base import Embedder
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.foreign import comes_through, told, witness
from evolsynth.llm.backends import DEFAULT_MODEL, open_llm
from evolsynth.llm.base import LLM
from evolsynth.methods.method import BESIDE, Role
from evolsynth.pipeline.graph import Node, Step
from evolsynth.pipeline.run.stopping import Control, StepControl, Turns
from evolsynth.store.cached_llm import Stored
from evolsynth.store.store import StepCounts, Store

if TYPE_CHECKING:
    from evolsynth.cluster.memory import RayMemory
    from evolsynth.cluster.pool import Pool
    from evolsynth.cluster.settings import Ray
    from evolsynth.methods.steering import Steering
    from evolsynth.pipeline.run.batching import Batching
    from evolsynth.pipeline.run.plan import Plan, RunOptions
    from evolsynth.pipeline.run.state import RunState
    from evolsynth.pipeline.run.steer import Steerer

__all__ = ["Asking", "Context", "Models", "Shared", "gate_settings", "takes_n"]

_DEFAULT = "default"
#: Under which names a role's model is looked for: who answers judges too, if nobody else is to.
_NAMES: Mapping[Role, tuple[str, ...]] = {
    "write": (_DEFAULT,),
    "answer": ("answerer", _DEFAULT),
    "judge": ("judge", "answerer", _DEFAULT),
}
_OWN = "evolsynth."  # the methods here ask in messages, or by the model's chat template


class Models:
    """Models by name, and those for steps that name none, by what the step does.

    A value is an `LLM`, a text as for ``--model``, another name, or a mapping with ``model`` and
    other options of its back end; see `open_llm`. What is the same model by another name, such as
    another path to its file, is one `LLM` (`LLM.alike`).

    Args:
        named: models by name; ``default``, ``answerer`` and ``judge`` are those of the roles.
        default: instead of that of the name ``default``.
        answerer: the same of the name ``answerer``.
        judge: the same of the name ``judge``.
        on: where those that compute in process are to run instead.
    """

    def __init__(
        self,
        named: Mapping[str, Any],
        default: LLM | str | Mapping[str, Any] | None,
        *,
        answerer: LLM | str | Mapping[str, Any] | None = None,
        judge: LLM | str | Mapping[str, Any] | None = None,
        on: Ray | None = None,
    ) -> None:
        given = {_DEFAULT: default, "answerer": answerer, "judge": judge}
        self._named = {**named, **{name: one for name, one in given.items() if one is not None}}
        self._made: dict[int, LLM] = {}
        self._known: dict[str, LLM] = {}  # by what they were told
        self._kinds: dict[Hashable, LLM] = {}  # and by what they are
        self._chatting: set[int] = set()  # models that are asked by their chat template
        self._on, self.pool = on, None if on is None else _pool(on)

    def of(self, node: Node, role: Role = "write") -> LLM:
        """The step's model for what it is to do, not started yet. One that the step names itself
        does all that the step asks for.

        Raises:
            InputError: no such name among several, or a model that cannot be.
        """
        asked = node.step.model
        value = self._for(role) if asked is None else asked
        seen: set[str] = set()
        while isinstance(value, str) and value not in seen:
            seen.add(value)
            value = self._for(BESIDE[value]) if value in BESIDE else self._named.get(value, value)
        if isinstance(value, LLM) and value.local and self._on is not None:
            raise InputError(
                f"The model of '{node.name}', {value.name}, lives in this process. To run it on "
                "Ray, give its name, or a mapping with its name and options."
            )
        llm = value if isinstance(value, LLM) else self._opened(node, value)
        self._made.setdefault(id(llm), llm)
        if node.step.function.__module__.startswith(_OWN):
            self._chatting.add(id(llm))
        return llm

    def _opened(self, node: Node, value: str | Mapping[str, Any] | None) -> LLM:
        """The model that a text or mapping means: one for all that mean the same."""
        told = value if isinstance(value, Mapping) else {"model": value or DEFAULT_MODEL}
        options = dict(told)
        key = repr(sorted(options.items(), key=lambda item: item[0]))
        if key not in self._known:
            try:
                llm = self._made_of(options)
            except InputError as error:
                raise InputError(f"The model of '{node.name}': {error}") from None
            kind = llm.alike()
            self._known[key] = llm if kind is None else self._kinds.setdefault(kind, llm)
        return self._known[key]

    def _made_of(self, options: dict[str, Any]) -> LLM:
        """The model that a back end makes of its options, here or at a cluster's workers."""
        told = {"model": DEFAULT_MODEL, **options}
        model = str(told["model"])
        if self._on is not None and self.pool is not None and model in self._on.models:
            return self.pool.engines(told, self._on.models[model]())
        llm = open_llm(options.pop("model", DEFAULT_MODEL), **options)
        if self.pool is None or self._on is None or not (llm.local or self._on.served):
            return llm
        return self.pool.engines(told, llm, served=not llm.local)

    def _for(self, role: Role) -> Any:
        """The first that is there of the names for a role."""
        return next((self._named[name] for name in _NAMES[role] if name in self._named), None)

    @property
    def batch(self) -> bool:
        """Whether one of them was told to go in batches."""
        return any(llm.batch for llm in self._made.values())

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """All of them running; those that were not before are closed at the end.

        Raises:
            ModelNotFound: one is not there.
            EvolsynthError: one cannot be used; this is told before any is loaded, where it can be.
        """
        async with AsyncExitStack() as stack:
            resting = [llm for llm in self._made.values() if not llm.running]
            for llm in resting:
                chat = id(llm) in self._chatting
                await _begin(llm, partial(asyncio.to_thread, llm.look_ahead, chat=chat))
            for llm in resting:
                stack.push_async_callback(_close, llm)
                await _begin(llm, llm.start)
            yield


def _pool(on: Ray) -> Pool:
    """The workers of a run; what they need is loaded for runs on a cluster alone."""
    from evolsynth.cluster.pool import Pool

    return Pool(on)


def _memory(on: Ray) -> RayMemory:
    """What a gate remembers with, on a cluster."""
    from evolsynth.cluster.memory import RayMemory

    return RayMemory(on)


async def _begin(llm: LLM, work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
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
        on: Ray | None = None,
    ) -> None:
        self._on = on
        self.embedder = embedder
        self.tell = tell
        self.aside: Counter[str] = Counter()
        self.steerer: Steerer | None = None
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
            memory = None if self._on is None else _memory(self._on)
            self._gates[key] = Gate(self.embedder, settings=wanted, memory=memory)
        return self._gates[key]

    def steering(self, node: Node) -> Steering | None:
        """What steers a step; None in a run that does not steer itself."""
        return None if self.steerer is None else self.steerer.for_step(node)

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
    """What one step gets of its run; ``beside`` are models by the parameters they are for."""

    node: Node
    counts: StepCounts
    shared: Shared
    seed: int
    llm: LLM | None = None
    concurrency: int | None = None
    beside: Mapping[str, LLM] = field(default_factory=dict)

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
            "answerer": lambda: self.beside.get("answerer"),
            "judge": lambda: self.beside.get("judge"),
            "seed": lambda: self.seed,
            "gate": self.gate,
            "embedder": lambda: self.shared.embedder,
            "concurrency": lambda: self.concurrency,
            "steering": lambda: self.shared.steering(self.node),
            "context": lambda: self,
            "aside": lambda: self.shared.aside,
        }
        for name in (n for n in names if n in brought and n not in given):
            value = brought[name]()
            if value is not None or name in ("llm", "embedder", "gate"):
                given[name] = value
        return given


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
        turn = self._turns.setdefault(id(model), Turns(partial(_width, model, limited=limited)))
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
