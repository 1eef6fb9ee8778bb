"""A model whose answers are stored: asked once, found ever after, tried again as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolsynth.errors import (
    CapabilityError,
    EngineError,
    EvolsynthError,
    InputError,
    RequestError,
    StoreError,
)
from evolsynth.llm.base import (
    Capability,
    Completion,
    Prompt,
    Request,
    Sampling,
    Score,
    TokenLogprob,
    encoded,
    hash_of,
)
from evolsynth.llm.scripted import Scripted
from evolsynth.rows import Row
from evolsynth.store.cached_llm import Retry, Stored, _decoded
from evolsynth.store.store import Store, read_status
from evolsynth.streams import map_rows

AT_ONCE = Retry(wait=0.0)


class Gate:
    """A run's control that can be shut."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.under_way = self.most = 0

    async def may_ask(self) -> None:
        await self.open.wait()

    def began(self) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)

    def ended(self) -> None:
        self.under_way -= 1


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open(None) as store:
        yield store


def ask(text: str = "Name three rivers.", **fields: Any) -> Request:
    return Request(prompt=Prompt.of(text), **{"seed": 1, **fields})


def stored(llm: Scripted, store: Store, gate: Gate | None = None, retry: Retry = AT_ONCE) -> Stored:
    return Stored(llm, store, "respond", gate or Gate(), retry)


async def turns(n: int) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


# Asked once ---------------------------------------------------------------------------------------


async def test_an_answer_is_asked_for_once_and_found_ever_after(tmp_path: Path) -> None:
    script = Scripted(["The Rhine, the Nile."])
    with Store.open(tmp_path) as store:
        model = stored(script, store)
        first = await model.complete(ask(logprobs=True))
        assert await model.complete(ask(logprobs=True)) == first
        assert (model.asked, model.found, model.tokens, model.tokens_found) == (1, 1, 4, 4)
    with Store.open(tmp_path) as store:
        model = stored(script, store)
        assert await model.complete(ask(logprobs=True)) == first
        assert (model.asked, model.found, model.tokens_found) == (0, 1, 4)
    assert len(script.requests) == 1
    assert first.logprobs[0] == TokenLogprob(0, b"The", -1.0)


async def test_scores_are_stored_too_and_never_taken_for_answers(store: Store) -> None:
    model = stored(Scripted(["Yes."], scores=-2.0), store)
    score = await model.score(Prompt.of("Is it?"), "It is.")
    assert score.total == -4.0
    assert await model.score(Prompt.of("Is it?"), "It is.") == score
    assert (model.asked, model.found, model.tokens) == (1, 1, 0)
    await model.score(Prompt.of("Is it?"), Prompt.of("It is."))  # the kind is part of the key
    await model.complete(ask("Is it?"))
    assert (model.asked, model.found) == (3, 1)


async def test_another_request_or_another_model_is_asked(store: Store) -> None:
    first, second = Scripted(lambda r: "one"), Scripted(lambda r: "two", name="other")
    for llm in (first, second):
        model = stored(llm, store)
        for request in (ask(), ask(seed=2), ask(sampling=Sampling(top_k=3)), ask("Name a lake.")):
            await model.complete(request)
        assert (model.asked, model.found) == (4, 0)
    other_file = Scripted(lambda r: "three")
    other_file.provenance = {"model": "scripted", "quantisation": "Q4_0"}
    assert (await stored(other_file, store).complete(ask())).text == "three"


async def test_equal_requests_at_once_are_asked_once_also_by_two_steps(store: Store) -> None:
    script = Scripted(["The Rhine."], delay=0.001)
    gate = Gate()
    steps = [Stored(script, store, name, gate) for name in ("respond", "respond_2")]
    answers = await asyncio.gather(*(steps[n % 2].complete(ask()) for n in range(10)))
    assert {a.text for a in answers} == {"The Rhine."}
    assert len(script.requests) == 1
    assert sum(s.asked for s in steps) == 1
    assert sum(s.found for s in steps) == 9
    assert not store.flights


