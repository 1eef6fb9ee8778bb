"""Prompts for reinforcement learning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evolsynth.export.format import exports
from evolsynth.export.turns import asked, tools_of
from evolsynth.rows import Row


@exports("grpo", optional={"answer": "", "tools": "[]"})
def grpo(row: Row) -> Iterator[dict[str, Any]]:
    """`prompt` as messages, and `answer`, the row's response or, without one, its own column of
    that name, which reward functions are given: TRL's GRPOTrainer and RLOOTrainer."""
    line: dict[str, Any] = {"prompt": asked(row)}
    answer = row.response or row.extra.get("answer")
    if isinstance(answer, str) and answer:
        line["answer"] = answer
    tools = tools_of(row)
    yield {**line, **({} if tools is None else {"tools": tools})}
