"""The engine: `LlamaCpp` as a method would use it, all requests asked at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from evals.throughput.jobs import Job, Reading, Row
from evolsynth.llm.base import Request, Usage
from evolsynth.llm.llamacpp import LlamaCpp

__all__ = ["measure"]


def measure(job: Job) -> Reading:
    """Answer the rows, or score them, through one engine."""
    return asyncio.run(_measure(job))


async def _measure(job: Job) -> Reading:
    layout = job.arrangement
    given = {"contexts": layout.contexts, "threads": layout.threads, "slots": layout.slots}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    async with LlamaCpp(job.model, quantisation=None, context=job.context, **chosen) as llm:
        await _ask(llm, job, job.warmup)
        before = msgspec.structs.replace(llm.usage)
        began = time.perf_counter()
        tokens = await _ask(llm, job, job.rows)
        seconds = time.perf_counter() - began
        details = _details(before, llm.usage) | {"contexts": llm.contexts, "threads": llm.threads}
    return Reading(tokens=tokens, rows=len(job.rows), seconds=seconds, details=details)


async def _ask(llm: LlamaCpp, job: Job, rows: Sequence[Row]) -> int:
    """Ask for all rows at once; the number of tokens made or scored."""
    if job.kind == "score":
        scores = await asyncio.gather(*(llm.score(r.prompt, r.continuation) for r in rows))
        return sum(len(score.logprobs) for score in scores)
    requests = [
        Request(
            prompt=row.prompt,
            seed=row.seed,
            max_tokens=row.max_tokens,
            min_tokens=row.max_tokens,
            sampling=job.sampling,
        )
        for row in rows
    ]
    completions = await asyncio.gather(*map(llm.complete, requests))
    return sum(completion.tokens for completion in completions)


def _details(before: Usage, after: Usage) -> dict[str, float | int | str]:
    """What the engine counted between two moments."""
    return {name: getattr(after, name) - getattr(before, name) for name in after.__struct_fields__}
