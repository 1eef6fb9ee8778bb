"""Control tokens of any family are told from talk about them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.evaluation.gate.checks.row import turn_findings
from evolsynth.findings import Finding
from evolsynth.rows import Message, Row

ASKED = "Why does a kettle whistle?"


def leak(instruction: str, response: str | None = None, **fields: Any) -> Finding | None:
    row = Row.make(instruction, response=response, **fields)
    part = "instruction" if response is None else "response"
    return CHECKS["template_leak"].find(Case(row), part)  # type: ignore[arg-type]


#: The token that ends a turn, or begins one, of each family.
ENDS = [
    "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end|>", "</s>", "<end_of_turn>", "<eos>",
    "<｜end▁of▁sentence｜>", "<|end_of_text|>", "<|END_OF_TURN_TOKEN|>", "<|return|>", "[/INST]",
    "<|user|>", "<turn|>", "<|A|>", "[SEP]",
]  # fmt: skip


@pytest.mark.parametrize("token", ENDS)
def test_a_token_at_the_end_is_a_leak(token: str) -> None:
    assert leak(f"Name three birds that sing at night.{token}") is not None
    assert leak(f"Name three birds that sing at night. {token}") is not None
    assert leak(ASKED, f"Steam rushes through two holes.{token}") is not None
    assert leak(ASKED, f"Steam rushes through two holes.\n{token}\n") is not None


@pytest.mark.parametrize(
    "text",
    [
        "<|im_start|>user\nName three birds that sing at night.",
        "<s>[INST] Name three birds. [/INST]",
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nName three birds.",
        "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>Name three birds.",
        "<|start_of_role|>user<|end_of_role|>Name three birds.",
        "<｜User｜>Name three birds.",
        "<start_of_turn>user\nName three birds.",
        "[INST] Explain the tag line of a shop. [/INST]",
        "Name three birds. <think> The user wants birds",
        'Name three birds. <tool_call>{"name": "birds"}</tool_call>',
        "Name three birds.\n<|assistant|>\nThe wren, the robin and the owl.",
        "Name three birds <|im_end|>",
        "<|channel|>final<|message|>Name three birds.",
        "鳥の名前を三つ教えてください。<|im_end|>",
        "请说出三种鸟。<｜end▁of▁sentence｜>",
    ],
)
def test_tokens_that_are_used_are_leaks(text: str) -> None:
    assert leak(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "What does <|im_start|> mean in ChatML?",
        "What does the [INST] tag mean in a Llama prompt?",
        "Explain the role of the <pad> token in batching.",
        "<pad> is used for what in a batch?",
        "Which comes first, <bos> or <eos>?",
        "Why do some tokenizers write </s> at the end of a text?",
        "Explain why a model might emit <|endoftext|>, and how to stop it.",
        "What is the difference between <|endoftext|> and <|im_end|>?",
        "Describe what stands between <think> and </think> in the output of a reasoning model.",
        "How do I strip `<think>...</think>` from a reply in Python?",
        'What does the marker "<｜User｜>" do in a prompt?',
        "Write a Jinja chat template that wraps each turn in <|user|> and <|assistant|>.",
        "Turn this chat into a prompt template:\n<|user|>\nHello\n<|assistant|>\nHi",
        "Explain this ChatML prompt:\n```\n<|im_start|>user\nHi<|im_end|>\n```",
        "Write a Markdown template with the headings ### Input: and ### Output:",
        "Fill in this prompt template:\n### Instruction: add two numbers\n### Input: 2, 3",
        "「<pad>」トークンの役割は何ですか。",
        "<pad>トークンの役割を説明してください。",
        "Что означает токен <|im_end|>?",
        "Wofür steht das Token <eos>?",
        "请解释<|im_start|>标记的作用。",
        "Is <s>old price</s> valid HTML for a price that is struck out?",
        "In F#, what does xs |> List.map f <| g do?",
        "What does arr[INDEX] give, and is a <b> tag allowed in it?",
        "Think of [three] birds <or more>.",
    ],
)
def test_what_speaks_of_tokens_is_data_like_any_other(text: str) -> None:
    assert leak(text) is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("What is <|im_end|> for?", "<|im_end|> ends a turn. <|im_start|> begins one."),
        ("Show a chat in ChatML.", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"),
        (ASKED, "Steam. In code you may see `<|im_end|>` there."),
        ("How does a chat template look?", "### Instruction:\n{text}\n### Response:\n"),
    ],
)
def test_an_answer_to_who_asks_about_them_may_show_them(asked: str, said: str) -> None:
    assert leak(asked, said) is None


def test_calls_of_tools_are_leaks_only_where_there_are_no_tools() -> None:
    call = '<tool_call>{"name": "weather", "arguments": {"city": "Lima"}}</tool_call>'
    asked = "What is the weather in Lima?"
    assert leak(asked, call) is not None
    assert leak(asked, call, system="You may call these tools: weather(city).") is None
    assert leak(asked, call, extra={"tools": [{"name": "weather"}]}) is None


def test_harmony_without_its_tokens_is_a_leak() -> None:
    said = "analysisThe user asks about kettles.assistantfinalSteam rushes through two holes."
    assert leak(ASKED, said) is not None
    assert leak(ASKED, "analysis shows that steam does it") is None


def test_many_tokens_take_no_time() -> None:
    started = time.perf_counter()
    leak("What is the token <|im_end|> and " + "the token <|a|> or " * 1000 + "that?")
    assert time.perf_counter() - started < 2


def test_later_turns_are_looked_at_in_view_of_what_was_asked() -> None:
    asked = Message("user", "What does the <|im_end|> token do?")
    first = [Message("user", ASKED), Message("assistant", "Steam does it."), asked]
    fine = turn_findings([*first, Message("assistant", "<|im_end|> ends a turn of the chat.")])
    assert fine == []
    thought = Message("assistant", "<think>\nThey ask about a token.\n</think>\nIt ends a turn.")
    assert [one.code for one in turn_findings([*first, thought])] == ["thought_left"]
    call = Message("assistant", 'I look. <tool_call>{"name": "docs"}</tool_call>')
    weather = [*first[:2], Message("user", "And what is the weather in Lima?"), call]
    assert [one.code for one in turn_findings(weather)] == ["template_leak"]
    assert turn_findings(weather, system="You have the tools docs and weather.") == []
