"""Pipelines as YAML files, and pipelines in Python files by their names.

A file says what a chain of ``>>`` says::

    # yaml-language-server: $schema=pipeline.schema.json
    name: chapter
    seed: 7
    steps:
      - load: {data: seeds.jsonl}
      - evolve: {rounds: 3}
      - branches:
          - respond
          - respond: {model: big, name: big_answers}
      - merge
      - script.py:count_words: {least: 3}
      - gate

Paths of data and scripts begin at the file's own folder. Fields that begin with ``x-`` are the
user's own, for anchors.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evolsynth.errors import InputError, did_you_mean
from evolsynth.options import converted
from evolsynth.pipeline.graph import Branches, Part, Pipeline, Step
from evolsynth.pipeline.makers import RESERVED
from evolsynth.pipeline.steps import maker_of
from evolsynth.pipeline.yaml.parse import PipelineFile
from evolsynth.pipeline.yaml.scripts import Scripts, pipeline_in
from evolsynth.pipeline.yaml.write import write_yaml
from evolsynth.pipeline.yaml.yaml_lines import parse_value

__all__ = ["load_pipeline", "read_pipeline", "set_parameters", "write_yaml"]

_YAML = (".yaml", ".yml", ".json")


def load_pipeline(spec: str) -> Pipeline:
    """A pipeline by what a user calls it.

    Args:
        spec: ``pipeline.yaml``, ``script.py:NAME`` or ``package.module:NAME``, where the name is
            that of a pipeline, a step, or a function without arguments that returns one.

    Raises:
        InputError: there is no such file or name, the file is wrong, or the code in it raises.
    """
    place, colon, name = spec.rpartition(":")
    if Path(spec).suffix in _YAML or (not colon and Path(spec).suffix != ".py"):
        if not colon and Path(spec).suffix not in _YAML and not Path(spec).exists():
            raise InputError(
                f"{spec}: no such file. Give a YAML file, script.py:NAME or package.module:NAME."
            )
        return read_pipeline(spec)
    if not colon:
        place, name = spec, ""
    thing = Scripts(Path()).get(f"{place}:{name}", Pipeline, "pipelines")
    path = Path(place).expanduser().resolve() if place.endswith(".py") else None
    pipeline = pipeline_in(thing, spec, path)
    if pipeline.name == Pipeline().name:  # else two scripts would run into one folder
        stem = Path(place).stem if path is not None else place.rpartition(".")[2]
        plain = name in ("pipe", "pipeline", "make", "main")
        pipeline = pipeline.using(name=stem if plain else f"{stem}-{name}")
    return pipeline


def read_pipeline(path: str | Path) -> Pipeline:
    """The pipeline of a YAML file.

    Raises:
        InputError: the file cannot be read or is wrong; with the line, the field and what to do.
    """
    place = Path(path)
    try:
        text = place.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file. Give the path of a YAML file.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text. Save the file as UTF-8.") from None
    return PipelineFile(text, place, str(path)).pipeline()


def set_parameters(pipeline: Pipeline, parameters: Sequence[str]) -> Pipeline:
    """The pipeline with other values for options of its steps.

    Args:
        parameters: each ``STEP.OPTION=VALUE``; the step's name in this pipeline, the value as it
            would stand in YAML.

    Raises:
        InputError: there is no such step or option, or the value is none that it can take.
    """
    changes: dict[str, dict[str, Any]] = {}
    steps = {node.name: node.step for node in pipeline.nodes()}
    for told in parameters:
        key, equals, text = told.partition("=")
        name, dot, option = key.strip().rpartition(".")
        if not equals or not dot:
            raise InputError(f"--param {told}: write STEP.OPTION=VALUE, as respond.max_tokens=200.")
        if name not in steps:
            raise InputError(f"--param {told}: no step '{name}'. {did_you_mean(name, steps)}")
        try:
            kind = maker_of(steps[name]).option(option).kind
            value = _given(text, kind, key.strip())
        except InputError as error:
            raise InputError(f"--param {told}: {error}") from None
        changes.setdefault(name, {})[option] = value
    made = iter([_changed(step, changes.get(name, {})) for name, step in steps.items()])
    result = pipeline.using(parts=_rebuilt(pipeline.parts, made))
    result.nodes()  # a step may have been given another's name
    return result


def _given(text: str, kind: Any, field: str) -> Any:
    """The value; where a text can stand, what YAML takes for something else is that text."""
    try:
        return converted(parse_value(text, f"the value of {field}"), kind)
    except InputError:
        if str not in (kind, *typing.get_args(kind)):
            raise
        return text


def _changed(step: Step, changes: Mapping[str, Any]) -> Step:
    if not changes:
        return step
    common = {name: value for name, value in changes.items() if name in RESERVED}
    if "llm" in common:
        common["model"] = common.pop("llm")
    own = {name: value for name, value in changes.items() if name not in RESERVED}
    checked = maker_of(step)(**{**step.parameters, **own}, **common)
    return dataclasses.replace(
        step,
        parameters=checked.parameters,
        **{name: getattr(checked, name) for name in common},
    )


def _rebuilt(parts: Sequence[Part], steps: Iterator[Step]) -> tuple[Part, ...]:
    """The same shape with these steps, in order."""
    return tuple(
        Branches(tuple(way.using(parts=_rebuilt(way.parts, steps)) for way in part.ways))
        if isinstance(part, Branches)
        else next(steps)
        for part in parts
    )
