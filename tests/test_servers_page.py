"""docs/servers.md as its readers would try it, on a llama-server that runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from written_rows import whole_row

from evolsynth.cli.main import main
from evolsynth.errors import SetupError
from evolsynth.llm.backends import open_llm

PAGE = (Path(__file__).parent.parent / "docs" / "servers.md").read_text(encoding="utf-8")
SHOWN = "http://localhost:8080"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.S)
    assert found
    return found[1]


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.real
def test_the_script_runs_as_written(shown_by: Callable[[str], str], llama_server_url: str) -> None:
    said = shown_by(block("python").replace(SHOWN, llama_server_url))
    assert re.search(r"^\d+ tokens by SmolLM2.*, which can:\n.*answer a chat", said, re.M)


@pytest.mark.real
def test_the_pipeline_runs_with_its_answerer(in_folder: Path, llama_server_url: str) -> None:
    """Without its judge, which is at an address that nobody has, and which nothing asks."""
    text = block("yaml").replace(SHOWN, llama_server_url).replace("  - gate\n", "")
    Path("line.yaml").write_text("embedder: none\n" + text, encoding="utf-8")
    assert main(["run", "line.yaml", "-o", "out", "--log", "quiet", "--no-report"]) == 0
    lines = Path("out/accepted.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4
    assert {whole_row(one)["provenance"]["response"]["server"] for one in lines} == {"llama-server"}


async def test_the_key_that_the_pipeline_names_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GPU_BOX_KEY", raising=False)
    told = yaml.safe_load(block("yaml"))["models"]["judge"]
    with pytest.raises(SetupError, match="GPU_BOX_KEY is not set"):
        await open_llm(told.pop("model"), **told).start()


@pytest.mark.real
def test_the_command_of_magpie_runs_as_shown(in_folder: Path, llama_server_url: str) -> None:
    (line,) = (line for line in PAGE.splitlines() if line.startswith("$ evolsynth magpie"))
    words = line.removeprefix("$ evolsynth ").replace(SHOWN, llama_server_url).split()
    words[words.index("-n") + 1] = "2"
    assert main([*words, "--log", "quiet", "--no-report"]) == 0
    assert Path("rows.jsonl").exists()
