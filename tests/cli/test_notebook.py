"""Progress in a notebook: a table below the cell that is drawn anew, and shown without being asked
for."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from evolsynth import Scripted
from evolsynth.cli.progress.notebook import Notebook, in_notebook
from evolsynth.cli.progress.watch import Lines, watcher
from evolsynth.llm.base import Request
from evolsynth.pipeline import load, respond
from evolsynth.pipeline.graph import Pipeline


class Display:
    """In the place of IPython's: keeps all that was shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def __call__(self, html: str, *, display_id: bool) -> Display:
        assert display_id
        return self.update(html)

    def update(self, html: str) -> Display:
        self.shown.append(html)
        return self


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Display:
    """A kernel of a notebook, as far as it is looked at."""
    display = Display()
    ipython: Any = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    inner: Any = types.ModuleType("IPython.display")
    inner.HTML, inner.display = str, display
    for name, module in (("IPython", ipython), ("IPython.display", inner), ("ipykernel", ipython)):
        monkeypatch.setitem(sys.modules, name, module)
    return display


def said(request: Request) -> str:
    return f"It is number {request.seed}."


def pipe(n: int = 3) -> Pipeline:
    asked = [{"instruction": f"What is <b>{k}?"} for k in range(n)]
    return (load(asked) >> respond()).using(name="<i>mine", embedder=None)


async def test_a_run_in_a_notebook_is_shown_there(tmp_path: Path, display: Display) -> None:
    await pipe().run(str(tmp_path / "run"), llm=Scripted(said), report=False)
    assert "respond" in display.shown[0]
    assert "3 accepted" in display.shown[-1]
    assert "<i>mine" not in "".join(display.shown)


async def test_failed_rows_are_told_below_the_table(tmp_path: Path, display: Display) -> None:
    def broken(request: Request) -> str:
        raise ValueError("<u>no")

    await pipe(1).run(str(tmp_path / "run"), llm=Scripted(broken), report=False, breaker=0)
    assert "1 failed" in display.shown[-1]
    assert any("A row failed in respond" in html for html in display.shown)
    assert "<u>" not in "".join(display.shown)


async def test_many_failures_that_are_alike_are_only_counted(
    tmp_path: Path, display: Display
) -> None:
    def broken(request: Request) -> str:
        raise ValueError("no")

    await pipe(30).run(str(tmp_path / "run"), llm=Scripted(broken), report=False, breaker=0)
    assert "More like this are only counted from here on." in "".join(display.shown)


async def test_who_wants_silence_has_it(tmp_path: Path, display: Display) -> None:
    await pipe().run(str(tmp_path / "run"), llm=Scripted(said), report=False, watch=None)
    assert display.shown == []


async def test_elsewhere_a_run_from_python_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert not in_notebook()
    await pipe().run(str(tmp_path / "run"), llm=Scripted(said), report=False)
    assert capfd.readouterr() == ("", "")


def test_who_asks_for_progress_gets_what_the_place_can_show(display: Display) -> None:
    assert isinstance(watcher(), Notebook)
    assert isinstance(watcher("plain"), Lines)
    sys.modules["IPython"].get_ipython = lambda: types.SimpleNamespace()  # type: ignore[attr-defined]
    assert isinstance(watcher(), Lines)  # IPython on a terminal
