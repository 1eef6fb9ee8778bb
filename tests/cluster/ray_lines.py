"""A pipeline for tests of workers: a row for each name, about which a model is asked twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from evolsynth.llm.base import LLM, Request
from evolsynth.pipeline import Pipeline, gate, step
from evolsynth.rows import Message, Row, derive_seed

__all__ = ["judged", "line"]


@step
async def things(names: list[str]) -> AsyncIterator[Row]:
    """A row for each name."""
    for number, name in enumerate(names):
        yield Row.make(f"Say something about {name} {number}.", key=str(number))


@step
async def requests(names: list[str]) -> AsyncIterator[Row]:
    """A row for each name, with one request for equal names."""
    for number, name in enumerate(names):
        yield Row.make(f"Write two sentences about {name} for a child.", key=str(number))


@step
async def ask(row: Row, llm: LLM, seed: int) -> Row:
    """Ask for a text."""
    request = Request(
        messages=(Message("user", row.instruction or ""),),
        seed=derive_seed(seed, "ask", row.id),
        max_tokens=16,
    )
    return row.replace(response=(await llm.complete(request)).text)


def line(names: list[str], asks: int = 2) -> Pipeline:
    """As many steps that ask as are wanted."""
    made: Any = things(names=names)
    for _ in range(asks):
        made = made >> ask()
    whole: Pipeline = made.using(name="test", seed=7)
    return whole


def judged(names: list[str]) -> Pipeline:
    """Requests that a model answers, and the gate compares."""
    made: Any = requests(names=names) >> ask() >> gate()
    whole: Pipeline = made.using(name="judged", seed=7)
    return whole
