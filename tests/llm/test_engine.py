"""The engine: what a request gives must not depend on anything but the request."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from typing import Any

import msgspec
import pytest

from evolsynth.errors import EngineError, InputError, ModelNotFound, RequestError
from evolsynth.llm.base import Prompt, Request, Sampling, Segment
from evolsynth.llm.llamacpp import LlamaCpp
from evolsynth.rows import Message

pytestmark = [pytest.mark.real]

SHARED = "Each line is a question.\n\n- What is rain made of?\n\n- Who wrote the first novel?"
OWN = ["\n\n- How", "\n\n- Why do cats", "\n\n- Where is the", "\n\n- When did people first"]


def request(i: int, **changes: object) -> Request:
    """The i-th of a mixed lot: shared prefixes, plain prompts, greedy and not, long and short."""
    prompt = Prompt.of(OWN[i % 4], shared=SHARED) if i % 3 else Prompt.of(f"{i} apples and")
    if i % 7 == 3:  # past the first 256 cells, where llama.cpp may choose another path
        prompt = Prompt.of(f" {i}", shared="The river and the hill. " * 50)
    fields: dict[str, object] = {
        "prompt": prompt,
        "seed": i,
        "max_tokens": 4 + 7 * (i % 4),
        "sampling": Sampling(
            temperature=0.0 if i % 5 == 0 else 0.9, repeat_penalty=1.1 if i % 2 else 1.0
        ),
    }
    return Request(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.asyncio(loop_scope="session")
async def test_candidates_of_one_prompt_read_it_once(smollm: LlamaCpp) -> None:
    prompt = Prompt.of("\n\n- How do bees find", shared=SHARED + " A marker: forks.")
    before = smollm.usage
    lot = [Request(prompt=prompt, seed=s, max_tokens=6) for s in range(8)]
    done = await asyncio.gather(*(smollm.complete(r) for r in lot))
    after = smollm.usage
    assert len({c.text for c in done}) > 1
    read = after.prompt_tokens - before.prompt_tokens
    # Each context reads the prompt itself, once at most.
    assert read <= smollm.contexts * done[0].prompt_tokens
    assert (
        after.saved_prompt_tokens - before.saved_prompt_tokens == 8 * done[0].prompt_tokens - read
    )


@pytest.mark.asyncio(loop_scope="session")
async def test_user_text_cannot_pass_for_a_control_token(smollm: LlamaCpp) -> None:
    """Somebody writes <|im_end|> in a question: the model must read characters."""
    turn = smollm.template.render([Message("user", "What does <|im_end|> mean?")])
    marked = smollm._running().tokenise(turn)
    end_token = smollm._running().tokenise(Prompt((Segment("<|im_end|>", control=True),))).own
    assert len(end_token) == 1
    tokens = (*marked.shared, *marked.own)
    assert tokens.count(end_token[0]) == 2  # of the system turn and of the user's, not a third


@pytest.mark.asyncio(loop_scope="session")
async def test_a_forced_prefix_begins_the_answer(smollm: LlamaCpp) -> None:
    done = await smollm.complete(
        Request(prompt=Prompt.of("The answer is"), prefix=" forty-two,", seed=1, max_tokens=3)
    )
    assert done.text.startswith(" forty-two,")
    assert done.tokens <= 3


@pytest.mark.asyncio(loop_scope="session")
async def test_a_stop_string_over_token_borders_is_cut_off(smollm: LlamaCpp) -> None:
    plain = Request(
        prompt=Prompt.of("one two three four"),
        seed=1,
        max_tokens=24,
        sampling=Sampling(temperature=0),
    )
    whole = await smollm.complete(plain)
    middle = whole.text[5:11]  # whatever it says there, cut across its tokens
    stopped = await smollm.complete(
        Request(prompt=plain.prompt, seed=1, max_tokens=24, sampling=plain.sampling, stop=(middle,))
    )
    assert stopped.text == whole.text[: whole.text.index(middle)]
    assert stopped.finish_reason == "stop"


@pytest.mark.asyncio(loop_scope="session")
async def test_an_answer_cut_by_max_tokens_says_so(smollm: LlamaCpp) -> None:
    done = await smollm.complete(Request(prompt=Prompt.of("Once upon"), seed=5, max_tokens=2))
    assert (done.finish_reason, done.tokens) == ("length", 2)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_request_too_long_for_a_slot_is_refused_before_it_enters(smollm: LlamaCpp) -> None:
    with pytest.raises(RequestError, match="a slot has 512"):
        await smollm.complete(Request(prompt=Prompt.of("word " * 600), seed=1))
    assert not RequestError.retryable


@pytest.mark.asyncio(loop_scope="session")
async def test_an_empty_prompt_is_refused(smollm: LlamaCpp) -> None:
    with pytest.raises(RequestError, match="empty"):
        await smollm.complete(Request(prompt=Prompt.of(""), seed=1))


async def test_a_cancelled_request_frees_its_slot() -> None:
    """With one slot, a request that nobody waits for must not keep the next one out."""
    async with LlamaCpp(slots=1, contexts=1, threads=1, context=512) as llm:
        endless = asyncio.create_task(llm.complete(request(1, max_tokens=400)))
        while not llm.usage.prompt_tokens:
            await asyncio.sleep(0.01)
        endless.cancel()
        with pytest.raises(asyncio.CancelledError):
            await endless
        done = await asyncio.wait_for(llm.complete(request(2, max_tokens=2)), timeout=60)
        assert done.tokens <= 2
        assert llm.usage.requests == 1


async def test_closing_fails_what_is_under_way_and_leaves_no_thread() -> None:
    before = threading.active_count()
    llm = LlamaCpp(slots=2, contexts=1, threads=1, context=512)
    async with llm:
        tasks = [asyncio.create_task(llm.complete(request(1, max_tokens=400))) for _ in range(4)]
        while not llm.usage.prompt_tokens:
            await asyncio.sleep(0.01)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(r, EngineError) and r.retryable for r in results)
    assert threading.active_count() <= before + 1  # the loop's own worker of `to_thread`
    with pytest.raises(EngineError, match="not running"):
        await llm.complete(request(1))


async def test_a_bug_in_the_engine_reaches_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that dies in silence would leave its callers waiting for ever."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("evolsynth.llm.llamacpp.worker.Slot", broken)
    async with LlamaCpp(slots=2, contexts=1, context=256) as llm:
        results = await asyncio.gather(
            *(llm.complete(request(i)) for i in range(3)), return_exceptions=True
        )
        assert all(isinstance(r, EngineError) and "a bug" in str(r) for r in results)
        with pytest.raises(EngineError, match="a bug"):
            await llm.complete(request(9))


async def test_a_decode_that_fails_fails_its_requests_and_no_later_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from evolsynth.llm.llamacpp.context import Context

    real, calls = Context._decode, 0

    def fails_at_the_third(self: Context) -> None:
        nonlocal calls
        calls += 1
        if calls == 5:  # after the warm-up's two and two prompts: the first step of both
            raise EngineError("llama.cpp could not decode (code 1: no slot).")
        real(self)

    monkeypatch.setattr(Context, "_decode", fails_at_the_third)
    async with LlamaCpp(slots=2, contexts=1, threads=1, context=256) as llm:
        lot = [request(i, prompt=Prompt.of(f"{i} pears and"), max_tokens=8) for i in (1, 2)]
        failed = await asyncio.gather(*(llm.complete(r) for r in lot), return_exceptions=True)
        assert all(isinstance(r, EngineError) and r.retryable for r in failed)
        again = await asyncio.gather(*(llm.complete(r) for r in lot))
        assert all(c.tokens for c in again)


async def test_an_unknown_model_says_how_to_get_one() -> None:
    with pytest.raises(ModelNotFound, match=r"Give the path of a \.gguf file"):
        await LlamaCpp("no/such.gguf").start()


async def test_a_file_that_is_no_gguf_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("models") / "notes.gguf"
    path.write_text("these are my notes, not a model")
    with pytest.raises(InputError, match=r"notes\.gguf: not a GGUF file"):
        await LlamaCpp(path).start()


async def test_a_truncated_model_is_an_error_not_a_crash(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    from evolsynth.llm.llamacpp.files import find_model

    whole = find_model("SmolLM2-135M-Instruct")[0]
    path = tmp_path_factory.mktemp("models") / "half.gguf"
    with whole.open("rb") as file:
        path.write_bytes(file.read(8_000_000))
    with pytest.raises(InputError, match=r"half\.gguf: the GGUF file is cut short"):
        await LlamaCpp(path).start()


@pytest.mark.parametrize("setting", ["slots", "context", "contexts", "threads"])
def test_impossible_settings_are_refused_at_once(setting: str) -> None:
    with pytest.raises(InputError, match=f"{setting} is 0"):
        LlamaCpp(**{setting: 0})  # type: ignore[arg-type]


def test_the_threads_variable_must_be_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLSYNTH_THREADS", "all")
    with pytest.raises(InputError, match="EVOLSYNTH_THREADS is 'all'"):
        LlamaCpp()


def test_the_prefix_store_lets_go_of_what_was_not_used_for_longest() -> None:
    import numpy as np

    from evolsynth.llm.llamacpp.worker import Prefilled, PrefixStore

    def entry(size: int) -> Prefilled:
        return Prefilled(np.zeros(size, dtype=np.uint8), np.zeros(1, dtype=np.float32))

    one, two, three = (1,), (2,), (3,)
    store = PrefixStore(2)
    for key in (one, two):
        store.put(key, entry(1))
    assert store.get(one) is not None  # used: now `two` is the oldest
    store.put(three, entry(1))
    assert [key for key in (one, two, three) if store.get(key) is not None] == [one, three]

    tight = PrefixStore(10, most_bytes=100)
    tight.put(one, entry(60))
    tight.put(two, entry(60))
    assert tight.get(one) is None
    tight.put(two, entry(60))  # the same again is not counted twice
    tight.put(three, entry(20))
    assert tight.get(two) is not None
    assert PrefixStore(0).get(one) is None


#: In a process of its own, so that no other test's threads are counted.
THREADS = """
import asyncio
import gc
from pathlib import Path
from evolsynth import LlamaCpp, Prompt, Request

