"""Alpaca's columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from evolsynth.export.format import Unfit, exports
from evolsynth.export.turns import answered, said_in
from evolsynth.rows import Row


def _described(columns: Iterable[str]) -> dict[str, Any]:
    named = {"prompt": "instruction", "query": "input", "response": "output"}
    return {"columns": {**named, **{n: n for n in ("system", "history") if n in columns}}}


@exports("alpaca", optional={"system": "", "history": []}, described=_described)
def alpaca(row: Row) -> Iterator[dict[str, Any]]:
    """`instruction`, `input` (empty where there is none) and `output`; with `system` and `history`
    (earlier questions and answers) where rows have them: LLaMA-Factory, axolotl's `alpaca`,
    unsloth, torchtune."""
    turns = answered(row)
    system = "\n\n".join(turn["content"] for turn in turns if turn["role"] == "system")
    turns = [turn for turn in turns if turn["role"] != "system"]
    if any("tool_calls" in turn for turn in turns):
        raise Unfit("tool calls")
    roles = [turn["role"] for turn in turns]
    if roles != ["user", "assistant"] * (len(turns) // 2):
        raise Unfit("a conversation that is not question and answer in turn")
    texts = [said_in(turn, turn["content"]) for turn in turns]
    line: dict[str, Any] = {"instruction": texts[-2], "input": "", "output": texts[-1]}
    if len(texts) == 2 and row.beside is not None and texts[0] == row.asked:
        line |= {"instruction": row.instruction, "input": row.beside}
    if system:
        line["system"] = system
    if len(texts) > 2:
        line["history"] = [list(pair) for pair in zip(texts[:-2:2], texts[1:-2:2], strict=True)]
    yield line
