"""Where rows come from: what is taken, what is refused and where, and what goes on."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import json
import sqlite3
import threading
import time
import tracemalloc
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.data import Origin, origin
from evolsynth.data.taker import Numbers
from evolsynth.errors import InputError
from evolsynth.rows import Row, Verdict

LAKE = {"instruction": "Name a lake."}


async def read(source: Origin) -> list[Row]:
    async with aclosing(source.rows()) as rows:
        return [row async for row in rows]


async def texts(source: Origin) -> list[str | None]:
    return [row.instruction for row in await read(source)]


def written(path: Path, *lines: str | bytes) -> str:
    path.write_bytes(b"\n".join(x if isinstance(x, bytes) else x.encode() for x in lines) + b"\n")
    return str(path)


# --- dicts and rows ---


async def test_dicts_become_rows_in_their_order() -> None:
    source = origin([{"instruction": "Name a lake.", "topic": "water"}, {"input": "Bees dance."}])
    assert source.label == "2 dicts"
    assert source.count() == 2
    assert source.columns() == {"instruction": "text", "topic": "text", "input": "text"}
    lake, bees = await read(source)
    assert (lake.instruction, lake.extra) == ("Name a lake.", {"topic": "water"})
    assert bees.extra == {"input": "Bees dance."}
    assert [row.id for row in await read(source)] == [lake.id, bees.id]


async def test_an_id_is_the_one_that_a_file_of_the_same_content_gives() -> None:
    [row] = await read(origin([LAKE]))
    assert row.id == Row.from_dict(LAKE).id


async def test_the_same_content_gets_ids_of_its_own() -> None:
    first = Row.from_dict(LAKE).id
    taken = {"id": f"{first}-2", "instruction": "Name a hill."}
    rows = await read(origin([taken, LAKE, LAKE, LAKE]))
    assert [row.id for row in rows] == [f"{first}-2", first, f"{first}-3", f"{first}-4"]


async def test_rows_are_taken_as_they_are() -> None:
    row = Row.make("Name a lake.", scores={"length": 3.0}, extra={"topic": "water"})
    assert await read(origin([row])) == [row]
    assert origin([row]).label == "1 row"
    again = await read(origin([row, row]))
    assert [r.id for r in again] == [row.id, f"{row.id}-2"]


async def test_what_was_refused_stays_so_and_what_was_accepted_is_judged_anew() -> None:
    verdicts = [Verdict(accepted=True), Verdict(accepted=False, reasons=("empty",)), None]
    rows = [Row.make(str(n), verdict=v, scores={"s": 1.0}) for n, v in enumerate(verdicts)]
    came = await read(origin([row.to_dict() for row in rows]))
    assert [row.status for row in came] == ["pending", "rejected", "pending"]
    assert came[0].scores == {"s": 1.0}


BAD: list[Any] = [
    pytest.param({"instruction": 3}, "item 2: field 'instruction': expected str", id="type"),
    pytest.param({"parents": "a"}, "item 2: field 'parents'", id="parents"),
    pytest.param({"id": "a"}, "item 2, field 'id': 'a' is the id of item 1 too", id="id"),
    pytest.param({"input": b"\x00\x01"}, "item 2: field 'input': JSON cannot hold bytes", id="by"),
    pytest.param({"deep": [{"b": {1}}]}, "item 2: field 'deep': JSON cannot hold set", id="deep"),
    pytest.param({"tags": {"a", "b"}}, "item 2: field 'tags': JSON cannot hold set", id="set"),
    pytest.param({"n": float("inf")}, "item 2: field 'n': JSON has no infinity", id="infinity"),
    pytest.param({3: "a"}, "item 2: the field name 3 is no text", id="name"),
    pytest.param("Name a lake.", "item 2: a str is no row. Give a dict or a Row", id="text"),
    pytest.param(None, "item 2: a NoneType is no row", id="nothing"),
    pytest.param(Row(id="b", extra={"clip": {1}}), "item 2: field 'clip': JSON cannot", id="own"),
    pytest.param(Row(id="b", instruction=3), "item 2: field 'instruction'", id="row"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("item", "told"), BAD)
async def test_a_bad_item_ends_the_reading_with_its_place(item: Any, told: str) -> None:
    rows = origin([{"id": "a", **LAKE}, item, LAKE]).rows()
    assert (await anext(rows)).id == "a"
    with pytest.raises(InputError) as caught:
        await anext(rows)
    message = str(caught.value)
    assert told in message
    assert message.startswith("3 dicts, item 2")
    assert message.endswith("skip_bad.")
    assert "\n" not in message


@pytest.mark.parametrize(("item", "told"), BAD)
async def test_or_it_fails_in_its_place_and_the_rest_goes_on(item: Any, told: str) -> None:
    rows = await read(origin([{"id": "a", **LAKE}, item, item, LAKE], skip_bad=True))
    assert [row.status for row in rows] == ["pending", "failed", "failed", "pending"]
    failed = rows[1].failure
    assert failed is not None
    assert (failed.step, failed.error) == ("load", "InputError")
    assert told in failed.message
    assert "skip_bad" not in failed.message
    assert len({row.id for row in rows}) == 4
    assert all(json.loads(row.to_json()) for row in rows)


async def test_what_a_bad_item_held_is_kept() -> None:
    rows = await read(origin([{"instruction": 3, "clip": b"ab", "n": 1}, "x"], skip_bad=True))
    assert rows[0].extra == {"item": {"number": 1, "instruction": 3, "clip": "(bytes)", "n": 1}}
    assert rows[1].extra == {"item": {"number": 2, "text": "x"}}


async def test_values_of_other_libraries_become_json() -> None:
    day = datetime.date(2024, 2, 29)
    [row] = await read(
        origin(
            [
                {
                    "day": day,
                    "at": datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.UTC),
                    "none": float("nan"),
                    "nested": {"none": [np.float32("nan")], "n": np.int64(3), "f": np.float64(0.5)},
                    "vector": np.array([[1, 2], [3, 4]]),
                    "stamp": np.datetime64("2024-02-29"),
                    "took": datetime.timedelta(minutes=2),
                    "since": np.timedelta64(90, "s"),
                    "never": np.datetime64("NaT"),
                    "pair": (1, "two"),
                    "word": np.str_("lake"),
                    "path": Path("a") / "b",
                }
            ]
        )
    )
    assert json.loads(row.to_json()) | row.extra == json.loads(row.to_json())
    assert row.extra == {
        "day": "2024-02-29",
        "at": "2024-02-29T12:30:00+00:00",
        "none": None,
        "nested": {"none": [None], "n": 3, "f": 0.5},
        "vector": [[1, 2], [3, 4]],
        "stamp": "2024-02-29",
        "took": 120.0,
        "since": 90.0,
        "never": None,
        "pair": [1, "two"],
        "word": "lake",
        "path": "a/b",
    }


async def test_what_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(InputError, match="field 'loop': nested too deeply"):
        await read(origin([{"loop": loop}]))


async def test_fields_get_the_names_that_steps_know() -> None:
    data = [{"prompt": "Name a lake.", "answer": "Tahoe", "response": None}]
    source = origin(data, fields={"prompt": "instruction", "answer": "response"})
    assert source.columns() == {"instruction": "text", "response": "text"}
    [row] = await read(source)
    assert (row.instruction, row.response) == ("Name a lake.", "Tahoe")
    with pytest.raises(
        InputError, match=r"fields: 'promt' is not in 1 dict. It has prompt, answer"
    ):
        origin(data, fields={"promt": "instruction"}).columns()
    with pytest.raises(InputError, match="item 1: field 'answer': there are two"):
        origin(data, fields={"prompt": "answer"}).columns()


def test_columns_are_told_from_the_first_rows() -> None:
    turns = [{"role": "user", "content": "Hi."}]
    data: list[dict[str, Any]] = [
        {"id": "1", "round": 0, "score": 1, "tags": [], "said": None, "odd": 1, "talk": turns},
        {"id": "2", "score": 0.5, "tags": ["a"], "said": "Hi.", "odd": "x", "messages": turns},
    ]
    assert origin(data).columns() == {
        "instruction": "text",  # the first turn of the conversation
        "score": "number",
        "tags": "texts",
        "said": "text",
        "odd": "any",
        "talk": "messages",
        "messages": "messages",
    }
    assert origin(data, columns={"instruction": "text"}).columns() == {"instruction": "text"}
    assert origin(data, columns=["input"]).columns() == {"input": "any"}
    with pytest.raises(InputError, match=r"'input' is said to be 'string'. It is one of text"):
        origin(data, columns={"input": "string"})  # type: ignore[dict-item]
    assert origin([]).columns() is None


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (LAKE, "One row is no source. Put it in a list"),
        (3, "No rows can be read from int"),
        (pd.DataFrame({"a": [1]}), r"A data frame is no list of rows. Give data.to_dict\('rec"),
        (b"abc", "No rows can be read from bytes"),
        (lambda name: [name], "is called without arguments .*'name'"),
    ],
)
def test_what_is_no_source_is_told_at_once(data: object, told: str) -> None:
    with pytest.raises(InputError, match=told):
        origin(data)


async def test_no_more_than_the_limit_is_taken() -> None:
    asked: list[int] = []

    async def numbers() -> AsyncGenerator[dict[str, str]]:
        for n in range(9):
            asked.append(n)
            yield {"instruction": str(n)}

    assert await texts(origin(numbers, limit=2)) == ["0", "1"]
    assert asked == [0, 1]
    source = origin([LAKE] * 5, limit=3)
    assert source.count() == len(await read(source)) == 3
    assert origin([LAKE], limit=3).count() == 1
    for wrong in (0, "3", True):
        with pytest.raises(InputError, match=f"limit is {wrong!r}: it must be a number from 1"):
            origin([LAKE], limit=wrong)  # type: ignore[arg-type]


TEXTS = st.text(st.characters())  # halves of surrogate pairs too
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
NAMES = TEXTS.filter(lambda name: name not in Row.__struct_fields__)


@settings(deadline=None)
@given(st.lists(st.dictionaries(NAMES, JSON, max_size=4), max_size=8), st.booleans())
def test_every_dict_comes_out_with_all_its_fields_and_an_id_of_its_own(
    data: list[dict[str, Any]], lazily: bool
) -> None:
    rows = asyncio.run(read(origin((d for d in data) if lazily else data)))
    assert [row.extra for row in rows] == data
    assert len({row.id for row in rows}) == len(rows)
    again = asyncio.run(read(origin(iter(data))))
    assert [row.to_json() for row in again] == [row.to_json() for row in rows]


# --- iterables and generators ---


async def test_a_plain_generator_is_looked_at_and_loses_nothing() -> None:
    source = origin({"instruction": str(n)} for n in range(700))
    assert source.label == "<genexpr>"
    assert source.count() is None
    assert source.columns() == {"instruction": "text"}
    assert await texts(source) == [str(n) for n in range(700)]
    with pytest.raises(InputError, match="was read already, and can be read once only"):
        await read(source)


async def test_a_generators_function_can_be_read_again() -> None:
    def seeds(count: int) -> Iterator[dict[str, str]]:
        for n in range(count):
            yield {"instruction": str(n)}

    source = origin(partial(seeds, 2))
    assert source.label == "seeds"
    assert source.columns() == {"instruction": "text"}
    assert await texts(source) == await texts(source) == ["0", "1"]


async def test_a_databases_cursor_stays_in_its_thread() -> None:
    def stored() -> Iterator[dict[str, str]]:
        base = sqlite3.connect(":memory:")
        base.executescript("create table t (x); insert into t values ('a'), ('b');")
        for (text,) in base.execute("select x from t"):
            yield {"instruction": text}

    source = origin(stored)
    assert source.columns() == {"instruction": "text"}
    assert await texts(source) == ["a", "b"]


async def test_a_slow_iterable_stalls_nothing_and_its_first_rows_come_first() -> None:
    go = threading.Event()

    def slow() -> Iterator[dict[str, str]]:
        yield {"instruction": "first"}
        time.sleep(0.03)  # longer than a spell: what there is is handed on
        yield {"instruction": "second"}
        go.wait(10)
        yield {"instruction": "third"}

    rows = origin(slow).rows()
    assert [(await anext(rows)).instruction for _ in range(2)] == ["first", "second"]
    waiting = asyncio.ensure_future(anext(rows))
    await asyncio.sleep(0.01)  # only a free loop comes back here
    assert not waiting.done()
    go.set()
    assert (await waiting).instruction == "third"
    await rows.aclose()


async def test_reading_much_lets_other_work_go_on() -> None:
    async def own() -> AsyncGenerator[dict[str, str]]:
        for _ in range(1000):
            yield LAKE

    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    for data in ([LAKE] * 1000, (LAKE for _ in range(1000)), own):
        turns = 0
        working = asyncio.create_task(other())
        assert len(await read(origin(data))) == 1000
        assert turns >= 3  # a turn for each 256 rows
        working.cancel()


def readers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "evolsynth-source"]


async def no_reader_left() -> bool:
    for _ in range(200):
        if not readers():
            return True
        await asyncio.sleep(0.01)
    return False


async def test_leaving_early_closes_the_generator_and_its_thread() -> None:
    closed: list[str] = []

    def endless() -> Iterator[dict[str, str]]:
        try:
            while True:
                yield LAKE
        finally:
            closed.append("plain")

    async def own() -> AsyncGenerator[dict[str, str]]:
        try:
            while True:
                yield LAKE
        finally:
            closed.append("own")

    kept = endless()
    for source in (origin(endless), origin(own), origin(kept)):
        async with aclosing(source.rows()) as rows:
            await anext(rows)
    assert closed == ["plain", "own", "plain"]
    assert not readers()


async def test_a_read_that_never_returns_does_not_hold_up_a_cancelled_run() -> None:
    go = threading.Event()

    def stuck() -> Iterator[dict[str, str]]:
        go.wait(20)
        yield LAKE

    task = asyncio.create_task(read(origin(stuck)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    go.set()
    assert await no_reader_left()


async def test_an_own_generator_is_read_and_closed() -> None:
    async def mine() -> AsyncGenerator[Row | dict[str, str]]:
        yield Row.make("Name a lake.")
        yield LAKE

    source = origin(mine)
    assert (source.label, source.count(), source.columns()) == ("mine", None, None)
    assert await texts(source) == await texts(source) == ["Name a lake.", "Name a lake."]
    once = origin(mine())
    assert len(await read(once)) == 2
    with pytest.raises(InputError, match="mine: was read already"):
        await read(once)


async def test_what_a_generator_raises_is_told_with_its_name_and_how_far_it_came() -> None:
    def plain() -> Iterator[dict[str, str]]:
        yield from [LAKE, LAKE]
        raise KeyError("topic")

    async def own() -> AsyncGenerator[dict[str, str]]:
        for _ in range(2):
            yield LAKE
        raise KeyError("topic")

    for function in (plain, own):
        rows = origin(function).rows()
        assert (await anext(rows)).instruction == (await anext(rows)).instruction
        told = f"{function.__name__}: raised KeyError: 'topic' after 2 items"
        with pytest.raises(InputError, match=told) as caught:
            await anext(rows)
        assert isinstance(caught.value.__cause__, KeyError)


async def test_an_item_of_a_generator_that_is_no_row_is_named() -> None:
    async def mine() -> AsyncGenerator[Any]:
        yield LAKE
        yield ["Name a lake."]

    with pytest.raises(InputError, match=r"mine, item 2: a list is no row. Give a dict or a Row."):
        await read(origin(mine))
    good, bad = await read(origin(mine, skip_bad=True))
    assert (good.status, bad.status) == ("pending", "failed")
    assert bad.extra == {"item": {"number": 2, "type": "list"}}


async def test_a_function_that_gives_no_rows_is_told() -> None:
    async def forgot() -> None:
        """No yield in it."""

    async def mine() -> AsyncGenerator[dict[str, str]]:
        yield LAKE

    with pytest.raises(InputError, match="forgot gives coroutine, which is no rows"):
        await read(origin(forgot))
    with pytest.raises(InputError, match="gives an asynchronous generator"):
        await read(origin(lambda: mine()))


# --- JSON Lines ---

LINES: list[Any] = [
    pytest.param('{"instruction": "Name', "line 3: not JSON", id="broken"),
    pytest.param('["Name a lake."]', "line 3: a JSON object was expected", id="no object"),
    pytest.param(b'{"instruction": "caf\xe9"}', "line 3: not UTF-8", id="not UTF-8"),
    pytest.param('{"instruction": 3}', "line 3: field 'instruction': expected str", id="number"),
    pytest.param('{"n": NaN}', "line 3: not JSON (NaN is no number", id="NaN"),
    pytest.param('{"n": 1e999}', "line 3: not JSON (1e999 is beyond the", id="infinity"),
    pytest.param("[" * 9999 + "]" * 9999, "line 3: nested too deeply", id="deep"),
    pytest.param('{"id": "a"}', "line 3, field 'id': 'a' is the id of line 1 too", id="same id"),
]


@pytest.mark.parametrize(("line", "told"), LINES)
async def test_a_bad_line_is_named_or_fails_in_its_place(
    tmp_path: Path, line: str | bytes, told: str
) -> None:
    good = '{"id": "a", "instruction": "Name a hill."}'
    path = written(tmp_path / "rows.jsonl", good, "", line, json.dumps(LAKE))
    with pytest.raises(InputError) as caught:
        origin(path).columns()  # before anything runs
    assert str(caught.value).startswith(path)
    assert told in str(caught.value)
    source = origin(path, skip_bad=True)
    assert source.columns() == {"instruction": "text"}
    assert source.count() == 3
    rows = await read(source)
    assert [row.status for row in rows] == ["pending", "failed", "pending"]
    assert rows[1].failure is not None
    assert told in rows[1].failure.message
    assert isinstance(rows[1].extra.get("line", {}).get("number", 3), int)


async def test_lines_are_counted_and_numbered_across_blocks(tmp_path: Path) -> None:
    lines = [json.dumps({"instruction": f"{n} " + "x" * (n % 700)}) for n in range(2000)]
    lines[1500] = json.dumps({"instruction": "long " + "y" * 400_000})
    body = "\ufeff" + "\r\n".join(lines[:1000]) + "\n\n  \n" + "\n".join(lines[1000:])
    path = tmp_path / "rows.jsonl"
    path.write_text(body, encoding="utf-8", newline="")
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(body.encode()))
    source = origin(path)
    rows = await read(source)
    assert source.count() == len(rows) == 2000
    assert [row.to_json() for row in rows] == [
        Row.from_dict(json.loads(x)).to_json() for x in lines
    ]
    assert await read(origin(packed)) == rows
    path.write_text(body + "\n{", encoding="utf-8", newline="")
    with pytest.raises(InputError, match=r"rows.jsonl, line 2003: not JSON"):
        await read(origin(path))


async def test_half_a_surrogate_pair_is_let_through(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", '{"instruction": "\\ud83d"}')
    assert await texts(origin(path)) == ["\ud83d"]


async def test_lines_are_not_kept(tmp_path: Path) -> None:
    line = json.dumps({"instruction": "Name a lake. " * 100})
    path = written(tmp_path / "rows.jsonl", *[line] * 8000)  # 10 MB
    tracemalloc.start()
    count = 0
    async for _ in origin(path).rows():
        count += 1
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 8000
    assert most < 2_000_000


# --- ids ---


def test_numbers_of_many_names_are_found_again_and_no_others() -> None:
    numbers = Numbers()
    for n in range(40_000):
        numbers.put(f"name {n}", n + 1)
    numbers.put("name 7", 3)
    assert [numbers.get(f"name {n}") for n in (0, 7, 39_999)] == [1, 3, 40_000]
    assert all(numbers.get(f"name {n}") == n + 1 for n in range(8, 40_000))
    assert not any(numbers.get(f"other {n}") for n in range(40_000))
