"""Each format has just what its trainer reads, and what was said is right in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evolsynth.export.format import EXPORTS, Unfit
from evolsynth.rows import Message, Row, Verdict

SINGLE = Row.make("Name a river in Peru.", response="The Ucayali.", system="Be brief.")
ABOUT = Row.make("Translate it.", response="Der Dom.", extra={"input": "the cathedral"})
TALK = Row.make(
    "Name a lake.",
    response="Lake Como.",
    messages=(
        Message("user", "Name a lake."),
        Message("assistant", "Lake Como."),
        Message("user", "Where is it?"),
        Message("assistant", "In Italy."),
    ),
)
PAIR = Row.make(
    "Name a hill.", extra={"chosen": "Arthur's Seat is one.", "rejected": "A hill.", "topic": "x"}
)
TURNS = [
    {"role": "user", "content": "Name a dog."},
    {"role": "assistant", "content": "Laika."},
    {"role": "user", "content": "What did she do?"},
]
PAIR_OF_TURNS = Row.make(
    "Name a dog.",
    extra={
        "chosen": [*TURNS, {"role": "assistant", "content": "She flew round the earth."}],
        "rejected": [*TURNS, {"role": "assistant", "content": "Bark."}],
    },
)


def lines(name: str, row: Row) -> list[dict[str, Any]]:
    return EXPORTS[name](row)


def one(name: str, row: Row) -> dict[str, Any]:
    (line,) = lines(name, row)
    return line


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def test_there_are_the_formats_that_the_page_names() -> None:
    assert set(EXPORTS) >= {
        "messages", "sharegpt", "alpaca", "prompt-completion", "dpo", "dpo-chat", "kto", "grpo",
        "rows", "parquet", "hf",
    }  # fmt: skip


def test_messages_of_a_single_turn() -> None:
    assert one("messages", SINGLE) == {
        "messages": [
            turn("system", "Be brief."),
            turn("user", "Name a river in Peru."),
            turn("assistant", "The Ucayali."),
        ]
    }


def test_the_input_stands_behind_what_is_asked() -> None:
    assert one("messages", ABOUT)["messages"][0]["content"] == "Translate it.\n\nthe cathedral"
    assert one("prompt-completion", ABOUT) == {
        "prompt": [turn("user", "Translate it.\n\nthe cathedral")],
        "completion": [turn("assistant", "Der Dom.")],
    }


def test_an_instruction_that_holds_its_input_has_it_once() -> None:
    row = Row.make(
        "Translate: the old town hall", response="x", extra={"input": "the old town hall"}
    )
    assert one("messages", row)["messages"][0]["content"] == "Translate: the old town hall"
    assert one("alpaca", row) == {
        "instruction": "Translate: the old town hall", "input": "", "output": "x",
    }  # fmt: skip


def test_a_conversation_keeps_its_turns() -> None:
    assert [t["content"] for t in one("messages", TALK)["messages"]] == [
        "Name a lake.", "Lake Como.", "Where is it?", "In Italy.",
    ]  # fmt: skip
    assert one("prompt-completion", TALK)["completion"] == [turn("assistant", "In Italy.")]
    assert [t["from"] for t in one("sharegpt", TALK)["conversations"]] == ["human", "gpt"] * 2
    assert one("alpaca", TALK) == {
        "instruction": "Where is it?", "input": "", "output": "In Italy.",
        "history": [["Name a lake.", "Lake Como."]],
    }  # fmt: skip


def test_a_system_turn_that_stands_beside_a_conversation_comes_first() -> None:
    row = TALK.replace(system="Be kind.")
    assert one("messages", row)["messages"][0] == turn("system", "Be kind.")
    assert one("sharegpt", row)["conversations"][0] == {"from": "system", "value": "Be kind."}
    assert one("alpaca", row)["system"] == "Be kind."


def test_alpaca_has_task_and_input_apart() -> None:
    assert one("alpaca", ABOUT) == {
        "instruction": "Translate it.", "input": "the cathedral", "output": "Der Dom.",
    }  # fmt: skip


def test_pairs() -> None:
    assert one("dpo", PAIR) == {
        "prompt": [turn("user", "Name a hill.")],
        "chosen": [turn("assistant", "Arthur's Seat is one.")],
        "rejected": [turn("assistant", "A hill.")],
    }
    chat = one("dpo-chat", PAIR)
    assert chat["messages"] == [turn("user", "Name a hill.")]
    assert chat["chosen"] == turn("assistant", "Arthur's Seat is one.")
    assert [(line["completion"][0]["content"], line["label"]) for line in lines("kto", PAIR)] == [
        ("Arthur's Seat is one.", True),
        ("A hill.", False),
    ]


def test_pairs_that_are_whole_conversations_share_their_beginning() -> None:
    line = one("dpo", PAIR_OF_TURNS)
    assert line["prompt"] == TURNS
    assert line["chosen"] == [turn("assistant", "She flew round the earth.")]
    assert line["rejected"] == [turn("assistant", "Bark.")]


def test_kto_takes_what_was_refused_for_its_response_alone_as_bad() -> None:
    assert one("kto", SINGLE.replace(verdict=Verdict(accepted=True)))["label"] is True
    bad = SINGLE.reject("broken_off")
    assert one("kto", bad)["label"] is False
    for reason in ("too_short", "near_duplicate", "my_own_reason"):
        with pytest.raises(Unfit, match="not for its response"):
            lines("kto", SINGLE.reject(reason))


def test_grpo_has_the_prompt_and_the_answer_for_rewards() -> None:
    assert one("grpo", SINGLE) == {
        "prompt": [turn("system", "Be brief."), turn("user", "Name a river in Peru.")],
        "answer": "The Ucayali.",
    }
    assert "answer" not in one("grpo", Row.make("Name a lake."))
    assert one("grpo", Row.make("2 + 3?", extra={"answer": "5"}))["answer"] == "5"
    assert one("grpo", SINGLE.replace(extra={"answer": "5"}))["answer"] == "The Ucayali."
    assert "answer" not in one("grpo", Row.make("2 + 3?", extra={"answer": 5}))


@pytest.mark.parametrize("name", ["messages", "sharegpt", "alpaca", "prompt-completion"])
def test_a_row_without_a_response_does_not_fit(name: str) -> None:
    with pytest.raises(Unfit, match="no response"):
        lines(name, Row.make("Name a lake."))


@pytest.mark.parametrize("name", ["messages", "grpo", "dpo"])
def test_nothing_asked_does_not_fit(name: str) -> None:
    with pytest.raises(Unfit):
        lines(name, Row.make(response="x", extra={"chosen": "x", "rejected": "y"}))


def test_one_response_is_no_pair() -> None:
    for name in ("dpo", "dpo-chat"):
        with pytest.raises(Unfit, match="no pair"):
            lines(name, SINGLE)


def test_tools_are_a_text_of_json() -> None:
    tools = [{"type": "function", "function": {"name": "clock", "parameters": {}}}]
    for given in (tools, json.dumps(tools)):
        told = one("messages", SINGLE.replace(extra={"tools": given}))["tools"]
        assert json.loads(told) == tools
    assert "tools" not in one("messages", SINGLE.replace(extra={"tools": []}))


def test_thoughts_and_text_that_looks_like_control_tokens_stay_as_they_are() -> None:
    text = "<think>Rivers, hm.</think>\n\nThe <|im_end|> token ends a turn."
    line = one("messages", SINGLE.replace(response=text))
    assert line["messages"][-1] == turn("assistant", text)


def test_whole_rows_have_their_own_columns_in_one_text() -> None:
    row = Row.make("a", extra={"topic": {"deep": [1]}, "input": ["no", "text"]})
    line = one("rows", row)
    assert json.loads(line["extra"]) == {"topic": {"deep": [1]}, "input": ["no", "text"]}
    assert Row.from_dict(line) == row
    assert one("parquet", row) == line == one("hf", row)


# Turns that hold more than a text -----------------------------------------------------------------


def called(name: str, arguments: Any, text: str | None = None, **more: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    calls = [{"id": "c1", "type": "function", "function": function}]
    return {"role": "assistant", "content": text, "tool_calls": calls, **more}


def agent(*said: dict[str, Any]) -> Row:
    turns = [turn("user", "How deep is Lake Ohrid?"), *said, turn("assistant", "288 metres.")]
    return Row.from_dict({"instruction": "How deep is Lake Ohrid?", "messages": turns})


LOOKED = {"role": "tool", "tool_call_id": "c1", "content": "288 m"}


def test_a_thought_stands_before_what_it_led_to_where_a_turn_is_one_text() -> None:
    row = agent(called("depth", {"lake": "Ohrid"}, reasoning_content="I look it up."), LOOKED)
    assert one("messages", row)["messages"][1]["reasoning_content"] == "I look it up."
    call = one("sharegpt", row)["conversations"][1]
    assert call["from"] == "function_call"
    thought, _, told = call["value"].partition("\n\n")
    assert thought == "<think>\nI look it up.\n</think>"
    assert json.loads(told) == {"name": "depth", "arguments": {"lake": "Ohrid"}}


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
def test_a_thought_about_an_answer_is_not_lost_in_alpaca_and_sharegpt(key: str) -> None:
    row = Row.from_dict(
        {"messages": [turn("user", "Why?"), {**turn("assistant", "So."), key: "Hm."}]}
    )
    whole = "<think>\nHm.\n</think>\n\nSo."
    assert one("alpaca", row)["output"] == whole
    assert one("sharegpt", row)["conversations"][-1]["value"] == whole
    assert one("messages", row)["messages"][-1] == {**turn("assistant", "So."), key: "Hm."}


def test_a_thought_that_stands_in_the_text_too_is_told_once() -> None:
    text = "<think>\nHm.\n</think>\n\nSo."
    said = {**turn("assistant", text), "reasoning_content": "Hm."}
    row = Row.from_dict({"messages": [turn("user", "Why?"), said]})
    assert one("alpaca", row)["output"] == text


def test_words_beside_a_call_have_a_place_in_messages_and_none_in_sharegpt() -> None:
    row = agent(called("depth", {"lake": "Ohrid"}, "Let me look."), LOOKED)
    assert one("messages", row)["messages"][1]["content"] == "Let me look."
    with pytest.raises(Unfit, match="words beside a tool call"):
        lines("sharegpt", row)


@pytest.mark.parametrize("name", ["messages", "sharegpt", "alpaca", "prompt-completion", "grpo"])
def test_a_turn_with_a_picture_is_not_written_as_if_it_had_none(name: str) -> None:
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "x"}},
    ]
    row = Row.from_dict(
        {"messages": [{"role": "user", "content": parts}, turn("assistant", "A cat.")]}
    )
    with pytest.raises(Unfit, match=r"no text \(image_url\)"):
        lines(name, row)


def test_several_parts_of_text_are_one_text() -> None:
    parts = [{"type": "text", "text": "Name it:"}, {"type": "text", "text": "5 + 5"}]
    row = Row.from_dict(
        {"messages": [{"role": "user", "content": parts}, turn("assistant", "Ten.")]}
    )
    assert one("messages", row)["messages"][0] == turn("user", "Name it:\n5 + 5")


def test_the_one_call_of_old_is_a_call_and_its_functions_are_tools() -> None:
    function = {"name": "depth", "arguments": '{"lake": "Ohrid"}'}
    turns = [
        turn("user", "How deep is Lake Ohrid?"),
        {"role": "assistant", "content": None, "function_call": function},
        {"role": "function", "name": "depth", "content": "288 m"},
        turn("assistant", "288 metres."),
    ]
    row = Row.from_dict({"messages": turns, "functions": [{"name": "depth", "parameters": {}}]})
    made = one("messages", row)
    assert made["messages"][1]["tool_calls"] == [
        {"type": "function", "function": {"name": "depth", "arguments": {"lake": "Ohrid"}}}
    ]
    assert "function_call" not in made["messages"][1]
    assert made["messages"][2] == {"role": "tool", "name": "depth", "content": "288 m"}
    assert json.loads(made["tools"])[0]["function"]["name"] == "depth"
    told = [said["from"] for said in one("sharegpt", row)["conversations"]]
    assert told == ["human", "function_call", "observation", "gpt"]


def test_a_pair_whose_answers_are_sharegpts_turns() -> None:
    row = PAIR.replace(
        extra={
            "chosen": {"from": "gpt", "value": "Arthur's Seat."},
            "rejected": {"from": "gpt", "value": "A hill."},
        }
    )
    assert one("dpo", row)["chosen"] == [turn("assistant", "Arthur's Seat.")]
    assert one("dpo-chat", row)["rejected"] == turn("assistant", "A hill.")


@pytest.mark.parametrize(("label", "good"), [(True, True), (False, False), (None, True)])
def test_a_label_that_came_along_is_kept_in_kto(label: bool | None, good: bool) -> None:
    assert one("kto", SINGLE.replace(extra={"label": label}))["label"] is good
    assert one("kto", SINGLE.reject("broken_off").replace(extra={"label": True}))["label"] is False
