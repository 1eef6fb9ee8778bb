"""Who is asked what next: what was begun is finished before anything newer is."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import server_shapes as shapes
from answering_server import answering

from evolsynth.llm.base import Request, Sampling
from evolsynth.llm.server import Server
from evolsynth.llm.server.endpoints import Endpoint, places_of
from evolsynth.llm.server.limits import Limits
from evolsynth.llm.server.patience import Times
from evolsynth.llm.server.turns import Asked, Turns, one_work
from evolsynth.rows import Message


def a_line(at_once: int = 1) -> Turns:
    limits = Limits(concurrency=at_once)
    return Turns(places_of([Endpoint("http://127.0.0.1:1")], limits, Times()), limits)


async def ask(turns: Turns, told: list[str], what: str, tokens: int) -> None:
    asked = Asked("POST", what, b"", tokens)
    place = await turns.place_for(asked)
    told.append(what)
    await asyncio.sleep(0)  # the answer
    turns.leave(place, asked)


async def test_answers_that_take_several_questions_are_finished_before_more_are_begun() -> None:
    """Each asked in its turn alone, none would be there, and kept, before all are nearly so."""
    turns, at_once = a_line(4), 4
    told: list[str] = []
    begun: list[int] = []

    async def answer(number: int) -> None:
        with one_work():
            for part in "abc":
                await ask(turns, told, f"{number}{part}", 10)
        begun.append(sum(question.endswith("a") for question in told))

    await asyncio.gather(*(answer(number) for number in range(40)))
    assert all(there <= done + 2 * at_once for done, there in enumerate(begun, 1))
    assert len(told) == 3 * 40


async def test_what_costs_no_tokens_waits_for_no_answers() -> None:
    """A text is read as tokens before it is asked, and its end is looked up after: all answers
    would wait for one of these."""
    turns = a_line()
    told: list[str] = []
    long = [asyncio.create_task(ask(turns, told, f"answer {n}", 100)) for n in range(5)]
    await asyncio.sleep(0)
    await ask(turns, told, "tokens", 0)
    assert told[:2] == ["answer 0", "tokens"]
    await asyncio.gather(*long)
    assert told[2:] == [f"answer {n}" for n in range(1, 5)]


async def test_work_inside_of_work_has_its_own_place_and_the_outer_one_gets_its_back() -> None:
    with one_work():
        outer = Asked("POST", "/")
        with one_work():
            inner = Asked("POST", "/")
        again = Asked("POST", "/")
    assert outer.arrived == again.arrived < inner.arrived < Asked("POST", "/").arrived


async def test_who_is_cancelled_leaves_the_line_in_order() -> None:
    turns = a_line()
    told: list[str] = []
    asking = [asyncio.create_task(ask(turns, told, str(n), 10)) for n in range(4)]
    await asyncio.sleep(0)
    asking[2].cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    assert told == ["0", "1", "3"]
    assert len(turns) == 0


async def test_a_server_finishes_answers_before_it_is_asked_for_more() -> None:
    """Each answer is none of the choices at first, and is asked for again."""
    seen: Counter[str] = Counter()
    done: list[int] = []

    def chat(body: Any) -> Any:
        asked = body["messages"][-1]["content"]
        seen[asked] += 1
        assert len(seen) <= len(done) + 8
        return shapes.chat_answer('{"answer": "yes"}' if seen[asked] > 1 else "perhaps")

    async def answer(llm: Server, number: int) -> None:
        question = (Message("user", f"Is {number} a number?"),)
        drawn = Sampling(temperature=0.7)
        request = Request(messages=question, seed=number, choices=("yes", "no"), sampling=drawn)
        assert (await llm.complete(request)).text == "yes"
        done.append(number)

    async with (
        answering(shapes.OPENAI | {"POST /v1/chat/completions": chat}) as server,
        Server(f"openai:m@{server.url}", concurrency=4) as llm,
    ):
        await asyncio.gather(*(answer(llm, number) for number in range(40)))
    assert set(seen.values()) == {2}
