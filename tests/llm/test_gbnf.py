"""JSON schemas as grammars: what these admit is valid, and no schema breaks them or holds us up."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import jsonschema
import numpy as np
import pytest
from gbnf_samples import Grammar, TooDeep
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from evolsynth.errors import InputError
from evolsynth.llm.llamacpp import sampler
from evolsynth.llm.llamacpp.model import Model
from evolsynth.llm.structured.gbnf import gbnf
from evolsynth.llm.structured.pattern import pattern_rule
from evolsynth.llm.structured.schema import Malformed, Schema

TEXT = {"type": "string"}
NODE = {
    "$defs": {
        "my_node": {
            "type": "object",
            "properties": {
                "string": {"type": "integer", "minimum": 0},
                "next": {"anyOf": [{"$ref": "#/$defs/my_node"}, {"type": "null"}]},
            },
            "required": ["string"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/my_node",
}
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "tags": {"type": "array", "items": {"enum": ["new", "old"]}, "minItems": 1, "maxItems": 3},
        "note": {"type": ["string", "null"]},
    },
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}
#: Each with texts that its grammar must admit; of those it draws, all must be valid.
SCHEMAS: list[dict[str, Any]] = [
    PERSON,
    NODE,
    {},
    TEXT,
    {"type": "boolean"},
    {"type": "number", "minimum": 0},
    {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 7},
    {"type": "integer", "minimum": 1, "maximum": 999, "multipleOf": 3},
    {"type": "number", "maximum": -1} | {"type": "integer", "minimum": -5},
    {"const": {"a": ['"', "\\", "é\n", 1.5, None]}},
    {"enum": ["a", "ab", "abc", 1, None, True, {"x": []}, "a\\nb"]},
    {"type": "array", "prefixItems": [TEXT, {"type": "null"}], "items": False, "minItems": 2},
    {"type": "array", "prefixItems": [TEXT], "items": {"type": "boolean"}, "maxItems": 4},
    {"type": "array", "items": {"type": "array", "items": {"type": "boolean"}}},
    {"type": "array", "items": False},
    {"type": "object", "additionalProperties": False},
    {"type": "object", "required": ["x"], "additionalProperties": {"type": "null"}},
    {"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 2}]},
    {"oneOf": [{"type": "integer"}, TEXT]},
    {"allOf": [PERSON, {"properties": {"age": {"enum": [1, 2]}}}]},
    {"$ref": "#/$defs/x", "maxLength": 3, "$defs": {"x": TEXT}, "description": "Short."},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "uuid"},
    {"type": "string", "pattern": r"^[A-Z]{2}-\d{3,4}$"},
    {"type": "string", "pattern": r'^(?:"|\\|/|[^"\\\x00-\x1f])+$'},
    {"type": "string", "pattern": r"a.b|(?:c|[^d])"},
    {"type": "string", "pattern": r"x\.y"},
    {
        "type": "object",
        "properties": {'a"b\\c': TEXT, "é/~\n": TEXT, '" ::= x': TEXT, "🙂": {"type": "null"}},
    },
    {
        "type": "object",
        "properties": {"kind": {"enum": ["a", "b"]}, "more": {"$ref": "#/properties/kind"}},
        "required": ["more"],
    },
]


@contextmanager
def suppress_twice() -> Iterator[None]:
    """No grammar can keep a name of an open object from coming twice."""
    try:
        yield
    except Malformed as error:
        if "stands twice" not in str(error):
            raise


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda s: json.dumps(s)[:50])
def test_what_a_grammar_admits_is_valid(schema: dict[str, Any]) -> None:
    form: Schema[Any] = Schema(schema)
    grammar = Grammar.read(gbnf(form.text))
    drawn = [grammar.draw(seed) for seed in range(60)]
    for text in drawn:
        value = json.loads(text)
        jsonschema.Draft202012Validator(schema).validate(value)
        with suppress_twice():
            assert form.check(text).plain == value


def test_all_that_may_be_left_out_is_left_out_sometimes_and_stands_there_sometimes() -> None:
    schema = {
        "type": "object",
        "properties": {name: {"type": "null"} for name in "abcd"},
        "required": ["b"],
    }
    grammar = Grammar.read(gbnf(json.dumps(schema)))
    seen = {"".join(json.loads(grammar.draw(seed))) for seed in range(500)}
    assert seen == {"b", "ab", "bc", "bd", "abc", "abd", "bcd", "abcd"}


def test_a_value_is_admitted_as_python_writes_it(loaded_model: Model) -> None:
    value = {"name": 'O"Neil 🙂 \\', "age": 40, "tags": ["new", "old"], "note": "a\nb"}
    for text in (json.dumps(value, ensure_ascii=False), json.dumps(value, separators=(",", ":"))):
        if "\\u" not in text:
            assert admits(loaded_model, gbnf(json.dumps(PERSON)), text)
    assert not admits(loaded_model, gbnf(json.dumps(PERSON)), '{"name": "", "age": 4, "tags": []}')
    assert not admits(loaded_model, gbnf(json.dumps(PERSON)), '{"name": "a\nb"')


def admits(model: Model, grammar: str, text: str) -> bool:
    """Whether llama.cpp's grammar lets the text through, byte by byte, to an end."""
    rules = sampler.Grammar(model, grammar)
    try:
        for byte in text.encode():
            token = model.tokens_of[bytes([byte])][0]
            if not rules.allows(token):
                return False
            rules.accept(token)
        return any(rules.allows(token) for token in model.end_tokens)
    finally:
        rules.close()


