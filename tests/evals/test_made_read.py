"""``evals/readings/made.jsonl``: tasks about unread texts that a program made, and a reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evolsynth.evaluation.grounds.ground import stands
from evolsynth.rows import Row

FILE = Path(__file__).parents[2] / "evals/readings/made.jsonl"

OVERLOOKED = {"5950c2a982e70de2": "196 BC is a year that the text has and the answer has not"}
"""Rows that their reader kept and a later one did not, and what the first did not see."""


def read() -> Iterator[dict[str, Any]]:
    """The rows, each with its input, which only the first that has it carries in the file."""
    inputs: dict[str, str] = {}
    for line in FILE.read_text("utf-8").splitlines():
        row = json.loads(line)
        inputs[row["id"]] = row["input"] = row.get("input") or inputs[row["input_of"]]
        yield row


def test_a_row_is_kept_if_nothing_is_wrong_with_it() -> None:
    for row in read():
        (labels,) = row["readers"]
        wrong = [name for name, good in labels.items() if name != "keep" and not good]
        assert labels["keep"] is not bool(wrong), row["id"]


def test_readers_keep_nearly_all() -> None:
    """Of the first list, which was read before anything was mended, and of the second."""
    for arm, least in (("first", 0.92), ("mended", 0.97)):
        kept = [row["readers"][0]["keep"] for row in read() if row["arm"] == arm]
        assert len(kept) > 100
        assert sum(kept) >= least * len(kept)


def test_what_was_kept_still_stands() -> None:
    """Rows that were read and kept pass their grounds as the code is now, but for what a reader
    overlooked: that is refused."""
    overlooked = set()
    for told in read():
        if told["arm"] == "mended" and told["readers"][0]["keep"]:
            row = Row.make(
                told["instruction"],
                response=told["response"],
                extra={"input": told["input"], "title": told["title"]},
                provenance={"response": {"ground": told["ground"]}},
            )
            if told["id"] in OVERLOOKED:
                assert stands(row)[1] is not None, OVERLOOKED[told["id"]]
                overlooked.add(told["id"])
                continue
            assert stands(row) == (told["kind"], None), told["id"]
    assert overlooked == OVERLOOKED.keys()
