"""A schema in a pipeline's file: it runs, goes on from what is stored, is refused where wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field
from written_rows import whole_row

from evolsynth.errors import InputError
from evolsynth.llm.base import Request
from evolsynth.llm.scripted import Scripted
from evolsynth.pipeline import generate_rows, load_pipeline, write_yaml
from evolsynth.pipeline.graph import Pipeline

FILES = ("accepted.jsonl", "rejected.jsonl")
SCHEMA = {
    "type": "object",
    "properties": {"instruction": {"type": "string"}, "level": {"type": "integer", "maximum": 9}},
    "required": ["instruction", "level"],
}
YAML = """
seed: 3
steps:
  - generate_rows: {n: 12, prompt: Ask a question., schema: ask.json, spread: true}
  - generate:
      prompt: "Which words stand in: {{ instruction }}"
      output: words
      schema: {type: array, items: {type: string}, maxItems: 3}
"""


def script(request: Request) -> str:
    if "Which words" in str(request.prompt):
        return '["a", "b"]' if request.seed % 5 else '["a", "b", "c", "d"]'
    if request.seed % 2:
        return "I would ask this."
    return json.dumps({"instruction": f"Why {request.seed}?", "level": request.seed % 10})


@pytest.fixture
def pipe(tmp_path: Path) -> Pipeline:
    (tmp_path / "ask.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "ask.yaml").write_text(YAML)
    return load_pipeline(str(tmp_path / "ask.yaml"))


async def go(pipe: Pipeline, folder: Path, llm: Scripted, **options: Any) -> dict[str, bytes]:
    result = await pipe.run(str(folder), embedder=None, report=False, llm=llm, **options)
    state = result.state
    assert state.planned == 12 == state.accepted + state.rejected + state.failed
    return {name: (folder / name).read_bytes() for name in FILES}


async def test_it_runs_and_goes_on_from_what_is_stored(pipe: Pipeline, tmp_path: Path) -> None:
    llm = Scripted(script)
    whole = await go(pipe, tmp_path / "whole", llm)
    kept = [whole_row(line) for line in whole["accepted.jsonl"].splitlines()]
    lost = [whole_row(line) for line in whole["rejected.jsonl"].splitlines()]
    assert kept
    assert lost
    assert all(set(row["words"]) == {"a", "b"} and row["level"] <= 9 for row in kept)
    assert any(row["provenance"]["instruction"].get("repaired") for row in kept)
    assert all(row["verdict"]["reasons"] == ["malformed_answer"] for row in lost)
    assert all(len(row["malformed_answers"]) == 2 for row in lost)
    again = Scripted(script)
    assert await go(pipe, tmp_path / "whole", again) == whole
    assert again.requests == []


async def test_a_run_that_was_stopped_ends_with_the_same_bytes(
    pipe: Pipeline, tmp_path: Path
) -> None:
    whole = await go(pipe, tmp_path / "whole", Scripted(script))
    one = Scripted(script)
    await pipe.run(str(tmp_path / "parts"), embedder=None, report=False, llm=one, max_attempts=4)
    two = Scripted(script)
    assert await go(pipe, tmp_path / "parts", two) == whole
    assert not {r.key("x") for r in one.requests} & {r.key("x") for r in two.requests}


class Ask(BaseModel):
    instruction: str
    level: int = Field(le=9)


async def test_in_python_it_may_be_a_pydantic_model(tmp_path: Path) -> None:
    ask = generate_rows(n=12, prompt="Ask a question.", schema=Ask, spread=True)
    whole = await go(Pipeline(ask.as_parts()), tmp_path / "run", Scripted(script))
    again = Scripted(script)
    assert await go(Pipeline(ask.as_parts()), tmp_path / "run", again) == whole
    assert again.requests == []
    with pytest.raises(InputError, match="schema"):
        write_yaml(Pipeline(ask.as_parts()))


def test_a_pipeline_with_a_schema_can_be_written_down(pipe: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "again.yaml").write_text(write_yaml(pipe))
    again = load_pipeline(str(tmp_path / "again.yaml"))
    assert again.nodes()[1].step.parameters == pipe.nodes()[1].step.parameters


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("nowhere.json", "nowhere.json: the schema cannot be read"),
        ("{type: text}", "The schema is no JSON schema"),
        ("{properties: {id: {}}}", "a property 'id'"),
        ("3", "schema"),
    ],
)
async def test_a_wrong_schema_is_told_before_anything_is_asked(
    tmp_path: Path, schema: str, told: str
) -> None:
    text = f"steps: [generate_rows: {{n: 2, prompt: Ask., schema: {schema}, spread: true}}]"
    (tmp_path / "bad.yaml").write_text(text)
    llm = Scripted(script)
    with pytest.raises(InputError, match=told):
        await load_pipeline(str(tmp_path / "bad.yaml")).run(
            str(tmp_path / "run"), embedder=None, report=False, llm=llm
        )
    assert llm.requests == []
