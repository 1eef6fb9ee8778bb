"""``evolsynth self-instruct``: new tasks from seed tasks, or queries from contexts."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from evolsynth.cli.method_progress import Watch
from evolsynth.cli.places import Places, make_rows
from evolsynth.cli.source import Source
from evolsynth.errors import InputError
from evolsynth.llm.base import LLM
from evolsynth.methods.self_instruct.queries import self_instruct
from evolsynth.methods.self_instruct.seeds import read_seeds, shipped_seeds
from evolsynth.methods.self_instruct.tasks import bootstrap_tasks
from evolsynth.rows import Row

__all__ = ["generate_from_contexts", "generate_tasks"]


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

    async def rows(llm: LLM, watch: Watch) -> AsyncGenerator[Row]:
        made = bootstrap_tasks(
            llm, n=n, seed=seed, seeds=tasks, prompts=prompts, max_attempts=max_attempts
        )
        async with aclosing(made) as stream:
            async for row in stream:
                yield row
                accepted = watch.counts["accepted"]
                if accepted:  # as many attempts for each as so far
                    watch.planned = round(watch.counts.total() / accepted * n)

    return make_rows(places, rows, planned=n).status


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

    def rows(llm: LLM, _: Watch) -> AsyncGenerator[Row]:
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

    return make_rows(places, rows, planned=len(read) * num_instructions).status
