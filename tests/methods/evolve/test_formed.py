"""Evolutions of rows whose answers stand on a ground: formed anew by rule, and right as before."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.evaluation.demands.found import demands_of
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.tier import tier_of
from evolsynth.evaluation.grounds.ground import GROUNDS, Ground, stands
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.evolve.evolve import evolve
from evolsynth.methods.evolve.formed import by_form, formable
from evolsynth.methods.inverse.inverse import _Maker
from evolsynth.rows import Row

TEXT = (
    "The old mill stands at the edge of the village. It was built in 1781 by Anna Berg. "
    "The mill ground corn for 120 years, and a storm took its sails in 1902."
)
WORDS = "Pelicans, herons and sturgeons live in the wide delta of the river."
BUILT = "It was built in 1781 by Anna Berg."


def _why_not(row: Row, *, answer: str) -> str | None:
    """A ground for these tests: the text has the answer, and so has the response."""
    there = answer in (row.input or "") and answer in (row.response or "")
    return None if there else f"'{answer}' is not there."


@pytest.fixture(autouse=True)
def _ground(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(GROUNDS)  # all are looked for, before there is one more
    monkeypatch.setitem(GROUNDS._things, "told", Ground("told", _why_not))


def row_of(
    instruction: str = "In what year was the old mill built?",
    response: str = "1781.",
    answer: str = "1781",
    *,
    sentence: str = BUILT,
    others: list[dict[str, Any]] | None = None,
) -> Row:
    start = TEXT.index(sentence)
    evidence = [{"start": start, "end": start + len(sentence)}]
    return Row.make(
        instruction,
        response=response,
        method="grounded",
        extra={"input": TEXT, "title": "The Old Mill", "evidence": evidence},
        provenance={
            "instruction": {"kind": "year", "others": others or []},
            "response": {"ground": {"kind": "told", "answer": answer}},
        },
    )


WHO = {
    "instruction": "Who built the old mill?",
    "response": "Anna Berg.",
    "ground": {"kind": "told", "answer": "Anna Berg"},
}


async def children(row: Row, *, seed: int = 0, rounds: int = 1) -> list[Row]:
    stream = evolve(
        [row],
        Scripted(lambda _: "nobody asks"),
        prompts="small",
        demands=True,
        rounds=rounds,
        seed=seed,
        gate=Gate(),
        include_original_instruction=False,
    )
    return [one async for one in stream]


async def test_an_evolution_is_answered_and_carries_its_text() -> None:
    row = row_of()
    (child,) = await children(row)
    assert not child.settled, child.verdict
    assert (child.instruction or "").startswith(row.instruction or "?")
    assert child.response is not None
    assert "1781" in child.response
    assert child.extra == row.extra
    assert child.parents == (row.id,)
    assert child.provenance["response"]["formed_from"] == "1781."
    assert stands(child) == ("told", None)
    tier, on = tier_of(child)
    assert tier == "verified"
    assert on[0] == "ground:told"
    assert len(on) > 1


async def test_no_model_is_asked() -> None:
    llm = Scripted(lambda _: "no")
    stream = evolve([row_of()], llm, prompts="small", demands=True, operations={"constraints": 1})
    assert len([one async for one in stream]) == 2
    assert llm.usage.requests == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_whatever_is_drawn_is_met_and_stands(seed: int) -> None:
    row = row_of(others=[WHO])
    made = by_form(row, root=row.instruction or "", seed=seed)
    assert made
    for one in made:
        assert one.answer is not None
        ground = {"response": {"ground": dict(one.answer.ground)}}
        told = {"instruction": {**one.told, "original": row.instruction, "root": row.instruction}}
        child = row.replace(
            instruction=one.text,
            response=one.answer.response,
            round=1,
            provenance={**ground, **told},
        )
        assert tier_of(child)[0] == "verified", (one.text, one.answer.response)
        spoilt = child.replace(response=one.answer.response.replace("1781", "1782"))
        assert tier_of(spoilt)[0] == "unverified"


def forms(row: Row, seeds: int = 60) -> dict[str, list[tuple[str, str]]]:
    """What is made of a row, by kind of demand."""
    found: dict[str, list[tuple[str, str]]] = {}
    for seed in range(seeds):
        for one in by_form(row, root=row.instruction or "", seed=seed):
            assert one.answer is not None
            kind = one.told["demands"][0]["kind"]
            found.setdefault(kind, []).append((one.text, one.answer.response))
    return found


def test_a_sentence_of_given_words_is_called_no_correction() -> None:
    """Mended texts are; this one is written."""
    (row,) = _Maker(3, ["words"], 1).rows(Row.make(key="a"), WORDS)
    found = forms(row)
    assert set(found) == {"begins_with", "json_object", "yaml", "key_values", "tags", "quoted"}
    for some in found.values():
        for text, said in some:
            assert WORDS in said
            assert not re.search("correct|mend|clean|restore", f"{text} {said}", re.I)
    values = [json.loads(said) for _, said in found["json_object"]]
    assert all(list(v.values()) == [(row.input or "").split(", "), WORDS] for v in values)


def test_the_forms_of_an_answer_with_its_sentence() -> None:
    found = forms(row_of(others=[WHO]))
    assert set(found) == {
        "quotes_text",
        "json_object",
        "yaml",
        "key_values",
        "tags",
        "second_question",
    }
    assert all(
        f'"{BUILT}"' in said and said.startswith("1781.") for _, said in found["quotes_text"]
    )
    values = [list(json.loads(said).values()) for _, said in found["json_object"]]
    assert values[0] == ["1781", BUILT]
    assert {said for _, said in found["second_question"]} == {"1. 1781.\n2. Anna Berg."}
    assert all('"Who built the old mill?"' in text for text, _ in found["second_question"])
    texts = {text for some in found.values() for text, _ in some}
    assert len(texts) > 60


def test_without_evidence_nothing_is_asked_for() -> None:
    """One field, and nothing beside the answer, would make little of it."""
    row = row_of()
    assert forms(row.replace(extra={"input": TEXT})) == {}


@pytest.mark.parametrize(
    "instruction",
    [
        "In what year was the old mill built? Give only the year.",
        "State as a full sentence: in what year was the old mill built?",
        "Answer in one word: in what year was the old mill built?",
        "Answer in a sentence that makes sense by itself: in what year was the old mill built?",
        "Take the answer from the text and add nothing to it. When was the old mill built?",
    ],
)
def test_what_says_how_much_is_to_be_said_is_not_asked_for_more(instruction: str) -> None:
    assert forms(row_of(instruction), 20) == {}


def test_only_the_text_says_nothing_of_the_answer() -> None:
    assert forms(row_of("Going only by the text alone: when was the old mill built?"), 20)


def test_an_answer_that_quotes_its_sentence_already_is_not_asked_for_it_again() -> None:
    row = row_of("Quote the sentence that says when the mill was built.", BUILT, BUILT)
    assert "quotes_text" not in forms(row)


def test_a_label_that_the_answer_has_already_is_not_given_twice() -> None:
    """A sentence after "Evidence:", and then "Evidence: explicit", was two things of one name."""
    row = row_of("Say where the text says when it was built.", f'1781.\n\nEvidence: "{BUILT}"')
    told = row.replace(provenance={"response": {"ground": {"kind": "span", "answer": "1781"}}})
    lasts = [said.splitlines()[-1] for _, said in forms(told, 60)["tells_certainty"]]
    assert {line.split(":")[0] for line in lasts} == {"Certainty", "Source", "Basis", "Confidence"}
    bare = row_of().replace(provenance=told.provenance)
    assert "Evidence: explicit" in {
        said.splitlines()[-1] for _, said in forms(bare, 60)["tells_certainty"]
    }


@pytest.mark.parametrize(
    "evidence", [None, [], "here", [{"start": "a"}], [{"start": 0, "end": 5}], [1], [{}, {}]]
)
def test_evidence_that_is_none_does_no_harm(evidence: object) -> None:
    row = row_of()
    odd = row.replace(extra={**row.extra, "evidence": evidence})
    assert "quotes_text" not in forms(odd, 20)


def test_an_answer_of_several_lines_is_no_field() -> None:
    said = "- corn\n- sails"
    row = row_of("What does the text name?", said, said, sentence=BUILT)
    assert set(forms(row)) == {"quotes_text"}


def test_what_stands_on_nothing_is_not_formed() -> None:
    row = row_of(answer="1899")
    assert not formable(row)
    assert not formable(row_of().replace(response=None))
    assert not formable(Row.make("Why?", response="So."))


async def test_two_answers_stand_each_on_its_own_ground() -> None:
    row = row_of(others=[WHO])
    (child,) = [
        one
        for seed in range(60)
        for one in await children(row, seed=seed)
        if "2. " in (one.response or "")
    ][:1]
    assert child.provenance["instruction"]["operation"] == "deepening"
    assert tier_of(child)[0] == "verified"
    assert tier_of(child)[1][0] == "ground:joined"
    for response in ("1. 1781.\n2. Ann Berg.", "1. 1781.", "1781. Anna Berg."):
        assert tier_of(child.replace(response=response))[0] == "unverified"
    other = child.replace(instruction="In what year was the old mill built?")
    assert stands(other)[1] == "Question 2 is not asked."


async def test_a_second_round_adds_to_the_first_or_says_that_there_is_no_more() -> None:
    row = row_of()
    for seed in range(12):
        made = await children(row, seed=seed, rounds=2)
        assert len(made) == 2
        if made[1].settled:
            assert made[1].verdict is not None
            assert made[1].verdict.reasons == ("no_more_demands",)
        else:
            assert len(demands_of(made[1])) >= 2
            assert tier_of(made[1])[0] == "verified"


async def test_the_same_seed_makes_the_same_and_another_others() -> None:
    row = row_of(others=[WHO])
    once = [one.to_json() for one in await children(row, seed=3)]
    assert once == [one.to_json() for one in await children(row, seed=3)]
    several = {(await children(row, seed=seed))[0].instruction for seed in range(10)}
    assert len(several) > 5


async def test_a_row_about_a_text_whose_answer_stands_on_nothing_keeps_its_text() -> None:
    row = Row.make("Sum the text up in a slogan.", extra={"input": TEXT, "mine": 1})
    made = await children(row, seed=random.Random(1).randrange(100))
    assert all(one.extra == {"input": TEXT} for one in made)
