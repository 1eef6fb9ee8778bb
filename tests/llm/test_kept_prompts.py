"""The same prompt, other forced prefixes: the prompt is read once, and that never shows."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing

import msgspec
import numpy as np
import pytest

from evolsynth.errors import EngineError
from evolsynth.llm.base import Completion, Prompt, Request, Usage
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.llm.llamacpp.context import Context
from evolsynth.llm.llamacpp.jobs import Generation, JobQueue
from evolsynth.llm.llamacpp.model import Model, TokenisedPrompt
from evolsynth.llm.llamacpp.worker import Prefilled, PrefixStore
from evolsynth.streams import ordered_map

SHARED = "Each request has one more demand.\n\nRequest: Name a river.\nDemand: Say where it ends."
OWN = "\n\nRequest: Tell me how rain is made, and why it falls.\nDemand:"
PREFIXES = (
    " Use",
    " Then write",
    " Give",
    " End with a",
    " In",
    " Also name the",
    " Do not",
    " As",
)

real = pytest.mark.real


def request(prefix: str, *, own: str = OWN, shared: str = SHARED, seed: int = 1) -> Request:
    return Request(
        prompt=Prompt.of(own, shared=shared),
        prefix=prefix,
        seed=seed,
        max_tokens=6,
        min_tokens=2,
        logprobs=True,
        keep_prompt=True,
    )


#: Eight prefixes of one prompt, two candidates of one, the prompt by itself, the prompt without a
#: mark that it is kept, prompts without a shared or an own part, a tail of many tokens.
LOT = [
    *(request(prefix, seed=i) for i, prefix in enumerate(PREFIXES)),
    request(PREFIXES[0], seed=20),
    request("", seed=21),
    msgspec.structs.replace(request("", seed=22), keep_prompt=False),
    msgspec.structs.replace(request(PREFIXES[1], seed=23), keep_prompt=False),
    *(request(prefix, shared="", seed=24) for prefix in PREFIXES[:2]),
    *(request(prefix, own="", seed=25) for prefix in PREFIXES[:2]),
    request(" Say it in words that a child knows," * 12, seed=26),
]

Bits = list[tuple[object, ...]]


def tokens(model: Model, prefix: str, *, own: str = OWN, shared: str = SHARED) -> TokenisedPrompt:
    return model.tokenise(Prompt.of(own, shared=shared), prefix, keep_prompt=True)


def bits(done: Completion) -> tuple[object, ...]:
    return done.text, tuple((t.token, t.logprob.hex()) for t in done.logprobs)


@pytest.fixture(scope="module")
def alone() -> Bits:
    """One after another, nothing stored."""

    async def run() -> Bits:
        async with LlamaCpp(slots=1, contexts=1, threads=1, store=0, context=512) as llm:
            return [bits(await llm.complete(r)) for r in LOT]

    return asyncio.run(run())


@real
@pytest.mark.parametrize(
    ("slots", "contexts", "store", "cancel"),
    [
        (2, 2, 64, True),
        (8, 1, 64, True),
        pytest.param(1, 1, 64, False, marks=pytest.mark.slow),
        pytest.param(8, 2, 1, False, marks=pytest.mark.slow),
        pytest.param(8, 2, 0, True, marks=pytest.mark.slow),
    ],
)
async def test_every_arrangement_gives_the_same_bits(
    alone: Bits, slots: int, contexts: int, store: int, cancel: bool
) -> None:
    order = random.Random(10 * slots + contexts).sample(range(len(LOT)), len(LOT))
    async with LlamaCpp(slots=slots, contexts=contexts, threads=1, store=store, context=512) as llm:
        tasks: dict[int, asyncio.Task[Completion]] = {}
        for place, i in enumerate(order):
            other = asyncio.create_task(llm.complete(request(PREFIXES[place % 8], seed=99)))
            tasks[i] = asyncio.create_task(llm.complete(LOT[i]))
            if cancel:
                await asyncio.sleep(0.03 * (place % 3))  # some wait, some are under way
                other.cancel()
        await asyncio.gather(*tasks.values())
    assert [bits(tasks[i].result()) for i in range(len(LOT))] == alone


@real
@pytest.mark.parametrize("contexts", [1, 2])
async def test_the_prompt_is_read_once_for_all_prefixes(contexts: int) -> None:
    async with LlamaCpp(slots=8, contexts=contexts, threads=1, context=256) as llm:
        prompts = [tokens(llm._running(), prefix) for prefix in PREFIXES]
        await llm.complete(Request(prompt=Prompt.of(" It", shared=SHARED), seed=1, max_tokens=1))
        before = msgspec.structs.replace(llm.usage)
        await asyncio.gather(*(llm.complete(request(prefix)) for prefix in PREFIXES))
        after = llm.usage
    shared, own = len(prompts[0].shared), len(prompts[0].own)
    assert gained(before, after) == {
        "prompt_tokens": own + sum(len(p.tail) for p in prompts),
        "saved_prompt_tokens": shared + 7 * (shared + own),
        "prefix_hits": 1,
        "forks": 7,
    }


def gained(before: Usage, after: Usage) -> dict[str, int]:
    names = ("prompt_tokens", "saved_prompt_tokens", "prefix_hits", "forks")
    return {name: getattr(after, name) - getattr(before, name) for name in names}


@real
@pytest.mark.parametrize("contexts", [1, 2])
@pytest.mark.parametrize("at", ["own", "tail"])
async def test_an_error_while_a_prompt_is_read_leaves_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch, contexts: int, at: str
) -> None:
    """One request fails; the next that has the prompt reads it, and the others take a copy."""
    read, failed = Context.read, False

    async with LlamaCpp(slots=2, contexts=contexts, threads=1, context=256) as llm:
        prompt = tokens(llm._running(), PREFIXES[0])

        def fails_once(self: Context, sequence: int, part: tuple[int, ...], position: int):  # type: ignore[no-untyped-def]
            nonlocal failed
            if not failed and part == getattr(prompt, at):
                failed = True
                raise EngineError("llama.cpp could not decode (code 1: no slot).")
            return read(self, sequence, part, position)

        monkeypatch.setattr(Context, "read", fails_once)
        lot = (llm.complete(request(prefix)) for prefix in PREFIXES)
        async with asyncio.timeout(60):
            done = await asyncio.gather(*lot, return_exceptions=True)
        assert [type(d) for d in done].count(EngineError) == 1
        assert [type(d) for d in done].count(Completion) == len(PREFIXES) - 1
        assert llm.usage.forks == (6 if at == "own" else 7)
        assert not llm._queue._being_read  # type: ignore[union-attr]


@real
def test_a_prompt_that_is_kept_is_cut_before_the_prefix(loaded_model: Model) -> None:
    kept = tokens(loaded_model, " Use")
    assert kept.head == loaded_model.tokenise(Prompt.of(OWN, shared=SHARED))
    assert kept.tail == loaded_model.tokenise_continuation(" Use")
    assert len(kept) == len(kept.shared) + len(kept.own) + len(kept.tail)


@real
@pytest.mark.parametrize("shared", ["", SHARED])
def test_without_a_prefix_or_an_own_part_there_is_nothing_to_cut(
    loaded_model: Model, shared: str
) -> None:
    bare = Prompt.of(OWN, shared=shared)
    assert loaded_model.tokenise(bare, keep_prompt=True) == loaded_model.tokenise(bare)
    empty = Prompt.of("", shared=shared)
    cut = loaded_model.tokenise(empty, " Use", keep_prompt=True)
    assert cut == loaded_model.tokenise(empty, " Use")
    assert cut.head is None


def job(*tail: int, own: tuple[int, ...] = (2,)) -> Generation:
    return Generation(TokenisedPrompt((1,), own, tail), request("".join(map(str, tail))))


async def test_what_an_earlier_row_asks_comes_first_and_else_what_was_asked_first() -> None:
    jobs: dict[int, list[Generation]] = {}

    async def ask(number: int) -> None:
        if number == 1:  # it asks last
            await asyncio.sleep(0.01)
        jobs[number] = [job(own=(number, 1)), job(own=(number, 2))]
        for one in jobs[number]:
            queue.put(one)

    queue = JobQueue()
    async with aclosing(ordered_map([1, 2, 3], ask, concurrency=3)) as done:
        async for _ in done:
            pass
    before = job(own=(9,))  # of nobody's row
    queue.put(before)
    taken = [queue.take(wait=False) for _ in range(7)]
    assert taken == [before, *jobs[1], *jobs[2], *jobs[3]]


async def test_jobs_with_a_head_that_is_being_read_are_passed_over() -> None:
    queue = JobQueue()
    first, second, other = job(3), job(4), job(3, own=(9,))
    for one in (first, second, other):
        queue.put(one)
    assert queue.take(wait=False) is first
    assert queue.take(wait=False) is other
    assert queue.take(wait=False) is None
    queue.has_head(first)  # its own tail is still to be read
    assert queue.take(wait=False) is second


async def test_a_head_is_let_go_by_the_job_that_holds_it_alone() -> None:
    queue = JobQueue()
    first, second, third = job(3), job(4), job(5)
    for one in (first, second, third):
        queue.put(one)
    assert queue.take(wait=False) is first
    queue.has_head(first)
    assert queue.take(wait=False) is second
    queue.has_read(first)  # ends, while the second has the head
    assert queue.take(wait=False) is None
    queue.has_read(second)
    assert queue.take(wait=False) is third


async def test_a_prompt_by_itself_waits_for_its_like_as_a_head() -> None:
    queue = JobQueue()
    tailed, plain = job(3), job()
    queue.put(tailed)
    queue.put(plain)
    assert queue.take(wait=False) is tailed
    assert queue.take(wait=False) is None
    queue.has_head(tailed)
    assert queue.take(wait=False) is plain


def entry(size: int) -> Prefilled:
    return Prefilled(np.zeros(size, dtype=np.uint8), np.zeros(1, dtype=np.float32))


def test_shared_parts_are_not_pushed_out_by_other_prompts() -> None:
    store = PrefixStore(4, most_bytes=1000, most_prompt_bytes=100)
    store.put((1,), entry(500))
    prompts = [TokenisedPrompt((1,), (i,)) for i in range(50)]
    for prompt in prompts:
        store.put(prompt, entry(30))
    assert store.get((1,)) is not None
    assert [p.own[0] for p in prompts if store.get(p) is not None] == [48, 49]  # 2 times 34 bytes


def test_a_store_of_no_entries_keeps_nothing() -> None:
    store = PrefixStore(0)
    for key in ((1,), TokenisedPrompt((1,), (2,))):
        store.put(key, entry(1))
        assert store.get(key) is None
