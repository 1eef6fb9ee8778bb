"""``--chat-template``: wherever ``--model`` is; what is wrong with it is told before any load."""

from __future__ import annotations

from typing import Any

import pytest

from evolsynth.cli.main import main
from evolsynth.cli.runs import model_told
from evolsynth.llm.backends import DEFAULT_MODEL
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp.files import find_model


@pytest.mark.parametrize(
    "command", ["demo", "run", "preview", "score", "compare-systems", "magpie", "respond"]
)
def test_each_command_with_a_model_takes_a_template(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    said = capsys.readouterr().out
    assert "--model" in said
    assert "--chat-template" in said


@pytest.fixture
def nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: Any) -> None:
        raise AssertionError("it was loaded")

    monkeypatch.setattr(LlamaCpp, "_load", load)


@pytest.fixture(scope="module")
def without_template(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model of somebody's own."""
    path = tmp_path_factory.mktemp("own") / "base.gguf"
    content = find_model(DEFAULT_MODEL)[0].read_bytes()
    path.write_bytes(content.replace(b"tokenizer.chat_template", b"tokenizer.chat_themplat"))
    return str(path)


@pytest.mark.usefixtures("nothing_is_loaded")
@pytest.mark.parametrize(
    ("template", "said"),
    [
        (None, "base has no chat template"),
        ("gema", "Did you mean 'gemma'?"),
        ("{% for %}", "base's chat template does not parse"),
    ],
)
def test_what_is_wrong_with_it_is_told_before_anything_is_loaded(
    template: str | None, said: str, without_template: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [] if template is None else ["--chat-template", template]
    words = ["magpie", "-n", "1", "--model", without_template, "--embedder", "none", *given]
    assert main(words) == 1
    assert said in capsys.readouterr().err


def test_a_template_goes_with_the_default_model_too() -> None:
    assert model_told(None, None) is None
    assert model_told("a.gguf", None) == "a.gguf"
    assert model_told(None, "gemma") == {"model": DEFAULT_MODEL, "chat_template": "gemma"}
