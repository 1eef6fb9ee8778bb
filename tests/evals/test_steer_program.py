"""``python -m evals steer`` with a scripted model: what it compares, and how."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from evals import steer
from evals.__main__ import main
from evals.steer import Arm
from evolsynth.llm.base import Request
from evolsynth.llm.scripted import Scripted
from evolsynth.pipeline.steer import Steer


class Planted:
    """Vectors by the text's letters."""

    name = "planted"

    def embed(self, texts: list[str]) -> object:
        made = np.array([[t.count(c) + 0.01 for c in "aeiourst"] for t in texts], np.float32)
        return made / np.linalg.norm(made, axis=1, keepdims=True)


def said(request: Request) -> str:
    draw = random.Random(request.seed)
    if '"' in request.stop:
        return " near the old harbour in the rain."
    if request.prefix.endswith(","):
        return f" {draw.randint(100, 999)}, {draw.randint(10, 99)}, {draw.randint(2, 9)}."
    return f" {draw.choice(['lamp', 'boat', 'tree'])} number {draw.randint(2, 9999)}."


async def test_a_steered_arm_is_more_even_and_both_have_the_rows_asked_for() -> None:
    arms = [
        await steer.run_arm(
            "texts", steer=how, embedder=Planted(), llm=Scripted(said), accepted=90, seed=3
        )
        for how in (None, Steer(every=10))
    ]
    assert [arm.rows for arm in arms] == [90, 90]
    times = steer.compared(*arms)
    assert times["evenness"] > 1.1
    assert times["made_for_a_row"] == pytest.approx((arms[1].made / 90) / (arms[0].made / 90))
    assert arms[1].told.startswith("Evenness over kinds of tasks")
    assert arms[0].told == ""


async def test_tasks_about_texts_and_problems_take_turns() -> None:
    arm = await steer.run_arm(
        "grounded",
        steer=None,
        embedder=Planted(),
        llm=Scripted(said, parameters=135_000_000),  # a larger one is asked
        accepted=12,
        seed=3,
    )
    assert (arm.rows, arm.tokens) == (12, 0)
    assert len(arm.tasks) > 2
    assert "tokens_for_a_row" not in steer.compared(arm, arm)


def test_the_command_prints_and_saves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run_arm(*_: object, steer: Steer | None, **__: object) -> Arm:
        vendi, even = (5.0, 0.5) if steer is None else (6.0, 0.75)
        return Arm(
            steered=steer is not None,
            rows=10,
            made=12,
            tokens=100,
            vendi=vendi,
            evenness=even,
            tasks={"fact": 10},
        )

    monkeypatch.setattr(steer, "run_arm", run_arm)
    monkeypatch.setattr(steer, "embedder_named", lambda _: Planted())
    place = tmp_path / "figures.json"
    assert main(["steer", "--rows", "10", "--json", str(place)]) == 0
    assert "vendi 1.20 times, evenness 1.50 times" in capsys.readouterr().out
    assert json.loads(place.read_text("utf-8"))["times"]["vendi"] == pytest.approx(1.2)
