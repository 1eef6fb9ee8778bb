"""Fixtures of commands that run in the test's process, with a scripted model and embedder."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evolsynth.evaluation.embed.base import embedders
from evolsynth.llm.base import LLM
from evolsynth.store.cached_llm import Retry


@pytest.fixture
def use_model(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], LLM]], None]:
    """Put what makes a back end of a name in the place of the one that commands ask."""

    def use(made: Callable[[str], LLM]) -> None:
        for module in ("cli.compare", "pipeline.run.context"):
            home = importlib.import_module(f"evolsynth.{module}")
            monkeypatch.setattr(home, "open_llm", made)

    monkeypatch.setattr(Retry, "pause", lambda *_: 0.0)  # what fails here would fail later too
    return use


@pytest.fixture
def use_embedder(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Put an embedder in the place of MiniLM wherever commands ask for that."""

    def use(made: Callable[[], Any]) -> None:
        monkeypatch.setitem(embedders._things, "minilm", made)
        for module in ("compare", "reports.report"):
            home = importlib.import_module(f"evolsynth.cli.{module}")
            monkeypatch.setattr(home, "MiniLM", made)

    return use


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is also the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
