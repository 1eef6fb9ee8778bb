"""Rows that hold a prompt of a benchmark: in its words, or by its meaning."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from evolsynth.errors import InputError
from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.export.contamination import Benchmark, Prompt, benchmark_prompts
from evolsynth.export.export import Output, export_rows
from evolsynth.rows import Message, Row

LONG = (
    "A ferry leaves the harbour of Oban at seven and sails to Mull at twelve knots, then turns "
    "back at once. When does it return?"
)
PROMPTS = [Prompt(1, LONG), Prompt(2, "Which planet has the most moons?"), Prompt(3, "Why not?")]


def found(row: Row) -> tuple[int, str] | None:
    one = Benchmark(PROMPTS).in_words(row)
    return None if one is None else (one.prompt.line, one.rule)


def test_thirteen_words_in_a_row_are_a_prompt() -> None:
    told = "Solve: a FERRY leaves the harbour of Oban, at seven; and sails to Mull at 10 knots."
    assert found(Row.make(told)) == (1, "13 tokens")


def test_twelve_are_not() -> None:
    told = "Solve: the harbour of Oban at seven and sails to Mull at twelve."
    assert found(Row.make(told)) is None


@pytest.mark.parametrize("where", ["response", "input", "messages", "chosen"])
def test_it_is_found_wherever_it_stands(where: str) -> None:
    text = f"As they say: {LONG}"
    row = Row.make("Repeat what was said.", response=text if where == "response" else "No.")
    if where == "messages":
        row = row.replace(messages=(Message("user", "Hi"), Message("assistant", text)))
    elif where in ("input", "chosen"):
        row = row.replace(extra={where: text})
    assert found(row) == (1, "13 tokens")


def test_a_short_prompt_is_found_whole_and_not_in_part() -> None:
    assert found(Row.make("Tell me: which planet has the most moons?")) == (2, "whole prompt")
    assert found(Row.make("Which planet has the most rings?")) is None


def test_a_prompt_of_a_few_words_is_found_as_a_whole_request_alone() -> None:
    assert found(Row.make("Why not")) == (3, "whole prompt")
    assert (
        found(Row.make("He asked why not, and left. Finish the story in your own words.")) is None
    )


def test_scripts_without_spaces_are_read_by_character() -> None:
    benchmark = Benchmark([Prompt(1, "请解释为什么天空在白天是蓝色的而在傍晚是红色的。")])
    row = Row.make("老师问：请解释为什么天空在白天是蓝色的？")
    assert benchmark.in_words(row) is not None
    assert benchmark.in_words(Row.make("请解释为什么海水是咸的。")) is None


@pytest.mark.real
def test_other_words_are_found_by_their_meaning() -> None:
    benchmark = Benchmark([Prompt(1, "How do I bake bread without yeast?")], MiniLM())
    other, unlike = Row.make("How can I bake a bread without any yeast?"), Row.make("Name a lake.")
    (one, two) = benchmark.by_meaning([other, unlike])
    assert benchmark.in_words(other) is None
    assert one is not None
    assert one.rule == "meaning"
    assert two is None


def test_without_an_embedder_words_alone_are_looked_at() -> None:
    assert Benchmark(PROMPTS).by_meaning([Row.make(LONG)]) == [None]


class Close:
    """Everything means the same."""

    name = "close"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.ones((len(texts), 1), dtype=np.float32)


def test_it_is_reported_which_rows_hold_which_prompt(tmp_path: Path) -> None:
    bench = tmp_path / "bench.jsonl"
    bench.write_text(json.dumps({"question": LONG}) + "\n")
    rows = [
        Row.make(f"Solve this. {LONG}", response="At nine."),
        Row.make("Name a lake.", response="Lake Como."),
    ]
    out = tmp_path / "chat.jsonl"
    output = Output(output=str(out), decontaminate=str(bench))
    made = export_rows(lambda: rows, output)
    assert made.counts == {"train": 1}
    assert sum(made.left.values()) == 1
    (told,) = map(json.loads, (tmp_path / "chat-contaminated.jsonl").read_text().splitlines())
    assert (told["id"], told["rule"], told["line"], told["prompt"]) == (
        rows[0].id, "13 tokens", 1, LONG,
    )  # fmt: skip
    assert "ferry" in told["shared"]
    with pytest.raises(InputError, match="No row can be written"):
        export_rows(lambda: rows, output, embedder=Close())


@pytest.mark.parametrize(
    ("name", "content", "prompts"),
    [
        ("b.txt", "One thing?\n\n  Another thing?\n", [(1, "One thing?"), (3, "Another thing?")]),
        ("b.jsonl", '{"instruction": "Add.", "input": "1 and 2"}', [(1, "Add.\n\n1 and 2")]),
        ("b.jsonl", '{"messages": [{"role": "user", "content": "Hi?"}]}', [(1, "Hi?")]),
        ("b.jsonl", '{"id": "x", "problem": "2+2?", "answer": "4"}', [(1, "2+2?")]),
        ("b.csv", "question,answer\n2+2?,4\n", [(1, "2+2?")]),
    ],
)
def test_prompts_of_a_file(
    name: str, content: str, prompts: list[tuple[int, str]], tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    found = benchmark_prompts(str(tmp_path / name))
    assert [one.text for one in found] == [text for _, text in prompts]


def test_a_file_without_prompts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"score": 1}\n')
    with pytest.raises(InputError, match="there is no prompt in it"):
        benchmark_prompts(str(tmp_path / "b.jsonl"))
