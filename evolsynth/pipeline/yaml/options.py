"""The options of steps: which there are, what they take, and values made of YAML's."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from evolsynth.errors import InputError, did_you_mean
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.options import annotation
from evolsynth.pipeline.graph import Step
from evolsynth.pipeline.makers import RESERVED, StepMaker
from evolsynth.pipeline.steps import STEPS
from evolsynth.store.cached_llm import Retry

__all__ = ["maker_of", "missing", "option_type", "options_of"]

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


def missing(maker: StepMaker, given: Sequence[str]) -> list[str]:
    """The options without which the step cannot be, of those not given."""
    return [
        name
        for name, p in options_of(maker).items()
        if p.default is inspect.Parameter.empty and name not in given
    ]
