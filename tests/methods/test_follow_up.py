"""Conversations that go on about the same text, every answer standing on its own ground."""

from __future__ import annotations

from typing import Any

import pytest

from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.tier import tier_of
from evolsynth.evaluation.grounds.ground import GROUNDS, Ground, stands
from evolsynth.methods.follow_up import follow_up
from evolsynth.rows import Message, Row

TEXT = "The ferry leaves Arlen at 7:40. It takes 35 minutes and carries 12 cars."
LEAVES = {"instruction": "When does the ferry leave Arlen?", "response": "At 7:40.", "is": "7:40"}
TAKES = {"instruction": "How long does the ferry take?", "response": "35 minutes.", "is": "35"}
CARS = {"instruction": "How many cars does the ferry carry?", "response": "12 cars.", "is": "12"}


def _why_not(row: Row, *, answer: str) -> str | None:
    asked = {one["is"]: one["instruction"] for one in (LEAVES, TAKES, CARS)}
    if row.instruction != asked.get(answer):
        return "That was not asked."
    return None if answer in TEXT and answer in (row.response or "") else "It is not there."


@pytest.fixture(autouse=True)
def _ground(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(GROUNDS)
    monkeypatch.setitem(GROUNDS._things, "told", Ground("told", _why_not))


def part(one: dict[str, str]) -> dict[str, Any]:
    ground = {"kind": "told", "answer": one["is"]}
    return {"instruction": one["instruction"], "response": one["response"], "ground": ground}


def first(*others: dict[str, str]) -> Row:
    told = part(LEAVES)
    return Row.make(
        told["instruction"],
        response=told["response"],
        method="grounded",
        extra={"input": TEXT, "title": "Ferry"},
        provenance={
            "instruction": {"kind": "time", "others": [part(one) for one in others]},
            "response": {"ground": told["ground"]},
        },
    )


async def made(*rows: Row, **options: Any) -> list[Row]:
    return [row async for row in follow_up(list(rows), **options)]


async def test_a_row_is_followed_by_a_conversation() -> None:
    row, talk = await made(first(TAKES, CARS), most=2, seed=4)
    assert row == first(TAKES, CARS)
    roles = [turn.role for turn in talk.messages]
    assert roles == ["user", "assistant"] * (len(roles) // 2)
    assert len(roles) in (4, 6)
    assert talk.messages[0].content == f"{LEAVES['instruction']}\n\n{TEXT}"
    assert talk.messages[1].content == "At 7:40."
    assert talk.messages[2].content.endswith("?")
    assert talk.parents == (row.id,)
    assert talk.extra == row.extra
    assert "others" not in talk.provenance["instruction"]
    assert stands(talk) == ("talk", None)
    assert tier_of(talk) == ("verified", ("ground:talk",))


async def test_a_later_answer_that_is_changed_makes_all_of_it_unverified() -> None:
    _, talk = await made(first(TAKES), seed=1)
    turns = talk.messages[:-1]
    spoilt = talk.replace(messages=(*turns, Message("assistant", "40 minutes.")))
    assert stands(spoilt)[1] == "Exchange 2 is another than was made."
    assert tier_of(spoilt)[0] == "unverified"
    parts = talk.provenance["response"]["ground"]["parts"]
    false = [parts[0], {**parts[1], "response": "40 minutes."}]
    made_up = spoilt.replace(provenance={"response": {"ground": {"kind": "talk", "parts": false}}})
    assert "Answer 2 stands on nothing" in str(stands(made_up)[1])
    assert stands(talk.replace(messages=talk.messages[:2]))[1] is not None
    assert stands(talk.replace(response="At 8:40."))[1] is not None


async def test_a_conversation_without_such_grounds_is_not_verified_by_its_first_answer() -> None:
    turns = (
        Message("user", "Write a poem in two lines."),
        Message("assistant", "One line.\nTwo lines."),
        Message("user", "Who wrote Hamlet?"),
        Message("assistant", "Marlowe."),
    )
    row = Row.make(turns[0].content, response=turns[1].content, messages=turns[:2])
    demanded = row.replace(instruction="Write a poem about rain in exactly two lines.")
    assert tier_of(demanded)[0] == "verified"
    assert tier_of(demanded.replace(messages=turns))[0] == "unverified"


async def test_rows_that_cannot_be_followed_pass_alone() -> None:
    others = [
        Row.make("Why?"),
        Row.make("Why?", response="So."),
        first(),
        first(TAKES).replace(response="At 9:40."),
        first(TAKES).replace(round=1),
        first(TAKES).replace(extra={}),
        first(TAKES).reject("empty"),
        first(TAKES).replace(provenance={"instruction": {"others": "x"}, "response": {}}),
    ]
    assert await made(*others) == others


@pytest.mark.parametrize(("share", "talks"), [(0.0, 0), (1.0, 20)])
async def test_so_many_of_the_rows_are_followed(share: float, talks: int) -> None:
    rows = [first(TAKES).replace(id=f"row {n}") for n in range(20)]
    got = await made(*rows, share=share)
    assert len(got) - len(rows) == talks
    some = await made(*rows, share=0.5)
    assert 20 < len(some) < 40
    assert some == await made(*rows, share=0.5)


async def test_the_gate_lets_a_conversation_through() -> None:
    rows = [row async for row in Gate().check(await made(first(TAKES, CARS), seed=2))]
    assert [row.status for row in rows] == ["accepted", "accepted"], [r.verdict for r in rows]
