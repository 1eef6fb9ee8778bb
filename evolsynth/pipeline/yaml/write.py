"""Pipelines written down as YAML."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from evolsynth.errors import InputError
from evolsynth.pipeline.graph import Branches, Part, Pipeline, Step
from evolsynth.pipeline.makers import RESERVED, StepMaker
from evolsynth.pipeline.steps import is_ours
from evolsynth.pipeline.yaml.yaml_lines import RESOLVERS

__all__ = ["write_yaml"]

_LEVELS = 100
_ENDS = re.compile("[\r\x85\u2028\u2029\ufeff]")


class _Dumper(yaml.SafeDumper):
    """Quotes all that either YAML 1.1 or 1.2 would not read as the text that it is."""

    def ignore_aliases(self, data: Any) -> bool:
        """Each value in full, where it stands."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Several lines as a block; what YAML takes for the end of a line and is none, escaped."""
    style = '"' if _ENDS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
for _tag, _pattern, _first in RESOLVERS:
    _Dumper.add_implicit_resolver(_tag, _pattern, _first)


def write_yaml(pipeline: Pipeline) -> str:
    """The pipeline as a file that `read_pipeline` makes the same pipeline of.

    Relative paths stand as they are, so the file belongs into the current folder.

    Raises:
        InputError: a step, an option's value or a model has no form in YAML.
    """
    data: dict[str, Any] = {"name": pipeline.name, "seed": pipeline.seed}
    if not isinstance(pipeline.embedder, str | None):
        raise InputError(
            "The pipeline's embedder is an object, which YAML cannot name. Write "
            'using(embedder="minilm"), or give it to run().'
        )
    if pipeline.steer:
        data["steer"] = _plain(pipeline.steer, "steer") or True
    if pipeline.embedder != "minilm":
        data["embedder"] = pipeline.embedder or "none"
    if pipeline.models:
        data["models"] = {
            name: _plain(model, f"models['{name}']") for name, model in pipeline.models.items()
        }
    pipeline.nodes()
    data["steps"] = _chain(pipeline.parts)
    if pipeline.outputs:
        data["outputs"] = [_output(one) for one in pipeline.outputs]
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=90)


def _output(given: Any) -> dict[str, Any]:
    """An output without what it has by default."""
    told: dict[str, Any] = dict(msgspec.to_builtins(given))
    from evolsynth.export.export import Output

    plain = dict(msgspec.to_builtins(Output(output="")))
    return {name: value for name, value in told.items() if plain.get(name) != value}


def _chain(parts: Sequence[Part]) -> list[Any]:
    return [
        {"branches": [_way(way) for way in part.ways]}
        if isinstance(part, Branches)
        else _step(part)
        for part in parts
    ]


def _way(way: Pipeline) -> Any:
    steps = _chain(way.parts)
    return steps[0] if len(steps) == 1 else steps


def _step(step: Step) -> Any:
    kind = _name(step)
    options = {name: _plain(v, f"{step.kind}: {name}") for name, v in step.parameters.items()}
    if step.model is not None and not isinstance(step.model, str):
        raise InputError(
            f"{step.kind}: its model is an object, which YAML cannot name. Name it: "
            "respond(model='big'), and Pipeline.using(models={'big': ...})."
        )
    for name in RESERVED:
        value = getattr(step, name, None)  # llm is another name of model
        if value is not None and value != {}:
            options[name] = _plain(value, f"{step.kind}: {name}")
    return {kind: options} if options else kind


def _name(step: Step) -> str:
    """The step's name in YAML: one of ours, or ``X:NAME``."""
    if is_ours(step):
        return step.kind
    module = sys.modules.get(step.function.__module__)
    found = [
        name
        for name, value in (vars(module) if module is not None else {}).items()
        if isinstance(value, StepMaker) and value.function is step.function
    ]
    if module is None or not found or module.__name__ == "__main__":
        raise InputError(
            f"The step '{step.kind}' has no name that YAML can call it by. Write its function with "
            "@step at the top level of a Python file other than the one that is run."
        )
    if not module.__name__.startswith("_evolsynth_"):
        return f"{module.__name__}:{found[0]}"
    path = Path(module.__file__ or "")
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{found[0]}"


def _plain(value: Any, where: str, levels: int = _LEVELS) -> Any:
    """A value of those that YAML has."""
    if value is None or isinstance(value, bool | int | float | str):
        if type(value) in (bool, int, float, str) or value is None:
            return value
    elif isinstance(value, Path):
        return str(value)
    elif not levels:
        raise InputError(f"{where} is nested too deeply for YAML, or contains itself.")
    elif isinstance(value, msgspec.Struct):
        usual = {f.name: f.default for f in msgspec.structs.fields(value)}
        told = {name: getattr(value, name) for name in value.__struct_fields__}
        told = {name: v for name, v in told.items() if v != usual[name]}
        return {name: _plain(v, where, levels - 1) for name, v in told.items()}
    elif isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: _plain(inner, where, levels - 1) for name, inner in value.items()}
    elif isinstance(value, list | tuple):
        return [_plain(inner, where, levels - 1) for inner in value]
    raise InputError(
        f"{where} is {type(value).__name__} and has no form in YAML. Keep the pipeline in Python, "
        "or give a text, a number, a list or a mapping."
    )
