"""Back ends by name: ours, and those of other packages."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evolsynth.cli.main import main
from evolsynth.data.files import read_rows
from evolsynth.errors import InputError
from evolsynth.llm.backends import BACKENDS, backend_options, open_llm, scheme_of
from evolsynth.llm.base import Request
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.pipeline.yaml.json_schema import pipeline_schema
from evolsynth.pipeline.yaml.load import read_pipeline
from evolsynth.rows import Message, Row, write_rows

TOY = '''
"""A back end of another package."""

from evolsynth.llm.backends import backend
from evolsynth.llm.scripted import Scripted


@backend("toy", looks={"toys": lambda: "all there"})
def toy(model: str, *, speed: int = 1) -> Scripted:
    """Says its name.

    Args:
        speed: how often it says so.
    """
    return Scripted(lambda _: f"{model} " * speed, name=f"toy {model}")
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The toy package, installed."""
    info = tmp_path / "site" / "toy_backend-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-backend\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[evolsynth.backends]\ntoy = toy_backend\n")
    (info.parent / "toy_backend.py").write_text(TOY)
    monkeypatch.syspath_prepend(str(info.parent))
    importlib.invalidate_caches()
    things, homes = dict(BACKENDS._things), dict(BACKENDS._homes)
    monkeypatch.setattr(BACKENDS, "_things", things)
    monkeypatch.setattr(BACKENDS, "_homes", homes)
    monkeypatch.setattr(BACKENDS, "_whole", False)
    yield tmp_path
    sys.modules.pop("toy_backend", None)


def test_an_address_alone_says_of_no_kind_of_server_what_it_is() -> None:
    for url in ("http://127.0.0.1:8080", "https://gpu-box/v1"):
        with pytest.raises(InputError, match=f"server's address.*kind.*openai:NAME@{url}, llama-s"):
            scheme_of(url)


def test_names_and_paths_are_llama_cpps() -> None:
    for text in ("SmolLM2-135M-Instruct", "a/b.gguf", "llamacpp:SmolLM2-135M-Instruct"):
        llm = open_llm(text, slots=2)
        assert isinstance(llm, LlamaCpp)
        assert llm.name == text.rpartition("/")[2].removeprefix("llamacpp:")
    assert isinstance(open_llm(Path("a/b.gguf")), LlamaCpp)


def test_paths_with_a_colon_are_paths(tmp_path: Path) -> None:
    folder = tmp_path / "with:colon"
    folder.mkdir()
    for text in (str(folder), "models:v2/a.gguf", r"C:\models\a.gguf", r"c:\models\a.gguf"):
        assert scheme_of(text) == ("llamacpp", text)


ALL = "llama-server, llamacpp, lmstudio, ollama, openai, openrouter, scripted, sglang, tgi, vllm"


def test_a_scheme_that_there_is_not_is_told_with_those_there_are() -> None:
    with pytest.raises(InputError, match=f"no back end 'nowhere'.*{ALL}"):
        open_llm("nowhere:x")


def test_an_option_that_there_is_not_is_told_with_the_likeliest() -> None:
    with pytest.raises(InputError, match=r"'llamacpp' has no option 'slot'.*'slots'"):
        open_llm(slot=3)
    assert backend_options("llamacpp")["context"].default == 1024
    assert backend_options("llamacpp")["store"].text.startswith("Shared parts")


async def test_answers_of_a_file_depend_on_the_seed_alone(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('"Rhine."\n\n"Elbe."\n', encoding="utf-8")
    llm = open_llm(f"scripted:{path}", concurrency=2)
    requests = [Request(messages=(Message("user", "?"),), seed=s) for s in (3, 0, 1)]
    assert [(await llm.complete(r)).text for r in requests] == ["Elbe.", "Rhine.", "Elbe."]


@pytest.mark.parametrize("content", ["", "no JSON\n", "{}\n", None])
def test_a_file_without_answers_is_told(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "answers.jsonl"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"answers\.jsonl: .*JSON string"):
        open_llm(f"scripted:{path}")


def test_a_back_end_of_another_package_works_on_the_command_line(
    toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(toy / "rows.jsonl", [Row.make("Name a lake.")])
    out = toy / "out.jsonl"
    assert main(["respond", str(toy / "rows.jsonl"), "--model", "toy:x", "-o", str(out)]) == 0
    assert json.loads(out.read_text())["response"] == "x"
    main(["doctor"])
    assert "all there" in capsys.readouterr().out


async def test_a_back_end_of_another_package_works_in_yaml_and_python(toy: Path) -> None:
    write_rows(toy / "rows.jsonl", [Row.make("Name a lake.")])
    file = toy / "line.yaml"
    file.write_text(
        "models: {default: {model: 'toy:x', speed: 2}}\n"
        "steps: [{load: {data: rows.jsonl}}, respond]\n"
    )
    result = await read_pipeline(file).run(str(toy / "run"), report=False)
    assert [row.response for row in read_rows(result.files["accepted"])] == ["x x"]
    again = await read_pipeline(file).run(str(toy / "other"), llm="toy:y", report=False)
    assert [row.response for row in read_rows(again.files["accepted"])] == ["y"]
    file.write_text(file.read_text().replace("speed", "sped"))
    with pytest.raises(InputError, match=r"sped.*no such option.*speed"):
        read_pipeline(file)


def test_a_back_end_of_another_package_is_in_the_schema(toy: Path) -> None:
    ways = pipeline_schema()["properties"]["models"]["additionalProperties"]["anyOf"]
    own = next(way for way in ways if "speed" in way.get("properties", {}))
    assert own["properties"]["speed"]["type"] == "integer"
    assert own["properties"]["speed"]["description"] == "How often it says so."
    assert own["properties"]["model"]["pattern"] == "^toy:"
