"""The setup behind `make peers`: what it installs, when it does nothing, how it fails.

The real installation takes a minute and needs a package index; here the commands are recorded.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.append(str(REPOSITORY / "scripts"))  # scripts are no package
bootstrap = importlib.import_module("bootstrap")
peers = importlib.import_module("peers")
preflight = importlib.import_module("preflight")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would be run; a wheel is there, and all succeeds."""
    commands: list[list[str]] = []
    wheel = tmp_path / ".build" / "wheels" / "abc" / "llama.whl"
    wheel.parent.mkdir(parents=True)
    wheel.touch()

    def record(command: list[str]) -> SimpleNamespace:
        commands.append(command)
        peers.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        peers.PYTHON.touch()
        return SimpleNamespace(status=0, output="")

    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "BUILD", tmp_path / ".build")
    monkeypatch.setattr(bootstrap, "finished_wheel", lambda: wheel)
    monkeypatch.setattr(peers, "VENV", tmp_path / ".venv-peers")
    monkeypatch.setattr(peers, "PYTHON", tmp_path / ".venv-peers/bin/python")
    monkeypatch.setattr(peers, "STAMP", tmp_path / ".venv-peers/.evolsynth-peers")
    monkeypatch.setattr(peers, "must", lambda _, command, log: record(command))
    monkeypatch.setattr(peers, "run", lambda command, log: record(command))
    return commands


def test_it_takes_the_compiled_wheel_and_never_torch(asked: list[list[str]]) -> None:
    assert peers.main() == 0
    install = next(command for command in asked if "install" in command)
    assert any(part.endswith("llama.whl") for part in install)
    assert f"distilabel=={peers.PINS['distilabel']}" in install
    constraint = Path(install[install.index("-c") + 1])
    assert constraint.read_text() == "torch<0\n"


def test_a_second_call_does_nothing_until_a_pin_changes(
    asked: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert peers.main() == 0
    once = len(asked)
    assert peers.main() == 0
    assert len(asked) == once
    monkeypatch.setitem(peers.PINS, "httpx", "9.9.9")
    assert peers.main() == 0
    assert len(asked) == 2 * once


def test_without_a_wheel_it_names_what_makes_one(
    asked: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "finished_wheel", lambda: None)
    assert peers.main() == 1
    assert "make setup" in capsys.readouterr().err
    assert asked == []


def test_peers_that_do_not_start_are_no_success(
    asked: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = SimpleNamespace(status=1, output="Traceback\nImportError: no such thing\n")
    monkeypatch.setattr(peers, "run", lambda command, log: broken)
    assert peers.main() == 1
    assert "ImportError: no such thing" in capsys.readouterr().err
    assert not peers.STAMP.exists()
