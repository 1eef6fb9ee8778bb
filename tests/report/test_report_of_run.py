"""The report on a run: what it tells of the run is what the run has written down, at its end and
later alike."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from evolsynth.cli.main import main
from evolsynth.cli.reports import report as command
from evolsynth.errors import BrokenStep, StoreDamaged
from evolsynth.llm.base import Request
from evolsynth.llm.scripted import Scripted
from evolsynth.pipeline import gate, load, respond
from evolsynth.pipeline.graph import Pipeline
from evolsynth.pipeline.makers import step
from evolsynth.store.command import again
from evolsynth.store.status import stored_rows

PIPELINE = """
name: rivers
seed: 5
embedder: none
steps:
  - load: {data: [{instruction: Name a river of Peru, response: The Rimac flows to Lima.},
                  {instruction: Short, response: ok}]}
  - gate: {}
"""


@pytest.fixture(autouse=True)
def no_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_embedder", lambda: None)


@step
async def checked(row: Any) -> Any:
    return row.reject("too_short") if "2" in row.instruction else row


def rivers(n: int = 6) -> Pipeline:
    rows = [{"instruction": f"Tell me about the {i}. river."} for i in range(n)]
    return (load(rows) >> respond() >> checked() >> gate()).using(name="rivers")


def said(request: Request) -> str:
    return f"It is {request.seed % 97} miles long and flows from the hills to the sea."


async def ran(folder: Path, pipe: Pipeline | None = None, **options: Any) -> None:
    told: dict[str, Any] = {"embedder": None, "llm": Scripted(said), **options}
    await (pipe or rivers()).run(str(folder), **told)


def texts(page: str, part: str) -> list[str]:
    """The texts of a part of the page, by its id."""
    found = re.search(rf'<(\w+)[^>]* id="{part}".*?</\1>', page, re.DOTALL)
    assert found, part
    lines = re.sub(r"<[^>]*>", "\n", found[0]).splitlines()
    return [unescape(line.strip()) for line in lines if line.strip()]


def facts(page: str) -> dict[str, str]:
    cells = texts(page, "run")[1:]
    return dict(zip(cells[::2], cells[1::2], strict=True))


async def test_the_page_of_a_run_is_the_same_at_its_end_and_later(tmp_path: Path) -> None:
    await ran(tmp_path, seed=11)
    page = (tmp_path / "report.html").read_text("utf-8")
    later = tmp_path / "later.html"
    assert main(["report", str(tmp_path), "-o", str(later)]) == 0
    again = later.read_text("utf-8")
    assert texts(page, "pipeline") == texts(again, "pipeline")
    assert "1 rejected" in " ".join(texts(page, "pipeline")).replace("\u2212", "")
    assert facts(page) == facts(again)
    assert facts(page)["seed"] == "11"
    assert facts(page)["ended"] == "finished"
    assert "scripted" in facts(page)["models"]
    assert int(facts(page)["tokens written"]) > 50
    assert texts(page, "made") == texts(again, "made")


async def test_a_run_that_failed_tells_what_it_came_to(tmp_path: Path) -> None:
    @step
    async def breaks(row: Any) -> Any:
        if "4" in row.instruction:
            raise RuntimeError("the well is dry")
        return row

    pipe = (load([{"instruction": f"River {i} of Peru."} for i in range(9)]) >> breaks()).using(
        name="broken"
    )
    with pytest.raises(BrokenStep):
        await ran(tmp_path, pipe, breaker=1)
    for name in ("accepted", "rejected", "failed"):  # nor are there any files of rows
        (tmp_path / f"{name}.partial.jsonl").unlink(missing_ok=True)
    later = tmp_path / "later.html"
    assert main(["report", str(tmp_path), "-o", str(later)]) == 0
    page = later.read_text("utf-8")
    assert facts(page)["ended"].startswith("failed: BrokenStep")
    assert texts(page, "planned") != ["0"]
    assert "breaks" in texts(page, "pipeline")


async def test_a_run_of_before_tells_what_its_store_knows(tmp_path: Path) -> None:
    await ran(tmp_path, report=False)
    with sqlite3.connect(tmp_path / "run.sqlite") as db:
        db.execute("DELETE FROM meta WHERE name IN ('facts', 'sketch', 'steered')")
        db.execute("UPDATE meta SET value='{\"no\": 1}' WHERE name='steps'")
    later = tmp_path / "later.html"
    assert main(["report", str(tmp_path), "-o", str(later)]) == 0
    page = later.read_text("utf-8")
    assert facts(page)["ended"] == "finished"
    assert "seed" not in facts(page)
    assert 'id="pipeline"' not in page


async def test_a_damaged_store_leaves_the_report_on_the_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await ran(tmp_path, report=False)
    (tmp_path / "run.sqlite").write_bytes(b"not a database at all" * 50)
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "later.html")]) == 0
    assert "Without what the run noted of itself" in capsys.readouterr().err
    assert "Report on" in (tmp_path / "later.html").read_text("utf-8")


async def test_rows_of_the_store_are_a_sample_spread_over_the_plan(tmp_path: Path) -> None:
    await ran(tmp_path, rivers(25), report=False)
    rows, total = stored_rows(tmp_path, 10)
    assert total == 25
    names = [row.instruction for row in rows]
    assert names == [f"Tell me about the {i}. river." for i in range(0, 25, 3)]
    assert stored_rows(tmp_path / "nowhere", 10) == ([], 0)
    with sqlite3.connect(tmp_path / "run.sqlite") as db:
        db.execute("UPDATE rows SET body=x'7b7d' WHERE seq=3")
    with pytest.raises(StoreDamaged, match="row 3 is not as it was written"):
        stored_rows(tmp_path, 10)


def test_the_command_that_makes_a_run_again_is_what_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a b.yaml").write_text(PIPELINE, encoding="utf-8")
    spec, told = "a b.yaml", "evolsynth run 'a b.yaml' -o out --seed 9"
    assert main(["run", spec, "-o", "out", "--seed", "9", "--log", "quiet", "--fresh"]) == 0
    page = Path("out/report.html").read_text("utf-8")
    assert texts(page, "again") == [told]
    # gone on with by its folder, with another wish: what makes the same rows now
    assert main(["run", "out", "--accepted", "3", "--log", "quiet"]) == 0
    page = Path("out/report.html").read_text("utf-8")
    assert texts(page, "again") == [f"{told} --accepted 3"]
    Path("out/report.html").unlink()
    assert main(["run", str(tmp_path / spec), "-o", str(tmp_path / "two"), "--log", "quiet"]) == 0
    page = Path("two/report.html").read_text("utf-8")
    assert texts(page, "again") == ["evolsynth run 'a b.yaml' -o two"]


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (None, ""),
        ({"options": {"seed": 1}}, ""),
        ({"words": ["magpie", "-n", "5", "-o", "it's.jsonl"]},
         "evolsynth magpie -n 5 -o 'it'\"'\"'s.jsonl'"),
        ({"spec": "/home/ada/p.yaml", "parameters": ["gate.x=1 2"], "options": {
            "llm": {"model": "m.gguf", "chat_template": "chatml"}, "seed": 3, "batch": True,
            "steer": {"every": 50}, "judge": None}},
         "evolsynth run ~/p.yaml --param 'gate.x=1 2' --model m.gguf --chat-template chatml "
         "--seed 3 --batch --steer '{\"every\": 50}'"),
        ({"spec": "/elsewhere/p.py:pipe", "options": {"steer": False, "batch": False}},
         "evolsynth run /elsewhere/p.py:pipe --steer false --no-batch"),
        ({"words": ["magpie", "--model", "https://me:pass@host/v1",
                    "--chat-template", "k=sk-0123456789"]},
         "evolsynth magpie --model 'https://***@host/v1' --chat-template 'k=***'"),
    ],
)  # fmt: skip
def test_the_command_is_quoted_and_tells_no_secret(
    command: Any, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert again(command) == line


def test_a_program_that_runs_a_pipeline_is_no_command(tmp_path: Path) -> None:
    asyncio.run(ran(tmp_path))
    assert 'id="again"' not in (tmp_path / "report.html").read_text("utf-8")
