"""Would one keep it? Judged with the real embedder and the packaged weights."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from evolsynth.evaluation.embed.minilm import MiniLM
from evolsynth.evaluation.gate.gate import Gate
from evolsynth.evaluation.gate.settings import GateSettings
from evolsynth.evaluation.good_evolution.features import EXPLAINED
from evolsynth.evaluation.good_evolution.model import (
    PACKAGED,
    load_model,
    packaged_model,
    save_model,
)
from evolsynth.evaluation.good_evolution.score import (
    THRESHOLD,
    EvolutionScore,
    evolution_finding,
    features,
    good_evolution,
    texts_read,
)
from evolsynth.rows import Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evolsynth.evaluation.embed.static import StaticVectors

ESSAY = "Describe how a windmill turns wind into flour."
FIVE = "Limit your answer to five sentences."
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


def test_a_model_survives_the_way_to_a_file_and_back(tmp_path: Path) -> None:
    place = tmp_path / "again.npz.xz"

    save_model(packaged_model(), place)

    assert place.read_bytes() == PACKAGED.read_bytes()
    assert (load_model(place).weights == packaged_model().weights).all()
    assert (load_model(place).examples.places == packaged_model().examples.places).all()


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
@pytest.mark.xfail(
    strict=True,
    reason="fitted on the newer rows, both lie at the bottom (0.09 and 0.12), the worse above",
)
def test_of_two_second_questions_the_one_to_the_point_scores_higher(mini: MiniLM) -> None:
    better = score(ESSAY, "Also explain who invented the windmill.", mini).score
    assert better > 1.3 * score(ESSAY, "Also explain how to bake one for him.", mini).score


@pytest.mark.real
@pytest.mark.parametrize(
    ("original", "better", "worse"),
    [
        (ESSAY, "Limit your answer to five sentences.", "Limit your answer to one word."),
        (ESSAY, "Do not use the word wind.", "Do not use any words."),
        (ESSAY, "Compare it with a watermill.", "Compare it with a birthday song."),
        pytest.param(
            ESSAY,
            "Also explain who invented the windmill.",
            "Also explain how to bake one for him.",
            marks=pytest.mark.xfail(
                strict=True, reason="see the test before: both lie at the bottom"
            ),
        ),
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

    (found,) = [r async for r in Gate(mini).check([row], instructions_only=True)]

    assert found.verdict is not None
    assert found.verdict.reasons == ("weak_evolution",)
    detail: dict[str, Any] = found.verdict.details["weak_evolution"]
    assert detail["score"] == found.scores["good_evolution"] < THRESHOLD
    assert detail["why"]


@pytest.mark.real
async def test_the_gate_keeps_a_good_evolution_with_its_score(mini: MiniLM) -> None:
    (found,) = [
        r
        async for r in Gate(mini).check(
            [child(ESSAY, "Limit your answer to 80 words.")], instructions_only=True
        )
    ]

    assert found.verdict is None
    assert found.scores["good_evolution"] >= THRESHOLD


@pytest.mark.real
async def test_the_check_can_be_skipped(mini: MiniLM) -> None:
    gate = Gate(mini, settings=GateSettings(skip=("weak_evolution",)))

    (found,) = [
        r
        async for r in gate.check(
            [child(ESSAY, "Include my cousin's first old car.")], instructions_only=True
        )
    ]

    assert found.verdict is None


async def test_without_minilm_it_is_not_asked() -> None:
    (found,) = [
        r
        async for r in Gate().check(
            [child(ESSAY, "Include my cousin's first car.")], instructions_only=True
        )
    ]

    assert "good_evolution" not in found.scores


@pytest.mark.real
async def test_a_method_that_chooses_among_candidates_is_told_how_good_each_is(
    mini: MiniLM,
) -> None:
    bad, good = child(ESSAY, "Include a joke about my cousin's first car."), child(ESSAY, FIVE)
    gate = Gate(mini)
    refused, passed = await gate.check_candidates([bad, good])
    assert refused.verdict is not None
    assert refused.verdict.reasons == ("weak_evolution",)
    assert passed.status == "pending"
    assert passed.scores["good_evolution"] > refused.scores["good_evolution"]
    (screened,) = [row async for row in gate.check([passed], instructions_only=True)]
    assert screened == passed


@pytest.mark.real
@pytest.mark.parametrize(
    ("original", "evolved"),
    [
        (ESSAY, f"{ESSAY} Limit your answer to five sentences."),
        (LABEL, LABEL),
        ("Sort: pear, fig. Then count them: how many?", "Sort by length: pear, fig. Count them."),
        (" ", "Do not use verbs."),
    ],
)
def test_what_is_embedded_ahead_is_all_that_the_score_embeds_but_the_evolution(
    original: str, evolved: str, mini: MiniLM
) -> None:
    embedded: list[str] = []

    class Watched(MiniLM):
        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            embedded.extend(texts)
            return mini.embed(texts)

        def in_context(self, text: str, start: int, layer: int) -> NDArray[np.float64]:
            return mini.in_context(text, start, layer)

        def rough(self) -> StaticVectors:
            return mini.rough()

    good_evolution(original, evolved, Watched())
    ahead = set(texts_read(original, evolved))
    assert set(embedded) == ahead | {evolved}


@pytest.mark.real
async def test_evolutions_judged_together_are_judged_as_each_by_itself(mini: MiniLM) -> None:
    demands = ["Limit it to five sentences.", "Use one word.", "Also explain why.", "Add a joke."]
    rows = [child(asked, demand) for asked in (ESSAY, LABEL) for demand in demands]

    async def one_by_one() -> AsyncIterator[Row]:
        for row in rows:
            yield row
            await asyncio.sleep(0.01)

    together = [row async for row in Gate(mini).check(rows, instructions_only=True)]
    apart = [
        row async for row in Gate(MiniLM(cached=0)).check(one_by_one(), instructions_only=True)
    ]
    assert together == apart
    assert sum("good_evolution" in row.scores for row in together) >= 4


@pytest.mark.real
def test_data_behind_the_demand_are_not_looked_at(mini: MiniLM) -> None:
    """They say much, and little of whether the demand fits."""
    room = packaged_model().room.room("Classify the review.", mini)
    short = features("Classify the review.", "Classify the review. Give one reason.", mini, room)
    data = "The soup was cold.\nThe waiter forgot us twice."
    for gap, before in (("\n\n", f"Classify the review.\n\n{data}"), ("\n\n", None)):
        original = before or "Classify the review. The soup was cold."
        tail = data if before else "The soup was cold."
        evolved = f"Classify the review. Give one reason.{gap}{tail}"
        assert features(original, evolved, mini, room).signals == short.signals
