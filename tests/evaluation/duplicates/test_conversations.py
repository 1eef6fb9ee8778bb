"""Conversations: what the user says later on is part of what is compared, answers are not."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from evolsynth.cli.main import main
from evolsynth.evaluation.diversity.summary import _text
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.rows import Message, Row

FIRST = "Name three large rivers of Europe and say where each of them begins."
LONG = (
    "Which of them is the longest, and through which countries and capitals does it flow "
    "before it comes to the sea, told in the order in which a boat would pass by them?"
)


async def iterated(rows: list[Row]) -> AsyncGenerator[Row]:
    for row in rows:
        yield row


def talk(*said: str) -> Row:
    roles = ("user", "assistant")
    turns = tuple(Message(roles[k % 2], text) for k, text in enumerate(said))  # type: ignore[arg-type]
    return Row.make(said[0], response=said[1], messages=turns, key=str(said))


ONE = "The Volga, the Danube and the Rhine; they begin in hills, in a forest and in mountains."
OTHER = "The Danube begins in the Black Forest, the Rhine in the Alps, the Elbe in Bohemia."
#: Conversations, and whether the second is a duplicate of the first.
PAIRS: dict[str, tuple[list[str], list[str], bool]] = {
    "the same": ([FIRST, ONE, "And of Asia?", "The Ob."], [FIRST, ONE, "And of Asia?", "The Ob."],
                 True),
    "other answers": ([FIRST, ONE, "And of Asia?", "The Ob."],
                      [FIRST, OTHER, "and of asia", "The Amur."], True),
    "another later turn": ([FIRST, ONE, "And of Asia?", "The Ob."],
                           [FIRST, ONE, "Which is the longest?", "The Volga."], False),
    "one more turn": ([FIRST, ONE, "And of Asia?", "The Ob."],
                      [FIRST, ONE, "And of Asia?", "The Ob.", "Thanks. And of Africa?", "The Nile"],
                      False),
    "a single turn": ([FIRST, ONE], [FIRST, ONE, "And of Asia?", "The Ob."], False),
    "a long turn with a comma": ([FIRST, ONE, LONG, "The Volga."],
                                 [FIRST, ONE, LONG.replace(", and", " and"), "The Volga."], True),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in PAIRS if "comma" not in name])
async def test_the_gate_compares_all_that_the_user_says(name: str) -> None:
    first, second, same = PAIRS[name]
    both = [talk(*first), talk(*second)]
    rows = [row async for row in Gate(None).check(iterated(both))]
    found = rows[1].verdict is not None and "exact_duplicate" in rows[1].verdict.reasons
    assert found == same


@pytest.mark.parametrize("form", ["messages", "sharegpt"])
@pytest.mark.parametrize("name", PAIRS)
def test_dedup_does_so_in_the_files_of_others(name: str, form: str, tmp_path: Path) -> None:
    first, second, same = PAIRS[name]

    def line(said: list[str]) -> dict[str, Any]:
        if form == "messages":
            roles = ("user", "assistant")
            return {"messages": [{"role": roles[k % 2], "content": t} for k, t in enumerate(said)]}
        roles = ("human", "gpt")
        return {"conversations": [{"from": roles[k % 2], "value": t} for k, t in enumerate(said)]}

    data, out = tmp_path / "talks.jsonl", tmp_path / "out.jsonl"
    data.write_text("".join(json.dumps(line(said)) + "\n" for said in (first, second)))
    assert main(["dedup", str(data), "-o", str(out), "--method", "minhash"]) == 0
    assert len(out.read_text().splitlines()) == (1 if same else 2)


def test_a_turn_of_parts_counts_too() -> None:
    parts = {"role": "user", "content": [{"type": "text", "text": "And of Asia?"}, {"type": "x"}]}
    data = {"instruction": FIRST, "messages": [{"role": "user", "content": FIRST}, parts]}
    assert Row.from_dict(data).around == "And of Asia?"


def test_input_and_later_turns_stand_together() -> None:
    turns = (Message("user", "Sum it up."), Message("assistant", "So."), Message("user", "Again."))
    row = Row.make("Sum it up.", messages=turns, extra={"input": "The lake froze in March."})
    assert row.around == "The lake froze in March.\n\nAgain."
    assert Row.make("Sum it up.").around == ""


def test_variety_takes_what_a_greeting_does_not_say() -> None:
    assert _text(talk("Hi!", "Hello.", "My bread does not rise.", "Wait."), "instruction") == (
        "Hi! My bread does not rise."
    )
    assert _text(talk(FIRST, ONE), "instruction") == FIRST
    assert _text(talk(FIRST, ONE, "Which rivers are longest?", "x"), "instruction") == FIRST