# Any schema -----------------------------------------------------------------------------------

names = st.text(max_size=5).filter(lambda name: name < "\ud800" or name < "\ue000")
small = st.integers(0, 4)
scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | names


def bounded(kind: str, least: str, most: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda low, more: {"type": kind, least: low, most: low + more}, small, small)


leaves = st.one_of(
    st.sampled_from([{"type": kind} for kind in ("string", "integer", "number", "boolean")]),
    st.just({"type": "null"}),
    st.just({"type": ["string", "null"]}),
    st.lists(scalars, min_size=1, max_size=5).map(lambda values: {"enum": values}),
    scalars.map(lambda value: {"const": value}),
    bounded("string", "minLength", "maxLength"),
    bounded("integer", "minimum", "maximum"),
    st.just({"$ref": "#"}),
)


def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.dictionaries(names, inner, max_size=4).flatmap(
        lambda properties: st.lists(st.sampled_from([*properties, ""]), unique=True).map(
            lambda required: {
                "type": "object",
                "properties": properties,
                "required": [name for name in required if name in properties],
                "additionalProperties": False,
            }
        )
    )
    lists = st.builds(
        lambda one, bounds: {"items": one, **bounds},
        inner,
        bounded("array", "minItems", "maxItems") | st.just({"type": "array"}),
    )
    ways = st.lists(inner, min_size=1, max_size=3).map(lambda some: {"anyOf": some})
    return objects | lists | ways


@given(schema=st.recursive(leaves, larger, max_leaves=12), seed=st.integers(0, 9))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_schema_has_a_grammar_of_valid_values_or_a_reason(schema: Any, seed: int) -> None:
    try:
        grammar = Grammar.read(gbnf(json.dumps(schema)))
        text = grammar.draw(seed)
    except (InputError, TooDeep):
        reject()
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))


json_values = st.recursive(
    scalars | st.floats(), lambda some: st.lists(some) | st.dictionaries(names, some), max_leaves=10
)
NAMES = ["type", "properties", "required", "items", "prefixItems", "enum", "const", "anyOf"]
NAMES += ["$ref", "$defs", "minItems", "maxLength", "minimum", "maximum", "pattern", "format"]
NAMES += ["additionalProperties", "multipleOf", "allOf"]
keywords = st.sampled_from(NAMES)


@given(schema=st.dictionaries(keywords, json_values | keywords | st.lists(keywords)))
@settings(deadline=None)
def test_what_is_no_schema_is_an_error_of_the_input(schema: dict[str, Any]) -> None:
    with suppress(InputError):
        gbnf(json.dumps(schema))
    with suppress(InputError):
        Schema(schema)


# Hostile ones ---------------------------------------------------------------------------------


def nested(depth: int, make: Any) -> dict[str, Any]:
    schema: dict[str, Any] = dict(TEXT)
    for _ in range(depth):
        schema = make(schema)
    return schema


