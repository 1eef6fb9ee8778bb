"""A computed answer is computed again from its row, and whatever was changed is found."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.evaluation.gate.tier import tier_of
from evolsynth.evaluation.grounds.faithful import changed, unfaithful
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.methods.computed.computed import OWN, chosen_sets, computed
from evolsynth.rows import Row


async def rows_of(n: int, **options: Any) -> list[Row]:
    return [row async for row in computed(n=n, **options)]


ROWS: list[Row] = []


@pytest.fixture(autouse=True)
async def some_rows() -> None:
    if not ROWS:
        ROWS.extend(await rows_of(200, seed=5))


def holds(row: Row) -> bool:
    kind, against = stands(row)
    assert kind == "computed"
    return against is None


async def test_every_row_as_it_was_made_stands_and_is_verified() -> None:
    assert len({row.provenance["instruction"]["kind"] for row in ROWS}) == len(chosen_sets([OWN]))
    for row in ROWS:
        assert stands(row) == ("computed", None)
        assert tier_of(row)[0] == "verified"


def _digits(text: str) -> list[int]:
    return [m.start() for m in re.finditer(r"\d", text)]


@settings(deadline=None)
@given(st.integers(0, 199), st.integers(0, 10_000), st.sampled_from("0123456789"))
def test_another_digit_anywhere_is_found(place: int, which: int, digit: str) -> None:
    row = ROWS[place]
    for field in ("instruction", "response", "input"):
        text = row.extra.get("input", "") if field == "input" else getattr(row, field)
        places = _digits(text)
        if not places:
            continue
        at = places[which % len(places)]
        if text[at] == digit:
            continue
        spoiled = text[:at] + digit + text[at + 1 :]
        if field == "input":
            assert not holds(row.replace(extra={**row.extra, "input": spoiled}))
        else:
            assert not holds(row.replace(**{field: spoiled}))


@settings(deadline=None)
@given(st.integers(0, 199), st.integers(0, 10_000))
def test_a_word_left_out_of_the_instruction_or_the_answer_is_found(place: int, which: int) -> None:
    row = ROWS[place]
    for field in ("instruction", "response"):
        words = getattr(row, field).split(" ")
        del words[which % len(words)]
        assert not holds(row.replace(**{field: " ".join(words)}))


async def test_values_that_give_another_answer_are_found() -> None:
    row = next(r for r in ROWS if r.provenance["instruction"]["kind"] == "percent")
    ground = row.provenance["response"]["ground"]
    values = {**ground["values"], "rate": ground["values"]["rate"] + 1}
    made = {**row.provenance["response"], "ground": {**ground, "values": values}}
    assert not holds(row.replace(provenance={**row.provenance, "response": made}))


@pytest.mark.parametrize("values", [None, [], {}, {"case": 3}, {"case": "part", "rate": 10**400}])
async def test_values_of_a_file_may_be_anything(values: object) -> None:
    row = next(r for r in ROWS if r.provenance["instruction"]["kind"] == "percent")
    ground = {**row.provenance["response"]["ground"], "values": values}
    kind, against = stands(row.replace(provenance={"response": {"ground": ground}}))
    assert kind == "computed"
    assert against is not None


def evolved(row: Row, demand: str, response: str) -> Row:
    return row.replace(instruction=f"{row.instruction} {demand}", response=response, round=1)


async def test_an_evolution_may_form_the_same_answer_anew() -> None:
    row = next(r for r in ROWS if r.provenance["instruction"]["kind"] == "currency")
    answer = row.provenance["response"]["ground"]["answer"]
    good = evolved(row, "Answer as JSON with the key result.", f'{{"result": "{answer}"}}')
    assert holds(good)
    assert not holds(good.replace(response='{"result": "17 Swiss francs"}'))
    assert not holds(good.replace(response=f"{good.response} or 98765"))
    assert not holds(good.replace(instruction="How much is that? Answer as JSON."))


async def test_the_bare_answer_may_not_hide_in_a_longer_number() -> None:
    row = next(r for r in ROWS if r.provenance["response"]["ground"]["answer"].isdecimal())
    answer = row.provenance["response"]["ground"]["answer"]
    assert holds(evolved(row, "Be brief.", f"It is {answer}."))
    assert not holds(evolved(row, "Be brief.", f"It is {answer}7."))


async def test_other_words_are_allowed_where_the_row_says_so_and_nothing_is_lost() -> None:
    row = next(r for r in ROWS if r.provenance["instruction"]["kind"] == "percent"
               and r.provenance["instruction"]["case"] == "part")  # fmt: skip
    ground = {**row.provenance["response"]["ground"], "reworded": True}
    told = row.replace(provenance={**row.provenance, "response": {"ground": ground}})
    said = f"Please, {(row.instruction or '')[:1].lower()}{(row.instruction or '')[1:]}"
    assert holds(told.replace(instruction=said))
    assert not holds(row.replace(instruction=said))
    assert not holds(told.replace(instruction=re.sub(r"\d", "7", said)))


ORIGINAL = "Any burn that is larger than a hand should be seen by a doctor in Pell within 2 days."


@pytest.mark.parametrize(
    "text",
    [
        "A doctor in Pell should see any burn larger than a hand within 2 days.",
        "Within 2 days a doctor in Pell should see any burn that is larger than a hand.",
    ],
)
def test_faithful_rewordings_pass(text: str) -> None:
    assert unfaithful(ORIGINAL, text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ORIGINAL.replace("2", "3"), "number was lost"),
        (ORIGINAL.replace(" within 2 days", ""), "number was lost"),
        (ORIGINAL.replace("Pell", "Ostrel"), "name was lost"),
        (ORIGINAL.replace("should", "can"), "changes the sense"),
        (ORIGINAL.replace("should be", "should not be"), "negation"),
        ("Any burn should be seen by a doctor in Pell within 2 days, and by a nurse, a cook, a "
         "driver and a friend of the family.", "invented"),
    ],
)  # fmt: skip
def test_what_was_lost_or_invented_is_told(text: str, said: str) -> None:
    assert said in (unfaithful(ORIGINAL, text) or "")


def test_endings_alone_are_no_change() -> None:
    assert changed("Adults measure 6 centimetres.", "Adult measures 6 centimetre.") < 0.1
    assert changed("The bridge was closed for weeks.", "For weeks the bridge was shut.") > 0.3


async def test_a_demand_may_stand_between_the_sentences_of_a_problem() -> None:
    row = next(r for r in ROWS if r.provenance["response"]["ground"]["form"] == "bare")
    before, _, asked = (row.instruction or "").rpartition("? ")
    if not before:
        before, _, asked = (row.instruction or "").rpartition(". ")
    mark = (row.instruction or "")[len(before)]
    told = f"{before}{mark} Use one word less than ten. {asked}"
    assert holds(row.replace(instruction=told, round=1))
    assert not holds(row.replace(instruction=told.replace(before[:9], "Say"), round=1))
