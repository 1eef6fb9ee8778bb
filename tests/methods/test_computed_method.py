"""Problems as rows: which sets, how often steps, the same at any concurrency, other words."""

from __future__ import annotations

import asyncio
import importlib.util
from collections import Counter
from typing import Any

import pytest

from evolsynth.errors import CapabilityError, InputError, SetupError
from evolsynth.evaluation.grounds.ground import stands
from evolsynth.llm.base import Capability, Request
from evolsynth.llm.scripted import Scripted
from evolsynth.methods.computed.computed import chosen_sets, computed
from evolsynth.rows import Row


async def rows_of(n: int, llm: Scripted | None = None, **options: Any) -> list[Row]:
    return [row async for row in computed(llm, n=n, **options)]


async def test_a_row_holds_its_question_its_answer_and_why_it_is_right() -> None:
    (row,) = await rows_of(1, seed=3, sets=["percent"], steps=1.0)
    assert row.method == "computed"
    assert "%" in (row.instruction or "")
    assert "\n" in (row.response or "")
    made, answered = row.provenance["instruction"], row.provenance["response"]
    assert (made["kind"], made["prompt"]) == ("percent", "computed/percent")
    assert answered["ground"]["kind"] == "computed"
    assert answered["ground"]["answer"] in (row.response or "")


async def test_a_longer_run_begins_with_the_shorter_and_concurrency_changes_nothing() -> None:
    short, long = await rows_of(12, seed=1), await rows_of(30, seed=1, concurrency=1)
    assert long[:12] == short
    assert long == await rows_of(30, seed=1, concurrency=16)
    assert long != await rows_of(30, seed=2)


async def test_texts_go_to_the_input() -> None:
    rows = await rows_of(20, sets=["table"])
    assert all(row.input and row.input not in (row.instruction or "") for row in rows)
    assert all(row.input is None for row in await rows_of(5, sets=["percent"]))


async def test_no_wording_has_more_than_three_in_a_hundred_rows() -> None:
    rows = await rows_of(600, seed=9)
    counts = Counter(row.provenance["instruction"]["wording"] for row in rows)
    assert max(counts.values()) / len(rows) <= 0.03
    assert len({(row.instruction, row.input) for row in rows}) > 590


async def test_steps_are_shown_as_often_as_asked_for() -> None:
    def forms(rows: list[Row]) -> Counter[str]:
        return Counter(row.provenance["response"]["ground"]["form"] for row in rows)

    assert set(forms(await rows_of(60, sets=["percent"], steps=1.0))) == {"steps"}
    assert "steps" not in forms(await rows_of(60, sets=["percent"], steps=0.0))
    assert len(forms(await rows_of(90, sets=["percent"]))) == 3


async def test_levels_change_the_size() -> None:
    small = await rows_of(40, sets=["table"], level="small")
    medium = await rows_of(40, sets=["table"], level="medium")
    assert max(len(r.input or "") for r in small) < max(len(r.input or "") for r in medium)


def test_sets_are_drawn_by_weight_and_groups_share_theirs() -> None:
    weights = chosen_sets({"own": 10.0, "percent": 5.0})
    assert weights["percent"] > 5 > weights["dates"] > 0
    assert not any(name.startswith("gym_") for name in weights)
    assert chosen_sets(["dates", "percent"]) == {"dates": 1.0, "percent": 1.0}
    assert chosen_sets(["dates=2, percent"]) == {"dates": 2.0, "percent": 1.0}


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (["percents"], "Did you mean 'percent'"),
        ({"percent": -1.0}, "must be a number from 0"),
        ({"percent": 0.0}, "No set of problems is left"),
        ([], "No set of problems is left"),
        (["percent=two"], "give a number"),
    ],
)
def test_sets_that_cannot_be_drawn_from_are_refused(sets: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        chosen_sets(sets)


async def test_a_share_of_steps_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        await rows_of(1, steps=2.0)


def test_without_reasoning_gym_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n == "reasoning_gym" else find(n, *a)
    )
    with pytest.raises(SetupError, match=r"pip install 'evolsynth\[computed\]'"):
        chosen_sets(["gym"])
    assert chosen_sets(["own"])


async def test_rows_of_reasoning_gym_stand() -> None:
    pytest.importorskip("reasoning_gym")
    for row in await rows_of(60, sets=["gym"], seed=4):
        assert stands(row) == ("computed", None)


def _said(request: Request) -> str:
    asked = str(request.prompt).rstrip().removesuffix("Again:").rpartition("Question: ")[2].strip()
    return f" Please tell me about this one: {asked[:1].lower()}{asked[1:]}"


async def test_other_words_are_taken_where_nothing_is_lost() -> None:
    llm = Scripted(lambda r: _said(r).replace("tell me about this one: ", "") + " Thank you very"
                   " much indeed, dear friend of mine", parameters=135_000_000)  # fmt: skip
    (row,) = await rows_of(1, llm, sets=["percent"], reword=True, seed=8)
    assert stands(row) == ("computed", None)
    assert "reworded" in row.provenance["instruction"]


async def test_where_a_number_is_lost_the_instruction_stays() -> None:
    plain = await rows_of(6, sets=["percent"], seed=8)
    llm = Scripted(lambda _: " How much is that?", parameters=135_000_000)
    rows = await rows_of(6, llm, sets=["percent"], reword=True, seed=8)
    assert [r.instruction for r in rows] == [r.instruction for r in plain]
    assert all(len(r.provenance["instruction"]["reworded"]["failed"]) == 3 for r in rows)
    assert len(llm.requests) == 18


async def test_reword_needs_a_model_that_can_be_asked() -> None:
    with pytest.raises(InputError, match="needs a model"):
        await rows_of(1, reword=True)
    able = Scripted([], parameters=135_000_000, capabilities=frozenset({Capability.CHAT}))
    with pytest.raises(CapabilityError):
        await rows_of(1, able, reword=True)


async def test_a_run_that_is_cancelled_stops() -> None:
    stream = computed(seed=1, concurrency=4)
    assert (await anext(stream)).instruction
    task = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
