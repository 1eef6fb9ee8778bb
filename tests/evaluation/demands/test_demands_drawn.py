"""Demands are drawn such as fit, do not clash, can be met, and vary."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolsynth.evaluation.demands.demand import KINDS, Asked, Demand
from evolsynth.evaluation.demands.draw import asked_of, draw_demands, likelier_alone, rates
from evolsynth.evaluation.demands.forced import FORCED
from evolsynth.evaluation.text.task import TASKS

REQUESTS = (
    "Why do leaves turn red in autumn?",
    "How do I clean a wool carpet?",
    "Suggest five names for a cat.",
    "Write a poem about the first snow.",
    "Write an e-mail to a neighbour about a lost key.",
    "Should I rent or buy a flat?",
    "Who painted the ceiling of the Sistine Chapel?",
)


def drawn(text: str, number: int, seed: int, *standing: Demand) -> tuple[Demand, ...]:
    return draw_demands(random.Random(seed), asked_of(text), number=number, standing=standing)


@settings(deadline=None)
@given(st.sampled_from(REQUESTS), st.integers(1, 3), st.integers(0, 2**32))
def test_what_is_drawn_does_not_clash_and_fits_the_task(text: str, number: int, seed: int) -> None:
    found = drawn(text, number, seed)
    assert 1 <= len(found) <= number
    assert not any(one.clashes(other) for one, other in combinations(found, 2))
    assert all(asked_of(text).task in KINDS[one.kind].tasks for one in found)
    assert drawn(text, number, seed) == found


def test_what_stands_already_is_not_asked_for_otherwise() -> None:
    standing = Demand.read({"kind": "words_at_most", "n": 50})
    for seed in range(200):
        for one in drawn(REQUESTS[0], 3, seed, standing):
            assert not one.clashes(standing)


def test_form_that_the_request_sets_itself_stands() -> None:
    text = "Explain what a tide is. Use at most 50 words."
    about = {KINDS[one.kind].about for seed in range(200) for one in drawn(text, 3, seed)}
    assert KINDS["words_at_most"].about not in about


def test_of_no_kind_too_much_is_drawn() -> None:
    found = Counter(one.kind for seed in range(500) for text in REQUESTS
                    for one in drawn(text, 1, seed))  # fmt: skip
    kind, most = found.most_common(1)[0]
    assert most <= 0.08 * found.total(), kind
    assert len(found) > len(KINDS) / 2


def test_what_the_model_never_meets_is_not_asked_for() -> None:
    hopeless = {name for name, r in rates().items() if max(r.ruled, r.alone) < 0.05}
    found = {one.kind for seed in range(300) for text in REQUESTS for one in drawn(text, 1, seed)}
    assert not found & hopeless


def test_rates_are_shares_and_rules_only_help() -> None:
    assert rates()
    assert all(0 <= r.met <= r.ruled <= 1 and 0 <= r.alone <= 1 for r in rates().values())
    assert all(name in KINDS for name in rates())


@pytest.mark.parametrize("task", sorted(set(TASKS) - {"calculation", "code"}))
def test_nearly_each_kind_of_task_has_demands(task: str) -> None:
    asked = Asked("Say something about the garden.", task, 1, 100)  # type: ignore[arg-type]
    assert draw_demands(random.Random(3), asked, number=1)


def test_a_rewritten_text_is_about_as_long_as_what_is_given() -> None:
    request = "Rewrite the text so that it sounds friendlier."
    short, long = ("The shop is closed today. " * n for n in (3, 12))
    words = [asked_of(f"{request}\n\n{text}", given=text).words for text in (short, long)]
    assert words == [15, 60]
    assert asked_of("Why is the sky blue?").words > asked_of("Who wrote Emma?").words


def test_forms_that_answers_are_held_to_are_asked_for_without_saying_so() -> None:
    assert all(rates()[name].alone > rates()[name].ruled for name in FORCED)
    assert likelier_alone([Demand.read({"kind": "bullets_exactly", "n": 4})])
    words = Demand.read({"kind": "word_exactly", "word": "tide", "n": 3})
    assert not likelier_alone([words])
