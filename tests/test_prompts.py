"""Prompt files: they load, they say what is missing, and they never render what users wrote."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from evolsynth.errors import InputError
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.evol_instruct import evol_instruct
from evolsynth.prompts import PromptFile, load_prompt, prompt_names
from evolsynth.rows import Row

FOLDER = Path(__file__).parents[1] / "prompts"
NAMES = sorted(p.relative_to(FOLDER).with_suffix("").as_posix() for p in FOLDER.rglob("*.j2"))
EVOLUTIONS = [name for name in NAMES if name.startswith("evol_instruct/")]


def test_every_file_below_prompts_is_known() -> None:
    assert list(prompt_names()) == NAMES
    assert list(prompt_names("evol_instruct")) == EVOLUTIONS
    assert EVOLUTIONS


@pytest.mark.parametrize("name", NAMES)
def test_every_file_loads_and_is_known_by_its_hash(name: str) -> None:
    text = (FOLDER / f"{name}.j2").read_text(encoding="utf-8")
    prompt = load_prompt(name)
    assert prompt.name == name
    assert hashlib.sha256(text.encode()).hexdigest().startswith(prompt.sha256)
    assert len(prompt.sha256) == 16


@pytest.mark.parametrize("name", EVOLUTIONS)
def test_an_evolution_prompt_has_its_three_parts(name: str) -> None:
    prompt = load_prompt(name)
    connector = prompt.value("connector")
    anchor = prompt.part("anchor", instruction="Name three rivers.")
    assert anchor == f" Name three rivers. {connector}"
    for rotation in (0, 1):
        shown = prompt.part("shared", rotation=rotation)
        examples = prompt.examples[3 * rotation : 3 * rotation + 3]
        assert len(examples) == 3
        for example in examples:
            assert f"- {example['instruction']} {connector} {example['demand']}" in shown
    whole = str(prompt.render(rotation=0)) + anchor
    assert whole.endswith(f"\n\n- Name three rivers. {connector}")
    assert "{" not in whole


@pytest.mark.parametrize("name", EVOLUTIONS)
def test_the_shared_part_is_the_same_for_every_row(name: str) -> None:
    """It is prefilled once: a word of the row in it would cost the whole gain."""
    prompt = load_prompt(name)
    one = prompt.render(rotation=0, instruction="Name three rivers.")
    other = prompt.render(rotation=0, instruction="Boil an egg.")
    assert one.shared == 1
    assert one.segments[0] == other.segments[0]
    assert one.segments[0] != prompt.render(rotation=1).segments[0]


async def test_a_row_says_which_prompt_made_it() -> None:
    llm = Scripted(lambda _: " four lines and mention one dam.")
    rows = [
        row
        async for row in evol_instruct(
            [Row.make("Name three rivers.")], llm, operations={"limit": 1}
        )
    ]
    made = rows[1].provenance["instruction"]
    prompt = load_prompt("evol_instruct/limit")
    assert (made["prompt"], made["prompt_sha256"]) == (prompt.name, prompt.sha256)


def test_another_text_has_another_hash() -> None:
    one, other = PromptFile("a", "{# 1 #}"), PromptFile("a", "{# 2 #}")
    assert one.sha256 != other.sha256


@pytest.mark.parametrize(
    "text", ["{{ 7 * 7 }}", "{% set x = 1 %}", "{# no #}", "<b>&amp;</b>", "{{"]
)
def test_what_a_user_wrote_is_never_rendered(text: str) -> None:
    prompt = PromptFile("mine", "{% macro own(instruction) %}- {{ instruction }}{% endmacro %}")
    assert prompt.part("own", instruction=text) == f"- {text}"
    assert text in load_prompt("evol_instruct/limit").part("anchor", instruction=text)


def test_a_variable_that_is_not_given_is_named_with_file_and_macro() -> None:
    prompt = PromptFile("mine", "{% macro own(instruction) %}{{ instruction }}{% endmacro %}")
    with pytest.raises(InputError, match=r"prompts/mine\.j2, macro 'own': .*instruction"):
        prompt.part("own")


def test_a_macro_that_is_not_there_is_named() -> None:
    prompt = PromptFile("mine", "{% set own = 'text' %}")
    for name in ("own", "anchor"):
        with pytest.raises(InputError, match=rf"prompts/mine\.j2 has no macro '{name}'"):
            prompt.part(name)


def test_a_variable_that_a_macro_does_not_ask_for_is_left_out() -> None:
    prompt = PromptFile("mine", "{% macro own() %}-{% endmacro %}")
    assert prompt.part("own", rotation=1) == "-"


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("ok\n{% macro own( %}", "line 2"),
        ("{% for x in y %}", "line 1"),
        ("{{ nobody }}", "nobody"),
    ],
)
def test_a_broken_file_is_named_with_the_place(source: str, where: str) -> None:
    with pytest.raises(InputError, match=rf"prompts/mine\.j2.*{where}"):
        PromptFile("mine", source)


@pytest.mark.parametrize("name", ["evol_instruct/limits", "limit", "", "evol_instruct"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(InputError) as caught:
        load_prompt(name)
    assert all(known in str(caught.value) for known in NAMES)
