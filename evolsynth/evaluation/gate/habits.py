"""What one model says of itself, and what a prompt's own words are: rules for these alone.

A model is known by its name in a row's provenance, and its habits stand in ``habits.txt`` under a
part of that name. What an answer says again of a prompt stands beside the prompt file (`echoes`).
"""

from __future__ import annotations

import re
from functools import cache

from evolsynth.evaluation.gate.check import Case
from evolsynth.evaluation.text.words import word_lists
from evolsynth.prompts import load_prompt, prompt_names

__all__ = ["repeats_prompt", "says_of_itself"]

_MODELS = word_lists(__file__, "habits.txt")


def says_of_itself(case: Case) -> re.Match[str] | None:
    """Where the text that is looked at speaks of itself as the model that made it does."""
    model = str(case.maker.get("model", "")).casefold()
    for name, phrases in _MODELS.items():
        if name in model and (found := _any_of(tuple(phrases)).search(case.text)) is not None:
            return found
    return None


def repeats_prompt(case: Case) -> re.Match[str] | None:
    """Where the text that is looked at says again what its prompt told the model."""
    prompt = case.maker.get("prompt")
    phrases = load_prompt(prompt).echoes if prompt in prompt_names() else ()
    return _any_of(phrases).search(case.text) if phrases else None


@cache
def _any_of(phrases: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, phrases))})\b", re.I)
