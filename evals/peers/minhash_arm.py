"""distilabel's MinHashDedup with its own settings: what it drops, its time, its memory.

Its tokeniser (nltk's word_tokenize) first cuts a text into sentences, with data from the network;
here each text is one line, cut into words alone.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from distilabel.steps import MinHashDedup
from nltk.tokenize import word_tokenize

_BATCH = 500  # as in its documentation


def words(texts: list[str]) -> list[set[bytes]]:
    """As distilabel's own, without sentences."""
    return [{w.encode() for w in word_tokenize(text, preserve_line=True)} for text in texts]


def main() -> None:
    """Read the job, run it, print the reading."""
    job = json.load(sys.stdin)
    texts = json.loads(Path(job["rows"]).read_text(encoding="utf-8"))
    began = time.perf_counter()
    step: Any = MinHashDedup(name="dedup")
    step.load()
    step._tokenizer = words
    dropped: list[int] = []
    for start in range(0, len(texts), _BATCH):
        rows = [{"text": text} for text in texts[start : start + _BATCH]]
        for batch in step.process(rows):
            dropped += [
                start + k
                for k, row in enumerate(batch)
                if not row["keep_row_after_minhash_filtering"]
            ]
    reading = {
        "arm": f"distilabel {step.threshold}",
        "seconds": time.perf_counter() - began,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "dropped": dropped,
        "details": {"distilabel": version("distilabel"), "datasketch": version("datasketch")},
    }
    print(json.dumps(reading), flush=True)


if __name__ == "__main__":
    main()
