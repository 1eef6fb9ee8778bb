"""ShareGPT's conversations, as LLaMA-Factory, axolotl and FastChat read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from evolsynth.export.format import Unfit, exports
from evolsynth.export.turns import answered, said_in, tools_of
from evolsynth.flat import dump
from evolsynth.rows import Row

_NAMES = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}


def _described(columns: Iterable[str]) -> dict[str, Any]:
    named = {"messages": "conversations", **({"tools": "tools"} if "tools" in columns else {})}
    return {"formatting": "sharegpt", "columns": named}


@exports("sharegpt", optional={"tools": "[]"}, described=_described)
def sharegpt(row: Row) -> Iterator[dict[str, Any]]:
    """`conversations` with `from` (system, human, gpt, function_call, observation) and `value`,
    and `tools` as JSON where there are some; a thought stands in `<think>` before what it led to:
    LLaMA-Factory, axolotl, unsloth, FastChat."""
    turns = [turn for each in answered(row) for turn in _said(each)]
    _in_turn([turn["from"] for turn in turns])
    tools = tools_of(row)
    yield {"conversations": turns, **({} if tools is None else {"tools": tools})}


def _said(turn: dict[str, Any]) -> Iterator[dict[str, str]]:
    calls = [call["function"] for call in turn.get("tool_calls", ())]
    if calls:  # LLaMA-Factory: one call as an object, several as a list of them
        if turn["content"].strip():
            raise Unfit("words beside a tool call, for which the format has no place")
        told = [{"name": one["name"], "arguments": one["arguments"]} for one in calls]
        value = said_in(turn, dump(told[0] if len(told) == 1 else told))
        yield {"from": "function_call", "value": value}
    else:
        name = _NAMES.get(turn["role"])
        if name is None:
            raise Unfit(f"a turn of the role '{turn['role']}'")
        yield {"from": name, "value": said_in(turn, turn["content"])}


def _in_turn(names: list[str]) -> None:
    """Who asks and who answers take turns, or LLaMA-Factory passes the row by."""
    sides = ["asks" if name in ("human", "observation") else "answers"
             for name in names if name != "system"]  # fmt: skip
    if any(one == other for one, other in zip(["answers", *sides], sides, strict=False)):
        raise Unfit("two turns of one side in a row")
