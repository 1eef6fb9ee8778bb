"""A row as a conversation, in the words of chat templates; a conversation in other words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from evolsynth.data.formats.turns import turns_of as turns_of_others
from evolsynth.export.format import Unfit
from evolsynth.flat import dump, turns_of
from evolsynth.inputs import text_of
from evolsynth.rows import Row

__all__ = ["answered", "asked", "conversation", "pair_of", "said_in", "tools_of"]

Turn = dict[str, Any]
_ROLES = {"developer": "system", "function": "tool"}
#: Where a turn keeps the thought that came before its text, in the words of several chat templates.
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")


def conversation(row: Row) -> list[Turn]:
    """All turns of a row, ``{"role", "content"}`` each, with tool calls where it has some.

    The system turn is the first; a single turn is the task with its input, and the answer.
    Arguments of calls are objects, as chat templates take them; contents are texts.

    Raises:
        Unfit: a turn has a picture, a sound or the like, which its text may be about.
    """
    if not row.messages:
        turns: list[Turn] = [dict(turn) for turn in turns_of({**row.extra, **_own(row)})]
        return turns
    turns = [_plain(turn) for turn in row.to_dict()["messages"]]
    if row.system and all(turn["role"] != "system" for turn in turns):
        turns.insert(0, {"role": "system", "content": row.system})
    return turns


def _own(row: Row) -> dict[str, Any]:
    return {"instruction": row.instruction, "response": row.response, "system": row.system}


def _plain(turn: Mapping[str, Any]) -> Turn:
    role = turn.get("role")
    if role is None and "from" in turn:  # an answer of a pair, as ShareGPT writes it
        return _plain((turns_of_others([turn]) or [{"role": None}])[0])
    made: Turn = {"role": _ROLES.get(str(role), role)}
    made["content"] = _text(turn.get("content"))
    made |= {
        name: value
        for name, value in turn.items()
        if name not in made and value not in (None, "", [], {}, ())
    }
    called = made.get("function_call")
    if isinstance(called, Mapping):  # as OpenAI wrote the one call before there were several
        del made["function_call"]
        made.setdefault("tool_calls", [{"function": called}])
    if "tool_calls" in made:
        made["tool_calls"] = [_call(call) for call in made["tool_calls"]]
    return made


def _text(content: Any) -> str:
    for part in content if isinstance(content, list | tuple) else ():
        if isinstance(part, Mapping) and not isinstance(part.get("text"), str):
            raise Unfit(f"a turn has a part that is no text ({part.get('type')})")
    return text_of(content)


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = dict(call.get("function") or {"name": call.get("name")})
    given = function.get("arguments", call.get("arguments"))
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            given = {"": given}  # what the model said, which is no JSON
    function["arguments"] = {} if given is None else given
    return {**call, "type": "function", "function": function}


def said_in(turn: Turn, text: str) -> str:
    """A text of a turn for formats that have one text a turn: behind the turn's thought, if it has
    one, in the tags by which LLaMA-Factory and most chat templates know it."""
    told = (turn.get(name) for name in _THOUGHTS)
    thought = next((t.strip() for t in told if isinstance(t, str) and t.strip()), "")
    if not thought or text.lstrip().startswith("<think>"):
        return text
    return f"<think>\n{thought}\n</think>\n\n{text}"


def tools_of(row: Row) -> str | None:
    """The functions that a row offers, as JSON: trainers read a text, and it never changes type."""
    tools = row.extra.get("tools")
    if isinstance(tools, str):
        return tools if tools.strip() not in ("", "[]") else None
    functions = row.extra.get("functions")
    if tools is None and isinstance(functions, list):
        tools = [{"type": "function", "function": one} for one in functions]
    return dump(tools) if tools else None


def answered(row: Row) -> list[Turn]:
    """The turns of a row whose last is an answer.

    Raises:
        Unfit: it has none, or nothing is asked.
    """
    turns = conversation(row)
    if turns[-1]["role"] != "assistant" or not (
        turns[-1]["content"].strip() or turns[-1].get("tool_calls")
    ):
        raise Unfit("no response")
    if not any(turn["role"] == "user" and turn["content"].strip() for turn in turns):
        raise Unfit("no instruction")
    return turns


def asked(row: Row) -> list[Turn]:
    """The turns up to the last answer, which is not among them.

    Raises:
        Unfit: nothing is asked.
    """
    turns = conversation(row)
    while turns and turns[-1]["role"] == "assistant":
        turns.pop()
    if not turns or not turns[-1]["content"].strip():
        raise Unfit("no instruction")
    return turns


def pair_of(row: Row) -> tuple[list[Turn], list[Turn], list[Turn]]:
    """What is asked, and the better and the worse answer to it, of a row that has two.

    They are texts, or turns; such as begin alike begin with what is asked.

    Raises:
        Unfit: there are not two, or nothing is asked.
    """
    both = [_turns(row.extra.get(name)) for name in ("chosen", "rejected")]
    if not all(turns and turns[-1]["role"] == "assistant" for turns in both):
        raise Unfit("no pair of responses: make some with preference()")
    shared = 0
    while all(len(turns) > shared + 1 for turns in both) and both[0][shared] == both[1][shared]:
        shared += 1
    prompt = both[0][:shared] if shared else asked(row)
    if shared and row.system and prompt[0]["role"] != "system":
        prompt = [{"role": "system", "content": row.system}, *prompt]
    return prompt, both[0][shared:], both[1][shared:]


def _turns(answer: Any) -> list[Turn]:
    if isinstance(answer, str):
        return [{"role": "assistant", "content": answer}] if answer.strip() else []
    if isinstance(answer, Mapping):
        return [_plain(answer)]
    if isinstance(answer, Sequence):
        return [_plain(turn) for turn in answer if isinstance(turn, Mapping)]
    return []
