"""Thoughts kept apart from answers."""

from __future__ import annotations

import pytest

from evolsynth.llm.server.thinking import Apart, apart, opens_thought


@pytest.mark.parametrize(
    ("text", "opened", "wanted"),
    [
        ("The Rhine.", False, Apart("", "The Rhine.", True)),
        ("<think>\nHm.\n</think>\n\nThe Rhine.\n", False, Apart("Hm.", "The Rhine.\n", True)),
        ("\n<think></think>Yes.", False, Apart("", "Yes.", True)),
        ("Hm.\n</think>\n\nYes.", True, Apart("Hm.", "Yes.", True)),
        ("<think>Hm, <b>", False, Apart("Hm, <b>", "", False)),
        ("Hm, it", True, Apart("Hm, it", "", False)),
        ("<think>again</think>Yes.", True, Apart("again", "Yes.", True)),
        ("[THINK]x[/THINK]y", False, Apart("x", "y", True)),
        ("Write <think> in capitals: <THINK></think>", False,
         Apart("", "Write <think> in capitals: <THINK></think>", True)),
        ("<think>a</think>b</think>c", False, Apart("a", "b</think>c", True)),
        ("", False, Apart("", "", True)),
        ("", True, Apart("", "", False)),
    ],
)  # fmt: skip
def test_a_text_is_parted(text: str, opened: bool, wanted: Apart) -> None:
    assert apart(text, opened) == wanted


def test_a_prompt_may_have_begun_the_thought() -> None:
    assert opens_thought("<|im_start|>assistant\n<think>\n")
    assert opens_thought("[THINK]")
    assert not opens_thought("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    assert not opens_thought("<think> is a tag")
