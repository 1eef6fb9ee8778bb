"""Chat messages: TRL's conversational type, OpenAI's fine-tuning files, axolotl, unsloth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from evolsynth.export.format import exports
from evolsynth.export.turns import answered, tools_of
from evolsynth.rows import Row

__all__ = ["described", "messages"]


def described(columns: Iterable[str]) -> dict[str, Any]:
    """How LLaMA-Factory is told of such a file."""
    tags = {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "observation_tag": "tool",
        "system_tag": "system",
    }
    named = {"messages": "messages", **({"tools": "tools"} if "tools" in columns else {})}
    return {"formatting": "sharegpt", "columns": named, "tags": tags}


@exports("messages", optional={"tools": "[]"}, described=described)
def messages(row: Row) -> Iterator[dict[str, Any]]:
    """`messages` with roles and contents, system turn first, and `tools` as JSON where there are
    some: TRL's SFTTrainer, axolotl's `chat_template`, unsloth, OpenAI's fine-tuning."""
    tools = tools_of(row)
    yield {"messages": answered(row), **({} if tools is None else {"tools": tools})}
