"""``python -m evals yield``: what is counted, and that the counts are of what happened."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from evals.__main__ import main
from evals.yields import ARMS, measure, read_seeds
from evolsynth.data.files import read_rows
from evolsynth.errors import EngineError, InputError
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.llm.base import Request
from evolsynth.llm.scripted import Scripted
from evolsynth.rows import Row

RIVER, SILENCE = Row.make("Describe a large river."), Row.make("Describe a silence.")


def answer(request: Request) -> str:
    """Nothing for requests about silence, else a demand."""
    if "silence" in str(request.prompt):
        return ""
    return f" what the {request.seed} farmers on its banks need most."


async def test_shares_are_of_seeds_and_costs_of_accepted_rows() -> None:
    llm = Scripted(answer, parameters=135_000_000)
    arm, rows = await measure(
        "x", [RIVER, SILENCE], llm, Gate(), rounds=2, seed=1, candidates=4, demands=False
    )
    assert (arm.seeds, arm.first, arm.any_round, arm.all_rounds) == (2, 0.5, 0.5, 0.5)
    assert arm.accepted == 2
    assert len(rows) == 4
    assert arm.tokens_per_accepted == llm.usage.completion_tokens / 2
    assert arm.most_loss < 0.5
    for number in ("1", "2"):
        operations = arm.operations[number].values()
        # two for the river, of which the first is good enough, and all four for the silence
        assert sum(one.attempts for one in operations) == 6
        assert sum(one.accepted for one in operations) == 1
        assert sum(one.refused.get("cut_off", 0) for one in operations) == 4
    assert len(arm.opening.split()) == 3
    assert arm.same_opening in (0.5, 1.0)


async def test_where_nothing_is_accepted_nothing_has_a_price() -> None:
    llm = Scripted(answer, parameters=135_000_000)
    arm, _ = await measure(
        "x", [SILENCE], llm, Gate(), rounds=3, seed=1, candidates=2, demands=False
    )
    assert (arm.first, arm.accepted, arm.tokens_per_accepted, arm.opening) == (0, 0, None, "")


async def test_a_seed_whose_request_fails_counts_as_a_seed() -> None:
    llm = Scripted(
        lambda r: EngineError("No power.") if "silence" in str(r.prompt) else answer(r),
        parameters=135_000_000,
    )
    arm, rows = await measure(
        "x", [SILENCE, RIVER], llm, Gate(), rounds=3, seed=1, candidates=2, demands=False
    )
    assert (arm.seeds, arm.first) == (2, 0.5)
    assert [row.status for row in rows] == ["failed"] + ["pending"] * 3


def test_an_input_follows_its_instruction(tmp_path: Path) -> None:
    path = tmp_path / "seeds.jsonl"
    lines = [
        {"instruction": "Sort the list.", "input": "pear, fig"},
        {"instruction": "Name a river.", "input": ""},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    assert [row.instruction for row in read_seeds(path)] == [
        "Sort the list.\n\npear, fig",
        "Name a river.",
    ]


def test_the_default_seeds_are_those_that_ship() -> None:
    assert len(read_seeds(None)) >= 60


@pytest.mark.parametrize(("line", "said"), [('{"a": 1}', "line 1"), ("", "no rows")])
def test_seeds_that_are_none_are_refused(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "seeds.jsonl"
    path.write_text(line + "\n", "utf-8")
    with pytest.raises(InputError, match=said):
        read_seeds(path)


def test_the_program_compares_its_arms_and_writes_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Fake(Scripted):
        def __init__(self, model: str) -> None:
            super().__init__(answer, name=model, parameters=135_000_000)

    class NoGate(Gate):
        def __init__(self, _: Any) -> None:
            super().__init__()

    class Nothing:
        def load(self) -> None: ...
        def rough(self) -> None: ...

    __import__("evals.yields")
    home = sys.modules["evals.yields"]
    for name, fake in (("LlamaCpp", Fake), ("Gate", NoGate), ("MiniLM", Nothing)):
        monkeypatch.setattr(home, name, fake)
    seeds, dump = tmp_path / "seeds.jsonl", tmp_path / "dump.jsonl"
    seeds.write_text('{"instruction": "Describe a large river."}\n' * 3, "utf-8")
    asked = ["yield", "--seeds", str(seeds), "-n", "2", "--dump", str(dump), "--json"]
    assert main(asked) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert [arm["name"] for arm in found["arms"]] == list(ARMS)
    assert {arm["seeds"] for arm in found["arms"]} == {2}
    assert "got an accepted first evolution" in said.err
    rows = list(read_rows(dump))
    assert len(rows) == 6
    assert all("candidates" in row.provenance["instruction"] for row in rows)


def test_arms_that_are_not_there_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["yield", "--arms", "magic"]) == 2
    assert "'magic' is unknown" in capsys.readouterr().err
