"""What trainers' readers make of each file: nothing of a conversation is lost on the way.

The readers here are ours, written after what the trainers' pages say of their forms:
LLaMA-Factory's data/README.md (dataset_info.json, alpaca, sharegpt, ranking), axolotl's docs on
conversations and instructions, unsloth's on chat templates. The trainers themselves are not run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evolsynth.cli.main import main
from evolsynth.rows import Row, write_rows

Turn = tuple[str, Any]


def said(role: str, content: str | None, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def calls(*told: tuple[str, Any]) -> list[dict[str, Any]]:
    return [
        {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for n, (name, arguments) in enumerate(told)
    ]


TOOLS = [{"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}]
ASK = said("user", "When is high tide in Brest?")
ROWS = {
    "single": Row.make("Name a port.", response="Brest.", extra={"input": "In France"}),
    "system": Row.make("Name a port.", response="Kiel.", system="Be brief."),
    "turns": Row.from_dict(
        {"messages": [said("system", "Be kind."), ASK, said("assistant", "At noon."),
                      said("user", "And low tide?"), said("assistant", "At six.")]}
    ),
    "call": Row.from_dict(
        {"messages": [ASK, said("assistant", None, tool_calls=calls(("tide", '{"at": "Brest"}'))),
                      said("tool", "12:04", tool_call_id="c0"), said("assistant", "At 12:04.")],
         "tools": TOOLS}
    ),
    "two calls": Row.from_dict(
        {"messages": [ASK, said("assistant", "", tool_calls=calls(("tide", {}), ("now", {"z": 1}))),
                      said("tool", "[1, 2]", tool_call_id="c0"), said("assistant", "At one.")],
         "tools": TOOLS}
    ),
    "thought": Row.from_dict(
        {"messages": [ASK, said("assistant", "At noon.", reasoning_content="The moon is full.")]}
    ),
}  # fmt: skip
TALK = ("single", "system", "turns", "thought")


def exported(
    tmp_path: Path, format: str, *rows: Row
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The lines of a file, and what stands of it in ``dataset_info.json``."""
    write_rows(tmp_path / "rows.jsonl", rows)
    place = tmp_path / "data.jsonl"
    assert main(["export", str(tmp_path / "rows.jsonl"), "--format", format, "-o", str(place)]) == 0
    info = tmp_path / "dataset_info.json"
    entry = json.loads(info.read_text()).get("data", {}) if info.exists() else {}
    return [json.loads(line) for line in place.read_text().splitlines()], entry


# LLaMA-Factory ------------------------------------------------------------------------------------


def llama_factory(line: Mapping[str, Any], entry: Mapping[str, Any]) -> list[Turn]:
    """The turns that it learns from, as its README says that they are found."""
    assert entry["file_name"] == "data.jsonl"
    columns = entry["columns"]
    read = _sharegpt if entry.get("formatting", "alpaca") == "sharegpt" else _alpaca
    return read(line, columns, entry.get("tags", {}), ranking=entry.get("ranking", False))


def _alpaca(
    line: Mapping[str, Any], columns: Mapping[str, str], _: Mapping[str, str], *, ranking: bool
) -> list[Turn]:
    assert not ranking
    system = line[columns["system"]] if "system" in columns else ""
    turns: list[Turn] = [("system", system)] if system else []
    for asked, answer in line[columns["history"]] if "history" in columns else ():
        turns += [("user", asked), ("assistant", answer)]
    both = filter(None, (line[columns["prompt"]], line[columns["query"]]))
    return [*turns, ("user", "\n".join(both)), ("assistant", line[columns["response"]])]


def _sharegpt(
    line: Mapping[str, Any], columns: Mapping[str, str], tags: Mapping[str, str], *, ranking: bool
) -> list[Turn]:
    names = {
        tags.get("user_tag", "human"): "user",
        tags.get("assistant_tag", "gpt"): "assistant",
        tags.get("observation_tag", "observation"): "observation",
        tags.get("function_tag", "function_call"): "call",
    }
    role, content = tags.get("role_tag", "from"), tags.get("content_tag", "value")
    turns = list(line[columns["messages"]])
    made: list[Turn] = []
    if turns and turns[0][role] == tags.get("system_tag", "system"):
        made.append(("system", turns.pop(0)[content]))
    for place, turn in enumerate(turns):
        side = ("user", "observation") if place % 2 == 0 else ("assistant", "call")
        assert names[turn[role]] in side, "it would pass the row by"
        assert set(turn) == {role, content}, "it would pass over the rest"
        made.append((names[turn[role]], turn[content]))
    assert len(turns) % 2 == (1 if ranking else 0)
    for kind, text in made:
        if kind == "call":
            told = json.loads(text.rpartition("</think>")[2])
            for one in told if isinstance(told, list) else [told]:
                assert isinstance(one["name"], str)
                assert isinstance(one["arguments"], dict)
    if "tools" in columns:
        assert isinstance(json.loads(line[columns["tools"]]), list)
    if ranking:
        for name in ("chosen", "rejected"):
            one = line[columns[name]]
            assert names[one[role]] == "assistant"
            made.append((name, one[content]))
    return made


