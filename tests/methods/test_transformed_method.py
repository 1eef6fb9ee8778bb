"""Texts said otherwise by a model, taken only if nothing is lost and nothing invented."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from evolsynth.errors import EngineError, InputError
from evolsynth.evaluation.gate.tier import tier_of
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.llm.llamacpp.engine import LlamaCpp
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.transformed.transformed import transformed
from evolsynth.rows import Row

SENTENCE = "A doctor in Pell should see any burn that is larger than a hand within 2 days."
GOOD = "Within 2 days any burn larger than a hand should be seen by a doctor in Pell."


async def made(llm: Scripted, **options: Any) -> list[Row]:
    async def source() -> AsyncGenerator[Row]:
        yield Row.make(extra={"input": SENTENCE, "title": "Burns"})

    told = {"ways": ["rewrite"], **options}
    return [row async for row in transformed(source(), llm, **told)]


def small(*answers: Any) -> Scripted:
    return Scripted([*answers], parameters=135_000_000)


async def test_a_faithful_candidate_is_taken_and_verified() -> None:
    llm = small(f" {GOOD}\nText: another")
    (row,) = await made(llm)
    assert (row.input, row.response, row.extra["title"]) == (SENTENCE, GOOD, "Burns")
    assert stands(row) == ("transformed", None)
    assert tier_of(row)[0] == "verified"
    assert str(llm.requests[0].prompt).rstrip().endswith(f"Text: {SENTENCE}\nReworded:")


async def test_larger_models_are_asked_in_a_chat() -> None:
    llm = Scripted([GOOD], parameters=7_000_000_000)
    (row,) = await made(llm)
    assert row.response == GOOD
    assert SENTENCE in str(llm.requests[0])
    assert "Reworded:" not in str(llm.requests[0])


async def test_the_first_that_loses_nothing_is_taken() -> None:
    llm = small(SENTENCE, " See a doctor.", GOOD)
    (row,) = await made(llm)
    assert row.response == GOOD
    failed = row.provenance["response"]["failed"]
    assert failed[0] == "It is the same text."
    assert "number was lost" in failed[1]


async def test_where_none_is_faithful_the_row_says_why() -> None:
    (row,) = await made(small("See a doctor.", "", GOOD.replace("Pell", "Ostrel")))
    assert row.verdict is not None
    assert row.verdict.reasons == ("not_faithful",)
    assert len(row.verdict.details["not_faithful"]) == 3


async def test_a_text_without_a_sentence_to_say_otherwise_says_so() -> None:
    """Else its row would be gone."""
    rows = [Row.make(extra={"input": "Rain. Wind and fog."})]
    (row,) = [row async for row in transformed(rows, small(), ways=["rewrite"])]
    assert row.verdict is not None
    assert row.verdict.reasons == ("nothing_to_transform",)


async def test_shorter_must_be_shorter() -> None:
    (row,) = await made(small(GOOD + " ", GOOD, GOOD), ways=["shorten"])
    assert row.verdict is not None
    assert "It is not shorter." in row.verdict.details["not_faithful"]


async def test_what_was_changed_afterwards_is_found() -> None:
    (row,) = await made(small(GOOD))
    for changes in (
        {"response": GOOD.replace("2", "3")},
        {"response": SENTENCE},
        {"instruction": "Say the opposite of this."},
        {"extra": {"input": SENTENCE.replace("Pell", "Ostrel")}},
    ):
        assert stands(row.replace(**changes))[1] is not None


async def test_an_error_fails_its_row_and_wrong_ways_are_refused() -> None:
    (row,) = await made(small(EngineError("the power went")))
    assert row.status == "failed"
    with pytest.raises(InputError, match="no way 'louder'"):
        await made(small(), ways=["louder"])
    with pytest.raises(InputError, match="ways is empty"):
        await made(small(), ways=[])


@pytest.mark.real
async def test_smollm_is_believed_only_where_it_loses_nothing(smollm: LlamaCpp) -> None:
    async def source() -> AsyncGenerator[Row]:
        yield Row.make(key="a", extra={"input": SENTENCE})

    rows = [row async for row in transformed(source(), smollm, seed=1)]
    assert len(rows) == 1
    for row in rows:
        if row.response is None:
            assert row.verdict is not None
            assert row.verdict.reasons == ("not_faithful",)
        else:
            assert stands(row) == ("transformed", None)
    assert rows == [row async for row in transformed(source(), smollm, seed=1, concurrency=1)]
