"""The gate on a stream: checks of one's own, errors in the middle, batches, and bounded memory."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.errors import InputError, RequestError, SetupError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.check import BatchCheck, Case, Check
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.own import OwnCheck
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.gate.verdict import Read
from evolsynth.findings import Finding
from evolsynth.rows import Row
from evolsynth.streams import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEXTS = [
    "Name three large rivers of Europe.",
    "Explain how bread rises.",
    "Suggest a gift for my aunt.",
    "Describe a lighthouse in winter.",
]
ROWS = [Row.make(text) for text in TEXTS]


async def check(rows: Rows, *checks: OwnCheck, gate: Gate | None = None) -> list[Row]:
    return [row async for row in (gate or Gate(checks=checks)).check(rows)]


def reasons(row: Row) -> tuple[str, ...]:
    return row.verdict.reasons if row.verdict else ()


async def one_by_one(rows: Sequence[Row]) -> AsyncGenerator[Row]:
    for row in rows:
        yield row
        await asyncio.sleep(0)


# Checks of one's own ------------------------------------------------------------------------------


async def test_a_check_over_many_rows_sees_those_that_ours_let_through() -> None:
    seen: list[list[str | None]] = []

    def breads(rows: Sequence[Row]) -> list[Finding | None]:
        seen.append([row.instruction for row in rows])
        return [Finding("bread") if "bread" in (r.instruction or "") else None for r in rows]

    out = await check([Row.make("ok"), *ROWS], BatchCheck("bread", breads))
    assert [reasons(row) for row in out] == [("too_short",), (), ("bread",), (), ()]
    assert seen == [TEXTS]


async def test_a_named_check_sees_the_settings_and_shows_its_values() -> None:
    def few(case: Case) -> Finding | None:
        words = len(case.asked.split())
        least = case.settings.min_words + 2
        return Finding("few", {"words": words, "least": least}) if words < least else None

    out = await check(ROWS[:2], Check("few", few))
    assert [reasons(row) for row in out] == [(), ("few",)]
    assert out[1].verdict is not None
    assert out[1].verdict.details == {"few": {"words": 4, "least": 5}}


@pytest.mark.parametrize("batched", [False, True])
async def test_a_check_that_raises_fails_its_row_and_no_other(batched: bool) -> None:
    def on(row: Row) -> Finding | None:
        if "bread" in (row.instruction or ""):
            raise ZeroDivisionError("no bread")
        return Finding("aunt") if "aunt" in (row.instruction or "") else None

    batch = BatchCheck("own", lambda rows: [on(row) for row in rows])
    out = await check(ROWS, batch if batched else on)
    assert [row.status for row in out] == ["accepted", "failed", "rejected", "accepted"]
    failure = out[1].failure
    assert failure is not None
    assert (failure.step, failure.error, failure.message) == (
        "gate",
        "ZeroDivisionError",
        "no bread",
    )


@pytest.mark.parametrize("batched", [False, True])
async def test_what_is_missing_for_every_row_ends_the_stream(batched: bool) -> None:
    def on(_: object) -> None:
        raise SetupError("The classifier is not installed.")

    with pytest.raises(SetupError):
        await check(ROWS, BatchCheck("own", on) if batched else on)  # type: ignore[arg-type]


async def test_a_batch_check_that_loses_a_row_is_named() -> None:
    with pytest.raises(InputError, match="'short' was given 4 rows and returned 1"):
        await check(ROWS, BatchCheck("short", lambda _: [None]))


# Errors and ends in the middle --------------------------------------------------------------------


class Fragile:
    """An embedder that cannot take one of the texts."""

    name = "fragile"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if any("bread" in text for text in texts):
            raise RequestError("This text cannot be embedded.")
        return np.eye(len(TEXTS), dtype=np.float32)[[TEXTS.index(text) for text in texts]]


async def test_a_text_that_cannot_be_embedded_fails_alone() -> None:
    out = await check(ROWS, gate=Gate(Fragile()))
    assert [row.status for row in out] == ["accepted", "failed", "accepted", "accepted"]


async def test_rows_before_an_error_of_the_source_are_judged() -> None:
    async def source() -> AsyncGenerator[Row]:
        for row in ROWS[:2]:
            yield row
        raise InputError("rows.jsonl, line 3: not JSON.")

    done = []

    async def judge() -> None:
        async for row in Gate().check(source()):
            done.append(row)

    with pytest.raises(InputError, match="line 3"):
        await judge()
    assert [row.status for row in done] == ["accepted", "accepted"]


async def test_cancelling_in_the_middle_leaves_no_task_and_closes_the_source() -> None:
    closed, done = asyncio.Event(), []

    async def source() -> AsyncGenerator[Row]:
        try:
            yield ROWS[0]
            await asyncio.Event().wait()  # the next row never comes
        finally:
            closed.set()

    async def consume() -> None:
        async for row in Gate().check(source()):
            done.append(row)

    task = asyncio.create_task(consume())
    while not done:
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed.is_set()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_row_that_has_come_does_not_wait_for_the_next() -> None:
    """The source gives its second row only when the first has come out of the gate."""
    out = asyncio.Event()

    async def source() -> AsyncGenerator[Row]:
        yield ROWS[0]
        await asyncio.wait_for(out.wait(), 20)
        yield ROWS[1]

    done = []
    async with aclosing(Gate().check(source())) as rows:
        async for row in rows:
            done.append(row)
            out.set()
    assert len(done) == 2


def test_a_plain_iterator_is_never_read_ahead() -> None:
    """It may be a pipe: reading its next row may block for hours."""
    read = 0

    def source() -> Iterator[Row]:
        nonlocal read
        for row in ROWS:
            read += 1
            yield row

    async def first() -> int:
        async with aclosing(Gate().check(source())) as rows:
            await anext(rows)
            return read

    assert asyncio.run(first()) == 1


class Bag:
    """Words as directions: the same words in another order are near."""

    name = "bag"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        out = np.zeros((len(texts), 64), dtype=np.float32)
        for i, text in enumerate(texts):
            for word in text.lower().split():
                out[i, sum(word.encode()) % 64] += 1
        lengths = np.linalg.norm(out, axis=1, keepdims=True)
        return np.asarray(out / np.where(lengths == 0, 1, lengths), dtype=np.float32)


def test_rows_are_read_while_those_before_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file: the embedder keeps one processor while rules keep another."""
    rows = [Row.make(f"Name {n} large rivers of Europe.") for n in range(100)]
    reading = threading.Event()
    read = Gate._read
    seen: list[bool] = []

    def watched(self: Gate, rows: Sequence[Row], stream: Any) -> list[Read]:
        if rows[0].instruction == "Name 80 large rivers of Europe.":
            reading.set()
        return read(self, rows, stream)

    class Slow(Bag):
        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            if not seen:
                seen.append(reading.wait(timeout=10))
            return super().embed(texts)

    monkeypatch.setattr(Gate, "_read", watched)
    done = asyncio.run(check(rows, gate=Gate(Slow(), at_once=80)))
    assert [row.instruction for row in done] == [row.instruction for row in rows]
    assert seen == [True]