CHANCE = random.Random(1)
LARGE: list[tuple[Any, str]] = [
    ({"enum": [f"v{i}" for i in range(6000)]}, "enum of 6000"),
    ({"type": "object", "properties": {f"p{i}": TEXT for i in range(300)}}, "of 300 properties"),
    ({"anyOf": [{"const": f"{i}"} for i in range(300)]}, "300 alternatives"),
    ({"type": "array", "items": TEXT, "minItems": 10**9}, "counts to 2000"),
    ({"type": "string", "minLength": 10**9}, "counts to 2000"),
    (nested(150, lambda s: {"type": "array", "items": s}), "100 deep"),
    (nested(150, lambda s: {"anyOf": [s, {"type": "null"}]}), "100 deep"),
    (
        {
            "type": "object",
            "properties": {
                f"p{i}": {"enum": [f"{CHANCE.getrandbits(64):x}" for _ in range(500)]}
                for i in range(200)
            },
        },
        "too large",
    ),
    ({"$ref": "#"}, "only that it is itself"),
    ({"anyOf": [{"$ref": "#"}, TEXT]}, "only that it is itself"),
    ({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, "100 deep"),
    (
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        "itself",
    ),
    ({"type": "object", "properties": {"n": {"$ref": "#"}}, "required": ["n"]}, "ever ends"),
    ({"type": "array", "items": {"$ref": "#"}, "minItems": 1}, "ever ends"),
    ({"type": "array", "items": False, "minItems": 1}, "no value at all"),
    ({"not": {}, "enum": []}, "no value at all"),
    ({"$ref": "https://example.com/schema.json"}, "no schema in it"),
    ({"$ref": "file:///etc/passwd"}, "no schema in it"),
    ({"$ref": "#/$defs/none"}, "no schema in it"),
    ({"properties": {"a": {"$id": "http://a/b", "$ref": "#/c"}}}, "has '.id'"),
    ({"patternProperties": {"(a+)+$": TEXT}}, "patternProperties"),
    ({"type": "string", "enum": ["\ud800"]}, "Half a character"),
]


@pytest.mark.parametrize(("schema", "told"), LARGE, ids=range(len(LARGE)))
def test_a_schema_that_no_grammar_can_be_is_refused_at_once(schema: Any, told: str) -> None:
    began = time.perf_counter()
    with pytest.raises(InputError, match=told):
        gbnf(json.dumps(schema))
    assert time.perf_counter() - began < 1.5


def test_a_value_of_any_depth_does_not_end_the_process() -> None:
    deep = '{"items":' * 5000 + "{}" + "}" * 5000
    with pytest.raises(InputError, match="nested"):
        gbnf(deep)
    with pytest.raises(InputError, match="nested"):
        Schema(deep)


GOOD_FOR_LLAMA: list[Any] = [
    *SCHEMAS,
    {"enum": [f"v{i}" for i in range(5000)]},
    {"enum": ["a" * i for i in range(400)]},
    {"type": "object", "properties": {f"p{i}": TEXT for i in range(256)}},
    {"type": "array", "items": {"type": "array", "items": TEXT, "minItems": 2000}, "maxItems": 900},
    {"type": "string", "maxLength": 2000},
    {"type": "string", "pattern": "^([a-z]{1,10} ){1,90}$"},
    {"type": "string", "pattern": "(a?){1000}"},
    {"type": "string", "pattern": "^(a+)+$"},
    {"type": "string", "pattern": "((((a{9}){9}){9}){9}){9}"},
    nested(90, lambda s: {"type": "array", "items": s}),
]


@pytest.mark.parametrize("schema", GOOD_FOR_LLAMA, ids=lambda s: json.dumps(s)[:50])
def test_llama_cpp_takes_every_grammar_and_is_not_held_up(loaded_model: Model, schema: Any) -> None:
    began = time.perf_counter()
    grammar = sampler.Grammar(loaded_model, gbnf(json.dumps(schema)))
    try:
        assert len(grammar.allowed(np.arange(loaded_model.vocabulary_size)))
    finally:
        grammar.close()
    assert time.perf_counter() - began < 1.5


@pytest.mark.parametrize("schema", [SCHEMAS[0], {}], ids=["person", "anything"])
def test_what_begins_with_a_possible_byte_has_all_that_is_allowed(
    loaded_model: Model, schema: Any
) -> None:
    grammar = sampler.Grammar(loaded_model, gbnf(json.dumps(schema)))
    everything, chance = np.arange(loaded_model.vocabulary_size), random.Random(3)
    fewer = 0
    try:
        for _ in range(15):
            allowed, possible = grammar.allowed(everything), grammar.possible(everything)
            assert grammar.allowed(possible).tolist() == allowed.tolist()
            fewer += len(possible) < len(everything)
            grammar.accept(
                chance.choice([t for t in allowed.tolist() if t not in loaded_model.end_tokens])
            )
            if not set(grammar.allowed(everything).tolist()) - loaded_model.end_tokens:
                break
    finally:
        grammar.close()
    assert fewer


# Patterns -------------------------------------------------------------------------------------


HARD = [r"(?=a)b", r"(a)\1", r"\bword", r"a**", "(", "[z-a]", "a{3,2}", "(?i)a", "[]", "^a|b$"]
HARD += ["a|^b", "a" * 600, "(a*)*", r"\p{L}", r"[\d-z]", "a$b", "(" * 30 + ")" * 30]


@pytest.mark.parametrize("pattern", HARD)
def test_a_pattern_that_is_not_plain_is_left_to_the_check(pattern: str) -> None:
    assert pattern_rule(pattern) is None
    assert gbnf(json.dumps({"type": "string", "pattern": pattern}))


def test_a_checked_value_may_still_be_refused_for_what_a_grammar_cannot_see() -> None:
    form: Schema[Any] = Schema({"type": "array", "items": TEXT, "uniqueItems": True})
    with pytest.raises(Malformed, match="non-unique"):
        form.check('["a", "a"]')
