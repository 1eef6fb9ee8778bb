"""Magpie: what row i says depends on the seed and on i, and on nothing else."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.errors import CapabilityError, EngineError, InputError, RequestError
from evolsynth.llm.base import Capability, Request
from evolsynth.llm.scripted import Answer, Scripted
from evolsynth.methods.magpie.magpie import INSTRUCTION_SAMPLING, magpie
from evolsynth.prompts import load_prompt
from evolsynth.rows import Row


def from_seed(request: Request) -> str:
    return f"Name {request.seed} rivers.\nAnd then some debris"


async def rows_of(llm: Scripted, **options: Any) -> list[Row]:
    """As in the paper, without openings, unless they are asked for."""
    return [row async for row in magpie(llm, **{"seed": 7, "openings": ("",), **options})]


async def test_each_row_is_an_instruction_that_says_how_it_was_made() -> None:
    llm = Scripted([" Name three rivers.\nSure! The Rhine,"])
    (row,) = await rows_of(llm, n=1)
    assert row.instruction == "Name three rivers."
    assert (row.method, row.status, row.round) == ("magpie", "pending", 0)
    made = row.provenance["instruction"]
    assert made["model"] == "scripted"
    assert made["seed"] == llm.requests[0].seed
    assert made["sampling"]["temperature"] == INSTRUCTION_SAMPLING.temperature
    assert made["finish_reason"] == "stop"
    assert len(made["template_sha256"]) == 16
    assert "prompt" not in made


async def test_the_model_is_shown_only_what_stands_before_the_users_words() -> None:
    llm = Scripted(from_seed)
    await rows_of(llm, n=2)
    for request in llm.requests:
        assert str(request.prompt).endswith("<|im_start|>user\n")
        assert "You answer as you were told." in str(request.raw)
        assert request.stop == ("\n", "<|im_end|>")


async def test_a_system_prompt_takes_the_default_ones_place_and_stays_with_the_row() -> None:
    llm = Scripted(from_seed)
    (row,) = await rows_of(llm, n=1, system_prompt="You teach <|im_end|> botany.")
    prompt = llm.requests[0].raw
    assert "as you were told" not in str(prompt)
    assert [s.text for s in prompt.segments if not s.control] == ["You teach <|im_end|> botany."]
    assert row.system == "You teach <|im_end|> botany."


async def test_openings_are_the_rows_first_words_and_come_from_a_prompt_file() -> None:
    file = load_prompt("magpie/openings")
    rows = await rows_of(Scripted(lambda _: " three rivers."), n=60, openings=None)
    known = tuple(file.value("openings"))
    assert all((row.instruction or "").startswith(known) for row in rows)
    assert len({row.instruction for row in rows}) > 5
    assert rows[0].provenance["instruction"]["prompt_sha256"] == file.sha256


async def test_openings_are_drawn_evenly() -> None:
    llm = Scripted(from_seed)
    await rows_of(llm, n=200, openings=("Why", "How"))
    assert 75 <= sum(request.prefix == "Why" for request in llm.requests) <= 125


async def test_openings_need_a_back_end_that_can_be_given_first_words() -> None:
    llm = Scripted(from_seed, capabilities=[Capability.RAW_PROMPT])
    assert len(await rows_of(llm, n=1)) == 1
    with pytest.raises(CapabilityError, match="openings"):
        await rows_of(llm, n=1, openings=("Why",))


async def test_stop_is_the_users_to_choose() -> None:
    (row,) = await rows_of(Scripted(["Sort this:\n3 1 2"]), n=1, stop=())
    assert row.instruction == "Sort this:\n3 1 2"


async def test_an_answer_that_ran_out_of_tokens_says_so() -> None:
    (row,) = await rows_of(Scripted(["Name three very long rivers"]), n=1, max_tokens=3)
    assert row.instruction == "Name three very"
    assert row.provenance["instruction"]["finish_reason"] == "length"


async def test_the_same_seed_gives_the_same_bytes_whoever_finishes_first() -> None:
    waits = random.Random(5)
    slow = Scripted(from_seed, delay=lambda _: waits.random() / 100)
    one = [r.to_json() for r in await rows_of(Scripted(from_seed), n=40, concurrency=1)]
    sixteen = [r.to_json() for r in await rows_of(slow, n=40, concurrency=16)]
    assert one == sixteen
    assert slow.most_active == 16


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 9))
def test_a_longer_run_begins_with_the_rows_of_a_shorter_one(a: int, b: int, width: int) -> None:
    short, long = sorted((a, b))
    few = asyncio.run(rows_of(Scripted(from_seed), n=short))
    many = asyncio.run(rows_of(Scripted(from_seed), n=long, concurrency=width))
    assert many[:short] == few
    assert len({row.id for row in many}) == long


async def test_another_seed_gives_other_rows_with_other_ids() -> None:
    one = await rows_of(Scripted(from_seed), n=5, seed=1)
    other = await rows_of(Scripted(from_seed), n=5, seed=2)
    assert not {r.id for r in one} & {r.id for r in other}
    assert not {r.instruction for r in one} & {r.instruction for r in other}


async def test_two_rows_that_say_the_same_are_still_two_rows() -> None:
    one, other = await rows_of(Scripted(lambda _: "Name three rivers."), n=2)
    assert one.id != other.id


async def test_a_request_that_fails_gives_a_failed_row_in_its_place() -> None:
    answers: list[Answer] = ["Name a river.", EngineError("The power went."), "Name a lake."]
    rows = await rows_of(Scripted(answers), n=3, concurrency=1)
    assert [r.instruction for r in rows] == ["Name a river.", None, "Name a lake."]
    assert [r.status for r in rows] == ["pending", "failed", "pending"]
    assert rows[1].failure is not None
    assert (rows[1].failure.step, rows[1].failure.error) == ("magpie", "EngineError")


async def test_every_request_failing_still_gives_every_row_its_own_id() -> None:
    rows = await rows_of(Scripted(lambda _: RequestError("Too long.")), n=4)
    assert [r.status for r in rows] == ["failed"] * 4
    assert len({r.id for r in rows}) == 4


async def test_leaving_early_cancels_what_is_under_way() -> None:
    llm = Scripted(from_seed, delay=lambda r: 0 if len(llm.requests) <= 2 else 30)
    async with aclosing(magpie(llm, n=1000, concurrency=8)) as rows:
        assert (await anext(rows)).instruction is not None
        await asyncio.sleep(0.01)
        assert llm.active > 0
    assert llm.active == 0
    assert len(llm.requests) < 20
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_no_rows_asks_nothing() -> None:
    llm = Scripted([])
    assert await rows_of(llm, n=0) == []
    assert llm.requests == []


async def test_fewer_than_no_rows_is_refused() -> None:
    with pytest.raises(InputError, match="n is -1"):
        await rows_of(Scripted([]), n=-1)


async def test_no_concurrency_is_refused_and_not_taken_for_the_default() -> None:
    with pytest.raises(InputError, match="concurrency is 0"):
        await rows_of(Scripted(from_seed), n=1, concurrency=0)


async def test_a_back_end_that_cannot_continue_a_raw_prompt_is_refused_at_once() -> None:
    llm = Scripted(from_seed, capabilities=[Capability.SEED], name="remote")
    with pytest.raises(CapabilityError, match="Magpie needs"):
        await rows_of(llm, n=1)
    assert llm.requests == []


async def test_a_system_prompt_for_a_model_that_has_no_such_turn_begins_the_users() -> None:
    source = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
        "{% endif %}<u>{{ m.content }}</u>{% endfor %}"
    )
    llm = Scripted(from_seed, chat_template=source)
    (row,) = await rows_of(llm, n=1, system_prompt="Be brief.")
    assert row.system == "Be brief."
    assert str(llm.requests[0].raw).startswith("<u>Be brief.\n\n")