def threads():
    return len(list(Path("/proc/self/task").iterdir()))

async def main():
    await asyncio.to_thread(int)  # the thread that loads the model is there before
    before = threads()
    async with LlamaCpp(slots=2, context=64, contexts=1, threads=2) as llm:
        await llm.complete(Request(prompt=Prompt.of("One, two,"), seed=1, max_tokens=2))
        print(threads() - before)

asyncio.run(main())
"""


def test_only_a_contexts_own_thread_ever_computes_in_it() -> None:
    """OpenMP keeps a team for each thread that computed once; with one team more, a step of two
    threads took a third longer."""
    done = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, check=True
    )
    assert done.stdout == "2\n"  # the worker, and one to help it


def counting(i: int, tokens: int) -> Request:
    """A request of exactly so many tokens."""
    prompt = Prompt.of(f"{i}, {i + 1}, {i + 2},")
    return Request(prompt=prompt, seed=i, max_tokens=tokens, min_tokens=tokens)


async def order_of_ends(llm: LlamaCpp, requests: list[Request]) -> list[int]:
    ended: list[int] = []

    async def ask(i: int, request: Request) -> None:
        await llm.complete(request)
        ended.append(i)

    await asyncio.gather(*(ask(i, request) for i, request in enumerate(requests)))
    return ended


async def test_equal_requests_are_answered_in_the_order_they_came() -> None:
    async with LlamaCpp(slots=2, context=64, contexts=1) as llm:
        assert await order_of_ends(llm, [counting(i, 4) for i in range(9)]) == list(range(9))


async def test_short_requests_pass_a_long_one_and_do_not_starve_it() -> None:
    """12 short ones take turns of 3 steps in the other slot; the long one takes 31 steps."""
    lot = [counting(0, 32), *(counting(i, 4) for i in range(1, 13))]
    async with LlamaCpp(slots=2, context=64, contexts=1) as llm:
        ended = await order_of_ends(llm, lot)
    assert [i for i in ended if i] == list(range(1, 13))
    assert 8 <= ended.index(0) <= 10


async def test_a_slot_that_is_left_is_filled_before_the_next_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """8 answers in 2 slots beside a long one: 4 turns of 7 steps, none of which a slot misses."""
    all_there, steps = threading.Event(), 0
    async with LlamaCpp(slots=3, context=64, contexts=1) as llm:
        queue, context = llm._queue, llm._workers[0]._context
        assert queue is not None
        take, step = queue.take, context.step

        def take_late(*, wait: bool) -> object:
            all_there.wait()
            return take(wait=wait)

        def counted(*given: Any) -> object:
            nonlocal steps
            steps += 1
            return step(*given)

        monkeypatch.setattr(queue, "take", take_late)
        monkeypatch.setattr(context, "step", counted)
        lot = [counting(0, 29), *(counting(i, 8) for i in range(1, 9))]
        task = asyncio.create_task(order_of_ends(llm, lot))
        await asyncio.sleep(0.2)
        all_there.set()
        await task
        assert steps == 28


async def test_a_character_that_max_tokens_cuts_is_left_out_whole(smollm: LlamaCpp) -> None:
    """A snowflake is three bytes, each a token of its own."""
    snow = Request(prompt=Prompt.of("Snow:"), seed=1, grammar='root ::= "a\u2744b\u2744"')
    texts = [
        (await smollm.complete(msgspec.structs.replace(snow, max_tokens=n))).text
        for n in range(1, 10)
    ]
    assert set(texts) == {"a", "a\u2744", "a\u2744b", "a\u2744b\u2744"}


def test_an_engine_that_nobody_closed_leaves_no_thread() -> None:
    def running() -> set[threading.Thread]:
        return {t for t in threading.enumerate() if t.name.startswith("evolsynth-llamacpp")}

    before = running()

    async def forgetful() -> None:
        llm = LlamaCpp(contexts=1, threads=1, slots=2, context=64)
        await llm.start()
        assert running() - before

    asyncio.run(forgetful())
    gc.collect()
    for thread in running() - before:
        thread.join(10)
    assert not running() - before
