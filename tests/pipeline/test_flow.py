"""How rows flow through steps: in order, each one accounted for, whatever the steps do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import pytest

from evolsynth import Row, Scripted
from evolsynth.columns import column
from evolsynth.errors import BrokenStep, EngineError, InputError, StepError
from evolsynth.llm.base import Request
from evolsynth.pipeline import gate, group, keep_columns, load, merge, rename, respond
from evolsynth.pipeline.graph import Pipeline
from evolsynth.pipeline.makers import step
from evolsynth.pipeline.run.run import RunOptions, run
from evolsynth.pipeline.run.state import RunResult
from evolsynth.pipeline.run.tee import Spill, copy_id


def texts(*given: str) -> list[dict[str, Any]]:
    return [{"id": text, "instruction": text} for text in given]


def answering(request: Request) -> str:
    return f"An answer to: {str(request.prompt).split('user')[-1][:40]}"


async def rows_of(pipe: Pipeline, llm: Any = None, **options: Any) -> tuple[list[Row], RunResult]:
    """What comes out of a pipeline, in order."""
    came: list[Row] = []

    @step
    async def seen(streams: Sequence[AsyncGenerator[Row]]) -> AsyncIterator[Row]:
        async for row in streams[0]:  # a join sees settled rows too
            came.append(row)
            yield row

    wanted = RunOptions(llm=llm or Scripted(answering), embedder=None, report=False, **options)
    result = await run(pipe >> seen, None, wanted)
    return came, result


def counts_of(result: RunResult, name: str) -> dict[str, int]:
    (found,) = (c for c in result.state.counts if c.name == name)
    return {
        k: getattr(found, k)
        for k in ("came", "made", "used", "left", "rejected", "failed")
        if getattr(found, k)
    }


@step
async def shout(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
    async for row in rows:
        if row.instruction == "poison":
            raise ValueError("this row cannot be")
        yield row.replace(instruction=(row.instruction or "").upper())


async def test_a_row_for_which_a_step_raises_has_failed_and_the_others_go_on() -> None:
    pipe = load(texts("a", "poison", "b", "c")) >> shout
    rows, result = await rows_of(pipe)
    assert [row.instruction for row in rows] == ["A", "poison", "B", "C"]
    assert rows[1].failure is not None
    assert (rows[1].failure.step, rows[1].failure.error) == ("shout", "ValueError")
    assert rows[1].failure.message == "this row cannot be"
    assert (result.state.accepted, result.state.failed) == (3, 1)


async def test_a_row_that_a_step_takes_in_and_never_gives_back_is_rejected_as_dropped() -> None:
    @step
    async def short(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            if len(row.instruction or "") < 3:
                yield row

    rows, result = await rows_of(load(texts("a", "long one", "b", "another")) >> short)
    assert [(row.id, row.status) for row in rows] == [
        ("a", "pending"),
        ("b", "pending"),
        ("long one", "rejected"),
        ("another", "rejected"),
    ]
    assert rows[2].verdict is not None
    assert rows[2].verdict.reasons == ("dropped",)
    assert rows[2].verdict.details == {"dropped": {"step": "short"}}
    assert result.state.reasons == {"dropped": 2}


async def test_a_step_may_hold_all_rows_and_give_them_back_in_another_order() -> None:
    @step
    async def backwards(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        for row in reversed([row async for row in rows]):
            yield row

    names = [str(number) for number in range(12_000)]  # more than may overtake a row before the end
    rows, result = await rows_of(load(texts(*names)) >> backwards)
    assert [row.id for row in rows] == names[::-1]
    assert result.accepted == len(names)


async def test_rows_that_became_others_are_used_and_not_planned_twice() -> None:
    @step
    async def halves(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            for half in (row.instruction or "").split():
                yield Row.make(half, key=row.id, parents=(row.id,))

    rows, result = await rows_of(load(texts("one two", "three four")) >> halves)
    assert [row.instruction for row in rows] == ["one", "two", "three", "four"]
    assert counts_of(result, "halves") == {"came": 2, "made": 4, "used": 2, "left": 4}
    assert result.state.planned == 4


async def test_rejected_rows_pass_around_a_step_of_a_users_own_and_keep_their_places() -> None:
    seen: list[str] = []

    @step
    async def picky(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            yield row.reject("odd") if row.id in ("b", "d") else row

    @step
    async def slow(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            await asyncio.sleep(0.001)
            seen.append(row.id)
            yield row

    rows, _ = await rows_of(load(texts("a", "b", "c", "d", "e")) >> picky >> slow)
    assert seen == ["a", "c", "e"]
    assert [row.id for row in rows] == ["a", "b", "c", "d", "e"]


async def test_a_function_of_one_row_is_called_several_at_a_time_and_keeps_the_order() -> None:
    active = most = 0

    @step
    async def wait(row: Row, pause: float) -> Row:
        nonlocal active, most
        active += 1
        most = max(most, active)
        await asyncio.sleep(pause if row.id == "a" else 0)
        active -= 1
        if row.id == "c":
            raise KeyError("c")
        return row

    rows, _ = await rows_of(load(texts(*"abcde")) >> wait(pause=0.02), concurrency=3)
    assert [row.id for row in rows] == list("abcde")
    assert most == 3
    assert [row.status for row in rows] == ["pending"] * 2 + ["failed"] + ["pending"] * 2


async def test_what_a_function_asks_for_by_name_is_given_by_the_run() -> None:
    @step
    async def asks(rows: AsyncIterator[Row], llm: Any, seed: int, word: str) -> AsyncIterator[Row]:
        async for row in rows:
            yield row.replace(response=f"{llm.name} {seed} {word}")

    llm = Scripted(answering, name="the model")
    rows, _ = await rows_of(load(texts("a")) >> asks(word="hello"), llm, seed=3)
    assert rows[0].response == "the model 3 hello"


async def test_branches_get_every_row_and_merge_takes_turns() -> None:
    @step
    async def mark(row: Row, sign: str) -> Row:
        return row.replace(response=sign)

    pipe = load(texts("a", "b")) >> [mark(sign="+"), mark(sign="-")] >> merge
    rows, result = await rows_of(pipe)
    assert [(row.instruction, row.response) for row in rows] == [
        ("a", "+"),
        ("a", "-"),
        ("b", "+"),
        ("b", "-"),
    ]
    assert rows[0].id == "a"
    assert rows[1].id == copy_id("a", 1)
    assert rows[1].parents == ("a",)
    assert result.state.planned == result.state.total == 4


async def test_group_puts_the_answers_of_the_branches_into_one_row() -> None:
    @step
    async def mark(row: Row, sign: str) -> Row:
        if (row.instruction, sign) == ("c", "-"):
            raise ValueError("no")
        return row.replace(response=sign)

    @step
    async def picky(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            yield row.reject("odd") if row.id == "b" else row

    pipe = load(texts("a", "b", "c", "d")) >> picky >> [mark(sign="+"), mark(sign="-")] >> group()
    rows, result = await rows_of(pipe)
    assert {row.id: row.status for row in rows} == {
        "a": "pending",
        "b": "rejected",
        "c": "failed",
        "d": "pending",
    }
    assert column(next(row for row in rows if row.id == "d"), "responses") == ["+", "-"]
    assert {row.parents for row in rows} == {()}  # no row is its own parent
    assert result.state.planned == result.state.total == 4


async def test_a_branch_that_loses_a_row_does_not_hang_the_others() -> None:
    @step
    async def loses(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            if row.instruction != "a":
                yield row

    rows, _ = await rows_of(load(texts("a", "b")) >> [shout, loses] >> group(columns=["response"]))
    assert {row.id: row.status for row in rows} == {"a": "rejected", "b": "pending"}


async def test_a_fast_branch_does_not_wait_for_a_slow_one_and_memory_is_bounded() -> None:
    order: list[str] = []

    @step
    async def every(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            order.append("fast")
            yield row

    @step
    async def late(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        held = [row async for row in rows]  # gives nothing before it has all
        for row in held:
            yield row

    data = texts(*(str(n) for n in range(3000)))
    rows, result = await rows_of(load(data) >> [every, late] >> merge)
    assert len(rows) == 6000
    assert [row.instruction for row in rows[:4]] == ["0", "0", "1", "1"]
    assert result.state.accepted == 6000


def test_rows_that_wait_for_a_slow_branch_go_to_a_file_and_come_back_in_order() -> None:
    queue = Spill(in_memory=3)
    made = [Row.make(str(n), extra={"n": [n, {"deep": "é"}]}) for n in range(50)]
    came: list[Row] = []
    for row in made:
        queue.push(row)
        if len(came) < 5:
            came.append(queue.pop())
    assert len(queue) == 45
    came += [queue.pop() for _ in range(45)]
    assert came == made
    queue.close()


async def test_columns_are_mapped_on_the_way_in_and_out() -> None:
    data = [{"id": "a", "prompt": "say it", "instruction": "other"}]
    pipe = load(data) >> respond(
        input_mappings={"instruction": "prompt"}, output_mappings={"response": "said"}
    )
    rows, _ = await rows_of(pipe)
    assert (rows[0].instruction, rows[0].extra["prompt"]) == ("other", "say it")
    assert "say it" in rows[0].extra["said"]
    assert rows[0].response is None


async def test_a_value_that_cannot_be_mapped_fails_its_row_alone() -> None:
    data = [{"id": "a", "prompt": 3}, {"id": "b", "prompt": "fine"}]
    pipe = load(data) >> shout(input_mappings={"instruction": "prompt"})
    rows, _ = await rows_of(pipe)
    assert [row.status for row in rows] == ["failed", "pending"]
    assert rows[0].failure is not None
    assert "must be a text, not int" in rows[0].failure.message


async def test_columns_are_renamed_and_cut() -> None:
    data = [{"id": "a", "generation": "text", "other": 1, "instruction": "i"}]
    pipe = load(data) >> rename({"generation": "response"}) >> keep_columns(["response"])
    rows, _ = await rows_of(pipe)
    assert (rows[0].response, rows[0].instruction, rows[0].extra) == ("text", None, {})


async def test_where_everything_fails_the_run_is_stopped_early() -> None:
    asked = 0

    def down(_: Request) -> EngineError:
        nonlocal asked
        asked += 1
        return EngineError("the power went")

    data = texts(*(str(n) for n in range(500)))
    pipe = load(data) >> respond(retry={"attempts": 2, "wait": 0.0})
    with pytest.raises(BrokenStep, match=r"5 rows in a row failed at 'respond'.*the power went"):
        await rows_of(pipe, Scripted(down, concurrency=4), breaker=5)
    assert asked < 100


async def test_a_step_that_raises_before_its_first_row_ends_the_run_with_its_name() -> None:
    @step
    async def broken(rows: AsyncIterator[Row], there: bool = False) -> AsyncIterator[Row]:
        if not there:
            raise RuntimeError("no such table")
        async for row in rows:
            yield row

    with pytest.raises(StepError, match=r"'broken' failed, and not at a row: RuntimeError"):
        await rows_of(load(texts("a")) >> broken)


async def test_a_step_that_raises_after_its_last_row_ends_the_run_and_makes_up_no_row() -> None:
    @step
    async def closing(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            yield row
        raise OSError("the file cannot be closed")

    with pytest.raises(StepError, match=r"'closing' failed, and not at a row: OSError"):
        await rows_of(load(texts("a")) >> closing)


async def test_a_source_of_a_users_own_gives_rows_or_dicts_and_its_error_is_told() -> None:
    @step
    async def numbers(n: int) -> AsyncIterator[dict[str, Any]]:
        for i in range(n):
            if i == 3:
                raise OSError("the line went")
            yield {"instruction": str(i)}

    rows, _ = await rows_of(numbers(2) >> shout)
    assert [row.instruction for row in rows] == ["0", "1"]
    with pytest.raises(StepError, match=r"source 'numbers' failed after 3 rows: OSError: the line"):
        await rows_of(numbers(5) >> shout)


async def test_a_row_for_which_a_step_yields_something_else_has_failed() -> None:
    @step
    async def wrong(rows: AsyncIterator[Row]) -> AsyncIterator[Any]:
        async for row in rows:
            yield row.instruction if row.instruction == "a" else row

    rows, _ = await rows_of(load(texts("a", "b")) >> wrong)
    assert [row.status for row in rows] == ["failed", "pending"]
    assert rows[0].failure is not None
    assert "'wrong' gave 'a', which is no Row but str" in rows[0].failure.message


async def test_two_steps_of_a_kind_draw_differently_and_the_first_as_its_method_does() -> None:
    def say(request: Request) -> str:
        return f"seed {request.seed}"

    rows, _ = await rows_of(
        load(texts("a"))
        >> respond(output_mappings={"response": "one"})
        >> respond(output_mappings={"response": "two"}),
        Scripted(say),
    )
    assert rows[0].extra["one"] != rows[0].extra["two"]


def test_what_cannot_be_chained_is_told_with_the_way_out() -> None:
    with pytest.raises(InputError, match=r"stands first. Begin with a source"):
        Pipeline(respond().as_parts()).nodes()
    with pytest.raises(InputError, match=r"ends in 2 branches"):
        (load([]) >> [shout, respond()]).nodes()
    with pytest.raises(InputError, match=r"follows 2 branches.*Put merge\(\)"):
        (load([]) >> [shout, respond()] >> shout).nodes()
    with pytest.raises(InputError, match=r"makes rows and takes none"):
        (load([]) >> load([])).nodes()
    with pytest.raises(InputError, match=r"Two steps are named 'x'"):
        (load([]) >> shout(name="x") >> shout(name="x")).nodes()
    with pytest.raises(InputError, match=r"cannot go on with 3"):
        load([]) >> 3  # type: ignore[operator]
    with pytest.raises(InputError, match=r"respond\(\): got an unexpected keyword argument 'max'"):
        respond(max=3)


def test_sources_side_by_side() -> None:
    pipe = [load([]), load([])] >> merge()
    assert [(n.name, n.inputs) for n in pipe.nodes()] == [
        ("load", ()),
        ("load_2", ()),
        ("merge", (0, 1)),
    ]


# Columns under other names ------------------------------------------------------------------------


def prompts(*given: str) -> list[dict[str, Any]]:
    return [{"id": text, "prompt": text} for text in given]


def held(row: Row) -> dict[str, Any]:
    """Its columns, by their names."""
    found = {"instruction": row.instruction, "response": row.response, **row.extra}
    return {name: value for name, value in found.items() if value is not None}


async def test_rows_that_are_settled_in_a_step_keep_the_names_of_their_columns() -> None:
    def but_lakes(request: Request) -> str | Exception:
        return EngineError("no lakes") if "lake" in str(request.prompt) else "A long answer."

    pipe = (
        load(prompts("I", "Name a large lake.", "Name a river in the north."))
        >> respond(
            input_mappings={"instruction": "prompt"},
            output_mappings={"response": "answer"},
            retry={"attempts": 1},
        )
        >> gate(input_mappings={"instruction": "prompt", "response": "answer"})
    )
    rows, _ = await rows_of(pipe, Scripted(but_lakes))
    assert [(row.status, held(row)) for row in rows] == [
        ("rejected", {"prompt": "I", "answer": "A long answer."}),
        ("failed", {"prompt": "Name a large lake."}),
        ("accepted", {"prompt": "Name a river in the north.", "answer": "A long answer."}),
    ]


async def test_rows_of_a_users_own_step_keep_their_columns_whatever_becomes_of_them() -> None:
    @step(needs=["instruction"], gives=["instruction"])
    async def some(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            if row.instruction == "poison":
                raise ValueError("this row cannot be")
            if row.instruction == "odd":
                yield row.reject("odd")
            elif row.instruction != "lost":
                yield row

    given = prompts("a", "poison", "odd", "lost", "b")
    rows, _ = await rows_of(load(given) >> some(input_mappings={"instruction": "prompt"}))
    assert [(row.id, row.status) for row in rows] == [
        ("a", "pending"),
        ("poison", "failed"),
        ("odd", "rejected"),
        ("b", "pending"),
        ("lost", "rejected"),
    ]
    assert [held(row) for row in rows] == [{"prompt": row.id} for row in rows]


async def test_a_join_reads_columns_under_other_names() -> None:
    answers = {"output_mappings": {"response": "answer"}}
    pipe = (
        load([*texts("Name a river."), {"id": "no", "verdict": {"accepted": False}, "answer": "x"}])
        >> [respond(**answers), respond(**answers)]
        >> group(input_mappings={"response": "answer"}, output_mappings={"responses": "answers"})
    )
    rows, _ = await rows_of(pipe, Scripted(lambda _: "The Rhine."))
    assert held(rows[0])["answers"] == ["The Rhine.", "The Rhine."]
    assert held(rows[0])["answer"] == "The Rhine."
    assert (rows[1].status, held(rows[1])) == ("rejected", {"answer": "x"})
