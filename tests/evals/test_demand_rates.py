"""``python -m evals demand-rates``: what is asked, and that the shares are of what came."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.demand_rates import given, measured, requests_of
from evolsynth.errors import InputError
from evolsynth.llm.base import Request
from evolsynth.llm.scripted import Scripted

REQUESTS = ["Write a poem about bread.", "Tell me a story about tides.", "Write a song for a bee."]
SHORT = "The dough is warm."
LONG = " ".join(["Yeast makes gas and the dough rises."] * 40)


async def test_shares_are_of_answers_as_they_came_after_rules_and_to_the_request_alone() -> None:
    def answer(request: Request) -> str:
        asked = str(request.prompt)
        return LONG if any(asked.count(text + "<|im_end|>") for text in REQUESTS) else SHORT

    some = list(given(REQUESTS, ["lower_case", "words_at_most"], 3, seed=1))
    assert [demand.kind for _, demand in some] == ["lower_case"] * 3 + ["words_at_most"] * 3
    calm, short = await measured(some, Scripted(answer), seed=1)
    assert (calm.kind, calm.rows) == ("lower_case", 3)
    assert (calm.met, calm.ruled, calm.alone) == (0, 1, 1)
    assert (short.met, short.ruled) == (1, 1)
    assert short.alone < 1


def test_requests_are_short_no_label_answers_them_and_each_is_there_once(tmp_path: Path) -> None:
    rows = [
        {"instruction": "Why?", "room": "text"},
        {"instruction": "Why?", "room": "sentence"},
        {"instruction": "Is it?", "room": "label"},
        {"instruction": "Why " * 200, "room": "text"},
        {"instruction": "How?"},
    ]
    place = tmp_path / "requests.jsonl"
    place.write_text("\n".join(map(json.dumps, rows)))
    assert sorted(requests_of(place, 10, 1)) == ["How?", "Why?"]
    place.write_text("")
    with pytest.raises(InputError, match="has no instruction"):
        requests_of(place, 10, 1)