async def test_the_others_ask_themselves_where_the_first_is_cancelled(store: Store) -> None:
    script = Scripted(["The Rhine.", "The Nile."], delay=0.005)
    model = stored(script, store)
    tasks = [asyncio.create_task(model.complete(ask())) for _ in range(3)]
    await turns(5)
    tasks[0].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert [d.text for d in done[1:] if isinstance(d, Completion)] == ["The Rhine."] * 2
    assert len(script.requests) == 2
    assert not store.flights


async def test_cancelling_one_who_waits_leaves_the_first_alone(store: Store) -> None:
    model = stored(Scripted(["The Rhine."], delay=0.005), store)
    tasks = [asyncio.create_task(model.complete(ask())) for _ in range(2)]
    await turns(5)
    tasks[1].cancel()
    assert (await tasks[0]).text == "The Rhine."
    assert tasks[1].cancelled()


@pytest.mark.parametrize("body", [b"{}", b"not JSON", b"\xff", b'{"text": 3}'])
async def test_a_body_that_cannot_be_read_is_asked_for_again(tmp_path: Path, body: bytes) -> None:
    script = Scripted(["The Rhine."])
    with Store.open(tmp_path) as store:
        model = stored(script, store)
        key = ask().key(model._model)
        await store.put_completion(
            key, body, step="respond", tokens=0, prompt_tokens=0, seconds=0.0
        )
        assert (await model.complete(ask())).text == "The Rhine."
        assert (await model.complete(ask())).text == "The Rhine."
        assert len(script.requests) == 1
    (event,) = read_status(tmp_path).events
    assert (event.kind, event.step) == ("damaged_completion", "respond")


texts = st.text(st.characters(exclude_categories=()))  # half surrogate pairs too


@given(
    texts,
    st.lists(st.tuples(st.integers(0, 2**31), st.binary(), st.floats(-1e30, 0)), max_size=4),
    st.floats(0, 1e9),
)
def test_any_answer_is_found_as_it_was(
    text: str, tokens: list[tuple[int, bytes, float]], seconds: float
) -> None:
    logprobs = tuple(TokenLogprob(*token) for token in tokens)
    answer = Completion(
        text=text,
        tokens=3,
        prompt_tokens=2,
        finish_reason="stop",
        seconds=seconds,
        logprobs=logprobs,
    )
    assert _decoded(encoded(answer), Completion) == answer
    score = Score(logprobs=logprobs, prompt_tokens=2, seconds=seconds)
    assert _decoded(encoded(score), Score) == score


@given(texts, texts)
def test_any_text_has_a_key_of_its_own(one: str, other: str) -> None:
    keys = {ask(text).key("model") for text in (one, other, "\\ud800", "\ud800")}
    assert {len(key) for key in keys} == {16}
    assert len(keys) == len({one, other, "\\ud800", "\ud800"})
    assert hash_of(("score", one)) != hash_of(("score", one, ""))


# Tried again --------------------------------------------------------------------------------------


async def test_an_engine_that_fails_is_asked_again(tmp_path: Path) -> None:
    script = Scripted([EngineError("The power went."), EngineError("Again."), "The Rhine."])
    with Store.open(tmp_path) as store:
        model = stored(script, store)
        assert (await model.complete(ask())).text == "The Rhine."
        assert (model.asked, model.retried) == (1, 2)
    first, second = read_status(tmp_path).events
    assert (first.kind, first.step) == ("retry", "respond")
    assert first.data == {"error": "The power went.", "attempt": 1, "wait": 0.0}
    assert second.data["attempt"] == 2


async def test_an_error_that_is_given_up_says_how_often_it_was_tried(store: Store) -> None:
    script = Scripted(lambda r: EngineError("The power went."))
    model = stored(script, store, retry=Retry(attempts=4, wait=0))
    rows = [r async for r in map_rows([Row.make("a")], _completing(model), step="s", concurrency=1)]
    assert rows[0].failure is not None
    assert (rows[0].failure.error, rows[0].failure.attempt) == ("EngineError", 4)
    assert len(script.requests) == 4
    assert not store.flights


@pytest.mark.parametrize("error", [RequestError("Too long."), CapabilityError("No scores.")])
async def test_an_error_that_cannot_mend_is_not_tried_again(
    store: Store, error: EvolsynthError
) -> None:
    script = Scripted([error, "never asked for"])
    with pytest.raises(type(error)) as told:
        await stored(script, store).complete(ask())
    assert told.value.attempt == 1
    assert len(script.requests) == 1


