"""Ordered, bounded concurrency: order, window, errors, and nothing left behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.errors import EngineError, InputError, ModelNotFound
from evolsynth.rows import Row
from evolsynth.streams import iterate, map_rows, ordered_map, place, ready


def tasks_left() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


class Source:
    """Counts what is taken from it and notes when it is closed."""

    def __init__(self, n: int, *, fails_at: int | None = None) -> None:
        self.n, self.fails_at = n, fails_at
        self.taken = 0
        self.closed = False

    async def __call__(self) -> AsyncGenerator[int]:
        try:
            for i in range(self.n):
                if i == self.fails_at:
                    raise RuntimeError("the source broke")
                self.taken += 1
                yield i
                await asyncio.sleep(0)
        finally:
            self.closed = True


async def turns(n: int) -> None:
    """Let the other tasks run n times; latency without a clock."""
    for _ in range(n):
        await asyncio.sleep(0)


async def test_results_come_in_order_however_long_each_takes() -> None:
    waits = random.Random(1).sample(range(40), 40)

    async def work(i: int) -> int:
        await turns(waits[i])
        return i * i

    out = [r async for r in ordered_map(range(40), work, concurrency=8)]
    assert out == [i * i for i in range(40)]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 12), max_size=25), st.integers(1, 30))
def test_any_latencies_and_any_concurrency_give_the_same(waits: list[int], width: int) -> None:
    async def work(i: int) -> tuple[int, int]:
        await turns(waits[i])
        return i, waits[i]

    async def run() -> list[tuple[int, int]]:
        return [r async for r in ordered_map(range(len(waits)), work, concurrency=width)]

    assert asyncio.run(run()) == list(enumerate(waits))


async def test_work_knows_the_place_of_its_item_also_inside_of_other_work() -> None:
    async def inner(_: object) -> int:
        return place()

    async def work(_: str) -> tuple[int, list[int]]:
        async with aclosing(ordered_map([1, 2], inner, concurrency=2)) as found:
            return place(), [one async for one in found]

    assert place() == 0
    async with aclosing(ordered_map("abc", work, concurrency=2)) as found:
        assert [one async for one in found] == [(n, [n, n]) for n in (1, 2, 3)]
    assert place() == 0


async def test_the_window_is_used_fully_and_never_exceeded() -> None:
    active = most = 0

    async def work(i: int) -> int:
        nonlocal active, most
        active += 1
        most = max(most, active)
        await turns(5)
        active -= 1
        return i

    assert len([r async for r in ordered_map(range(30), work, concurrency=4)]) == 30
    assert most == 4


async def test_a_slow_consumer_holds_the_source_back() -> None:
    """Results that nobody has taken yet count: memory stays bounded at any number of rows."""
    source = Source(100)

    async def work(i: int) -> int:
        return i

    async with aclosing(ordered_map(source(), work, concurrency=4)) as stream:
        for taken in range(1, 6):
            assert await anext(stream) == taken - 1
            await turns(50)
            assert source.taken == taken + 4


async def test_an_exception_of_work_comes_out_in_its_place_and_stops_the_rest() -> None:
    source, out = Source(100), []

    async def work(i: int) -> int:
        await turns(10 - i if i < 10 else 0)
        if i == 5:
            raise ValueError("five")
        return i

    async def consume() -> None:
        async for r in ordered_map(source(), work, concurrency=8):
            out.append(r)

    with pytest.raises(ValueError, match="five"):
        await consume()
    assert out == [0, 1, 2, 3, 4]
    assert source.closed
    assert source.taken < 20
    assert not tasks_left()


async def test_an_exception_of_the_source_comes_out_after_all_before_it() -> None:
    source, out = Source(100, fails_at=3), []

    async def work(i: int) -> int:
        await turns(20)
        return i

    async def consume() -> None:
        async for r in ordered_map(source(), work, concurrency=8):
            out.append(r)

    with pytest.raises(RuntimeError, match="the source broke"):
        await consume()
    assert out == [0, 1, 2]
    assert not tasks_left()


async def test_leaving_early_cancels_the_work_and_closes_the_source() -> None:
    source = Source(100)
    cancelled: list[int] = []

    async def work(i: int) -> int:
        try:
            await (turns(1) if i < 2 else asyncio.Event().wait())
        except asyncio.CancelledError:
            cancelled.append(i)
            raise
        return i

    async with aclosing(ordered_map(source(), work, concurrency=4)) as stream:
        async for r in stream:
            if r == 1:
                await turns(20)
                break
    assert sorted(cancelled) == [2, 3, 4, 5]
    assert source.closed
    assert not tasks_left()


async def test_leaving_early_waits_for_work_that_cleans_up_after_itself() -> None:
    cleaned: list[int] = []

    async def work(i: int) -> int:
        try:
            await (turns(1) if i == 0 else asyncio.Event().wait())
        finally:
            await turns(5)
            cleaned.append(i)
        return i

    async with aclosing(ordered_map(range(10), work, concurrency=3)) as stream:
        await anext(stream)
        await turns(3)
    assert sorted(cleaned) == [0, 1, 2, 3]


async def test_leaving_early_while_the_source_is_being_waited_for() -> None:
    closed = asyncio.Event()

    async def slow() -> AsyncIterator[int]:
        try:
            yield 0
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def work(i: int) -> int:
        return i

    async with aclosing(ordered_map(slow(), work, concurrency=4)) as stream:
        await anext(stream)
    assert closed.is_set()
    assert not tasks_left()


async def test_cancelling_the_consumer_leaves_nothing_behind() -> None:
    source, under_way = Source(100), asyncio.Event()

    async def work(i: int) -> int:
        under_way.set()
        await asyncio.Event().wait()
        return i

    async def consume() -> None:
        async with aclosing(ordered_map(source(), work, concurrency=4)) as stream:
            async for _ in stream:
                raise AssertionError("nothing can come out")

    task = asyncio.create_task(consume())
    await under_way.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.closed
    assert not tasks_left()


@pytest.mark.parametrize("width", [0, -1])
async def test_no_concurrency_at_all_is_refused(width: int) -> None:
    async def work(i: int) -> int:
        return i

    with pytest.raises(InputError, match=f"concurrency is {width}"):
        await anext(ordered_map([1], work, concurrency=width))


async def test_nothing_in_gives_nothing_out() -> None:
    async def work(i: int) -> int:
        return i

    assert [r async for r in ordered_map([], work, concurrency=3)] == []


async def test_a_plain_iterable_is_taken_no_faster_than_it_is_used() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for i in range(10**9):
            taken.append(i)
            yield i

    async def work(i: int) -> int:
        return i

    async with aclosing(ordered_map(endless(), work, concurrency=2)) as stream:
        assert [await anext(stream) for _ in range(5)] == [0, 1, 2, 3, 4]
        await turns(20)
    assert len(taken) <= 8


async def test_iterate_closes_the_generator_that_it_was_given() -> None:
    source = Source(5)
    async with aclosing(iterate(source())) as stream:
        assert await anext(stream) == 0
    assert source.closed


async def test_iterate_takes_an_iterator_that_cannot_be_closed() -> None:
    class Plain:
        def __init__(self) -> None:
            self.left = [2, 1]

        def __aiter__(self) -> AsyncIterator[int]:
            return self

        async def __anext__(self) -> int:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop()

    assert [i async for i in iterate(Plain())] == [1, 2]


# Rows ---------------------------------------------------------------------------------------------


async def test_settled_rows_pass_in_their_place_without_work() -> None:
    rows = [Row.make("a"), Row.make("b").reject("too_short"), Row.make("c")]
    asked: list[str | None] = []

    async def work(row: Row) -> Row:
        asked.append(row.instruction)
        await turns(5)
        return row.replace(response="done")

    out = [r async for r in map_rows(rows, work, step="respond", concurrency=3)]
    assert asked == ["a", "c"]
    assert out[1] == rows[1]
    assert [r.response for r in out] == ["done", None, "done"]


async def test_a_failing_row_is_marked_and_does_not_touch_its_neighbours() -> None:
    async def work(row: Row) -> Row:
        if row.instruction == "b":
            raise EngineError("The power went.")
        return row.replace(response="done")

    rows = [Row.make(text) for text in "abc"]
    out = [r async for r in map_rows(rows, work, step="respond", concurrency=3)]
    assert [r.status for r in out] == ["pending", "failed", "pending"]
    failed = out[1].failure
    assert failed is not None
    assert (failed.step, failed.error, failed.message) == (
        "respond",
        "EngineError",
        "The power went.",
    )


async def test_what_is_missing_for_all_rows_is_no_failed_row() -> None:
    async def work(row: Row) -> Row:
        raise ModelNotFound("no such file")

    with pytest.raises(ModelNotFound):
        _ = [r async for r in map_rows([Row.make("a")], work, step="respond", concurrency=1)]
    assert not tasks_left()


async def test_one_row_may_become_several_or_none() -> None:
    async def work(row: Row) -> tuple[Row, ...]:
        return (row,) * int(row.instruction or 0)

    rows = [Row.make(text) for text in "203"]
    out = [r.instruction async for r in map_rows(rows, work, step="split", concurrency=2)]
    assert out == ["2", "2", "3", "3", "3"]


# What is ready ------------------------------------------------------------------------------------


async def groups(items: Iterable[int] | AsyncIterable[int], most: int = 4) -> list[list[int]]:
    return [list(group) async for group in ready(items, most=most)]


async def test_a_list_is_cut_and_an_iterator_is_read_one_by_one() -> None:
    assert await groups(list(range(9))) == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert await groups(iter(range(3))) == [[0], [1], [2]]
    assert await groups([]) == []


async def test_what_has_come_is_handed_on_together() -> None:
    async def at_once() -> AsyncIterator[int]:
        for i in range(10):
            yield i

    assert await groups(at_once()) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_nothing_waits_for_what_has_not_come() -> None:
    handed = asyncio.Event()

    async def slow() -> AsyncIterator[int]:
        yield 0
        await handed.wait()
        yield 1

    out = []
    async for group in ready(slow(), most=4):
        out.append(list(group))
        handed.set()
    assert out == [[0], [1]]


@given(st.integers(0, 20), st.integers(1, 6))
def test_no_item_is_lost_and_no_group_is_empty_or_too_large(n: int, most: int) -> None:
    found = asyncio.run(groups(Source(n)(), most))
    assert [i for group in found for i in group] == list(range(n))
    assert all(1 <= len(group) <= most for group in found)


async def test_an_error_comes_after_the_items_before_it() -> None:
    source = Source(9, fails_at=3)
    out: list[int] = []

    async def read() -> None:
        async for group in ready(source(), most=4):
            out.extend(group)

    with pytest.raises(RuntimeError, match="broke"):
        await read()
    assert out == [0, 1, 2]
    assert source.closed


async def test_leaving_early_closes_the_source_and_reads_little_ahead() -> None:
    source = Source(10_000)
    async with aclosing(ready(source(), most=8)) as stream:
        await anext(stream)
        await turns(50)
    assert source.closed
    assert source.taken <= 17
    assert not tasks_left()
