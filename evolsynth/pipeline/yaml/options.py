"""The options of steps: which there are, what they take, and values made of YAML's."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from evolsynth.errors import InputError
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.pipeline.graph import Step
from evolsynth.pipeline.makers import RESERVED, StepMaker
from evolsynth.pipeline.steps import STEPS
from evolsynth.pipeline.suggest import did_you_mean
from evolsynth.store.cached_llm import Retry

__all__ = ["annotation", "converted", "maker_of", "option_type", "options_of"]

_WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
_COMMON: Mapping[str, Any] = {
    "name": str,
    "model": str,
    "llm": str,
    "seed": int | None,
    "concurrency": int | None,
    "input_mappings": dict[str, str],
    "output_mappings": dict[str, str],
    "retry": Retry | None,
}
#: What files can say, where Python takes more.
_FILES: Mapping[tuple[str, str], Any] = {
    ("gate", "settings"): GateSettings | str | None,
    ("preference", "score"): typing.Literal["rules", "ifd", "judge"],
    ("screen", "settings"): GateSettings | str | None,
}


def maker_of(step: Step) -> StepMaker:
    """The maker of a step, or one like it, for a user's own function."""
    known = STEPS.get(step.kind)
    if known is not None and known.function is step.function:
        return known
    return StepMaker(
        step.function,
        kind=step.kind,
        shape=step.shape,
        needs=step.needs,
        gives=step.gives,
        keeps=step.keeps,
        settled=step.settled,
    )


def options_of(maker: StepMaker) -> dict[str, inspect.Parameter]:
    """The options that can be given by their names."""
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {name: p for name, p in maker.options.items() if p.kind not in variable}


def option_type(maker: StepMaker, name: str) -> Any:
    """The type of an option's value; Any where it says none that YAML knows.

    Raises:
        InputError: there is no such option.
    """
    options = options_of(maker)
    if name in options:
        ours = STEPS.get(maker.kind) is maker
        return (_FILES.get((maker.kind, name)) if ours else None) or annotation(
            maker.function, name
        )
    if name in _COMMON:
        return _COMMON[name]
    there = [*options, *RESERVED]
    raise InputError(f"{maker.kind} has no such option. {did_you_mean(name, there)}")


def annotation(function: Callable[..., Any], name: str) -> Any:
    """What the function says of a parameter; Any if it says nothing that can be understood."""
    told = getattr(function, "__annotations__", {}).get(name, Any)
    holder = types.SimpleNamespace(__annotations__={name: told})
    try:
        kind = typing.get_type_hints(holder, globalns=getattr(function, "__globals__", {}))[name]
        msgspec.inspect.type_info(kind)
    except Exception:  # noqa: BLE001 - a name known to type checkers only, or what JSON has not
        return Any
    return kind


def converted(value: Any, kind: Any) -> Any:
    """A value of YAML as one of the type.

    Raises:
        InputError: it is none; the message is the end of a sentence.
    """
    if kind is Any:
        return value
    _known_fields(value, kind, "")
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InputError(_plain(str(error))) from None
    except TypeError:  # msgspec cannot tell such types apart
        return value


def _known_fields(value: Any, kind: Any, place: str) -> None:
    """A field of a struct that is not there is a slip of the pen, also where msgspec skips it."""
    if isinstance(value, Mapping):
        structs = [k for k in (kind, *typing.get_args(kind)) if _is_struct(k)]
        if not structs:
            return
        fields = [name for struct in structs for name in struct.__struct_encode_fields__]
        for name in value:
            if name not in fields:
                raise InputError(f"there is no '{place}{name}'. {did_you_mean(str(name), fields)}")


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _plain(message: str) -> str:
    """msgspec's message in words: what was expected, what there is, and where inside."""
    what, _, place = message.partition(" - at `$")
    place = place.rstrip("`").lstrip(".")
    found = re.fullmatch(r"Expected `([^`]*)`, got `([^`]*)`", what)
    if found is not None:
        kinds = [_WORDS.get(kind, kind) for kind in found[1].split(" | ")]
        what = f"{' or '.join(kinds)} was expected, not {_WORDS.get(found[2], found[2])}"
        if "str" in found[1] and found[2] in ("int", "float", "bool"):
            what += ". Put it in quotes"
    else:
        what = what.replace("`", "'")
        what = what[:1].lower() + what[1:]
    return f"{f'in {place}, ' if place else ''}{what}."


def missing(maker: StepMaker, given: Sequence[str]) -> list[str]:
    """The options without which the step cannot be, of those not given."""
    return [
        name
        for name, p in options_of(maker).items()
        if p.default is inspect.Parameter.empty and name not in given
    ]