async def test_a_bug_comes_through(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        await stored(Scripted(lambda r: ZeroDivisionError()), store).complete(ask())
    assert not store.flights


def test_waits_double_up_to_the_longest() -> None:
    retry = Retry(wait=0.5, longest=3.0)
    assert [retry.pause(n) for n in range(1, 6)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert retry.pause(10**6) == 3.0
    assert Retry() == Retry(attempts=3, wait=0.5, longest=30.0)


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"wait": -1.0}, {"longest": -0.1}])
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(wrong))}"):
        Retry(**wrong)


def _completing(model: Stored) -> Any:
    async def work(row: Row) -> Row:
        answer = await model.complete(ask(row.instruction or ""))
        return row.replace(response=answer.text)

    return work


# The run's control --------------------------------------------------------------------------------


async def test_nothing_is_asked_once_the_run_stops_and_what_is_stored_is_still_found(
    store: Store,
) -> None:
    gate, script = Gate(), Scripted(lambda r: "The Rhine.", delay=0.001)
    model = stored(script, store, gate)
    await model.complete(ask())
    under_way = asyncio.create_task(model.complete(ask(seed=2)))
    await turns(3)
    gate.open.clear()
    late = asyncio.create_task(model.complete(ask(seed=3)))
    assert gate.under_way == 1
    await under_way
    assert gate.under_way == 0
    assert (await model.complete(ask())).text == "The Rhine."
    assert not late.done()
    assert len(script.requests) == 2
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    assert not store.flights


async def test_a_retry_waits_for_the_control_too(store: Store) -> None:
    gate = Gate()
    script = Scripted([EngineError("The power went."), "The Rhine."])
    model = stored(script, store, gate, Retry(wait=0.001))
    task = asyncio.create_task(model.complete(ask()))
    await turns(5)
    gate.open.clear()
    await asyncio.sleep(0.01)
    assert (len(script.requests), gate.under_way, task.done()) == (1, 0, False)
    gate.open.set()
    assert (await task).text == "The Rhine."


async def test_a_request_is_under_way_until_its_answer_is_stored(store: Store) -> None:
    gate = Gate()
    model = stored(Scripted(["The Rhine."]), store, gate)
    task = asyncio.create_task(model.complete(ask()))
    while not model.asked:  # answered
        await asyncio.sleep(0)
    assert gate.under_way == 1
    await task
    assert (gate.under_way, gate.most) == (0, 1)


async def test_an_answer_that_comes_with_the_cancellation_is_stored(store: Store) -> None:
    model = stored(Scripted(["The Rhine."]), store)
    task = asyncio.create_task(model.complete(ask()))
    while not model.asked:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await model.complete(ask())).text == "The Rhine."
    assert (model.asked, model.found) == (1, 1)


async def test_a_store_that_fails_ends_the_run_and_not_the_row(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store._db.execute("PRAGMA max_page_count=14")
    model = stored(Scripted(lambda r: "x" * 30_000), store)
    with pytest.raises(StoreError, match="the disk is full"):
        _ = [
            r async for r in map_rows([Row.make("a")], _completing(model), step="s", concurrency=1)
        ]
    store.close("failed")


# The model as it is -------------------------------------------------------------------------------


async def test_everything_else_is_the_models_own(store: Store) -> None:
    script = Scripted(["a b", "c"], parameters=135, capabilities=[Capability.SEED], concurrency=3)
    model = stored(script, store)
    assert (model.name, model.provenance, model.parameters) == ("scripted", script.provenance, 135)
    assert (model.concurrency, model.capabilities) == (3, frozenset({Capability.SEED}))
    assert model.template is script.template
    async with model:  # the run owns the model: this neither starts nor stops it
        await model.complete(ask())
    assert model.usage.completion_tokens == 2
    assert (await script.complete(ask(seed=2))).text == "c"
    with pytest.raises(CapabilityError, match="scripted cannot"):
        model.require(Capability.LOGPROBS, by="score")
