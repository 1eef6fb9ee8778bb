"""Thoughts are kept apart from answers, whoever wrote the tags."""

from __future__ import annotations

import pytest

from evolsynth.llm.thinking import TAGS, Tags, apart, leaves_open, tags_of


@pytest.mark.parametrize("tags", TAGS, ids=[t.open for t in TAGS])
def test_a_thought_of_each_family_is_told_from_the_answer(
    tags: Tags,
) -> None:
    begin, end = tags.open, tags.close
    both = apart(f"{begin}\nIce is lighter.\n{end}\n\nIt floats.")
    assert both == ("Ice is lighter.", "It floats.", True)
    assert apart(f"Ice is lighter.{end}It floats.", opened=True) == both
    assert apart(f"Ice is lighter.{end}It floats.") == both  # opened by a prompt that nobody saw
    assert apart(f"{begin}Ice is") == ("Ice is", "", False)
    assert apart("Ice is", opened=True) == ("Ice is", "", False)
    assert apart(f"{begin}\n\n{end}\n\nIt floats.") == ("", "It floats.", True)
    assert apart(f"{tags.empty}It floats.") == ("", "It floats.", True)
    assert leaves_open(f"<|A|>{begin}\n")
    assert not leaves_open(f"<|A|>{begin}\n{end}\n")


@pytest.mark.parametrize("text", ["It floats.", "", "  two\nlines ", "1 < 2 > 0", "<thin> ice"])
def test_an_answer_without_a_thought_stays_as_it_is(text: str) -> None:
    assert apart(text) == ("", text, True)


def test_an_answer_about_the_tags_keeps_them() -> None:
    text = "Models write <think> first and </think> last."
    assert apart(text) == ("", text, True)
    assert apart(f"<think>He asks.</think>{text}") == ("He asks.", text, True)


def test_a_thought_may_speak_of_other_tags() -> None:
    text = "<think>Is it <thinking>a</thinking>?</think>No."
    assert apart(text) == ("Is it <thinking>a</thinking>?", "No.", True)


def test_a_channels_end_is_no_part_of_the_thought() -> None:
    text = (
        "<|channel|>analysis<|message|>Ice.<|end|><|start|>assistant<|channel|>final<|message|>It."
    )
    assert apart(text) == ("Ice.", "It.", True)
    assert apart("<|channel|>final<|message|>It.") == ("", "It.", True)


def test_a_model_thinks_if_its_template_or_its_tokens_say_so() -> None:
    r1 = "{% set text = m.content.split('</think>')[-1] %}"
    assert tags_of(r1) == TAGS[0]
    assert tags_of("", ["<think>", "</think>", "a"]) == TAGS[0]
    assert tags_of("", ["[THINK]", "[/THINK]"]).open == "[THINK]"  # type: ignore[union-attr]
    assert tags_of("{{ messages }}", ["a", "think", "<think>"]) is None
