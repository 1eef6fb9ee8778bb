"""Which prompts a model is asked with."""

from __future__ import annotations

import pytest

from evolsynth.errors import InputError
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Scripted
from evolsynth.prompts import SMALL_MODEL, prompt_family


@pytest.mark.parametrize(
    ("parameters", "family"),
    [
        (134_515_008, "small"),
        (SMALL_MODEL - 1, "small"),
        (SMALL_MODEL, "classic"),
        (70_000_000_000, "classic"),
        (None, "classic"),
    ],
)
def test_the_family_follows_the_models_size(parameters: int | None, family: str) -> None:
    assert prompt_family(Scripted([], parameters=parameters)) == family


@pytest.mark.parametrize("parameters", [1, 10**12, None])
@pytest.mark.parametrize("asked", ["small", "classic"])
def test_who_asks_for_one_gets_it(parameters: int | None, asked: str) -> None:
    assert prompt_family(Scripted([], parameters=parameters), asked) == asked


@pytest.mark.parametrize("asked", ["tiny", "", "Small"])
def test_an_unknown_family_is_refused(asked: str) -> None:
    with pytest.raises(InputError, match=f"no prompts '{asked}'. Use small or classic"):
        prompt_family(Scripted([]), asked)


@pytest.mark.real
async def test_the_default_model_tells_its_size(smollm: LlamaCpp) -> None:
    assert smollm.parameters is not None
    assert 130_000_000 < smollm.parameters < 140_000_000
    assert prompt_family(smollm) == "small"
    assert LlamaCpp().parameters is None