WORDS = st.lists(st.sampled_from(("name", "three", "old", "boats", "near")), max_size=6)


@settings(deadline=None, max_examples=40)
@given(st.lists(WORDS.map(" ".join), max_size=24))
def test_verdicts_do_not_depend_on_how_many_rows_come_at_once(texts: list[str]) -> None:
    rows = [Row.make(text, key=str(i)) for i, text in enumerate(texts)]
    strict = GateSettings(near_duplicate=0.8)

    def judged(given_: Rows, at_once: int = 8) -> list[Row]:
        return asyncio.run(check(given_, gate=Gate(Bag(), settings=strict, at_once=at_once)))

    together = judged(rows)
    assert together == judged(iter(rows)) == judged(one_by_one(rows)) == judged(rows, 64)


def test_rows_that_come_together_may_be_read_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = [*TEXTS, "ok", TEXTS[0].upper(), "Describe in a lighthouse winter.", *TEXTS[::-1]]
    rows = [Row.make(text, key=str(i)) for i, text in enumerate(texts)]
    strict = GateSettings(near_duplicate=0.8)

    def judged() -> list[Row]:
        return asyncio.run(check(rows, gate=Gate(Bag(), settings=strict, at_once=512)))

    together = judged()
    monkeypatch.setattr("evolsynth.evaluation.gate.gate._READ", 2)
    assert judged() == together
    assert {"too_short", "exact_duplicate", "near_duplicate"} <= {
        code for row in together for code in reasons(row)
    }


def test_a_gate_takes_one_row_or_more_at_once() -> None:
    with pytest.raises(InputError, match="at_once=0"):
        Gate(at_once=0)


@pytest.mark.real
def test_near_duplicates_are_the_same_looked_for_together_and_one_by_one() -> None:
    asked = ("Explain how bread rises.", "Please explain how bread rises", "Why does bread rise?")
    texts = [*asked, *TEXTS, *(f"{text} Be brief." for text in asked), *asked[::-1]]
    rows = [Row.make(text, key=str(i)) for i, text in enumerate(texts)]
    strict = GateSettings(near_duplicate=0.8)

    def judged(given_: Rows) -> list[Row]:
        return asyncio.run(check(given_, gate=Gate(MiniLM(), settings=strict, at_once=64)))

    together = judged(rows)
    assert together == judged(iter(rows)) == judged(one_by_one(rows))
    found = [reason for row in together for reason in reasons(row)]
    assert {"exact_duplicate", "near_duplicate"} <= set(found)


def test_a_row_refused_for_its_response_is_no_twin_of_a_later_one() -> None:
    bad, good = (Row.make(TEXTS[1], key=k, response=r) for k, r in (("a", " "), ("b", "Yeast.")))
    out = asyncio.run(check([bad, good], gate=Gate(settings=GateSettings(skip=("thin_answer",)))))
    assert [reasons(row) for row in out] == [("empty",), ()]


_MEMORY = """
import asyncio, pathlib, re
from evolsynth.evaluation.gate.check import CHECKS
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.rows import Row

quick = GateSettings(skip=tuple({c.name for c in CHECKS.values() if c.cost == "text"}))
peaks = {}

def now():  # MiB; of this process alone, unlike what getrusage tells
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\\s+(\\d+)", status)[1]) / 1024

async def source():
    for i in range(10_000):
        extra = {"blob": f"{i}" * 400}
        yield Row(id=f"row {i}", instruction=f"Explain case {i} of the law.", extra=extra)

async def main():
    accepted = 0
    async for row in Gate(settings=quick).check(source()):
        accepted += row.status == "accepted"
        if accepted in (2_000, 10_000):
            peaks[accepted] = now()
    print(peaks[10_000] - peaks[2_000])

asyncio.run(main())
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs Linux")
def test_memory_grows_by_what_is_needed_to_know_a_text_again() -> None:
    """For 8,000 rows of 2 kB each: a digest and an id, but none of the text."""
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert 0.25 < float(done.stdout) < 5, "MiB; the rows would be 16"
