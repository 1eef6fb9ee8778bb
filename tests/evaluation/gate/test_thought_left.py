"""A thought that stands in a response is found; an answer about such tags is not."""

from __future__ import annotations

import pytest

from evolsynth.evaluation.gate.check import CHECKS, Case
from evolsynth.findings import Finding
from evolsynth.rows import Row

ASKED = "Why does a kettle whistle?"


def found(response: str, instruction: str = ASKED) -> Finding | None:
    row = Row.make(instruction, response=response)
    return CHECKS["thought_left"].find(Case(row), "response")


@pytest.mark.parametrize(
    ("response", "tag", "closed"),
    [
        ("<think>\nSteam.\n</think>\n\nSteam rushes through two holes.", "<think>", True),
        ("<think>They ask about kettles.</think>Steam does it.", "<think>", True),
        ("They ask about kettles.\n</think>\n\nSteam does it.", "</think>", True),
        ("<think>\nThey ask about kettles, so I should", "<think>", False),
        ("  [THINK]Steam?[/THINK] Steam does it.", "[THINK]", True),
        ("<thinking>\nSteam?\n</thinking>\nSteam.", "<thinking>", True),
        ("<|channel|>analysis<|message|>Steam?", "<|channel|>analysis<|message|>", False),
    ],
)
def test_a_thought_is_found_whole_open_or_without_its_beginning(
    response: str, tag: str, closed: bool
) -> None:
    assert found(response) == Finding("thought_left", {"tag": tag, "closed": closed})


@pytest.mark.parametrize(
    ("response", "instruction"),
    [
        ("Steam rushes through two holes, and the air between them sings.", ASKED),
        ("I think so. You may think otherwise.", ASKED),
        ("It marks where a model reasons.", "What is the <think> tag for?"),
        ("<think>\nA riddle.\n</think>\nAn egg.", "Show a model's output with <think> tags."),
        ("Models write `<think>` first and `</think>` last.", "How do models show thoughts?"),
        ("A model might write:\n```\n<think>\nHm.\n</think>\nYes.\n```", "How do models think?"),
        ("~~~xml\n<think>\n</think>\n~~~", "Give an example of how models think."),
        ("The closing tag is </think>, in one line with other words.", "How do models think?"),
        ("Antwort: Dampf.", "Warum pfeift ein Kessel?"),
    ],
)
def test_answers_without_one_pass(response: str, instruction: str) -> None:
    assert found(response, instruction) is None


def test_a_gate_refuses_the_row() -> None:
    from evolsynth.evaluation.gate.gate import part_findings

    row = Row.make(ASKED, response="They ask about kettles.\n</think>\n\nSteam does it, of course.")
    assert "thought_left" in {one.code for one in part_findings(row, "response", None)}
