"""Whatever a server does wrong, the answers are those of a calm run, each asked for no longer than
needed, and none is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from faulty import FAULTS, Faulty, answer_of, sometimes

from evolsynth.llm.server.patience import Times
from evolsynth.llm.server.transport import Endpoint, Transport

QUICK = Times(back_off=0.002)
IMPATIENT = Times(back_off=0.002, least=0.1, unseen=0.3, silent=0.3, tick=0.02, sign=0.05)
MANY = 40
# Served as they should be, in another way.
FINE = ("answer", "packed", "in chunks", "to the end", "twice", "sent on")
# These have tests of their own.
APART = ("sent elsewhere", "bomb", "twice, later")
NAMES = [name for name in FAULTS if name not in APART]


def reader(number: int) -> Callable[[Any], str]:
    """What takes only the answer to its own question."""

    def read(data: Any) -> str:
        if data["id"] != number:
            raise ValueError(f"the answer to {data['id']}")
        return str(data["answer"])

    return read


async def all_of(transport: Transport, many: int = MANY) -> list[str]:
    posts = (transport.post("/v1/x", {"id": n}, tokens=1, read=reader(n)) for n in range(many))
    return await asyncio.gather(*posts)


async def nothing_left() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("fault", NAMES)
async def test_a_fault_changes_no_answer(fault: str) -> None:
    slow = fault in ("loris", "silence")
    plan = sometimes(fault, most=1, share=0.1) if slow else sometimes(fault)
    async with Faulty(plan) as server:
        transport = Transport([Endpoint(server.url)], _times=IMPATIENT if slow else QUICK)
        await transport.start()
        answers = await all_of(transport)
        await transport.aclose()
    assert answers == [answer_of(n) for n in range(MANY)]
    assert set(server.answered) == set(range(MANY))
    assert set(server.answered.values()) == {1}, "asked again what was answered"
    bad = sum(server.asked.values()) - MANY
    assert bad == 0 if fault in FINE else bad > (0 if slow else MANY // 4)
    assert transport.stats.requests == MANY
    assert transport.stats.in_flight == 0
    await nothing_left()


async def test_what_comes_unasked_is_not_the_answer_to_the_next_question() -> None:
    async with Faulty(lambda number, nth: "twice, later") as server:
        transport = Transport([Endpoint(server.url)], _times=QUICK)
        await transport.start()
        for n in range(4):
            assert await transport.post("/v1/x", {"id": n}, read=reader(n)) == answer_of(n)
            await asyncio.sleep(0.02)
        await transport.aclose()
    assert server.connections == 4, "none can be trusted with a second question"
    assert set(server.answered.values()) == {1}


@pytest.mark.parametrize(
    "seed", [0, 3, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 4, 5))]
)
async def test_all_faults_at_once_change_no_answer(seed: int) -> None:
    names = [name for name in NAMES if name not in ("loris", "silence")]

    def plan(number: int, nth: int) -> str:
        chance = random.Random(f"{seed} {number} {nth}")
        return chance.choice(names) if nth < 2 and chance.random() < 0.5 else "answer"

    async with Faulty(plan, seconds=0.001) as one, Faulty(plan) as two:
        places = [Endpoint(one.url), Endpoint(two.url, 0.5)]
        transport = Transport(places, _times=QUICK)
        await transport.start()
        answers = await all_of(transport, 100)
        await transport.aclose()
    assert answers == [answer_of(n) for n in range(100)]
    assert set((one.answered + two.answered).values()) == {1}
    await nothing_left()


async def test_a_connection_that_was_closed_meanwhile_costs_no_attempt() -> None:
    closing = False

    def plan(number: int, nth: int) -> str:
        return "nothing" if closing and number == 1 and nth == 0 else "answer"

    async with Faulty(plan) as server:
        transport = Transport([Endpoint(server.url)], _times=Times(back_off=60))
        await transport.start()
        await transport.post("/v1/x", {"id": 0})
        closing = True
        assert (await transport.post("/v1/x", {"id": 1}))["answer"] == answer_of(1)
        await transport.aclose()
    assert transport.stats.retried == 0
    assert server.connections == 2
