"""Prompt files: they load, they say what is missing, and they never render what users wrote."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from evolsynth.errors import InputError
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.evolve.drafts import IN_DEPTH
from evolsynth.methods.evolve.evolve import evolve
from evolsynth.prompts import PromptFile, load_prompt, prompt_lists, prompt_names
from evolsynth.rows import Row

FOLDER = Path(__file__).parents[1] / "prompts"
NAMES = sorted(p.relative_to(FOLDER).with_suffix("").as_posix() for p in FOLDER.rglob("*.j2"))
EVOLUTIONS = [name for name in NAMES if name.startswith("evol_instruct/anchored/")]
REWRITERS = [name for name in NAMES if name.startswith("evol_instruct/classic/")]


def test_every_file_below_prompts_is_known() -> None:
    assert list(prompt_names()) == NAMES
    assert list(prompt_names("evol_instruct/anchored")) == EVOLUTIONS
    assert EVOLUTIONS
    assert REWRITERS


@pytest.mark.parametrize("name", NAMES)
def test_every_file_loads_and_is_known_by_its_hash(name: str) -> None:
    text = (FOLDER / f"{name}.j2").read_text(encoding="utf-8")
    prompt = load_prompt(name)
    assert prompt.name == name
    assert hashlib.sha256(text.encode()).hexdigest().startswith(prompt.sha256)
    assert len(prompt.sha256) == 16


@pytest.mark.parametrize("name", EVOLUTIONS)
@pytest.mark.parametrize("given", ["", "pear, fig"])
def test_an_anchored_prompt_ends_with_the_request_and_the_connector(name: str, given: str) -> None:
    prompt = load_prompt(name)
    for rotation in (0, 1):
        shown = prompt.part("shared", rotation=rotation)
        for example in prompt.examples[4 * rotation : 4 * rotation + 4]:
            data = f"Given: {example['given']}\n" if example["given"] else "\n"
            assert f"{data}Request: {example['instruction']} {example['demand']}" in shown
    whole = str(prompt.render(rotation=0, given=given, instruction="Name three rivers."))
    whole += prompt.part("anchor", connector="Also say")
    data = f"Given: {given}\n" if given else ""
    assert whole.endswith(f"\n\n{data}Request: Name three rivers. Also say")
    assert "{" not in whole


@pytest.mark.parametrize("name", EVOLUTIONS)
def test_connectors_belong_to_operations_and_lead_on(name: str) -> None:
    """What follows must add something: a connector is a whole sentence only with alternatives."""
    for operation, connectors in load_prompt(name).value("connectors").items():
        assert operation in IN_DEPTH
        assert connectors
        for text in connectors:
            assert ("[" in text) == text.endswith(".")
            assert not text.endswith(("!", "?", " "))
            assert all("|" in part for part in re.findall(r"\[(.*?)\]", text))
            assert text[0] != "["


@pytest.mark.parametrize("name", [*EVOLUTIONS, "evol_instruct/breadth"])
def test_the_shared_part_is_the_same_for_every_row(name: str) -> None:
    """It is prefilled once: a word of the row in it would cost the whole gain."""
    prompt = load_prompt(name)
    one = prompt.render(rotation=0, given="", instruction="Name three rivers.")
    other = prompt.render(rotation=0, given="an egg", instruction="Boil it.")
    assert one.shared == 1
    assert one.segments[0] == other.segments[0]
    assert one.segments[0] != prompt.render(rotation=1, given="", instruction="").segments[0]


@pytest.mark.parametrize("name", REWRITERS)
def test_a_rewriting_prompt_frames_the_request(name: str) -> None:
    asked = load_prompt(name).part("question", instruction="Name three rivers.")
    assert "-----\nName three rivers.\n-----" in asked


async def test_a_row_says_which_prompt_made_it() -> None:
    llm = Scripted(lambda _: " the towns on their banks.")
    stream = evolve(
        [Row.make("Name three rivers.")], llm, prompts="small", candidates=1, demands=False
    )
    rows = [row async for row in stream]
    made = rows[1].provenance["instruction"]
    prompt = load_prompt("evol_instruct/anchored/ideas")
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
    assert text in load_prompt("check/loss").part("question", original=text, evolved="")


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


def test_what_rules_know_of_a_prompt_is_in_that_prompt() -> None:
    """Who edits the one without the other is told here."""
    known, tasks = prompt_lists("self_instruct/small"), load_prompt("self_instruct/tasks_small")
    openings = [text.lower() for text in tasks.value("openings")]
    for begins in ("name", "list", "give", "suggest", "write a slogan", "write three"):
        assert begins in known["short answers"]
        assert any(text.startswith(begins) for text in openings), begins
    for begins in known["asks for a text"]:
        assert any(text.startswith(begins) for text in tasks.value("text_openings")), begins


def test_a_list_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(InputError, match=r"There is no list prompts/magpie/none\.txt"):
        prompt_lists("magpie/none")
