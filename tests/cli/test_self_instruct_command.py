"""``evolsynth self-instruct``: its two uses, its files, and what it refuses."""

from __future__ import annotations

import io
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from evolsynth.cli.main import main
from evolsynth.data.files import read_rows
from evolsynth.llm.base import LLM, Request
from evolsynth.llm.scripted import Scripted
from evolsynth.rows import Row

THINGS = [
    "tea",
    "ships",
    "owls",
    "bread",
    "rain",
    "chess",
    "tyres",
    "moss",
    "bells",
    "salt",
    "kites",
    "mills",
]
WHY = "It is so because of many things that come together, and nobody can tell which came first."
LINES = ["Why do bees dance?", "Describe how a colony makes honey."]


def answer(request: Request) -> str:
    """A large model: bees for contexts, tasks with a number in them for the loop."""
    prompt = str(request.prompt)
    if "queries that users" in prompt:
        return "\n".join(LINES)
    if "Think of one more" in prompt:
        if request.seed % 4 == 0:
            return "Draw a picture of bees."
        things = random.Random(request.seed).sample(THINGS, 4)
        return f"Explain why {' and '.join(things)} go together."
    if "Is the last of these tasks" in prompt:
        return "no"
    return f"Input: none\nOutput: {WHY}"


class Fake(Scripted):
    """Stands in for LlamaCpp."""

    def __init__(self, model: str) -> None:
        super().__init__(answer, name=model)


@pytest.fixture(autouse=True)
def fake(use_model: Callable[[Callable[..., LLM]], None]) -> None:
    use_model(Fake)


def contexts(folder: Path, *lines: object) -> str:
    path = folder / "contexts.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return str(path)


def test_new_tasks_and_rejects_go_to_their_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, rejects = tmp_path / "tasks.jsonl", tmp_path / "rejects.jsonl"
    arguments = ["self-instruct", "-n", "8", "-o", str(out), "--rejects", str(rejects)]
    assert main(arguments) == 0
    good, bad = list(read_rows(out)), list(read_rows(rejects))
    assert [row.status for row in good] == ["accepted"] * 8
    assert all(row.response and row.extra["task"] == row.instruction for row in good)
    reasons = {row.verdict.reasons[0] for row in bad if row.verdict is not None}
    assert reasons
    assert reasons <= {"not_for_text", "same_wording"}
    told = f"{8 + len(bad)} rows = 8 accepted + {len(bad)} rejected + 0 failed"
    assert told in capsys.readouterr().err


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        assert main(["self-instruct", "-n", "4", "-o", str(tmp_path / name), "--seed", seed]) == 0
    texts = [(tmp_path / name).read_bytes() for name in "abc"]
    assert texts[0] == texts[1] != texts[2]


def test_fewer_tasks_than_asked_for_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "tasks.jsonl")
    assert main(["self-instruct", "-n", "9", "--max-attempts", "2", "-o", out]) == 1
    assert "of 9 tasks were accepted in 2 attempts" in capsys.readouterr().err


def test_seed_tasks_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seeds = contexts(tmp_path, *({"instruction": f"Name river number {i}."} for i in range(7)))
    assert main(["self-instruct", "-n", "1", "--seeds", seeds]) == 1
    assert "7 seed tasks, and 8 are shown at once" in capsys.readouterr().err


def test_queries_from_contexts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = contexts(tmp_path, {"text": "Bees dance."}, {"text": "A colony is large."})
    arguments = ["self-instruct", path, "--num-instructions", "2", "--field", "text"]
    assert (
        main([*arguments, "--prompts", "classic", "--criteria-for-query-generation", "Be short."])
        == 0
    )
    rows = [Row.from_dict(json.loads(line)) for line in capsys.readouterr().out.splitlines()]
    assert [row.instruction for row in rows] == LINES * 2


def test_contexts_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    piped = io.BytesIO(b'{"input":"Bees dance."}\n')
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=piped))
    assert main(["self-instruct", "-", "--num-instructions", "1"]) == 0
    assert LINES[0] in capsys.readouterr().out


def test_a_bad_context_ends_the_run_unless_it_is_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = contexts(tmp_path, {"input": "Bees."}, {"inputs": "Bees."})
    out, rejects = tmp_path / "out.jsonl", tmp_path / "rejects.jsonl"
    assert main(["self-instruct", path, "-o", str(out)]) == 1
    said = capsys.readouterr().err
    assert "line 2" in said
    assert "'input'" in said
    assert not out.exists()
    places = ["-o", str(out), "--rejects", str(rejects), "--num-instructions", "2"]
    assert main(["self-instruct", path, "--skip-bad", *places]) == 1
    assert len(list(read_rows(out))) == 2
    assert [row.status for row in read_rows(rejects)] == ["failed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give -n, or rows to work on"),
        (["contexts.jsonl", "-n", "3"], "-n goes without IN"),
        (["contexts.jsonl", "--seeds", "s.jsonl"], "--seeds goes without IN"),
        (["-n", "3", "--field", "text"], "--field goes with IN"),
        (["-n", "3", "--skip-bad"], "--skip-bad goes with IN"),
        (["nowhere.jsonl"], "nowhere.jsonl: no such file"),
        (["-n", "3", "--seeds", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
    ],
)
def test_what_does_not_go_together_is_told_in_a_sentence(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["self-instruct", *arguments]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
