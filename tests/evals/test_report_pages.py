"""The program that opens reports of many rows in a browser: what it times, and what it tells."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evals import browser as browsers
from evals.__main__ import main
from evals.report_pages import ACTS, _rows, opened
from evolsynth.report.build import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser


ROOT = Path(__file__).parents[2]


def test_a_page_is_opened_as_often_as_asked_and_all_is_done_on_it(
    browser: Browser, tmp_path: Path
) -> None:
    page = write_report(tmp_path / "page.html", list(_rows(120, None)), embedder=None)
    found = opened(browser, page, rows=120, times=2)
    assert found.told == "120 of 120"
    assert len(found.first_rows) == 2
    assert all(0 < ms < 60_000 for ms in found.first_rows)
    assert set(found.acts) == {name for name, _ in ACTS}
    # what waits for more to be typed is told with the wait
    assert found.acts["search"] >= 120
    assert 0 < found.acts["sort"] < 60_000
    assert list(found.troubles) == []


def test_what_the_browser_says_is_told(browser: Browser, tmp_path: Path) -> None:
    page = write_report(tmp_path / "page.html", list(_rows(9, None)), embedder=None)
    text = page.read_text("utf-8")
    page.write_text(text.replace("</body>", "<script>alert(1)</script></body>"), "utf-8")
    (trouble,) = opened(browser, page, rows=9, times=1).troubles
    assert "Content Security Policy" in trouble


def test_answers_are_as_long_as_asked() -> None:
    assert {len(row.response or "") for row in _rows(20, 700)} == {700}
    assert list(_rows(20, 700)) == list(_rows(20, 700))


def test_a_browser_that_is_missing_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("playwright.sync_api")
    monkeypatch.setattr(browsers, "CHROMIUM", None)
    assert main(["report", "--rows", "5"]) == 2
    assert "No Chromium was found" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.usefixtures("browser")  # skipped where there is none
def test_the_command_makes_the_page_and_opens_it() -> None:
    command = [sys.executable, "-m", "evals", "report", "--rows", "30", "--times", "1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    (one,) = json.loads(done.stdout)["opened"]
    assert one["rows"] == 30
    assert one["seconds"] > 0
    assert one["troubles"] == []
