"""How a pipeline is to be run, and what is known of it before anything runs, all of it checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from evolsynth.doing import doing
from evolsynth.errors import InputError
from evolsynth.llm.base import LLM
from evolsynth.llm.prices import Prices
from evolsynth.options import Count, ModelName, Natural, OutputPath
from evolsynth.pipeline.columns import check_columns
from evolsynth.pipeline.graph import Node, Pipeline, Step
from evolsynth.pipeline.run.context import Models, gate_settings, takes_n
from evolsynth.pipeline.run.state import Budget, RunWatch
from evolsynth.pipeline.steer import Steer, steer_of
from evolsynth.pipeline.steps import origin_of
from evolsynth.rows import Row, derive_seed
from evolsynth.store.cached_llm import Retry

__all__ = ["Observe", "Plan", "RunOptions", "looks"]

Observe = Callable[[Node, Row], None]


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a pipeline is run.

    Args:
        llm: the model of all steps that name none; an `LLM`, a text as for ``--model``, or a
            mapping with ``model`` and options of its back end.
        answerer: the model of steps that answer, such as `respond`; by default that of all steps.
        judge: the model of steps that judge; by default the answerer, where there is one.
        models: more models by name, beside the pipeline's.
        on: an `evolsynth.cluster.Ray`: the machines where models that compute in process run
            instead; see docs/scale.md.
        seed: the same seed gives the same rows; by default the pipeline's, 7.
        accepted: end when so many rows are accepted.
        minutes: end after so long.
        max_tokens: end when models wrote so many tokens.
        max_cost: end when so much was spent, in the currency of the prices; what is under way then
            is waited for and paid.
        max_attempts: end after so many rows in all.
        stall: end when of so many rows in a row none was accepted; 0: never.
        use_cache: take answers from the store; otherwise all of them are asked for again.
        fresh: throw away what is in the folder and begin anew.
        cache: a file of answers that several runs share.
        concurrency: rows under way at each step; by default as many as its model can use.
        prices: of models on servers that tell no ``price_in`` and ``price_out`` of their own.
        batch: let the questions to servers that take batches wait for each other, and send them
            together, which costs less and may take a day.
        batch_size: questions of a batch at most.
        retry: of requests, for steps that have no policy of their own: attempts, wait, longest.
        breaker: so many failed rows in a row at one step end the run; 0: never.
        steer: look now and then at what is thin among the rows that came out, and ask for that
            next: true, or ``{every: 50}``, the rows of a source's plan from look to look; by
            default the pipeline's.
        embedder: what compares texts, instead of the pipeline's; none: do without.
        outputs: files for trainers, written at the end, instead of the pipeline's; see
            `evolsynth.export.export.Output`.
        report: make the report; it shows a sample of large data sets.
        watch: is told how the run goes on.
        signals: take Ctrl-C and SIGTERM as wishes to stop, which leaves what is under way
            ``grace`` seconds.
        grace: seconds that a stopping run leaves to what is under way.
        limit: rows of each source at most.
        observe: is told each row that a step hands on, with the step's `Node`.
        command: what to remember of how the run was started, for `evolsynth run DIR`.
    """

    llm: LLM | str | Mapping[str, Any] | None = None
    answerer: LLM | ModelName | None = None
    judge: LLM | ModelName | None = None
    models: Mapping[str, Any] = {}
    on: Any = None
    seed: Natural | None = None
    accepted: Count | None = None
    minutes: Annotated[float, msgspec.Meta(gt=0)] | None = None
    max_tokens: Count | None = None
    max_cost: Annotated[float, msgspec.Meta(gt=0)] | None = None
    max_attempts: Count | None = None
    stall: Natural | None = 1000
    use_cache: bool = True
    fresh: bool = False
    cache: OutputPath | None = None
    concurrency: Count | None = None
    prices: Prices | None = None
    batch: bool = False
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=50_000)] = 1000
    retry: Retry = Retry()
    breaker: Natural | None = 20
    steer: Annotated[bool | Steer | None, msgspec.Meta(extra={"alone": True})] = None
    embedder: Any = ""
    outputs: Sequence[Any] | None = None
    report: bool = True
    watch: RunWatch | None = None
    signals: bool = True
    grace: float = 5.0
    command: Mapping[str, Any] | None = None
    limit: Count | None = None
    observe: Observe | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> RunOptions:
        """Options by their names.

        Raises:
            InputError: there is none of a name.
        """
        try:
            return cls(**given)
        except TypeError as error:
            names = ", ".join(cls.__struct_fields__)
            raise InputError(f"run(): {error}. There are: {names}.") from None

    @property
    def budget(self) -> Budget:
        """When the run ends."""
        given = {name: getattr(self, name) for name in Budget.__struct_fields__}
        return Budget(**given | {"stall": self.stall or None})


