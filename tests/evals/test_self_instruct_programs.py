"""The programs that measure Self-Instruct count what they say they count."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from evals.__main__ import main
from evals.rouge import measure as measure_rouge
from evals.rouge import pool_of
from evals.self_instruct import measure
from evolsynth.llm.base import Request
from evolsynth.llm.scripted import Scripted

WHY = "It is so because of many things that come together, and nobody can tell which came first."
THINGS = ("tea", "ships", "owls", "bread", "rain", "chess", "tyres", "moss", "bells", "salt")


def answer(request: Request) -> str:
    """A task that cannot be done in writing wherever one certain seed is shown."""
    prompt = str(request.prompt)
    if "Think of one more" in prompt:
        if "rainbow" in prompt:
            return "Draw a picture of bees."
        things = random.Random(request.seed).sample(THINGS, 4)
        return f"Explain why {' and '.join(things)} go together."
    if "Is the last of these tasks" in prompt:
        return "no"
    return f"Input: none\nOutput: {WHY}"


async def test_every_attempt_is_counted_once() -> None:
    found, rows = await measure(Scripted(answer), n=6, seed=1)
    assert found.accepted == 6
    assert found.attempts == len(rows) == found.accepted + found.rejected + found.failed
    assert found.share == 6 / len(rows)
    assert sum(found.reasons.values()) == found.rejected
    assert found.openings >= 1 / 6
    assert found.with_input == found.classifications == 0


@pytest.mark.parametrize("kind", ["varied", "one wording", "one bag of words"])
def test_nothing_is_missed_in_any_pool(kind: str) -> None:
    found = measure_rouge(kind, size=300, candidates=20, check=20)
    assert (found.missed, found.checked, found.candidates) == (0, 20, 20)
    assert found.median_ms > 0
    assert pool_of(kind, 5, seed=1) == pool_of(kind, 9, seed=1)[:5]


def test_the_figures_are_written_as_json(tmp_path: Path) -> None:
    place = tmp_path / "rouge.json"
    assert main(["rouge", "--pool", "200", "-n", "5", "--check", "2", "--json", str(place)]) == 0
    found = json.loads(place.read_text("utf-8"))
    assert [pool["pool"] for pool in found["pools"]] == [200] * 3
