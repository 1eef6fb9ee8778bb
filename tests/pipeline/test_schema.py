"""The schema of pipeline files: up to date, and of one mind with what reads the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from evolsynth.cli.draw import schema as schema_command
from evolsynth.errors import InputError
from evolsynth.pipeline.makers import RESERVED
from evolsynth.pipeline.steps import STEPS
from evolsynth.pipeline.yaml.json_schema import pipeline_schema
from evolsynth.pipeline.yaml.load import read_pipeline

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = pipeline_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
OBJECT = SCHEMA["$defs"]["step"]["anyOf"][2]["properties"]

GOOD = [
    "steps: [magpie]",
    "steps: [{magpie: }]",
    "name: bees\nseed: 3\nembedder: none\nsteps: [magpie: {n: 3}]",
    "embedder: null\nsteps: [magpie: {n: 3, system_prompt: {short: Be brief., long: Explain.}}]",
    "models: {default: a, big: {model: b, context: 64, slots: null}}\nsteps: [magpie]",
    "steps: [magpie, respond: {model: big, sampling: {temperature: 0}, max_tokens: 3}]",
    "steps: [magpie, respond: {input_mappings: {response: other}, concurrency: 2, seed: 1}]",
    "steps: [magpie, respond: {retry: {attempts: 3}}]",
    "steps: [magpie, gate: {settings: {near_duplicate: 0.8, skip: [repetition]}}]",
    "steps: [magpie, gate: {settings: gate.yaml}]",
    "steps: [magpie, evolve: {operations: {deepening: 1}, prompts: small}]",
    "steps: [magpie, branches: [respond, [evolve, respond: {name: b}]], merge]",
    "steps: [magpie, branches: [respond, respond], group: {output_columns: [answers]}]",
    "steps: [magpie, respond: {samples: 2}, preference: {score: rules, margin: 2}]",
    "steps: [load: {data: seeds.jsonl, fields: {a: instruction}, limit: 3}, gate]",
    "steps: [load: {data: [{instruction: Name a bee.}]}, rename: {columns: {a: b}}]",
    "x-own: &own {n: 3}\nsteps: [magpie: *own]",
]
BAD = [
    "",
    "[]",
    "name: bees",
    "steps: []",
    "steps: magpie",
    "steps: [magpy]",
    "steps: [load]",
    "steps: [load: {}]",
    "steps: [rename]",
    "stps: [magpie]",
    "name: ../bees\nsteps: [magpie]",
    "name: 3\nsteps: [magpie]",
    "seed: 1.5\nsteps: [magpie]",
    "embedder: bert\nsteps: [magpie]",
    "models: {a: {contxt: 3}}\nsteps: [magpie]",
    "models: {a: {context: three}}\nsteps: [magpie]",
    "models: [a]\nsteps: [magpie]",
    "steps: [magpie: {n: three}]",
    "steps: [magpie: {n: true}]",
    "steps: [magpie: {m: 3}]",
    "steps: [magpie: 3]",
    "steps: [{magpie: {n: 3}, gate: }]",
    "steps: [magpie: {sampling: {temprature: 1}}]",
    "steps: [magpie: {sampling: 1}]",
    "steps: [magpie: {concurrency: 0}]",
    "steps: [magpie: {name: 3}]",
    "steps: [magpie: {input_mappings: {a: 1}}]",
    "steps: [magpie: {retry: {attemps: 3}}]",
    "steps: [magpie, gate: {settings: {near: 0.8}}]",
    "steps: [magpie, evolve: {prompts: large}]",
    "steps: [magpie, respond, preference: {score: beauty}]",
    "steps: [magpie, branches: []]",
    "steps: [magpie, branches]",
    "steps: [magpie, branches: [[]]]",
    "steps: [magpie, 3]",
]


def errors(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))]


def test_the_schema_itself_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_file_in_docs_is_up_to_date() -> None:
    """If it is not: ``evolsynth schema -o docs/pipeline.schema.json``."""
    assert json.loads((DOCS / "pipeline.schema.json").read_text(encoding="utf-8")) == SCHEMA


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schema_command(output=str(tmp_path / "schema.json")) == 0
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8")) == SCHEMA
    assert schema_command() == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA


def test_every_step_has_all_its_options_with_defaults() -> None:
    assert set(OBJECT) == {*STEPS, "branches"}
    for kind, maker in STEPS.items():
        assert set(OBJECT[kind]["properties"]) == {*maker.options, *RESERVED}
        assert OBJECT[kind].get("required", []) == maker.missing()
    assert OBJECT["evolve"]["properties"]["rounds"]["default"] == 1
    assert OBJECT["respond"]["properties"]["prompt"]["default"] == "respond/brief"


def test_every_step_and_every_option_says_what_it_is() -> None:
    for kind in STEPS:
        assert OBJECT[kind]["description"], kind
    silent = [
        f"{kind}.{name}"
        for kind in STEPS
        for name, option in OBJECT[kind]["properties"].items()
        if "$ref" not in option and "description" not in option
    ]
    assert silent == []


@pytest.mark.parametrize("text", GOOD)
def test_what_can_be_read_is_valid(text: str, tmp_path: Path) -> None:
    assert errors(text) == []
    (tmp_path / "pipe.yaml").write_text(text)
    read_pipeline(tmp_path / "pipe.yaml")


@pytest.mark.parametrize("text", BAD)
def test_what_is_not_valid_cannot_be_read(text: str, tmp_path: Path) -> None:
    assert errors(text)
    (tmp_path / "pipe.yaml").write_text(text)
    with pytest.raises(InputError):
        read_pipeline(tmp_path / "pipe.yaml")


def test_a_step_of_the_users_own_is_valid() -> None:
    steps: list[Any] = ["magpie", "script.py:count", {"package.module:count": {"least": 3}}]
    VALIDATOR.validate({"steps": steps})


def test_the_example_in_docs_is_valid_fits_together_and_names_its_schema() -> None:
    text = (DOCS / "pipeline.yaml").read_text(encoding="utf-8")
    assert errors(text) == []
    read_pipeline(DOCS / "pipeline.yaml").check()
    first = text.splitlines()[0]
    assert first == "# yaml-language-server: $schema=pipeline.schema.json"
    assert (DOCS / first.partition("$schema=")[2]).is_file()
