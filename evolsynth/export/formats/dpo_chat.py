"""Pairs as one conversation with two ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from evolsynth.export.format import Unfit, exports
from evolsynth.export.formats.messages import described
from evolsynth.export.turns import pair_of
from evolsynth.rows import Row


def _described(columns: Iterable[str]) -> dict[str, Any]:
    named = {"messages": "messages", "chosen": "chosen", "rejected": "rejected"}
    return {**described(columns), "ranking": True, "columns": named}


@exports("dpo-chat", described=_described)
def dpo_chat(row: Row) -> Iterator[dict[str, Any]]:
    """`messages`, and `chosen` and `rejected` as one message each: axolotl's
    `chat_template.default`, LLaMA-Factory's ranking."""
    prompt, chosen, rejected = pair_of(row)
    if len(chosen) > 1 or len(rejected) > 1:
        raise Unfit("a response of several turns")
    yield {"messages": prompt, "chosen": chosen[0], "rejected": rejected[0]}