@pytest.mark.parametrize("format", ["messages", "sharegpt", "alpaca"])
@pytest.mark.parametrize("name", ["single", "system", "turns"])
def test_llama_factory_learns_all_turns(tmp_path: Path, format: str, name: str) -> None:
    (line,), entry = exported(tmp_path, format, ROWS[name])
    turns = llama_factory(line, entry)
    kinds = {"single": "user assistant", "system": "system user assistant",
             "turns": "system user assistant user assistant"}[name]  # fmt: skip
    assert [kind for kind, _ in turns] == kinds.split()
    assert " ".join(turns[kinds.split().index("user")][1].split()) in (
        "Name a port. In France", "Name a port.", "When is high tide in Brest?",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["call", "two calls"])
def test_llama_factory_learns_calls_of_sharegpt(tmp_path: Path, name: str) -> None:
    (line,), entry = exported(tmp_path, "sharegpt", ROWS[name])
    turns = llama_factory(line, entry)
    assert [kind for kind, _ in turns] == ["user", "call", "observation", "assistant"]
    assert json.loads(line["tools"]) == TOOLS


@pytest.mark.parametrize("format", ["sharegpt", "alpaca"])
def test_llama_factory_learns_thoughts(tmp_path: Path, format: str) -> None:
    (line,), entry = exported(tmp_path, format, ROWS["thought"])
    assert llama_factory(line, entry)[-1] == (
        "assistant", "<think>\nThe moon is full.\n</think>\n\nAt noon.",
    )  # fmt: skip


def test_llama_factory_is_told_of_no_file_of_which_it_would_lose_something(tmp_path: Path) -> None:
    for name in ("call", "two calls", "thought"):
        _, entry = exported(tmp_path, "messages", ROWS[name])
        assert entry == {}, name


def test_llama_factory_ranks_pairs(tmp_path: Path) -> None:
    row = Row.make("Name a port.", system="Be brief.", extra={"chosen": "Kiel.", "rejected": "No."})
    (line,), entry = exported(tmp_path, "dpo-chat", row)
    assert llama_factory(line, entry) == [
        ("system", "Be brief."), ("user", "Name a port."), ("chosen", "Kiel."), ("rejected", "No."),
    ]  # fmt: skip


# axolotl and unsloth ------------------------------------------------------------------------------

#: The roles that axolotl's `chat_template` and unsloth's `standardize_sharegpt` know, without more
#: settings.
_KNOWN = {"system": "system", "human": "user", "user": "user", "gpt": "assistant",
          "assistant": "assistant", "tool": "tool"}  # fmt: skip


def chat(turns: list[dict[str, Any]], role: str, content: str) -> list[Turn]:
    """The messages that a chat template is given."""
    made: list[Turn] = []
    for turn in turns:
        assert isinstance(turn[content], str)
        for call in turn.get("tool_calls", ()):
            assert isinstance(call["function"]["arguments"], dict)
        made.append((_KNOWN[turn[role]], turn[content]))
    return made


@pytest.mark.parametrize("name", ROWS)
def test_chat_templates_are_given_all_of_messages(tmp_path: Path, name: str) -> None:
    (line,), _ = exported(tmp_path, "messages", ROWS[name])
    turns = chat(line["messages"], "role", "content")
    assert turns[-1][0] == "assistant"
    assert [kind for kind, _ in turns].count("tool") == name.count("call")
    if "call" in name:
        assert json.loads(line["tools"]) == TOOLS
    if name == "thought":
        assert line["messages"][-1]["reasoning_content"] == "The moon is full."


@pytest.mark.parametrize("name", TALK)
def test_sharegpt_without_calls_is_read_by_axolotl_and_unsloth(tmp_path: Path, name: str) -> None:
    (line,), _ = exported(tmp_path, "sharegpt", ROWS[name])
    assert chat(line["conversations"], "from", "value")[-1][0] == "assistant"


def test_axolotls_alpaca_has_three_texts(tmp_path: Path) -> None:
    lines, _ = exported(tmp_path, "alpaca", *(ROWS[name] for name in TALK))
    for line in lines:
        assert all(isinstance(line[name], str) for name in ("instruction", "input", "output"))
