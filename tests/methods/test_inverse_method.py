"""Good texts spoiled: what is taken of a text, what is asked, what is kept of the row."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from evolsynth.errors import InputError
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.methods.inverse.inverse import inverse
from evolsynth.methods.inverse.material import material
from evolsynth.rows import Row

TEXT = (
    "The old mill stands beside the river. It was built by two brothers, and its wheel is larger "
    "than a cart. Most of the flour was sold at the market, because there was too much of it."
)


async def stream(*rows: Row) -> AsyncGenerator[Row]:
    for row in rows:
        yield row


async def made(*rows: Row, **options: Any) -> list[Row]:
    return [row async for row in inverse(stream(*rows), **options)]


def about(text: str = TEXT, key: str = "", **extra: Any) -> Row:
    return Row.make(key=key, extra={"input": text, **extra})


async def test_the_answer_is_a_part_of_the_text_and_the_input_is_not() -> None:
    rows = await made(about(title="Mills", source="mill.md"), each=3)
    assert len(rows) > 1  # parts of one text may not overlap
    for row in rows:
        assert (row.response or "") in TEXT
        assert row.input not in (None, row.response)
        assert (row.extra["title"], row.extra["source"]) == ("Mills", "mill.md")
    assert len({row.provenance["instruction"]["kind"] for row in rows}) == len(rows)


async def test_no_part_is_taken_twice() -> None:
    rows = await made(about(), each=10)
    parts = [row.response or "" for row in rows]
    assert not any(a != b and a in b for a in parts for b in parts)


async def test_the_same_seed_gives_the_same_rows_at_any_concurrency() -> None:
    texts = [about(key=str(n)) for n in range(6)]
    assert await made(*texts, seed=1) == await made(*texts, seed=1, concurrency=1)
    assert await made(*texts, seed=1) != await made(*texts, seed=2)


async def test_texts_without_anything_to_spoil_are_rejected_and_others_pass_by() -> None:
    without = Row.make("Name a lake.")
    short, passed = await made(about("Too short."), without)
    assert short.verdict is not None
    assert short.verdict.reasons == ("nothing_to_spoil",)
    assert passed is without


async def test_only_the_ways_that_were_named() -> None:
    rows = await made(about(), spoilers=["doubled"], each=4)
    assert [row.provenance["instruction"]["kind"] for row in rows] == ["doubled"]
    with pytest.raises(InputError, match="Did you mean 'typos'"):
        await made(about(), spoilers=["typo"])
    with pytest.raises(InputError, match="spoilers is empty"):
        await made(about(), spoilers=[])


async def test_a_sentence_with_given_words_is_creative_and_stands() -> None:
    text = "Pelicans, herons and sturgeons live in the wide delta of the river. It is shallow."
    (row,) = await made(about(text), spoilers=["words"])
    assert row.response == "Pelicans, herons and sturgeons live in the wide delta of the river."
    assert all(word in row.response for word in (row.input or "").split(", "))
    assert stands(row) == ("restored", None)
    (judged,) = [one async for one in Gate().check([row])]
    assert judged.verdict is not None
    assert (judged.verdict.tier, judged.verdict.task) == ("verified", "creative")
    other = row.replace(response="Pelicans live in the delta.")
    assert stands(other) == ("restored", "The response is not the original.")


def test_what_a_text_consists_of() -> None:
    found = material(
        f"# Mills\n\n{TEXT}\n\n- first item\n- second item\n\n"
        "| A | B |\n|---|---|\n| 1 | x |\n| 2 | y |\n"
    )
    assert found["paragraph"] == [TEXT]
    assert found["sentence"] == [part for part in found["sentences"] if part.count(".") == 1]
    assert len(found["sentences"]) == 5  # of three sentences; one is too short to stand alone
    assert found["lines"] == ["- first item\n- second item"]
    assert found["table"] == ["| A | B |\n| --- | --- |\n| 1 | x |\n| 2 | y |"]
    assert material('{\n  "a": 1\n}')["json"] == ['{\n  "a": 1\n}']
    assert not any(material("").values())


def test_headings_broken_off_sentences_and_lists_are_no_sentences() -> None:
    text = "## A heading that is long enough to be one\n\nWhat is needed for the bread is this:\n"
    assert material(text)["sentences"] == []
