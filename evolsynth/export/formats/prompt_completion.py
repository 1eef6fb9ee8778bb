"""TRL's prompt and completion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evolsynth.export.format import exports
from evolsynth.export.turns import answered, tools_of
from evolsynth.rows import Row


@exports("prompt-completion", optional={"tools": "[]"})
def prompt_completion(row: Row) -> Iterator[dict[str, Any]]:
    """`prompt` with all turns but the last, and `completion` with that, both as messages: TRL's
    SFTTrainer, which then learns the completion alone."""
    turns, tools = answered(row), tools_of(row)
    line = {"prompt": turns[:-1], "completion": turns[-1:]}
    yield {**line, **({} if tools is None else {"tools": tools})}
