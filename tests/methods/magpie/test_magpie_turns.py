"""Conversations: who is steered by what, what a row holds, and where it ends."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from typing import Any

import pytest

from evolsynth.errors import EngineError, InputError
from evolsynth.llm.base import Request, Sampling
from evolsynth.llm.scripted import Answer, Scripted
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.methods.respond import respond
from evolsynth.prompts import load_prompt
from evolsynth.rows import Message, Row

STEERING = load_prompt("magpie/turns").part("system").strip()
TOPICS = ("rivers", "lakes", "glaciers", "harbours", "canals", "dams")


def asks(request: Request) -> bool:
    """Whether the user's words are wanted."""
    return str(request.prompt).endswith("<|im_start|>user\n")


def talk(request: Request) -> Answer:
    """Questions and answers that differ from turn to turn."""
    turn = str(request.prompt).count("<|im_start|>user")
    if asks(request):
        return f" do the {TOPICS[turn]} of country {request.seed % 97} matter?"
    return f"Its {TOPICS[-turn]} carry trade number {request.seed % 89} to the coast."


async def rows_of(llm: Scripted, **options: Any) -> list[Row]:
    return [row async for row in magpie(llm, **{"n": 3, "seed": 7, **options})]


async def test_turns_alternate_and_the_first_two_are_instruction_and_response() -> None:
    for row in await rows_of(Scripted(talk), n_turns=3):
        assert [m.role for m in row.messages] == ["user", "assistant"] * 3
        assert row.messages[0].content == row.instruction
        assert row.messages[1].content == row.response
        assert row.status == "pending"
        assert len(row.provenance["turns"]) == 4
        assert row.provenance["turns"][0]["prompt"] == "magpie/turns"


async def test_a_conversation_may_end_with_the_user() -> None:
    (row, *_) = await rows_of(Scripted(talk), n_turns=2, end_with_user=True)
    assert [m.role for m in row.messages] == ["user", "assistant", "user"]


async def test_the_prompt_for_several_turns_steers_the_users_later_words_alone() -> None:
    llm = Scripted(talk)
    await rows_of(llm, n=1, n_turns=3, system_prompt="You know water.")
    asked = [r for r in llm.requests if asks(r)]
    answered = [r for r in llm.requests if not asks(r)]
    assert [STEERING in str(r.prompt) for r in asked] == [False, True, True]
    assert not any(STEERING in str(r.prompt) for r in answered)
    assert all("You know water." in str(r.prompt) for r in llm.requests)
    assert len(asked) == len(answered) == 3


async def test_no_assistants_header_stands_before_a_users_words() -> None:
    llm = Scripted(talk)
    await rows_of(llm, n=1, n_turns=3, system_prompt="You know water.")
    for request in filter(asks, llm.requests):
        text = str(request.prompt)
        assert text.count("<|im_start|>assistant") == text.count("<|im_start|>user") - 1
        assert not re.search(r"<\|im_start\|>assistant\n<\|im_start\|>", text)


async def test_the_system_prompt_leads_the_messages_if_asked_for() -> None:
    (row, *_) = await rows_of(
        Scripted(talk), n_turns=2, system_prompt="You know water.", include_system_prompt=True
    )
    assert row.messages[0] == Message("system", "You know water.")
    (row, *_) = await rows_of(Scripted(talk), n_turns=2, system_prompt="You know water.")
    assert row.messages[0].role == "user"
    assert row.system == "You know water."


async def test_one_turn_is_only_an_instruction_unless_an_answer_is_asked_for() -> None:
    (row, *_) = await rows_of(Scripted(talk))
    assert (row.response, row.messages) == (None, ())
    (row, *_) = await rows_of(Scripted(talk), only_instruction=False)
    assert row.response
    assert row.messages == ()


async def test_an_answer_within_is_the_one_that_respond_gives() -> None:
    within = await rows_of(Scripted(talk), only_instruction=False)
    llm = Scripted(talk)
    after = [row async for row in respond(magpie(llm, n=3, seed=7), llm, seed=7)]
    assert within == after


