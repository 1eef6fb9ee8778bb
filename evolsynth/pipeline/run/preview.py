"""A few rows of each step, to look at before a long run, and what they foretell of it."""

from __future__ import annotations

import math
import time

import msgspec

from evolsynth.pipeline.graph import Node, Pipeline
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.pipeline.run.state import Budget
from evolsynth.rows import Row

__all__ = ["Estimate", "Preview", "preview", "wilson"]

_Z = 1.96  # for intervals of 95%


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a run for so many accepted rows will take, as far as a preview can tell.

    ``attempts`` are the rows to make, at the likeliest yield. Yields are shares from 0 to 1, the
    ends of a 95% interval (Wilson 1927); the minutes are those at its ends, with the machine as
    fast as in the preview. ``minutes_high`` is None where no row was accepted: there is no bound.
    ``cost_low`` and ``cost_high`` are the cost in the same way; None too where nothing has a price.
    """

    minutes_low: float
    minutes_high: float | None
    attempts: int
    yield_low: float
    yield_high: float
    cost_low: float | None = None
    cost_high: float | None = None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A few rows of each step.

    ``rows`` are those that came out of each step, ``seconds_per_step`` how long each had work,
    in the same order; ``made`` rows came to the end of the pipeline, of which so many were
    ``accepted``, ``rejected``, ``failed``. ``seconds`` is how long all of it took, without the
    loading of models; ``tokens`` is what models wrote. ``cost`` is what the answers cost, None
    where no model has a price. ``expected`` rows of the sources went in, of ``offered`` that they
    have; None where that is not known.
    """

    rows: tuple[tuple[Node, tuple[Row, ...]], ...]
    seconds: float
    seconds_per_step: tuple[float, ...]
    made: int
    accepted: int
    rejected: int
    failed: int
    tokens: int
    cost: float | None = None
    expected: int | None = None
    offered: int | None = None

    @property
    def cost_of_all(self) -> float | None:
        """What a run over all rows of the sources would cost; None where that is not known."""
        if self.cost is None or not self.expected or self.offered is None:
            return None
        return self.cost * self.offered / self.expected

    def estimate(self, n: int) -> Estimate:
        """What it would take to get ``n`` accepted rows.

        A preview's few rows do not fill the model's slots, so a run is usually faster than this.
        """
        low, high = wilson(self.accepted, self.made)
        if not self.made:
            return Estimate(
                minutes_low=0.0, minutes_high=None, attempts=0, yield_low=low, yield_high=high
            )
        # the middle of the interval, which is above zero even where nothing was accepted
        likely = (self.accepted + _Z**2 / 2) / (self.made + _Z**2)
        minutes = n * self.seconds / self.made / 60
        cost = None if self.cost is None else n * self.cost / self.made
        return Estimate(
            minutes_low=minutes / high,
            minutes_high=minutes / low if self.accepted else None,
            attempts=max(n, math.ceil(n / likely)),
            yield_low=low,
            yield_high=high,
            cost_low=None if cost is None else cost / high,
            cost_high=None if cost is None or not self.accepted else cost / low,
        )


async def preview(
    pipeline: Pipeline, *, rows: int = 5, options: RunOptions | None = None
) -> Preview:
    """Make ``rows`` rows at each source, and of each step's the first as many.

    Nothing is written.

    Args:
        options: as of a run; budgets, batches and the report are left aside.

    Raises:
        InputError, SetupError, StepError, RunStopped: as `Pipeline.run`.
    """
    nodes = pipeline.nodes()
    shown: list[list[Row]] = [[] for _ in nodes]
    began: dict[int, float] = {}
    last: dict[int, float] = {}

    def observe(node: Node, row: Row) -> None:
        now = time.perf_counter()
        began.setdefault(node.index, now)
        last[node.index] = now
        if len(shown[node.index]) < rows:
            shown[node.index].append(row)

    given = msgspec.structs.asdict(options or RunOptions())
    unbounded = dict.fromkeys(Budget.__struct_fields__)
    given |= {
        **unbounded,
        "batch": False,
        "steer": False,
        "report": False,
        "limit": rows,
        "observe": observe,
        "breaker": None,
    }
    result = await run(pipeline, None, RunOptions(**given))
    state = result.state
    end = time.perf_counter()
    start = end - state.seconds

    def first_in(node: Node) -> float:
        return min((began.get(place, end) for place in node.inputs), default=start)

    return Preview(
        rows=tuple((node, tuple(shown[node.index])) for node in nodes),
        seconds=state.seconds,
        seconds_per_step=tuple(
            max(0.0, last.get(node.index, end) - first_in(node)) for node in nodes
        ),
        made=state.total,
        accepted=state.accepted,
        rejected=state.rejected,
        failed=state.failed,
        tokens=state.tokens,
        cost=state.cost,
        expected=state.expected,
        offered=state.offered,
    )


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95% interval of a share, after ``hits`` in ``of`` tries.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927. It
    holds for few tries too, and never leaves 0 to 1.
    """
    if not of:
        return 0.0, 1.0
    share, square = hits / of, _Z**2
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of**2))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return (0.0 if not hits else low), (1.0 if hits == of else high)
