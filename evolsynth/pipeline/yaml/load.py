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
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import yaml

from evolsynth.atomic import at_home, is_there
from evolsynth.errors import InputError, did_you_mean
from evolsynth.evaluation.embed.base import embedders
from evolsynth.llm.backends import backend_options, scheme_of
from evolsynth.options import converted, holds_path
from evolsynth.pipeline.graph import Branches, Chainable, Part, Pipeline, Step
from evolsynth.pipeline.makers import RESERVED, StepMaker
from evolsynth.pipeline.steer import Steer, steer_of
from evolsynth.pipeline.steps import STEPS, maker_of
from evolsynth.pipeline.yaml.scripts import Scripts, pipeline_in, step_maker_in
from evolsynth.pipeline.yaml.write import write_yaml
from evolsynth.pipeline.yaml.yaml_lines import Document, parse_value

__all__ = ["BRANCHES", "load_pipeline", "read_pipeline", "set_parameters", "write_yaml"]

_YAML = (".yaml", ".yml", ".json")
BRANCHES = "branches"


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
        if not colon and Path(spec).suffix not in _YAML and not is_there(spec):
            raise InputError(
                f"{spec}: no such file. Give a YAML file, script.py:NAME or package.module:NAME."
            )
        return read_pipeline(spec)
    if not colon:
        place, name = spec, ""
    thing = Scripts(Path()).get(f"{place}:{name}", Pipeline, "pipelines")
    path = at_home(place).resolve() if place.endswith(".py") else None
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
    return _File(text, place, str(path)).pipeline()


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
    made = maker_of(step)(**{**step.parameters, **changes})
    common = {"model" if name == "llm" else name for name in changes if name in RESERVED}
    told = {name: getattr(made, name) for name in common}
    return dataclasses.replace(step, parameters=made.parameters, **told)


def _rebuilt(parts: Sequence[Part], steps: Iterator[Step]) -> tuple[Part, ...]:
    """The same shape with these steps, in order."""
    return tuple(
        Branches(tuple(way.using(parts=_rebuilt(way.parts, steps)) for way in part.ways))
        if isinstance(part, Branches)
        else next(steps)
        for part in parts
    )


