"""Requests that bring a text: the model writes the text, a program the answer."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from evolsynth.errors import InputError
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.evaluation.grounds.rule import LEADS
from evolsynth.evaluation.text.task import TASKS, task_of
from evolsynth.llm.base import Request
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.methods.magpie.with_text import Begun, WithText, _sentence
from evolsynth.methods.respond import respond
from evolsynth.prompts import load_prompt
from evolsynth.rows import Row, derive_seed

TEXTS = WithText()


def goes_on(request: Request) -> str:
    """A text of the kind that is wanted."""
    if '"' in request.stop:
        return " near the old harbour in the rain."
    return " 31, 17, 52, 44." if request.prefix.rstrip(",")[-1].isdigit() else " pan, jug, cup."


def written(lead: str, said: str, *, seed: int = 1, ended: bool = True) -> Any:
    begun = TEXTS.begin(lead, seed)
    return begun, TEXTS.written(begun, begun.prefix + said, ended=ended)


async def rows_of(**options: Any) -> list[Row]:
    llm = Scripted(goes_on)
    return [row async for row in magpie(llm, **{"n": 80, "seed": 3, "with_text": True, **options})]


async def test_such_rows_have_an_answer_and_a_ground_and_the_others_have_none() -> None:
    rows = await rows_of(made_up=True)
    with_text = [row for row in rows if row.response is not None]
    assert 15 < len(with_text) < 60
    for row in with_text:
        assert row.provenance["instruction"]["prompt"] == LEADS
        assert row.provenance["response"]["ground"]["kind"] == "rule"
        assert stands(row) == ("rule", None)
    others = {row.provenance["instruction"]["prompt"] for row in rows if row not in with_text}
    assert others <= {"magpie/made_up", LEADS}  # a row whose text was none has no answer


async def test_respond_asks_for_no_answer_of_theirs() -> None:
    rows = [row for row in await rows_of() if row.response is not None]
    llm = Scripted(lambda _: "Something else.")
    assert [row async for row in respond(rows, llm)] == rows
    assert llm.requests == []


async def test_the_gate_holds_them_verified() -> None:
    rows = [row for row in await rows_of(n=30) if row.response is not None]
    judged = [row async for row in Gate().check(rows)]
    tiers = Counter(row.verdict.tier for row in judged if row.verdict and row.verdict.accepted)
    assert set(tiers) == {"verified"}


async def test_without_it_the_openings_are_drawn_as_ever() -> None:
    openings = load_prompt("magpie/openings").value("openings")
    rows = [row async for row in magpie(Scripted(lambda _: " x."), n=20, seed=7)]
    for number, row in enumerate(rows):
        draw = derive_seed(7, "magpie/opening", str(number), candidate=0)
        assert str(row.instruction).startswith(openings[draw % len(openings)])
        assert "drawn" not in row.provenance["instruction"]


@pytest.mark.parametrize(
    "options",
    [{"topic": "cooking"}, {"openings": ("Why",)}, {"system_prompt": "Be."}, {"n_turns": 2}],
)
async def test_what_does_not_go_with_it_is_told(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="with_text brings openings of its own"):
        await rows_of(**options)


async def test_only_with_text_every_request_brings_one() -> None:
    rows = await rows_of(with_text=None, only_with_text=True)
    assert {row.provenance["instruction"]["prompt"] for row in rows} == {LEADS}
    assert all(row.response is not None or row.settled for row in rows)
    assert len({str(row.instruction).partition(":")[0] for row in rows}) > 30


@pytest.mark.parametrize("options", [{"made_up": True}, {"with_text": False}])
async def test_only_with_text_goes_with_no_others(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="only_with_text leaves out all others"):
        await rows_of(only_with_text=True, **options)


@pytest.mark.parametrize("lead", TEXTS.leads)
def test_each_lead_has_a_text_begun_and_a_kind(lead: str) -> None:
    begun = TEXTS.begin(lead, 5)
    assert "{" not in begun.prefix
    assert not any(mark in begun.prefix for mark in "#%^@" if mark != "@")
    assert TEXTS.begin(lead, 5) == begun
    assert TEXTS.kinds[lead] in TASKS
    assert task_of(f"{begun.lead}: x") in TASKS


def test_most_leads_are_told_to_be_of_the_kind_that_they_say() -> None:
    told = [
        (TEXTS.kinds[lead], task_of(f"{TEXTS.begin(lead, 1).lead}: a b.")) for lead in TEXTS.leads
    ]
    assert sum(one == other for one, other in told) >= 0.85 * len(told)


def test_no_lead_comes_twice() -> None:
    leads = [lead for rule in load_prompt(LEADS).value("rules").values() for lead in rule["leads"]]
    assert len(leads) == len(set(leads)) >= 50


@pytest.mark.parametrize(
    ("lead", "said"),
    [
        ("Rewrite this sentence in capital letters", " near the harbour without an end"),
        ("Rewrite this sentence in capital letters", "."),  # too short
        ("Rewrite this sentence in capital letters", " at the sea, she said that it was cold."),
        ("Rewrite this sentence in capital letters", " near [the harbour] in the rain."),
        ("Rewrite this sentence in capital letters", " near the house of the."),
        ("Sort these words alphabetically", " and more of these, and so on and on"),
        ("Sort these words alphabetically", " x1, x2, x3, x4."),
        ("Add up these numbers", " and so on"),
        ("Add up these numbers", " 3000, 40000, 5, 6"),
    ],
)
def test_what_is_no_sane_text_is_refused(lead: str, said: str) -> None:
    _, made = written(lead, said)
    assert made.lacks is not None
    assert made.answer == ""
    row = made.of(Row.make(made.instruction))
    assert row.verdict is not None
    assert row.verdict.reasons == ("no_text",)


def test_a_sentence_of_short_words_alone_is_looked_at_like_any_other() -> None:
    """None of its words is long enough to be counted; that had been an error."""
    begun = Begun("upper", "Rewrite this sentence in capital letters", "We", True, 1)
    assert _sentence("We go to the sea. And", begun) == "We go to the sea."
    assert _sentence("I. ", begun) is None


def test_a_text_is_cut_behind_its_first_sentence() -> None:
    begun, made = written(
        "Rewrite this sentence in capital letters", " by the sea today. And more."
    )
    assert made.instruction == f'{begun.lead}: "{begun.start} by the sea today."'
    assert made.answer == f"{begun.start} by the sea today.".upper()


def test_a_list_is_cut_before_what_is_not_new_and_what_may_not_be_whole() -> None:
    begun, made = written("Write this list in reverse order", " pan, jug, pan, cup.")
    assert made.instruction == f"{begun.lead}: {begun.start}, pan, jug."
    _, broken = written("Write this list in reverse order", " pan, jug, cu", ended=False)
    assert "cu." not in broken.instruction
    assert ", pan, jug." in broken.instruction


def test_what_the_program_spoils_is_shown_and_its_original_is_the_answer() -> None:
    lead = "Add the missing capital letter and full stop to this sentence"
    begun, made = written(lead, " by the sea in the rain.")
    assert made.instruction.endswith(' by the sea in the rain"')
    assert made.answer == f"{begun.start} by the sea in the rain."
    _, two = written(lead, " with Ingrid by the sea.")
    assert two.lacks is not None  # its second capital could not be known


@pytest.mark.real
async def test_the_real_model_writes_texts_that_decide_their_answers(smollm: LlamaCpp) -> None:
    rows = [row async for row in magpie(smollm, n=40, seed=5, made_up=True, with_text=True)]
    with_text = [row for row in rows if row.provenance["instruction"]["prompt"] == LEADS]
    answered = [row for row in with_text if row.response is not None]
    assert len(answered) >= 0.7 * len(with_text) > 3
    assert all(stands(row) == ("rule", None) for row in answered)
