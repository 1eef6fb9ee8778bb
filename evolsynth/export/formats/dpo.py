"""Pairs for preference training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evolsynth.export.format import exports
from evolsynth.export.turns import pair_of, tools_of
from evolsynth.rows import Row


@exports("dpo", optional={"tools": "[]"})
def dpo(row: Row) -> Iterator[dict[str, Any]]:
    """`prompt`, `chosen` and `rejected` as messages, of rows with two responses: TRL's DPOTrainer
    and reward training, axolotl's `chat_template.default` with field_messages: prompt, unsloth."""
    prompt, chosen, rejected = pair_of(row)
    tools = tools_of(row)
    line = {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    yield {**line, **({} if tools is None else {"tools": tools})}
