"""Which family of prompts a model is asked with: made for small models, or the papers' own kind."""

from __future__ import annotations

from typing import Literal, get_args

from evolsynth.errors import InputError
from evolsynth.llm.base import LLM

__all__ = ["SMALL_MODEL", "PromptFamily", "prompt_family"]

PromptFamily = Literal["small", "classic"]

#: Below so many parameters a model copies long rules instead of keeping them. At 135M they gave
#: nothing usable; sizes between that and this were not measured.
SMALL_MODEL = 1_000_000_000


def prompt_family(llm: LLM, asked: str | None = None) -> PromptFamily:
    """The family asked for, or else the one that suits the model's size.

    ``"small"``: short few-shot lists that the model goes on with, and first words given to it.
    ``"classic"``: rules in a chat turn, as in the papers; also where the size is not known, as
    behind a server. Ask when the back end has been started: before, it may not know its size.

    Raises:
        InputError: there is no family of the name asked for.
    """
    for family in get_args(PromptFamily):
        if asked == family:
            return family  # type: ignore[no-any-return] # get_args tells no types
    if asked is not None:
        raise InputError(f"There are no prompts '{asked}'. Use small or classic, or leave it out.")
    size = llm.parameters
    return "small" if size is not None and size < SMALL_MODEL else "classic"
