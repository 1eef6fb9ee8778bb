"""llama.cpp's own server, in this process (xllamacpp carries it), asked over HTTP.

Continuous batching over ``slots`` slots, each with its prompt cache. Twice as many requests as
slots are under way, so that no slot waits for the client.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from importlib.metadata import version
from typing import Any

import httpx
import xllamacpp


def start(job: dict[str, Any]) -> Any:
    """A running server on a free port."""
    slots, threads = job["arrangement"]["slots"], job["arrangement"]["threads"]
    params = xllamacpp.CommonParams()
    params.model.path = job["model"]
    params.n_parallel = slots
    params.n_ctx = job["context"] * slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_gpu_layers = 0
    params.cont_batching = True
    params.port = 0
    return xllamacpp.Server(params)


def question(row: dict[str, Any], sampling: dict[str, Any]) -> dict[str, Any]:
    """What is sent for a row: its tokens, and the sampling that all arms have in common."""
    return {
        "prompt": row["tokens"],
        "n_predict": row["max_tokens"],
        "seed": row["seed"],
        "temperature": sampling["temperature"],
        "top_k": sampling["top_k"],
        "top_p": sampling["top_p"],
        "min_p": 0.0,
        "samplers": ["top_k", "top_p", "temperature"],
        "ignore_eos": True,
        "cache_prompt": True,
    }


async def ask(url: str, job: dict[str, Any], name: str) -> tuple[int, float]:
    """Send the rows of that name; the tokens that came back, and the seconds it took."""
    under_way = 2 * job["arrangement"]["slots"]
    limits = httpx.Limits(max_connections=under_way, max_keepalive_connections=under_way)
    async with httpx.AsyncClient(base_url=url, timeout=None, limits=limits) as client:  # noqa: S113 - the parent keeps the time

        async def one(row: dict[str, Any]) -> int:
            answer = await client.post("/completion", json=question(row, job["sampling"]))
            answer.raise_for_status()
            return int(answer.json()["tokens_predicted"])

        began = time.perf_counter()
        made = await asyncio.gather(*map(one, job[name]))
        return sum(made), time.perf_counter() - began


def main() -> None:
    """Read the job, run it, print the reading."""
    job = json.load(sys.stdin)
    server = start(job)
    url = server.listening_address
    job["warmup"] = job["warmup"][: 2 * job["arrangement"]["slots"]]
    asyncio.run(ask(url, job, "warmup"))
    tokens, seconds = asyncio.run(ask(url, job, "rows"))
    details = {"xllamacpp": version("xllamacpp"), "system": xllamacpp.get_system_info()}
    reading = {"tokens": tokens, "rows": len(job["rows"]), "seconds": seconds, "details": details}
    print(json.dumps(reading), flush=True)


if __name__ == "__main__":
    main()
