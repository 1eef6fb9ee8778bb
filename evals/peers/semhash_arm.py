"""semhash on rows of text: which of them it drops, how long it takes, and how much memory.

Its default model is on a hub; it gets static vectors made from MiniLM, the ones that evolsynth
uses, through model2vec, its own library for such vectors.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from model2vec import StaticModel
from semhash import SemHash
from tokenizers import Tokenizer


def main() -> None:
    """Read the job, run it, print the reading."""
    job = json.load(sys.stdin)
    texts = json.loads(Path(job["rows"]).read_text(encoding="utf-8"))
    table = np.load(job["table"]).astype(np.float32)
    model = StaticModel(table, Tokenizer.from_file(job["tokenizer"]), normalize=True)
    records = [{"text": text, "place": str(place)} for place, text in enumerate(texts)]
    began = time.perf_counter()
    index = SemHash.from_records(records, columns=["text"], model=model)
    made = time.perf_counter() - began
    for threshold in job["thresholds"]:
        began = time.perf_counter()
        result = index.self_deduplicate(threshold=threshold)
        kept = {int(record["place"]) for record in result.selected}
        reading = {
            "arm": f"semhash {threshold}",
            "seconds": made + time.perf_counter() - began,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "dropped": [place for place in range(len(texts)) if place not in kept],
            "details": {"semhash": version("semhash"), "model2vec": version("model2vec")},
        }
        print(json.dumps(reading), flush=True)


if __name__ == "__main__":
    main()
