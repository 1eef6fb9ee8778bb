"""``evolsynth self-instruct``: new tasks from seed tasks, or queries from contexts."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from typing import NamedTuple

from rich.console import Console

from evolsynth.cli.files import writing
from evolsynth.cli.progress import Watch
from evolsynth.cli.source import Source
from evolsynth.errors import InputError
from evolsynth.llm.base import LLM
from evolsynth.llm.llamacpp import DEFAULT_MODEL, LlamaCpp
from evolsynth.methods.bootstrap import bootstrap_tasks
from evolsynth.methods.seed_tasks import read_seeds, shipped_seeds
from evolsynth.methods.self_instruct import self_instruct
from evolsynth.rows import Row, Status

__all__ = ["Places", "generate_from_contexts", "generate_tasks"]

Write = Callable[[str], object]


class Places(NamedTuple):
    """Where good rows go, and the others, and which model makes them. Without a place for the
    others they are only counted."""

    output: str | None
    rejects: str | None
    model: str | None


def generate_tasks(
    places: Places,
    *,
    n: int,
    seed: int,
    seeds: str | None,
    prompts: str | None,
    max_attempts: int | None,
) -> int:
    """Write ``n`` new tasks; the exit status, 1 if there were fewer."""
    tasks = shipped_seeds() if seeds is None else read_seeds(seeds)

    def rows(llm: LLM) -> AsyncGenerator[Row]:
        return bootstrap_tasks(
            llm, n=n, seed=seed, seeds=tasks, prompts=prompts, max_attempts=max_attempts
        )

    return _run(places, rows, planned=n, until=n)


def generate_from_contexts(
    places: Places,
    contexts: str,
    *,
    num_instructions: int,
    field: str,
    application: str,
    criteria: str | None,
    seed: int,
    prompts: str | None,
    skip_bad: bool,
) -> int:
    """Write ``num_instructions`` queries for each context; the exit status, 1 if some failed."""
    source = Source(contexts, skip_bad=skip_bad, needs=(field,))
    # a pipe can be read once only
    read = list(source)
    if not read:
        raise InputError(f"{contexts}: there are no contexts. Give one JSON object a line.")

    def rows(llm: LLM) -> AsyncGenerator[Row]:
        return self_instruct(
            read,
            llm,
            num_instructions=num_instructions,
            application_description=application,
            criteria_for_query_generation=criteria,
            field=field,
            seed=seed,
            prompts=prompts,
        )

    return _run(places, rows, planned=len(read) * num_instructions)


def _run(
    places: Places,
    rows: Callable[[LLM], AsyncGenerator[Row]],
    *,
    planned: int,
    until: int | None = None,
) -> int:
    console = Console(stderr=True, soft_wrap=True)

    async def make(write: Write, refuse: Write) -> Counter[Status]:
        async with LlamaCpp(places.model or DEFAULT_MODEL) as llm:
            watch = Watch(llm, planned=planned, console=console)
            async with watch.shown(), aclosing(rows(llm)) as stream:
                async for row in stream:
                    watch.add(row)
                    (refuse if row.settled else write)(row.to_json() + "\n")
                    if row.failure is not None:
                        console.print(row.failure.message, highlight=False, markup=False)
                    accepted = watch.counts["accepted"]
                    if until is not None and accepted:  # as many attempts for each as so far
                        watch.planned = round(watch.counts.total() / accepted * until)
        return watch.counts

    with ExitStack() as files:
        write = files.enter_context(writing(places.output))
        refuse: Write = len
        if places.rejects is not None:
            refuse = files.enter_context(writing(places.rejects))
        counts = asyncio.run(make(write, refuse))
    good = counts["accepted"] + counts["pending"]
    told = f"{good} made, {counts['rejected']} rejected, {counts['failed']} failed."
    console.print(told, highlight=False)
    return 1 if counts["failed"] else 0
