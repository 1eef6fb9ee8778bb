"""One run of evolsynth's deduplication, in a process of its own.

``python -m evals.duplicates_arm``: a job as JSON on standard input, a reading as JSON in the last
line of standard output.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import msgspec

from evolsynth import __version__
from evolsynth.evaluation.duplicates.deduplicate import deduplicate
from evolsynth.evaluation.embed.minilm import MiniLM

__all__ = ["main"]


def main() -> None:
    """Read the job, run it, print the reading."""
    job = json.load(sys.stdin)
    texts = msgspec.json.decode(Path(job["rows"]).read_bytes())
    embedder = MiniLM(cached=0)
    if job["method"] in ("static", "semantic"):
        embedder.rough()
    if job["method"] == "semantic":
        embedder.load()
    began = time.perf_counter()
    found = deduplicate(texts, method=job["method"], embedder=embedder)
    reading = {
        "arm": f"evolsynth {job['method']}",
        "seconds": time.perf_counter() - began,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "dropped": [one.place for one in found.duplicates],
        "details": {"evolsynth": __version__, "asked": found.decided_by_embedder},
    }
    print(json.dumps(reading), flush=True)


if __name__ == "__main__":
    main()
