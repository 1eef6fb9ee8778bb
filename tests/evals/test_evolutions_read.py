"""``evals/readings/evolutions.jsonl``: what the docs' figures of readers were counted from."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_docs_say_what_the_list_says() -> None:
    lines = (ROOT / "evals/readings/evolutions.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len({row["id"] for row in rows}) == len(rows) == 100
    kept = [sum(row[who]["accept"] == "yes" for row in rows) for who in ("first", "second")]
    lost = sum(row[who]["lost"] for row in rows for who in ("first", "second"))
    docs = (ROOT / "docs/evol-instruct.md").read_text("utf-8")
    assert f"| readers would keep | {kept[0]} and {kept[1]} of 100 |" in docs
    assert f"| lost something | {lost} |" in docs


def test_who_refuses_says_why() -> None:
    lines = (ROOT / "evals/readings/evolutions.jsonl").read_text("utf-8").splitlines()
    for row in map(json.loads, lines):
        for who in ("first", "second"):
            assert (row[who]["accept"] == "no") == bool(row[who]["why"]), row["id"]
