"""What a check found, and a sentence and an advice for each code, for reports and the CLI.

A code is declared where it is given: by `reason` beside the step that rejects, or by the decorator
of a check.
"""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import msgspec

from evolsynth.doing import as_html

__all__ = ["Finding", "Reason", "advise", "explain", "known_reasons", "meaning", "reason"]


class Finding(msgspec.Struct, frozen=True):
    """One thing wrong with a text.

    ``code`` is short, stable and in snake_case: it lands in ``Verdict.reasons``. ``detail`` holds
    what a person needs to judge the finding (the twin's id, the repeated words) and nothing that
    varies between runs; it is plain JSON.
    """

    code: str
    detail: dict[str, Any] = {}

    _repr_html_ = as_html


class Reason(NamedTuple):
    """What a code means, in a sentence, and what to change where it rejects many rows."""

    sentence: str
    advice: str


_REASONS: dict[str, Reason] = {}
#: The modules that declare codes; of those that hold a registry, its name: all of it is looked
#: through. They stand above this one, so they are named and not imported.
_HOMES = {
    "evolsynth.evaluation.gate.check": "CHECKS",
    "evolsynth.methods.method": "METHODS",
    "evolsynth.evaluation.gate.tier": "",
    "evolsynth.evaluation.scores.selection": "",
    "evolsynth.pipeline.run.tracking": "",
    "evolsynth.report.review": "",
}


def reason(code: str, sentence: str, advice: str) -> str:
    """Declare what a code means; the code."""
    _REASONS[code] = Reason(sentence, advice)
    return code


def known_reasons() -> dict[str, Reason]:
    """Every code that there is; imports all that reject rows, so not for a start."""
    for home, registry in _HOMES.items():
        module = importlib.import_module(home)
        if registry:
            len(getattr(module, registry))
    return dict(_REASONS)


def explain(code: str) -> str:
    """The sentence for a code; a code of somebody's own check is shown by its name."""
    found = meaning(code)
    return code.replace("_", " ").capitalize() + "." if found is None else found.sentence


def advise(code: str) -> str:
    """What to change where this reason rejects many rows."""
    found = meaning(code)
    if found is not None and found.advice:
        return found.advice
    return (
        f"Read some rows that were rejected as '{code}', and change the step that wrote them, or "
        "the check."
    )


def meaning(code: str) -> Reason | None:
    """What a code means; None for one of somebody's own check that declares nothing."""
    return _REASONS.get(code) or known_reasons().get(code)
