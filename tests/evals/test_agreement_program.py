"""The program that measures whether answers are right where samples agree."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from evals.__main__ import main
from evals.agreement import ANSWERS, RULES, Answer, answers, measure, same
from evolsynth.pipeline.run.preview import wilson

ROOT = Path(__file__).parents[2]
ASKED = "What is the capital of Norway?"


def answer(*samples: str, again: str = "Oslo.", **more: object) -> Answer:
    told = {"least": -0.2, "similar": 0.9, "right": True, "true": True, "part": "held"}
    told |= {"question": ASKED, "reworded": "Name Norway's capital.", "kind": "place"}
    told |= {"greedy": "The capital of Norway is Oslo.", "samples": samples, "again": again}
    return msgspec.convert({**told, **more}, Answer)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("The capital of Norway is Oslo.", "Oslo", True),
        ("It is Oslo. It lies by the sea.", "Oslo, the largest city.", True),
        ("It is Oslo.", "It is Bergen.", False),
        ("It is Oslo.", "The capital of Norway.", False),
        ("", "", False),
    ],
)
def test_answers_are_compared_by_what_the_question_does_not_say(
    one: str, other: str, alike: bool
) -> None:
    assert same(ASKED, one, other) is alike


def test_choices_numbers_and_yes_or_no_are_compared_too() -> None:
    choice = "Is the number 24 even or odd?"
    assert same(choice, "24 is even.", "The number 24 is even.") is False  # not all of it
    assert same(choice, "24 is even.", "It is even: 24.")
    assert not same(choice, "24 is even.", "24 is odd.")
    assert same("How many legs has a spider?", "Eight.", "It has 8 legs.")
    assert not same("Is copper a metal? Answer yes or no.", "Yes.", "No.")


def test_signals_are_of_the_samples_and_of_the_reworded_question() -> None:
    some = answer("Oslo", "It is Oslo", "Bergen", "Oslo, I think", "Who knows")
    assert (some.share, some.stays) == (0.6, True)
    assert not answer("Oslo", again="Bergen.").stays


def test_rules_take_fewer_the_more_they_ask_and_count_what_was_read() -> None:
    some = [answer(*["Oslo"] * 5), answer(*["Bergen"] * 5, right=False, true=False)]
    found = {(one.rule, one.part): one for one in measure(some)}
    every, strict = found["all", "held"], found["share 1", "held"]
    assert (every.answers, every.taken, every.right, every.true) == (2, 2, 1, 1)
    assert (strict.taken, strict.true) == (1, 1)
    assert found["all", "tune"].answers == 0
    assert len(found) == 2 * len(RULES)


def test_what_was_recorded_is_whole_and_no_rule_is_precise_enough_for_a_tier(
    capsys: pytest.CaptureFixture[str],
) -> None:
    some = answers()
    assert len({one.question for one in some}) == len(some) >= 55
    assert all(len(one.samples) == 5 for one in some)
    assert not any(one.true and not one.right for one in some)
    assert main(["agreement"]) == 0
    assert "95% of true" in capsys.readouterr().out
    assert all(wilson(one.true, one.taken)[0] < 0.9 for one in measure(some))
    page = (ROOT / "docs/evaluation.md").read_text("utf-8")
    told: dict[str, list[str]] = {rule: [] for rule in RULES}
    for one in measure(some):
        told[one.rule].append(f"{one.taken}, {one.true}")
    for rule in ("all", "share 0.4", "share 0.8", "similar 0.8", "least -1.5", "reworded"):
        assert f"| {' | '.join(told[rule])} |" in page, rule
    assert ANSWERS.name in (ROOT / "evals/data/README.md").read_text("utf-8")