class Plan:
    """What is known before anything runs, all of it checked."""

    def __init__(self, pipeline: Pipeline, options: RunOptions) -> None:
        self.pipeline = pipeline
        self.nodes = pipeline.nodes()
        check_columns(pipeline)
        self.seed = pipeline.seed if options.seed is None else options.seed
        self.budget, self.limit, self.prices = options.budget, options.limit, options.prices
        with doing("counting the rows that the sources give"):
            self.expected, self.offered = self._expected()
        gates = [node.step.parameters for node in self.nodes if node.step.kind == "gate"]
        settings = (told["settings"] for told in gates if told.get("settings"))
        self.settings = gate_settings(next(settings, None))
        chosen = pipeline.embedder if options.embedder == "" else options.embedder
        self.embedder = None if chosen == "none" else chosen
        self.steer = steer_of(pipeline.steer if options.steer is None else options.steer)
        if self.steer is not None:
            from evolsynth.pipeline.run.steer import check_steers  # few runs steer themselves

            check_steers(self.nodes)
        self.outputs: Sequence[Any] = ()
        if wanted := pipeline.outputs if options.outputs is None else options.outputs:
            from evolsynth.export.export import outputs_of  # few runs have some

            self.outputs = outputs_of(wanted)
        self.wants_embedder = any(_compares(node.step) for node in self.nodes)
        self.models = Models(
            {**pipeline.models, **options.models},
            options.llm,
            answerer=options.answerer,
            judge=options.judge,
            on=self._beside_sources(options.on),
        )
        for node in self.nodes:
            for role in node.step.asks().values():
                self.models.of(node, role)  # a name that is not there is told now
        asked = ((node, role) for node in self.nodes for role in node.step.asks().values())
        models = (self.models.of(node, role) for node, role in asked)
        if self.budget.max_cost is not None and not any(map(self.costs, models)):
            raise InputError(
                "max_cost is given and no model of the run has a price, so nothing would ever cost "
                "anything. Give --price-in and --price-out, or leave --max-cost out."
            )

    def _beside_sources(self, on: Any) -> Any:
        """Where models run, with a processor left for each source that is made there, too: its rows
        would never come, and the models would have nothing to do."""
        if on is None:
            return None
        origins = filter(None, (origin_of(node.step) for node in self.nodes))
        made = sum(reader.on_ray for origin in origins for reader in origin.readers)
        return msgspec.structs.replace(on, spare=max(on.spare, made))

    def costs(self, model: LLM) -> bool:
        """Whether its answers cost something."""
        prices = model.prices or self.prices
        return prices is not None and not prices.free

    def seed_of(self, node: Node) -> int:
        """The run's seed for the first step of a kind, so that it gives what its method gives;
        another for the next."""
        if node.step.seed is not None:
            return node.step.seed
        before = [n.step.function for n in self.nodes[: node.index]]  # one function draws alike
        alike = node.step.function in before
        return derive_seed(self.seed, "step", node.name) if alike else self.seed

    def _expected(self) -> tuple[int | None, int | None]:
        """Rows that the sources will make, and that they would make without the run's limit; None
        where that is not known."""
        total: int | None = 0
        whole: int | None = 0
        for node in self.nodes:
            if node.step.shape != "source":
                continue
            origin = origin_of(node.step)
            n = origin.count() if origin is not None else node.step.parameters.get("n")
            endless = n is None and takes_n(node.step)
            if endless and not self.budget.bounded and self.limit is None:
                raise InputError(
                    f"'{node.name}' has no n and the run no budget, so it would never end. Give "
                    "n, or say how many accepted rows are wanted (--accepted, accepted=)."
                )
            whole = None if n is None or whole is None else whole + n
            if n is not None and self.limit is not None:
                n = min(n, self.limit)
            total = None if n is None or total is None else total + n
        return total, whole


def _compares(step: Step) -> bool:
    """Whether a step compares texts, by itself or by the gate."""
    idle = step.idle.get("embedder")
    if idle is not None and idle(step.parameters):
        return False
    return step.kind == "gate" or step.takes("embedder") or step.takes("gate")


# Where a run looks at instructions before anything is spent on them -------------------------------


def looks(nodes: Sequence[Node]) -> Mapping[int, int]:
    """For each node whose rows are looked at as they leave it, the gate by which: their indices.

    A user places one gate, at the end. What it would refuse of an instruction is neither evolved
    nor answered: the rows of a step whose instructions are new are looked at with that gate's
    settings before the next step that asks a model about them.
    Not where that gate reads other columns than ``instruction``, which have other names then.
    """
    readers: dict[int, list[Node]] = {node.index: [] for node in nodes}
    for node in nodes:
        for above in node.inputs:
            readers[above].append(node)
    gates: dict[int, int | None] = {}  # the first that rows which leave a node may reach
    for node in reversed(nodes):
        below = [r.index if _is_gate(r.step) else gates[r.index] for r in readers[node.index]]
        gates[node.index] = min((place for place in below if place is not None), default=None)
    found: dict[int, int] = {}
    fresh: dict[int, bool] = {}
    for node in nodes:
        fresh[node.index] = _makes(node) or (
            node.step.kind != "gate" and any(fresh[above] for above in node.inputs)
        )
        spending = [gates[r.index] for r in readers[node.index] if r.step.asks()]
        gate = next((place for place in spending if place is not None), None)
        if fresh[node.index] and gate is not None:
            found[node.index] = gate
            fresh[node.index] = False
    return found


def _makes(node: Node) -> bool:
    """Whether instructions that come out of the step may be others than those that went in."""
    step = node.step
    made = step.gives is not None and "instruction" in step.gives
    generated = step.kind == "generate" and step.parameters.get("output") == "instruction"
    renamed = "instruction" in step.output_mappings.values()
    own = not step.settled  # a step of the user's may do anything
    return step.shape in ("source", "expand") or made or generated or renamed or own


def _is_gate(step: Step) -> bool:
    return step.kind == "gate" and step.settled and "instruction" not in step.input_mappings
