"""Pairs for preference training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evolsynth.export.format import exports
from evolsynth.export.turns import asked, tools_of, with_answer
from evolsynth.rows import Row


@exports("dpo", optional={"tools": "[]"})
def dpo(row: Row) -> Iterator[dict[str, Any]]:
    """`prompt`, `chosen` and `rejected` as messages, of rows with two responses: TRL's DPOTrainer
    and reward training, axolotl's `chat_template.default` with field_messages: prompt, unsloth."""
    chosen, rejected = (with_answer(row.extra.get(name)) for name in ("chosen", "rejected"))
    tools = tools_of(row)
    line = {"prompt": asked(row), "chosen": chosen, "rejected": rejected}
    yield {**line, **({} if tools is None else {"tools": tools})}
