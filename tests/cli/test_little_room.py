"""Commands with less memory, or fewer files, than they need: a sentence, and no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evolsynth.cli import main as module
from evolsynth.cli.main import main


@pytest.mark.parametrize("limit", ["-v 60000", "-v 100000", "-n 5", "-n 6"])
def test_below_what_a_command_needs_something_is_said(limit: str, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"instruction": "Name three rivers in France."}) + "\n")
    words = [sys.executable, "-m", "evolsynth", "gate", str(rows), "--no-embedder"]
    done = subprocess.run(
        ["bash", "-c", f'ulimit {limit}; exec "$@"', "bash", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, 1)
    assert done.stdout or done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        ImportError("libx.so: failed to map segment from shared object"),
        ImportError("libx.so: cannot allocate memory in static TLS block"),
    ],
)
def test_a_lack_of_memory_is_told_as_such(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def raises(_: object) -> object:
        raise error

    monkeypatch.setattr(module, "_parser", raises)
    assert main(["gate"]) == 1
    assert "not enough memory" in capsys.readouterr().err


def test_other_errors_of_such_kinds_are_bugs_and_come_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raises(_: object) -> object:
        raise RuntimeError("a bug")

    monkeypatch.setattr(module, "_parser", raises)
    with pytest.raises(RuntimeError, match="a bug"):
        main(["gate"])
