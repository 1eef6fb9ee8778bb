"""Instructions whose answers stand on too little have a file, which `respond` goes on with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evolsynth import Row, Scripted
from evolsynth.cli.main import main
from evolsynth.data.files import read_rows
from evolsynth.errors import InputError
from evolsynth.llm.base import LLM, Request
from evolsynth.pipeline import gate, load, respond
from evolsynth.pipeline.graph import Pipeline
from evolsynth.pipeline.run.state import RunResult
from evolsynth.store.status import read_status

MANY = {"kind": "words_at_most", "n": 40}
POEM = {
    "instruction": "Write a short poem about rain.",
    "provenance": {"instruction": {"demands": [MANY]}},
}
FACTS = [
    {"instruction": "Which river flows through Budapest?", "source": "a book"},
    {"instruction": "Who built the first lighthouse?"},
]
FILES = ("accepted.jsonl", "rejected.jsonl", "unanswered.jsonl")


def said(request: Request) -> str:
    return "Soft rain falls on the quiet roof tonight, and nobody is awake to hear."


def pipe(least: str | None = "verified") -> Pipeline:
    settings = {} if least is None else {"settings": {"least_tier": least}}
    return load([POEM, *FACTS]) >> respond() >> gate(**settings)


async def go(pipeline: Pipeline, folder: Path, **options: Any) -> RunResult:
    options = {"embedder": None, "report": False, "llm": Scripted(said), **options}
    return await pipeline.run(str(folder), **options)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


async def test_rows_refused_for_their_tier_alone_go_to_a_file_of_their_own(tmp_path: Path) -> None:
    result = await go(pipe(), tmp_path)
    assert result.files["unanswered"] == tmp_path / "unanswered.jsonl"
    refused = list(read_rows(tmp_path / "rejected.jsonl"))
    left = list(read_rows(tmp_path / "unanswered.jsonl"))
    assert [row.instruction for row in left] == [fact["instruction"] for fact in FACTS]
    assert [row.id for row in left] == [row.id for row in refused]
    assert all(row.response is None and row.status == "pending" for row in left)
    assert left[0].extra["source"] == "a book"
    (accepted,) = read_rows(tmp_path / "accepted.jsonl")
    assert accepted.verdict is not None
    assert accepted.verdict.tier == "verified"
    # the sums are those of accepted and rejected rows; these are the rejected once more
    assert result.state.total == 3 == result.state.accepted + result.state.rejected


async def test_by_default_all_are_accepted_and_there_is_no_such_file(tmp_path: Path) -> None:
    await go(pipe(), tmp_path)
    result = await go(pipe(None), tmp_path)  # which takes the file of before away
    assert result.accepted == 3
    assert "unanswered" not in result.files
    assert not (tmp_path / "unanswered.jsonl").exists()
    assert dict(result.state.tiers) == {"verified": 1, "unverified": 2}


async def test_a_run_that_goes_on_gives_the_same_bytes(tmp_path: Path) -> None:
    await go(pipe(), tmp_path / "whole")
    await go(pipe(), tmp_path / "again", max_attempts=2)
    await go(pipe(), tmp_path / "again")
    assert bytes_of(tmp_path / "again") == bytes_of(tmp_path / "whole")
    await go(pipe(), tmp_path / "again")
    assert bytes_of(tmp_path / "again") == bytes_of(tmp_path / "whole")


async def test_a_run_cannot_read_the_file_that_it_writes(tmp_path: Path) -> None:
    await go(pipe(), tmp_path)
    source = str(tmp_path / "unanswered.jsonl")
    with pytest.raises(InputError, match="unanswered"):
        await go(load(source) >> respond() >> gate(), tmp_path)


async def test_status_counts_accepted_rows_by_tier(tmp_path: Path) -> None:
    await go(pipe(None), tmp_path)
    assert read_status(tmp_path).tiers == {"verified": 1, "unverified": 2}
    await go(pipe(), tmp_path)
    assert read_status(tmp_path).tiers == {"verified": 1}


def test_the_whole_way_by_commands(
    in_folder: Path,
    use_model: Callable[[Callable[[str], LLM]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """run, then respond on what is left, with another model, then the gate."""
    evolved = {
        "instruction": "Name the river of Budapest. Use at most forty words.",
        "response": "It is the Danube.",
        "provenance": {"instruction": {"demands": [MANY]}, "response": {"model": "small"}},
    }
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (POEM, evolved)))
    Path("flow.yaml").write_text(
        "embedder: none\nsteps:\n  - load: {data: rows.jsonl}\n  - respond\n"
        "  - gate: {settings: {least_tier: verified}}\n"
    )
    use_model(lambda name: Scripted(said))
    assert main(["run", "flow.yaml", "-o", "out", "--no-report", "--log", "plain"]) == 0
    told = capsys.readouterr().err
    assert "Accepted responses: 1 verified." in told
    assert "unanswered" in told
    assert main(["status", "out"]) == 0
    assert "Accepted responses: 1 verified" in capsys.readouterr().out
    (left,) = read_rows("out/unanswered.jsonl")
    assert left.provenance == {"instruction": {"demands": [MANY]}}

    use_model(lambda name: Scripted(lambda request: "The Danube flows through it."))
    command = ["respond", "out/unanswered.jsonl", "-o", "better.jsonl", "--log", "quiet"]
    assert main([*command, "--model", "large", "--no-report"]) == 0
    (answered,) = read_rows("better.jsonl")
    assert answered.id == left.id
    assert answered.response == "The Danube flows through it."
    assert answered.provenance["instruction"] == {"demands": [MANY]}
    assert "response" in answered.provenance

    capsys.readouterr()
    assert main(["gate", "better.jsonl", "-o", "good.jsonl", "--no-embedder"]) == 0
    assert "Accepted responses: 1 unverified." in capsys.readouterr().err
    (row,) = read_rows("good.jsonl")
    assert row.verdict is not None
    assert row.verdict.stands_on == ("demand:words_at_most",)


def test_a_methods_command_names_the_file_in_its_folder(
    in_folder: Path,
    use_model: Callable[[Callable[[str], LLM]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:

    def model(request: Request) -> str:
        answers = request.max_tokens > 96
        return "It is the Danube." if answers else "Which river flows through Budapest?"

    use_model(lambda name: Scripted(model))
    command = ["magpie", "-n", "1", "--openings", "", "-o", "rows.jsonl"]
    settings = ["--gate", "{least_tier: verified}", "--embedder", "none", "--no-report"]
    assert main([*command, *settings, "--log", "plain"]) == 0
    told = capsys.readouterr().err
    (row,) = read_rows("rows.jsonl.run/unanswered.jsonl")
    assert isinstance(row, Row)
    assert row.response is None
    assert "rows.jsonl.run/unanswered.jsonl" in told
