"""Steps, checks and a back end that do what nobody should; trials run them from a script.

Each is one fault that somebody's own code can have. What a row's fault is must fail that row, and
what is none's must end the run by a sentence: rows are never lost in silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from typing import Any

from evolsynth.errors import EngineError, RequestError
from evolsynth.llm.base import LLM, Capability, Completion, Request, Usage
from evolsynth.pipeline import step
from evolsynth.rows import Row

__all__ = ["CHECKS", "OWN", "ROWS", "STREAMS", "own"]


class _Odd:
    """Something that JSON has no word for, and that cannot even be shown."""

    def __repr__(self) -> str:
        raise ValueError("cannot be shown")


class _MuteError(Exception):
    def __str__(self) -> str:
        raise ValueError("cannot be told")


async def _cancelled_helper() -> None:
    task = asyncio.create_task(asyncio.sleep(5))
    await asyncio.sleep(0)
    task.cancel()
    await task


async def _cancel_itself() -> None:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101
    task.cancel()
    await asyncio.sleep(0)


async def _group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_raises(KeyError("in a group")))


async def _raises(error: BaseException) -> None:
    raise error


async def _timeout() -> None:
    async with asyncio.timeout(0.001):
        await asyncio.sleep(5)


def _deep() -> None:
    _deep()


#: What is done instead of a row, by name: it raises, or gives something else back.
ROWS: dict[str, Any] = {
    "value_error": lambda row: _raises(ValueError("no such value")),
    "key_error": lambda row: _raises(KeyError(row.instruction)),
    "os_error": lambda row: _raises(OSError(5, "Input/output error")),
    "timeout_error": lambda row: _raises(TimeoutError()),
    "timed_out": lambda row: _timeout(),
    "cancelled": lambda row: _raises(asyncio.CancelledError()),
    "cancelled_helper": lambda row: _cancelled_helper(),
    "cancels_itself": lambda row: _cancel_itself(),
    "group": lambda row: _group(),
    "exits": lambda row: _raises(SystemExit(9)),
    "stop_iteration": lambda row: _raises(StopAsyncIteration()),
    "generator_exit": lambda row: _raises(GeneratorExit()),
    "memory": lambda row: _raises(MemoryError()),
    "mute": lambda row: _raises(_MuteError()),
    "escape": lambda row: _raises(ValueError("\x1b[2J\x1b[31m\udcff\x00")),
    "engine_error": lambda row: _raises(EngineError("the power went")),
    "none": lambda row: None,
    "five": lambda row: 5,
    "dict": lambda row: {"instruction": row.instruction},
    "twice": lambda row: [row, row],
    "nan": lambda row: row.replace(extra={**row.extra, "x": float("nan"), "y": float("inf")}),
    "score_nan": lambda row: row.replace(scores={"q": float("nan"), "r": float("-inf")}),
    "set": lambda row: row.replace(extra={**row.extra, "x": {1, 2}}),
    "bytes": lambda row: row.replace(extra={**row.extra, "x": b"\xff"}),
    "object": lambda row: row.replace(extra={**row.extra, "x": _Odd()}),
    "circle": lambda row: row.replace(extra={**row.extra, "x": _circle()}),
    "keys": lambda row: row.replace(extra={**row.extra, 5: 6, None: 7}),
    "big": lambda row: row.replace(extra={**row.extra, "x": 10**5000}),
    "nested": lambda row: row.replace(extra={**row.extra, "x": _nested(5000)}),
    "surrogate": lambda row: row.replace(instruction=f"{row.instruction} \ud800"),
    "number": lambda row: row.replace(instruction=5),
    "no_id": lambda row: row.replace(id=None),
    "one_id": lambda row: row.replace(id="same"),
    "odd_round": lambda row: row.replace(round="\ud800", method="\ud800"),
    "wrong_parents": lambda row: row.replace(parents=("nobody", 5)),
    "controls": lambda row: row.replace(instruction="\x1b[2J\x00" + row.instruction),
    "recursion": lambda row: _deep(),
    "blocks": lambda row: (threading.Event().wait(0.05) and row) or row,
    "prints": lambda row: print(row.instruction, file=sys.stderr) or row,
    "leaves": lambda row: _leaves(row),
}


def _leaves(row: Row) -> Row:
    os.chdir("/")
    return row


def _circle() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def _nested(depth: int) -> Any:
    made: Any = 1
    for _ in range(depth):
        made = [made]
    return made


@step
async def own(row: Row, does: str = "none", every: int = 3, later: float = 0.0) -> Any:
    """Do what ``does`` names to every third row, by the row's mark."""
    await asyncio.sleep(later)
    number = int(str(row.extra.get("mark", "a0000q"))[-5:-1])
    if number % every:
        return row
    made = ROWS[does](row)
    if asyncio.iscoroutine(made):
        await made
        return row
    return made


