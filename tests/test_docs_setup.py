"""The setup behind `make docs`: what it installs, when it does nothing, how it fails.

The real installation needs a package index; here what is asked of pip is recorded.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "scripts"))  # scripts are no package
bootstrap = importlib.import_module("bootstrap")
docs = importlib.import_module("docs")
preflight = importlib.import_module("preflight")

PROJECT = '[project.optional-dependencies]\ndocs = ["furo>=1", "sphinx>=2"]\ndev = ["ruff"]\n'


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What pip is asked for in a checkout that is set up."""
    calls: list[tuple[str, ...]] = []
    (tmp_path / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "stamp").write_text("set up", encoding="utf-8")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "stamp")
    monkeypatch.setattr(docs, "STAMP", tmp_path / "docs-stamp")
    monkeypatch.setattr(bootstrap, "pip", lambda what, *names: calls.append(names))
    return calls


def test_it_installs_the_extra_once(asked: list[tuple[str, ...]]) -> None:
    assert docs.main() == docs.main() == 0
    assert asked == [("furo>=1", "sphinx>=2")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", PROJECT.replace("furo>=1", "furo>=3")),
        ("stamp", "set up again"),  # a .venv that was made anew is empty
    ],
)
def test_it_installs_it_again_when_what_it_was_for_has_changed(
    name: str, text: str, asked: list[tuple[str, ...]], tmp_path: Path
) -> None:
    assert docs.main() == 0
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert docs.main() == 0
    assert len(asked) == 2


def test_without_a_setup_it_says_what_to_do(
    asked: list[tuple[str, ...]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stamp").unlink()
    assert docs.main() == 1
    assert capsys.readouterr().err == "docs: .venv is not set up: run `make setup` first.\n"
    assert asked == []


def test_a_failure_is_one_sentence_and_is_tried_again(
    asked: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(*_: Any) -> None:
        raise preflight.SetupProblem("There is no network.")

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "pip", fails)
        assert docs.main() == 1
    assert capsys.readouterr().err == "docs: There is no network.\n"
    assert docs.main() == 0
    assert len(asked) == 1


def test_the_extra_has_what_the_site_is_made_of() -> None:
    root = Path(__file__).resolve().parent.parent
    named = docs.requirements((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert {name.partition(">")[0] for name in named} == {"furo", "myst-parser", "sphinx"}
