"""Answers that are JSON of a given form: asked for, checked, repaired once, else an error."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, field_validator

from evolsynth import structured
from evolsynth.errors import (
    CapabilityError,
    EngineError,
    InputError,
    LLMError,
    MalformedAnswer,
    RequestError,
    SetupError,
)
from evolsynth.llm.base import Capability, Completion, Prompt, Request, Sampling
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Scripted
from evolsynth.llm.structured.ask import Structured
from evolsynth.llm.structured.gbnf import gbnf
from evolsynth.llm.structured.schema import Malformed, Schema, read_json
from evolsynth.rows import Message

SCHEMA: dict[str, Any] = {
    "title": "person",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
GOOD = '{"name": "Ada", "age": 36}'
ADA = {"name": "Ada", "age": 36}
SERVER = [Capability.CHAT, Capability.SCHEMA]
GRAMMAR = [Capability.CHAT, Capability.GRAMMAR]
WORDS = [Capability.CHAT]


class Person(BaseModel):
    name: str
    age: int = Field(ge=0)

    @field_validator("name")
    @classmethod
    def capital(cls, name: str) -> str:
        if not name[:1].isupper():
            raise ValueError("begins with a small letter")
        return name


def asked(text: str = "Invent a person.", **options: Any) -> Request:
    return Request(**{"messages": (Message("user", text),), "seed": 3, "max_tokens": 50, **options})


def whole(request: Request) -> str:
    return str(request.prompt)


async def test_a_good_answer_is_a_value_and_is_asked_for_once() -> None:
    llm = Scripted([GOOD], capabilities=SERVER)
    answer: Structured[Any] = await structured(llm, asked(), SCHEMA)
    assert (answer.value, answer.plain, answer.repaired) == (ADA, ADA, False)
    assert answer.completion.text == GOOD
    (request,) = llm.requests
    assert request.schema == json.dumps(SCHEMA, separators=(",", ":"))
    assert (request.seed, request.grammar) == (3, None)


async def test_with_a_pydantic_model_it_is_an_instance() -> None:
    answer: Structured[Any] = await structured(Scripted([GOOD]), asked(), Person)
    assert isinstance(answer.value, Person)
    assert (answer.value.name, answer.plain) == ("Ada", ADA)


async def test_a_model_without_schemas_gets_a_grammar_and_one_without_either_words() -> None:
    llm = Scripted([GOOD], capabilities=GRAMMAR)
    await structured(llm, asked(), SCHEMA)
    assert llm.requests[0].grammar == gbnf(json.dumps(SCHEMA, separators=(",", ":")))
    assert llm.requests[0].schema is None
    llm = Scripted(["Here it is:\n```json\n" + GOOD + "\n```\nDone."], capabilities=WORDS)
    answer: Structured[Any] = await structured(llm, asked(), SCHEMA)
    assert answer.value == ADA
    assert "Invent a person.\n\nAnswer with JSON that is valid" in whole(llm.requests[0])
    assert json.dumps(SCHEMA, separators=(",", ":")) in whole(llm.requests[0])
    assert (llm.requests[0].grammar, llm.requests[0].schema) == (None, None)


async def test_a_raw_prompt_is_not_sent_where_nothing_keeps_it_to_a_form() -> None:
    llm = Scripted([GOOD, "no", GOOD], capabilities=[Capability.RAW_PROMPT])
    raw = Request(prompt=Prompt.of("A person:"), seed=3)
    with pytest.raises(CapabilityError, match="a raw prompt needs a model that can keep to a JSON"):
        await structured(llm, raw, SCHEMA)
    assert llm.requests == []


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("Ada, 36", "it is no JSON: Expecting value, at character 1"),
        ('{"name": "Ada", "age": "36"}', "$.age: '36' is not of type 'integer'"),
        ('{"name": "Ada"}', "$: 'age' is a required property"),
        ('{"name": "Ada", "age": -1}', "$.age: -1 is less than the minimum of 0"),
        ('{"name": "Ada", "age": 3, "x": 1}', "('x' was unexpected)"),
        ('{"name": "A", "name": "B", "age": 3}', "the name 'name' stands twice"),
        ('{"name": "Ada", "age": NaN}', "NaN is no number of JSON"),
        ('{"name": "Ada", "age": 1e999}', "the number 1e999 is too large"),
        ('{"name": "Ada", "age": ' + "9" * 5000 + "}", "$: Exceeds the limit"),
        ("[" * 100_000, "nested too deeply"),
        ('{"name": "Ada", "age": ' + "[" * 150 + "]" * 150 + "}", "nested more than 100 deep"),
        ('["Ada", 36]', "is not of type 'object'"),
    ],
)
async def test_a_malformed_answer_is_repaired(first: str, told: str) -> None:
    llm = Scripted([first, GOOD], capabilities=SERVER)
    answer: Structured[Any] = await structured(llm, asked(), SCHEMA)
    assert (answer.value, answer.repaired) == (ADA, True)
    one, two = llm.requests
    assert whole(two).startswith(whole(one))
    assert told in whole(two)
    assert "Give only the corrected JSON" in whole(two)
    assert answer.request.messages[1].role == "assistant"
    assert answer.request.messages[1].content == first
    assert two.schema == one.schema
    assert (two.seed != one.seed, two.max_tokens) == (True, one.max_tokens)


async def test_the_seed_of_a_repair_follows_from_the_first() -> None:
    seeds = []
    for seed in (3, 3, 4):
        llm = Scripted(["no", GOOD])
        await structured(llm, asked(seed=seed), SCHEMA)
        seeds.append(llm.requests[1].seed)
    assert seeds[0] == seeds[1] != seeds[2]


async def test_after_one_that_was_cut_off_a_shorter_answer_is_asked_for() -> None:
    llm = Scripted(['{"name": "Ada of many names"', GOOD], capabilities=SERVER)
    answer: Structured[Any] = await structured(llm, asked(max_tokens=4), SCHEMA)
    assert answer.repaired
    one, two = llm.requests
    assert "Invent a person.\n\nKeep it short: an answer was cut off after 4 tokens" in whole(two)
    assert "many" not in whole(two)
    assert one.seed != two.seed
    llm = Scripted(['{"name": "Ada of many names"'] * 2, capabilities=SERVER)
    with pytest.raises(MalformedAnswer, match=r"it was cut off after 4 tokens \(max_tokens\)"):
        await structured(llm, asked(max_tokens=4), SCHEMA)


async def test_a_number_that_was_cut_off_is_none() -> None:
    def cut(text: str) -> Completion:
        return Completion(text=text, tokens=3, prompt_tokens=1, finish_reason="length")

    answer: Structured[Any] = await structured(
        Scripted([cut("12"), "123"]), asked(), {"type": "integer"}
    )
    assert (answer.value, answer.repaired) == (123, True)
    assert (await structured(Scripted([cut("true")]), asked(), {"type": "boolean"})).value is True
    assert (await structured(Scripted([cut("[1]")]), asked(), {"type": "array"})).value == [1]


async def test_two_malformed_answers_are_an_error_with_both_texts() -> None:
    llm = Scripted(["no", '{"name": 3, "age": "x"}', GOOD])
    with pytest.raises(MalformedAnswer) as caught:
        await structured(llm, asked(), SCHEMA)
    assert caught.value.texts == ("no", '{"name": 3, "age": "x"}')
    assert [p.partition(":")[0] for p in caught.value.problems] == ["$.age", "$.name"]
    assert str(caught.value).startswith("The answer is no person ($.age: 'x' is not of type")
    assert isinstance(caught.value, LLMError)
    assert not caught.value.retryable
    assert len(llm.requests) == 2


async def test_a_raw_prompt_and_an_empty_answer_are_asked_once_more() -> None:
    llm = Scripted(["no", GOOD])
    answer: Structured[Any] = await structured(
        llm, Request(prompt=Prompt.of("A person:"), seed=3), SCHEMA
    )
    assert answer.repaired
    assert [whole(r) for r in llm.requests] == ["A person:", "A person:"]
    assert llm.requests[0].seed != llm.requests[1].seed
    llm = Scripted(["  ", GOOD])
    assert (await structured(llm, asked(), SCHEMA)).repaired
    assert whole(llm.requests[0]) == whole(llm.requests[1])


async def test_a_forced_prefix_is_no_part_of_the_json() -> None:
    llm = Scripted([GOOD])
    assert (await structured(llm, asked(prefix="JSON: "), SCHEMA)).value == ADA


async def test_an_answer_too_long_to_be_shown_is_malformed_and_an_engine_that_fails_fails() -> None:
    with pytest.raises(MalformedAnswer, match="could not be repaired: too long") as caught:
        await structured(Scripted(["no", RequestError("too long")]), asked(), SCHEMA)
    assert caught.value.texts == ("no",)
    with pytest.raises(EngineError, match="gone"):
        await structured(Scripted(["no", EngineError("gone")]), asked(), SCHEMA)


async def test_cancelling_it_cancels_the_request() -> None:
    llm = Scripted(["no", GOOD], delay=lambda r: 5.0 if "corrected" in whole(r) else 0.0)
    task: asyncio.Task[Any] = asyncio.create_task(structured(llm, asked(), SCHEMA))
    while len(llm.requests) < 2:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert llm.active == 0


async def test_a_models_own_validator_speaks_in_the_repair() -> None:
    llm = Scripted(['{"name": "ada", "age": 36}', GOOD])
    assert (await structured(llm, asked(), Person)).repaired
    assert "$.name: Value error, begins with a small letter" in whole(llm.requests[1])


async def test_what_the_request_has_already_is_refused() -> None:
    for given in ({"schema": "{}"}, {"grammar": 'root ::= "a"'}, {"choices": ("a", "b")}):
        with pytest.raises(InputError, match="already"):
            await structured(Scripted([GOOD]), asked(**given), SCHEMA)


# What is read, and what is refused --------------------------------------------------------------


def test_a_schema_may_be_a_mapping_a_text_a_file_or_a_model(tmp_path: Path) -> None:
    file = tmp_path / "person.json"
    file.write_text("﻿" + json.dumps(SCHEMA, indent=2), encoding="utf-8")
    texts = {Schema(given).text for given in (SCHEMA, json.dumps(SCHEMA), str(file), file)}
    assert len(texts) == 1
    assert Schema(SCHEMA).name == "person"
    assert Schema(Person).name == "Person"
    assert list(Schema(Person).properties()) == ["name", "age"]
    # the order of its properties is the order of the answer's
    turned = {**SCHEMA, "properties": dict(reversed(SCHEMA["properties"].items()))}
    assert Schema(turned).text not in texts


class Bare:
    pass


class Odd(BaseModel, arbitrary_types_allowed=True):
    thing: Bare


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("no-such-file.json", "no-such-file.json: the schema cannot be read"),
        ("{", "The schema is no JSON"),
        (3, "The schema is int"),
        (Bare, "the class Bare, which is no pydantic model"),
        (Odd, "Odd has no JSON schema"),
        ({"type": "text"}, r"no JSON schema: \$.type"),
        ({"properties": []}, "no JSON schema"),
        ({"a": {1, 2}}, "The schema is no JSON"),
        ({"a": float("nan")}, "The schema is no JSON"),
        ({"pattern": "("}, "is not a 'regex'"),
        ({"title": "\ud800"}, "Half a character"),
        ({"title": "x" * 2_000_000}, "over 1,000,000 characters"),
        ({"$ref": "http://127.0.0.1:9/x.json"}, "no schema in it"),
    ],
)
def test_what_is_no_schema_is_told_in_a_sentence(given: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Schema(given)


def test_a_pattern_that_takes_for_ever_does_not() -> None:
    form: Schema[Any] = Schema({"type": "string", "pattern": "^(a+)+$"})
    assert form.check('"aaa"').plain == "aaa"
    began = time.perf_counter()
    with pytest.raises(Malformed, match="cannot be tried: it does too much work"):
        form.check(json.dumps("a" * 40 + "!"))
    assert time.perf_counter() - began < 10


def test_nothing_is_fetched_and_a_reference_from_elsewhere_is_refused() -> None:
    for reference in ("https://a.invalid/b", "file:///etc/passwd", "other.json", "#a", "#/title"):
        with pytest.raises(InputError, match="no schema in it"):
            Schema({"title": "x", "properties": {"a": {"$ref": reference}}})


def test_without_jsonschema_a_sentence_says_how_to_get_it() -> None:
    code = (
        "import sys; sys.modules['jsonschema'] = None\n"
        "from evolsynth.llm.structured.schema import Schema\n"
        "from evolsynth.errors import SetupError\n"
        "try: Schema({'type': 'string'})\n"
        "except SetupError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "pip install 'evolsynth[structured]'" in done.stdout
    assert issubclass(SetupError, Exception)


def test_neither_pydantic_nor_jsonschema_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, evolsynth.llm.structured.ask, evolsynth.methods.generate\n"
        "print([m for m in ('pydantic', 'jsonschema', 'referencing') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (" [1, 2]\n", [1, 2]),
        ('Sure! {"a": {"b": 1}} Is that all?', {"a": {"b": 1}}),
        ('```\n"x"\n```', "x"),
        ("```json\n[1]\n```\nand\n```json\n[2]\n```", [1]),
        ('"half a pair: \\ud83d"', "half a pair: \ud83d"),
        ("-0", 0),
    ],
)
def test_json_is_found_in_what_stands_around_it(text: str, value: Any) -> None:
    assert read_json(text) == value


# The real model ---------------------------------------------------------------------------------

FORMS: list[dict[str, Any]] = [
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 15},
            "age": {"type": "integer", "minimum": 1, "maximum": 110},
            "kind": {"enum": ["cat", "dog", 'a "thing"', None]},
            "born": {"type": "string", "format": "date"},
        },
        "required": ["name", "age", "kind"],
        "additionalProperties": False,
    },
    {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 2, "maxItems": 4},
    {"type": "string", "pattern": r"^[A-Z]{3}-\d{2}$"},
    {"anyOf": [{"type": "null"}, {"type": "array", "items": {"type": "boolean"}, "maxItems": 3}]},
]


@pytest.mark.real
@pytest.mark.parametrize("schema", FORMS, ids=range(len(FORMS)))
async def test_whatever_the_real_model_says_is_valid(
    smollm: LlamaCpp, schema: dict[str, Any]
) -> None:
    wild = Sampling(temperature=1.5, top_k=100, top_p=1.0)
    form: Schema[Any] = Schema(schema)
    requests = [
        asked("Anything.", seed=seed, sampling=wild, max_tokens=60, schema=form.text)
        for seed in range(8)
    ]
    answers = await asyncio.gather(*map(smollm.complete, requests))
    ended = [answer.text for answer in answers if answer.finish_reason == "stop"]
    assert len(ended) >= 6
    assert len(set(ended)) > 2
    for text in ended:
        assert json.loads(text) == form.check(text).plain


@pytest.mark.real
async def test_a_schema_that_no_grammar_can_be_is_an_error_of_the_request(smollm: LlamaCpp) -> None:
    bad = json.dumps({"type": "string", "minLength": 10**6})
    with pytest.raises(RequestError, match="counts to 2000"):
        await smollm.complete(asked(schema=bad))
    assert Capability.SCHEMA in smollm.capabilities


@pytest.mark.real
async def test_the_real_model_answers_as_an_instance(smollm: LlamaCpp) -> None:
    class Short(BaseModel):
        colour: str = Field(max_length=12)
        count: int = Field(ge=0, le=9)

    answer: Structured[Short] = await structured(smollm, asked("Name a colour."), Short)
    assert isinstance(answer.value, Short)