async def test_instructions_and_responses_are_sampled_each_in_their_own_way() -> None:
    llm = Scripted(talk)
    cold, hot = Sampling(temperature=0.0), Sampling(temperature=1.0)
    await rows_of(
        llm,
        n_turns=2,
        sampling=hot,
        response_sampling=cold,
        max_tokens=50,
        response_max_tokens=70,
    )
    for request in llm.requests:
        wanted = (hot, 50) if asks(request) else (cold, 70)
        assert (request.sampling, request.max_tokens) == wanted


async def test_a_later_turn_is_drawn_again_while_something_is_said_against_it() -> None:
    def script(request: Request) -> Answer:
        turn = str(request.prompt).count("<|im_start|>user")
        if asks(request) and turn == 2:
            tries.append(request.seed)
            return "I am here to help you with that." if len(tries) < 3 else talk(request)
        return talk(request)

    tries: list[int] = []
    # an opening would hide what the script says
    (row,) = await rows_of(Scripted(script), n=1, n_turns=2, turns_prompt=None)
    assert len(set(tries)) == 3
    assert row.status == "pending"
    assert row.provenance["turns"][0]["candidate"] == 2


async def test_a_turn_that_stays_bad_rejects_the_row_with_what_there_is() -> None:
    def script(request: Request) -> Answer:
        turn = str(request.prompt).count("<|im_start|>user")
        return "I am here to help you." if asks(request) and turn == 2 else talk(request)

    llm = Scripted(script)
    (row,) = await rows_of(llm, n=1, n_turns=4, candidates=2, turns_prompt=None)
    assert row.verdict is not None
    assert row.verdict.reasons == ("bad_turn",)
    assert row.verdict.details["bad_turn"]["turn"] == 3
    assert "role_confusion" in row.verdict.details["bad_turn"]["reasons"]
    assert len(row.messages) == 3
    assert row.response is not None


async def test_an_answer_that_says_the_last_one_again_ends_the_conversation() -> None:
    def script(request: Request) -> Answer:
        return talk(request) if asks(request) else "Its trade goes down to the sea by barge."

    (row,) = await rows_of(Scripted(script), n=1, n_turns=3)
    assert row.verdict is not None
    assert row.verdict.details["bad_turn"] == {
        "turn": 4,
        "role": "assistant",
        "reasons": ["repeated_turn"],
    }


async def test_a_request_that_fails_in_the_middle_gives_a_failed_row_in_its_place() -> None:
    def script(request: Request) -> Answer:
        turn = str(request.prompt).count("<|im_start|>user")
        broken = turn == 2 and not asks(request) and "country 3" in str(request.prompt)
        return EngineError("The power went.") if broken else talk(request)

    rows = await rows_of(Scripted(script), n=12, n_turns=2)
    assert {row.status for row in rows} == {"pending", "failed"}
    failed = [row for row in rows if row.failure is not None]
    assert all(row.failure and row.failure.step == "magpie" and row.instruction for row in failed)
    assert len({row.id for row in rows}) == 12


async def test_the_same_seed_gives_the_same_conversations_whoever_finishes_first() -> None:
    one = await rows_of(Scripted(talk), n=8, n_turns=2, concurrency=1)
    slow = Scripted(talk, delay=lambda r: r.seed % 7 / 1000)
    assert await rows_of(slow, n=8, n_turns=2, concurrency=8) == one


async def test_leaving_early_cancels_conversations_under_way() -> None:
    llm = Scripted(talk, delay=lambda _: 0 if len(llm.requests) <= 6 else 30)
    async with aclosing(magpie(llm, n=100, n_turns=2, concurrency=4)) as rows:
        task = asyncio.ensure_future(anext(rows))
        await asyncio.sleep(0.05)
        assert llm.active > 0
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert llm.active == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_turns": 0}, "n_turns is 0"),
        ({"n_turns": 2, "only_instruction": True}, "contradict"),
        ({"only_instruction": False, "end_with_user": True}, "contradict"),
        ({"candidates": 0}, "candidates is 0"),
        ({"n_turns": 2, "include_system_prompt": True}, "nothing to include"),
    ],
)
async def test_options_that_contradict_each_other_are_refused(
    options: dict[str, Any], said: str
) -> None:
    llm = Scripted(talk)
    with pytest.raises(InputError, match=said):
        await rows_of(llm, **options)
    assert llm.requests == []
