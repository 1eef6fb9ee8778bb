"""The JSON schema of pipeline files, made of the steps themselves, for editors and other checkers.

An editor with a YAML language server completes and checks a file that begins with::

    # yaml-language-server: $schema=pipeline.schema.json

``evolsynth schema -o pipeline.schema.json`` writes the schema of the version that is installed.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from evolsynth.evaluation.embed.base import embedders
from evolsynth.evaluation.gate.settings import thresholds
from evolsynth.export.export import Output
from evolsynth.export.format import EXPORTS
from evolsynth.llm.backends import BACKENDS, DEFAULT_SCHEME, backend_options
from evolsynth.options import Option, option_texts
from evolsynth.pipeline.makers import COMMON, StepMaker
from evolsynth.pipeline.steer import Steer
from evolsynth.pipeline.steps import STEPS
from evolsynth.pipeline.yaml.load import BRANCHES
from evolsynth.registry import summary

__all__ = ["pipeline_schema"]

_OWN = r"^[^:]+:[A-Za-z_][A-Za-z0-9_]*$"
_REF = "#/$defs/{name}"


def pipeline_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of a pipeline file: all steps, their options, types and defaults."""
    types = _Types()
    steps = {kind: _step(maker, types) for kind, maker in STEPS.items()}
    common = {f"option_{name}": _option(option, types) for name, option in COMMON.items()}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "evolsynth pipeline",
        "description": "Steps that make, change and judge rows, in the order in which rows pass.",
        "type": "object",
        "properties": _settings(types),
        "patternProperties": {"^x-": {"description": "A place for anchors."}},
        "required": ["steps"],
        "additionalProperties": False,
        "$defs": {
            "step": _any_step(steps),
            BRANCHES: {
                "description": "Branches side by side, each of which gets every row; a join "
                "(merge, group) must follow. A branch is a list of steps, or one step.",
                "type": "array",
                "minItems": 1,
                "items": {
                    "anyOf": [
                        {"$ref": "#/$defs/step"},
                        {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}},
                    ]
                },
            },
            **common,
            **types.definitions(),
        },
    }
    whole: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(schema))  # no tuples
    return whole


class _Types:
    """Schemas of types; those of structs are written once."""

    def __init__(self) -> None:
        self._structs: dict[str, Any] = {}

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of a type; anything for one that JSON has not."""
        if kind is Any:
            return {}
        try:
            (schema,), structs = msgspec.json.schema_components([kind], ref_template=_REF)
        except TypeError:
            return {}
        self._structs.update(structs)
        return schema

    def definitions(self) -> dict[str, Any]:
        """Those of structs; a field that they do not have is an error."""
        for name, schema in self._structs.items():
            if schema.get("type") == "object":
                schema["additionalProperties"] = False
            if "description" in schema:
                schema["description"] = summary(schema["description"])
            if name == "GateSettings":
                for one in thresholds():
                    schema["properties"][one.name] |= one.schema()
        return dict(sorted(self._structs.items()))


def _settings(types: _Types) -> dict[str, Any]:
    return {
        "name": {
            "description": "The run's folder is runs/NAME; by default as this file.",
            "type": "string",
            "pattern": r"^[^./\\:][^/\\:]*$",
        },
        "seed": {
            "description": "The same seed gives the same rows.",
            "type": "integer",
            "default": 7,
        },
        "steer": {
            **types.of(bool | Steer | None),
            "description": "Look now and then at what is thin among the rows that came out, and "
            "ask for that next; every: about how many rows from look to look.",
            "default": False,
        },
        "embedder": {
            "description": "What compares texts where a step asks for it; none: do without.",
            "enum": [*embedders, "none", None],
            "default": "minilm",
        },
        "models": {
            "description": "Models by the names that steps use; `default` is that of all others, "
            "`answerer` of those that answer, `judge` of those that judge.",
            "type": "object",
            "additionalProperties": {
                "anyOf": [
                    {"description": "As for --model.", "type": "string"},
                    *(_model(schemes, types) for schemes in _alike()),
                ]
            },
        },
        "outputs": {
            "description": "Files for trainers, which the run writes at its end. A relative path "
            "begins in the run's folder.",
            "type": "array",
            "items": _output(types),
        },
        "steps": {
            "description": "The steps. The first, and the first of each branch of sources, makes "
            "rows: load, magpie, generate_rows, bootstrap_tasks.",
            "type": "array",
            "minItems": 1,
            "items": {"$ref": "#/$defs/step"},
        },
    }


def _output(types: _Types) -> dict[str, Any]:
    texts = option_texts(inspect.getdoc(Output) or "")
    properties = {
        field.name: _with(types.of(field.type), texts.get(field.name))
        for field in msgspec.structs.fields(Output)
    }
    properties["format"]["examples"] = list(EXPORTS)
    return {
        "type": "object",
        "properties": properties,
        "required": ["output"],
        "additionalProperties": False,
    }


def _alike() -> list[list[str]]:
    """The back ends, those with the same options together: a server's have several names."""
    found: list[list[str]] = []
    for scheme in BACKENDS:
        options = backend_options(scheme)
        same = (schemes for schemes in found if backend_options(schemes[0]) == options)
        group = next(same, None) if options and scheme != DEFAULT_SCHEME else None
        if group is None:
            found.append([scheme])
        else:
            group.append(scheme)
    return found


