"""Would one keep it? Judged with the real embedder and the packaged weights."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from evolsynth.evaluation.embed import MiniLM
from evolsynth.evaluation.evolution import (
    THRESHOLD,
    EvolutionScore,
    evolution_finding,
    from_json,
    good_evolution,
    packaged_model,
    to_json,
)
from evolsynth.evaluation.gate import Gate
from evolsynth.evaluation.settings import GateSettings
from evolsynth.evaluation.signals import EXPLAINED
from evolsynth.rows import Row

ESSAY = "Describe how a windmill turns wind into flour."
LABEL = "Is a whale a fish or a mammal? Answer with one word."


@pytest.fixture(scope="module")
def mini() -> MiniLM:
    return MiniLM()


def score(original: str, demand: str, mini: MiniLM) -> EvolutionScore:
    return good_evolution(original, f"{original} {demand}", mini)


def child(original: str, demand: str) -> Row:
    parent = Row.make(original)
    made = {"instruction": {"original": original, "finish_reason": "stop"}}
    return Row.make(f"{original} {demand}", parents=(parent.id,), provenance=made)


def test_every_signal_belongs_to_a_group_with_an_explanation() -> None:
    groups = {name.partition(".")[0] for name in packaged_model().names}

    assert groups | {"wording", "examples"} == set(EXPLAINED)


def test_weights_survive_the_way_to_json_and_back() -> None:
    document = to_json(packaged_model())

    assert to_json(from_json(json.loads(json.dumps(document)))) == document


def test_a_finding_says_the_demand_and_why() -> None:
    weak = EvolutionScore(0.1, good=False, demand="In 9 words.", signals={"room": -1.0},
                          reasons=("it does not fit",))  # fmt: skip

    found = evolution_finding(weak)

    assert found is not None
    assert found.code == "weak_evolution"
    assert found.detail["demand"] == "In 9 words."
    assert found.detail["why"] == ["it does not fit"]


def test_a_good_one_has_no_finding() -> None:
    assert evolution_finding(EvolutionScore(0.9, good=True, demand="", signals={})) is None


@pytest.mark.real
@pytest.mark.parametrize(
    ("original", "better", "worse"),
    [
        (ESSAY, "Limit your answer to five sentences.", "Limit your answer to one word."),
        (ESSAY, "Do not use the word wind.", "Do not use any words."),
        (ESSAY, "Compare it with a watermill.", "Compare it with a birthday song."),
        (ESSAY, "Also explain who invented the windmill.", "Also explain how to bake one for him."),
        (ESSAY, "Include the parts of a windmill.", "Include a photo of your favourite hat."),
    ],
)
def test_the_better_demand_scores_higher(
    original: str, better: str, worse: str, mini: MiniLM
) -> None:
    assert score(original, better, mini).score > score(original, worse, mini).score + 0.05


@pytest.mark.real
def test_a_limit_needs_an_answer_that_has_room(mini: MiniLM) -> None:
    limit = "Limit your answer to five sentences."

    long, short = score(ESSAY, limit, mini), score(LABEL, limit, mini)

    assert long.good
    assert not short.good
    assert EXPLAINED["room"] in short.reasons


@pytest.mark.real
def test_the_parts_of_a_score_add_up(mini: MiniLM) -> None:
    found = score(ESSAY, "Include a watermill.", mini)

    assert set(found.signals) == set(EXPLAINED)
    odds = packaged_model().intercept + sum(found.signals.values())
    assert found.score == pytest.approx(1 / (1 + math.exp(-odds)), abs=0.003)


@pytest.mark.real
def test_the_same_pair_has_the_same_score_whatever_came_before(mini: MiniLM) -> None:
    alone = score(ESSAY, "Explain it for a child.", MiniLM())

    assert score(ESSAY, "Explain it for a child.", mini) == alone


@pytest.mark.real
@pytest.mark.parametrize("evolved", ["", "?", ESSAY, ESSAY + ",", "Ωμέγα 7 ..."])
def test_odd_evolutions_are_not_good(evolved: str, mini: MiniLM) -> None:
    assert not good_evolution(ESSAY, evolved, mini).good


@pytest.mark.real
async def test_the_gate_refuses_a_weak_evolution_with_its_reasons(mini: MiniLM) -> None:
    row = child(ESSAY, "Include a joke about my cousin's first car.")

    (found,) = [r async for r in Gate(mini).screen([row])]

    assert found.verdict is not None
    assert found.verdict.reasons == ("weak_evolution",)
    detail: dict[str, Any] = found.verdict.details["weak_evolution"]
    assert detail["score"] == found.scores["good_evolution"] < THRESHOLD
    assert detail["why"]


@pytest.mark.real
async def test_the_gate_keeps_a_good_evolution_with_its_score(mini: MiniLM) -> None:
    (found,) = [
        r async for r in Gate(mini).screen([child(ESSAY, "Limit your answer to 80 words.")])
    ]

    assert found.verdict is None
    assert found.scores["good_evolution"] >= THRESHOLD


@pytest.mark.real
async def test_the_check_can_be_skipped(mini: MiniLM) -> None:
    gate = Gate(mini, settings=GateSettings(skip=("weak_evolution",)))

    (found,) = [r async for r in gate.screen([child(ESSAY, "Include my cousin's first old car.")])]

    assert found.verdict is None


async def test_without_minilm_it_is_not_asked() -> None:
    (found,) = [r async for r in Gate().screen([child(ESSAY, "Include my cousin's first car.")])]

    assert "good_evolution" not in found.scores


@pytest.mark.real
def test_an_attempt_that_the_gate_would_refuse_has_an_objection(mini: MiniLM) -> None:
    bad = f"{ESSAY} Include a joke about my cousin's first car."

    assert [f.code for f in Gate(mini).objections(ESSAY, bad, (), "stop")] == ["weak_evolution"]
