"""What a pipeline is made of: steps, ``>>`` between them, and branches.

A pipeline is a chain of parts. A part is a `Step`, or several pipelines side by side (`Branches`),
which a join such as `merge` brings together again:

>>> pipe = load("seeds.jsonl") >> evolve(rounds=2) >> [respond(), respond(model="big")] >> merge()

Nothing runs before `Pipeline.run`; a pipeline is a value, and can be part of others. What it is
knows nothing of what runs, checks and draws it: see `DEEDS`.
"""

from __future__ import annotations

import dataclasses
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from evolsynth.columns import ColumnRule, ColumnType
from evolsynth.errors import InputError
from evolsynth.methods.method import BESIDE, Needs, Options, Role, Shape, role_of

if TYPE_CHECKING:
    from evolsynth.llm.base import LLM
    from evolsynth.pipeline.run.preview import Preview
    from evolsynth.pipeline.run.state import RunResult
    from evolsynth.store.cached_llm import Retry

__all__ = ["DEEDS", "Branches", "Chainable", "Node", "Pipeline", "Step"]

#: What is done with a pipeline, by the name of its method; the package puts it in.
DEEDS: dict[str, Callable[..., Any]] = {}


class Chainable(ABC):
    """What ``>>`` joins: a step, a maker of steps (for its step without options), a pipeline."""

    @abstractmethod
    def as_parts(self) -> tuple[Part, ...]:
        """The parts of the pipeline that this is."""

    def using(self, **settings: Any) -> Pipeline:
        """It as a pipeline with settings: ``name``, ``models``, ``seed``, ``steer``,
        ``embedder``, ``outputs``."""
        return Pipeline(self.as_parts(), **settings)

    async def run(self, folder: str | None = None, **options: Any) -> RunResult:
        """Run it as a pipeline of its own; see `Pipeline.run`."""
        return await Pipeline(self.as_parts()).run(folder, **options)

    def __rshift__(self, other: Chainable | Sequence[Chainable]) -> Pipeline:
        """This first, then the other; a list stands for branches side by side."""
        return Pipeline(self.as_parts()).then(other)

    def __rrshift__(self, other: Sequence[Chainable]) -> Pipeline:
        """A list of sources first, then this."""
        return Pipeline(_parts(other)).then(self)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Step(Chainable):
    """One step with its options; made by a `StepMaker` such as ``respond``.

    ``kind`` is the maker's name, ``function`` what runs, ``parameters`` what the user gave it.
    ``needs`` are the columns it cannot do without, ``gives`` those that its rows have afterwards;
    without ``keeps`` they have no others; ``columns`` is a rule instead. ``settled`` says that it
    hands on rejected and failed rows by itself, as all methods of this package do; others never see
    them. ``role`` is what its model is asked for; see `Method`. ``idle`` says with which options it
    does without something that a run brings.
    """

    kind: str
    function: Callable[..., Any]
    shape: Shape
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    needs: Needs = dataclasses.field(default_factory=dict)
    gives: Mapping[str, ColumnType] | None = dataclasses.field(default_factory=dict)
    keeps: bool = True
    columns: ColumnRule | None = None
    role: Role | Callable[[Options], Role] = "write"
    idle: Mapping[str, Callable[[Options], bool]] = dataclasses.field(default_factory=dict)
    settled: bool = False
    each: bool = False
    name: str | None = None
    model: LLM | str | None = None
    seed: int | None = None
    concurrency: int | None = None
    input_mappings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    output_mappings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    retry: Retry | None = None

    def takes(self, name: str) -> bool:
        """Whether a run must bring this: ``llm``, ``embedder``, ``gate``, as its function asks."""
        idle = self.idle.get(name)
        asked = name in inspect.signature(self.function).parameters
        return asked and not (idle is not None and idle(self.parameters))

    def asks(self) -> Mapping[str, Role]:
        """The parameters for which a run must bring a model, and the role of each."""
        roles = {"llm": role_of(self.role, self.parameters), **BESIDE}
        return {name: role for name, role in roles.items() if self.takes(name)}

    def needed(self) -> Mapping[str, ColumnType]:
        """The columns that it cannot do without, by its own names.

        Raises:
            InputError: an option from which they follow, such as a prompt, cannot be read.
        """
        return self.needs(self.parameters) if callable(self.needs) else self.needs

    def as_parts(self) -> tuple[Part, ...]:
        """Itself."""
        return (self,)


class Branches(NamedTuple):
    """Pipelines side by side, each of which gets every row."""

    ways: tuple[Pipeline, ...]


