"""llama-cpp-python's own ``Llama`` class: one request after another, on all threads.

It keeps what a prompt has in common with the one before, so shared prefixes cost it little.
Answers go on through end tokens by taking the tokens from ``generate``. Scores are taken from the
logits of ``eval``: its own ``create_completion(echo=True, logprobs=1)`` sorts the vocabulary in
Python for every token, which takes most of a second a text.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from evals.throughput.jobs import Job, Reading, Row

__all__ = ["measure"]


def measure(job: Job) -> Reading:
    """Answer the rows, or score them, one by one."""
    from llama_cpp import Llama

    threads = job.arrangement.threads
    llm = Llama(
        job.model,
        n_ctx=job.context,
        n_threads=threads,
        n_threads_batch=threads,
        logits_all=job.kind == "score",
        verbose=False,
    )
    each = _score if job.kind == "score" else _answer
    for row in job.warmup:
        each(llm, row, job)
    began = time.perf_counter()
    tokens = sum(each(llm, row, job) for row in job.rows)
    seconds = time.perf_counter() - began
    llm.close()
    return Reading(tokens=tokens, rows=len(job.rows), seconds=seconds)


def _answer(llm: Any, row: Row, job: Job) -> int:
    llm.set_seed(row.seed)
    made = llm.generate(
        row.tokens,
        top_k=job.sampling.top_k,
        top_p=job.sampling.top_p,
        min_p=0.0,
        temp=job.sampling.temperature,
    )
    return sum(1 for _ in itertools.islice(made, row.max_tokens))


def _score(llm: Any, row: Row, _: Job) -> int:
    llm.reset()
    llm.eval((*row.tokens, *row.continuation_tokens[:-1]))
    first = len(row.tokens) - 1
    logits = llm.scores[first : first + len(row.continuation_tokens)]
    return len(_log_probabilities(logits, row.continuation_tokens))


def _log_probabilities(logits: Any, tokens: Sequence[int]) -> list[float]:
    top = logits.max(axis=1)
    total = np.log(np.exp(logits - top[:, None]).sum(axis=1)) + top
    found = logits[np.arange(len(tokens)), list(tokens)] - total
    return [float(value) for value in found]
