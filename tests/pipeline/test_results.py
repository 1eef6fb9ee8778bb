"""What a run came to, as scripts and notebooks take it: rows, DataFrames, data sets, HTML."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from evolsynth import Row, Scripted, Verdict
from evolsynth.errors import InputError, SetupError
from evolsynth.findings import Finding
from evolsynth.llm.base import Request
from evolsynth.pipeline import gate, load, respond
from evolsynth.pipeline.run.rowlist import RowList
from evolsynth.pipeline.run.state import RunResult
from evolsynth.report.notebook import row_html, rows_html
from evolsynth.rows import Failure, Message

HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(2)> \u202e'\"&"
SEEDS: list[dict[str, Any]] = [
    {"instruction": f"Name a river of {place}.", "mine": n}
    for n, place in enumerate(("Peru", "Chad", "Laos"))
]


def said(request: Request) -> str:
    return f"One of its rivers is number {request.seed % 97}, which is long and slow."


async def made(folder: Path | None, **options: Any) -> RunResult:
    pipe = load(SEEDS) >> respond() >> gate()
    options = {"llm": Scripted(said), "embedder": None, "report": False, **options}
    if folder is None:
        from evolsynth.pipeline.run.run import RunOptions, run

        return await run(pipe, None, RunOptions.of(options))
    return await pipe.run(str(folder), **options)


async def test_a_loop_that_runs_already_can_await_a_run_and_take_its_rows(tmp_path: Path) -> None:
    assert asyncio.get_running_loop().is_running()
    result = await made(tmp_path / "run")
    assert [row.instruction for row in result.rows] == [seed["instruction"] for seed in SEEDS]
    assert all(row.status == "accepted" and row.response for row in result.rows)
    assert len(result.rows) == result.accepted == 3
    assert result.rows_of("rejected") == result.rows_of("failed") == []


async def test_rows_have_the_ids_and_columns_that_they_had_in_the_run(tmp_path: Path) -> None:
    seen: dict[str, Row] = {}
    result = await made(tmp_path / "run", observe=lambda _, row: seen.update({row.id: row}))
    for row in result.rows:
        assert row.extra["mine"] == seen[row.id].extra["mine"]
        assert row.response == seen[row.id].response


async def test_a_run_without_a_folder_says_that_its_rows_were_not_kept() -> None:
    result = await made(None)
    assert result.accepted == 3
    with pytest.raises(InputError, match="no folder"):
        _ = result.rows


async def test_what_a_run_has_no_rows_of(tmp_path: Path) -> None:
    result = await made(tmp_path / "run")
    with pytest.raises(InputError, match="Did you mean 'accepted'"):
        result.rows_of("acepted")
    result.files["accepted"].unlink()
    with pytest.raises(InputError, match=r"cannot be read .* Run the pipeline again"):
        _ = result.rows


async def test_rows_as_a_data_frame_and_as_a_data_set(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    result = await made(tmp_path / "run")
    frame = result.to_pandas()
    assert list(frame["mine"]) == [0, 1, 2]
    assert list(frame["verdict"]) == ["accepted"] * 3
    datasets = pytest.importorskip("datasets")
    data = result.dataset
    assert isinstance(data, datasets.Dataset)
    assert data["response"][0] == result.rows[0].response
    assert RowList().to_pandas().empty


@pytest.mark.parametrize(("package", "what"), [("pandas", "to_pandas"), ("datasets", "dataset")])
def test_a_package_that_is_missing_is_named(
    package: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SetupError, match="pip install"):
        _ = RowList().to_pandas() if what == "to_pandas" else RowList().dataset


# What a notebook shows ----------------------------------------------------------------------------


def hostile_row() -> Row:
    row = Row.make(
        HOSTILE,
        response=HOSTILE,
        system=HOSTILE,
        messages=tuple(Message(role, HOSTILE) for role in ("user", "assistant", "user")),
        method=HOSTILE,
        extra={"input": HOSTILE},
    )
    return row.reject("near_duplicate", HOSTILE, near_duplicate={HOSTILE: HOSTILE})


def test_nothing_of_a_row_is_obeyed_by_the_page() -> None:
    failed = hostile_row().replace(failure=Failure(step=HOSTILE, error=HOSTILE, message=HOSTILE))
    shown = [
        hostile_row()._repr_html_(),
        failed._repr_html_(),
        RowList([hostile_row(), failed])._repr_html_(),
        Verdict(accepted=False, reasons=(HOSTILE,), details={HOSTILE: HOSTILE})._repr_html_(),
        Finding(HOSTILE, {HOSTILE: HOSTILE})._repr_html_(),
    ]
    for html in shown:
        assert "<script" not in html
        assert "<img" not in html
        assert "\u202e" not in html
        assert "&lt;script&gt;" in html


def test_a_row_shows_what_a_person_reads_and_why_it_was_rejected() -> None:
    row = Row.make("Name a river.", response="The Nile.", extra={"input": "On rivers."})
    html = row_html(row.reject("near_duplicate", near_duplicate={"id": "x1"}))
    for told in ("Name a river.", "The Nile.", "On rivers.", "rejected", "near_duplicate", "x1"):
        assert told in html
    accepted = Verdict(accepted=True, tier="verified", stands_on=("span",))
    assert accepted._repr_html_() == "accepted, verified: span"


def test_a_finding_says_what_it_means_and_what_to_change() -> None:
    html = Finding("near_duplicate", {"cosine": 0.93})._repr_html_()
    assert "cosine: 0.93" in html
    assert "<i>" in html


def test_many_rows_are_cut_and_it_says_so() -> None:
    many = [Row.make(f"Question {n}?", response="x" * 9000) for n in range(50)]
    html = rows_html(many)
    assert "20 of 50 rows." in html
    assert "more characters" in html
    assert len(html) < 40_000
    assert rows_html([]) == "<p>No rows.</p>"


async def test_a_result_shows_its_counts_reasons_and_files(tmp_path: Path) -> None:
    result = await made(tmp_path / "<b>run")
    html = result._repr_html_()
    assert html.count("<tr>") == 5 + len(result.files)  # heads, three steps, all; files
    assert "accepted.jsonl" in html
    assert "<b>run" not in html
    assert "Ended: finished" in html