Part = Step | Branches


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A step in its place: its number, its name in this pipeline, and whose rows it takes."""

    index: int
    name: str
    step: Step
    inputs: tuple[int, ...]


_SETTINGS = ("parts", "name", "models", "seed", "steer", "embedder", "outputs")


class Pipeline(Chainable):
    """A chain of steps and branches, and what it is run with.

    Args:
        parts: usually made by ``>>``.
        name: the run's folder is called after it, where none is given.
        models: models by the names that steps use; ``"default"`` is that of all other steps,
            ``"answerer"`` of those that answer, ``"judge"`` of those that judge. A model is an
            `LLM`, or a text as for ``--model``.
        seed: the same seed gives the same rows.
        steer: look now and then at what is thin among the rows that came out, and ask for that
            next; see `Steer`.
        embedder: for steps that compare texts: an `Embedder`, a name such as ``"minilm"`` or
            ``"static"``, or None to do without; by default MiniLM where a step asks for one.
        outputs: files for trainers that a run writes at its end: ``{"format": "messages",
            "output": "chat.jsonl"}``; see `evolsynth.export.export.Output`.
    """

    def __init__(
        self,
        parts: Iterable[Part] = (),
        *,
        name: str = "pipeline",
        models: Mapping[str, LLM | str] | None = None,
        seed: int = 7,
        steer: Any = None,
        embedder: Any = "minilm",
        outputs: Sequence[Any] = (),
    ) -> None:
        self.parts = tuple(parts)
        self.name = name
        self.models: Mapping[str, LLM | str] = dict(models or {})
        self.seed = seed
        self.steer = steer
        self.embedder = embedder
        self.outputs = tuple(outputs)

    def as_parts(self) -> tuple[Part, ...]:
        """Its parts."""
        return self.parts

    def __rshift__(self, other: Chainable | Sequence[Chainable]) -> Pipeline:
        """This, with its settings, and then the other."""
        return self.then(other)

    def then(self, other: Chainable | Sequence[Chainable]) -> Self:
        """The same pipeline with more behind it."""
        return self._copy(parts=(*self.parts, *_parts(other)))

    def using(self, **settings: Any) -> Self:
        """The same parts with other settings: ``name``, ``models``, ``seed``, ``steer``,
        ``embedder``, ``outputs``."""
        return self._copy(**settings)

    def _copy(self, **changes: Any) -> Self:
        now = {name: getattr(self, name) for name in _SETTINGS}
        unknown = changes.keys() - now.keys()
        if unknown:
            raise InputError(
                f"A pipeline has no setting '{min(unknown)}'. It has: {', '.join(_SETTINGS[1:])}."
            )
        return type(self)(**{**now, **changes})

    def nodes(self) -> list[Node]:
        """The steps in the order in which rows pass them, each after those it takes rows from.

        Raises:
            InputError: a source is not first, a chain begins with no source, branches are not
                brought together, or two steps have one name.
        """
        nodes: list[Node] = []
        ends = _place(self.parts, (), nodes)
        if not nodes:
            raise InputError("The pipeline has no steps. Begin it with load(...) or magpie(...).")
        if len(ends) > 1:
            raise InputError(
                f"The pipeline ends in {len(ends)} branches ({_told(nodes, ends)}). Bring them "
                "together: >> merge(), or >> group(...)."
            )
        return nodes

    async def run(self, folder: str | None = None, **options: Any) -> RunResult:
        """Run it into a folder (by default ``runs/NAME``), or go on with the run that is there.

        Options are those of `RunOptions`.

        Raises:
            InputError: the pipeline does not fit together, the folder is in use, or data is bad.
            SetupError: a model is missing, the disk is full, or everything fails.
        """
        result: RunResult = await DEEDS["run"](self, folder or f"runs/{self.name}", options)
        return result

    async def preview(self, rows: int = 5, **options: Any) -> Preview:
        """Make ``rows`` rows at each source, and show what became of them; nothing is written.

        Options and errors are those of `run`.
        """
        seen: Preview = await DEEDS["preview"](self, rows, options)
        return seen

    def check(self) -> None:
        """See whether it fits together, without running anything.

        Raises:
            InputError: naming the step, what it needs, and its neighbours.
        """
        DEEDS["check"](self)

    def draw(self, path: str | None = None) -> str:
        """It as Mermaid text, and, with a path that ends in ``.svg``, as a picture there."""
        text: str = DEEDS["draw"](self, path)
        return text


def _parts(other: Chainable | Sequence[Chainable]) -> tuple[Part, ...]:
    if isinstance(other, Chainable):
        return other.as_parts()
    if not isinstance(other, list | tuple) or not all(isinstance(o, Chainable) for o in other):
        raise InputError(
            f"A pipeline cannot go on with {other!r:.80}. Give a step, such as respond(), a list "
            "of them, or make one of your function with @step."
        )
    if not other:
        raise InputError("An empty list of branches. Give steps, or leave it out.")
    return (Branches(tuple(Pipeline(_parts(way)) for way in other)),)


def _name_of(step: Step, nodes: Sequence[Node]) -> str:
    """Its own name, or its kind, with a number from the second on."""
    taken = {node.name for node in nodes}
    if step.name is not None:
        if step.name in taken:
            raise InputError(f"Two steps are named '{step.name}'. Give one another name=.")
        return step.name
    numbered = (f"{step.kind}_{n}" if n > 1 else step.kind for n in range(1, len(taken) + 2))
    return next(name for name in numbered if name not in taken)


def _place(parts: Sequence[Part], above: tuple[int, ...], nodes: list[Node]) -> tuple[int, ...]:
    """Add the parts' nodes; the nodes at their end. ``above`` are those that they follow."""
    for part in parts:
        if isinstance(part, Branches):
            if len(above) > 1:
                raise InputError(
                    f"Branches follow branches at {_told(nodes, above)}. Put merge() between them."
                )
            ends: list[int] = []
            for branch in part.ways:
                if not branch.parts:
                    raise InputError("A branch is empty. Give it a step, or leave it out.")
                ends += _place(branch.parts, above, nodes)
            above = tuple(ends)
            continue
        name = _name_of(part, nodes)
        if part.shape == "source" and above:
            raise InputError(
                f"'{name}' makes rows and takes none, so it cannot follow {_told(nodes, above)}. "
                "Put it first, or bring it in by a branch: [..., load(...)] >> merge()."
            )
        if part.shape != "source" and not above:
            raise InputError(
                f"'{name}' needs rows and stands first. Begin with a source: load(...), magpie(n)."
            )
        if part.shape != "join" and len(above) > 1:
            raise InputError(
                f"'{name}' follows {len(above)} branches ({_told(nodes, above)}). Put merge() or "
                "group(...) before it."
            )
        nodes.append(Node(len(nodes), name, part, above))
        above = (len(nodes) - 1,)
    return above


def _told(nodes: Sequence[Node], places: Iterable[int]) -> str:
    return ", ".join(f"'{nodes[place].name}'" for place in places)
