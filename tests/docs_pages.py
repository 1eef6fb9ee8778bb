"""Pages of docs/ as their readers would try them, with models that answer by a script."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from evolsynth.llm.base import Request
from evolsynth.llm.scripted import Scripted

DOCS = Path(__file__).parent.parent / "docs"
_BLOCK = re.compile(r"(<!-- distilabel -->\n)?```(\w+)\n(.*?)```", re.S)

_QUERIES = (
    "How do bees turn nectar into honey?",
    "List the members of a colony.",
    "Describe a day in the life of a worker.",
    "Why do colonies need a queen?",
)
_DEMANDS = (
    "Give two reasons and one example from a garden.",
    "Name one exception and explain it to a child.",
    "Compare it with the work of ants in a short table.",
    "Say what would change in a cold winter.",
)
_THINGS = ("a harbour", "an old clock", "clay", "the moon", "a violin", "snow", "a market", "salt")


def told(request: Request, model: str = "") -> str:
    """What a good model could say: queries, an evolution, a request, a response, or a refusal."""
    text, seed = str(request.prompt), request.seed + len(model)
    if "one query on each" in text:
        return "\n".join(_QUERIES[seed % 4 :] + _QUERIES[: seed % 4])
    evolved = re.search(r"-----\n(.*)\n-----<\|im_end\|>", text, re.S)
    if evolved and "Are they equal?" in text:
        return "different"
    if evolved:
        return f"{evolved[1]} {_DEMANDS[seed % 4]}"
    if text.endswith("<|im_start|>user\n"):
        return f" {_THINGS[seed % 8]} is made in {seed % 97 + 1900}?"
    if seed % 3 == 1:
        return "I am sorry, but I cannot help with that."
    asked = re.findall(r"<\|im_start\|>user\n(.*?)<\|im_end\|>", text, re.S)[-1]
    return (
        f"In short: {' '.join(asked.split()[:6])} Bees share their work, and each of them has a "
        f"task for some {seed % 17 + 3} days. In winter they rest and live on what they stored."
    )


def scripted(model: str = "scripted", **_: Any) -> Scripted:
    """In the place of `open_llm`: any model, told what to say."""
    answer = partial(told, model=model)
    return Scripted(answer, name=model, scores=lambda _, text: -1.0 - len(text) % 7 / 10)


@pytest.fixture
def page_blocks() -> Callable[..., list[str]]:
    """See `blocks`."""
    return blocks


def blocks(page: str, language: str = "python") -> list[str]:
    """The blocks of a page in a language, without those of other tools."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    return [code for other, kind, code in _BLOCK.findall(text) if kind == language and not other]


@pytest.fixture
def read_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], dict[str, Any]]:
    """Runs all Python of a page, one block after the other, in an empty folder; their names."""

    async def none(_: Any) -> None:
        return None

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("evolsynth.pipeline.run.context.open_llm", scripted)
    monkeypatch.setattr("evolsynth.pipeline.run.run._embedder", none)

    def run(page: str) -> dict[str, Any]:
        names: dict[str, Any] = {"__name__": page}
        for number, code in enumerate(blocks(page), 1):
            exec(compile(code, f"{page}.md, block {number}", "exec"), names)
        return names

    return run


@pytest.fixture
def shown_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], str]:
    """What a script prints, run in an empty folder as ``python mine.py`` would run it, but in this
    process, which has loaded torch and the like already."""
    monkeypatch.chdir(tmp_path)

    def run(code: str) -> str:
        (tmp_path / "mine.py").write_text(code, encoding="utf-8")
        capsys.readouterr()
        runpy.run_path("mine.py", run_name="__main__")
        return capsys.readouterr().out

    return run
