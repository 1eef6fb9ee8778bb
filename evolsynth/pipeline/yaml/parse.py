"""A pipeline's YAML file, read step by step with the line of everything that is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from evolsynth.errors import EvolsynthError, InputError, did_you_mean
from evolsynth.evaluation.embed.base import embedders
from evolsynth.llm.backends import backend_options, scheme_of
from evolsynth.options import converted, holds_path
from evolsynth.pipeline.graph import Branches, Chainable, Part, Pipeline, Step
from evolsynth.pipeline.makers import StepMaker
from evolsynth.pipeline.steps import STEPS
from evolsynth.pipeline.yaml.scripts import Scripts, step_maker_in
from evolsynth.pipeline.yaml.yaml_lines import Document

__all__ = ["BRANCHES", "PipelineFile", "model_options"]

BRANCHES = "branches"
_SETTINGS = ("name", "seed", "embedder", "models", "steps")


class PipelineFile:
    """One file, being read.

    Raises:
        InputError: it is no YAML, or none that can be taken.
    """

    def __init__(self, text: str, path: Path, name: str) -> None:
        self.document, self.path = Document(text, name), path
        self.folder = path.parent
        self.scripts = Scripts(self.folder)
        self._steps: list[tuple[Step, yaml.Node]] = []

    def pipeline(self) -> Pipeline:
        """What it says.

        Raises:
            InputError: something in it is wrong, with its line.
        """
        document = self.document
        known = dict.fromkeys(_SETTINGS)
        settings: dict[str, Any] = {"name": self.path.stem}
        parts: tuple[Part, ...] | None = None
        readers = {
            "name": self._name,
            "seed": self._seed,
            "embedder": self._embedder,
            "models": self._models,
        }
        for field, key, node in document.items(
            document.root, "", "a pipeline is a mapping that has `steps:`"
        ):
            if field.startswith("x-"):  # a place for anchors
                continue
            if field not in known:
                raise document.wrong(
                    key, field, f"a pipeline has no such field. {did_you_mean(field, known)}"
                )
            if field == "steps":
                parts = self._chain(node, "steps")
            else:
                settings[field] = readers[field](node)
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

    def _seed(self, node: yaml.Node) -> int:
        seed: int = self._converted(node, "seed", int)
        return seed

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
            kinds = self._model_options(value, inner, field)
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

    def _model_options(self, value: Any, at: yaml.Node, field: str) -> dict[str, Any]:
        """The options of the back end that a mapping's ``model`` names."""
        model = value.get("model", "") if isinstance(value, Mapping) else ""
        try:
            return model_options(scheme_of(str(model))[0])
        except InputError as error:
            raise self.document.wrong(at, f"{field}.model", str(error)) from None

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
                try:
                    kind = maker.option(option).kind
                    value = converted(document.value(node), kind)
                except InputError as error:
                    raise document.wrong(key, f"{name}.{option}", str(error)) from None
                given[option] = self._placed(maker, option, value)
        left = maker.missing(given)
        if left:
            raise document.wrong(
                at, name, f"the option '{left[0]}' is missing. Write `{_example(name, maker)}`."
            )
        try:
            step = maker(**given)
        except InputError as error:
            raise document.wrong(at, name, str(error)) from None
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
        try:
            return step_maker_in(self.scripts.get(name, StepMaker, "steps"), name)
        except EvolsynthError as error:
            raise self.document.wrong(at, name, str(error)) from None

    def _placed(self, maker: StepMaker, option: str, value: Any) -> Any:
        """Paths begin at this file's folder."""
        own = maker is STEPS["load"] and option == "data"
        if not (own or holds_path(maker.option(option).kind)) or not isinstance(value, str):
            return value
        if value == "-" or "://" in value:
            return value
        return str(self.folder / Path(value).expanduser())

    def _converted(self, node: yaml.Node, field: str, kind: Any) -> Any:
        try:
            return converted(self.document.value(node), kind)
        except InputError as error:
            raise self.document.wrong(node, field, str(error)) from None


def _example(name: str, maker: StepMaker) -> str:
    options = maker.missing() or list(maker.options)[:1] or ["name"]
    return f"{name}: {{{', '.join(f'{option}: ...' for option in options)}}}"


def model_options(scheme: str) -> dict[str, Any]:
    """The options of a back end that YAML can give, with their types."""
    return {"model": str} | {name: o.kind for name, o in backend_options(scheme).items()}