class _File:
    """One file, read step by step with the line of everything that is wrong."""

    def __init__(self, text: str, path: Path, name: str) -> None:
        self.document, self.path = Document(text, name), path
        self.folder = path.parent
        self.scripts = Scripts(self.folder)
        self._steps: list[tuple[Step, yaml.Node]] = []

    def pipeline(self) -> Pipeline:
        """What it says."""
        document = self.document
        settings: dict[str, Any] = {"name": self.path.stem}
        readers: dict[str, Callable[[yaml.Node], Any]] = {
            "name": self._name,
            "seed": lambda node: self._converted(node, "seed", int),
            "steer": lambda node: steer_of(self._converted(node, "steer", bool | Steer | None)),
            "embedder": self._embedder,
            "models": self._models,
            "outputs": self._outputs,
            "steps": lambda node: self._chain(node, "steps"),
        }
        for field, key, node in document.items(
            document.root, "", "a pipeline is a mapping that has `steps:`"
        ):
            if field in readers:
                settings[field] = readers[field](node)
            elif not field.startswith("x-"):  # a place for anchors
                raise document.wrong(
                    key, field, f"a pipeline has no such field. {did_you_mean(field, readers)}"
                )
        parts = settings.pop("steps", None)
        if parts is None:
            raise document.wrong(None, "steps", "they are missing. Write `steps:` and a list.")
        pipeline = Pipeline(parts, **settings)
        try:
            pipeline.nodes()
        except InputError as error:
            raise document.wrong(self._meant(str(error)), "", str(error)) from None
        return pipeline

    def _meant(self, told: str) -> yaml.Node | None:
        """Where the step stands that a sentence about the whole pipeline names first."""
        name = re.search(r"'([^']*)'", told)
        places: dict[str, yaml.Node] = {}
        for step, node in self._steps:
            numbered = (f"{step.kind}_{n}" if n > 1 else step.kind for n in count(1))
            free = next(one for one in numbered if one not in places)
            places[step.name or free] = node
        return places.get(name[1]) if name is not None else None

    def _name(self, node: yaml.Node) -> str:
        name: str = self._converted(node, "name", str)
        if not name.strip() or name.startswith(".") or set(name) & set("/\\:\0\n"):
            raise self.document.wrong(
                node, "name", f"{name!r} cannot name a folder. Use letters, digits and dashes."
            )
        return name

    def _embedder(self, node: yaml.Node) -> str | None:
        value = self.document.value(node)
        if value is None or value == "none":
            return None
        if value not in embedders:
            raise self.document.wrong(
                node,
                "embedder",
                f"{value!r} is unknown. Write {', '.join(embedders)}, or none to do without.",
            )
        return str(value)

    def _models(self, node: yaml.Node) -> Mapping[str, Any]:
        document = self.document
        models: dict[str, Any] = {}
        for name, _, inner in document.items(
            node, "models", "they are a mapping from names to models"
        ):
            field = f"models.{name}"
            value = document.value(inner)
            if isinstance(value, str):
                models[name] = self._beside(value)
                continue
            given: dict[str, Any] = {}
            entries = document.items(
                inner, field, "a model is a text as for --model, or a mapping of options"
            )
            with document.at(inner, f"{field}.model"):
                scheme, _ = scheme_of(str(value.get("model", "")))
            kinds = {"model": str} | {n: o.kind for n, o in backend_options(scheme).items()}
            for option, key, at in entries:
                if option not in kinds:
                    raise document.wrong(
                        key, f"{field}.{option}", f"no such option. {did_you_mean(option, kinds)}"
                    )
                given[option] = self._converted(at, f"{field}.{option}", kinds[option])
            if isinstance(given.get("model"), str):
                given["model"] = self._beside(given["model"])
            models[name] = given
        return models

    def _outputs(self, node: yaml.Node) -> list[Any]:
        from evolsynth.export.export import Output, outputs_of  # few pipelines have some

        made: list[Any] = []
        for entry in self.document.entries(node, "outputs", "a list of outputs was expected"):
            output: Output = self._converted(entry, f"outputs[{len(made) + 1}]", Output)
            if output.decontaminate is not None:
                place = str(self.folder / output.decontaminate)
                output = msgspec.structs.replace(output, decontaminate=place)
            with self.document.at(entry, "outputs"):
                made = list(outputs_of([*made, output]))
        return made

    def _beside(self, model: str) -> str:
        """A model's file beside this one by its path; other names as they are."""
        path = self.folder / model
        return str(path) if model.endswith(".gguf") and path.is_file() else model

    def _chain(self, node: yaml.Node, field: str) -> tuple[Part, ...]:
        entries = self.document.entries(node, field, "a list of steps was expected")
        parts: list[Part] = []
        for number, entry in enumerate(entries, 1):
            parts += self._part(entry, f"{field}[{number}]").as_parts()
        return tuple(parts)

    def _part(self, node: yaml.Node, field: str) -> Chainable:
        """A step or branches, as something that can be chained."""
        document = self.document
        if isinstance(node, yaml.ScalarNode):
            name = document.value(node)
            if not isinstance(name, str):
                raise document.wrong(node, field, "an empty step. Name one, or take it out.")
            if name == BRANCHES:
                raise document.wrong(node, name, "there are none. Write a list of them below it.")
            return self._step(name, node, None)
        items = document.items(
            node, field, "a step is its name, or a mapping of its name to its options"
        )
        if len(items) != 1:
            raise document.wrong(node, field, self._several([(n, v) for n, _, v in items]))
        name, key, value = items[0]
        if name == BRANCHES:
            return Pipeline((self._branches(value),))
        return self._step(name, key, value)

    def _several(self, items: Sequence[tuple[str, yaml.Node]]) -> str:
        if not items:
            return "an empty step. Name one, or take it out."
        name, value = items[0]
        if self.document.value(value) is None:
            return (
                f"'{items[1][0]}' stands beside '{name}'. If it is an option of {name}, indent it "
                "more; if it is a step, begin its line with a dash."
            )
        names = ", ".join(name for name, _ in items)
        return f"one entry has several names: {names}. Begin each step's line with a dash."

    def _branches(self, node: yaml.Node) -> Branches:
        field = BRANCHES
        ways: list[Pipeline] = []
        for entry in self.document.entries(node, field, "a list of branches was expected"):
            if isinstance(entry, yaml.SequenceNode):
                parts = self._chain(entry, field)
            else:
                parts = self._part(entry, field).as_parts()
            if not parts:
                raise self.document.wrong(entry, field, "one is empty. Give it a step.")
            ways.append(Pipeline(parts))
        if not ways:
            raise self.document.wrong(node, field, "there are none. Give some, or take it out.")
        return Branches(tuple(ways))

    def _step(self, name: str, at: yaml.Node, options: yaml.Node | None) -> Step:
        document = self.document
        maker = self._maker(name, at)
        given: dict[str, Any] = {}
        if options is not None and document.value(options) is not None:
            for option, key, node in document.items(
                options, name, f"options go into a mapping, as in `{_example(name, maker)}`"
            ):
                with document.at(key, f"{name}.{option}"):
                    value = converted(document.value(node), maker.option(option).kind)
                given[option] = self._placed(maker, option, value)
        left = maker.missing(given)
        if left:
            raise document.wrong(
                at, name, f"the option '{left[0]}' is missing. Write `{_example(name, maker)}`."
            )
        with document.at(at, name):
            step = maker(**given)
        self._steps.append((step, at))
        return step

    def _maker(self, name: str, at: yaml.Node) -> StepMaker:
        if name in STEPS:
            return STEPS[name]
        if name == "screen":
            raise self.document.wrong(
                at,
                name,
                "it is no longer needed, since a run looks at instructions before anything is "
                "spent on them, where a gate stands at the end. Take it out.",
            )
        if ":" not in name:
            raise self.document.wrong(
                at,
                name,
                f"no such step. {did_you_mean(name, [*STEPS, BRANCHES])} One of your own is "
                "script.py:NAME.",
            )
        with self.document.at(at, name):
            return step_maker_in(self.scripts.get(name, StepMaker, "steps"), name)

    def _placed(self, maker: StepMaker, option: str, value: Any) -> Any:
        """Paths begin at this file's folder."""
        own = maker is STEPS["load"] and option == "data"
        if not (own or holds_path(maker.option(option).kind)):
            return value
        if isinstance(value, list) and maker is STEPS["texts"]:
            return [self._placed(maker, option, one) for one in value]
        if not isinstance(value, str) or value == "-" or "://" in value:
            return value
        return str(self.folder / at_home(value))

    def _converted(self, node: yaml.Node, field: str, kind: Any) -> Any:
        with self.document.at(node, field):
            return converted(self.document.value(node), kind)


def _example(name: str, maker: StepMaker) -> str:
    options = maker.missing() or list(maker.options)[:1] or ["name"]
    return f"{name}: {{{', '.join(f'{option}: ...' for option in options)}}}"