async def _twice(rows: Any) -> Any:
    async for row in rows:
        yield row
        yield row


async def _swallows(rows: Any) -> Any:
    async for row in rows:
        if not row:
            yield row


async def _begins_badly(rows: Any) -> Any:
    if rows is not None:
        raise RuntimeError("before the first row")
    yield rows


async def _ends_badly(rows: Any) -> Any:
    async for row in rows:
        yield row
    raise RuntimeError("after the last row")


async def _stops_early(rows: Any) -> Any:
    async for row in rows:
        yield row
        return


async def _in_reverse(rows: Any) -> Any:
    for row in [row async for row in rows][::-1]:
        yield row


async def _ignores_cancel(rows: Any) -> Any:
    async for row in rows:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.01)
        yield row


async def _others(rows: Any) -> Any:
    async for row in rows:
        yield Row.make(f"Explain how bees make honey, and what {row.id} has to do with it.")


async def _cancelled_between(rows: Any) -> Any:
    async for row in rows:
        yield row
        raise asyncio.CancelledError


async def _none(rows: Any) -> Any:
    async for _ in rows:
        yield None


_FLOWS = {
    "twice": _twice, "swallows": _swallows, "begins_badly": _begins_badly,
    "ends_badly": _ends_badly,
    "stops_early": _stops_early, "in_reverse": _in_reverse, "ignores_cancel": _ignores_cancel,
    "others": _others, "cancelled_between": _cancelled_between, "none": _none,
}  # fmt: skip


@step
async def flow(rows: Any, does: str = "in_reverse") -> Any:
    """Do what ``does`` names to the stream of rows."""
    async for row in _FLOWS[does](rows):
        yield row


STREAMS = tuple(_FLOWS)


def _check(does: str) -> Any:
    def find(row: Row) -> Any:
        number = int(str(row.extra.get("mark", "a0000q"))[-5:-1])
        if number % 3:
            return None
        if does == "raises":
            raise ValueError("a check's own fault")
        if does == "exits":
            raise SystemExit(3)
        if does == "cancelled":
            raise asyncio.CancelledError
        return {"five": 5, "text": "no reason", "row": row}[does]

    return find


CHECKS = {name: _check(name) for name in ("raises", "exits", "cancelled", "five", "text", "row")}


class Strange(LLM):
    """A back end that fails, in the way that is asked for, for some of its requests.

    A trial's own script registers it, as ``strange:WAY``: no other process shall know of it.
    """

    capabilities = frozenset(Capability)

    def __init__(self, model: str, *, every: int = 3) -> None:
        self.name, self.does, self.every, self.count = f"strange {model}", model, every, 0
        self.provenance = {"model": self.name}
        self.concurrency = 4

    @property
    def usage(self) -> Usage:
        """Nothing is counted."""
        return Usage()

    async def start(self) -> None:
        """Fail at the start, where that is what it does."""
        if self.does == "start":
            raise ValueError("cannot be started")

    async def aclose(self) -> None:
        """Fail at the end, where that is what it does."""
        if self.does == "close":
            raise OSError(5, "Input/output error")

    async def complete(self, request: Request) -> Any:
        """Answer, or fail."""
        self.count += 1
        text = "Name five towns by the sea and say what each of them is known for."
        if self.count % self.every == 0:
            raised: dict[str, BaseException] = {
                "value": ValueError("no such value"), "timeout": TimeoutError(),
                "os": OSError(104, "reset"),
                "cancelled": asyncio.CancelledError(), "request": RequestError("too long"),
                "engine": EngineError("the power went"), "exit": SystemExit(4),
                "memory": MemoryError(),
                "key": KeyError("choices"), "mute": _MuteError(),
            }  # fmt: skip
            if self.does in raised:
                raise raised[self.does]
            if self.does == "nothing":
                return None
            if self.does == "text":
                return text
            if self.does == "surrogate":
                text = f"{text} \ud800\x00\x1b[31m"
            if self.does == "number":
                text = 5  # type: ignore[assignment] # that is its fault
            if self.does == "minus":
                return Completion(text=text, tokens=-5, prompt_tokens=-5, finish_reason="stop")
        return Completion(text=text, tokens=14, prompt_tokens=5, finish_reason="stop")


OWN = ("value", "timeout", "os", "cancelled", "request", "engine", "exit", "memory", "key", "mute",
       "nothing", "text", "surrogate", "number", "minus", "start", "close")  # fmt: skip
