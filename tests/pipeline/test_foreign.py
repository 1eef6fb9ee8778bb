"""Whatever somebody's code raises or gives, a row fails by step and error, and none is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any, cast

import numpy as np
import pytest
from written_rows import whole_row

from evolsynth import Gate, Row, Scripted, respond
from evolsynth import pipeline as steps
from evolsynth.errors import EngineError, EvolsynthError, LostRows, SetupError, StepError
from evolsynth.evaluation.gate.check import BatchCheck
from evolsynth.findings import Finding
from evolsynth.foreign import Interrupt
from evolsynth.llm.base import Completion, Request
from evolsynth.methods.magpie.magpie import magpie
from evolsynth.pipeline import gate, load, merge
from evolsynth.pipeline.graph import Pipeline
from evolsynth.pipeline.makers import step
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.pipeline.run.state import RunResult
from evolsynth.store.cached_llm import Retry
from evolsynth.store.status import read_status


class Mute(Exception):  # noqa: N818 - it is what it is
    def __str__(self) -> str:
        raise RuntimeError("no words")


async def _helper_cancelled() -> None:
    task = asyncio.create_task(asyncio.sleep(5))
    await asyncio.sleep(0)
    task.cancel()  # a client library that was closed, say
    await task


async def _itself_cancelled() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(5)


async def _group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_raise(ValueError("one of several")))


async def _raise(error: BaseException) -> None:
    raise error


def _deep() -> None:
    _deep()


async def _recursion() -> None:
    _deep()


KINDS: dict[str, Callable[[], Any]] = {
    "ValueError": lambda: _raise(ValueError("nope")),
    "TimeoutError": lambda: _raise(TimeoutError()),
    "OSError": lambda: _raise(OSError(28, "No space left on device")),
    "KeyError": lambda: _raise(KeyError(object(), {1}, "\ud800")),
    "Mute": lambda: _raise(Mute()),
    "MemoryError": lambda: _raise(MemoryError()),
    "RecursionError": _recursion,
    "GeneratorExit": lambda: _raise(GeneratorExit()),
    "StopAsyncIteration": lambda: _raise(StopAsyncIteration()),
    "SystemExit": lambda: _raise(SystemExit(0)),
    "KeyboardInterrupt": lambda: _raise(KeyboardInterrupt()),
    "CancelledError": lambda: _raise(asyncio.CancelledError()),
    "CancelledError of a helper": _helper_cancelled,
    "CancelledError of itself": _itself_cancelled,
    "ExceptionGroup": _group,
    "BaseExceptionGroup": lambda: _raise(BaseExceptionGroup("odd", [SystemExit(3)])),
}
BAD = "river 3"


def seeds(n: int = 8) -> list[dict[str, Any]]:
    return [{"instruction": f"Tell me where river {i} of the old world begins."} for i in range(n)]


def told(request: Request) -> str:
    return f"It begins in the hills of province {request.seed % 997}, far from here."


async def outcome(pipe: Pipeline, folder: Any = None, **options: Any) -> RunResult:
    wanted = {"llm": Scripted(told), "embedder": None, "report": False, "breaker": None}
    result = await run(pipe, folder, RunOptions(**{**wanted, **options}))
    state = result.state
    assert state.planned == state.accepted + state.rejected + state.failed
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    return result


def one_failed(result: RunResult, error: str, of: int = 8) -> None:
    state = result.state
    assert (state.accepted, state.rejected, state.failed) == (of - 1, 0, 1)
    assert dict(state.errors) == {error.split()[0]: 1}


# Raised -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_a_function_of_one_row_that_raises_fails_that_row(kind: str) -> None:
    @step
    async def odd(row: Row) -> Row:
        if BAD in (row.instruction or ""):
            await KINDS[kind]()
        return row

    one_failed(await outcome(load(seeds()) >> odd >> gate()), kind)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"CancelledError of itself"}))
async def test_a_generator_that_raises_fails_the_row_that_it_held(kind: str) -> None:
    @step
    async def odd(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            if BAD in (row.instruction or ""):
                await KINDS[kind]()
            yield row

    result = await outcome(load(seeds()) >> odd >> gate())
    one_failed(result, "RuntimeError" if kind == "StopAsyncIteration" else kind)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"CancelledError of itself"}))
async def test_a_source_or_a_join_that_raises_ends_the_run_with_a_sentence(kind: str) -> None:
    @step
    async def odd(n: int) -> AsyncIterator[dict[str, Any]]:
        for seed in seeds(n):
            yield seed
        await KINDS[kind]()

    @step
    async def joined(streams: Sequence[AsyncGenerator[Row]]) -> AsyncIterator[Row]:
        async for row in streams[0]:
            yield row
        await KINDS[kind]()

    with pytest.raises(StepError, match="source 'odd' failed after 3 rows"):
        await outcome(odd(3) >> gate())
    with pytest.raises(StepError, match="step 'joined' failed"):
        await outcome(load(seeds()) >> joined)


@pytest.mark.parametrize("where", ["source", "generator", "join"])
async def test_a_step_that_cancels_the_task_it_runs_in_is_no_cancelled_run(where: str) -> None:
    @step
    async def source() -> AsyncIterator[dict[str, Any]]:
        yield seeds(1)[0]
        await _itself_cancelled()

    @step
    async def generator(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            yield row
            await _itself_cancelled()

    @step
    async def join(streams: Sequence[AsyncGenerator[Row]]) -> AsyncIterator[Row]:
        async for row in streams[0]:
            yield row
        await _itself_cancelled()

    bad = {"source": source, "generator": load(seeds()) >> generator, "join": load(seeds()) >> join}
    for behind in (gate(), [steps.rename({"a": "b"}), steps.rename({"b": "c"})]):
        pipe: Any = bad[where]
        pipe = pipe >> behind >> merge() if isinstance(behind, list) else pipe >> behind
        with pytest.raises(StepError, match="cancelled"):
            await outcome(pipe)


async def test_a_run_that_is_cancelled_from_outside_ends_at_once() -> None:
    began = asyncio.Event()

    @step
    async def slow(row: Row) -> Row:
        began.set()
        await asyncio.sleep(60)
        return row

    task = asyncio.create_task(outcome(load(seeds()) >> slow))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 4)


async def test_a_step_that_ignores_its_cancellation_is_left_behind_and_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evolsynth.streams.PATIENCE", 0.1)
    let_go = asyncio.Event()

    @step
    async def deaf(row: Row) -> Row:
        while not let_go.is_set():
            with suppress(asyncio.CancelledError):
                await let_go.wait()
        return row

    from evolsynth.streams import abandoned

    options = RunOptions(embedder=None, report=False, minutes=0.005)
    try:
        result = await asyncio.wait_for(run(load(seeds(2)) >> deaf, None, options), 10)
        left = abandoned()
    finally:
        let_go.set()
    assert result.ended == "minutes"
    assert "deaf" in left
    await asyncio.sleep(0.05)
    assert not abandoned()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_back_end_that_raises_fails_that_row(kind: str) -> None:
    class Odd(Scripted):
        async def complete(self, request: Request) -> Completion:
            if BAD in str(self.prepared(request).prompt):
                await KINDS[kind]()
            return await super().complete(request)

    pipe = load(seeds()) >> steps.respond()
    one_failed(await outcome(pipe, llm=Odd(told), retry=Retry(attempts=2, wait=0)), kind)
    if kind == "KeyboardInterrupt":
        return  # without a run, that is Ctrl-C
    rows = [Row.make(seed["instruction"]) for seed in seeds()]
    out = [row async for row in respond(rows, Odd(told))]
    assert [row.status for row in out].count("failed") == 1
    assert out[3].failure is not None
    assert out[3].failure.error == kind.split()[0]


async def test_time_outs_and_the_network_are_tried_again_and_bugs_are_not(tmp_path: Any) -> None:
    tried: dict[str, int] = {}

    class Flaky(Scripted):
        async def complete(self, request: Request) -> Completion:
            text = str(self.prepared(request).prompt)
            name = next(f"river {i}" for i in range(4) if f"river {i} " in text)
            tried[name] = tried.get(name, 0) + 1
            if name == "river 1" and tried[name] < 3:
                raise ConnectionResetError("the line went")
            if name == "river 2":
                raise TimeoutError
            if name == "river 3":
                raise ZeroDivisionError
            return await super().complete(request)

    pipe = load(seeds(4)) >> steps.respond()
    result = await outcome(pipe, tmp_path, llm=Flaky(told), retry=Retry(attempts=3, wait=0))
    assert tried == {"river 0": 1, "river 1": 3, "river 2": 3, "river 3": 1}
    assert dict(result.state.errors) == {"TimeoutError": 1, "ZeroDivisionError": 1}
    failed = (tmp_path / "failed.jsonl").read_text().splitlines()
    assert 3 in [whole_row(line)["failure"]["attempt"] for line in failed]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "a text",
        5,
        Completion(text=None, tokens=1, prompt_tokens=1, finish_reason="stop"),  # type: ignore[arg-type]
        Completion(text="so", tokens=-1, prompt_tokens=1, finish_reason="stop"),
        Completion(text="so", tokens=2**80, prompt_tokens=1, finish_reason="stop"),
        Completion(
            text="so",
            tokens=1,
            prompt_tokens=1,
            finish_reason="stop",
            logprobs=((1, b"s", float("nan")),),  # type: ignore[arg-type]
        ),
    ],
)
async def test_what_is_no_answer_fails_its_row(answer: Any, tmp_path: Any) -> None:
    class Odd(Scripted):
        async def complete(self, request: Request) -> Completion:
            if BAD in str(self.prepared(request).prompt):
                return cast(Completion, answer)
            return await super().complete(request)

    pipe = load(seeds()) >> steps.respond()
    one_failed(await outcome(pipe, tmp_path, llm=Odd(told)), "LLMError")


async def test_half_a_character_in_an_answer_and_seconds_of_a_clock_that_was_set_back() -> None:
    def odd(_: Request) -> Completion:
        text = "It begins in the hills\ud800, far from here."
        return Completion(
            text=text, tokens=9, prompt_tokens=1, finish_reason="stop", seconds=-3600.0
        )

    result = await outcome(load(seeds(1)) >> steps.respond(), llm=Scripted(odd))
    assert result.accepted == 1


@pytest.mark.parametrize("name", ["start", "aclose", "prepared"])
async def test_what_is_wrong_with_a_back_end_for_all_rows_is_a_sentence(name: str) -> None:
    class Odd(Scripted):
        running = property(lambda self: False)

    def broken(*_: Any) -> Any:
        raise ValueError("no such port")

    async def never(*_: Any) -> Any:
        raise ValueError("no such port")

    setattr(Odd, name, broken if name == "prepared" else never)
    pipe = load(seeds()) >> steps.respond() >> gate()
    if name == "aclose":  # the rows are there
        assert (await outcome(load(seeds()) >> steps.respond(), llm=Odd(told))).accepted == 8
        return
    with pytest.raises(EvolsynthError, match="ValueError: no such port"):
        await outcome(pipe, llm=Odd(told))


async def test_methods_with_rows_of_their_own_make_failed_rows_too() -> None:
    def odd(request: Request) -> Any:
        return ZeroDivisionError("a bug") if request.seed % 2 else told(request)

    out = [row async for row in magpie(Scripted(odd), n=12)]
    assert len(out) == 12
    assert {row.failure.error for row in out if row.failure} == {"ZeroDivisionError"}


# Checks and embedders -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"CancelledError of a helper"}))
@pytest.mark.parametrize("batch", [False, True])
async def test_a_check_that_raises_fails_that_row(kind: str, batch: bool) -> None:
    def odd(row: Row) -> Finding | None:
        if BAD in (row.instruction or ""):
            work = KINDS[kind]()
            with suppress(StopIteration):
                work.send(None)  # in the gate's thread there is no loop
        return None

    if kind in ("CancelledError of itself", "ExceptionGroup"):
        pytest.skip("needs a loop")
    own: Any = BatchCheck("odd", lambda rows: [odd(row) for row in rows]) if batch else odd
    rows = [Row.make(seed["instruction"]) for seed in seeds()]
    out = [row async for row in Gate(checks=[own]).check(rows)]
    assert [row.status for row in out].count("failed") == 1
    assert out[3].failure is not None
    expected = "RuntimeError" if kind == "StopIteration" else kind.split()[0]
    assert (out[3].failure.step, out[3].failure.error) == ("gate", expected)


@pytest.mark.parametrize("found", [5, True, "too_short", Finding("odd", {"what": object()})])
async def test_what_is_no_finding_fails_the_row(found: Any) -> None:
    rows = [Row.make(seed["instruction"]) for seed in seeds(2)]
    out = [row async for row in Gate(checks=[lambda row: found]).check(rows)]
    assert [row.status for row in out] == ["failed", "failed"]


async def test_an_embedder_that_raises_fails_rows_and_one_that_is_missing_ends_the_stream() -> None:
    class Odd:
        name, dimension = "odd", 2
        error: Exception = ValueError("nan in the weights")

        def embed(self, texts: Sequence[str]) -> Any:
            if any(BAD in text for text in texts):
                raise self.error
            return np.ones((len(texts), 2), dtype=np.float32)

    rows = [Row.make(seed["instruction"]) for seed in seeds(5)]
    out = [row async for row in Gate(Odd()).check(rows)]
    assert out[3].failure is not None
    assert "nan in the weights" in out[3].failure.message
    assert [row.status for row in out].count("failed") == 1
    Odd.error = SetupError("no model")
    with pytest.raises(SetupError):
        _ = [row async for row in Gate(Odd()).check(rows)]


async def test_watchers_and_observers(tmp_path: Any) -> None:
    class Odd:
        def begin(self, state: Any) -> None:
            raise SystemError("the terminal went")

        def event(self, kind: str, /, **data: Any) -> None:
            raise AssertionError("it is told no more")

        end = event

    pipe = load(seeds()) >> gate()
    assert (await outcome(pipe, watch=Odd())).accepted == 8

    def observe(node: Any, row: Row) -> None:
        raise ValueError("no room in the list")

    with pytest.raises(StepError, match="observer failed at 'load': ValueError: no room"):
        await outcome(pipe, tmp_path, observe=observe)


# Given --------------------------------------------------------------------------------------------

ROW = Row.make("Tell me where a river of the old world begins.")
WRONG: dict[str, Any] = {
    "a number": 5,
    "a text": "row",
    "a list of others": [ROW, 5],
    "an object": object(),
    "an instruction that is none": ROW.replace(instruction=5),
    "bytes": ROW.replace(response=b"abc"),
    "scores": ROW.replace(scores={"q": float("nan")}),
    "an endless score": ROW.replace(scores={"q": float("inf")}),
    "a set": ROW.replace(extra={"y": {1, 2}}),
    "an object in a field": ROW.replace(extra={"y": [object()]}),
    "bytes in a field": ROW.replace(extra={"y": b"abc"}),
    "infinity": ROW.replace(extra={"y": float("inf")}),
    "half a character": ROW.replace(instruction="Where?\ud800"),
    "half a character in a field": ROW.replace(extra={"y": ["\udfff"]}),
    "messages": ROW.replace(messages=(1,)),
    "parents": ROW.replace(parents="abc"),
    "no dict": ROW.replace(extra=[1]),
}


@pytest.mark.parametrize("shape", ["each", "rows"])
@pytest.mark.parametrize("what", WRONG)
async def test_what_is_no_row_or_cannot_be_written_fails_the_row(
    what: str, shape: str, tmp_path: Any
) -> None:
    def odd(row: Row) -> Any:
        if BAD not in (row.instruction or ""):
            return row
        wrong = WRONG[what]
        return wrong.replace(id=row.id) if isinstance(wrong, Row) else wrong

    @step
    async def each(row: Row) -> Any:
        return odd(row)

    @step
    async def rows(rows: AsyncIterator[Row]) -> AsyncIterator[Any]:
        async for row in rows:
            yield odd(row)

    own = {"each": each, "rows": rows}[shape]
    one_failed(await outcome(load(seeds()) >> own >> gate(), tmp_path), "StepError")
    failed = (tmp_path / "failed.jsonl").read_text()
    assert f"'{shape}'" in failed
    if isinstance(WRONG[what], Row):
        assert "field '" in failed


async def test_numbers_of_numpy_and_not_a_number_are_kept_as_json_has_them() -> None:
    @step
    async def odd(row: Row) -> Row:
        return row.replace(extra={"n": np.float32(0.5), "none": float("nan"), "big": 10**30})

    seen: list[Row] = []
    await outcome(load(seeds(1)) >> odd, observe=lambda node, row: seen.append(row))
    assert seen[-1].extra == {"n": 0.5, "none": None, "big": 10**30}


# The sums -----------------------------------------------------------------------------------------


async def test_rows_that_a_step_drops_are_told() -> None:
    @step
    async def only_even(row: Row) -> Row | None:
        return row if int((row.instruction or "").split()[4]) % 2 else None

    state = (await outcome(load(seeds()) >> only_even >> gate())).state
    assert (state.accepted, state.rejected, dict(state.reasons)) == (4, 4, {"dropped": 4})


@pytest.mark.parametrize("shape", ["rows", "join"])
async def test_a_step_that_ends_before_its_rows_do_is_an_error(shape: str) -> None:
    @step
    async def few(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        n = 0
        async for row in rows:
            yield row
            n += 1
            if n == 3:
                return

    @step
    async def first(streams: Sequence[AsyncGenerator[Row]]) -> AsyncIterator[Row]:
        yield await anext(streams[0])

    own = few if shape == "rows" else first
    with pytest.raises(StepError, match=r"ended before its rows did.*--accepted"):
        await outcome(load(seeds()) >> own >> gate())
    assert (await outcome(load(seeds(3 if shape == "rows" else 1)) >> own >> gate())).accepted


async def test_a_step_that_hides_the_error_of_the_one_above_does_not_hide_it() -> None:
    @step
    async def source() -> AsyncIterator[dict[str, Any]]:
        yield seeds(1)[0]
        raise OSError("the disk went")

    @step
    async def hiding(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        try:
            async for row in rows:
                yield row
        except Exception:  # noqa: BLE001 - what this test is about
            pass

    with pytest.raises(StepError, match="the disk went"):
        await outcome(source >> hiding >> gate())


@pytest.mark.parametrize("where", ["entered", "gone", "copies"])
async def test_rows_that_do_not_add_up_are_told_with_the_step_and_the_numbers(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evolsynth.pipeline.run.flow import Flow

    check = Flow.check

    def miscounted(self: Flow) -> None:
        getattr(self, where)[1] -= 1
        check(self)

    monkeypatch.setattr(Flow, "check", miscounted)
    with pytest.raises(LostRows, match=r"(at|behind) 'respond'.*\d.*This is a bug of evolsynth"):
        await outcome(load(seeds()) >> steps.respond() >> gate())


async def test_rows_that_are_not_in_the_store_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from evolsynth.store.store import Store

    put = Store.put_row
    monkeypatch.setattr(Store, "put_row", lambda s, n, row, **k: n and put(s, n, row, **k))
    with pytest.raises(LostRows, match=r"\(8, 0, 0\).*\(7, 0, 0\)"):
        await outcome(load(seeds()) >> gate())


# Found --------------------------------------------------------------------------------------------


async def test_the_traceback_of_a_failure_is_in_the_log_and_in_the_store_once(
    tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    @step
    async def odd(row: Row) -> Row:
        raise ZeroDivisionError("a bug of mine")

    with caplog.at_level(logging.DEBUG, "evolsynth"):
        await outcome(load(seeds(3)) >> odd, tmp_path)
    assert sum(
        "ZeroDivisionError: a bug of mine" in r.exc_text for r in caplog.records if r.exc_text
    )
    found = [e for e in read_status(tmp_path).events if e.kind == "traceback"]
    assert len(found) == 1
    assert "test_foreign.py" in str(found[0].data["traceback"])


def test_who_raises_is_told_from_who_is_interrupted() -> None:
    from evolsynth.foreign import listening, of_all

    assert of_all(KeyboardInterrupt())
    with listening():
        assert not of_all(KeyboardInterrupt())
        assert of_all(Interrupt("SIGINT"))
        assert of_all(BaseExceptionGroup("", [ValueError(), SetupError()]))
    assert not of_all(EngineError("not now"))
