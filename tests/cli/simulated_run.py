"""A run that never happens: magpie, respond and a gate on a model of steady speed, by a clock."""

from __future__ import annotations

import random
from collections.abc import Iterator

from evolsynth.methods.method import METHODS
from evolsynth.pipeline.graph import Node, Step
from evolsynth.pipeline.run.state import Budget, RunState

__all__ = ["Budget", "State", "chain", "simulate"]


class State(RunState):
    """A run whose time and tokens are told instead of measured."""

    seconds = 0.0
    tokens = 0
    tokens_found = 0
    planned = 0
    at_once = 1


async def _no_method(rows: object) -> None:
    """Stands for a step that asks no model."""


def chain(*names: str) -> State:
    """A run of these steps, one behind the other, that has not begun."""
    steps = [
        Step(
            kind=name,
            function=METHODS[name].function if name in METHODS else _no_method,
            shape="map" if place else "source",
        )
        for place, name in enumerate(names)
    ]
    nodes = [
        Node(place, step.kind, step, (place - 1,) if place else ())
        for place, step in enumerate(steps)
    ]
    return State("simulated", None, nodes, Budget())


def simulate(
    *,
    budget: Budget = Budget(),  # noqa: B008 - it cannot be changed
    expected: int | None = None,
    good: float = 0.6,
    tokens_per_second: float = 400.0,
    slots: int = 32,
    stored: int = 0,
    seed: int = 1,
    every: float = 0.5,
) -> Iterator[State]:
    """The state after each half second, until the run ends.

    Instructions cost 25 tokens, answers 100, give or take a half; the gate accepts the share
    ``good``; rows leave in the order in which they were made. ``stored`` rows are read from the
    store in no time.
    """
    chance = random.Random(seed)
    state = chain("magpie", "respond", "gate")
    state.budget, state.expected, state.at_once = budget, expected, slots
    magpie, respond, gate = state.counts
    active: list[list[float]] = []  # place, tokens left of the instruction, of the answer
    out: set[int] = set()
    following = made = 0

    def ended() -> bool:
        whole = expected is not None and following >= expected
        enough = budget.accepted is not None and state.accepted >= budget.accepted
        late = budget.minutes is not None and state.seconds >= 60 * budget.minutes
        return whole or enough or late

    while not ended():
        room = tokens_per_second * every
        while room > 0:
            while len(active) < slots and (expected is None or made < expected):
                cost = [chance.uniform(0.5, 1.5) * mean for mean in (25, 100)]
                kept = made < stored
                magpie.found += kept
                active.append([made, *((0.0, 0.0) if kept else cost)])
                magpie.made, made = magpie.made + 1, made + 1
            if not active:
                break
            share = max(room / len(active), 0.5)
            for row in list(active):
                began_answer = row[1] <= 0
                if not began_answer:
                    used = min(share, row[1])
                    row[1] -= used
                    magpie.tokens += round(used)
                    if row[1] > 0:
                        room -= used
                        continue
                    magpie.asked += 1
                    room -= used
                if row[2] > 0:
                    used = min(share, row[2])
                    row[2] -= used
                    respond.tokens += round(used)
                    room -= used
                    if row[2] > 0:
                        continue
                    respond.asked += 1
                elif not began_answer or row[0] < stored:
                    respond.found += 1
                active.remove(row)
                out.add(int(row[0]))
                room -= 0.01
        answering = sum(row[1] <= 0 for row in active)
        magpie.running = len(active) - answering
        magpie.left = respond.came = magpie.made - magpie.running
        while following in out and not ended():
            out.remove(following)
            following += 1
            if chance.random() < good:
                state.accepted += 1
            else:
                state.rejected += 1
                state.reasons["near_duplicate"] += 1
        respond.running = answering + len(out)
        respond.left = gate.came = respond.came - respond.running
        gate.left, gate.rejected = state.accepted, state.rejected
        state.tokens = magpie.tokens + respond.tokens
        state.planned = magpie.made
        state.seconds += every
        yield state