def _model(schemes: Sequence[str], types: _Types) -> dict[str, Any]:
    """A model of a back end as a mapping: the scheme is in its ``model``, or it is the default."""
    scheme = schemes[0]
    if scheme == DEFAULT_SCHEME:
        others = "|".join(re.escape(name) for name in BACKENDS if name != DEFAULT_SCHEME)
        text = "A path, a name of the catalogue, or owner/repository/file.gguf in the hub's cache."
        model = {"description": text, "type": "string", "pattern": f"^(?!({others}):)"}
    else:
        text = f"{' or '.join(f'{name}:' for name in schemes)} and what its back end is told."
        any_of = "|".join(map(re.escape, schemes))
        pattern = f"^{any_of}:" if len(schemes) == 1 else f"^({any_of}):"
        model = {"description": text, "type": "string", "pattern": pattern}
    options = {"model": model}
    for name, option in backend_options(scheme).items():
        options[name] = _with(types.of(option.kind), option.text)
    schema = {"type": "object", "properties": options, "additionalProperties": False}
    return schema if scheme == DEFAULT_SCHEME else {**schema, "required": ["model"]}


def _any_step(steps: Mapping[str, Any]) -> dict[str, Any]:
    plain = [kind for kind, maker in STEPS.items() if not maker.missing()]
    own = "A step of your own: script.py:NAME, or package.module:NAME."
    return {
        "description": "A step's name, or its name with its options.",
        "anyOf": [
            {"enum": plain},
            {"description": own, "type": "string", "pattern": _OWN},
            {
                "type": "object",
                "properties": {BRANCHES: {"$ref": f"#/$defs/{BRANCHES}"}, **steps},
                "patternProperties": {_OWN: {"description": own, "type": ["object", "null"]}},
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ],
    }


def _step(maker: StepMaker, types: _Types) -> dict[str, Any]:
    needed = maker.missing()
    return {
        "description": summary(maker.about),
        "type": "object" if needed else ["object", "null"],
        "properties": {
            **{name: _option(option, types) for name, option in maker.options.items()},
            **{name: {"$ref": f"#/$defs/option_{name}"} for name in COMMON},
        },
        **({"required": needed} if needed else {}),
        "additionalProperties": False,
    }


def _option(option: Option, types: _Types) -> dict[str, Any]:
    schema = _with(types.of(option.kind), option.text)
    schema.pop("path", None)
    if not option.required and option.default is not None:
        schema["default"] = msgspec.to_builtins(option.default)
    return schema


def _with(schema: dict[str, Any], text: str | None) -> dict[str, Any]:
    return {"description": text, **schema} if text else dict(schema)
