"""`evolsynth run` and its neighbours, as somebody at a terminal uses them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from evolsynth.cli.main import main
from evolsynth.errors import InputError
from evolsynth.store.status import read_status

SCRIPT = """
import os
from evolsynth import Scripted
from evolsynth.pipeline import load, respond, step

DATA = [{"instruction": f"Tell me about river {n}."} for n in range(int(os.environ.get("N", "6")))]
SLOW = float(os.environ.get("SLOW", "0"))

def said(request):
    if os.environ.get("DOWN"):
        from evolsynth.errors import EngineError
        return EngineError("no route to host")
    return f"It is {request.seed} miles long."

@step
async def picky(rows):
    async for row in rows:
        yield row.reject("off_topic") if "river 2" in row.instruction else row

llm = Scripted(said, delay=SLOW, concurrency=2)
pipe = (load(DATA) >> picky >> respond()).using(
    models={"default": llm}, embedder=None, name="rivers"
)
def made():
    return pipe
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "mine.py").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return "mine.py:pipe"


def accepted(folder: Path) -> list[dict[str, object]]:
    text = (folder / "accepted.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_run_leaves_its_files_and_says_so(
    script: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SLOW", "0.1")
    assert main(["run", script, "-o", "out", "--log", "plain"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "6 rows = 5 accepted + 1 rejected + 0 failed" in said.err
    assert "accepted.jsonl" in said.err
    assert len(accepted(tmp_path / "out")) == 5
    assert "off_topic" in (tmp_path / "out" / "rejected.jsonl").read_text("utf-8")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "<svg" in page
    assert "picky" in page
    assert "accepted / minute" in page
    assert main(["run", script, "-o", "out", "--log", "quiet"]) == 0
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "accepted / minute" not in page  # nothing was made this time
    assert "seconds of this attempt" in page


def test_without_a_folder_it_is_called_after_the_pipeline(script: str, tmp_path: Path) -> None:
    assert main(["run", "mine.py:made", "--no-report", "--log", "quiet"]) == 0
    assert len(accepted(tmp_path / "runs" / "rivers")) == 5


def test_the_folder_alone_goes_on_with_the_options_it_had(
    script: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", script, "-o", "out", "--accepted", "3", "--no-report"]) == 0
    assert len(accepted(tmp_path / "out")) == 3
    monkeypatch.chdir("/")
    assert main(["run", str(tmp_path / "out"), "--no-report"]) == 0
    assert len(accepted(tmp_path / "out")) == 3
    assert main(["run", str(tmp_path / "out"), "--accepted", "5", "--no-report"]) == 0
    assert len(accepted(tmp_path / "out")) == 5
    assert main(["run", str(tmp_path)]) == 1
    assert "there is no run to go on with" in capsys.readouterr().err


def test_options_of_steps_can_be_set(script: str, tmp_path: Path) -> None:
    assert main(["run", script, "-o", "out", "--no-report", "--param", "respond.samples=2"]) == 0
    assert len(accepted(tmp_path / "out")[0]["responses"]) == 2  # type: ignore[arg-type]


def test_events_are_json_lines(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", script, "-o", "out", "--no-report", "--log", "json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert next(event["event"] for event in events) == "begin"
    assert {"step", "finished"} <= {event["event"] for event in events}


def test_a_failed_row_and_a_stalled_run_give_1(
    script: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DOWN", "1")
    assert main(["run", script, "-o", "out", "--no-report", "--retry", "{attempts: 1}"]) == 1
    said = capsys.readouterr().err
    assert "no route to host" in said
    assert "Traceback" not in said
    monkeypatch.setenv("N", "50")
    assert main(["run", script, "-o", "out", "--no-report", "--retry", "{attempts: 1}"]) == 1
    assert "20 rows in a row failed at 'respond'" in capsys.readouterr().err
    monkeypatch.delenv("DOWN")
    assert main(["run", script, "-o", "out", "--no-report"]) == 0
    assert len(accepted(tmp_path / "out")) > 30


def test_a_preview_shows_rows_and_writes_nothing(
    script: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preview", script, "-n", "3", "--accepted", "200"]) == 0
    said = capsys.readouterr().out
    assert "Tell me about river 2." in said
    assert "off_topic" in said
    assert "200" in said
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "__pycache__") == ["mine.py"]


def test_status_draw_and_schema(
    script: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", script, "-o", "out", "--no-report", "--log", "quiet"]) == 0
    assert main(["status", "out"]) == 0
    assert "picky" in capsys.readouterr().out
    assert main(["status", "out", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pipeline"] == "rivers"
    assert main(["draw", script]) == 0
    assert "picky" in capsys.readouterr().out
    assert main(["draw", script, "-o", "p.svg"]) == 0
    assert (tmp_path / "p.svg").read_text("utf-8").startswith("<svg")
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "none.yaml"], "none.yaml"),
        (["run", "mine.py:nothing"], "nothing"),
        (["run", "mine.py:pipe", "-o", "mine.py/x"], "mine.py"),
        (["run", "mine.py:pipe", "--param", "respond.sample=2"], "samples"),
        (["status", "nowhere"], "no run"),
        (["rescue", "nowhere"], "nowhere"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    script: str, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("evolsynth: ")
    assert told in said
    assert "Traceback" not in said


def started(script: str, *more: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "evolsynth", "run", script, "-o", "out", "--no-report", *more]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )


def wait_for_rows(folder: Path, least: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with suppress(InputError):  # nothing was begun yet
            if read_status(folder).completions >= least:
                return
        time.sleep(0.05)
    raise AssertionError("no rows came")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_a_run_which_then_goes_on_to_the_same_bytes(
    script: str,
    tmp_path: Path,
    number: signal.Signals,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    process = started(script, "--log", "plain", N="200", SLOW="0.08")
    wait_for_rows(tmp_path / "out", 5)
    assert read_status(tmp_path / "out").running
    monkeypatch.setenv("N", "200")
    again = ["run", script, "-o", "out", "--no-report"]
    assert main(again) == 1
    assert f"in use by process {process.pid}" in capsys.readouterr().err
    process.send_signal(number)
    assert process.wait(60) == status
    assert process.stderr is not None
    assert "evolsynth run out" in process.stderr.read()
    assert not read_status(tmp_path / "out").running
    assert main(again) == 0
    (tmp_path / "out").rename(tmp_path / "stopped")
    assert main(again) == 0
    for name in ("accepted.jsonl", "rejected.jsonl"):
        stopped = (tmp_path / "stopped" / name).read_bytes()
        assert stopped == (tmp_path / "out" / name).read_bytes()


def test_two_processes_share_a_cache_at_the_same_time(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-m", "evolsynth", "run", script, "--no-report", "--log", "quiet"]
    environment = {**os.environ, "N": "100", "SLOW": "0.005"}
    both = [
        subprocess.Popen([*command, "-o", name, "--cache", "shared.sqlite"], env=environment)
        for name in ("a", "b")
    ]
    assert [process.wait(60) for process in both] == [0, 0]
    assert (tmp_path / "a/accepted.jsonl").read_bytes() == (
        tmp_path / "b/accepted.jsonl"
    ).read_bytes()
    monkeypatch.setenv("N", "100")
    third = ["run", script, "--no-report", "--log", "quiet", "-o", "c", "--cache", "shared.sqlite"]
    assert main(third) == 0
    assert read_status(tmp_path / "c").asked == 0
