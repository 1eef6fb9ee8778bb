"""distilabel's LlamaCppLLM: chat requests one after another, each until the model ends it.

It takes chat messages only, so a row's text goes in as the user's message, and its interface has
no way to go on after an end of turn: the tokens counted are those it made.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from typing import Any

from distilabel.models.llms.llamacpp import LlamaCppLLM


def load(job: dict[str, Any]) -> Any:
    """The model, loaded."""
    threads = job["arrangement"]["threads"]
    llm = LlamaCppLLM(
        model_path=job["model"],
        n_gpu_layers=0,
        n_ctx=job["context"],
        extra_kwargs={"n_threads": threads, "n_threads_batch": threads},
    )
    llm.load()
    return llm


def answer(llm: Any, row: dict[str, Any], sampling: dict[str, Any]) -> int:
    """Ask for one row; the number of tokens made."""
    outputs = llm.generate(
        inputs=[[{"role": "user", "content": row["message"]}]],
        max_new_tokens=row["max_tokens"],
        temperature=sampling["temperature"],
        top_p=sampling["top_p"],
        extra_generation_kwargs={"top_k": sampling["top_k"], "min_p": 0.0, "seed": row["seed"]},
    )
    return sum(outputs[0]["statistics"]["output_tokens"])


def main() -> None:
    """Read the job, run it, print the reading."""
    job = json.load(sys.stdin)
    llm = load(job)
    for row in job["warmup"]:
        answer(llm, row, job["sampling"])
    began = time.perf_counter()
    tokens = sum(answer(llm, row, job["sampling"]) for row in job["rows"])
    seconds = time.perf_counter() - began
    details = {"distilabel": version("distilabel"), "llama_cpp": version("llama_cpp_python")}
    reading = {"tokens": tokens, "rows": len(job["rows"]), "seconds": seconds, "details": details}
    print(json.dumps(reading), flush=True)


if __name__ == "__main__":
    main()
