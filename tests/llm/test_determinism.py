"""The guarantee: a request's tokens and log-probabilities depend on nothing but the request.

Every arrangement below must give the same bits: slots, contexts, stored prefixes, order of
arrival, neighbours that are cancelled half-way.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from evolsynth.llm.base import Completion, Prompt, Request, Sampling, Score
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp import context as context_module
from evolsynth.llm.llamacpp import worker as worker_module

pytestmark = [pytest.mark.real]

SHARED = "Each line is a question.\n\n- What is rain made of?\n\n- Who wrote the first novel?"
OWN = ["\n\n- How", "\n\n- Why do cats", "\n\n- Where is the", "\n\n- When did people first"]
LETTERS = 'root ::= [a-z ]+ "."'


def request(i: int) -> Request:
    """The i-th of a mixed lot: shared prefixes and none, long and short, all ways of drawing."""
    prompt = Prompt.of(OWN[i % 4], shared=SHARED) if i % 3 else Prompt.of(f"{i} apples and")
    if i == 3:  # past the first 256 cells, where llama.cpp may choose another path
        prompt = Prompt.of(f" {i}", shared="The river and the hill. " * 50)
    if i in (5, 6):  # two candidates of one prompt, which is read once
        prompt = Prompt.of("\n\n- Which of the", shared=SHARED)
    return Request(
        prompt=prompt,
        seed=i,
        max_tokens=4 + 6 * (i % 4),
        min_tokens=3,
        sampling=Sampling(temperature=0.0 if i == 4 else 0.9, repeat_penalty=1.1 if i % 2 else 1.0),
        banned=(" the", "a") if i == 7 else (),
        stop=(" ",) if i == 2 else (),
        grammar=LETTERS if i == 8 else None,
        logprobs=True,
    )


NUMBERS = list(range(10))
TEXTS = (" How does rain fall?", " It is made of water, and of what the wind took with it." * 3)

Bits = list[tuple[object, ...]]


def bits(done: Completion | Score) -> tuple[object, ...]:
    """All that a result says, with exact numbers."""
    exact = tuple((t.token, t.logprob.hex()) for t in done.logprobs)
    if isinstance(done, Score):
        return (exact,)
    return exact, done.text, done.finish_reason


async def everything(llm: LlamaCpp, order: list[int], *, cancel: bool = False) -> Bits:
    """All requests and scores at once, in the given order of arrival."""
    nuisance = [
        asyncio.create_task(llm.complete(Request(prompt=Prompt.of(f"Tale {i}"), seed=i)))
        for i in range(3 if cancel else 0)
    ]

    async def one(i: int) -> Completion | Score:
        if i < 100:
            return await llm.complete(request(i))
        return await llm.score(Prompt.of(SHARED), TEXTS[i - 100])

    tasks: dict[int, asyncio.Task[Completion | Score]] = {}
    for place, i in enumerate(order):
        tasks[i] = asyncio.create_task(one(i))
        if nuisance and place % 4 == 3:
            await asyncio.sleep(0.2)  # let some be under way before a neighbour goes
            nuisance.pop().cancel()
    await asyncio.gather(*tasks.values())
    return [bits(tasks[i].result()) for i in sorted(tasks)]


@pytest.fixture(scope="module")
def alone() -> Bits:
    """The results one after another, in a context of their own, nothing stored."""

    async def run() -> Bits:
        async with LlamaCpp(slots=1, contexts=1, threads=1, store=0, context=512) as llm:
            done: list[Completion | Score] = [await llm.complete(request(i)) for i in NUMBERS]
            done += [await llm.score(Prompt.of(SHARED), text) for text in TEXTS]
            return [bits(d) for d in done]

    return asyncio.run(run())


ALL = [*NUMBERS, 100, 101]


@pytest.mark.parametrize(
    ("slots", "contexts", "store", "shuffled", "cancel"),
    [
        (3, 2, 64, False, False),
        (7, 1, 2, True, True),
        pytest.param(2, 1, 0, True, False, marks=pytest.mark.slow),
        pytest.param(8, 2, 0, False, True, marks=pytest.mark.slow),
        pytest.param(16, 1, 64, True, True, marks=pytest.mark.slow),
    ],
)
def test_every_arrangement_gives_the_same_bits(
    alone: Bits, slots: int, contexts: int, store: int, shuffled: bool, cancel: bool
) -> None:
    order = random.Random(slots).sample(ALL, len(ALL)) if shuffled else ALL

    async def run() -> Bits:
        async with LlamaCpp(
            slots=slots, contexts=contexts, threads=1, store=store, context=512
        ) as llm:
            return await everything(llm, order, cancel=cancel)

    assert asyncio.run(run()) == alone


def test_the_lot_is_a_mixed_one(alone: Bits) -> None:
    """Guards the test itself: different answers, both ways to end, a ban that bit."""
    completions = alone[: len(NUMBERS)]
    assert len({text for _, text, _ in completions}) == len(NUMBERS)
    assert {reason for *_, reason in completions} == {"stop", "length"}
    assert "a" not in str(completions[7][1])


def test_rows_that_fill_up_a_batch_change_nothing(
    alone: Bits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """16 rows are faster than 15; the row added must not show in the others."""

    def bare(rows: int) -> int:
        return max(rows, context_module.LEAST_ROWS)

    monkeypatch.setattr(context_module, "padded", bare)
    monkeypatch.setattr(worker_module, "padded", bare)

    async def run() -> Bits:
        async with LlamaCpp(slots=7, contexts=1, threads=1, context=512) as llm:
            return await everything(llm, ALL)

    assert asyncio.run(run()) == alone


def test_two_threads_in_one_context_change_nothing(alone: Bits) -> None:
    """Measured here, not promised: another build may add up in another order."""

    async def run() -> Bits:
        async with LlamaCpp(slots=8, contexts=1, threads=2, context=512) as llm:
            return await everything(llm, ALL)

    assert asyncio.run(run()) == alone


@pytest.mark.parametrize("slots", [1, 2, 3, 4, 7, 12, 13, 16, 17, 31])
def test_padding_adds_at_most_three_rows(slots: int) -> None:
    assert slots <= context_module.padded(slots) <= max(slots + 3, context_module.LEAST_ROWS)
    assert context_module.padded(slots) >= context_module.LEAST_ROWS
    assert context_module.padded(context_module.padded(slots)) == context_module.padded(slots)
