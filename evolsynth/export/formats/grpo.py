"""Prompts for reinforcement learning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evolsynth.export.format import exports
from evolsynth.export.turns import asked, tools_of
from evolsynth.rows import Row


@exports("grpo", optional={"answer": "", "tools": "[]"})
def grpo(row: Row) -> Iterator[dict[str, Any]]:
    """`prompt` as messages, and `answer`, the row's response, which reward functions are given:
    TRL's GRPOTrainer and RLOOTrainer."""
    line: dict[str, Any] = {"prompt": asked(row)}
    if row.response:
        line["answer"] = row.response
    tools = tools_of(row)
    yield {**line, **({} if tools is None else {"tools": tools})}
