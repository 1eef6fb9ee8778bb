"""generate with a schema: JSON into a field, or its properties into fields of their names."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from evolsynth.columns import Columns
from evolsynth.errors import CapabilityError, EngineError, InputError
from evolsynth.findings import meaning
from evolsynth.llm.base import Capability, Request
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.generate import generate
from evolsynth.methods.method import METHODS
from evolsynth.rows import Row
from evolsynth.streams import Rows

QUESTION: dict[str, Any] = {
    "type": "object",
    "properties": {
        "instruction": {"type": "string"},
        "response": {"type": "string"},
        "level": {"type": "integer"},
        "note": {"type": "string"},
    },
    "required": ["instruction", "response", "level"],
    "additionalProperties": False,
}
GOOD = {"instruction": "Why do bees dance?", "response": "To tell the way.", "level": 2}


class Question(BaseModel):
    instruction: str
    level: int = 1


async def made(rows: Rows | None, llm: Scripted, **options: Any) -> list[Row]:
    options = {"prompt": "Ask.", "schema": QUESTION, "seed": 7, **options}
    return [row async for row in generate(rows, llm, **options)]


async def test_the_value_stands_in_a_field_of_ones_own() -> None:
    llm = Scripted([json.dumps(GOOD)])
    (row,) = await made([Row.make("Bees")], llm, output="made")
    assert row.extra["made"] == GOOD
    how = row.provenance["made"]
    assert (how["schema"], how["held_by"], how["seed"]) == (
        QUESTION,
        "schema",
        llm.requests[0].seed,
    )
    assert "repaired" not in how
    assert Row.from_dict(json.loads(row.to_json())).extra["made"] == GOOD


async def test_a_field_that_is_a_text_has_one_line_of_json_or_the_text_itself() -> None:
    (row,) = await made(
        [Row.make("Bees")], Scripted([json.dumps(GOOD, indent=1)]), output="response"
    )
    assert row.response == json.dumps(GOOD, separators=(",", ":"))
    (row,) = await made(None, Scripted(['"Why?"']), n=1, schema={"type": "string"})
    assert row.instruction == "Why?"


async def test_properties_are_spread_into_fields_of_their_names() -> None:
    answers = [json.dumps(GOOD), json.dumps({**GOOD, "note": "n"})]
    one, two = await made(None, Scripted(answers), n=2, spread=True)
    assert (one.instruction, one.response) == (GOOD["instruction"], GOOD["response"])
    assert one.extra == {"level": 2}
    assert two.extra == {"level": 2, "note": "n"}
    assert one.id != two.id
    old = Row.make("Bees", extra={"level": 9})
    (row,) = await made([old], Scripted(answers), spread=True, output="made")
    assert row.id == old.id
    assert row.provenance["made"]["replaced"] == {"instruction": "Bees", "level": 9}


async def test_only_what_is_declared_is_spread_and_a_text_that_is_null_is_none() -> None:
    schema = {"type": "object", "properties": {"response": {}, "level": {}}}
    said = {"response": None, "level": None, "id": "mine", "verdict": 1}
    (row,) = await made(
        [Row.make("Bees")], Scripted([json.dumps(said)]), schema=schema, spread=True
    )
    assert (row.response, row.extra, row.status) == (None, {"level": None}, "pending")


async def test_a_pydantic_model_checks_and_fills_in_what_it_has_a_default_for() -> None:
    llm = Scripted(['{"instruction": "Why?"}'])
    (row,) = await made(None, llm, n=1, schema=Question, spread=True)
    assert (row.instruction, row.extra) == ("Why?", {"level": 1})
    assert row.provenance["instruction"]["schema"] == Question.model_json_schema()


async def test_an_answer_that_was_repaired_says_so() -> None:
    llm = Scripted(["no", json.dumps(GOOD)])
    (row,) = await made(None, llm, n=1, output="made")
    assert row.extra["made"] == GOOD
    assert row.provenance["made"]["repaired"] is True
    assert row.provenance["made"]["seed"] == llm.requests[1].seed


@pytest.mark.parametrize("rows", [None, [Row.make("Bees")]])
async def test_a_row_with_two_malformed_answers_is_rejected_and_keeps_them(rows: Any) -> None:
    llm = Scripted(["no", '{"level": "high"}'])
    (row,) = await made(rows, llm, n=None if rows else 1, output="made")
    assert row.status == "rejected"
    assert row.verdict is not None
    assert row.verdict.reasons == ("malformed_answer",)
    assert (
        "$.level: 'high' is not of type 'integer'"
        in row.verdict.details["malformed_answer"]["problems"]
    )
    assert row.extra["malformed_answers"] == ["no", '{"level": "high"}']
    assert row.failure is None
    assert "made" not in row.extra
    assert row.provenance["made"]["schema"] == QUESTION
    assert Row.from_dict(json.loads(row.to_json())).extra == row.extra
    found = meaning("malformed_answer")
    assert found is not None
    assert "max_tokens" in found.advice


async def test_a_failing_engine_fails_its_row_and_no_other() -> None:
    def script(request: Request) -> str | Exception:
        return EngineError("gone") if "Boom" in str(request.prompt) else json.dumps(GOOD)

    rows = [Row.make("Boom."), Row.make("Bees."), Row.make("x").reject("empty")]
    out = await made(rows, Scripted(script), prompt="{{ instruction }}", output="made")
    assert [row.status for row in out] == ["failed", "pending", "rejected"]


async def test_the_same_bytes_for_any_concurrency_with_repairs() -> None:
    def script(request: Request) -> str:
        return "no" if request.seed % 3 == 0 else json.dumps({**GOOD, "level": request.seed % 97})

    waits = random.Random(2)
    slow = Scripted(script, delay=lambda _: waits.random() / 200)
    one = await made(None, Scripted(script), n=20, output="made", concurrency=1)
    assert await made(None, slow, n=20, output="made", concurrency=16) == one
    assert {row.status for row in one} == {"pending", "rejected"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"prefix": "{"}, "schema cannot go with prefix"),
        ({"stop": ["x"]}, "schema cannot go with stop"),
        ({"grammar": 'root ::= "a"'}, "schema cannot go with grammar"),
        ({"schema": None, "spread": True}, "spread goes with a schema"),
        ({"schema": {"type": "array"}, "spread": True}, "spread needs a schema of an object"),
        ({"schema": {"properties": {"id": {}}}, "spread": True}, "a property 'id', which is no"),
        ({"schema": {"type": "text"}}, "The schema is no JSON schema"),
        ({"schema": "nowhere.json"}, "nowhere.json: the schema cannot be read"),
    ],
)
async def test_what_does_not_go_together_is_told_at_the_start(
    options: dict[str, Any], told: str
) -> None:
    llm = Scripted([])
    with pytest.raises(InputError, match=told):
        await made([], llm, **options)


async def test_a_raw_prompt_needs_a_model_that_keeps_to_a_form() -> None:
    bare = Scripted([], capabilities=[Capability.RAW_PROMPT])
    with pytest.raises(CapabilityError, match="generate with a schema and a raw prompt"):
        await made([], bare, chat=False)


async def test_a_model_that_only_chats_is_asked_in_words() -> None:
    llm = Scripted([f"Sure:\n{json.dumps(GOOD)}"], capabilities=[Capability.CHAT])
    (row,) = await made([Row.make("Bees")], llm, output="made")
    assert row.extra["made"] == GOOD
    assert row.provenance["made"]["held_by"] == "words"


def test_a_pipeline_knows_which_columns_come(tmp_path: Path) -> None:
    rule = METHODS["generate"].columns
    assert rule is not None
    came = Columns({"instruction": "text"})
    spread = rule("ask", {"schema": QUESTION, "spread": True}, came)
    assert spread.has == {"instruction": "text", "response": "text", "level": "number"}
    assert spread.sometimes == {"note": "the schema of 'ask' does not require it"}
    file = tmp_path / "s.json"
    file.write_text(json.dumps(QUESTION))
    whole = rule("ask", {"schema": str(file), "output": "made"}, came)
    assert whole.has == {"instruction": "text", "made": "any"}
    assert rule("ask", {"schema": {"type": "integer"}, "output": "n"}, came).has["n"] == "number"
    with pytest.raises(InputError, match="cannot be read"):
        rule("ask", {"schema": "nowhere.json"}, came)
